// The kernels of the pass. Each looks at vectors from the first byte on; the last vector ends with the last
// byte and overlaps the one before it, whose bytes do not count again.
#include "filters/head_look.h"

#include <algorithm>
#include <array>
#include <bit>

#include "src/base64_scan.h"
#include "src/limits.h"
#include "src/vector16.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cardscrub {

namespace {

// What every quad of base64 of a number begins with (base64_scan.h), and letters between those.
constexpr uint8_t kFirstMark = 'I';
constexpr uint8_t kLastMark = 'O';

// Marks, as bits, kQuad bytes apart; `before`: those of the `width` bytes in front.
inline uint64_t pairs_of(uint64_t marks, uint64_t before, unsigned width) {
  return (marks & marks >> kQuad) | (before & marks << (width - kQuad));
}

// equals: where '=' stands behind `at`, as bits.
inline bool may_end_name(uint64_t equals, const uint8_t* at, const uint8_t* begin, const NameEnds& names) {
  for (; equals != 0; equals &= equals - 1) {
    const uint8_t* sign = at + std::countr_zero(equals);
    if (sign - begin < 2 || names.may_end_in(sign - 2)) return true;
  }
  return false;
}

unsigned look_plain(const uint8_t* data, size_t size, const NameEnds* names, bool) {
  unsigned signs = 0;
  size_t digits = 0;
  uint32_t marks = 0;  // of the last 32 bytes, the latest as the top bit
  for (size_t i = 0; i < size; ++i) {
    const uint8_t c = data[i];
    marks = marks >> 1 | (c >= kFirstMark && c <= kLastMark ? 1u << 31 : 0);
    if ((marks >> 31 & marks >> (31 - kQuad) & 1) != 0) signs |= kQuadsSign;
    digits += c >= '0' && c <= '9';
    if (c == '{' || c >= 0x80) signs |= kOddSign;
    if (names == nullptr) continue;
    if (c == '%') signs |= kPercentSign;
    if (c == '=' && may_end_name(1, data + i, data, *names)) signs |= kNameSign;
  }
  return digits >= limits::kPanMin ? signs | kDigitsSign : signs;
}

unsigned cut_plain(const uint8_t* data, size_t size, bool semicolons, uint64_t* words) {
  const uint8_t separator = semicolons ? ';' : '&';
  unsigned signs = look_plain(data, size, nullptr, false) & kQuadsSign;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t c = data[i];
    if (i % 64 == 0) words[i / 64] = 0;
    if (c == '=' || c == separator) words[i / 64] |= uint64_t{1} << i % 64;
    if (c >= 0x80 || c == '{' || c == '%' || c == '+' || c == '[' || c == '"' || c == '#' ||
        (c == ';' && !semicolons))
      signs |= kIntricateSign;
  }
  return signs;
}

#if defined(__SSE2__)

unsigned look_sse2(const uint8_t* data, size_t size, const NameEnds* names, bool hasty) {
  static_assert(kHeadLookMost / 16 < 256);  // a lane counts its digits in eight bits
  // From the n-th byte on all bits of the last n lanes are set.
  static constexpr std::array<uint8_t, 32> kLanes = [] {
    std::array<uint8_t, 32> table{};
    std::fill(table.begin() + 16, table.end(), uint8_t{0xFF});
    return table;
  }();
  const auto bits = [](__m128i lanes) { return static_cast<uint32_t>(_mm_movemask_epi8(lanes)); };
  const auto equal = [](__m128i v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); };
  __m128i count = _mm_setzero_si128();
  __m128i top = count;
  __m128i percents = count;
  uint64_t before = 0;
  uint64_t pairs = 0;
  bool named = false;
  const auto twelve_digits = [&] {
    const __m128i sums = _mm_sad_epu8(count, _mm_setzero_si128());
    return _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums)) >=
           static_cast<int64_t>(limits::kPanMin);
  };
  for (size_t at = 0; at < size; at += 16) {
    const size_t left = size - at;
    unsigned skip = 0;  // lanes that have been looked at
    __m128i v;
    __m128i digits;
    if (left >= 16 || size < 16) {
      v = load_16(data + at, left);
      digits = digits_of(v);
    } else {
      v = load_16(data + size - 16, 16);
      skip = static_cast<unsigned>(16 - left);
      digits = _mm_and_si128(digits_of(v), load_16(kLanes.data() + left, 16));
    }
    count = _mm_sub_epi8(count, digits);
    top = _mm_max_epu8(top, v);
    const __m128i from = _mm_sub_epi8(v, _mm_set1_epi8(static_cast<char>(kFirstMark)));
    const __m128i span = _mm_set1_epi8(static_cast<char>(kLastMark - kFirstMark));
    const uint64_t marks = bits(_mm_cmpeq_epi8(_mm_min_epu8(from, span), from)) >> skip;
    pairs |= pairs_of(marks, before, 16);
    before = marks;
    if (names != nullptr) {
      percents = _mm_or_si128(percents, equal(v, '%'));
      if (hasty && at % 64 == 48 && twelve_digits()) return kDigitsSign;
      named = named || may_end_name(bits(equal(v, '=')) >> skip, data + at, data, *names);
    }
  }
  unsigned signs = twelve_digits() ? kDigitsSign : 0u;
  if (bits(_mm_cmpeq_epi8(_mm_max_epu8(top, _mm_set1_epi8('{')), top)) != 0) signs |= kOddSign;
  if (bits(percents) != 0) signs |= kPercentSign;
  if (pairs != 0) signs |= kQuadsSign;
  return named ? signs | kNameSign : signs;
}

