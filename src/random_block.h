// Random numbers, drawn from OpenSSL a block ahead: a call for each would cost more than what it is for.
#pragma once

#include <array>

#include "secret.h"

namespace cardscrub {

// One object a worker. After a fork() the child draws a block of its own.
class RandomBlock {
 public:
  RandomBlock() = default;
  ~RandomBlock() { wipe(block_.data(), block_.size()); }
  RandomBlock(const RandomBlock&) = delete;  // two objects must never give the same numbers
  RandomBlock& operator=(const RandomBlock&) = delete;

  static constexpr size_t kMost = 256;  // bytes that are given at a time
  // At most kMost bytes. False, and nothing given: the engine failed.
  [[nodiscard]] bool fill(MutableBytes out);
  [[nodiscard]] bool byte(uint8_t* out);
  // 0..bound-1, unbiased; bound 1..256.
  [[nodiscard]] bool below(uint32_t bound, uint8_t* out);
  // A code alias: as many random digits as `code` has (1..Digits::kMax), the first one never 0, never equal
  // to `code`. `out` may be `code` itself. False: no code, or the engine failed.
  [[nodiscard]] bool alias(const Digits& code, Digits* out);

 private:
  // Draws a block when fewer than `count` bytes are left of it.
  bool ready(size_t count);

  static constexpr size_t kSize = 2048;
  std::array<uint8_t, kSize> block_{};
  size_t used_ = kSize;
  unsigned drawn_after_ = 0;  // forks that this process and its parents had gone through when it was drawn
};

}  // namespace cardscrub
