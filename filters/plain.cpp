// Plain text: one value without a name, shown as it stands on the wire but for the few stretches in which characters
// outside ASCII are part of a number.
//
//   identity --(wide digit or separator beside a digit)--> decoded --(all of the wide ones settled)--> identity
#include "filters/plain.h"

#include <algorithm>

#include "filters/url_value.h"
#include "filters/wide.h"

namespace cardscrub {

namespace {

constexpr size_t kStep = 512;  // units decoded before it is asked whether decoding can end

class PlainFilter : public Filter {
 public:
  explicit PlainFilter(unsigned layer) : reader_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (!begun_) {
      begun_ = true;
      reader_.begin({}, {}, ValueType::kFree, scrubber);
    }
    decide(text);
    if (passes_ || text.units != nullptr) {
      // JSON undoes its own encodings; decoded text is normalised.
      passes_ = true;
      return reader_.text(text, last, scrubber);
    }
    pos_ = 0;
    for (bool more = true; more;) {
      more = decoding_ ? step_decoded(text, last, scrubber) : step_identity(text, last, scrubber);
    }
    seen_ -= pos_;
    wide_.drop_front(text.data, pos_);
    return pos_;
  }

 private:
  // Looks for the first character that is not white space: it tells whether this is JSON.
  void decide(const Text& text) {
    for (size_t i = seen_; !decided_ && i < text.size; ++i) {
      uint8_t c = text.data[i];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
      decided_ = true;
      passes_ = c == '{' || c == '[';
    }
  }

  bool step_identity(const Text& text, bool last, Scrubber& scrubber) {
    WideFinder::Found found = wide_.next(text.data, text.size, seen_, last);
    const bool all = last && found.at == text.size;
    if (found.at != seen_ || all) {
      seen_ = found.at;
      pos_ += reader_.text(text.sub(pos_, seen_ - pos_), all, scrubber);
    }
    if (found.size == 0) return false;
    decoding_ = true;
    decoded_.clear();
    for (size_t i = pos_; i < seen_; ++i) decoded_.add(text.data[i], text.unit(i));
    return true;
  }

  bool step_decoded(const Text& text, bool last, Scrubber& scrubber) {
    const size_t end = std::min(text.size, seen_ + kStep);
    bool stopped = false;
    while (seen_ < end) {
      WideFinder::Found found = wide_.next(text.data, text.size, seen_, last);
      for (const size_t plain_end = std::min(found.at, end); seen_ < plain_end; ++seen_) decoded_.add(text.data[seen_], text.unit(seen_));
      if (found.at >= end) break;
      stopped = found.size == 0;  // too little is known of what comes
      if (stopped) break;
      wide_at_ = text.at + found.at + found.size - 1;
      add_code_point(&decoded_, found.code, {wide_at_, Form::kByte});
      seen_ = found.at + found.size;
    }
    const bool all = last && seen_ >= text.size;
    if (!decoded_.empty() || all) {
      size_t settled = reader_.text(decoded_.text(), all, scrubber);
      if (settled != 0) {
        uint64_t at = decoded_.text().units[settled - 1].at;
        decoded_.drop_front(settled);
        pos_ = std::max(pos_, static_cast<size_t>(at + 1 - text.at));
        if (at >= wide_at_) decoding_ = false;
      }
    }
    if (all) {
      pos_ = text.size;
      return false;
    }
    return !stopped && seen_ < text.size;
  }

  ValueReader reader_;
  WideFinder wide_;
  Decoded decoded_;         // while decoding: what is not settled
  uint64_t wide_at_ = 0;    // while decoding: the last byte of the last wide character
  size_t pos_ = 0;          // leading units of the text that are settled
  size_t seen_ = 0;         // leading units of the (next) text that have been shown
  bool begun_ = false;
  bool decided_ = false;
  bool passes_ = false;
  bool decoding_ = false;
};

class PercentFilter : public Filter {
 public:
  explicit PercentFilter(unsigned layer) : value_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (!begun_) {
      begun_ = true;
      value_.begin({}, {}, ValueType::kFree, false, scrubber);
    }
    return value_.text(text, last, scrubber);
  }

 private:
  UrlValue value_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<Filter> make_plain_filter(unsigned layer, PlainCoding coding) {
  if (coding == PlainCoding::kPercent) return std::make_unique<PercentFilter>(layer);
  return std::make_unique<PlainFilter>(layer);
}

}  // namespace cardscrub
