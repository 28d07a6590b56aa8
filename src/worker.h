// What one worker process owns: scratch space and crypto contexts, reused from request to request.
#pragma once

#include <cstdint>
#include <optional>

#include "code_store.h"
#include "detector.h"
#include "name_memo.h"
#include "name_places.h"
#include "random_block.h"
#include "token.h"

namespace cardscrub {

struct Worker {
  const Detector* detector = nullptr;
  HsScratch scratch;
  std::optional<TokenVault> vault;  // none: masks and monitoring only
  std::optional<CodeStore> codes;   // none: codes get an alias that nothing can turn back
  RandomBlock random;
  NameMemo names;
  NamePlaces places;
  bool fingerprints = true;  // whether anybody asks for Verdict::first_fingerprint
  bool field_names = true;   // and for Verdict::fields
  int64_t now = 0;           // seconds since 1970; the caller keeps it fresh
};

}  // namespace cardscrub
