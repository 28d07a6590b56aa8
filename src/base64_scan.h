// The vector pass for card numbers in base64: where could four characters stand for three of a number?
//
// In base64 (RFC 4648, 4 and 5) digits, spaces, hyphens and full stops, three at a time, give four characters
// of few kinds: one of I L M N O, then of C D S T i j y z, then of A E I M Q U Y c g k 0 4, then of
// 0..5 g t u w..z. Such a group is called a digit quad here. A number of 13 digits or more holds three of
// them in a row at least, wherever it begins; two in a row stand by chance once in seven megabytes of base64.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cardscrub {

inline constexpr size_t kQuad = 4;  // characters

// Six bits, of either alphabet; kNoBase64: another character.
inline constexpr uint8_t kNoBase64 = 64;
uint8_t base64_value(uint8_t c);

// data[0] to data[3].
bool is_digit_quad(const uint8_t* data);

// The first index from `from` on where two digit quads stand side by side; `size`: there is none.
size_t find_digit_quads(const uint8_t* data, size_t size, size_t from);

}  // namespace cardscrub
