// Wrapping and unwrapping key rings.
#include "kek.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "check_value.h"
#include "jwe.h"
#include "kek_source.h"

namespace cardscrub {
namespace {

constexpr size_t kPartsMax = 2;
constexpr std::string_view kAesAlg = "A256KW", kRsaAlg = "RSA-OAEP-256", kRingType = "jwk-set+json";

// A check value is six hexadecimal digits; a file may say anything.
bool is_check_value(std::string_view text) {
  return text.size() == 6 && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

Result<KeyBlock> joined(const KeyBlock& one, const KeyBlock& other) {
  SecretBuffer sum;
  sum.resize(KeyBlock::kSize);
  uint8_t any = 0;
  for (size_t i = 0; i < KeyBlock::kSize; i++) {
    sum.data()[i] = one.span()[i] ^ other.span()[i];
    any |= sum.data()[i];
  }
  if (any == 0) return Fault{"both components of the key-encryption key are the same; each must be random"};
  return KeyBlock(Bytes(sum.span()).first<KeyBlock::kSize>());
}

}  // namespace

Result<Kek> Kek::open(std::span<const std::string> words) {
  if (words.empty() || words.size() > kPartsMax) {
    return Fault{"a key-encryption key has one source, or two that give its components"};
  }
  Kek out;
  std::vector<KekSource> sources;
  for (const std::string& word : words) {
    Result<KekSource> source = parse_kek_source(word);
    if (!source) return Fault{source.message()};
    sources.push_back(std::move(*source));
    if (sources.back().kind != KekSource::Kind::kPkcs11) continue;
    if (words.size() > 1) {
      return Fault{"a key in a token cannot be a component: it never leaves the token; give pkcs11: alone"};
    }
    Status token = out.open_token(word);
    if (!token) return Fault{token.message()};
    return out;
  }
  for (const KekSource& source : sources) {
    Result<KeyBlock> part = read_kek_source(source);
    if (!part) return Fault{part.message()};
    out.parts_.push_back({source.name, key_check_value(part->span())});
    if (!out.key_) {
      out.key_.emplace(std::move(*part));
      continue;
    }
    Result<KeyBlock> whole = joined(*out.key_, *part);
    if (!whole) return Fault{whole.message()};
    *out.key_ = std::move(*whole);
  }
  out.check_value_ = key_check_value(out.key_->span());
  if (out.check_value_.empty()) return Fault{"OpenSSL does not provide CMAC with AES-256"};
  return out;
}

Status Kek::open_token(const std::string& word) {
  Result<Pkcs11Key> token = parse_pkcs11_uri(word);
  if (!token) return Fault{token.message()};
  Result<SecretBuffer> public_key = pkcs11_public_key(*token);
  if (!public_key) return Fault{public_key.message()};
  check_value_ = public_key_check_value(public_key->span());
  parts_.push_back({token->uri, check_value_});
  token_ = std::move(*token);
  public_key_ = std::move(*public_key);
  return Done{};
}

std::string Kek::text() const {
  std::string out;
  for (const Part& part : parts_) {
    out += (out.empty() ? "" : " and ") + part.name + " (check value " + part.check_value + ")";
  }
  return parts_.size() == 1 ? out : out + ", together " + check_value_;
}

Result<SecretBuffer> Kek::wrap(Bytes ring) const {
  SecretBuffer content_key;
  content_key.resize(kContentKeySize);
  if (RAND_priv_bytes(content_key.data(), static_cast<int>(content_key.size())) != 1) {
    return Fault{"OpenSSL has no random numbers to make a key of"};
  }
  Jwe head;
  head.alg = token_ ? kRsaAlg : kAesAlg;
  head.cty = kRingType;
  head.kid = check_value_;
  if (token_) {
    Result<SecretBuffer> encrypted = rsa_encrypt(public_key_.span(), content_key.span());
    if (!encrypted) return Fault{encrypted.message()};
    head.encrypted_key = std::move(*encrypted);
  } else if (!aes_key_wrap(key_->span(), content_key.span(), &head.encrypted_key)) {
    return Fault{"OpenSSL does not provide AES key wrap"};
  }
  SecretBuffer out = seal_jwe(head, content_key.span(), ring);
  if (out.empty()) return Fault{"OpenSSL does not provide AES-256-GCM"};
  return out;
}

Result<SecretBuffer> Kek::unwrap(Bytes wrapped) const {
  Result<Jwe> jwe = parse_jwe(wrapped);
  if (!jwe) return Fault{"it is no JWE: " + jwe.message()};
  if (jwe->cty != kRingType) return Fault{"its content type is not jwk-set+json: it is no key ring"};
  const std::string_view alg = token_ ? kRsaAlg : kAesAlg;
  if (jwe->alg != alg) {
    if (jwe->alg == kRsaAlg) return Fault{"it was wrapped for a key in a token: give its pkcs11: URI"};
    if (jwe->alg == kAesAlg)
      return Fault{"it was not wrapped for a key in a token, but for a key of 32 bytes"};
    return Fault{"header member \"alg\" must be \"A256KW\" or \"RSA-OAEP-256\""};
  }
  if (jwe->kid != check_value_) {
    return Fault{"it was wrapped by a key-encryption key with check value " +
                 (is_check_value(jwe->kid) ? jwe->kid : "unknown") + ", not by " + text()};
  }
  SecretBuffer content_key;
  if (token_) {
    Result<SecretBuffer> key = pkcs11_decrypt(*token_, jwe->encrypted_key.span());
    if (!key) return Fault{key.message()};
    content_key = std::move(*key);
  } else if (!aes_key_unwrap(key_->span(), jwe->encrypted_key.span(), &content_key)) {
    return Fault{"it was changed after it had been written, or its check value fits by chance"};
  }
  return open_jwe(*jwe, content_key.span());
}

bool is_wrapped(Bytes ring) { return looks_like_jwe(ring); }

std::string check_value_of_wrapped(Bytes ring) {
  const Result<Jwe> jwe = parse_jwe(ring);
  return jwe && is_check_value(jwe->kid) ? jwe->kid : "unknown";
}

}  // namespace cardscrub
