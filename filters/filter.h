// A content filter: knows one content type, hands its names and values to the scrubber.
#pragma once

#include <memory>

#include "src/scrubber.h"

namespace cardscrub {

// Fed with a stream of text (for the outermost filter: the bytes of the body; for a value inside a value: the
// decoded text of that value). Every call shows the stream from the first unit that the call before left
// unsettled, plus what is new; `last` says that nothing follows. State machines keep their own cursor (units
// seen but not settled), so every unit is parsed once. Returns how many leading units are settled; with last,
// all of them. What is settled has been handed to the scrubber and is not written to any more, except through
// the scrubber's own hold().
class Filter {
 public:
  virtual ~Filter() = default;
  virtual size_t feed(const Text& text, bool last, Scrubber& scrubber) = 0;
};

}  // namespace cardscrub
