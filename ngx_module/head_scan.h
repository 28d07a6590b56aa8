// The quick look at one element of a request's head: whether it is worth a scrubber.
#pragma once

#include <string_view>

#include "filters/head.h"
#include "src/field_names.h"

namespace cardscrub {

class HeadScan {
 public:
  // defaults_only: `fields` holds the default list and nothing else, so that most names are turned away by a
  // table.
  HeadScan(const FieldNames& fields, bool defaults_only) : fields_(fields), defaults_only_(defaults_only) {}

  // False when the element holds no card data for certain: too few digits for a card number and no name that
  // announces card data. Nearly all elements end here. `name` counts for kHeader only.
  bool may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const;

 private:
  bool announces(std::string_view name) const;
  bool names_announce(std::string_view text) const;

  const FieldNames& fields_;
  bool defaults_only_;
};

}  // namespace cardscrub
