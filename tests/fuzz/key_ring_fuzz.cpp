// What the key ring's files, words and texts may hold: any bytes are a ring, a key, a source, a JWE, or a
// fault that says something. A wrapped text that the key opens is what was wrapped.
#include "src/key_ring.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "src/jwe.h"
#include "src/kek.h"
#include "src/kek_source.h"

namespace {

using namespace cardscrub;

void expect(bool good) {
  if (!good) std::abort();
}

template <typename T>
bool taken(const Result<T>& result) {
  if (!result) expect(!result.message().empty());
  return static_cast<bool>(result);
}

void ring(Bytes bytes) {
  const Result<KeyRing> ring = KeyRing::parse(bytes);
  if (taken(ring))
    expect(ring->has(ring->active()) && !ring->entries().empty() && ring->entries().size() <= 3);
}

void wrapped(Bytes bytes) {
  expect(!check_value_of_wrapped(bytes).empty());
  const Result<Jwe> jwe = parse_jwe(bytes);
  if (!taken(jwe)) return;
  uint8_t key[kContentKeySize];
  std::memset(key, 7, sizeof key);
  const Result<SecretBuffer> content = open_jwe(*jwe, key);
  if (taken(content)) ring(content->span());
  SecretBuffer unwrapped;
  if (!aes_key_unwrap(key, jwe->encrypted_key.span(), &unwrapped)) expect(unwrapped.empty());
}

// What was sealed opens, with its head as it was, and not once a bit of it is another one.
void sealed(Bytes bytes) {
  uint8_t key[kContentKeySize];
  std::memset(key, 7, sizeof key);
  Jwe head;
  head.alg = "A256KW";
  head.cty = "jwk-set+json";
  head.kid = "012345";
  head.encrypted_key.append(bytes);
  SecretBuffer text = seal_jwe(head, key, bytes);
  expect(!text.empty() && is_wrapped(text.span()) && check_value_of_wrapped(text.span()) == "012345");
  const Result<Jwe> jwe = parse_jwe(text.span());
  expect(static_cast<bool>(jwe) && jwe->encrypted_key.size() == bytes.size());
  const Result<SecretBuffer> content = open_jwe(*jwe, key);
  expect(content && content->size() == bytes.size() &&
         (bytes.empty() || std::memcmp(content->data(), bytes.data(), bytes.size()) == 0));
  if (bytes.empty()) return;
  Result<Jwe> changed = parse_jwe(text.span());
  changed->ciphertext.data()[bytes[0] % bytes.size()] ^= static_cast<uint8_t>(1u << (bytes.size() & 7));
  expect(!open_jwe(*changed, key));
}

void word(Bytes bytes) {
  const std::string text(bytes.begin(), bytes.end());
  const Result<KekSource> source = parse_kek_source(text);
  if (taken(source)) expect(!source->name.empty() && text.starts_with(source->name.substr(0, 4)));
  const Result<Pkcs11Key> token = parse_pkcs11_uri(text);
  if (taken(token)) expect(token->uri.starts_with("pkcs11:") && token->uri.find('?') == std::string::npos);
  (void)taken(parse_key_text(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes(data, size);
  ring(bytes);
  wrapped(bytes);
  sealed(bytes);
  word(bytes);
  return 0;
}