unsigned cut_sse2(const uint8_t* data, size_t size, bool semicolons, uint64_t* words) {
  const auto bits = [](__m128i lanes) { return static_cast<uint32_t>(_mm_movemask_epi8(lanes)); };
  const auto equal = [](__m128i v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); };
  const __m128i semicolon = _mm_set1_epi8(semicolons ? '%' : ';');
  const __m128i separator = _mm_set1_epi8(semicolons ? ';' : '&');
  __m128i found = _mm_setzero_si128();
  __m128i top = found;
  uint32_t marks = 0;  // those of the step before stand below
  uint32_t pairs = 0;
  for (size_t at = 0; at < size;) {
    uint64_t word = 0;
    for (unsigned shift = 0; shift < 64 && at < size; shift += 16, at += 16) {
      const __m128i v = load_16(data + at, size - at);
      top = _mm_max_epu8(top, v);
      found = _mm_or_si128(found, _mm_or_si128(equal(v, '%'), equal(v, '+')));
      found = _mm_or_si128(found, _mm_or_si128(equal(v, '['), equal(v, '"')));
      found = _mm_or_si128(found, _mm_or_si128(equal(v, '#'), _mm_cmpeq_epi8(v, semicolon)));
      word |= uint64_t{bits(_mm_or_si128(equal(v, '='), _mm_cmpeq_epi8(v, separator)))} << shift;
      const __m128i from = _mm_sub_epi8(v, _mm_set1_epi8(static_cast<char>(kFirstMark)));
      const __m128i span = _mm_set1_epi8(static_cast<char>(kLastMark - kFirstMark));
      marks = marks >> 16 | bits(_mm_cmpeq_epi8(_mm_min_epu8(from, span), from)) << 16;
      pairs |= marks & marks >> kQuad;
    }
    *words++ = word;
  }
  found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_max_epu8(top, _mm_set1_epi8('{')), top));
  return (bits(found) != 0 ? kIntricateSign : 0u) | (pairs != 0 ? kQuadsSign : 0u);
}

#endif

#if defined(__x86_64__)

#define HEAD_AVX2 [[gnu::target("avx2,bmi,bmi2,popcnt")]]

// What a byte is, by the tables of its two halves, each of them twice. Digits have the top bit, marks two
// bits behind that.
constexpr uint8_t kDigit = 0x80, kEqual = 0x40, kMark = 0x20, kPercent = 0x10, kBrace = 0x08, kQuoted = 0x04,
                  kSemicolon = 0x02, kBracket = 0x01;
constexpr auto kHalves = [] {
  struct {
    alignas(32) std::array<uint8_t, 32> low{};
    alignas(32) std::array<uint8_t, 32> high{};
  } tables;
  const auto add = [&](unsigned first, unsigned last, uint8_t kind) {
    for (unsigned c = first; c <= last; ++c) {
      tables.low[c % 16] |= kind;
      tables.high[c / 16] |= kind;
      tables.low[c % 16 + 16] |= kind;
      tables.high[c / 16 + 16] |= kind;
    }
  };
  add('0', '9', kDigit);
  add('=', '=', kEqual);
  add(kFirstMark, kLastMark, kMark);
  add('%', '%', kPercent);
  add('{', '{', kBrace);
  for (char c : {'+', '"', '#'}) add(static_cast<uint8_t>(c), static_cast<uint8_t>(c), kQuoted);
  add(';', ';', kSemicolon);
  add('[', '[', kBracket);
  return tables;
}();

