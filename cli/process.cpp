// /proc/PID/maps, /proc/PID/mem and ptrace (proc(5), ptrace(2)).
#include "cli/process.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

namespace cardscrub::cli {

namespace {

// NT_PRSTATUS, NT_PRFPREG (on AArch64 with the vectors) and NT_X86_XSTATE of <elf.h>.
constexpr uintptr_t kRegisterSets[] = {1, 2, 0x202};
constexpr size_t kRegistersMax = 65536;

std::string path_of(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

Fault cannot(const char* what, pid_t pid, int error) {
  return Fault{std::string("cannot ") + what + " process " + std::to_string(pid) + ": " +
               std::strerror(error)};
}

// "7f1c2d000000-7f1c2d021000 rw-p 00000000 00:00 0      [heap]"
bool parse_area(const std::string& line, Process::Area* area) {
  char mode[5] = {};
  unsigned long inode = 0;
  int name_at = 0;
  // The kernel writes these numbers. NOLINTNEXTLINE(cert-err34-c)
  if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %lu %n", &area->begin, &area->end, mode,
                  &inode, &name_at) != 4) {
    return false;
  }
  area->name = line.substr(static_cast<size_t>(name_at));
  if (area->name.empty()) area->name = "anonymous";
  bool written = mode[1] == 'w' || inode == 0;
  return mode[0] == 'r' && written && !area->name.starts_with("[v");  // [vvar], [vsyscall]: the kernel's
}

}  // namespace

Result<Process> Process::open(pid_t pid) {
  int memory = ::open(path_of(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return cannot("read the memory of", pid, errno);
  Process out(pid, memory);
  std::ifstream maps(path_of(pid, "maps"));
  for (std::string line; std::getline(maps, line);) {
    Area area;
    if (parse_area(line, &area)) out.areas_.push_back(std::move(area));
  }
  if (out.areas_.empty()) return cannot("read the memory of", pid, ESRCH);
  return out;
}

Process::~Process() {
  resume();
  if (memory_ >= 0) close(memory_);
}

Process::Process(Process&& other) noexcept
    : pid_(other.pid_),
      memory_(std::exchange(other.memory_, -1)),
      stopped_(std::exchange(other.stopped_, false)),
      areas_(std::move(other.areas_)) {}

Status Process::stop() {
  if (ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return cannot("stop", pid_, errno);
  stopped_ = true;
  int status = 0;
  if (ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0 || waitpid(pid_, &status, __WALL) != pid_) {
    return cannot("stop", pid_, errno);
  }
  return Done{};
}

void Process::resume() {
  if (std::exchange(stopped_, false)) ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
}

SecretBuffer Process::registers() const {
  SecretBuffer out;
  SecretBuffer set;
  for (uintptr_t kind : kRegisterSets) {
    set.resize(kRegistersMax);
    iovec span{set.data(), set.size()};
    if (ptrace(PTRACE_GETREGSET, pid_, kind, &span) == 0) out.append(set.span().first(span.iov_len));
  }
  return out;
}

size_t Process::read(uint64_t at, MutableBytes out) const {
  ssize_t got = pread(memory_, out.data(), out.size(), static_cast<off_t>(at));
  return got < 0 ? 0 : static_cast<size_t>(got);
}

}  // namespace cardscrub::cli
