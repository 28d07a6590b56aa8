// JSON (RFC 8259), NDJSON, and whatever lenient parsers take for it.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// layer 0: the body itself. many: several values one after another are well-formed (NDJSON, JSON text
// sequences).
//
// Reads on behind every error: malformed() is called once, and only on layer 0. Objects and arrays open a
// scope each; what stands in an array goes by the nearest name around it. Every string, name and number is
// swept, and so is whatever stands between them that is no JSON (comments, unquoted words, single-quoted
// strings); the latter are read as names and values, as JSON5 and GraphQL do, on layer 0 and with graphql.
std::unique_ptr<Filter> make_json_filter(unsigned layer, bool many, bool graphql = false);

}  // namespace cardscrub
