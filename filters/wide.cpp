// WideFinder: vectors look for the few first bytes that such characters have; what they find is looked at
// closely.
#include "filters/wide.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cardscrub {

namespace {

bool continues(int c) { return c >= 0x80 && c < 0xC0; }

// What a byte says about the character that it begins.
enum : uint8_t { kDigitByte = 1, kSeparatorByte = 2, kDigitLead = 4, kSeparatorLead = 8 };
constexpr uint8_t kLead = kDigitLead | kSeparatorLead;

// First bytes in UTF-8 of the characters that add_code_point() makes digits, spaces, dashes and full stops
// of. Behind a kSeparatorLead there are no digits.
constexpr std::array<uint8_t, 256> kBytes = [] {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0x30; c < 0x3A; ++c) table[c] = kDigitByte;
  for (unsigned c : {0x20u, 0x2Du, 0x2Eu}) table[c] = kSeparatorByte;
  for (unsigned c : {0xC2u, 0xCDu, 0xD6u, 0xE2u, 0xE3u}) table[c] = kSeparatorLead;
  for (unsigned c : {0xD9u, 0xDBu, 0xDFu, 0xE0u, 0xE1u, 0xEAu, 0xEFu, 0xF0u}) table[c] = kDigitLead;
  return table;
}();

// Turns away most of what only looks like one, or has nothing beside it: cheap, and never wrong about one
// that is.
bool plausible(const uint8_t* data, size_t size, size_t i) {
  if (i < WideFinder::kBehind || size - i < WideFinder::kAhead) return true;
  const uint8_t first = data[i];
  const uint8_t second = data[i + 1];
  size_t length = 2;
  switch (first) {
    case 0xC2:
      if (second != 0xA0 && second != 0xAD) return false;
      break;
    case 0xCD:
      if (second != 0x8F) return false;
      break;
    case 0xD6:
      if (second != 0x8A && second != 0xBE) return false;
      break;
    case 0xD9:
      if (second < 0xA0 || second > 0xA9) return false;
      break;
    case 0xDB:
      if (second < 0xB0 || second > 0xB9) return false;
      break;
    case 0xDF:
      if (second > 0x89) return false;
      break;
    default:
      length = first < 0xF0 ? 3 : 4;
      if (!continues(data[i + 2])) return false;
  }
  const unsigned wanted = (kBytes[first] & kSeparatorLead) != 0
                              ? kDigitByte | kDigitLead
                              : kDigitByte | kDigitLead | kSeparatorByte | kSeparatorLead;
  if (((kBytes[data[i + length]] | kBytes[data[i - 1]]) & wanted) != 0) return true;
  return continues(data[i - 1]) &&
         ((kBytes[data[i - 2]] | kBytes[data[i - 3]] | kBytes[data[i - 4]]) & wanted & kLead) != 0;
}

size_t candidate_scalar(const uint8_t* data, size_t size, size_t i) {
  for (; i < size; ++i) {
    if ((kBytes[data[i]] & kLead) != 0 && (i + 1 == size || continues(data[i + 1])) &&
        plausible(data, size, i))
      return i;
  }
  return size;
}

#if defined(__x86_64__)
// A byte is a lead when the table entries of its two nibbles share a bit: 1, 2, 4, 8 for 0xC_, 0xD_, 0xE_,
// 0xF_.
__attribute__((target("avx2"))) size_t candidate_avx2(const uint8_t* data, size_t size, size_t i) {
  const __m256i low_table =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(4 | 8, 4, 1 | 4, 4, 0, 0, 2, 0, 0, 2, 4, 2, 0, 1, 0, 2 | 4));
  const __m256i high_table =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8));
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i first_lead = _mm256_set1_epi8(static_cast<char>(0xC0));
  const __m256i zero = _mm256_setzero_si256();
  for (; size - i >= 33; i += 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i));
    if (_mm256_movemask_epi8(v) == 0) continue;
    const __m256i next = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + 1));
    const __m256i low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(v, nibble));
    const __m256i high = _mm256_shuffle_epi8(high_table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
    const __m256i miss = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), zero);
    const __m256i hit = _mm256_andnot_si256(miss, _mm256_cmpgt_epi8(first_lead, next));
    for (unsigned mask = static_cast<unsigned>(_mm256_movemask_epi8(hit)); mask != 0; mask &= mask - 1) {
      const size_t at = i + static_cast<size_t>(__builtin_ctz(mask));
      if (plausible(data, size, at)) return at;
    }
  }
  return candidate_scalar(data, size, i);
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
#endif

