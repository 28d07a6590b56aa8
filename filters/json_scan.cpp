// Scanning of JSON strings: one loop over blocks, for AVX2, SSE2 and machines with neither.
#include "filters/json_scan.h"

#include <algorithm>
#include <string_view>

#include "src/limits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cardscrub {

namespace {

bool is_hex(uint8_t c) {
  return static_cast<uint8_t>(c - '0') < 10 || static_cast<uint8_t>((c | 0x20) - 'a') < 6;
}

bool is_digit_byte(uint8_t c) { return static_cast<uint8_t>(c - '0') < 10; }

// Looks at the escape that data[at], a backslash, begins: bytes to go on behind; counts what it passes over.
size_t pass_escape(const uint8_t* data, size_t size, size_t at, StringScan* scan) {
  scan->escapes = true;
  if (at + 1 == size) return at + 1;
  uint8_t c = data[at + 1];
  if (c == 'u') {
    for (size_t i = at + 2; i < at + 6; ++i) {
      if (i == size || !is_hex(data[i])) {
        if (i != size) scan->flawed = true;
        return i;
      }
      scan->digits += is_digit_byte(data[i]) ? 1u : 0u;
    }
    return at + 6;
  }
  if (std::string_view("\"\\/bfnrt").find(static_cast<char>(c)) == std::string_view::npos) {
    scan->flawed = true;
    return at + 1;
  }
  return at + 2;
}

// One byte after the other. True: the scan is over.
bool scan_byte(const uint8_t* data, size_t size, size_t* at, StringScan* scan) {
  uint8_t c = data[*at];
  if (c == '"') {
    scan->closed = true;
    return true;
  }
  if (c == '\\') {
    *at = pass_escape(data, size, *at, scan);
    return false;
  }
  if (c < 0x20) scan->flawed = true;
  if (c == '=') scan->equals = true;
  scan->digits += is_digit_byte(c) ? 1u : 0u;
  scan->high += c >> 7;
  ++*at;
  return false;
}

StringScan finish_scan(const uint8_t* data, size_t size, size_t at, StringScan scan) {
  while (at < size && !scan_byte(data, size, &at, &scan)) {
  }
  scan.size = at;
  return scan;
}

bool is_plain(uint8_t c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

size_t finish_run(const uint8_t* data, size_t size, size_t at) {
  while (at < size && is_plain(data[at])) ++at;
  return at;
}

// One byte after the other, exactly.
bool linked_bytes(const uint8_t* data, size_t size) {
  unsigned count = 0;
  bool separated = false;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t c = data[i];
    if (is_digit_byte(c)) {
      if (++count == limits::kPanMin) return true;
      separated = false;
    } else if (!separated && (c == ' ' || c == '-' || c == '.')) {
      separated = true;
    } else {
      count = 0;
    }
  }
  return false;
}

#if defined(__x86_64__)

// Digits, and separators behind a digit, in two neighbouring blocks of 16 bytes: twelve in a row?
bool linked_blocks(uint32_t digits, uint32_t separators) {
  uint32_t run = digits | (separators & digits << 1);
  run &= run >> 1;
  run &= run >> 2;
  return (run & run >> 4 & run >> 8) != 0;
}

unsigned count_bits(uint32_t bits) {
  bits -= bits >> 1 & 0x55555555u;
  bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
  return ((bits + (bits >> 4)) & 0x0F0F0F0Fu) * 0x01010101u >> 24;
}

[[gnu::target("avx2,popcnt")]] StringScan scan_string_avx2(const uint8_t* data, size_t size) {
  StringScan scan;
  size_t digits = 0;
  size_t at = 0;
  while (at + 32 <= size) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
    const __m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(block, _mm256_set1_epi8('"')),
                                         _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\')));
    const __m256i shifted = _mm256_add_epi8(block, _mm256_set1_epi8(0x7F - '9'));
    const __m256i digit = _mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(0x7F - 10));
    const uint32_t stops = static_cast<uint32_t>(_mm256_movemask_epi8(stop));
    const uint32_t seen = stops ^ (stops - 1);  // up to and with the first one; all when there is none
    uint32_t low =
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), block)));
    digits +=
        static_cast<unsigned>(__builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(digit)) & seen));
    const __m256i equals = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('='));
    if ((static_cast<uint32_t>(_mm256_movemask_epi8(equals)) & seen) != 0) scan.equals = true;
    low &= seen;
    if (low != 0) {
      const uint32_t high = static_cast<uint32_t>(_mm256_movemask_epi8(block));
      scan.high += static_cast<unsigned>(__builtin_popcount(high & low));
      if ((low & ~high) != 0) scan.flawed = true;
    }
    if (stops == 0) {
      at += 32;
      continue;
    }
    at += static_cast<unsigned>(__builtin_ctz(stops));
    if (data[at] == '"') {
      scan.size = at;
      scan.digits += digits;
      scan.closed = true;
      return scan;
    }
    at = pass_escape(data, size, at, &scan);
  }
  scan.digits += digits;
  return finish_scan(data, size, at, scan);
}

