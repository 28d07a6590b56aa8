// A number that stands on the wire in binary: shown as decimal digits that nobody can write.
#pragma once

#include "filters/filter.h"

namespace cardscrub {

// `at`: the offset of its last byte. leaf, match: as Scrubber::begin(). An unnamed number of fewer digits
// than a card number has is not shown.
void show_number(uint64_t number, uint64_t at, Bytes leaf, FieldMatch match, Scrubber& scrubber);

}  // namespace cardscrub
