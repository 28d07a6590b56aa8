// One key in a page of its own: locked in memory where the limits allow, left out of core dumps, wiped.
#pragma once

#include "secret.h"

namespace cardscrub {

class KeyBlock {
 public:
  static constexpr size_t kSize = 32;

  explicit KeyBlock(std::span<const uint8_t, kSize> key);  // throws std::bad_alloc
  ~KeyBlock();
  KeyBlock(KeyBlock&& other) noexcept;
  KeyBlock& operator=(KeyBlock&& other) noexcept;
  KeyBlock(const KeyBlock&) = delete;
  KeyBlock& operator=(const KeyBlock&) = delete;

  std::span<const uint8_t, kSize> span() const { return std::span<const uint8_t, kSize>(page_, kSize); }
  // Locks the page again: a lock is not inherited through fork(). False: the limit (RLIMIT_MEMLOCK) forbids
  // it.
  bool lock() const;

 private:
  void release() noexcept;
  uint8_t* page_ = nullptr;
};

}  // namespace cardscrub
