// FF1, format-preserving encryption with AES (NIST SP 800-38G and its Rev. 1 draft; FF3-1 is withdrawn).
#pragma once

#include <cstdint>
#include <memory>

#include "result.h"
#include "secret.h"

namespace cardscrub {

// One key, one reused AES context. Not thread safe: one object a worker. radix 2..65536 for the vectors; the
// hot path (radix 10, up to 20 numerals) uses 128-bit integers and never allocates, longer inputs use
// OpenSSL's BIGNUM.
class Ff1 {
 public:
  static constexpr size_t kTweakMax = 64;       // bytes
  static constexpr size_t kNumeralsMax = 4096;  // per text

  // key: 16, 24 or 32 bytes. The tweak is at most 64 bytes.
  static Result<Ff1> create(Bytes key);
  Ff1(Ff1&&) noexcept;
  Ff1& operator=(Ff1&&) noexcept;
  ~Ff1();

  // Digits as values 0..9 in place; 6 or more of them (domain >= 10^6). False: out of range (nothing
  // changed), or the engine failed.
  [[nodiscard]] bool encrypt(MutableBytes digits, Bytes tweak);
  [[nodiscard]] bool decrypt(MutableBytes digits, Bytes tweak);

  // Any radix, numerals as 16-bit values, in place; radix^size >= 10^6 (SP 800-38G Rev. 1). For vectors and
  // the command line tool; always by BIGNUM, so that the two ways can be compared with each other.
  [[nodiscard]] bool encrypt(uint32_t radix, std::span<uint16_t> numerals, Bytes tweak);
  [[nodiscard]] bool decrypt(uint32_t radix, std::span<uint16_t> numerals, Bytes tweak);

 private:
  struct State;
  explicit Ff1(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cardscrub