StringScan scan_string_sse2(const uint8_t* data, size_t size) {
  StringScan scan;
  size_t at = 0;
  while (at + 16 <= size) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    __m128i stop =
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
    __m128i digits = _mm_cmpgt_epi8(_mm_add_epi8(block, _mm_set1_epi8(0x7F - '9')), _mm_set1_epi8(0x7F - 10));
    uint32_t high = static_cast<uint32_t>(_mm_movemask_epi8(block));
    uint32_t low = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_set1_epi8(0x20), block)));
    uint32_t stops = static_cast<uint32_t>(_mm_movemask_epi8(stop));
    uint32_t digit = static_cast<uint32_t>(_mm_movemask_epi8(digits));
    uint32_t mask = stops == 0 ? ~uint32_t{0} : (stops & (~stops + 1)) - 1;
    if ((digit & mask) != 0) scan.digits += count_bits(digit & mask);
    __m128i equals = _mm_cmpeq_epi8(block, _mm_set1_epi8('='));
    if ((static_cast<uint32_t>(_mm_movemask_epi8(equals)) & mask) != 0) scan.equals = true;
    if ((low & mask) != 0) {
      scan.high += count_bits(high & mask);
      if ((low & ~high & mask) != 0) scan.flawed = true;
    }
    at += stops == 0 ? 16 : static_cast<unsigned>(__builtin_ctz(stops));
    if (stops == 0) continue;
    if (scan_byte(data, size, &at, &scan)) {
      scan.size = at;
      return scan;
    }
  }
  return finish_scan(data, size, at, scan);
}

[[gnu::target("avx2")]] size_t plain_run_avx2(const uint8_t* data, size_t size) {
  size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
    __m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(block, _mm256_set1_epi8('"')),
                                   _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\')));
    stop = _mm256_or_si256(stop, _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), block));
    uint32_t bits = static_cast<uint32_t>(_mm256_movemask_epi8(stop));
    if (bits != 0) return at + static_cast<unsigned>(__builtin_ctz(bits));
  }
  return finish_run(data, size, at);
}

size_t plain_run_sse2(const uint8_t* data, size_t size) {
  size_t at = 0;
  for (; at + 16 <= size; at += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    __m128i stop =
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
    stop = _mm_or_si128(stop, _mm_cmpgt_epi8(_mm_set1_epi8(0x20), block));
    uint32_t bits = static_cast<uint32_t>(_mm_movemask_epi8(stop));
    if (bits != 0) return at + static_cast<unsigned>(__builtin_ctz(bits));
  }
  return finish_run(data, size, at);
}

#endif

StringScan scan_string_bytes(const uint8_t* data, size_t size) { return finish_scan(data, size, 0, {}); }
size_t plain_run_bytes(const uint8_t* data, size_t size) { return finish_run(data, size, 0); }

constexpr StringScanner kScanners[] = {
#if defined(__x86_64__)
    {"avx2", scan_string_avx2, plain_run_avx2},
    {"sse2", scan_string_sse2, plain_run_sse2},
#endif
    {"bytes", scan_string_bytes, plain_run_bytes},
};

const StringScanner kFastest = string_scanners().front();

}  // namespace

bool linked_digits(const uint8_t* data, size_t size) {
#if defined(__x86_64__)
  uint32_t digits = 0;  // of the block before in the low half
  uint32_t separators = 0;
  size_t at = 0;
  bool linked = false;
  while (at < size && !linked) {
    // The last block overlaps the one before it; what was seen already is shifted out.
    const size_t begin = at + 16 <= size ? at : size - std::min<size_t>(size, 16);
    if (size < 16) break;
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + begin));
    const __m128i digit =
        _mm_cmpgt_epi8(_mm_add_epi8(block, _mm_set1_epi8(0x7F - '9')), _mm_set1_epi8(0x7F - 10));
    const __m128i separator = _mm_or_si128(
        _mm_cmpeq_epi8(block, _mm_set1_epi8(' ')),
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('-')), _mm_cmpeq_epi8(block, _mm_set1_epi8('.'))));
    const unsigned seen = static_cast<unsigned>(at - begin);
    digits = digits >> 16 | static_cast<uint32_t>(_mm_movemask_epi8(digit)) >> seen << 16;
    separators = separators >> 16 | static_cast<uint32_t>(_mm_movemask_epi8(separator)) >> seen << 16;
    linked = linked_blocks(digits, separators);
    at = begin + 16;
  }
  if (size >= 16 && !linked) return false;
#endif
  return linked_bytes(data, size);
}

std::span<const StringScanner> string_scanners() {
  std::span<const StringScanner> all(kScanners);
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("popcnt")) return all.subspan(1);
#endif
  return all;
}

StringScan scan_string(const uint8_t* data, size_t size) { return kFastest.scan_string(data, size); }

size_t plain_run(const uint8_t* data, size_t size) { return kFastest.plain_run(data, size); }

}  // namespace cardscrub
