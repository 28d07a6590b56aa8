// Blocks of random bytes.
#include "random_block.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>

#include "openssl_handles.h"

namespace cardscrub {

bool RandomBlock::fill(MutableBytes out) {
  if (out.size() > block_.size()) return false;
  const pid_t self = getpid();
  if (block_.size() - used_ < out.size() || owner_ != self) {
    if (!openssl_went(RAND_bytes(block_.data(), static_cast<int>(block_.size())) == 1)) return false;
    used_ = 0;
    owner_ = self;
  }
  std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
  std::fill_n(block_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), uint8_t{0});  // given once
  used_ += out.size();
  return true;
}

bool RandomBlock::below(uint32_t bound, uint8_t* out) {
  if (bound < 1 || bound > 256) return false;
  const uint32_t limit =
      256 - 256 % bound;  // the largest multiple of bound: what is above would favour small numbers
  uint8_t value = 0;
  do {
    if (!byte(&value)) return false;
  } while (value >= limit);
  *out = static_cast<uint8_t>(value % bound);
  return true;
}

bool RandomBlock::alias(const Digits& code, Digits* out) {
  if (code.empty()) return false;
  Digits alias;
  do {
    alias.clear();
    for (size_t i = 0; i < code.size(); i++) {
      uint8_t digit = 0;
      if (!below(i == 0 ? 9 : 10, &digit)) return false;
      if (!alias.push(static_cast<uint8_t>(i == 0 ? digit + 1 : digit))) return false;
    }
  } while (alias == code);
  *out = alias;
  return true;
}

}  // namespace cardscrub
