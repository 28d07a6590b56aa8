// Reading and writing the key ring's file.
#include "key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace cardscrub {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

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

Fault cannot(const char* verb, const std::string& path, int error) {
  return Fault{std::string("cannot ") + verb + " the key ring \"" + path + "\": " + std::strerror(error)};
}

Fault cannot_open(const std::string& path, int error) {
  if (error == ENOENT) {
    return Fault{"there is no key ring \"" + path + "\"; run: cardscrub keys new --file " + path};
  }
  if (error == ELOOP) {
    return Fault{"the key ring \"" + path + "\" is a symbolic link; name the file itself"};
  }
  Fault fault = cannot("open", path, error);
  if (error == EACCES) fault.message += "; run this as root";
  return fault;
}

}  // namespace

Result<SecretBuffer> read_key_file(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return cannot_open(path, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return cannot("read", path, errno);
  if (!S_ISREG(info.st_mode)) return Fault{"the key ring \"" + path + "\" is not a regular file"};
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Fault{"the key ring \"" + path + "\" belongs to another user; run: chown root " + path};
  }
  const mode_t mode = info.st_mode & 07777;
  if (mode != 0600 && mode != 0400) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(mode));
    return Fault{"the key ring \"" + path + "\" has mode " + octal + ", not 0600; run: chmod 600 " + path};
  }
  SecretBuffer content;
  content.resize(kKeyFileMax + 1);  // one more than allowed, so that growth while reading shows
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kKeyFileMax)
    return Fault{"the key ring \"" + path + "\" is larger than 64 KiB: it is no key ring"};
  SecretBuffer exact(size);
  exact.append(content.span().first(size));
  return exact;
}

Status write_key_file(const std::string& path, Bytes content, bool replace) {
  const std::string folder_path = folder_of(path);
  const Descriptor folder(open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    const int error = errno;
    Fault fault = cannot("write", path, error);
    if (error == ENOENT) fault.message += "; run: mkdir -m 700 " + folder_path;
    return fault;
  }
  Temporary temporary(path + ".new." + std::to_string(getpid()));
  const Descriptor file(open(temporary.path(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    const int error = errno;
    if (error == EEXIST) temporary.keep();  // not ours
    return cannot("write", path, error);
  }
  if (fchmod(file.get(), 0600) != 0) return cannot("write", path, errno);  // whatever the umask is
  for (size_t done = 0; done < content.size();) {
    const ssize_t put = write(file.get(), content.data() + done, content.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return cannot("write", path, errno);
    done += static_cast<size_t>(put);
  }
  if (fsync(file.get()) != 0) return cannot("write", path, errno);
  if (replace) {
    if (rename(temporary.path(), path.c_str()) != 0) return cannot("write", path, errno);
    temporary.keep();
  } else if (link(temporary.path(), path.c_str()) != 0) {  // unlike rename, never replaces
    if (errno == EEXIST) {
      return Fault{"the key ring \"" + path +
                   "\" exists and was left as it is; for a fresh key run: cardscrub keys rotate --file " +
                   path};
    }
    return cannot("write", path, errno);
  }
  if (fsync(folder.get()) != 0) return cannot("write", path, errno);
  return Done{};
}

}  // namespace cardscrub
