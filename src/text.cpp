// Writing digits back to the wire, in the form in which they came (law 1).
#include "text.h"

namespace cardscrub {

namespace {

constexpr char kLower[] = "0123456789abcdef";
constexpr char kUpper[] = "0123456789ABCDEF";

bool is_upper_hex(uint8_t c) { return c >= 'A' && c <= 'F'; }

int hex_value(uint8_t c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

uint8_t hex_character(int value, bool upper) {
  return static_cast<uint8_t>((upper ? kUpper : kLower)[value & 15]);
}

void write_hex(const RawView& raw, uint64_t at, int change) {
  uint8_t& high = raw.byte(at - 1);
  uint8_t& low = raw.byte(at);
  const bool upper = is_upper_hex(high) || is_upper_hex(low);
  const int value = hex_value(high) * 16 + hex_value(low) + change;
  high = hex_character(value >> 4, upper);
  low = hex_character(value, upper);
}

void write_hex_low(const RawView& raw, uint64_t at, int change) {
  uint8_t& low = raw.byte(at);
  const int value = hex_value(low) + change;
  if (value < 0 || value > 15) {  // digits of some scripts straddle a nibble: U+1D7CE..U+1D7D7
    write_hex(raw, at, change);
    return;
  }
  low = hex_character(value, is_upper_hex(low));
}

void write_decimal(const RawView& raw, uint64_t at, int change) {
  uint8_t& tens = raw.byte(at - 1);
  uint8_t& ones = raw.byte(at);
  const int value = (tens - '0') * 10 + (ones - '0') + change;
  tens = static_cast<uint8_t>('0' + value / 10);
  ones = static_cast<uint8_t>('0' + value % 10);
}

}  // namespace

void write_digit_coded(const RawView& raw, const Unit& unit, int old, int now) {
  // Every form carries base + digit, so the difference is all that is written.
  const int change = now - old;
  switch (unit.form) {
    case Form::kByte:
    case Form::kByteDigit: {
      uint8_t& byte = raw.byte(unit.at);
      byte = static_cast<uint8_t>(byte + change);
      break;
    }
    case Form::kHex:
      write_hex(raw, unit.at, change);
      break;
    case Form::kHexLow:
      write_hex_low(raw, unit.at, change);
      break;
    case Form::kDecimal:
      write_decimal(raw, unit.at, change);
      break;
    case Form::kFixed:
      break;
  }
}

}  // namespace cardscrub
