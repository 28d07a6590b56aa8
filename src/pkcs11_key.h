// An RSA key pair whose private half never leaves a PKCS#11 token (HSM, smart card), used through OpenSSL's
// pkcs11 provider or engine, whichever is installed.
//
//   pkcs11:token=cardscrub;object=kek?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/root/pin
//
// (RFC 7512). The token's library is loaded in a child process only: it may start threads, hang or crash.
#pragma once

#include <string>
#include <string_view>

#include "result.h"
#include "secret.h"

namespace cardscrub {

struct Pkcs11Key {
  std::string uri;       // without its query
  std::string module;    // path of the token's library; empty: what OpenSSL is set up with
  std::string pin_file;  // empty: the token is asked without a PIN
};

// A PIN in the URI itself (pin-value) is refused.
Result<Pkcs11Key> parse_pkcs11_uri(std::string_view uri);

// The public half, as DER of a SubjectPublicKeyInfo. Logs in, so that a wrong PIN shows at once.
Result<SecretBuffer> pkcs11_public_key(const Pkcs11Key& key);

// RSA-OAEP with SHA-256 (`RSA-OAEP-256` of RFC 7518): encryption with the public half, decryption in the
// token.
Result<SecretBuffer> rsa_encrypt(Bytes public_key, Bytes plain);
Result<SecretBuffer> pkcs11_decrypt(const Pkcs11Key& key, Bytes encrypted);

}  // namespace cardscrub
