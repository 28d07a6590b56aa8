// What the code store does outside its lock: the tag under which a code is found, and the code's encryption.
#pragma once

#include <array>
#include <optional>

#include "aes_block.h"
#include "key_ring.h"
#include "openssl_handles.h"
#include "random_block.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

// A code as it lies in memory.
struct SealedCode {
  std::array<uint8_t, 12> nonce;
  std::array<uint8_t, 8> ciphertext;  // length, then digits two a byte, padded with zeros
  std::array<uint8_t, 16> tag;        // GCM's
};

// The keys of one generation; contexts are reused, nothing is allocated. Not thread safe.
class CodeCipher {
 public:
  using Index = std::array<uint8_t, AesBlock::kSize>;
  // Digits of token and alias together that fit an Index.
  static constexpr size_t kDigitsMax = 2 * AesBlock::kSize - 1;

  // `key`: the generation's working key for the code store. Two keys are made of it, one a purpose.
  static Result<CodeCipher> create(Bytes key);

  // The name of an entry: one block of AES-256 over token and alias, written so that no other pair looks the
  // same. A permutation under a secret key: it tells nothing, and no two pairs ever share a name. False: more
  // than kDigitsMax digits, or the engine failed.
  [[nodiscard]] bool index_of(const Digits& token, const Digits& alias, Index* out);
  // AES-256-GCM with a fresh random nonce; `index` and `expiry` are authenticated with it.
  [[nodiscard]] bool seal(const Digits& code, const Index& index, uint32_t expiry, SealedCode* out);
  // False: not what seal() made for this index and expiry.
  [[nodiscard]] bool open(const SealedCode& sealed, const Index& index, uint32_t expiry, Digits* code);

 private:
  CodeCipher(AesBlock names, CipherCtx seal, CipherCtx open)
      : names_(std::move(names)),
        seal_(std::move(seal)),
        open_(std::move(open)),
        nonces_(std::make_unique<RandomBlock>()) {}
  AesBlock names_;
  CipherCtx seal_, open_;
  std::unique_ptr<RandomBlock> nonces_;
};

// The ciphers of all generations of a key ring.
class CodeCiphers {
 public:
  static Result<CodeCiphers> create(const KeyRing& ring);

  // Of the generation that the token's first digit names; nullptr: not in the ring.
  CodeCipher* of(const Digits& token) {
    return token.empty() || token[0] > 9 || !by_digit_[token[0]] ? nullptr : &*by_digit_[token[0]];
  }

 private:
  CodeCiphers() = default;
  std::array<std::optional<CodeCipher>, 10> by_digit_;
};

}  // namespace cardscrub
