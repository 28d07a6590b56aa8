// Text in vectors of 16 bytes, its end included. Only where there are such vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>

namespace cardscrub {

template <size_t kSize>
inline uint64_t load_word(const uint8_t* data) {
  uint64_t value = 0;
  std::memcpy(&value, data, kSize);
  return value;
}

// 1 to 15 bytes, zeros behind them. Fixed sizes that overlap: no call, no loop, nothing read beyond the end.
inline __m128i load_rest(const uint8_t* data, size_t size) {
  uint64_t low;
  uint64_t high = 0;
  if (size >= 8) {
    low = load_word<8>(data);
    if (size > 8) high = load_word<8>(data + size - 8) >> (8 * (16 - size));
  } else if (size >= 4) {
    low = load_word<4>(data) | load_word<4>(data + size - 4) << (8 * (size - 4));
  } else {
    low =
        data[0] | uint64_t{data[size / 2]} << (8 * (size / 2)) | uint64_t{data[size - 1]} << (8 * (size - 1));
  }
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// All bits of the lanes that are ASCII digits.
inline __m128i digits_of(__m128i bytes) {
  // Ten values are left at the top of the signed range.
  return _mm_cmpgt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(0x7F - '9')), _mm_set1_epi8(0x7F - 10));
}

// The first 16 of `size` bytes, or all of them.
inline __m128i load_16(const uint8_t* data, size_t size) {
  return size >= 16 ? _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(data)))
                    : load_rest(data, size);
}

}  // namespace cardscrub
#endif
