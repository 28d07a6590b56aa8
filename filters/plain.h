// Text without names: text/plain and every content type that no other filter knows.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

enum class PlainCoding : uint8_t { kUtf8, kPercent };
// kPercent: %XX is decoded (URI paths).
std::unique_ptr<Filter> make_plain_filter(unsigned layer, PlainCoding coding);

}  // namespace cardscrub
