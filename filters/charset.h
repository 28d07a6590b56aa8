// Character sets: bodies in UTF-16 and UTF-32 are decoded for the filter inside, and rewritten in place: a
// digit has a fixed width there too.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// kDetect: UTF-16 or UTF-32 by byte order mark or, as RFC 4627 3 tells them for JSON, by the NUL bytes among
// the first four; otherwise the bytes are passed to the inner filter as they are.
enum class Charset : uint8_t { kDetect, kUtf16, kUtf16Le, kUtf16Be, kUtf32, kUtf32Le, kUtf32Be };

// ascii_first: the text begins with ASCII; where its bytes say that it is of another width or order than
// declared, it is refused.
std::unique_ptr<Filter> make_charset_filter(Charset charset, std::unique_ptr<Filter> inner,
                                            bool ascii_first = false);

}  // namespace cardscrub
