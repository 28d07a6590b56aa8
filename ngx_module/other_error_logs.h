// The error logs that are not http's.
#pragma once

#include <vector>

#include "nginx.h"

namespace cardscrub {

// Those that stream and mail servers write to; known when the whole configuration has been read.
std::vector<ngx_log_t*> other_error_logs(const ngx_cycle_t* cycle);

}  // namespace cardscrub
