// Where tokens of a generation are still in use: in lists (any text: exports, dumps) and in audit logs.
#pragma once

#include <cstdint>
#include <string>

#include "src/result.h"

namespace cardscrub::cli {

struct TokenUse {
  uint64_t count = 0;
  std::string first;  // FILE:LINE of the first one
  // Of audit logs: lines that were read, and ones that cannot be and may have told of a use.
  uint64_t lines = 0;
  uint64_t unreadable = 0;
  std::string first_unreadable;
};

// Adds what the file holds that may be a token of `generation`: 12 to 19 digits that start with it, together
// or in groups with single spaces, hyphens, dots or no-break spaces between. Rather too much than too little:
// a time in milliseconds counts for generation 1. UTF-16 and UTF-32 are read as well. A fault: the file
// cannot be read, is empty (an export that failed), or is compressed.
Status find_tokens(const std::string& path, uint8_t generation, TokenUse* use);

// Adds the lines of an audit log that tell of a token of `generation` at or after `since` (seconds since
// 1970); that a key was loaded is no use of it. A line that is no JSON object (torn by a crash or a full
// disk) counts as unreadable, unless a later line is from before `since`. A fault: the file cannot be read.
Status find_audited(const std::string& path, uint8_t generation, int64_t since, TokenUse* use);

}  // namespace cardscrub::cli
