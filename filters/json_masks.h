// 64 bytes of JSON as bit masks, for AVX2 and for SSE2: what JsonSkim works on.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>

namespace cardscrub {

// Of 64 bytes, a bit each. In a string they mean nothing yet.
struct JsonMasks {
  uint64_t quotes, spaces, commas, colons;
  uint64_t brackets;  // { } [ ], and four more characters that stand nowhere outside strings
  uint64_t numeric;   // below ':' or beyond ASCII
  uint64_t high;      // beyond ASCII
  uint64_t equals;
};
// What few blocks have.
struct JsonRare {
  uint64_t escapes, controls;
};

// { } [ ] become this with kBracketBits added, and so do Y y _ and DEL.
inline constexpr char kBracketBits = 0x26;
inline constexpr char kBracket = 0x7F;

inline __m128i load16(const uint8_t* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p)));
}

// What the loop for AVX2 may use.
#define SKIM_AVX2 [[gnu::target("avx2,pclmul,bmi,bmi2,popcnt")]]

namespace json_avx2 {

SKIM_AVX2 inline uint64_t bits(__m256i low, __m256i high) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
         uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
}
SKIM_AVX2 inline uint64_t equal(__m256i low, __m256i high, char c) {
  const __m256i wanted = _mm256_set1_epi8(c);
  return bits(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}
SKIM_AVX2 inline uint64_t above(__m256i low, __m256i high, char c) {
  const __m256i bound = _mm256_set1_epi8(c);
  return bits(_mm256_cmpgt_epi8(low, bound), _mm256_cmpgt_epi8(high, bound));
}
SKIM_AVX2 inline __m256i load32(const uint8_t* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
SKIM_AVX2 inline JsonMasks read_masks(const uint8_t* p) {
  const __m256i low = load32(p), high = load32(p + 32);
  const __m256i fold = _mm256_set1_epi8(kBracketBits);
  JsonMasks masks;
  masks.quotes = equal(low, high, '"');
  masks.spaces = equal(low, high, ' ');
  masks.commas = equal(low, high, ',');
  masks.colons = equal(low, high, ':');
  masks.brackets = equal(_mm256_or_si256(low, fold), _mm256_or_si256(high, fold), kBracket);
  const __m256i bound = _mm256_set1_epi8(':');
  masks.numeric = bits(_mm256_cmpgt_epi8(bound, low), _mm256_cmpgt_epi8(bound, high));
  masks.high = bits(low, high);
  masks.equals = equal(low, high, '=');
  return masks;
}
SKIM_AVX2 inline bool needs_care(const uint8_t* p) {
  const __m256i low = load32(p), high = load32(p + 32);
  const __m256i slash = _mm256_set1_epi8('\\');
  const __m256i care =
      _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(' '), _mm256_min_epi8(low, high)),
                      _mm256_or_si256(_mm256_cmpeq_epi8(low, slash), _mm256_cmpeq_epi8(high, slash)));
  return _mm256_testz_si256(care, care) == 0;
}
SKIM_AVX2 inline JsonRare read_rare(const uint8_t* p) {
  const __m256i low = load32(p), high = load32(p + 32);
  JsonRare rare;
  rare.escapes = equal(low, high, '\\');
  rare.controls = ~above(low, high, ' ' - 1) & ~bits(low, high);
  return rare;
}
SKIM_AVX2 inline uint64_t prefix_xor(uint64_t bits) {
  const __m128i all = _mm_set1_epi8(-1);
  return static_cast<uint64_t>(
      _mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(bits)), all, 0)));
}

}  // namespace json_avx2

namespace json_sse2 {

struct Block {
  __m128i of[4];
};

template <typename Compare>
inline uint64_t bits(const Block& block, Compare compare) {
  uint64_t out = 0;
  for (unsigned i = 0; i < 4; ++i) {
    out |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(compare(block.of[i])))} << (16 * i);
  }
  return out;
}
inline uint64_t equal(const Block& block, char c) {
  return bits(block, [c](__m128i bytes) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); });
}
inline uint64_t above(const Block& block, char c) {
  return bits(block, [c](__m128i bytes) { return _mm_cmpgt_epi8(bytes, _mm_set1_epi8(c)); });
}
inline Block load64(const uint8_t* p) {
  return {{load16(p), load16(p + 16), load16(p + 32), load16(p + 48)}};
}
inline JsonRare read_rare(const uint8_t* p) {
  const Block block = load64(p);
  JsonRare rare;
  rare.escapes = equal(block, '\\');
  rare.controls = ~above(block, ' ' - 1) & ~bits(block, [](__m128i bytes) { return bytes; });
  return rare;
}
inline JsonMasks read_masks(const uint8_t* p) {
  const Block block = load64(p);
  JsonMasks masks;
  masks.quotes = equal(block, '"');
  masks.spaces = equal(block, ' ');
  masks.commas = equal(block, ',');
  masks.colons = equal(block, ':');
  masks.brackets = bits(block, [](__m128i bytes) {
    return _mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(kBracketBits)), _mm_set1_epi8(kBracket));
  });
  masks.numeric = ~above(block, '9');
  masks.high = bits(block, [](__m128i bytes) { return bytes; });
  masks.equals = equal(block, '=');
  return masks;
}
inline bool needs_care(const uint8_t* p) {
  const Block block = load64(p);
  return (equal(block, '\\') | ~above(block, ' ' - 1)) != 0;
}
inline uint64_t prefix_xor(uint64_t bits) {
  for (unsigned step = 1; step < 64; step *= 2) bits ^= bits << step;
  return bits;
}

}  // namespace json_sse2

}  // namespace cardscrub

#endif
