// A finding: where card data stands and what it is. Never a digit of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "card.h"

namespace cardscrub {

enum class Action : uint8_t { kNone, kTokenize, kAlias, kMask, kReject, kReveal };
std::string_view action_name(Action action);

// A stretch of a text that was proved to be card data.
struct Finding {
  size_t begin = 0;  // index of the first unit, within the text that was looked at
  size_t end = 0;    // one past the last
  Kind kind = Kind::kNone;
  Brand brand = Brand::kUnknown;
};

}  // namespace cardscrub
