// The key-encryption key that a key ring's file may be wrapped with, and the wrapping: an encrypted JWK Set
// (RFC 7517, section 7), which is a compact JWE with
//
//   alg  A256KW (a key of 32 bytes, or the XOR of two components), or RSA-OAEP-256 (a key pair in a token)
//   enc  A256GCM
//   cty  jwk-set+json
//   kid  check value of the key-encryption key
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "key_block.h"
#include "pkcs11_key.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

class Kek {
 public:
  // One word for each source (kek_source.h): one gives the key; two give its components, each held by another
  // person (PCI DSS 3.6.1.2, 3.7.6). Faults: a word that is none, a source that gives no key, two that give
  // the same.
  static Result<Kek> open(std::span<const std::string> words);

  struct Part {
    std::string name;  // of the source
    std::string check_value;
  };
  const std::vector<Part>& parts() const { return parts_; }
  const std::string& check_value() const { return check_value_; }
  // `file:/root/kek (check value 1A2B3C)`; with two components both, and the check value of the whole.
  std::string text() const;

  // The wrapped text of a key ring, and back.
  Result<SecretBuffer> wrap(Bytes ring) const;
  Result<SecretBuffer> unwrap(Bytes wrapped) const;

 private:
  Kek() = default;
  Status open_token(const std::string& word);

  std::vector<Part> parts_;
  std::string check_value_;
  std::optional<KeyBlock> key_;
  std::optional<Pkcs11Key> token_;  // instead of key_
  SecretBuffer public_key_;         // of the token
};

bool is_wrapped(Bytes ring);
// The check value that a wrapped ring names, or "unknown".
std::string check_value_of_wrapped(Bytes ring);

}  // namespace cardscrub
