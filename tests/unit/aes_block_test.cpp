// AES on single blocks: FIPS 197's samples.
#include "tests/unit/testing.h"

#include "src/aes_block.h"

namespace {

using namespace cardscrub;

using Block = std::array<uint8_t, AesBlock::kSize>;

// FIPS 197, appendix C: the key's bytes and the block's count up from 0 and by 0x11.
void samples(void**) {
  const struct {
    const char* name;
    size_t key;
    Block cipher;
  } cases[] = {
      {"AES-128",
       16,
       {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a}},
      {"AES-192",
       24,
       {0xdd, 0xa9, 0x7c, 0xa4, 0x86, 0x4c, 0xdf, 0xe0, 0x6e, 0xaf, 0x70, 0xa0, 0xec, 0x0d, 0x71, 0x91}},
      {"AES-256",
       32,
       {0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89}},
  };
  for (const auto& row : cases) {
    std::vector<uint8_t> key(row.key);
    for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
    Block block;
    for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<uint8_t>(i * 0x11);
    Result<AesBlock> aes = AesBlock::create(key);
    assert_true(static_cast<bool>(aes));
    assert_true(aes->encrypt(block.data()));
    if (block != row.cipher) fail_msg("%s", row.name);
  }
}

void refuses_other_keys(void**) {
  const std::array<uint8_t, 40> key{};
  for (size_t size = 0; size <= key.size(); ++size) {
    const bool wanted = size == 16 || size == 24 || size == 32;
    assert_int_equal(static_cast<bool>(AesBlock::create(Bytes(key).first(size))), wanted);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(samples),
      cmocka_unit_test(refuses_other_keys),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
