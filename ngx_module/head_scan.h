// The quick look at one element of a request's head: whether it is worth a scrubber.
#pragma once

#include <string_view>

#include "filters/head.h"
#include "src/field_names.h"

namespace cardscrub {

class HeadScan {
 public:
  explicit HeadScan(const FieldNames& fields) : fields_(fields) {}

  // Memory that the elements to come lie in, one behind the other, with what stands between them: looked at
  // once for all of them.
  void look_ahead(Bytes stretch);

  // False when the element holds no card data for certain: too few digits for a card number and no name that
  // announces card data. Nearly all elements end here. `name` counts for kHeader only.
  bool may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const;

 private:
  bool announces(std::string_view name) const;
  bool names_announce(std::string_view text) const;

  const FieldNames& fields_;
  Bytes dull_;                     // holds no card number as it stands, and none in base64
  bool dull_has_escapes_ = false;  // digits may be written with escapes in it
};

}  // namespace cardscrub
