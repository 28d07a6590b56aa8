// What an application answers is no reason to refuse it: where the filter of its content type cannot go on (a
// limit, a broken structure), the rest is read as plain text.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// For a policy of a response. Faults of ours still refuse.
std::unique_ptr<Filter> make_fallback_filter(std::unique_ptr<Filter> inner);

}  // namespace cardscrub
