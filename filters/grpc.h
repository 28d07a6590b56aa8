// gRPC, gRPC-Web and Connect: messages, each behind five bytes of framing.
#pragma once

#include <memory>
#include <string_view>

#include "filters/filter.h"

namespace cardscrub {

// What the messages are is said behind the '+' of the content type: "json" is JSON, everything else Protocol
// Buffers. A compressed message cannot be scrubbed in place: refused (body.encoding).
std::unique_ptr<Filter> make_grpc_filter(std::string_view content_type, unsigned layer);

}  // namespace cardscrub
