// FormWatch: the latest pair, kept as far as it may be one of a code.
#include "filters/form_watch.h"

#include <algorithm>

#include "filters/form_scan.h"
#include "filters/percent.h"

namespace cardscrub {

namespace {

// Encoded bytes of a pair that is looked at.
constexpr size_t kPairMax = 16 * limits::kNameMax;

const Path kRoot;

// What else may stand behind it in the document: 123"}
bool begins_with_code(const Text& value) {
  size_t digits = 0;
  while (digits < value.size && is_digit(value.data[digits])) ++digits;
  return digits >= 3 && digits <= 4 && (digits == value.size || !is_alpha(value.data[digits]));
}

void decode(const Text& text, Decoded* out) {
  PercentDecoder decoder;
  decoder.start(Escapes::kForm, 0);
  decoder.feed(text, out);
  decoder.finish(out);
}

}  // namespace

void FormWatch::feed(const Text& text, bool last, Scrubber& scrubber) {
  const Policy& policy = scrubber.policy();
  if (policy.response || policy.direction == Direction::kReveal || policy.fields == nullptr) return;
  for (size_t from = 0;;) {
    const size_t end = find_byte(text.data, text.size, from, '&');
    if (begun_) pair_.append({text.data + from, std::min(end - from, kPairMax + 1 - pair_.size())});
    if (end == text.size) break;
    end_pair(scrubber);
    begun_ = true;
    at_ = text.unit(end).at + 1;
    from = end + 1;
  }
  if (last) end_pair(scrubber);
}

void FormWatch::end_pair(Scrubber& scrubber) {
  const size_t equals = find_byte(pair_.data(), pair_.size(), 0, '=');
  if (pair_.size() <= kPairMax && equals < pair_.size()) {
    Decoded name;
    decode({pair_.data(), equals, nullptr, 0}, &name);
    bool failed = false;
    const FieldMatch match = scrubber.policy().fields->match(kRoot, {name.text().data, name.size()}, &failed);
    if (match.kind == Kind::kCode && !match.ambiguous) {
      Decoded value;
      decode({pair_.data() + equals + 1, pair_.size() - equals - 1, nullptr, 0}, &value);
      if (begins_with_code(trimmed(value.text())))
        scrubber.refuse(Reason::kBodyMalformed, static_cast<int64_t>(at_));
    }
    if (failed) scrubber.refuse(Reason::kFault);
  }
  pair_.clear();
}

}  // namespace cardscrub
