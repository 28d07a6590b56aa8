// A value of any filter, on its way to the scrubber: waits for the whole where the scrubber wants it whole,
// and opens a filter inside where the text of an unnamed value is JSON itself (JSON in a JSON string, in a
// form field, in a part; also in quotes of its own), pairs (a form in a JSON string, in a form field, in a
// part) or GraphQL.
//
//   begin --named--> whole: shown once, complete; too long: from then on as a stream
//         --not----> undecided --first character { or [, name=, word--> inner filter, under the value's name
//                              --any other-------------> stream, or whole under a name that may mean card
//                              data
//
// A name that is certainly one of card data has no JSON for its value; one that may be of something else
// (code, x_cvv) may have.
#pragma once

#include <array>
#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// What a value may be besides text.
enum class ValueForms : uint8_t {
  kJson,
  kExpress,  // JSON, in front of which may stand what Express writes there in cookies, j: or s:j:
  kPairs,    // JSON, the pairs of a form (what jQuery's serialize() makes), or GraphQL (inner_text.h)
};

class ValueReader {
 public:
  // layer: how many values are around this one; at limits::kLayers no further filter is opened: kLimitLayers.
  explicit ValueReader(unsigned layer, ValueForms forms = ValueForms::kJson) : layer_(layer), forms_(forms) {}
  ~ValueReader();

  // The leaf need not outlive the call.
  void begin(Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber);
  // As Scrubber::text(), with the stretches as they come: the caller shows all that is not settled plus what
  // is new. Returns how many leading units are settled; with last, all.
  size_t text(const Text& text, bool last, Scrubber& scrubber);

 private:
  size_t decide(const Text& text, bool last, Scrubber& scrubber);
  size_t pass_express(const Text& text, size_t from, bool last) const;
  size_t read_inside(std::unique_ptr<Filter> filter, size_t from, Scrubber& scrubber);

  unsigned layer_;
  ValueForms forms_;
  Want want_ = Want::kStream;
  bool decided_ = false;  // whether the text is JSON
  bool opened_ = false;   // the inner filter's scope is open
  ValueType type_ = ValueType::kFree;
  FieldMatch match_;  // not certain
  uint8_t leaf_size_ = 0;
  std::array<uint8_t, limits::kNameMax + 1>
      leaf_{};  // cut: a longer name matches nothing, one byte more shows that
  std::unique_ptr<Filter> inner_;
};

}  // namespace cardscrub
