// Long names: from the first '[', ']' or '.' on.
#include "filters/long_name.h"

#include <algorithm>

#include "src/limits.h"

namespace cardscrub {

Bytes end_of_name(Bytes name) {
  if (name.size() <= limits::kNameMax) return name;
  const Bytes tail = name.last(limits::kNameMax + 1);
  const auto split =
      std::find_if(tail.begin(), tail.end(), [](uint8_t c) { return c == '[' || c == ']' || c == '.'; });
  const Bytes rest = tail.last(static_cast<size_t>(tail.end() - split));
  return rest.size() > 1 ? rest.subspan(1) : tail;
}

}  // namespace cardscrub
