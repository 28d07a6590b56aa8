// AES (FIPS 197) on single blocks, forward direction only: what FF1's rounds and the names of stored codes
// are made of. OpenSSL does it, in a context that is reused.
#pragma once

#include "openssl_handles.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

class AesBlock {
 public:
  static constexpr size_t kSize = 16;

  // key: 16, 24 or 32 bytes.
  static Result<AesBlock> create(Bytes key);

  // kSize bytes in place. False: OpenSSL failed.
  [[nodiscard]] bool encrypt(uint8_t* block) {
    // The thin way in: one call into the provider, no bookkeeping of partial blocks.
    return openssl_went(EVP_Cipher(ctx_.get(), block, block, kSize) == static_cast<int>(kSize));
  }

 private:
  explicit AesBlock(CipherCtx ctx) : ctx_(std::move(ctx)) {}

  CipherCtx ctx_;
};

}  // namespace cardscrub
