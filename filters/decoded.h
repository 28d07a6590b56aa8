// Decoded text with the place of every unit on the wire, as decoders build it: see src/text.h.
#pragma once

#include <vector>

#include "src/secret.h"
#include "src/text.h"

namespace cardscrub {

class Decoded {
 public:
  void add(uint8_t byte, Unit unit) {
    if (size_ == bytes_.size()) grow(1);
    bytes_.data()[size_] = byte;
    units_[size_++] = unit;
  }
  // Copies a stretch of text as it is, each unit with its own place.
  void add_run(const Text& in);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  uint64_t first_at() const { return units_.front().at; }  // of a text that is not empty
  Text text() { return {bytes_.data(), size_, units_.data(), 0}; }
  void drop_front(size_t count);  // wipes
  void clear();                   // wipes, keeps the memory

 private:
  void grow(size_t count);

  // Their sizes are the room there is, the same of both; size_ of it are in use.
  SecretBuffer bytes_;
  std::vector<Unit> units_;
  size_t size_ = 0;
};

// Adds one code point that stands on the wire as `unit` (unit.form: how an ASCII digit would be written
// there, e.g. kHex for \u0034). Applies the normalisation of text.h: decimal digits of any script (Unicode
// Nd) become ASCII digits with a form that can write them (or kFixed), spaces of any kind but tab and
// newline, and characters of no width, ' ', hyphens and dashes '-', the full-width full stop '.', everything
// else UTF-8 of form kFixed (a lone surrogate too: three bytes).
void add_code_point(Decoded* out, char32_t code_point, Unit unit);

// The unit of a character that was written as one hexadecimal number of which text[last] is the last digit,
// the third character at least of what writes it. `ascii`: the character is an ASCII digit. In the wire
// itself, or where the outer text writes the last characters plainly side by side, that is kHex; otherwise
// the last hexadecimal character, which is then a digit too, is written in its own way.
Unit hex_unit(const Text& text, size_t last, bool ascii);

// What a text holds of characters beyond ASCII that add_code_point() turns into ASCII.
struct Foreign {
  size_t digits = 0;        // decimal digits of other scripts
  bool separators = false;  // spaces, hyphens, full stops
};
Foreign look_for_foreign(const uint8_t* data, size_t size);

// True when the UTF-8 text may hold such characters and so must be shown decoded. ASCII: false, at memory
// speed.
bool needs_normalising(const uint8_t* data, size_t size);
// Whether the text begins with a character beyond ASCII that decode_utf8() makes a separator of.
bool begins_with_separator(const uint8_t* data, size_t size);

// The index of the first byte >= 0x80, or `size`.
size_t find_non_ascii(const uint8_t* data, size_t size);

// One UTF-8 sequence at data[0] (size >= 1). size == 0: the bytes end in the middle of a sequence that is
// well-formed so far. `valid` false: data[0] begins no sequence, it stands for itself (size 1).
struct Utf8 {
  char32_t code_point;
  uint8_t size;
  bool valid;
};
Utf8 next_utf8(const uint8_t* data, size_t size);

// How many bytes at the end of the text are the beginning of a UTF-8 sequence that more bytes could complete
// (0..3).
size_t open_utf8(const uint8_t* data, size_t size);

// Appends `in` to `out`, normalised. Bytes that are not UTF-8 are copied as they are, kFixed; so is a
// sequence that is cut off at the end (see open_utf8). `in` may have units of its own: then what it can write
// decides.
void decode_utf8(const Text& in, Decoded* out);

}  // namespace cardscrub
