// Tokens: there and back, what differs from what, and what is refused. Random aliases.
#include "tests/unit/testing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <random>
#include <set>

#include "src/issuer.h"
#include "src/token.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr TokenFormat kFormats[] = {TokenFormat::kLast4, TokenFormat::kFull};

KeyRing new_ring() {
  Result<KeyRing> ring = KeyRing::generate(~0u, 1);
  assert_true(static_cast<bool>(ring));
  return std::move(*ring);
}

KeyRing rotated(const KeyRing& ring, int64_t now) {
  Result<KeyRing> next = ring.rotate(~0u, now);
  assert_true(static_cast<bool>(next));
  return std::move(*next);
}

TokenVault vault_of(const KeyRing& ring) {
  Result<TokenVault> vault = TokenVault::create(ring);
  assert_true(static_cast<bool>(vault));
  return std::move(*vault);
}

// A number of `length` digits that starts with `first` and satisfies Luhn.
Digits random_pan(std::mt19937* random, size_t length, uint8_t first) {
  Digits out;
  for (size_t i = 0; i + 1 < length; i++)
    assert_true(out.push(static_cast<uint8_t>(i == 0 ? first : (*random)() % 10)));
  assert_true(out.push(luhn_check_digit(out.span())));
  return out;
}

void there_and_back(void**) {
  const std::string name_spaces[] = {"",
                                     "a",
                                     "shop.example",
                                     std::string(32, 'n'),
                                     std::string(33, 'n'),
                                     std::string(1000, 'n'),
                                     std::string("\0", 1),
                                     std::string("\0\0", 2)};
  std::mt19937 random(1);
  const KeyRing first = new_ring(), second = rotated(first, 2), third = rotated(second, 3);
  for (const KeyRing* ring : {&first, &second, &third}) {
    TokenVault vault = vault_of(*ring);
    for (size_t length = 12; length <= 19; length++) {
      for (uint8_t digit = 0; digit <= 9; digit++) {
        const Digits pan = random_pan(&random, length, digit);
        std::set<std::string> tokens;
        for (TokenFormat format : kFormats) {
          for (const std::string& name_space : name_spaces) {
            Digits token = pan;
            assert_true(vault.tokenize(&token, format, name_space));
            assert_int_equal(token.size(), length);
            assert_int_equal(token[0], ring->active());
            assert_true(vault.is_token(token));
            if (format == TokenFormat::kLast4) {
              for (size_t i = length - 4; i < length; i++) assert_int_equal(token[i], pan[i]);
            }
            // All namespaces and formats give other tokens (two of 16 could be the same once in some 100,000
            // runs).
            tokens.insert(text_of(token));
            assert_true(vault.detokenize(&token, format, name_space));
            if (!(token == pan))
              fail_msg("%zu digits, first %u: no way back", length, static_cast<unsigned>(digit));
          }
        }
        assert_in_range(tokens.size(), 15, 16);
      }
    }
  }
}

// A token of an older generation stays readable after rotation, until its generation is gone.
void generations(void**) {
  const KeyRing nine = new_ring(), seven = rotated(nine, 2), one = rotated(seven, 3),
                nine_again = rotated(one, 4);
  const Digits pan = digits_of("4111 1111 1111 1111");
  for (TokenFormat format : kFormats) {
    Digits token = pan;
    assert_true(vault_of(nine).tokenize(&token, format, "x"));
    assert_int_equal(token[0], 9);
    for (const KeyRing* ring : {&nine, &seven, &one}) {
      Digits back = token;
      assert_true(vault_of(*ring).detokenize(&back, format, "x"));
      assert_true(back == pan);
    }
    Digits other = token;  // the same digit, another key
    assert_true(vault_of(nine_again).detokenize(&other, format, "x"));
    assert_false(other == pan);
    assert_true(luhn_valid(other.span()));

    Digits newest = pan;
    assert_true(vault_of(one).tokenize(&newest, format, "x"));
    assert_int_equal(newest[0], 1);
    const Digits before = newest;
    assert_false(vault_of(seven).detokenize(&newest, format, "x"));
    assert_true(newest == before);
    assert_false(vault_of(seven).is_token(newest));
  }
}

// Every token of the hidden part decrypts, and to a Luhn valid number: with the next test, a bijection.
void every_token_is_some_pan(void**) {
  std::mt19937 random(2);
  TokenVault vault = vault_of(new_ring());
  for (size_t length = 12; length <= 19; length++) {
    for (TokenFormat format : kFormats) {
      for (unsigned i = 0; i < 500; i++) {
        Digits token;
        for (size_t k = 0; k < length; k++)
          assert_true(token.push(static_cast<uint8_t>(k == 0 ? 9 : random() % 10)));
        const Digits original = token;
        assert_true(vault.detokenize(&token, format, ""));
        assert_true(luhn_valid(token.span()));
        assert_true(vault.tokenize(&token, format, ""));
        assert_true(token == original);
      }
    }
  }
}

