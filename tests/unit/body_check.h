// A body under every law: what comes out, what is told, at every cut, and once more.
#pragma once

#include "tests/unit/filter_run.h"

namespace cardscrub::testing {

// Codes are masked, so that runs can be compared. `out` empty: the body is refused for `reason`.
inline void check_body(const std::string& name, std::string_view type, const std::string& in,
                       const std::string& out, size_t findings, Reason reason = Reason::kNone) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const Run whole = run_body(policy, type, in, 0);
  if (reason != Reason::kNone) {
    if (!whole.verdict.refused()) fail_msg("%s: not refused", name.c_str());
    if (whole.verdict.problems()[0].reason != reason) {
      fail_msg("%s: %s", name.c_str(), whole.verdict.problem_json().c_str());
    }
  } else if (whole.verdict.refused()) {
    fail_msg("%s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  } else {
    if (whole.out != out) fail_msg("%s: became %s", name.c_str(), whole.out.c_str());
    if (whole.events.size() != findings) fail_msg("%s:%s", name.c_str(), listed(whole.events).c_str());
  }
  for (size_t chunk : kChunkSizes) {
    const Run cut = run_body(policy, type, in, chunk, {.separate_end = chunk == 2, .gathered = chunk == 17});
    if (cut.verdict.refused() != whole.verdict.refused()) fail_msg("%s: pieces of %zu", name.c_str(), chunk);
    if (whole.verdict.refused()) continue;
    if (cut.out != whole.out) fail_msg("%s: pieces of %zu: %s", name.c_str(), chunk, cut.out.c_str());
    if (cut.events != whole.events) {
      fail_msg("%s: pieces of %zu:%s\ninstead of%s", name.c_str(), chunk, listed(cut.events).c_str(),
               listed(whole.events).c_str());
    }
  }
  if (whole.verdict.refused()) return;
  const Run twice = run_body(policy, type, out, 0);
  if (twice.out != out) fail_msg("%s: twice is not once", name.c_str());
}

}  // namespace cardscrub::testing
