// A document in place of a form's pairs (JSON, XML), in which pairs may still be hidden: who parses it as the
// form that it says it is finds &cvv=123 in the middle of it.
#pragma once

#include "src/scrubber.h"

namespace cardscrub {

// Security codes in pairs cannot be replaced in a document that others read: the request is refused with
// body.malformed. Whatever else stands there, the document's own filter sees.
class FormWatch {
 public:
  // The bytes that come next.
  void feed(const Text& text, bool last, Scrubber& scrubber);

 private:
  void end_pair(Scrubber& scrubber);

  SecretBuffer pair_;   // what is known of the pair, up to more than a pair of a code has
  uint64_t at_ = 0;     // on the wire, where it begins
  bool begun_ = false;  // the document's own beginning is the name of none
};

}  // namespace cardscrub
