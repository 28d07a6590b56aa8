// The shared memory zone: counters of all workers together, and the security-code store. It survives a
// reload; never on disk, and never a card number in it (codes are encrypted, everything else is counts).
#pragma once

#include <array>
#include <atomic>

#include "nginx.h"
#include "src/card.h"
#include "src/code_store.h"
#include "src/finding.h"
#include "src/rate.h"
#include "src/verdict.h"

namespace cardscrub {

// Counts since the zone was made. Each is a lock-free atomic that all workers add to.
struct Tally {
  using Count = std::atomic<uint64_t>;
  static_assert(Count::is_always_lock_free, "counters in shared memory must not need a lock of one process");

  Count requests;  // that a location with cardscrub on or monitor took
  Count bodies;
  Count bytes;     // of bodies
  Count rejected;  // requests
  Count faults;    // requests that were refused for a fault of ours, and lost moments elsewhere
  Count redacted;  // elements of log lines
  std::array<Count, kKinds> kinds;
  std::array<Count, kBrands> brands;
  std::array<Count, 6> actions;
  std::array<Count, kReasonCount> reasons;

  // Answers on their way out.
  struct Responses {
    Count searched;
    Count bytes;  // of their bodies, inflated
    Count found;  // that held card data
    Count rejected;
    std::array<Count, kKinds> kinds;
  } responses;

  static void add(Count* count, uint64_t n) {
    if (n != 0) count->fetch_add(n, std::memory_order_relaxed);
  }
  void add_verdict(const Verdict& verdict);
};

class Zone {
 public:
  // The counters, once nginx has made the memory; nullptr before that.
  Tally* tally() const;
  // What was revealed of late; nullptr as tally().
  RateTable* rates() const;
  // The memory of the code store and the lock that guards it among the workers.
  void* store() const;
  size_t store_size() const;
  StoreLock* lock() { return &lock_; }

 private:
  friend Zone* add_zone(ngx_conf_t* cf, size_t size);

  class Lock : public StoreLock {
   public:
    void lock() override { ngx_shmtx_lock(mutex_); }
    void unlock() override { ngx_shmtx_unlock(mutex_); }
    ngx_shmtx_t* mutex_ = nullptr;
  };

  struct Layout;
  static ngx_int_t on_memory(ngx_shm_zone_t* shm, void* previous);
  ngx_int_t attach(ngx_shm_zone_t* shm, const Zone* previous);

  Layout* layout_ = nullptr;
  Lock lock_;
};

// Asks nginx for `size` bytes; nullptr when the configuration is refused.
Zone* add_zone(ngx_conf_t* cf, size_t size);

}  // namespace cardscrub
