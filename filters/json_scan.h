// JSON strings at the speed of the machine: where one ends, and whether anybody needs to look into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cardscrub {

struct StringScan {
  size_t size = 0;      // bytes in front of the closing quote, or all there are
  size_t digits = 0;    // ASCII digits among them; not fewer than the ASCII digits that its escapes stand for
  size_t high = 0;      // bytes >= 0x80
  bool closed = false;  // the closing quote is at [size]
  bool escapes = false;
  bool equals = false;  // a '='
  bool flawed = false;  // a control character, or an escape that RFC 8259, 7 does not know
};

// The two loops over bytes, one pair for each kind of processor.
struct StringScanner {
  const char* name;
  // Scans from the first character of a string, at most `size` bytes.
  StringScan (*scan_string)(const uint8_t* data, size_t size);
  // The index of the first byte that is a quote, a backslash, a control character or >= 0x80; `size`: none.
  size_t (*plain_run)(const uint8_t* data, size_t size);
};
std::span<const StringScanner> string_scanners();  // those that run on this processor, fastest first

// With the fastest of them.
StringScan scan_string(const uint8_t* data, size_t size);
size_t plain_run(const uint8_t* data, size_t size);

// Whether ASCII holds twelve digits with at most one space, hyphen or full stop between two of them. Never
// false for text with a card number or track data in it (detector.h).
bool linked_digits(const uint8_t* data, size_t size);

// scan_string() for a string of at most 15 characters, inline: the index of the closing quote of a string of
// plain ASCII with at most 11 digits and no '='; 16: something else, ask scan_string(). Needs 16 readable
// bytes.
inline constexpr size_t kShort = 16;
inline size_t scan_short(const uint8_t* data) {
#if defined(__SSE2__)
  __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
  __m128i plain = _mm_cmpgt_epi8(block, _mm_set1_epi8(0x1F));  // signed: bytes >= 0x80 are not plain either
  __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  __m128i slash =
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(block, _mm_set1_epi8('=')));
  // bits 0..15: plain and neither quote, backslash nor '='
  unsigned bits =
      static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(quote, slash), plain)));
  unsigned at = static_cast<unsigned>(__builtin_ctz(~bits));
  if (at == kShort || data[at] != '"') return kShort;
  if (at < 12) return at;
  __m128i shifted = _mm_add_epi8(block, _mm_set1_epi8(0x7F - '9'));
  unsigned digits =
      static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpgt_epi8(shifted, _mm_set1_epi8(0x7F - 10))));
  digits &= (1u << at) - 1;
  // 12 of at most 15 are digits only if at most 3 are not
  unsigned others = ~digits & ((1u << at) - 1);
  for (unsigned room = at - 11; room != 0; --room) {
    if (others == 0) return kShort;
    others &= others - 1;
  }
  return at;
#else
  size_t digits = 0;
  for (size_t i = 0; i < kShort; ++i) {
    uint8_t c = data[i];
    if (c == '"') return digits < 12 ? i : kShort;
    if (c < 0x20 || c >= 0x80 || c == '\\' || c == '=') return kShort;
    digits += static_cast<uint8_t>(c - '0') < 10 ? 1u : 0u;
  }
  return kShort;
#endif
}

// The index behind the spaces that data[0] begins.
inline size_t skip_spaces(const uint8_t* data, size_t size) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= size; i += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
    unsigned other =
        ~static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(' ')))) & 0xFFFF;
    if (other != 0) return i + static_cast<unsigned>(__builtin_ctz(other));
  }
#endif
  while (i < size && data[i] == ' ') ++i;
  return i;
}

}  // namespace cardscrub
