// A library to preload into nginx: makes the n-th call of one kind fail, once. tests/e2e/faults.py says which
// and when, through a file that both have mapped (FAILING_CALLS names it):
//
//   uint32 kind | int32 countdown | uint32 failed | uint32 pid
//
// While `kind` is not 0, every call of that kind in process `pid` counts down; the one that reaches 0 fails
// as the real one would (null pointer, -1 with errno, an error code), and is counted in `failed`.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <brotli/decode.h>
#include <dlfcn.h>
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <hs/hs.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pcre2.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

// The order is that of KINDS in tests/e2e/faults.py.
enum Kind : uint32_t {
  kNone,
  kMemory,
  kCipher,
  kMac,
  kRandom,
  kHyperscan,
  kPcre,
  kExpat,
  kZlib,
  kBrotli,
  kFile,
  kSocket
};

struct Control {
  std::atomic<uint32_t> kind;
  std::atomic<int32_t> countdown;
  std::atomic<uint32_t> failed;
  std::atomic<uint32_t> pid;
};

std::atomic<Control*> g_control = nullptr;

__attribute__((constructor)) void map_control() {
  const char* path = getenv("FAILING_CALLS");
  int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) g_control = static_cast<Control*>(memory);
}

bool fails(Kind kind) {
  Control* control = g_control.load(std::memory_order_relaxed);
  if (control == nullptr || control->kind.load() != kind) return false;
  if (control->pid.load() != static_cast<uint32_t>(getpid())) return false;
  if (control->countdown.fetch_sub(1) != 1) return false;
  control->failed.fetch_add(1);
  return true;
}

