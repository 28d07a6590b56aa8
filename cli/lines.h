// Lines of standard input and output in secret memory: they hold card numbers.
#pragma once

#include "src/secret.h"

namespace cardscrub::cli {

class LineReader {
 public:
  static constexpr size_t kLineMax = 65536;  // bytes of a line

  explicit LineReader(int fd) : fd_(fd) {}

  enum class Got : uint8_t { kLine, kTooLong, kEnd, kError };
  // The next line without its newline, valid until the next call; a carriage return before it belongs to the
  // line. kTooLong: a line above kLineMax was passed over. kError: reading failed (errno).
  [[nodiscard]] Got next(MutableBytes* line);
  // Whether the last line had its newline: the last one of the input may have none.
  bool terminated() const { return terminated_; }

 private:
  int fd_;
  SecretBuffer buffer_;
  size_t begin_ = 0;  // what lies before was given out
  bool ended_ = false;
  bool skipping_ = false;
  bool terminated_ = false;
};

// Output, gathered and wiped. What was not flushed is lost.
class LineWriter {
 public:
  explicit LineWriter(int fd) : fd_(fd) {}
  // Adds the line and, unless told otherwise, a newline. False: writing failed (errno).
  [[nodiscard]] bool line(Bytes text, bool newline = true);
  [[nodiscard]] bool flush();

 private:
  int fd_;
  SecretBuffer buffer_;
};

}  // namespace cardscrub::cli