// Neighbours get unrelated tokens, all different, and their digits are evenly spread.
void distribution(void**) {
  TokenVault vault = vault_of(new_ring());
  constexpr unsigned kCount = 20000;
  std::set<std::string> tokens;
  std::array<std::array<unsigned, 10>, 16> seen{};
  for (unsigned i = 0; i < kCount; i++) {
    std::string text = "4000000" + std::to_string(10000000 + i);  // 15 digits
    Digits pan = digits_of(text);
    assert_true(pan.push(luhn_check_digit(pan.span())));
    assert_true(vault.tokenize(&pan, TokenFormat::kFull, ""));
    for (size_t k = 0; k < 16; k++) seen[k][pan[k]]++;
    tokens.insert(text_of(pan));
  }
  assert_int_equal(tokens.size(), kCount);
  assert_int_equal(seen[0][9], kCount);
  for (size_t k = 1; k < 16; k++) {
    double chi = 0;  // 9 degrees of freedom: above 60 once in some 700 million
    for (unsigned count : seen[k]) chi += (count - kCount / 10.0) * (count - kCount / 10.0) / (kCount / 10.0);
    if (chi > 60) fail_msg("digit %zu is not evenly spread: chi squared %.1f", k, chi);
  }
}

void same_ring_same_token(void**) {
  const KeyRing ring = new_ring();
  Digits one = digits_of("5555555555554444"), two = one, three = one;
  assert_true(vault_of(ring).tokenize(&one, TokenFormat::kFull, "a"));
  assert_true(vault_of(ring).tokenize(&two, TokenFormat::kFull, "a"));
  assert_true(one == two);
  assert_true(vault_of(new_ring()).tokenize(&three, TokenFormat::kFull, "a"));
  assert_false(one == three);
}

// A ring with a known key; the tokens were computed by another program, from the description alone. Whoever
// changes this token changes all tokens that exist.
void known_tokens(void**) {
  constexpr std::string_view kRing =
      R"({"keys":[{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","iat":1,"generation":9,"state":"active"}]})";
  const auto block = exact_block(kRing);
  Result<KeyRing> ring = KeyRing::parse({block.get(), kRing.size()});
  assert_true(static_cast<bool>(ring));
  TokenVault vault = vault_of(*ring);
  const struct {
    const char* name;
    const char* pan;
    TokenFormat format;
    std::string name_space;
    const char* token;
  } cases[] = {
      {"last4", "4111111111111111", TokenFormat::kLast4, "", "9904254683511111"},
      {"last4, namespace", "4111111111111111", TokenFormat::kLast4, "shop", "9401143442011111"},
      {"full", "4111111111111111", TokenFormat::kFull, "", "9693862843988298"},
      {"last4, long namespace", "378282246310005", TokenFormat::kLast4, std::string(40, 'x'),
       "911551336710005"},
      {"full, 19 digits", "6205500000000000004", TokenFormat::kFull, "", "9454779436252507414"},
  };
  for (const auto& c : cases) {
    Digits digits = digits_of(c.pan);
    assert_true(vault.tokenize(&digits, c.format, c.name_space));
    if (text_of(digits) != c.token) fail_msg("%s: %s", c.name, text_of(digits).c_str());
  }
}

struct RefusedCase {
  const char* name;
  const char* digits;
};

constexpr RefusedCase kNoPan[] = {
    {"empty", ""},
    {"11 digits", "41111111116"},
    {"20 digits", "41111111111111111114"},
    {"not Luhn valid", "4111111111111112"},
    {"one digit", "0"},
};

void refused(void**) {
  TokenVault vault = vault_of(new_ring());
  for (const RefusedCase& c : kNoPan) {
    for (TokenFormat format : kFormats) {
      Digits digits = digits_of(c.digits);
      const Digits before = digits;
      if (vault.tokenize(&digits, format, "")) fail_msg("%s: has a token", c.name);
      if (!(digits == before)) fail_msg("%s: changed", c.name);
    }
  }
  constexpr RefusedCase kNoToken[] = {
      {"empty", ""},
      {"11 digits", "91111111116"},
      {"20 digits", "91111111111111111114"},
      {"no generation", "4111111111111111"},
      {"generation that is not in the ring", "7111111111111111"},
  };
  for (const RefusedCase& c : kNoToken) {
    Digits digits = digits_of(c.digits);
    if (vault.is_token(digits)) fail_msg("%s: is a token", c.name);
    if (vault.detokenize(&digits, TokenFormat::kLast4, "")) fail_msg("%s: has a number", c.name);
  }
}

void fingerprints(void**) {
  const KeyRing ring = new_ring();
  TokenVault vault = vault_of(ring);
  const char* text = "4111111111111111";
  uint8_t got[16], again[16], other[16], expected[32];
  assert_true(vault.fingerprint(digits_of(text), got));
  assert_true(vault.fingerprint(digits_of("4012888888881881"), other));
  assert_true(vault.fingerprint(digits_of(text), again));
  const SecretBuffer key = ring.derive(9, KeyPurpose::kFingerprint);
  unsigned size = 0;
  assert_non_null(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                       reinterpret_cast<const uint8_t*>(text), 16, expected, &size));
  assert_memory_equal(got, expected, 16);
  assert_memory_equal(got, again, 16);
  assert_memory_not_equal(got, other, 16);
  assert_false(vault.fingerprint(digits_of("41111111111"), got));
  assert_false(vault.fingerprint(Digits(), got));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(there_and_back),
      cmocka_unit_test(generations),
      cmocka_unit_test(every_token_is_some_pan),
      cmocka_unit_test(distribution),
      cmocka_unit_test(known_tokens),
      cmocka_unit_test(refused),
      cmocka_unit_test(same_ring_same_token),
      cmocka_unit_test(fingerprints),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
