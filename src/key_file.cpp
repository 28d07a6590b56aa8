// Reading, writing and destroying files that hold keys.
#include "key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "descriptor.h"

namespace cardscrub {
namespace {

// Removes a temporary file unless it was kept.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() {
    if (!kept_) unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const char* path() const { return path_.c_str(); }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// `the key ring "/etc/nginx/keys.json"`
std::string name_of(const KeyFileKind& kind, const std::string& path) {
  return std::string("the ") + kind.what + " \"" + path + "\"";
}

Fault cannot(const char* verb, const std::string& name, int error) {
  return Fault{std::string("cannot ") + verb + " " + name + ": " + std::strerror(error)};
}

Fault cannot_open(const std::string& path, const KeyFileKind& kind, int error) {
  if (error == ENOENT) {
    Fault fault{std::string("there is no ") + kind.what + " \"" + path + "\""};
    if (kind.make != nullptr) fault.message += std::string("; run: ") + kind.make + path;
    return fault;
  }
  if (error == ELOOP) return Fault{name_of(kind, path) + " is a symbolic link; name the file itself"};
  Fault fault = cannot("open", name_of(kind, path), error);
  if (error == EACCES) fault.message += "; run this as root";
  return fault;
}

// Reads once. Status 0 files: see read_key_file. *gone: the file was replaced meanwhile.
Result<SecretBuffer> read_once(const std::string& path, const KeyFileKind& kind, bool* gone) {
  const std::string name = name_of(kind, path);
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return cannot_open(path, kind, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return cannot("read", name, errno);
  if (!S_ISREG(info.st_mode)) return Fault{name + " is not a regular file"};
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Fault{name + " belongs to another user; run: chown root " + path};
  }
  const mode_t mode = info.st_mode & 07777;
  if (mode != 0600 && mode != 0400) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(mode));
    return Fault{name + " has mode " + octal + ", not 0600; run: chmod 600 " + path};
  }
  SecretBuffer content;
  content.resize(kKeyFileMax + 1);  // one more than allowed, so that growth while reading shows
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", name, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kKeyFileMax) return Fault{name + " is larger than 64 KiB: it is no " + kind.what};
  *gone = fstat(file.get(), &info) == 0 && info.st_nlink == 0;
  SecretBuffer exact(size);
  exact.append(content.span().first(size));
  return exact;
}

// Overwrites what the file holds, whatever its name is by now. Not known: where else a journal, a snapshot or
// a flash drive keeps old blocks.
bool overwrite(int file) {
  struct stat info {};
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const std::array<uint8_t, 512> zeros{};
  off_t at = 0;
  while (at < info.st_size) {
    const size_t part = static_cast<size_t>(std::min<off_t>(info.st_size - at, off_t{zeros.size()}));
    const ssize_t put = pwrite(file, zeros.data(), part, at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
  }
  return fsync(file) == 0;
}

}  // namespace

Result<SecretBuffer> read_key_file(const std::string& path, const KeyFileKind& kind) {
  for (int attempt = 0;; attempt++) {
    bool gone = false;
    Result<SecretBuffer> content = read_once(path, kind, &gone);
    if (!gone || attempt == 3) return content;
  }
}

int open_key_folder(const std::string& path) {
  return open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Status write_key_file(const std::string& path, Bytes content, bool replace, const KeyFileKind& kind) {
  const std::string name = name_of(kind, path);
  const Descriptor folder(open_key_folder(path));
  if (!folder) {
    const int error = errno;
    Fault fault = cannot("write", name, error);
    if (error == ENOENT) fault.message += "; run: mkdir -p -m 700 " + folder_of(path);
    return fault;
  }
  const Descriptor old(replace ? open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) : -1);
  if (replace && !old && errno != ENOENT) return cannot("replace", name, errno);
  Temporary temporary(path + ".new." + std::to_string(getpid()));
  const Descriptor file(open(temporary.path(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    const int error = errno;
    if (error == EEXIST) temporary.keep();  // not ours
    return cannot("write", name, error);
  }
  if (fchmod(file.get(), 0600) != 0) return cannot("write", name, errno);  // whatever the umask is
  if (!write_fully(file.get(), content)) return cannot("write", name, errno);
  if (fsync(file.get()) != 0) return cannot("write", name, errno);
  if (replace) {
    if (rename(temporary.path(), path.c_str()) != 0) return cannot("write", name, errno);
    temporary.keep();
  } else if (link(temporary.path(), path.c_str()) != 0) {  // unlike rename, never replaces
    if (errno != EEXIST) return cannot("write", name, errno);
    Fault fault{name + " exists and was left as it is"};
    if (kind.change != nullptr) fault.message += std::string("; for a fresh key run: ") + kind.change + path;
    return fault;
  }
  if (fsync(folder.get()) != 0) return cannot("write", name, errno);
  if (old && !overwrite(old.get())) {
    const int error = errno;
    Fault fault = cannot("overwrite the old content of", name, error);
    fault.message += "; the new content stands";
    return fault;
  }
  return Done{};
}

}  // namespace cardscrub