// The function that ours stands in front of. `name` as the linker knows it.
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define NEXT(function) (next<decltype(&function)>(#function))

// ---- memory: glibc's own functions under their other names, for dlsym() itself allocates

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  if (!fails(kMemory)) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}

void* calloc(size_t count, size_t size) {
  if (!fails(kMemory)) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}

void* realloc(void* old, size_t size) {
  if (!fails(kMemory)) return __libc_realloc(old, size);
  errno = ENOMEM;
  return nullptr;
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  if (fails(kMemory)) return ENOMEM;
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}

void* aligned_alloc(size_t alignment, size_t size) {
  if (!fails(kMemory)) return __libc_memalign(alignment, size);
  errno = ENOMEM;
  return nullptr;
}

// ---- engines

int EVP_EncryptInit_ex2(EVP_CIPHER_CTX* ctx, const EVP_CIPHER* cipher, const unsigned char* key,
                        const unsigned char* iv, const OSSL_PARAM* params) {
  static auto real = NEXT(EVP_EncryptInit_ex2);
  return fails(kCipher) ? 0 : real(ctx, cipher, key, iv, params);
}

int EVP_EncryptUpdate(EVP_CIPHER_CTX* ctx, unsigned char* out, int* size, const unsigned char* in,
                      int in_size) {
  static auto real = NEXT(EVP_EncryptUpdate);
  return fails(kCipher) ? 0 : real(ctx, out, size, in, in_size);
}

int EVP_EncryptFinal_ex(EVP_CIPHER_CTX* ctx, unsigned char* out, int* size) {
  static auto real = NEXT(EVP_EncryptFinal_ex);
  return fails(kCipher) ? 0 : real(ctx, out, size);
}

int EVP_Cipher(EVP_CIPHER_CTX* ctx, unsigned char* out, const unsigned char* in, unsigned int size) {
  static auto real = NEXT(EVP_Cipher);
  return fails(kCipher) ? -1 : real(ctx, out, in, size);
}

int EVP_CIPHER_CTX_get_params(EVP_CIPHER_CTX* ctx, OSSL_PARAM params[]) {
  static auto real = NEXT(EVP_CIPHER_CTX_get_params);
  return fails(kCipher) ? 0 : real(ctx, params);
}

int EVP_MAC_init(EVP_MAC_CTX* ctx, const unsigned char* key, size_t size, const OSSL_PARAM params[]) {
  static auto real = NEXT(EVP_MAC_init);
  return fails(kMac) ? 0 : real(ctx, key, size, params);
}

int EVP_MAC_update(EVP_MAC_CTX* ctx, const unsigned char* data, size_t size) {
  static auto real = NEXT(EVP_MAC_update);
  return fails(kMac) ? 0 : real(ctx, data, size);
}

int EVP_MAC_final(EVP_MAC_CTX* ctx, unsigned char* out, size_t* size, size_t most) {
  static auto real = NEXT(EVP_MAC_final);
  return fails(kMac) ? 0 : real(ctx, out, size, most);
}

int RAND_bytes(unsigned char* out, int size) {
  static auto real = NEXT(RAND_bytes);
  return fails(kRandom) ? 0 : real(out, size);
}

hs_error_t hs_scan(const hs_database_t* database, const char* data, unsigned int size, unsigned int flags,
                   hs_scratch_t* scratch, match_event_handler on_event, void* context) {
  static auto real = NEXT(hs_scan);
  return fails(kHyperscan) ? HS_UNKNOWN_ERROR : real(database, data, size, flags, scratch, on_event, context);
}

int pcre2_match_8(const pcre2_code_8* code, PCRE2_SPTR8 text, PCRE2_SIZE size, PCRE2_SIZE at,
                  uint32_t options, pcre2_match_data_8* data, pcre2_match_context_8* context) {
  static auto real = NEXT(pcre2_match_8);
  return fails(kPcre) ? PCRE2_ERROR_NOMEMORY : real(code, text, size, at, options, data, context);
}

enum XML_Status XML_Parse(XML_Parser parser, const char* data, int size, int last) {
  static auto real = NEXT(XML_Parse);
  return fails(kExpat) ? XML_STATUS_ERROR : real(parser, data, size, last);
}

int inflate(z_streamp stream, int flush) {
  static auto real = NEXT(inflate);
  return fails(kZlib) ? Z_MEM_ERROR : real(stream, flush);
}

BrotliDecoderResult BrotliDecoderDecompressStream(BrotliDecoderState* state, size_t* in_left,
                                                  const uint8_t** in, size_t* out_left, uint8_t** out,
                                                  size_t* total) {
  static auto real = NEXT(BrotliDecoderDecompressStream);
  return fails(kBrotli) ? BROTLI_DECODER_RESULT_ERROR : real(state, in_left, in, out_left, out, total);
}

// ---- files and sockets; nginx is built with 64-bit offsets, and so calls the names that end in 64

static bool is_file(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

ssize_t write(int fd, const void* data, size_t size) {
  static auto real = NEXT(write);
  if (!fails(is_file(fd) ? kFile : kSocket)) return real(fd, data, size);
  errno = is_file(fd) ? ENOSPC : EPIPE;
  return -1;
}

ssize_t read(int fd, void* data, size_t size) {
  static auto real = NEXT(read);
  if (!fails(is_file(fd) ? kFile : kSocket)) return real(fd, data, size);
  errno = is_file(fd) ? EIO : ECONNRESET;
  return -1;
}

ssize_t pread64(int fd, void* data, size_t size, off64_t at) {
  static auto real = NEXT(pread64);
  if (!fails(kFile)) return real(fd, data, size, at);
  errno = EIO;
  return -1;
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  static auto real = NEXT(pwrite64);
  if (!fails(kFile)) return real(fd, data, size, at);
  errno = ENOSPC;
  return -1;
}

ssize_t pwritev64(int fd, const struct iovec* parts, int count, off64_t at) {
  static auto real = NEXT(pwritev64);
  if (!fails(kFile)) return real(fd, parts, count, at);
  errno = ENOSPC;
  return -1;
}

ssize_t recv(int fd, void* data, size_t size, int flags) {
  static auto real = NEXT(recv);
  if (!fails(kSocket)) return real(fd, data, size, flags);
  errno = ECONNRESET;
  return -1;
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  static auto real = NEXT(send);
  if (!fails(kSocket)) return real(fd, data, size, flags);
  errno = EPIPE;
  return -1;
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  static auto real = NEXT(writev);
  if (!fails(kSocket)) return real(fd, parts, count);
  errno = EPIPE;
  return -1;
}

int socket(int domain, int type, int protocol) {
  static auto real = NEXT(socket);
  if (!fails(kSocket)) return real(domain, type, protocol);
  errno = EMFILE;
  return -1;
}

int connect(int fd, const struct sockaddr* address, socklen_t size) {
  static auto real = NEXT(connect);
  if (!fails(kSocket)) return real(fd, address, size);
  errno = ECONNREFUSED;
  return -1;
}

}  // extern "C"
