// Line input and output by read(2) and write(2): stdio and iostream do not wipe their buffers.
#include "cli/lines.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "src/descriptor.h"

namespace cardscrub::cli {
namespace {

constexpr size_t kBlock = 65536;

}  // namespace

LineReader::Got LineReader::next(MutableBytes* line) {
  size_t searched = 0;  // of what lies behind begin_
  for (;;) {
    const MutableBytes rest = buffer_.span().subspan(begin_);
    const size_t unseen = rest.size() - searched;
    const void* newline = unseen == 0 ? nullptr : std::memchr(rest.data() + searched, '\n', unseen);
    if (newline != nullptr || (ended_ && !rest.empty())) {
      const size_t size = newline == nullptr
                              ? rest.size()
                              : static_cast<size_t>(static_cast<const uint8_t*>(newline) - rest.data());
      begin_ += newline == nullptr ? size : size + 1;
      if (skipping_ || size > kLineMax) {
        skipping_ = false;
        return Got::kTooLong;
      }
      terminated_ = newline != nullptr;
      *line = rest.first(size);
      return Got::kLine;
    }
    if (ended_) {
      const bool skipped = skipping_;
      skipping_ = false;
      return skipped ? Got::kTooLong : Got::kEnd;
    }
    if (rest.size() > kLineMax) {
      skipping_ = true;
      begin_ = buffer_.size();
    }
    buffer_.drop_front(begin_);
    begin_ = 0;
    searched = buffer_.size();
    buffer_.resize(searched + kBlock);
    ssize_t got = 0;
    do {
      got = read(fd_, buffer_.data() + searched, kBlock);
    } while (got < 0 && errno == EINTR);
    buffer_.resize(searched + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got < 0) return Got::kError;
    ended_ = got == 0;
  }
}

bool LineWriter::line(Bytes text, bool newline) {
  constexpr uint8_t kNewline = '\n';
  buffer_.append(text);
  if (newline) buffer_.append({&kNewline, 1});
  return buffer_.size() < kBlock || flush();
}

bool LineWriter::flush() {
  const bool written = write_fully(fd_, buffer_.span());
  buffer_.clear();
  return written;
}

}  // namespace cardscrub::cli
