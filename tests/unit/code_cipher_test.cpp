// Names of stored codes: one for each pair of token and alias, and a stable one, for hosts share them.
#include "tests/unit/testing.h"

#include <set>

#include "src/code_cipher.h"
#include "src/hmac.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

CodeCipher cipher_with(uint8_t first) {
  std::array<uint8_t, 32> key{};
  key[0] = first;
  Result<CodeCipher> made = CodeCipher::create(key);
  assert_true(static_cast<bool>(made));
  return std::move(*made);
}

// All short texts of digits, cut into token and alias in every way.
void no_two_pairs_share_a_name(void**) {
  CodeCipher cipher = cipher_with(1);
  std::set<CodeCipher::Index> seen;
  for (size_t size = 2; size <= 5; ++size) {
    for (unsigned n = 0; n < 243; ++n) {
      std::string text;
      for (unsigned i = 0, rest = n; i < size; ++i, rest /= 3) text += "015"[rest % 3];
      if (size < 5 && n >= (size == 2 ? 9u : size == 3 ? 27u : 81u)) break;
      for (size_t cut = 1; cut < size; ++cut) {
        CodeCipher::Index index;
        assert_true(cipher.index_of(digits_of(text.substr(0, cut)), digits_of(text.substr(cut)), &index));
        if (!seen.insert(index).second)
          fail_msg("%s cut at %zu has the name of another pair", text.c_str(), cut);
      }
    }
  }
}

void names_are_bounded(void**) {
  CodeCipher cipher = cipher_with(1);
  CodeCipher::Index index;
  for (size_t token = 12; token <= Digits::kMax; ++token) {
    for (size_t alias = 1; alias <= Digits::kMax; ++alias) {
      const bool good =
          cipher.index_of(digits_of(std::string(token, '9')), digits_of(std::string(alias, '7')), &index);
      assert_int_equal(good, token + alias <= CodeCipher::kDigitsMax);
    }
  }
}

// AES-256 of "9528014739601111", 15, "846", 15...; so that a change shows: other hosts would look elsewhere.
void names_are_stable(void**) {
  SecretBuffer key;
  key.resize(32);
  const std::array<uint8_t, 32> master{7};
  assert_true(hkdf_sha256(master, "index", key.span()));
  Result<AesBlock> aes = AesBlock::create(key.span());
  assert_true(static_cast<bool>(aes));
  std::array<uint8_t, 16> block{0x95, 0x28, 0x01, 0x47, 0x39, 0x60, 0x11, 0x11,
                                0xf8, 0x46, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  assert_true(aes->encrypt(block.data()));
  CodeCipher::Index index;
  assert_true(cipher_with(7).index_of(digits_of("9528014739601111"), digits_of("846"), &index));
  assert_true(index == block);
  assert_true(cipher_with(8).index_of(digits_of("9528014739601111"), digits_of("846"), &index));
  assert_false(index == block);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_two_pairs_share_a_name),
      cmocka_unit_test(names_are_bounded),
      cmocka_unit_test(names_are_stable),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
