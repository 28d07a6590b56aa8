// Numbers in JSON that nobody needs to see, one at a time: where the vectors have met enough digits.
#include "filters/json_numbers.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "filters/json_filter.h"
#include "src/issuer.h"

namespace cardscrub {

namespace {

constexpr size_t kPlainNumberMax = 24;

constexpr bool is_delimiter(uint8_t c) { return (kJsonClass[c] & kJsonDelimiter) != 0; }
constexpr bool is_joint(uint8_t c) { return c == ' ' || c == '-' || c == '.'; }

constexpr bool is_numeric(uint8_t c) { return c < ':' || c >= 0x80; }

// Of 64 bytes: those below ':' or beyond ASCII; of these, all but ASCII's punctuation.
struct Numerals {
  uint64_t numeric = 0;
  uint64_t digits = 0;
};
Numerals read_numerals(const uint8_t* p) {
  Numerals out;
#if defined(__x86_64__)
  for (unsigned i = 0; i < 64; i += 16) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p + i)));
    const __m128i numeric = _mm_cmplt_epi8(bytes, _mm_set1_epi8(':'));
    const __m128i punctuation =
        _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(-1)), _mm_cmplt_epi8(bytes, _mm_set1_epi8('0')));
    out.numeric |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(numeric))} << i;
    out.digits |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_andnot_si128(punctuation, numeric)))}
                  << i;
  }
#else
  for (unsigned i = 0; i < 64; ++i) {
    const bool numeric = is_numeric(p[i]);
    out.numeric |= uint64_t{numeric} << i;
    out.digits |= uint64_t{numeric && p[i] >= '0'} << i;
  }
#endif
  return out;
}

unsigned count_bits(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555u;
  bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
  return static_cast<unsigned>(((bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u >> 56);
}

// How many digits p begins with, at most kDigitsMost.
constexpr unsigned kDigitsMost = 32;
static_assert(kDigitsMost <= kJsonAhead);
unsigned leading_digits(const uint8_t* p) {
#if defined(__x86_64__)
  const auto others = [p](unsigned at) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p + at)));
    const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(0x7F - '9'));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmplt_epi8(shifted, _mm_set1_epi8(0x7F - 9)))) << at;
  };
  return static_cast<unsigned>(std::countr_zero(others(0) | others(16)));
#else
  unsigned count = 0;
  while (count < kDigitsMost && is_digit(p[count])) ++count;
  return count;
#endif
}

// Leading bytes of decimal digits beyond ASCII, and of more (digit_scan.cpp).
constexpr bool starts_foreign_digit(uint8_t c) {
  return c >= 0xD9 && (c == 0xD9 || c == 0xDB || c == 0xDF || c == 0xE0 || c == 0xE1 || c == 0xEA ||
                       c == 0xEF || c == 0xF0);
}

}  // namespace

bool may_be_issued(const uint8_t* data, size_t size, const Scrubber& scrubber) {
  if (size > limits::kPanMax) return false;
  if (scrubber.sweeps_tokens()) return true;
  const unsigned first = static_cast<unsigned>((data[0] - '0') * 10 + (data[1] - '0'));
  if ((issued_lengths(first) >> size & 1u) == 0) return false;
  Digits digits;
  for (size_t i = 0; i < size; ++i) {
    if (!digits.push(static_cast<uint8_t>(data[i] - '0'))) return false;
  }
  const IssuerRange* range = find_issuer(digits.span());
  return range != nullptr && (range->lengths >> size & 1u) != 0 &&
         (!range->luhn || luhn_valid(digits.span()));
}

const uint8_t* pass_number(const uint8_t* const p) {
  const uint8_t* q = p + (*p == '-' ? 1 : 0);
  const uint8_t* const begin = q;
  while (is_digit(*q) && q - begin < static_cast<std::ptrdiff_t>(limits::kPanMin)) ++q;
  if (q == begin || q - begin == static_cast<std::ptrdiff_t>(limits::kPanMin)) return p;
  if (*begin == '0' && q - begin > 1) return p;
  if (*q == '.') {
    const uint8_t* const point = q++;
    while (is_digit(*q) && q - p < static_cast<std::ptrdiff_t>(kPlainNumberMax)) ++q;
    if (q - point == 1) return p;
  }
  // A space may stand between groups of digits.
  return is_delimiter(*q) && *q != ' ' ? q : p;
}

