// The quick look at one element of a request's head: whether it is worth a scrubber. Nearly all elements end
// here, after one vector pass: it counts digits and marks the few characters that could make more of it than
// text.
#pragma once

#include <string_view>

#include "filters/head.h"
#include "filters/head_look.h"
#include "src/field_names.h"
#include "src/limits.h"

namespace cardscrub {

class HeadScan {
 public:
  explicit HeadScan(const FieldNames& fields) : fields_(fields), ends_(fields.ends()) {}

  // False when the element holds no card data for certain: no card number as it stands, escaped or in base64,
  // no name that announces card data, no JSON. `name` counts for kHeader only.
  bool may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const {
    if (bytes.empty()) return false;
    return part == HeadPart::kHeader ? text_may_hold(bytes) || announces_header(name) : names_may_hold(bytes);
  }
  // The same in parts, for who knows the name beforehand: the value of a header; an element with names in it.
  bool text_may_hold(Bytes bytes) const { return may_hold(bytes, false, false); }
  bool names_may_hold(Bytes bytes) const { return may_hold(bytes, true, false); }
  bool announces_header(std::string_view name) const;
  // As names_may_hold(), but true for any twelve digits: for who looks closer at little cost (head_mask.h).
  bool deserves_a_look(Bytes bytes) const { return may_hold(bytes, true, true); }

 private:
  bool may_hold(Bytes bytes, bool names, bool hasty) const {
    if (bytes.size() - limits::kPanMin > kHeadLookMost - limits::kPanMin) return rare_may_hold(bytes, names);
    const unsigned signs = kHeadKernel.look(bytes.data(), bytes.size(), names ? &ends_ : nullptr, hasty);
    if (signs == 0) return false;  // nearly always
    return (hasty && (signs & kDigitsSign) != 0) || judge(bytes, signs, names);
  }
  bool rare_may_hold(Bytes bytes, bool names) const;
  bool look_closely(Bytes bytes, bool names) const;
  bool announces(std::string_view name) const;
  bool names_announce(std::string_view text) const;
  // What the vector pass could not turn away (head_look.h).
  bool judge(Bytes bytes, unsigned signs, bool names) const;
  bool plain_names_announce(Bytes bytes) const;
  bool name_announces(const uint8_t* data, size_t equals) const;

  const FieldNames& fields_;
  const NameEnds& ends_;
};

}  // namespace cardscrub
