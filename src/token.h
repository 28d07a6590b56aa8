// PAN tokens (DESIGN 6): generation digit + FF1 over the digits between + what is kept. Nothing is stored.
//
//   last4   4 111111111111 ... 1111        G = generation digit
//           |-> dropped: Luhn gives it back
//           G [FF1: digits 2..L-4] 1111
//   full    G [FF1: digits 2..L]
//
// FF1's tweak: format, length, last four (last4) and namespace; see tweak_of() in token.cpp.
#pragma once

#include <string_view>

#include "ff1.h"
#include "key_ring.h"
#include "secret.h"

namespace cardscrub {

enum class TokenFormat : uint8_t { kLast4, kFull };

// All live generations of one key ring. One object a worker (its AES contexts are reused). Functions do not
// allocate.
class TokenVault {
 public:
  static Result<TokenVault> create(const KeyRing& ring);

  // `pan`: 12..19 digits, Luhn valid; becomes its token in place, under the active generation. False: not
  // Luhn valid, length out of range, or the engine failed. name_space is part of the tweak (its SHA-256 when
  // longer than 32 bytes).
  [[nodiscard]] bool tokenize(Digits* pan, TokenFormat format, std::string_view name_space);
  // The inverse. False: unknown generation digit, length out of range, or the engine failed. Every token of a
  // live generation decrypts to some Luhn valid number; only the right namespace gives the right one.
  [[nodiscard]] bool detokenize(Digits* token, TokenFormat format, std::string_view name_space);
  // 12..19 digits that start with the digit of a live generation.
  bool is_token(const Digits& digits) const;

  // HMAC-SHA-256 over the PAN's digits (ASCII) under the fingerprint key of the active generation, first 16
  // bytes (PCI DSS 3.5.1.1). False: 12..19 digits is what a PAN has, or the engine failed.
  [[nodiscard]] bool fingerprint(const Digits& pan, std::span<uint8_t, 16> out);

  TokenVault(TokenVault&&) noexcept;
  TokenVault& operator=(TokenVault&&) noexcept;
  ~TokenVault();

 private:
  struct State;
  explicit TokenVault(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cardscrub
