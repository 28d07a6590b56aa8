// A security code on its way to a store outside this host (DESIGN 6): under a name that is enciphered itself,
// encrypted, so that the store and the wire to it know neither code, nor token, nor alias.
//
//   key    "cardscrub:code:" and the entry's name (CodeCipher::index_of) in hexadecimal
//   value  version (1) | expiry, seconds since 1970, big endian (4) | nonce (12) | ciphertext (8) | tag (16)
#pragma once

#include <array>

#include "code_cipher.h"

namespace cardscrub {

inline constexpr std::string_view kParcelPrefix = "cardscrub:code:";
using ParcelKey = std::array<char, kParcelPrefix.size() + 2 * AesBlock::kSize>;
using ParcelValue = std::array<uint8_t, 1 + 4 + sizeof(SealedCode)>;

enum class ParcelResult : uint8_t {
  kOk,
  kUnknown,  // the token's generation is not in the ring
  kExpired,
  kFault,  // not what was sealed for this token and alias; or the engine failed
};

// One worker's keys and contexts. Nothing is allocated after create().
class CodeParcels {
 public:
  static Result<CodeParcels> create(const KeyRing& ring);

  [[nodiscard]] ParcelResult key_of(const Digits& token, const Digits& alias, ParcelKey* key);
  // `code`: 1..kStoredCodeMax digits. `now`: seconds since 1970; `ttl`: seconds, 1..kStoredCodeTtlMax.
  [[nodiscard]] ParcelResult seal(const Digits& token, const Digits& alias, const Digits& code, int64_t now,
                                  uint32_t ttl, ParcelKey* key, ParcelValue* value);
  // What came back from the store: any bytes.
  [[nodiscard]] ParcelResult open(const Digits& token, const Digits& alias, Bytes value, int64_t now,
                                  Digits* code);

 private:
  explicit CodeParcels(CodeCiphers ciphers) : ciphers_(std::move(ciphers)) {}
  CodeCiphers ciphers_;
};

}  // namespace cardscrub
