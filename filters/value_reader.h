// A value of any filter, on its way to the scrubber: waits for the whole where the scrubber wants it whole,
// and opens a JSON filter inside where the text of an unnamed value is JSON itself (JSON in a JSON string, in
// a form field, in a part).
//
//   begin --named--> whole: shown once, complete; too long: from then on as a stream
//         --not----> undecided --first character { or [--> inner filter, under the value's name
//                              --any other-------------> stream
#pragma once

#include <array>
#include <memory>

#include "filters/filter.h"

namespace cardscrub {

class ValueReader {
 public:
  // layer: how many values are around this one; at limits::kLayers no further filter is opened: kLimitLayers.
  explicit ValueReader(unsigned layer) : layer_(layer) {}
  ~ValueReader();

  // The leaf need not outlive the call.
  void begin(Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber);
  // As Scrubber::text(), with the stretches as they come: the caller shows all that is not settled plus what
  // is new. Returns how many leading units are settled; with last, all.
  size_t text(const Text& text, bool last, Scrubber& scrubber);

 private:
  size_t decide(const Text& text, Scrubber& scrubber);

  unsigned layer_;
  Want want_ = Want::kStream;
  bool decided_ = false;  // whether the text is JSON
  bool opened_ = false;   // the inner filter's scope is open
  ValueType type_ = ValueType::kFree;
  FieldMatch match_;  // announces nothing, but may be of a pair
  uint8_t leaf_size_ = 0;
  std::array<uint8_t, limits::kNameMax + 1>
      leaf_{};  // cut: a longer name matches nothing, one byte more shows that
  std::unique_ptr<Filter> inner_;
};

}  // namespace cardscrub
