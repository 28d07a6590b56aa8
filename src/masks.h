// What a mask leaves of card data, and how it is known again.
#pragma once

#include "limits.h"
#include "secret.h"
#include "text.h"

namespace cardscrub {

inline constexpr size_t kBin = 6;  // what of a PAN a mask leaves in clear (PCI DSS 3.4.1)
inline constexpr size_t kLast = 4;

// The units of a '*' at text[i], as mask() leaves it, one in ASCII, three in UTF-8 for the full-width one, or
// of what payment providers write in its place: X, and round bullets. 0: none stands there.
size_t star_at(const Text& text, size_t i);

// BIN, stars, last four, or stars and the last four: a PAN that was masked before, by whomever. White space
// around counts as little as in a field's value.
bool is_masked_pan(const Text& value);
// The same where '*' cannot stand: Scrubber::mask() writes zeros, and a last 1 where Luhn would be satisfied.
bool is_masked_pan(const Digits& digits);
// Nothing but stars, or what stands for them: a code that was masked before.
bool is_masked_code(const Text& value);

// Writes '*' for the digits of a text that is the wire; keep_ends leaves BIN and last four in clear when
// there are 12 digits or more, those that were masked before counted.
void mask_digits(MutableBytes text, bool keep_ends);

}  // namespace cardscrub
