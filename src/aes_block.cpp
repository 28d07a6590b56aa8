// AES-256 by the processor's instructions (key expansion after FIPS 197, 5.2), anything else by OpenSSL.
#include "aes_block.h"

#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cardscrub {

namespace {

#if defined(__x86_64__)
constexpr size_t kKeySize = 32;

// Each word of the new key is the old one, XORed with all new and old words in front of it.
__attribute__((target("aes"))) __m128i spread(__m128i old, __m128i word) {
  old = _mm_xor_si128(old, _mm_slli_si128(old, 4));
  old = _mm_xor_si128(old, _mm_slli_si128(old, 8));
  return _mm_xor_si128(old, word);
}

// Round keys `at` and `at` + 1 of the two before; the second one is not needed behind the last round.
template <int kConstant>
__attribute__((target("aes"))) void expand(__m128i* keys, size_t at) {
  const __m128i turned = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(keys[at - 1], kConstant), 0xff);
  keys[at] = spread(keys[at - 2], turned);
  if (at == 14) return;
  const __m128i straight = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(keys[at], 0), 0xaa);
  keys[at + 1] = spread(keys[at - 1], straight);
}

__attribute__((target("aes"))) void expand_key(const uint8_t* key, uint8_t* out) {
  __m128i keys[15];
  keys[0] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
  keys[1] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key + 16));
  expand<0x01>(keys, 2);
  expand<0x02>(keys, 4);
  expand<0x04>(keys, 6);
  expand<0x08>(keys, 8);
  expand<0x10>(keys, 10);
  expand<0x20>(keys, 12);
  expand<0x40>(keys, 14);
  std::memcpy(out, keys, sizeof keys);
  wipe(keys, sizeof keys);
}
#endif

}  // namespace

#if defined(__x86_64__)
__attribute__((target("aes"))) void AesBlock::encrypt_here(uint8_t* block) const {
  const auto* keys = reinterpret_cast<const __m128i*>(rounds_->bytes.data());
  auto* at = reinterpret_cast<__m128i*>(block);
  __m128i state = _mm_xor_si128(_mm_loadu_si128(at), _mm_load_si128(keys));
#pragma GCC unroll 13
  for (size_t i = 1; i < 14; ++i) state = _mm_aesenc_si128(state, _mm_load_si128(keys + i));
  _mm_storeu_si128(at, _mm_aesenclast_si128(state, _mm_load_si128(keys + 14)));
}
#else
void AesBlock::encrypt_here(uint8_t*) const {}
#endif

Result<AesBlock> AesBlock::create(Bytes key, Engine engine) {
  const char* name = key.size() == 16   ? "AES-128-ECB"
                     : key.size() == 24 ? "AES-192-ECB"
                     : key.size() == 32 ? "AES-256-ECB"
                                        : nullptr;
  if (name == nullptr) return Fault{"an AES key must have 16, 24 or 32 bytes"};
#if defined(__x86_64__)
  if (engine == Engine::kBest && key.size() == kKeySize && __builtin_cpu_supports("aes") != 0) {
    AesBlock made{CipherCtx{}};
    made.rounds_ = std::make_unique<RoundKeys>();
    expand_key(key.data(), made.rounds_->bytes.data());
    return made;
  }
#else
  (void)engine;
#endif
  const Cipher cipher{EVP_CIPHER_fetch(nullptr, name, nullptr)};
  CipherCtx ctx{EVP_CIPHER_CTX_new()};
  if (!cipher || !ctx || EVP_EncryptInit_ex2(ctx.get(), cipher.get(), key.data(), nullptr, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(ctx.get(), 0) != 1) {
    return Fault{std::string("OpenSSL does not provide ") + name};
  }
  return AesBlock(std::move(ctx));
}

}  // namespace cardscrub