const uint8_t* pass_literal(const uint8_t* const p) {
  const size_t size = *p == 'f' ? 5 : 4;
  const char* word = *p == 'f' ? "false" : *p == 't' ? "true" : "null";
  return std::memcmp(p, word, 4) == 0 && (size == 4 || p[4] == 'e') && is_delimiter(p[size]) ? p + size : p;
}

uint64_t find_numbers(Bytes text, const uint8_t* p, uint64_t runs, uint64_t numeric,
                      const Scrubber& scrubber) {
  constexpr unsigned kBack = 28;
  // Between the bytes that digits begin with: the rest of a digit beyond ASCII, and a separator, which has up
  // to four bytes there. One of ASCII counts as many.
  constexpr unsigned kJoint = 4;
  constexpr unsigned kGapMax = 3 + kJoint;
  while (runs != 0) {
    const unsigned at = static_cast<unsigned>(std::countr_zero(runs));
    const unsigned end_of_run = at + static_cast<unsigned>(std::countr_one(numeric >> at));
    runs = end_of_run >= kBlock ? 0 : runs & ~uint64_t{0} << end_of_run;
    // What is short must go on in a neighbouring block.
    if (end_of_run - at < limits::kPanMin) {
      const bool goes_on = end_of_run == kBlock && is_numeric(p[kBlock]);
      const bool went_on = at == 0 && p != text.data() && is_numeric(p[-1]);
      if (!goes_on && !went_on) continue;
    }
    // Most have fewer than twelve digits all in all.
    if (p + at - text.data() >= static_cast<std::ptrdiff_t>(kBack)) {
      const Numerals around = read_numerals(p + at - kBack);
      const unsigned begin =
          kBack - static_cast<unsigned>(std::countl_one(around.numeric << (kBlock - kBack)));
      const unsigned end = kBack + static_cast<unsigned>(std::countr_one(around.numeric >> kBack));
      // Fewer than kBlock, or the ends of the run are not known.
      const bool known = begin != 0 && end < kBlock;
      const uint64_t of_run = known ? ~(~uint64_t{0} << (end - begin)) << begin : 0;
      if (known && count_bits(around.digits & of_run) < limits::kPanMin) continue;
    }
    size_t count = 0;
    bool foreign = false;
    // Over what belongs together, in one direction; behind its last digit.
    const auto walk = [&](const uint8_t* from, const uint8_t* to, std::ptrdiff_t step) {
      const uint8_t* last = from;
      unsigned gap = 0;
      for (; from != to && gap <= kGapMax && count <= limits::kPanMax; from += step) {
        const uint8_t c = *from;
        if (is_digit(c) || starts_foreign_digit(c)) {
          ++count;
          gap = 0;
          last = from + step;
        } else {
          gap += c >= 0x80 ? 1 : is_joint(c) ? kJoint : kGapMax + 1;
        }
        foreign = foreign || c >= 0x80;
      }
      return last;
    };
    // A place in the run may be no digit and belong to nothing: its digits are tried one after the other.
    for (unsigned i = at; i < end_of_run;) {
      if (!is_digit(p[i]) && !starts_foreign_digit(p[i])) {
        ++i;
        continue;
      }
      count = 0;
      foreign = false;
      const uint8_t* const begin = walk(p + i, text.data() - 1, -1) + 1;
      const uint8_t* const end = walk(p + i + 1, text.data() + text.size(), 1);
      if (count >= limits::kPanMin) {
        const bool whole =
            static_cast<size_t>(end - begin) == count && !foreign && begin[-1] == '"' && *end == '"';
        if (!whole || may_be_issued(begin, count, scrubber)) return uint64_t{1} << i;
      }
      i = std::max(i + 1, static_cast<unsigned>(end - p));
    }
  }
  return 0;
}

bool scalar_passes(const uint8_t* p, const Scrubber& scrubber) {
  if (*p >= 'A') return pass_literal(p) != p;
  const unsigned count = leading_digits(p);
  if (count < limits::kPanMin) return pass_number(p) != p;
  return count < kDigitsMost && *p != '0' && is_delimiter(p[count]) && p[count] != ' ' &&
         !may_be_issued(p, count, scrubber);
}

}  // namespace cardscrub
