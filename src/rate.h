// How much was asked for of late, by key (a client, a location): in memory that several processes share,
// without a lock. Generic cell rate algorithm (ITU-T I.371): each key has the time at which all that it was
// given will have been paid for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace cardscrub {

// `count` in `seconds`, all at once if need be. count 0: no bound.
struct Rate {
  uint32_t count = 0;
  uint32_t seconds = 1;
};

// A finer rate cannot be counted, nor one over a longer time.
inline constexpr uint32_t kRatePerSecondMost = 1000;
inline constexpr uint32_t kRateSecondsMost = 3600;

// Lives in shared memory, made of zeros. When all places of a key's set are taken by others that still have
// to pay, it shares the one that is free the soonest: never more than the rate, perhaps less.
class RateTable {
 public:
  // Takes `cost` at `now` (milliseconds since 1970). 0: granted; otherwise nothing was taken, and so many
  // milliseconds later it may be. kNever: more than the rate allows at once.
  uint64_t take(std::string_view key, const Rate& rate, uint64_t cost, uint64_t now);
  static constexpr uint64_t kNever = ~uint64_t{0};

 private:
  using Slot = std::atomic<uint64_t>;
  static_assert(Slot::is_always_lock_free, "shared memory must not need a lock of one process");
  static constexpr size_t kWays = 4;
  static constexpr size_t kSets = 1024;

  Slot* place(uint64_t hash, uint64_t now);

  std::array<Slot, kSets * kWays> slots_;
};

}  // namespace cardscrub
