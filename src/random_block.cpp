// Blocks of random bytes.
#include "random_block.h"

#include <openssl/rand.h>
#include <pthread.h>

#include "openssl_handles.h"

namespace cardscrub {

namespace {

// Counted in every child, so that asking costs no system call. 0: nobody counts.
unsigned g_forks = 0;
void count_fork() { ++g_forks; }
const bool g_counts = [] {
  g_forks = 1;
  return pthread_atfork(nullptr, nullptr, count_fork) == 0;
}();

}  // namespace

bool RandomBlock::ready(size_t count) {
  if (kSize - used_ >= count && drawn_after_ == g_forks && g_counts) return true;
  if (!openssl_went(RAND_bytes(block_.data(), static_cast<int>(kSize)) == 1)) return false;
  used_ = 0;
  drawn_after_ = g_forks;
  return true;
}

bool RandomBlock::byte(uint8_t* out) {
  if (!ready(1)) return false;
  *out = block_[used_];
  block_[used_++] = 0;  // given once
  return true;
}

bool RandomBlock::fill(MutableBytes out) {
  if (out.empty()) return true;
  if (out.size() > kMost || !ready(out.size())) return false;
  std::memcpy(out.data(), block_.data() + used_, out.size());
  wipe(block_.data() + used_, out.size());  // given once
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
