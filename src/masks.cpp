// Masks.
#include "masks.h"

#include "card.h"
#include "field_value.h"
#include "issuer.h"

namespace cardscrub {

size_t star_at(const Text& text, size_t i) {
  const uint8_t* at = text.data + i;
  if (*at == '*' || (*at | 0x20) == 'x') return 1;
  if (text.size - i < 3) return 0;
  const uint32_t three = uint32_t{at[0]} << 16 | uint32_t{at[1]} << 8 | at[2];
  return three == 0xEFBC8A || three == 0xE280A2 || three == 0xE2978F ? 3 : 0;  // U+FF0A, U+2022, U+25CF
}

bool is_masked_code(const Text& value) {
  const Text text = trimmed(value);
  for (size_t i = 0; i < text.size;) {
    size_t star = star_at(text, i);
    if (star == 0) return false;
    i += star;
  }
  return text.size != 0;
}

bool is_masked_pan(const Text& value) {
  const Text text = trimmed(value);
  size_t digits = 0;
  size_t stars = 0;
  for (size_t i = 0; i < text.size; ++i) {
    const uint8_t c = text.data[i];
    if (is_digit(c)) {
      if (++digits > kBin + kLast) return false;
    } else if (const size_t star = star_at(text, i); star != 0) {
      ++stars;
      i += star - 1;
    } else if (c != ' ' && c != '-') {
      return false;
    }
  }
  // XXXX1111: the last four alone.
  return (stars >= 2 && stars + digits >= limits::kPanMin) || (stars >= kLast && digits == kLast);
}

bool is_masked_pan(const Digits& digits) {
  if (digits.size() < limits::kPanMin || luhn_valid(digits.span())) return false;
  for (size_t i = kBin; i + kLast < digits.size(); ++i) {
    bool last = i + kLast + 1 == digits.size();
    if (digits[i] != 0 && !(last && digits[i] == 1)) return false;
  }
  return true;
}

void mask_digits(MutableBytes text, bool keep_ends) {
  size_t count = 0;
  for (uint8_t c : text) count += is_digit(c) || c == '*' ? 1u : 0u;
  const bool keep = keep_ends && count >= limits::kPanMin;
  size_t index = 0;
  for (uint8_t& c : text) {
    if (!is_digit(c) && c != '*') continue;
    if (!keep || (index >= kBin && index < count - kLast)) c = '*';
    ++index;
  }
}

}  // namespace cardscrub