HEAD_AVX2 inline __m256i load_32(const uint8_t* data) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(data)));
}

HEAD_AVX2 inline uint32_t bits_of(__m256i lanes) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(lanes));
}

// Nothing for a byte with its top bit set.
HEAD_AVX2 inline __m256i kinds_of(__m256i v) {
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
  return _mm256_and_si256(_mm256_shuffle_epi8(load_32(kHalves.low.data()), v),
                          _mm256_shuffle_epi8(load_32(kHalves.high.data()), upper));
}

HEAD_AVX2 inline uint32_t digits_in(__m256i kinds) { return bits_of(kinds); }
HEAD_AVX2 inline uint32_t equals_in(__m256i kinds) { return bits_of(_mm256_slli_epi16(kinds, 1)); }
HEAD_AVX2 inline uint32_t marks_in(__m256i kinds) { return bits_of(_mm256_slli_epi16(kinds, 2)); }
HEAD_AVX2 inline unsigned count_of(uint64_t bits) { return static_cast<unsigned>(std::popcount(bits)); }

// kinds, bytes: of all vectors, or-ed.
HEAD_AVX2 inline unsigned signs_of(unsigned digits, uint64_t pairs, bool named, __m256i kinds, __m256i bytes,
                                   const NameEnds* names) {
  const auto has = [&](uint8_t kind) __attribute__((target("avx2"))) {
    return _mm256_testz_si256(kinds, _mm256_set1_epi8(static_cast<char>(kind))) == 0;
  };
  const bool odd = bits_of(bytes) != 0;
  if (digits < limits::kPanMin && pairs == 0 && !named && !odd && !has(kPercent | kBrace)) return 0;
  unsigned signs = digits >= limits::kPanMin ? kDigitsSign : 0u;
  if (odd || has(kBrace)) signs |= kOddSign;
  if (pairs != 0) signs |= kQuadsSign;
  if (names != nullptr && has(kPercent)) signs |= kPercentSign;
  return named ? signs | kNameSign : signs;
}

// 33 to 64 bytes, as bits.
struct Word {
  uint64_t digits;
  uint64_t equals;
  uint64_t marks;
  __m256i kinds;  // of its vectors, or-ed
  __m256i bytes;
};

HEAD_AVX2 inline Word read_word(const uint8_t* data, size_t size) {
  const __m256i first = load_32(data);
  const __m256i last = load_32(data + size - 32);
  const __m256i first_kinds = kinds_of(first);
  const __m256i last_kinds = kinds_of(last);
  // What both hold is the same bit twice.
  const auto join = [size](uint32_t low, uint32_t high) { return low | uint64_t{high} << (size - 32); };
  return {join(digits_in(first_kinds), digits_in(last_kinds)),
          join(equals_in(first_kinds), equals_in(last_kinds)),
          join(marks_in(first_kinds), marks_in(last_kinds)), _mm256_or_si256(first_kinds, last_kinds),
          _mm256_or_si256(first, last)};
}

HEAD_AVX2 [[gnu::noinline]] unsigned look_at_word(const uint8_t* data, size_t size, const NameEnds* names) {
  const Word word = read_word(data, size);
  const bool named = names != nullptr && may_end_name(word.equals, data, data, *names);
  return signs_of(count_of(word.digits), pairs_of(word.marks, 0, 64), named, word.kinds, word.bytes, names);
}

