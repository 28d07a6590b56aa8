// The short way through one part of a head for logs: where nothing is encoded and nothing but masks is
// written, no filter and no scrubber is needed. What the short way cannot tell for certain goes the long way
// (head.h), and where it goes the outcome is the same.
#pragma once

#include "filters/head.h"

namespace cardscrub {

enum class Masked : uint8_t {
  kNothing,    // there is nothing to mask
  kSomething,  // card data was found, and is masked
  kUnknown,    // the long way, please
};

// By a policy whose every action is Action::kMask. As scrub_head() without an observer. *numbers_left: twelve
// digits or more remain together in a name or value, masked or not, so that a look at the whole may find
// more.
Masked mask_head(HeadPart part, std::string_view name, MutableBytes bytes, const Policy& policy,
                 const Worker& worker, bool* numbers_left);

}  // namespace cardscrub
