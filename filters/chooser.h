// Which filter reads which content type: one row a type.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "filters/filter.h"

namespace cardscrub {

// The filter for a Content-Type header value (RFC 9110, 8.3), parameters included; never null when *why is
// kNone. Types without a row are read as plain text. *why: kBodyType (a multipart type without a usable
// boundary, or a parameter that contradicts itself), kBodyCharset (a charset that is not ASCII-compatible and
// not Unicode).
std::unique_ptr<Filter> make_filter(std::string_view content_type, unsigned layer, Reason* why);

// The same for an answer, which is never refused for its type: what has no filter, or breaks the rules of its
// type further on, is read as plain text, and an unknown charset as one in which digits are ASCII.
std::unique_ptr<Filter> make_response_filter(std::string_view content_type);
// Whether fields have names in a body of this type, so that they can be found by them.
bool has_named_fields(std::string_view content_type);

// The value of a parameter ("charset", "boundary") of a header value; quoted strings are unquoted. Empty when
// absent.
std::string header_parameter(std::string_view value, std::string_view name);
// True when it stands there twice, with different values: parsers do not agree on which one counts.
bool contradicts_itself(std::string_view value, std::string_view name);

}  // namespace cardscrub
