// Card data in the memory of running processes: cardscrub scan --process PID...
#pragma once

#include <string>
#include <vector>

#include "cli/engine.h"

namespace cardscrub::cli {

// Says in which area and at which address card numbers and track data stand, never a digit of them.
// `seconds`: reads a second time after so many, and names only what is still there: on a server that works,
// requests in flight are not. Exit status as of `cardscrub scan`.
int scan_processes(const std::vector<std::string>& pids, unsigned seconds, bool as_json, Engine& engine);

}  // namespace cardscrub::cli
