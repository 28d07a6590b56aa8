// A library to preload into nginx: the wall clock of its processes jumps by the seconds that stand (int64) at
// the beginning of the file that SHIFTED_CLOCK names; tests/soak/soak.py writes them there. The monotonic
// clock stays.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

std::atomic<std::atomic<int64_t>*> g_shift = nullptr;

__attribute__((constructor)) void map_control() {
  const char* path = getenv("SHIFTED_CLOCK");
  int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) g_shift = static_cast<std::atomic<int64_t>*>(memory);
}

time_t shift() {
  std::atomic<int64_t>* seconds = g_shift.load();
  return seconds == nullptr ? 0 : seconds->load();
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int gettimeofday(timeval* out, void* zone) noexcept {
  static auto real = next<int (*)(timeval*, void*)>("gettimeofday");
  int result = real(out, zone);
  if (result == 0) out->tv_sec += shift();
  return result;
}

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  static auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  int result = real(clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += shift();
  return result;
}

time_t time(time_t* out) noexcept {
  static auto real = next<time_t (*)(time_t*)>("time");
  time_t now = real(nullptr) + shift();
  if (out != nullptr) *out = now;
  return now;
}

}  // extern "C"
