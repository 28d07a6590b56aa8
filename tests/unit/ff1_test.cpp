// FF1: NIST's samples, the two ways compared with each other, and what must be refused.
#include "tests/unit/testing.h"

#include <openssl/rand.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "src/ff1.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr const char* kKey256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";

std::vector<uint8_t> unhex(const std::string& hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return out;
}

std::vector<uint16_t> numerals_of(std::string_view text) {
  std::vector<uint16_t> out;
  for (char c : text) out.push_back(static_cast<uint16_t>(kAlphabet.find(c)));
  return out;
}

std::string text_of_numerals(const std::vector<uint16_t>& numerals) {
  std::string out;
  for (uint16_t n : numerals) out.push_back(kAlphabet[n]);
  return out;
}

Ff1 cipher_with(const std::string& hex) {
  Result<Ff1> ff1 = Ff1::create(unhex(hex));
  assert_true(static_cast<bool>(ff1));
  return std::move(*ff1);
}

void check(const char* name, Ff1* ff1, uint32_t radix, const std::string& tweak_hex, const std::string& plain,
           const std::string& expected) {
  const std::vector<uint8_t> tweak = unhex(tweak_hex);
  std::vector<uint16_t> numerals = numerals_of(plain);
  bool good = ff1->encrypt(radix, numerals, tweak);
  if (!good || text_of_numerals(numerals) != expected)
    fail_msg("%s: encrypt gives %s", name, text_of_numerals(numerals).c_str());
  good = ff1->decrypt(radix, numerals, tweak);
  if (!good || text_of_numerals(numerals) != plain)
    fail_msg("%s: decrypt gives %s", name, text_of_numerals(numerals).c_str());
  if (radix != 10) return;
  // The way for digits.
  std::vector<uint8_t> digits;
  for (char c : plain) digits.push_back(static_cast<uint8_t>(c - '0'));
  good = ff1->encrypt(digits, tweak);
  for (size_t i = 0; i < digits.size(); i++) good = good && digits[i] == expected[i] - '0';
  if (!good) fail_msg("%s: encrypt of digits", name);
  good = ff1->decrypt(digits, tweak);
  for (size_t i = 0; i < digits.size(); i++) good = good && digits[i] == plain[i] - '0';
  if (!good) fail_msg("%s: decrypt of digits", name);
}

void nist_samples(void**) {
  std::ifstream file("tests/vectors/ff1_nist.json");
  assert_true(file.is_open());
  const nlohmann::json document = nlohmann::json::parse(file);
  size_t count = 0;
  for (const auto& vector : document["vectors"]) {
    Ff1 ff1 = cipher_with(vector["key"]);
    const std::string name = vector["name"];
    check(name.c_str(), &ff1, vector["radix"], vector["tweak"], vector["plaintext"], vector["ciphertext"]);
    count++;
  }
  assert_int_equal(count, 9);
}

// 128 numerals: the round function's result is longer than one block. Published with capitalone/fpe's tests.
void long_text(void**) {
  Ff1 ff1 = cipher_with(kKey256);
  std::string plain;
  while (plain.size() < 128) plain += "xs8a0azh2avyalyzuwd";
  plain.resize(128);
  check("long text", &ff1, 36, "", plain,
        "lwulibfp1ju3ksztumqomwenpv7duy9q7pg7zf3eg3rjlfy46gmgkqjfwvromfjjktmbey8meqk9zkcmgvkv4s9ll5ctozme1hf1"
        "5w7xo6zsylqcr0nbx9jbf10"
        "umzok");
}

// Radix 2, published with the Zcash test vectors.
void radix_two(void**) {
  Ff1 ff1 = cipher_with(kKey256);
  check("radix 2", &ff1, 2, "", std::string(88, '0'),
        "0000100100110101011101111111110011000001101100111110011101110101011010100100010011001111");
}

// Every length and tweak length: machine integers against BIGNUM.
void two_ways_agree(void**) {
  std::mt19937 random(1);
  for (size_t key_size : {16u, 24u, 32u}) {
    std::vector<uint8_t> key(key_size);
    assert_int_equal(RAND_bytes(key.data(), static_cast<int>(key_size)), 1);
    Result<Ff1> created = Ff1::create(key);
    assert_true(static_cast<bool>(created));
    Ff1 ff1 = std::move(*created);
    for (size_t size = 6; size <= 22; size++) {
      for (size_t tweak_size = 0; tweak_size <= Ff1::kTweakMax; tweak_size++) {
        std::vector<uint8_t> tweak(tweak_size), digits(size);
        for (uint8_t& byte : tweak) byte = static_cast<uint8_t>(random());
        // The ends of the range are where a carry or a borrow goes wrong.
        const unsigned kind = random() % 4;
        for (uint8_t& digit : digits)
          digit = static_cast<uint8_t>(kind == 0 ? 0 : kind == 1 ? 9 : random() % 10);
        const std::vector<uint8_t> plain = digits;
        std::vector<uint16_t> numerals(digits.begin(), digits.end());
        assert_true(ff1.encrypt(digits, tweak));
        assert_true(ff1.encrypt(10, numerals, tweak));
        for (size_t i = 0; i < size; i++) {
          if (numerals[i] != digits[i])
            fail_msg("%zu digits, tweak of %zu: the ways differ", size, tweak_size);
        }
        assert_true(ff1.decrypt(digits, tweak));
        assert_true(ff1.decrypt(10, numerals, tweak));
        for (size_t i = 0; i < size; i++) {
          if (digits[i] != plain[i] || numerals[i] != plain[i])
            fail_msg("%zu digits, tweak of %zu: no way back", size, tweak_size);
        }
      }
    }
  }
}

