// The security-code store: codes encrypted (AES-256-GCM) in memory that the caller provides (nginx: the
// shared memory zone), found by an AES-256 block over (PAN token, alias) under a key of its own, with a time
// to live. PCI DSS 3.3.1, 3.3.2: never on disk.
//
//          put               take, grace > 0             grace over
//   free ------> live --------------------------> taken ------------> used ----> free (or the next entry)
//                  \______________ take, grace 0 ___________________/  at expiry
//
// "live" and "taken" hold a code; "used" holds none and only says until its expiry that there was one.
#pragma once

#include <cstdint>
#include <memory>

#include "key_ring.h"
#include "secret.h"

namespace cardscrub {

// Mutual exclusion among processes; nginx gives a wrapper of its shared-memory mutex.
class StoreLock {
 public:
  virtual ~StoreLock() = default;
  virtual void lock() = 0;
  virtual void unlock() = 0;
};

enum class StoreResult : uint8_t { kOk, kFull, kTaken, kUnknown, kExpired, kUsed, kFault };

// Lays out and formats `size` bytes (aligned to 64) as an empty store. The layout holds offsets, no pointers,
// so every process may map it elsewhere. Two buckets of eight slots for each entry; constant time per call.
// Does nothing when there is no room.
void code_store_format(void* memory, size_t size);
// The number of slots that `size` bytes have room for. kFull comes earlier, when both buckets of an entry are
// full: plan with 70 % of them.
size_t code_store_capacity(size_t size);

// A code has 3 or 4 digits; a slot has room for this many.
inline constexpr size_t kStoredCodeMax = 12;
// The longest time to live in seconds (PCI DSS 3.3.1: not kept beyond the authorisation).
inline constexpr uint32_t kStoredCodeTtlMax = 3600;

struct CodeStoreCounters {
  uint64_t entries;                                  // that hold a code now
  uint64_t stored, revealed, expired, refused_full;  // since the memory was formatted
};

// One worker's access to the memory: keys and reused contexts. The keys are those of the token's generation,
// so an entry outlives rotation and reload as long as its generation is in the ring.
class CodeStore {
 public:
  static Result<CodeStore> open(const KeyRing& ring, void* memory, size_t size, StoreLock* lock);

  // `token` starts with the digit of a generation of the ring; otherwise every call says kUnknown (false).
  // `now`: seconds since 1970.

  // Stores `code` under (token, alias) until now + ttl (seconds). kTaken: another live code stands under this
  // pair. kFull. kFault: ttl is 0 or above kStoredCodeTtlMax, the code is empty or above kStoredCodeMax, or
  // the engine failed.
  [[nodiscard]] StoreResult put(const Digits& token, const Digits& alias, const Digits& code, int64_t now,
                                uint32_t ttl);
  // True when a live entry stands under the pair (an alias must not be given twice).
  [[nodiscard]] bool has(const Digits& token, const Digits& alias, int64_t now);
  // Takes the code out: the entry is wiped, unless `grace` > 0: then it may be taken again within `grace`
  // seconds of the first time, by calls with grace > 0. kExpired, and kUsed until the expiry. kFault: the
  // memory was changed by somebody else.
  [[nodiscard]] StoreResult take(const Digits& token, const Digits& alias, int64_t now, uint32_t grace,
                                 Digits* code);
  // Wipes expired entries, and those whose grace is over, at most `most` slots a call (a worker's timer). All
  // workers share one cursor, so the calls of all of them together go round.
  void sweep(int64_t now, size_t most);
  CodeStoreCounters counters() const;

  CodeStore(CodeStore&&) noexcept;
  CodeStore& operator=(CodeStore&&) noexcept;
  ~CodeStore();

 private:
  struct State;
  explicit CodeStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cardscrub
