// A file descriptor that is closed when its owner goes, and writing all of something to one.
#pragma once

#include "secret.h"

namespace cardscrub {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();  // closes it now

 private:
  int fd_;
};

// All of it, whatever signals come. False: errno says why.
[[nodiscard]] bool write_fully(int fd, Bytes bytes);

}  // namespace cardscrub
