// Parcels: keys and values for a store outside this host.
#include "code_parcel.h"

#include <algorithm>
#include <cstring>

#include "code_store.h"

namespace cardscrub {
namespace {

constexpr uint8_t kVersion = 2;

void write_key(const CodeCipher::Index& index, ParcelKey* key) {
  constexpr char kHex[] = "0123456789abcdef";
  char* out = std::copy(kParcelPrefix.begin(), kParcelPrefix.end(), key->data());
  for (uint8_t byte : index) {
    *out++ = kHex[byte >> 4];
    *out++ = kHex[byte & 15];
  }
}

}  // namespace

Result<CodeParcels> CodeParcels::create(const KeyRing& ring) {
  Result<CodeCiphers> ciphers = CodeCiphers::create(ring);
  if (!ciphers) return Fault{ciphers.message()};
  return CodeParcels(std::move(*ciphers));
}

ParcelResult CodeParcels::key_of(const Digits& token, const Digits& alias, ParcelKey* key) {
  CodeCipher* cipher = ciphers_.of(token);
  if (cipher == nullptr) return ParcelResult::kUnknown;
  CodeCipher::Index index;
  if (!cipher->index_of(token, alias, &index)) return ParcelResult::kFault;
  write_key(index, key);
  return ParcelResult::kOk;
}

ParcelResult CodeParcels::seal(const Digits& token, const Digits& alias, const Digits& code, int64_t now,
                               uint32_t ttl, ParcelKey* key, ParcelValue* value) {
  CodeCipher* cipher = ciphers_.of(token);
  if (cipher == nullptr) return ParcelResult::kUnknown;
  if (ttl == 0 || ttl > kStoredCodeTtlMax || now < 0 || now > int64_t{UINT32_MAX} - ttl) {
    return ParcelResult::kFault;
  }
  const auto expiry = static_cast<uint32_t>(now + ttl);
  CodeCipher::Index index;
  SealedCode sealed;
  if (!cipher->index_of(token, alias, &index) || !cipher->seal(code, index, expiry, &sealed)) {
    return ParcelResult::kFault;
  }
  write_key(index, key);
  uint8_t* out = value->data();
  *out++ = kVersion;
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<uint8_t>(expiry >> shift);
  static_assert(sizeof sealed == sizeof sealed.nonce + sizeof sealed.ciphertext + sizeof sealed.tag);
  std::memcpy(out, &sealed, sizeof sealed);
  return ParcelResult::kOk;
}

ParcelResult CodeParcels::open(const Digits& token, const Digits& alias, Bytes value, int64_t now,
                               Digits* code) {
  code->clear();
  CodeCipher* cipher = ciphers_.of(token);
  if (cipher == nullptr) return ParcelResult::kUnknown;
  if (value.size() != ParcelValue{}.size() || value[0] != kVersion) return ParcelResult::kFault;
  uint32_t expiry = 0;
  for (size_t i = 1; i <= 4; ++i) expiry = expiry << 8 | value[i];
  CodeCipher::Index index;
  SealedCode sealed;
  std::memcpy(&sealed, value.data() + 5, sizeof sealed);
  if (!cipher->index_of(token, alias, &index) || !cipher->open(sealed, index, expiry, code)) {
    code->clear();
    return ParcelResult::kFault;
  }
  // Only after the tag has proved that the expiry is ours. A store's own clock may be late.
  if (now < int64_t{expiry}) return ParcelResult::kOk;
  code->clear();
  return ParcelResult::kExpired;
}

}  // namespace cardscrub
