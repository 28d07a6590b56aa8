// Two characters from I to O, four apart, are what the vectors look for; what they find is compared exactly.
#include "base64_scan.h"

#include <algorithm>
#include <array>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cardscrub {

namespace {

constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> table{};
  table.fill(kNoBase64);
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i != kLetters.size(); ++i) {
    table[static_cast<uint8_t>(kLetters[i])] = static_cast<uint8_t>(i);
  }
  table['-'] = table['+'];
  table['_'] = table['/'];
  return table;
}();

// Bit k: the character may be the k-th of a digit quad. Put together from what a number is made of.
constexpr std::array<uint8_t, 256> kPlaces = [] {
  constexpr std::string_view kNumber = "0123456789 -.";
  std::array<uint8_t, kNoBase64> of_value{};
  for (char a : kNumber) {
    for (char b : kNumber) {
      const unsigned first = static_cast<uint8_t>(a);
      const unsigned second = static_cast<uint8_t>(b);
      of_value[first >> 2] |= 1;
      of_value[(first & 3) << 4 | second >> 4] |= 2;
      of_value[(first & 15) << 2 | second >> 6] |= 4;
      of_value[first & 63] |= 8;
    }
  }
  std::array<uint8_t, 256> table{};
  for (size_t c = 0; c != table.size(); ++c) {
    if (kValues[c] != kNoBase64) table[c] = of_value[kValues[c]];
  }
  return table;
}();

constexpr uint8_t kFirst = 'I';
constexpr uint8_t kLast = 'O';

size_t find_scalar(const uint8_t* data, size_t size, size_t i) {
  for (; size - i >= 2 * kQuad; ++i) {
    if (is_digit_quad(data + i) && is_digit_quad(data + i + kQuad)) return i;
  }
  return size;
}

// The first of the marked places that holds two quads, or `size`.
size_t verify(const uint8_t* data, size_t size, size_t at, uint64_t marks) {
  for (; marks != 0; marks &= marks - 1) {
    const size_t i = at + static_cast<size_t>(__builtin_ctzll(marks));
    if (is_digit_quad(data + i) && is_digit_quad(data + i + kQuad)) return i;
  }
  return size;
}

#if defined(__x86_64__)
// Places are looked at in blocks. The last block ends with the last place that has room for two quads and
// overlaps the one before it: none is left to look at alone.
constexpr size_t kBehindPlace = 2 * kQuad - 1;

uint64_t from_place(uint64_t marks, size_t i, size_t at) { return marks & ~uint64_t{0} << (i - at); }

size_t find_sse2(const uint8_t* data, size_t size, size_t i) {
  constexpr size_t kWidth = 16;
  if (size < kWidth + kBehindPlace) return find_scalar(data, size, i);
  const size_t last = size - kWidth - kBehindPlace;
  const __m128i first = _mm_set1_epi8(static_cast<char>(kFirst));
  const __m128i span = _mm_set1_epi8(static_cast<char>(kLast - kFirst));
  const auto within = [&](size_t at) {
    const __m128i from = _mm_sub_epi8(
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(data + at))), first);
    return _mm_cmpeq_epi8(_mm_min_epu8(from, span), from);
  };
  for (;; i += kWidth) {
    const size_t at = std::min(i, last);
    const __m128i hit = _mm_and_si128(within(at), within(at + kQuad));
    const unsigned marks = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (marks != 0) {
      const size_t found = verify(data, size, at, from_place(marks, i, at));
      if (found != size) return found;
    }
    if (at == last) return size;
  }
}

// From 'H' to 'O' all have these bits, which is quicker asked than from 'I' on.
constexpr uint8_t kFirstBits = 0xF8;
constexpr uint8_t kFirstValue = 'H';
static_assert((kFirst & kFirstBits) == kFirstValue && (kLast & kFirstBits) == kFirstValue);

// All ones where characters four apart are both between 'H' and 'O'.
__attribute__((target("avx2"))) inline __m256i pairs_at(const uint8_t* data) {
  const __m256i value = _mm256_set1_epi8(static_cast<char>(kFirstValue));
  const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(data)), value);
  const __m256i b =
      _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + kQuad)), value);
  const __m256i other =
      _mm256_and_si256(_mm256_or_si256(a, b), _mm256_set1_epi8(static_cast<char>(kFirstBits)));
  return _mm256_cmpeq_epi8(other, _mm256_setzero_si256());
}

__attribute__((target("avx2"))) inline uint64_t marks_of(__m256i low, __m256i high) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
         uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
}

__attribute__((target("avx2"))) size_t find_avx2(const uint8_t* data, size_t size, size_t i) {
  constexpr size_t kWidth = 32;
  if (size < kWidth + kBehindPlace) return find_sse2(data, size, i);
  const size_t last = size - kWidth - kBehindPlace;
  for (; i + 3 * kWidth <= last; i += 4 * kWidth) {
    const __m256i first = pairs_at(data + i), second = pairs_at(data + i + kWidth);
    const __m256i third = pairs_at(data + i + 2 * kWidth), fourth = pairs_at(data + i + 3 * kWidth);
    const __m256i low = _mm256_or_si256(first, second), high = _mm256_or_si256(third, fourth);
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) != 0) continue;
    size_t found = verify(data, size, i, marks_of(first, second));
    if (found == size) found = verify(data, size, i + 2 * kWidth, marks_of(third, fourth));
    if (found != size) return found;
  }
  for (;; i += kWidth) {
    const size_t at = std::min(i, last);
    const unsigned marks = static_cast<unsigned>(_mm256_movemask_epi8(pairs_at(data + at)));
    if (marks != 0) {
      const size_t found = verify(data, size, at, from_place(marks, i, at));
      if (found != size) return found;
    }
    if (at == last) return size;
  }
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
#endif

}  // namespace

uint8_t base64_value(uint8_t c) { return kValues[c]; }

bool is_digit_quad(const uint8_t* data) {
  return (kPlaces[data[0]] & 1) != 0 && (kPlaces[data[1]] & 2) != 0 && (kPlaces[data[2]] & 4) != 0 &&
         (kPlaces[data[3]] & 8) != 0;
}

size_t find_digit_quads(const uint8_t* data, size_t size, size_t from) {
#if defined(__x86_64__)
  return kHasAvx2 ? find_avx2(data, size, from) : find_sse2(data, size, from);
#else
  return find_scalar(data, size, from);
#endif
}

}  // namespace cardscrub
