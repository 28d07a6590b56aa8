// Numbers in JSON: which of them nobody needs to see.
#pragma once

#include "src/scrubber.h"

namespace cardscrub {

// Whether digits with nothing around them, at least kPanMin, may be a card number (or, in a reveal, a token):
// what the detector asks of every one of them, asked here first because most of them are identifiers and
// times. `data`: ASCII digits.
bool may_be_issued(const uint8_t* data, size_t size, const Scrubber& scrubber);

// Behind a number of fewer than 12 digits in front of its point, which something else than a space follows
// plainly; or `p`. Reads at most kJsonAhead bytes.
const uint8_t* pass_number(const uint8_t* p);
// Behind true, false or null, or `p`.
const uint8_t* pass_literal(const uint8_t* p);
inline constexpr size_t kJsonAhead = 48;

// Whether nobody needs to see the number or the literal, of any length, that begins at p. Reads at most
// kJsonAhead bytes.
bool scalar_passes(const uint8_t* p, const Scrubber& scrubber);

// Of each of `runs`, places in a string among bytes below ':' or beyond ASCII (`numeric`; bits of the 64
// bytes at p): the first of them that lies among twelve digits with at most one space, hyphen, full stop or
// character beyond ASCII between two of them. But not when that is the whole string and no brand has it.
// Reads kJsonAhead bytes behind the 64, and as far in `text` as digits go.
uint64_t find_numbers(Bytes text, const uint8_t* p, uint64_t runs, uint64_t numeric,
                      const Scrubber& scrubber);

}  // namespace cardscrub
