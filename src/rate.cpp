// A slot: tag of the key (20 bits) | time at which all is paid for (44 bits, in eighths of a millisecond).
#include "rate.h"

#include <algorithm>
#include <functional>

namespace cardscrub {

namespace {

constexpr unsigned kTimeBits = 44;
constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
constexpr uint64_t kPerMillisecond = 8;

// No debt is longer than this, and workers' clocks are not a minute apart: a slot that says more was written
// by a clock that ran ahead and has been put right since.
constexpr uint64_t kLongest = uint64_t{kRateSecondsMost + 60} * 1000 * kPerMillisecond;

uint64_t time_of(uint64_t slot, uint64_t now) {
  const uint64_t time = slot & kTimeMask;
  return time > now + kLongest ? 0 : time;
}
uint64_t tag_of(uint64_t hash) { return hash & ~kTimeMask; }

}  // namespace

RateTable::Slot* RateTable::place(uint64_t hash, uint64_t now) {
  Slot* set = &slots_[hash % kSets * kWays];
  Slot* chosen = set;
  uint64_t earliest = ~uint64_t{0};
  for (Slot* slot = set; slot < set + kWays; ++slot) {
    const uint64_t value = slot->load(std::memory_order_relaxed);
    if (value != 0 && tag_of(value) == tag_of(hash)) return slot;
    // Whoever has paid has no need of a slot any more.
    const uint64_t paid = time_of(value, now);
    const uint64_t time = paid <= now ? 0 : paid;
    if (time < earliest) {
      earliest = time;
      chosen = slot;
    }
  }
  return chosen;
}

uint64_t RateTable::take(std::string_view key, const Rate& rate, uint64_t cost, uint64_t now) {
  if (rate.count == 0 || cost == 0) return 0;
  if (cost > rate.count) return kNever;
  const uint64_t hash = std::hash<std::string_view>{}(key);
  const uint64_t clock = now * kPerMillisecond;
  const uint64_t period = uint64_t{rate.seconds} * 1000 * kPerMillisecond;
  const uint64_t price = (cost * period + rate.count - 1) / rate.count;
  Slot* slot = place(hash, clock);
  uint64_t old = slot->load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t paid = std::max(clock, time_of(old, clock)) + price;
    if (paid - clock > period) return (paid - clock - period + kPerMillisecond - 1) / kPerMillisecond;
    if (slot->compare_exchange_weak(old, tag_of(hash) | (paid & kTimeMask), std::memory_order_relaxed)) {
      return 0;
    }
  }
}

}  // namespace cardscrub
