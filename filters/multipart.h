// multipart/form-data (RFC 7578) and the other multipart types (RFC 2046, 5.1): fields by their names, files
// and everything else swept, each part by its own content type.
#pragma once

#include <memory>
#include <string_view>

#include "filters/filter.h"

namespace cardscrub {

// boundary: the parameter of the Content-Type, unquoted. Null when it cannot be one (empty, too long, or ends
// in a space).
std::unique_ptr<Filter> make_multipart_filter(std::string_view boundary, unsigned layer);

}  // namespace cardscrub
