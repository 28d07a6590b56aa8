// Closing and writing.
#include "descriptor.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace cardscrub {

void Descriptor::reset() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0) close(fd);
}

bool write_fully(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace cardscrub