// The first byte from `i` on that may begin such a character; size: none.
size_t candidate(const uint8_t* data, size_t size, size_t i) {
#if defined(__x86_64__)
  if (kHasAvx2) return candidate_avx2(data, size, i);
#endif
  return candidate_scalar(data, size, i);
}

}  // namespace

WideFinder::Found WideFinder::next(const uint8_t* data, size_t size, size_t from, bool last) {
  for (size_t i = from;; ++i) {
    i = candidate(data, size, i);
    if (i == size) return {size, 0, 0};
    if (size - i < kAhead && !last) return {i, 0, 0};
    Character character = character_at(data, size, static_cast<std::ptrdiff_t>(i));
    if (relevant(data, size, i, character)) return {i, character.size, character.code};
  }
}

void WideFinder::drop_front(const uint8_t* data, size_t count) {
  for (size_t i = count < kBehind ? 0 : count - kBehind; i < count; ++i) {
    for (size_t k = 1; k < kBehind; ++k) behind_[k - 1] = behind_[k];
    behind_[kBehind - 1] = is_digit(data[i]) ? '0' : data[i];  // which digit it was does not matter
  }
}

int WideFinder::byte(const uint8_t* data, size_t size, std::ptrdiff_t at) const {
  if (at >= static_cast<std::ptrdiff_t>(size)) return -1;
  if (at >= 0) return data[at];
  at += static_cast<std::ptrdiff_t>(kBehind);
  return at >= 0 ? int{behind_[static_cast<size_t>(at)]} : -1;
}

WideFinder::Character WideFinder::character_at(const uint8_t* data, size_t size, std::ptrdiff_t at) {
  const int first = byte(data, size, at);
  if (first < 0xC2 || (kBytes[static_cast<size_t>(first)] & kLead) == 0) return {0, 0, Class::kOther};
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t code = static_cast<unsigned>(first) & (0xFFu >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    int c = byte(data, size, at + static_cast<std::ptrdiff_t>(k));
    if (!continues(c)) return {0, 0, Class::kOther};
    code = code << 6 | (static_cast<unsigned>(c) & 0x3Fu);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000)) return {0, 0, Class::kOther};
  scratch_.clear();
  add_code_point(&scratch_, code, {0, Form::kByte});
  Text text = scratch_.text();
  Class kind = text.size != 1 || text.data[0] >= 0x80 ? Class::kOther
               : is_digit(text.data[0])               ? Class::kDigit
                                                      : Class::kSeparator;
  return {length, code, kind};
}

WideFinder::Class WideFinder::class_at(const uint8_t* data, size_t size, std::ptrdiff_t at) {
  int c = byte(data, size, at);
  if (c >= '0' && c <= '9') return Class::kDigit;
  if (c == ' ' || c == '-' || c == '.') return Class::kSeparator;
  return c < 0x80 ? Class::kOther : character_at(data, size, at).kind;
}

// Of the character that ends in front of `at`.
WideFinder::Class WideFinder::class_before(const uint8_t* data, size_t size, std::ptrdiff_t at) {
  std::ptrdiff_t begin = at - 1;
  while (begin > at - static_cast<std::ptrdiff_t>(kBehind) && continues(byte(data, size, begin))) --begin;
  if (begin == at - 1) return class_at(data, size, begin);
  Character character = character_at(data, size, begin);
  return begin + static_cast<std::ptrdiff_t>(character.size) == at ? character.kind : Class::kOther;
}

bool WideFinder::relevant(const uint8_t* data, size_t size, size_t at, const Character& character) {
  if (character.kind == Class::kOther) return false;
  const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(at);
  const std::ptrdiff_t end = begin + static_cast<std::ptrdiff_t>(character.size);
  const Class before = class_before(data, size, begin);
  const Class after = class_at(data, size, end);
  if (before == Class::kDigit || after == Class::kDigit) return true;
  return character.kind == Class::kDigit && (before == Class::kSeparator || after == Class::kSeparator);
}

}  // namespace cardscrub
