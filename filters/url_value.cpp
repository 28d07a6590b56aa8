// UrlValue: switches from the wire to decoded text at most once a value.
#include "filters/url_value.h"

#include <algorithm>

namespace cardscrub {

namespace {
constexpr size_t kStep = 4096;  // units decoded at a time: bounds the memory of a long value
}

size_t units_up_to(const Text& text, uint64_t at) {
  if (text.units == nullptr) {
    return at < text.at ? 0 : static_cast<size_t>(std::min<uint64_t>(at - text.at + 1, text.size));
  }
  const Unit* end = text.units + text.size;
  const Unit* found =
      std::upper_bound(text.units, end, at, [](uint64_t v, const Unit& unit) { return v < unit.at; });
  return static_cast<size_t>(found - text.units);
}

void UrlValue::begin(Bytes leaf, FieldMatch match, ValueType type, Escapes escapes, Scrubber& scrubber) {
  escapes_ = escapes;
  const bool url = escapes == Escapes::kForm || escapes == Escapes::kUri;
  const bool swept = match.kind == Kind::kNone || match.kind == Kind::kHolder || !match.certain();
  extra_ = url && swept ? PercentDecoder::kExtraMax : 0;
  decoding_ = false;
  seen_ = 0;
  decoded_.clear();
  reader_.begin(leaf, match, type, scrubber);
}

size_t UrlValue::text(const Text& text, bool last, Scrubber& scrubber) {
  if (!decoding_) {
    if (!has_escapes(text.data + seen_, text.size - seen_, escapes_)) {
      if (seen_ == text.size && !last) return 0;
      size_t settled = reader_.text(text, last, scrubber);
      seen_ = text.size - settled;
      return settled;
    }
    // What was shown so far decodes to itself.
    decoding_ = true;
    decoder_.start(escapes_, extra_);
    seen_ = 0;
  }
  any_settled_ = false;
  while (seen_ < text.size) {
    size_t step = std::min(kStep, text.size - seen_);
    decoder_.feed(text.sub(seen_, step), &decoded_);
    seen_ += step;
    if (seen_ < text.size || !last) show(false, scrubber);
  }
  if (last) {
    decoder_.finish(&decoded_);
    show(true, scrubber);
    return text.size;
  }
  size_t settled = any_settled_ ? units_up_to(text, settled_at_) : 0;
  seen_ -= settled;
  return settled;
}

void UrlValue::show(bool last, Scrubber& scrubber) {
  if (decoded_.empty() && !last) return;
  Text text = decoded_.text();
  size_t settled = reader_.text(text, last, scrubber);
  if (settled == 0) return;
  any_settled_ = true;
  settled_at_ = text.units[settled - 1].at;
  decoded_.drop_front(settled);
}

}  // namespace cardscrub
