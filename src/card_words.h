// What stands around a candidate and speaks for or against a card number: words, telephone numbers, UUIDs,
// IBANs.
#pragma once

#include <cstddef>

#include "candidate.h"

namespace cardscrub {

// True when one of the limits::kContext units in front of `start` begins a word such as "card", "visa" or
// "Kreditkarte". A word is letters between what is none; in camelCase and under_scores the parts are words
// too ("cardNumber", "pan_2"); "discard" and "company" hold none. The word and the unit in front of it lie
// within those units.
bool card_word_in_front(const Surroundings& around, ptrdiff_t start);

// True when the run of groups that goes on with so many digits at `start` is a telephone number (ITU-T
// E.164): a '+' in front of it, which neither a letter nor a digit touches, and at most 15 digits to its end.
bool is_phone(const Surroundings& around, ptrdiff_t start, size_t digits);

// True when the digits [begin, end) lie in a UUID or one starts among them.
bool in_uuid(const Surroundings& around, ptrdiff_t begin, ptrdiff_t end);

// True when the group at `start` belongs to an IBAN in groups of four characters that began in front of it.
bool in_iban(const Surroundings& around, ptrdiff_t start);

}  // namespace cardscrub
