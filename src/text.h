// Text: decoded characters, each knowing which bytes on the wire it came from.
//
// A content filter turns the bytes of a value into text (JSON escapes, percent-encoding, numeric entities
// undone); the scrubber looks for card data in the text and writes digits back through it. A digit is
// replaced by a digit (or by '*') written in the same form and the same bytes (law 1), so a text never
// grows or shrinks the wire.
//
//   wire    "4111 \u0031 ..."        raw bytes, absolute offsets in the body
//   text     4111 1 ...              one byte a unit, each with a Unit
//
// Text is bytes: ASCII as itself; decimal digits of other scripts become ASCII digits with their own
// form; no-break and typographic spaces become ' ', Unicode hyphens '-'; other characters stay UTF-8,
// every byte of which is a unit of form kFixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cardscrub {

// The bytes of a body that are in memory now: data[0] is at absolute offset `base`. The memory is writable;
// it lies either in the server's buffer or in the window.
struct RawView {
  uint8_t* data = nullptr;
  uint64_t base = 0;
  size_t size = 0;

  uint64_t end() const { return base + size; }
  bool holds(uint64_t at) const { return at >= base && at < end(); }
  uint8_t& byte(uint64_t at) const { return data[at - base]; }
};

// How a digit stands on the wire, that is, how another one is written in its place.
enum class Form : uint8_t {
  kByte,     // the byte at `at` is a base plus the digit: '4', the last byte of a full-width digit in UTF-8
  kHex,      // the two hexadecimal characters that end at `at` are a base plus the digit: \u0034, %34, &#x34;
  kHexLow,   // as kHex, but only the last character can be written: digits can be replaced, '*' cannot
  kDecimal,  // the two decimal characters that end at `at` are 48 plus the digit: &#52;
  kByteDigit,  // as kByte, but '*' cannot be written (the script has no character there)
  kFixed,      // cannot be written: not a digit, or a digit in a form that has no room
};

struct Unit {
  uint64_t at = 0;  // absolute offset of the (last) byte that carries the character
  Form form = Form::kFixed;
};

// What write() puts in place of a digit: 0..9 or kStar. '*' is '0' - 6 in ASCII and in the full-width forms.
inline constexpr int kStar = -6;

// A stretch of decoded text. With units == nullptr the text is the wire: text[i] is the byte at `at + i`,
// form kByte where it is a digit. Otherwise units has `size` entries. Owns nothing.
struct Text {
  uint8_t* data = nullptr;  // writable: what is written to the wire is written here too
  size_t size = 0;
  const Unit* units = nullptr;
  uint64_t at = 0;  // identity only: absolute offset of data[0]

  static Text plain(const RawView& raw, uint64_t begin, uint64_t end) {
    return {raw.data + (begin - raw.base), static_cast<size_t>(end - begin), nullptr, begin};
  }
  Unit unit(size_t i) const { return units == nullptr ? Unit{at + i, Form::kByte} : units[i]; }
  Text sub(size_t from, size_t count) const {
    return {data + from, count, units == nullptr ? nullptr : units + from, at + from};
  }
};

constexpr bool is_digit(uint8_t c) { return static_cast<uint8_t>(c - '0') < 10; }
constexpr bool is_alpha(uint8_t c) { return static_cast<uint8_t>((c | 0x20) - 'a') < 26; }
// Of ASCII, as JSON (RFC 8259, 2) and XML have it.
constexpr bool is_white(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// True when the digit at `unit` can be replaced by another digit (star: by '*').
inline bool writable(const Unit& unit, bool star) {
  if (unit.form == Form::kFixed) return false;
  return !star || (unit.form != Form::kHexLow && unit.form != Form::kByteDigit);
}

// Replaces the digit `old` (0..9, or kStar) at `unit` by `now` (0..9 or kStar), in its form. The unit must be
// writable() and raw must hold its bytes.
void write_digit_coded(const RawView& raw, const Unit& unit, int old, int now);
inline void write_digit(const RawView& raw, const Unit& unit, int old, int now) {
  if (unit.form != Form::kByte) return write_digit_coded(raw, unit, old, now);
  uint8_t& byte = raw.byte(unit.at);
  byte = static_cast<uint8_t>(byte + (now - old));
}

}  // namespace cardscrub
