// Opening a key ring, wrapped or not, as every command does that uses one.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/arguments.h"
#include "src/kek.h"
#include "src/key_ring.h"

namespace cardscrub::cli {

// The key-encryption key that the options of this name give (once, or twice for two components).
Result<std::optional<Kek>> open_kek(const Arguments& arguments, std::string_view option = "kek");

// The same for words that are at hand.
Result<std::optional<Kek>> open_kek(std::span<const std::string> words);

// nullptr when there is none: as KeyRing's functions take it.
inline const Kek* pointer(const std::optional<Kek>& kek) { return kek ? &*kek : nullptr; }

}  // namespace cardscrub::cli
