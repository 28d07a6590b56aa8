// AES (FIPS 197) on single blocks, forward direction only: what FF1's rounds and the names of stored codes
// are made of. With the processor's AES instructions a block costs some thirty of them; a call into OpenSSL,
// which does the same wherever there are none, costs two hundred for its bookkeeping.
#pragma once

#include <memory>

#include "openssl_handles.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

class AesBlock {
 public:
  static constexpr size_t kSize = 16;
  enum class Engine : uint8_t { kBest, kOpenSsl };  // kOpenSsl: to compare with

  // key: 16, 24 or 32 bytes. The processor's instructions are used for 32.
  static Result<AesBlock> create(Bytes key, Engine engine = Engine::kBest);

  // kSize bytes in place. False: the engine failed.
  [[nodiscard]] bool encrypt(uint8_t* block) {
    if (rounds_ != nullptr) {
      encrypt_here(block);
      return true;
    }
    // The thin way in: one call into the provider, no bookkeeping of partial blocks.
    return openssl_went(EVP_Cipher(openssl_.get(), block, block, kSize) == static_cast<int>(kSize));
  }
  bool uses_processor() const { return rounds_ != nullptr; }

 private:
  struct RoundKeys {
    ~RoundKeys() { wipe(bytes.data(), bytes.size()); }
    alignas(16) std::array<uint8_t, 15 * kSize> bytes{};
  };

  explicit AesBlock(CipherCtx openssl) : openssl_(std::move(openssl)) {}
  void encrypt_here(uint8_t* block) const;

  CipherCtx openssl_;                  // none when there are rounds_
  std::unique_ptr<RoundKeys> rounds_;  // none: OpenSSL does it
};

}  // namespace cardscrub
