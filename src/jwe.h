// JSON Web Encryption in its compact form (RFC 7516), with A256GCM for the content:
//
//   BASE64URL(header) . BASE64URL(encrypted key) . BASE64URL(IV) . BASE64URL(ciphertext) . BASE64URL(tag)
//
// How the content's key is encrypted (`alg`) is the caller's; AES key wrap (RFC 3394, `A256KW`) is here.
#pragma once

#include <string>

#include "result.h"
#include "secret.h"

namespace cardscrub {

inline constexpr size_t kContentKeySize = 32;

struct Jwe {
  std::string alg;
  std::string cty;         // empty: none
  std::string kid;         // empty: none
  std::string protected_;  // the header as it stands in the text: it is authenticated
  SecretBuffer encrypted_key, iv, ciphertext, tag;
};

// Whether a text starts as a compact JWE does: with a JSON object in base64url.
bool looks_like_jwe(Bytes text);

// The fault says what is wrong with the text; white space at its end is none. `enc` must be A256GCM; `zip`
// and `crit` are not known here and so, as RFC 7516 wants it, refused.
Result<Jwe> parse_jwe(Bytes text);

// The content. The fault: the key is another one, or the text was changed.
Result<SecretBuffer> open_jwe(const Jwe& jwe, Bytes content_key);

// The text for a content; `head` gives alg, cty, kid (none of which needs escaping) and the encrypted key.
// Empty: the engine failed.
SecretBuffer seal_jwe(const Jwe& head, Bytes content_key, Bytes content);

// RFC 3394 with a key of 32 bytes and the default initial value. False: the engine failed, or what is to be
// unwrapped was not wrapped with this key.
[[nodiscard]] bool aes_key_wrap(Bytes kek, Bytes key, SecretBuffer* out);
[[nodiscard]] bool aes_key_unwrap(Bytes kek, Bytes wrapped, SecretBuffer* out);

}  // namespace cardscrub