// The whole smallest domain: every number once.
void permutation_of_a_million(void**) {
  Ff1 ff1 = cipher_with(kKey256);
  std::vector<bool> seen(1000000);
  uint8_t digits[6];
  for (uint32_t n = 0; n < 1000000; n++) {
    for (uint32_t i = 0, rest = n; i < 6; i++, rest /= 10) digits[5 - i] = static_cast<uint8_t>(rest % 10);
    assert_true(ff1.encrypt(MutableBytes(digits), Bytes()));
    uint32_t image = 0;
    for (uint8_t digit : digits) image = image * 10 + digit;
    assert_true(image < 1000000);
    assert_false(seen[image]);
    seen[image] = true;
  }
}

void wide_radices(void**) {
  Ff1 ff1 = cipher_with(kKey256);
  std::mt19937 random(2);
  const std::vector<uint8_t> tweak = {1, 2, 3};
  for (uint32_t radix : {2u, 3u, 7u, 10u, 11u, 255u, 256u, 257u, 65535u, 65536u}) {
    for (size_t size : {20u, 21u, 64u, 255u, 256u, 300u}) {
      std::vector<uint16_t> numerals(size);
      for (uint16_t& numeral : numerals) numeral = static_cast<uint16_t>(random() % radix);
      const std::vector<uint16_t> plain = numerals;
      bool good = ff1.encrypt(radix, numerals, tweak) && numerals != plain;
      for (uint16_t numeral : numerals) good = good && numeral < radix;
      good = good && ff1.decrypt(radix, numerals, tweak) && numerals == plain;
      if (!good) fail_msg("radix %u, %zu numerals", radix, size);
    }
  }
}

void key_and_tweak_matter(void**) {
  Ff1 one = cipher_with(kKey256);
  Ff1 other = cipher_with("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A95");
  const auto run = [](Ff1* ff1, std::vector<uint8_t> tweak) {
    std::vector<uint8_t> digits(16, 4);
    assert_true(ff1->encrypt(digits, tweak));
    return digits;
  };
  const auto base = run(&one, {});
  assert_true(base == run(&one, {}));
  assert_true(base != run(&other, {}));
  assert_true(base != run(&one, {0}));
  assert_true(run(&one, {0}) != run(&one, {0, 0}));
}

struct RefusedCase {
  const char* name;
  uint32_t radix;
  size_t size;
  uint16_t numeral;
  size_t tweak;
  bool good;
};

constexpr RefusedCase kRefused[] = {
    {"5 digits: domain too small", 10, 5, 1, 0, false},
    {"6 digits", 10, 6, 1, 0, true},
    {"radix 1000, 2 numerals", 1000, 2, 1, 0, true},
    {"radix 999, 2 numerals: domain too small", 999, 2, 1, 0, false},
    {"radix 2, 19 numerals: domain too small", 2, 19, 1, 0, false},
    {"radix 2, 20 numerals", 2, 20, 1, 0, true},
    {"one numeral", 65536, 1, 1, 0, false},
    {"no numeral", 10, 0, 0, 0, false},
    {"radix 1", 1, 64, 0, 0, false},
    {"radix 0", 0, 64, 0, 0, false},
    {"radix 65537", 65537, 8, 1, 0, false},
    {"numeral = radix", 10, 8, 10, 0, false},
    {"numeral = radix - 1", 10, 8, 9, 0, true},
    {"tweak of 64 bytes", 10, 8, 1, 64, true},
    {"tweak of 65 bytes", 10, 8, 1, 65, false},
    {"4096 numerals", 10, 4096, 1, 0, true},
    {"4097 numerals", 10, 4097, 1, 0, false},
};

void refused(void**) {
  Ff1 ff1 = cipher_with(kKey256);
  for (const RefusedCase& c : kRefused) {
    const std::vector<uint8_t> tweak(c.tweak);
    std::vector<uint16_t> numerals(c.size, c.numeral);
    const std::vector<uint16_t> before = numerals;
    if (ff1.encrypt(c.radix, numerals, tweak) != c.good) fail_msg("%s: encrypt", c.name);
    if (!c.good && numerals != before) fail_msg("%s: changed", c.name);
    if (ff1.decrypt(c.radix, numerals, tweak) != c.good) fail_msg("%s: decrypt", c.name);
    if (c.radix != 10) continue;
    std::vector<uint8_t> digits(c.size, static_cast<uint8_t>(c.numeral));
    if (ff1.encrypt(digits, tweak) != c.good) fail_msg("%s: encrypt of digits", c.name);
    if (ff1.decrypt(digits, tweak) != c.good) fail_msg("%s: decrypt of digits", c.name);
  }
  for (size_t size : {0u, 15u, 17u, 31u, 33u, 64u}) {
    const std::vector<uint8_t> key(size, 1);
    if (Ff1::create(key)) fail_msg("a key of %zu bytes was taken", size);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nist_samples),
      cmocka_unit_test(long_text),
      cmocka_unit_test(radix_two),
      cmocka_unit_test(two_ways_agree),
      cmocka_unit_test(permutation_of_a_million),
      cmocka_unit_test(wide_radices),
      cmocka_unit_test(key_and_tweak_matter),
      cmocka_unit_test(refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
