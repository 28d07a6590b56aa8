// A bounded child process: what may hang, crash or start threads (a vendor's PKCS#11 library, an operator's
// command) does so outside of the process that asks.
#pragma once

#include <functional>

#include "secret.h"

namespace cardscrub {

struct ChildLimits {
  size_t output;  // bytes; more is kTooMuch
  int seconds;    // until it must have ended
};

struct ChildEnd {
  // kFailed: it could not be started, or its end was taken by somebody else's wait().
  enum class How : uint8_t { kExited, kKilled, kTimedOut, kTooMuch, kFailed };
  How how = How::kFailed;
  int number = 0;  // exit status, signal, or errno of kFailed
  SecretBuffer output;
};

// Runs `work` in a child of its own session, with default signal handling, standard input from /dev/null and
// no descriptor open but 0, 1, 2 and the one that it is given to write to. Its return value is the exit
// status; it may also call exec. Waits for its end; what outlives the limits is killed with all that it
// started.
ChildEnd run_child(const ChildLimits& limits, const std::function<int(int fd)>& work);

}  // namespace cardscrub
