// Hyperscan (or Vectorscan), owned: a compiled database and a worker's scratch space. Both are allocated with
// memory that is wiped when it is given back.
#pragma once

#include <hs/hs.h>

#include <memory>
#include <span>

#include "result.h"

namespace cardscrub {

struct HsPattern {
  const char* expression;
  unsigned flags;
  unsigned id;
};

struct HsDatabaseFree {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct HsScratchFree {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using HsDatabase = std::unique_ptr<hs_database_t, HsDatabaseFree>;
using HsScratch = std::unique_ptr<hs_scratch_t, HsScratchFree>;

// Block mode. Sets the wiping allocators first (once a process). The fault names the pattern.
Result<HsDatabase> hs_compile_block(std::span<const HsPattern> patterns);
Result<HsScratch> hs_make_scratch(const hs_database_t* database);

}  // namespace cardscrub
