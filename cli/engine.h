// What `scan` and `scrub` need of the library: the compiled detector, the default names, one worker.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "src/policy.h"
#include "src/worker.h"

namespace cardscrub::cli {

struct Engine {
  Detector detector;
  FieldNames fields;
  Worker worker;
  uint32_t token_digits = 0;  // digits that start a token of the key ring

  // `keys`: path of a key ring; empty: no tokens. `sources`: of its key-encryption key, if it is
  // wrapped.
  static Result<std::unique_ptr<Engine>> create(const std::string& keys,
                                                std::span<const std::string> sources = {});
};

}  // namespace cardscrub::cli
