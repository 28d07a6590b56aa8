// The issuer table: which numbers belong to which brand (ISO/IEC 7812-1 issuer identification numbers).
//
// To add a brand: a row in issuer.cpp, a name in card.cpp, a number in tests/vectors/test_pans.txt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "card.h"
#include "secret.h"

namespace cardscrub {

// One row: numbers whose first digits lie in [first, last] (both with `prefix` digits).
struct IssuerRange {
  uint32_t first;
  uint32_t last;
  uint8_t prefix;  // digits of first and last, 1..8
  Brand brand;
  uint32_t lengths;     // bit n: numbers of n digits are issued
  uint32_t common;      // subset of lengths that real cards commonly have: the sweep needs no more than these
  uint8_t code_length;  // 3, or 4 for American Express
  bool luhn;            // false: the brand issues numbers without a check digit
};

std::span<const IssuerRange> issuer_table();

// The row with the longest prefix that `digits` (values 0..9) starts with, or nullptr; nullptr too when there
// are fewer than 8 digits. A few steps: an index over the first four digits, then the rows with longer
// prefixes under them.
const IssuerRange* find_issuer(Bytes digits);

// Bit n: some brand issues numbers of n digits that begin with these two (0 to 99).
extern const std::array<uint32_t, 100> kIssuedLengths;
inline uint32_t issued_lengths(unsigned two_digits) { return kIssuedLengths[two_digits]; }

// Brands of which some range starts with `digit` (bit b: Brand b).
uint32_t brands_starting_with(uint8_t digit);

bool luhn_valid(Bytes digits);           // values 0..9; an empty number is not valid
uint8_t luhn_check_digit(Bytes digits);  // the digit that appended makes it valid

// Published test numbers of payment providers (sources in test_pan.cpp); never issued to a person.
bool is_test_pan(Bytes digits);

}  // namespace cardscrub
