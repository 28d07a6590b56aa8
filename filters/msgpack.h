// MessagePack: names and values as in JSON; every string keeps its length, so that the framing survives.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// Maps and arrays open a scope each; what stands in an array goes by the nearest name around it. Strings and
// binary data are values, and may be JSON. Integers, and floats without a fraction, are read but cannot be
// written: a card number or a security code among them is refused (pan.wrapped, field.encoding). Several
// documents may stand in a row. What is no MessagePack is malformed() and swept as text.
std::unique_ptr<Filter> make_msgpack_filter(unsigned layer);

}  // namespace cardscrub
