// What the scrubber remembers of a scope, and of a field that waits. Internal to scrubber*.cpp.
#pragma once

#include <array>

#include "scrubber.h"

namespace cardscrub {

struct Scrubber::Scope {
  uint32_t id = 0;
  size_t depth = 0;
  uint64_t form_key = 0;
  bool strong = false;          // a field that is certainly card data stands in it
  bool lost_pair = false;       // a value went out before its name was known, for the same reason
  bool lost_ambiguous = false;  // an ambiguous code went out undecided because the window was full
  Digits token;                 // what the latest PAN of the scope became; empty: none yet
  Brand brand = Brand::kUnknown;
  bool given = false;  // it came as a token already
  Digits child_token;  // the PAN of a scope inside, used when there is exactly one
  Brand child_brand = Brand::kUnknown;
  bool child_given = false;
  uint32_t children = 0;
  Expiry expiry;
};

struct Scrubber::Pending {
  uint32_t scope = 0;
  Kind kind = Kind::kNone;
  bool ambiguous = false;
  bool written = false;  // code: the alias stands on the wire
  bool number = false;
  bool by_pair = false;  // counts when the name beside it says that it is a code
  Reason bad = Reason::kNone;
  Digits digits;
  Digits alias;
  std::array<Unit, Digits::kMax> units{};
  Expiry expiry;
  uint64_t begin = 0;  // on the wire
  uint64_t end = 0;
  std::string field;
};

}  // namespace cardscrub