// 65 bytes or more.
HEAD_AVX2 [[gnu::noinline]] unsigned look_at_words(const uint8_t* data, size_t size, const NameEnds* names,
                                                   bool hasty) {
  __m256i bytes = _mm256_setzero_si256();
  __m256i kinds = bytes;
  unsigned digits = 0;
  uint64_t before = 0;
  uint64_t pairs = 0;
  bool named = false;
  for (size_t at = 0; at < size; at += 64) {
    const size_t left = size - at;
    const size_t skip = left >= 64 ? 0 : 64 - left;  // bytes that have been looked at
    const Word word = read_word(data + at - skip, 64);
    bytes = _mm256_or_si256(bytes, word.bytes);
    kinds = _mm256_or_si256(kinds, word.kinds);
    digits += count_of(word.digits >> skip);
    if (hasty && digits >= limits::kPanMin) return kDigitsSign;
    const uint64_t marks = word.marks >> skip;
    pairs |= pairs_of(marks, before, 64);
    before = marks;
    named = named || (names != nullptr && may_end_name(word.equals >> skip, data + at, data, *names));
  }
  return signs_of(digits, pairs, named, kinds, bytes, names);
}

HEAD_AVX2 unsigned look_avx2(const uint8_t* data, size_t size, const NameEnds* names, bool hasty) {
  if (size > 64) return look_at_words(data, size, names, hasty);
  if (size > 32) return look_at_word(data, size, names);
  // The first sixteen bytes and the last. Digits that both hold count twice: too many is harmless.
  const bool two = size > 16;
  const size_t place = two ? size - 16 : 0;  // of the last sixteen
  const __m128i first = load_16(data, size);
  const __m256i v = two ? _mm256_inserti128_si256(_mm256_castsi128_si256(first), load_16(data + place, 16), 1)
                        : _mm256_zextsi128_si256(first);
  const __m256i kinds = kinds_of(v);
  const auto join = [place](uint32_t bits) { return (bits & 0xFFFF) | bits >> 16 << place; };
  const bool named = names != nullptr && may_end_name(join(equals_in(kinds)), data, data, *names);
  return signs_of(count_of(digits_in(kinds)), pairs_of(join(marks_in(kinds)), 0, 64), named, kinds, v, names);
}

HEAD_AVX2 unsigned cut_avx2(const uint8_t* data, size_t size, bool semicolons, uint64_t* words) {
  if (size <= 32) return cut_sse2(data, size, semicolons, words);
  const __m256i separator = _mm256_set1_epi8(semicolons ? ';' : '&');
  __m256i bytes = _mm256_setzero_si256();
  __m256i kinds = bytes;
  uint64_t before = 0;
  uint64_t pairs = 0;
  for (size_t at = 0; at < size; at += 64) {
    const size_t left = size - at;
    const size_t skip = left >= 64 || size < 64 ? 0 : 64 - left;  // bytes that have been looked at
    const uint8_t* place = data + at - skip;
    const size_t here = size < 64 ? size : 64;
    const Word word = read_word(place, here);
    bytes = _mm256_or_si256(bytes, word.bytes);
    kinds = _mm256_or_si256(kinds, word.kinds);
    const uint64_t marks = word.marks >> skip;
    pairs |= pairs_of(marks, before, 64);
    before = marks;
    const uint64_t separators = bits_of(_mm256_cmpeq_epi8(load_32(place), separator)) |
                                uint64_t{bits_of(_mm256_cmpeq_epi8(load_32(place + here - 32), separator))}
                                    << (here - 32);
    *words++ = (word.equals | separators) >> skip;
  }
  const uint8_t intricate = kPercent | kBrace | kQuoted | kBracket | (semicolons ? 0 : kSemicolon);
  const bool simple =
      _mm256_testz_si256(kinds, _mm256_set1_epi8(static_cast<char>(intricate))) != 0 && bits_of(bytes) == 0;
  return (simple ? 0u : kIntricateSign) | (pairs != 0 ? kQuadsSign : 0u);
}

#endif

}  // namespace

std::span<const HeadKernel> head_kernels() {
#if defined(__x86_64__)
  static constexpr HeadKernel kAll[] = {
      {"avx2", look_avx2, cut_avx2}, {"sse2", look_sse2, cut_sse2}, {"plain", look_plain, cut_plain}};
  __builtin_cpu_init();
  const bool all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                   __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  return std::span(kAll).subspan(all ? 0 : 1);
#elif defined(__SSE2__)
  static constexpr HeadKernel kAll[] = {{"sse2", look_sse2, cut_sse2}, {"plain", look_plain, cut_plain}};
  return kAll;
#else
  static constexpr HeadKernel kAll[] = {{"plain", look_plain, cut_plain}};
  return kAll;
#endif
}

const HeadKernel kHeadKernel = head_kernels().front();

}  // namespace cardscrub
