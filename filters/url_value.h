// An encoded value on its way to the scrubber: shown as it stands on the wire while nothing in it is encoded,
// decoded from the first encoded character on.
#pragma once

#include "filters/percent.h"
#include "filters/value_reader.h"

namespace cardscrub {

class UrlValue {
 public:
  explicit UrlValue(unsigned layer, ValueForms forms = ValueForms::kJson) : reader_(layer, forms) {}

  // As ValueReader::begin(). What is encoded twice is decoded twice for the sweep; a named value is what the
  // application makes of it.
  void begin(Bytes leaf, FieldMatch match, ValueType type, Escapes escapes, Scrubber& scrubber);
  // As ValueReader::text(), with the encoded text.
  size_t text(const Text& text, bool last, Scrubber& scrubber);
  // Offset of the first '%' that began no escape in this value; PercentDecoder::kNone: there was none.
  uint64_t bad_escape() const { return decoding_ ? decoder_.bad_escape() : PercentDecoder::kNone; }

 private:
  void show(bool last, Scrubber& scrubber);

  ValueReader reader_;
  PercentDecoder decoder_;
  Decoded decoded_;  // what the reader has not settled
  Escapes escapes_ = Escapes::kForm;
  unsigned extra_ = 0;
  bool decoding_ = false;
  size_t seen_ = 0;           // leading units of the next text that have been looked at
  bool any_settled_ = false;  // since text() began; then:
  uint64_t settled_at_ = 0;   // where the last settled character ends
};

// How many leading units of `text` stand at or before `at` on the wire.
size_t units_up_to(const Text& text, uint64_t at);

}  // namespace cardscrub
