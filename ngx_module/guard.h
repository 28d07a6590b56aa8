// The wall: no exception leaves a function that nginx calls.
#pragma once

#include <utility>

#include "nginx.h"

namespace cardscrub {

// Runs `work`; when it throws, writes one fixed sentence (never what(), which could quote what was read) and
// returns `fallback`.
template <typename Value, typename Work>
Value guard(ngx_log_t* log, const char* moment, Value fallback, Work&& work) noexcept {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    ngx_log_error(NGX_LOG_CRIT, log, 0, "cardscrub: memory or an engine failed while %s", moment);
    return fallback;
  }
}

// For moments that return nothing: "went well" or not.
template <typename Work>
bool guarded(ngx_log_t* log, const char* moment, Work&& work) noexcept {
  return guard(log, moment, false, [&] {
    work();
    return true;
  });
}

}  // namespace cardscrub
