// A value of an XML document on its way to the scrubber: shown as it stands in the input while it is one
// stretch of it, decoded from the first reference, break or wide character on.
#pragma once

#include <array>

#include "filters/decoded.h"
#include "filters/value_reader.h"

namespace cardscrub {

// The first unit of `in` that must stay in sight so that what stands at `at` can be written, all of it being
// parsed up to `cursor`.
size_t in_sight_of(const Text& in, size_t cursor, uint64_t at);

// Appends a stretch, normalised; single_byte: it is not UTF-8 but has one byte for every character.
void decode_xml(const Text& stretch, bool single_byte, Decoded* out);

class XmlValue {
 public:
  static constexpr size_t kGap = 32;  // so many units without a digit: no number reaches across them

  explicit XmlValue(unsigned layer) : reader_(layer) {}
  ~XmlValue() { wipe(leaf_.data(), leaf_.size()); }
  XmlValue(const XmlValue&) = delete;
  XmlValue& operator=(const XmlValue&) = delete;

  bool is_open() const { return open_; }
  // A value begins. The leaf need not outlive the call.
  void open(Bytes leaf, FieldMatch match, ValueType type, bool single_byte);
  // in[from, to) is part of the value, as it stands; nothing of a UTF-8 sequence may be missing at its end.
  void add(const Text& in, size_t from, size_t to, Scrubber& scrubber);
  // So is one character that is written in its own way.
  void add_character(const Text& in, char32_t code_point, Unit unit);
  // Takes over decoded text in front of everything else.
  void adopt(Decoded* text);
  // Shows the scrubber what is there; more will come.
  void show(const Text& in, Scrubber& scrubber);
  void close(const Text& in, Scrubber& scrubber);

  // True when two halves of the value may be searched apart: nobody waits for the whole, and no digit is near
  // the end.
  bool can_be_cut() const { return !whole_ && since_digit_ >= kGap; }
  // The first unit of `in`, all of it parsed up to `cursor`, that must stay in sight.
  size_t keep(const Text& in, size_t cursor);
  // The next text begins `count` units later.
  void shift(size_t count);

 private:
  void begin(Scrubber& scrubber);
  void decode(const Text& in);
  bool nothing_to_find(const uint8_t* data, size_t size, const Scrubber& scrubber) const;
  void note_units(const uint8_t* data, size_t size);

  ValueReader reader_;
  bool open_ = false;
  bool begun_ = false;  // the reader knows of the value
  bool decoding_ = false;
  bool single_byte_ = false;
  bool blank_ = true;   // white space only so far
  bool whole_ = false;  // named, or JSON: not to be cut
  FieldMatch match_;
  ValueType type_ = ValueType::kFree;
  uint8_t leaf_size_ = 0;
  std::array<uint8_t, limits::kNameMax + 1> leaf_{};
  size_t from_ = 0;  // not decoding: in[from_, to_) is what is not settled
  size_t to_ = 0;
  size_t shown_ = 0;        // decoding: units of decoded_ that have been shown
  size_t since_digit_ = 0;  // units since the last digit, kGap at most
  Decoded decoded_;
};

}  // namespace cardscrub
