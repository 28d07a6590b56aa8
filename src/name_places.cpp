// A table in which two neighbours share their slots.
#include "name_places.h"

#include <algorithm>

#include "text.h"

namespace cardscrub {

uint64_t NamePlaces::root(const FieldNames& fields, bool response, bool pairs) {
  for (const Root& root : roots_) {
    if (root.fields == fields.id() && root.response == response && root.pairs == pairs) return root.place;
  }
  Root& root = roots_[next_root_++ % roots_.size()];
  root = {fields.id(), response, pairs, fresh()};
  return root.place;
}

// The name that was not met for longer makes room for a new one.
NamePlaces::Known* NamePlaces::remember(const Key& name, uint64_t place, FieldMatch match) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(name.data());
  if (static_cast<size_t>(std::count_if(bytes, bytes + kNameSize, is_digit)) > kDigits) return nullptr;
  const size_t at = slot(name, place);
  if (known_[at].place != 0) known_[at ^ 1] = known_[at];
  known_[at] = {name, place, 0, match};
  return &known_[at];
}

}  // namespace cardscrub
