// Encryption of security codes.
#include "code_cipher.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <cstring>

#include "code_store.h"
#include "hmac.h"
#include "limits.h"

namespace cardscrub {
namespace {

constexpr size_t kPlain = sizeof(SealedCode::ciphertext);
static_assert(kStoredCodeMax <= 2 * (kPlain - 1));
static_assert(limits::kPanMax + kStoredCodeMax <= CodeCipher::kDigitsMax);

// The associated data: what the ciphertext belongs to.
using Associated = std::array<uint8_t, AesBlock::kSize + 4>;

Associated associated_with(const CodeCipher::Index& index, uint32_t expiry) {
  Associated out;
  std::memcpy(out.data(), index.data(), index.size());
  for (unsigned i = 0; i < 4; i++) out[index.size() + i] = static_cast<uint8_t>(expiry >> (24 - 8 * i));
  return out;
}

CipherCtx gcm_context(const EVP_CIPHER* cipher, Bytes key, bool encrypt) {
  CipherCtx ctx{EVP_CIPHER_CTX_new()};
  if (ctx == nullptr ||
      EVP_CipherInit_ex2(ctx.get(), cipher, key.data(), nullptr, encrypt ? 1 : 0, nullptr) != 1) {
    return nullptr;
  }
  return ctx;
}

}  // namespace

Result<CodeCipher> CodeCipher::create(Bytes key) {
  SecretBuffer index_key, code_key;
  index_key.resize(32);
  code_key.resize(32);
  const Cipher cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  if (key.size() != 32 || !cipher || !hkdf_sha256(key, "index", index_key.span()) ||
      !hkdf_sha256(key, "encryption", code_key.span())) {
    return Fault{"OpenSSL does not provide HKDF and AES-256-GCM"};
  }
  Result<AesBlock> names = AesBlock::create(index_key.span());
  if (!names) return Fault{names.message()};
  CipherCtx seal = gcm_context(cipher.get(), code_key.span(), true);
  CipherCtx open = gcm_context(cipher.get(), code_key.span(), false);
  if (!seal || !open) return Fault{"OpenSSL does not provide AES-256-GCM"};
  return CodeCipher(std::move(*names), std::move(seal), std::move(open));
}

Result<CodeCiphers> CodeCiphers::create(const KeyRing& ring) {
  CodeCiphers made;
  for (const KeyRing::Entry& entry : ring.entries()) {
    Result<CodeCipher> cipher =
        CodeCipher::create(ring.derive(entry.generation, KeyPurpose::kCodeStore).span());
    if (!cipher) return Fault{cipher.message()};
    made.by_digit_[entry.generation].emplace(std::move(*cipher));
  }
  return made;
}

bool CodeCipher::index_of(const Digits& token, const Digits& alias, Index* out) {
  if (token.size() + alias.size() > kDigitsMax) return false;
  // Half a byte a digit, and 15, which is none, behind the token and to the end.
  out->fill(0xFF);
  size_t at = 0;
  const auto add = [&](const Digits& digits) {
    for (uint8_t digit : digits.span()) {
      uint8_t& byte = (*out)[at / 2];
      byte = static_cast<uint8_t>(at % 2 == 0 ? digit << 4 | 0xF : (byte & 0xF0) | digit);
      ++at;
    }
  };
  add(token);
  ++at;
  add(alias);
  return names_.encrypt(out->data());
}

bool CodeCipher::seal(const Digits& code, const Index& index, uint32_t expiry, SealedCode* out) {
  if (code.empty() || code.size() > kStoredCodeMax) return false;
  std::array<uint8_t, kPlain> plain{};
  plain[0] = static_cast<uint8_t>(code.size());
  for (size_t i = 0; i < code.size(); i++) {
    plain[1 + i / 2] = static_cast<uint8_t>(plain[1 + i / 2] | code[i] << (i % 2 == 0 ? 4 : 0));
  }
  const Associated associated = associated_with(index, expiry);
  EVP_CIPHER_CTX* ctx = seal_.get();
  OSSL_PARAM tag[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, out->tag.data(), out->tag.size()),
      OSSL_PARAM_construct_end()};
  // EVP_Cipher() is the thin way in, as in aes_block.h: associated data, plaintext, the end.
  const bool good =
      openssl_went(nonces_->fill(out->nonce) &&
                   EVP_EncryptInit_ex2(ctx, nullptr, nullptr, out->nonce.data(), nullptr) == 1 &&
                   EVP_Cipher(ctx, nullptr, associated.data(), associated.size()) >= 0 &&
                   EVP_Cipher(ctx, out->ciphertext.data(), plain.data(), kPlain) == int{kPlain} &&
                   EVP_Cipher(ctx, nullptr, nullptr, 0) >= 0 && EVP_CIPHER_CTX_get_params(ctx, tag) == 1);
  wipe(plain.data(), plain.size());
  return good;
}

bool CodeCipher::open(const SealedCode& sealed, const Index& index, uint32_t expiry, Digits* code) {
  std::array<uint8_t, kPlain> plain{};
  std::array<uint8_t, sizeof sealed.tag> tag = sealed.tag;
  const Associated associated = associated_with(index, expiry);
  EVP_CIPHER_CTX* ctx = open_.get();
  int size = 0;
  bool good = openssl_went(
      EVP_DecryptInit_ex2(ctx, nullptr, nullptr, sealed.nonce.data(), nullptr) == 1 &&
      EVP_DecryptUpdate(ctx, nullptr, &size, associated.data(), static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(ctx, plain.data(), &size, sealed.ciphertext.data(), static_cast<int>(kPlain)) == 1 &&
      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()) == 1 &&
      EVP_DecryptFinal_ex(ctx, plain.data() + size, &size) == 1);
  good = good && plain[0] >= 1 && plain[0] <= kStoredCodeMax;
  code->clear();
  for (size_t i = 0; good && i < plain[0]; i++) {
    good = code->push(static_cast<uint8_t>(plain[1 + i / 2] >> (i % 2 == 0 ? 4 : 0) & 15));
  }
  wipe(plain.data(), plain.size());
  return good;
}

}  // namespace cardscrub
