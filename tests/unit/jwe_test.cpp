// JWE and AES key wrap against the vectors of their RFCs, and every way in which a text can be bad.
#include "tests/unit/testing.h"

#include "src/jwe.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

SecretBuffer hex(std::string_view text) {
  SecretBuffer out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const uint8_t byte = static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16));
    out.append({&byte, 1});
  }
  return out;
}

std::string message_of(std::string_view text) {
  const auto block = exact_block(text);
  const Result<Jwe> jwe = parse_jwe({block.get(), text.size()});
  return jwe ? "taken" : jwe.message();
}

// RFC 3394, section 4.5 (192 bits of key data) and 4.6 (256 bits), both with a 256-bit KEK.
void key_wrap_vectors(void**) {
  const SecretBuffer kek = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
  const struct {
    const char* name;
    const char* key;
    const char* wrapped;
  } cases[] = {
      {"4.5", "00112233445566778899AABBCCDDEEFF0001020304050607",
       "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"},
      {"4.6", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
       "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
  };
  for (const auto& c : cases) {
    const SecretBuffer key = hex(c.key), wrapped = hex(c.wrapped);
    SecretBuffer out;
    if (!aes_key_wrap(kek.span(), key.span(), &out)) fail_msg("%s: not wrapped", c.name);
    if (text_of(out.span()) != text_of(wrapped.span())) fail_msg("%s: wrapped differs", c.name);
    out.clear();
    if (!aes_key_unwrap(kek.span(), wrapped.span(), &out)) fail_msg("%s: not unwrapped", c.name);
    if (text_of(out.span()) != text_of(key.span())) fail_msg("%s: unwrapped differs", c.name);
    for (size_t at = 0; at < wrapped.size(); at++) {
      SecretBuffer changed = hex(c.wrapped);
      changed.data()[at] ^= 1;
      out.clear();
      if (aes_key_unwrap(kek.span(), changed.span(), &out) || !out.empty()) {
        fail_msg("%s: byte %zu may be changed", c.name, at);
      }
    }
  }
  SecretBuffer out;
  for (size_t size : {0u, 8u, 16u, 17u, 31u}) {
    SecretBuffer wrapped;
    wrapped.resize(size);
    assert_false(aes_key_unwrap(kek.span(), wrapped.span(), &out));
  }
  assert_false(aes_key_wrap(kek.span().first(16), kek.span(), &out));
  assert_true(out.empty());
}

// RFC 7516, appendix A.1: RSA-OAEP and A256GCM; the content encryption key is that of A.1.2.
constexpr const char* kA1 =
    "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ."
    "OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe"
    "ipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDb"
    "Sv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaV"
    "mqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je8"
    "1860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi"
    "6UklfCpIMfIjf7iGdXKHzg."
    "48V1_ALb6US04U3b."
    "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji"
    "SdiwkIr3ajwQzaBtQD_A."
    "XFBoMYUZodetZdvTiFvSkQ";
constexpr uint8_t kA1Key[] = {177, 161, 244, 128, 84,  143, 225, 115, 63, 180, 3,   255, 107, 154, 212, 246,
                              138, 7,   110, 91,  112, 46,  34,  105, 47, 130, 203, 46,  122, 234, 64,  252};

void content_vector(void**) {
  const Result<Jwe> jwe = parse_jwe(bytes_of(kA1));
  if (!jwe) fail_msg("%s", jwe.message().c_str());
  assert_string_equal(jwe->alg.c_str(), "RSA-OAEP");
  assert_true(jwe->cty.empty() && jwe->kid.empty());
  assert_int_equal(jwe->encrypted_key.size(), 256);
  const Result<SecretBuffer> content = open_jwe(*jwe, kA1Key);
  if (!content) fail_msg("%s", content.message().c_str());
  assert_string_equal(text_of(content->span()).c_str(),
                      "The true sign of intelligence is not knowledge but imagination.");
  uint8_t other[32];
  std::memcpy(other, kA1Key, sizeof other);
  other[31] ^= 1;
  const Result<SecretBuffer> wrong = open_jwe(*jwe, other);
  assert_false(static_cast<bool>(wrong));
  assert_string_equal(wrong.message().c_str(), "it was changed after it had been written");
  assert_false(static_cast<bool>(open_jwe(*jwe, Bytes(kA1Key).first(16))));
}

Jwe head() {
  Jwe out;
  out.alg = "A256KW";
  out.cty = "jwk-set+json";
  out.kid = "0A1B2C";
  out.encrypted_key = hex("00112233");
  return out;
}

void seals_and_opens(void**) {
  for (size_t size : {0u, 1u, 16u, 1000u}) {
    const std::string content(size, 'x');
    const SecretBuffer text = seal_jwe(head(), kA1Key, bytes_of(content));
    assert_true(looks_like_jwe(text.span()));
    const Result<Jwe> jwe = parse_jwe(text.span());
    if (!jwe) fail_msg("%zu: %s", size, jwe.message().c_str());
    assert_string_equal(jwe->alg.c_str(), "A256KW");
    assert_string_equal(jwe->cty.c_str(), "jwk-set+json");
    assert_string_equal(jwe->kid.c_str(), "0A1B2C");
    assert_int_equal(jwe->encrypted_key.size(), 4);
    const Result<SecretBuffer> back = open_jwe(*jwe, kA1Key);
    assert_true(back && text_of(back->span()) == content);
    // Never the same twice: the initialisation vector is fresh.
    assert_true(text_of(seal_jwe(head(), kA1Key, bytes_of(content)).span()) != text_of(text.span()));
  }
  assert_true(seal_jwe(head(), Bytes(kA1Key).first(16), {}).empty());
}

// Whichever character of it is changed: it does not open.
void every_change_shows(void**) {
  const std::string text = text_of(seal_jwe(head(), kA1Key, bytes_of("a key ring")).span());
  for (size_t at = 0; at + 1 < text.size(); at++) {
    if (at >= text.find('.') && at < text.find('.') + 8)
      continue;  // the encrypted key: checked by its own rule
    for (char other : {'A', 'B', '.', '!'}) {
      std::string changed = text;
      if (changed[at] == other) continue;
      changed[at] = other;
      const Result<Jwe> jwe = parse_jwe(bytes_of(changed));
      if (jwe && open_jwe(*jwe, kA1Key)) fail_msg("character %zu may be '%c'", at, other);
    }
  }
}

void bad_texts(void**) {
  const std::string a1 = kA1, tail = a1.substr(a1.find('.'));
  const struct {
    const char* name;
    std::string text;
    const char* words;
  } cases[] = {
      {"empty", "", "five parts"},
      {"four parts", "a.b.c.d", "five parts"},
      {"six parts", a1 + ".x", "five parts"},
      {"header is not base64url", "a+b" + tail, "its header is not base64url"},
      {"header is empty", tail, "its header is no JSON object"},
      {"header is a list", "W10" + tail, "its header is no JSON object"},
      {"header is cut", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6" + tail, "its header is no JSON object"},
      // {"alg":"dir","enc":"A128GCM"}
      {"A128GCM", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0" + tail, "\"enc\" must be \"A256GCM\""},
      // {"alg":1,"enc":"A256GCM"}
      {"alg is a number", "eyJhbGciOjEsImVuYyI6IkEyNTZHQ00ifQ" + tail, "must be texts"},
      // {"enc":"A256GCM"}
      {"no alg", "eyJlbmMiOiJBMjU2R0NNIn0" + tail, "must be texts"},
      // {"alg":"dir","enc":"A256GCM","zip":"DEF"}
      {"zip", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0" + tail, "\"zip\" is not supported"},
      // {"alg":"dir","enc":"A256GCM","crit":["b64"]}
      {"crit", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiY3JpdCI6WyJiNjQiXX0" + tail,
       "\"crit\" is not supported"},
      {"a part is not base64url", a1.substr(0, a1.size() - 1) + "+", "a part of it is not base64url"},
      {"tag is short", a1.substr(0, a1.rfind('.')) + ".AAAA", "12 bytes and its tag 16"},
  };
  for (const auto& c : cases) {
    const std::string message = message_of(c.text);
    if (message.find(c.words) == std::string::npos) fail_msg("%s: says \"%s\"", c.name, message.c_str());
  }
  assert_true(message_of(a1 + "\r\n \n") == "taken");
  assert_false(looks_like_jwe(bytes_of("e")));
  assert_false(looks_like_jwe(bytes_of("{\"keys\":[]}")));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(key_wrap_vectors), cmocka_unit_test(content_vector),
      cmocka_unit_test(seals_and_opens),  cmocka_unit_test(every_change_shows),
      cmocka_unit_test(bad_texts),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
