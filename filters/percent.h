// Percent-encoding (WHATWG URL 1.3; application/x-www-form-urlencoded) and quoted-printable (RFC 2045, 6.7)
// undone, each character knowing its place; CSV's doubled quotes too.
//
//   wire --(%XX, '+')--> bytes --(%XX of digits and separators, up to twice more)--> bytes --(UTF-8)--> text
//
// A '%' that two hexadecimal characters do not follow stands for itself, as WHATWG has it. The second and
// third time undo what was encoded more than once: an application sees %34 there, the one behind it 4.
#pragma once

#include <array>

#include "filters/decoded.h"

namespace cardscrub {

enum class Escapes : uint8_t {
  kForm,             // %XX, and '+' is a space
  kUri,              // %XX
  kQuotedPrintable,  // =XX, and '=' at the end of a line joins it with the next
  kQuotes,           // '"' is written twice (CSV)
  kNone,             // only UTF-8 is decoded
};

// 0..15; -1: this is no hexadecimal character.
int hex_value(uint8_t c);

// True when decoding would change these bytes: an escape, a byte from 0x80 on, or a '+' where that is a
// space.
bool has_escapes(const uint8_t* data, size_t size, Escapes escapes);

// A push decoder: pieces in any cut give the same text.
class PercentDecoder {
 public:
  static constexpr unsigned kExtraMax = 2;
  static constexpr uint64_t kNone = ~uint64_t{0};

  // extra: how often, after the first time, escapes of digits and what stands between them are undone
  // (0..kExtraMax).
  void start(Escapes escapes, unsigned extra);
  void feed(const Text& in, Decoded* out);
  // Nothing follows: what is an unfinished escape or character so far stands for itself.
  void finish(Decoded* out);
  // A byte that was decoded elsewhere.
  void put_byte(uint8_t byte, const Unit& unit, Decoded* out);
  // Offset of the first '%' that began no escape; kNone: there was none.
  uint64_t bad_escape() const { return bad_escape_; }

 private:
  // The beginning of an escape that may still become one: '%', '%X'.
  struct Escape {
    unsigned count = 0;
    uint8_t first = 0;
    std::array<Unit, 2> units;
  };

  // No escape and no character is open.
  bool idle() const;
  // Stands for itself while nothing is open.
  bool is_plain(uint8_t byte) const {
    return byte < 0x80 && byte != mark_ && byte != '%' && (byte != '+' || !plus_is_space_);
  }
  // An escape of an ASCII character that is all there, while nothing is open: undone. False: another case.
  bool whole_escape(const Text& in, size_t i, Decoded* out) const;
  void put(unsigned level, uint8_t byte, const Unit& unit, Decoded* out);
  void give_up(unsigned level, Decoded* out);
  bool begins_escape(unsigned level, uint8_t byte) const {
    return level != 0 ? byte == '%' : byte == mark_ && escapes_kind_ != Escapes::kNone;
  }
  void put_character(Decoded* out);
  void give_up_character(Decoded* out);

  Escapes escapes_kind_ = Escapes::kForm;
  uint8_t mark_ = '%';
  bool plus_is_space_ = true;
  unsigned levels_ = 1;
  uint64_t bad_escape_ = kNone;
  std::array<Escape, 1 + kExtraMax> escapes_;
  // The bytes of a UTF-8 character that is not complete.
  std::array<uint8_t, 4> bytes_{};
  std::array<Unit, 4> units_;
  unsigned have_ = 0;
  unsigned need_ = 0;
  Decoded character_;
};

}  // namespace cardscrub
