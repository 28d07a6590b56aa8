// Protocol Buffers without a schema: every string keeps its length, so that the framing survives.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// What stands in a field of the length-delimited kind is a message when it reads as one from its first byte
// to its last and is not plain text; else text, swept between exactly its own ends: a length or a tag that
// happens to be a letter or a digit touches nothing. There are no names, so there are no named fields.
// Integers (varint) are read but cannot be written: a card number among them is refused (pan.wrapped). What
// is no message is malformed() and swept as text.
std::unique_ptr<Filter> make_protobuf_filter(unsigned layer);

}  // namespace cardscrub
