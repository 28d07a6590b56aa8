// Compact JWE by OpenSSL. The header is no secret and is read by the JSON library; all else stays in secret
// memory.
#include "jwe.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base64url.h"
#include "openssl_handles.h"

namespace cardscrub {
namespace {

using Json = nlohmann::json;

constexpr size_t kIvSize = 12, kTagSize = 16;  // RFC 7518, section 5.3
constexpr size_t kParts = 5;
constexpr size_t kWrapBlock = 8;  // what RFC 3394 adds

int int_of(size_t size) { return static_cast<int>(size); }

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

void append(SecretBuffer* out, std::string_view text) { out->append(bytes_of(text)); }

// Absent members are empty; a fault: a member that is no text.
bool text_member(const Json& object, const char* name, std::string* out) {
  const auto member = object.find(name);
  if (member == object.end()) return true;
  const auto* text = member->get_ptr<const std::string*>();
  if (text == nullptr) return false;
  *out = *text;
  return true;
}

Status read_header(Bytes encoded, Jwe* out) {
  SecretBuffer text;
  if (!base64url_decode(encoded, &text)) return Fault{"its header is not base64url"};
  const Json header = Json::parse(text.data(), text.data() + text.size(), nullptr, false);
  if (!header.is_object()) return Fault{"its header is no JSON object"};
  for (const char* name : {"zip", "crit"}) {
    if (header.contains(name)) return Fault{std::string("header member \"") + name + "\" is not supported"};
  }
  std::string content_alg;
  if (!text_member(header, "alg", &out->alg) || !text_member(header, "enc", &content_alg) ||
      !text_member(header, "cty", &out->cty) || !text_member(header, "kid", &out->kid) || out->alg.empty()) {
    return Fault{"header members \"alg\", \"enc\", \"cty\" and \"kid\" must be texts"};
  }
  if (content_alg != "A256GCM") return Fault{"header member \"enc\" must be \"A256GCM\""};
  return Done{};
}

bool wrap_cipher(bool encrypt, Bytes kek, Bytes in, SecretBuffer* out) {
  const Cipher cipher{EVP_CIPHER_fetch(nullptr, "AES-256-WRAP", nullptr)};
  const CipherCtx ctx{EVP_CIPHER_CTX_new()};
  if (!cipher || !ctx || kek.size() != kContentKeySize || in.size() % kWrapBlock != 0) return false;
  if (in.size() < (encrypt ? 2 : 3) * kWrapBlock) return false;
  EVP_CIPHER_CTX_set_flags(ctx.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  SecretBuffer result;
  result.resize(in.size() + 2 * kWrapBlock);
  int size = 0, rest = 0;
  if (EVP_CipherInit_ex2(ctx.get(), cipher.get(), kek.data(), nullptr, encrypt ? 1 : 0, nullptr) != 1 ||
      EVP_CipherUpdate(ctx.get(), result.data(), &size, in.data(), int_of(in.size())) != 1 ||
      EVP_CipherFinal_ex(ctx.get(), result.data() + size, &rest) != 1) {
    return false;
  }
  const size_t done = static_cast<size_t>(size) + static_cast<size_t>(rest);
  if (done != (encrypt ? in.size() + kWrapBlock : in.size() - kWrapBlock)) return false;
  out->append(result.span().first(done));
  return true;
}

// A256GCM for one message; `tag` is written or read.
bool gcm(bool encrypt, Bytes key, Bytes iv, Bytes header, Bytes in, MutableBytes out, MutableBytes tag) {
  const Cipher cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  const CipherCtx ctx{EVP_CIPHER_CTX_new()};
  int size = 0, rest = 0;
  if (!cipher || !ctx ||
      EVP_CipherInit_ex2(ctx.get(), cipher.get(), key.data(), iv.data(), encrypt ? 1 : 0, nullptr) != 1 ||
      EVP_CipherUpdate(ctx.get(), nullptr, &size, header.data(), int_of(header.size())) != 1 ||
      EVP_CipherUpdate(ctx.get(), out.data(), &size, in.data(), int_of(in.size())) != 1) {
    return false;
  }
  if (!encrypt &&
      EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, int_of(tag.size()), tag.data()) != 1) {
    return false;
  }
  if (EVP_CipherFinal_ex(ctx.get(), out.data() + size, &rest) != 1) return false;
  return !encrypt ||
         EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, int_of(tag.size()), tag.data()) == 1;
}

}  // namespace

bool looks_like_jwe(Bytes text) {
  constexpr std::string_view kBrace = "ey";  // {" in base64url
  return text.size() >= kBrace.size() && text[0] == kBrace[0] && text[1] == kBrace[1];
}

Result<Jwe> parse_jwe(Bytes text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text = text.first(text.size() - 1);
  }
  std::array<Bytes, kParts> parts;
  for (size_t i = 0; i < kParts; i++) {
    const auto dot = std::find(text.begin(), text.end(), uint8_t{'.'});
    if ((dot == text.end()) != (i + 1 == kParts))
      return Fault{"it must have five parts with dots between them"};
    const size_t size = static_cast<size_t>(dot - text.begin());
    parts[i] = text.first(size);
    text = text.subspan(std::min(size + 1, text.size()));
  }
  Jwe out;
  Status header = read_header(parts[0], &out);
  if (!header) return Fault{header.message()};
  out.protected_.assign(parts[0].begin(), parts[0].end());
  if (!base64url_decode(parts[1], &out.encrypted_key) || !base64url_decode(parts[2], &out.iv) ||
      !base64url_decode(parts[3], &out.ciphertext) || !base64url_decode(parts[4], &out.tag)) {
    return Fault{"a part of it is not base64url"};
  }
  if (out.iv.size() != kIvSize || out.tag.size() != kTagSize) {
    return Fault{"its initialisation vector must have 12 bytes and its tag 16"};
  }
  return out;
}

Result<SecretBuffer> open_jwe(const Jwe& jwe, Bytes content_key) {
  SecretBuffer content, tag;
  content.resize(jwe.ciphertext.size());
  tag.append(jwe.tag.span());
  if (content_key.size() != kContentKeySize ||
      !gcm(false, content_key, jwe.iv.span(), bytes_of(jwe.protected_), jwe.ciphertext.span(), content.span(),
           tag.span())) {
    return Fault{"it was changed after it had been written"};
  }
  return content;
}

SecretBuffer seal_jwe(const Jwe& head, Bytes content_key, Bytes content) {
  const std::string header = R"({"alg":")" + head.alg + R"(","enc":"A256GCM","cty":")" + head.cty +
                             R"(","kid":")" + head.kid + "\"}";
  SecretBuffer out, iv, ciphertext, tag;
  base64url_encode(bytes_of(header), &out);
  iv.resize(kIvSize);
  ciphertext.resize(content.size());
  tag.resize(kTagSize);
  if (content_key.size() != kContentKeySize || RAND_bytes(iv.data(), int_of(iv.size())) != 1 ||
      !gcm(true, content_key, iv.span(), out.span(), content, ciphertext.span(), tag.span())) {
    return {};
  }
  for (Bytes part :
       {head.encrypted_key.span(), Bytes(iv.span()), Bytes(ciphertext.span()), Bytes(tag.span())}) {
    append(&out, ".");
    base64url_encode(part, &out);
  }
  append(&out, "\n");
  return out;
}

bool aes_key_wrap(Bytes kek, Bytes key, SecretBuffer* out) { return wrap_cipher(true, kek, key, out); }
bool aes_key_unwrap(Bytes kek, Bytes wrapped, SecretBuffer* out) {
  return wrap_cipher(false, kek, wrapped, out);
}

}  // namespace cardscrub
