// The head of a request: URI, arguments, cookies, header values, each complete in memory and scrubbed in
// place.
#pragma once

#include "src/scrubber.h"

namespace cardscrub {

enum class HeadPart : uint8_t {
  kPath,       // URI path, percent-encoded, with matrix parameters (;name=value)
  kArguments,  // the query
  kTarget,  // path and query together, as in the request line ("/a?b=c", absolute form, or a URL in Referer
            // and Location)
  kCookie,  // Cookie: a=b; c=d
  kHeader,  // any other value; `name` is the header's name, matched as a field name
};

// Scrubs `bytes` by `policy` (its `sweep` action for what is not named). The verdict collects refusals. Same
// length, in place.
void scrub_head(HeadPart part, std::string_view name, MutableBytes bytes, const Policy& policy,
                Worker& worker, Verdict& verdict, std::string_view name_space,
                FindingObserver* observer = nullptr);

// What the name of a header announces.
FieldMatch match_header(const FieldNames& fields, std::string_view name);

// Direction::kReveal: the value of a named header. `value` is a part of the memory that the whole request is
// revealed in: its base counts in there. errands: as for Scrubber.
void reveal_header(std::string_view name, const RawView& value, const Policy& policy, Worker& worker,
                   Verdict& verdict, std::string_view name_space, CodeErrands* errands);

}  // namespace cardscrub
