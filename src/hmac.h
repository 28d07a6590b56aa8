// HMAC-SHA-256 with one key and one reused context, and what is derived with it.
#pragma once

#include <string_view>

#include "openssl_handles.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

// Not thread safe: one object a worker. compute() does not allocate.
class HmacSha256 {
 public:
  static constexpr size_t kSize = 32;

  static Result<HmacSha256> create(Bytes key);
  // False: the engine failed.
  [[nodiscard]] bool compute(Bytes data, std::span<uint8_t, kSize> out);

 private:
  explicit HmacSha256(MacCtx ctx) : ctx_(std::move(ctx)) {}
  MacCtx ctx_;
};

// HKDF-SHA-256 (RFC 5869) without salt; `label` is the info parameter. False: the engine failed.
[[nodiscard]] bool hkdf_sha256(Bytes key, std::string_view label, MutableBytes out);

// CMAC with AES-256 (SP 800-38B) of one block of zeros: a key's check value is its first bytes.
[[nodiscard]] bool cmac_of_zeros(Bytes key, std::span<uint8_t, 16> out);

}  // namespace cardscrub
