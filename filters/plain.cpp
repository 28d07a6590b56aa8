// Plain text: one value without a name, shown as it stands on the wire but for the few stretches in which
// characters outside ASCII are part of a number.
//
//   identity --(wide digit or separator beside a digit)--> decoded --(all of the wide ones settled)-->
//   identity
//
// Behind a NUL there is no text in UTF-8 but a file of some other kind: from there on the bytes are shown as
// they stand.
#include "filters/plain.h"

#include <algorithm>
#include <cstring>

#include "filters/url_value.h"
#include "filters/wide.h"

namespace cardscrub {

namespace {

constexpr uint64_t kNowhere = ~uint64_t{0};
constexpr size_t kStep = 256;  // units decoded before it is asked whether decoding can end

class PlainFilter : public Filter {
 public:
  explicit PlainFilter(unsigned layer) : nests_(layer < limits::kLayers), reader_(layer) {}

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
    find_nul(text);
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
      if (is_white(c)) continue;
      decided_ = true;
      passes_ = nests_ && (c == '{' || c == '[');
    }
  }

  void find_nul(const Text& text) {
    if (nul_at_ != kNowhere || seen_ == text.size) return;
    const void* nul = std::memchr(text.data + seen_, 0, text.size - seen_);
    if (nul != nullptr) nul_at_ = text.at + static_cast<size_t>(static_cast<const uint8_t*>(nul) - text.data);
  }

  // The next wide character in [seen_, end); when there is none, where the search stopped.
  WideFinder::Found next_wide(const Text& text, size_t end, bool last) {
    size_t size = end;
    if (nul_at_ < text.at + end) {
      size = nul_at_ > text.at ? static_cast<size_t>(nul_at_ - text.at) : 0;
      last = true;
    }
    if (seen_ >= size && size < end) return {end, 0, 0};
    WideFinder::Found found = wide_.next(text.data, size, seen_, last);
    return found.at == size ? WideFinder::Found{end, 0, 0} : found;
  }

  bool step_identity(const Text& text, bool last, Scrubber& scrubber) {
    const WideFinder::Found found = next_wide(text, text.size, last);
    const bool all = last && found.at == text.size;
    if (found.at != seen_ || all) {
      seen_ = found.at;
      pos_ += reader_.text(text.sub(pos_, seen_ - pos_), all, scrubber);
    }
    if (found.size == 0) return false;
    decoding_ = true;
    decoded_.clear();
    decoded_.add_run(text.sub(pos_, seen_ - pos_));
    return true;
  }

  bool step_decoded(const Text& text, bool last, Scrubber& scrubber) {
    const size_t end = std::min(text.size, seen_ + kStep);
    const size_t known = std::min(text.size, end + WideFinder::kAhead);
    bool stopped = false;
    while (seen_ < end) {
      const WideFinder::Found found = next_wide(text, known, last && known == text.size);
      const size_t plain_end = std::min(found.at, end);
      decoded_.add_run(text.sub(seen_, plain_end - seen_));
      seen_ = plain_end;
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

  bool nests_;  // JSON is read as such
  ValueReader reader_;
  WideFinder wide_;
  Decoded decoded_;             // while decoding: what is not settled
  uint64_t nul_at_ = kNowhere;  // the first NUL
  uint64_t wide_at_ = 0;        // while decoding: the last byte of the last wide character
  size_t pos_ = 0;              // leading units of the text that are settled
  size_t seen_ = 0;             // leading units of the (next) text that have been shown
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
      value_.begin({}, {}, ValueType::kFree, Escapes::kUri, scrubber);
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
