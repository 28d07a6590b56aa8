// MACs and key derivation by OpenSSL's EVP interface.
#include "hmac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <array>

namespace cardscrub {
namespace {

// OSSL_PARAM wants mutable pointers and only reads through these.
OSSL_PARAM text_param(const char* name, const char* value) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}

OSSL_PARAM bytes_param(const char* name, const void* data, size_t size) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), size);
}

}  // namespace

Result<HmacSha256> HmacSha256::create(Bytes key) {
  const Mac mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  MacCtx ctx{mac ? EVP_MAC_CTX_new(mac.get()) : nullptr};
  const OSSL_PARAM params[] = {text_param(OSSL_MAC_PARAM_DIGEST, "SHA256"), OSSL_PARAM_construct_end()};
  if (!ctx || EVP_MAC_init(ctx.get(), key.data(), key.size(), params) != 1) {
    return Fault{"OpenSSL does not provide HMAC-SHA-256"};
  }
  return HmacSha256(std::move(ctx));
}

bool HmacSha256::compute(Bytes data, std::span<uint8_t, kSize> out) {
  size_t size = 0;
  return openssl_went(EVP_MAC_init(ctx_.get(), nullptr, 0, nullptr) == 1 &&  // starts over with the same key
                      EVP_MAC_update(ctx_.get(), data.data(), data.size()) == 1 &&
                      EVP_MAC_final(ctx_.get(), out.data(), &size, out.size()) == 1 && size == kSize);
}

bool hkdf_sha256(Bytes key, std::string_view label, MutableBytes out) {
  const Kdf kdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  const KdfCtx ctx{kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr};
  const OSSL_PARAM params[] = {
      text_param(OSSL_KDF_PARAM_DIGEST, "SHA256"), bytes_param(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
      bytes_param(OSSL_KDF_PARAM_INFO, label.data(), label.size()), OSSL_PARAM_construct_end()};
  return ctx && EVP_KDF_derive(ctx.get(), out.data(), out.size(), params) == 1;
}

bool cmac_of_zeros(Bytes key, std::span<uint8_t, 16> out) {
  const std::array<uint8_t, 16> zeros{};
  const Mac mac{EVP_MAC_fetch(nullptr, "CMAC", nullptr)};
  const MacCtx ctx{mac ? EVP_MAC_CTX_new(mac.get()) : nullptr};
  const OSSL_PARAM params[] = {text_param(OSSL_MAC_PARAM_CIPHER, "AES-256-CBC"), OSSL_PARAM_construct_end()};
  size_t size = 0;
  return ctx && EVP_MAC_init(ctx.get(), key.data(), key.size(), params) == 1 &&
         EVP_MAC_update(ctx.get(), zeros.data(), zeros.size()) == 1 &&
         EVP_MAC_final(ctx.get(), out.data(), &size, out.size()) == 1 && size == out.size();
}

}  // namespace cardscrub
