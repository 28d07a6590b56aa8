// Names that are too long to be kept whole, and may have a card field's name at their end all the same:
// what flattens documents makes one name of all that is around a value.
#pragma once

#include "src/path.h"

namespace cardscrub {

// What is left of a name that is longer than limits::kNameMax: its last components, as many as have room in
// so many bytes; when not even one has, the last bytes, one more than a name may have. The name itself when
// it is no longer. Of a name and of its last kNameMax + 1 bytes the same.
Bytes end_of_name(Bytes name);

}  // namespace cardscrub
