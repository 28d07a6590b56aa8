// Content-Transfer-Encoding (RFC 2045, 6) of a part: decoded for the filter inside.
#pragma once

#include <memory>

#include "filters/filter.h"
#include "filters/part_head.h"

namespace cardscrub {

// Quoted-printable: a digit is replaced in place, in the form it has. Base64: digits are found but cannot be
// replaced, so card data in it is refused (pan.wrapped, field.encoding); so are bytes that are no base64
// (body.encoding), and card numbers that stand in it as if it were plain text. kIdentity: `inner` itself.
std::unique_ptr<Filter> make_transfer_filter(TransferCoding coding, std::unique_ptr<Filter> inner);

}  // namespace cardscrub
