// Decoded: a growing text with places, and the characters beyond ASCII that count as digits and separators.
#include "filters/decoded.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace cardscrub {

namespace {

// The zeros of all decimal digits, Unicode 16.0, general category Nd, ASCII left out; each begins ten in a
// row.
constexpr std::array<char32_t, 75> kZeros = {
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,  0x0C66,  0x0CE6,
    0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,  0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,
    0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,
    0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0,
    0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50,
    0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0, 0x110000};
constexpr char32_t kFullWidthZero = 0xFF10;

constexpr bool ascending() {
  for (size_t i = 1; i < kZeros.size(); ++i) {
    if (kZeros[i - 1] + 10 > kZeros[i]) return false;
  }
  return true;
}
static_assert(ascending());

// Ten digits differ in the last byte of their UTF-8 only: its six bits never overflow.
constexpr bool in_one_byte() {
  for (char32_t zero : kZeros) {
    if ((zero & 0x3F) + 9 > 0x3F) return false;
  }
  return true;
}
static_assert(in_one_byte());

// The zero of the digits that `code_point` is one of; 0: it is no digit.
char32_t zero_of(char32_t code_point) {
  auto above = std::upper_bound(kZeros.begin(), kZeros.end(), code_point);
  if (above == kZeros.begin()) return 0;
  char32_t zero = *(above - 1);
  return code_point - zero < 10 ? zero : 0;
}

// The ASCII separator that `code_point` stands for (Unicode Zs; hyphens, dashes, minus; full stop), or 0.
// What is not seen at all (zero-width spaces and joiners, marks and ends of writing directions, variation
// selectors) separates as a space does: numbers that are copied from a page carry it with them.
uint8_t separator_of(char32_t code_point) {
  if (code_point >= 0x200B && code_point <= 0x200F) return ' ';
  if (code_point >= 0x202A && code_point <= 0x202E) return ' ';
  if (code_point >= 0x2060 && code_point <= 0x2069) return ' ';
  if (code_point >= 0x2000 && code_point <= 0x200A) return ' ';
  if (code_point >= 0x180B && code_point <= 0x180F) return ' ';
  if (code_point >= 0xFE00 && code_point <= 0xFE0F) return ' ';
  if (code_point >= 0x2010 && code_point <= 0x2015) return '-';
  switch (code_point) {
    case 0x00A0:
    case 0x034F:
    case 0x1680:
    case 0x202F:
    case 0x205F:
    case 0x3000:
    case 0xFEFF:
      return ' ';
    case 0x00AD:
    case 0x2212:
    case 0xFE58:
    case 0xFE63:
    case 0xFF0D:
      return '-';
    case 0xFF0E:
      return '.';
    default:
      return 0;
  }
}

// How a digit of another script is written where an ASCII digit would be written as `form`.
Form foreign_form(char32_t zero, Form form) {
  bool has_star = zero == kFullWidthZero;
  switch (form) {
    case Form::kByte:
      return has_star ? Form::kByte : Form::kByteDigit;
    case Form::kHex:
      return has_star ? Form::kHex : Form::kHexLow;
    default:
      return Form::kFixed;
  }
}

// Lead bytes of UTF-8 sequences that may be one of the characters above; most text in Latin, Cyrillic, Greek
// or Chinese letters has none of them.
constexpr std::array<bool, 256> make_leads() {
  std::array<bool, 256> lead{};
  auto note = [&lead](char32_t c) {
    if (c < 0x800) {
      lead[0xC0 | (c >> 6)] = true;
    } else if (c < 0x10000) {
      lead[0xE0 | (c >> 12)] = true;
    } else if (c < 0x110000) {
      lead[0xF0 | (c >> 18)] = true;
    }
  };
  for (char32_t zero : kZeros) note(zero);
  for (char32_t c :
       {U'\u00A0', U'\u00AD', U'\u034F', U'\u1680', U'\u180E', U'\u2000', U'\u2010', U'\u202F', U'\u205F',
        U'\u2212', U'\u3000', U'\uFE58', U'\uFE63', U'\uFEFF', U'\uFF0D', U'\uFF0E'}) {
    note(c);
  }
  return lead;
}
constexpr std::array<bool, 256> kLead = make_leads();

uint8_t byte_of(char32_t value) { return static_cast<uint8_t>(value); }

}  // namespace

void Decoded::grow(size_t count) {
  size_t need = size_ + count;
  if (need <= bytes_.size()) return;
  const size_t room = std::max(need, std::max<size_t>(64, bytes_.size() * 2));
  units_.resize(room);
  bytes_.resize(room);
}

void Decoded::add_run(const Text& in) {
  if (in.size == 0) return;
  grow(in.size);
  std::memcpy(bytes_.data() + size_, in.data, in.size);
  Unit* units = units_.data() + size_;
  size_ += in.size;
  if (in.units != nullptr) {
    std::copy_n(in.units, in.size, units);
    return;
  }
  for (size_t i = 0; i < in.size; ++i) units[i] = {in.at + i, Form::kByte};
}

void Decoded::drop_front(size_t count) {
  if (count == 0) return;
  size_t rest = size_ - count;
  std::memmove(bytes_.data(), bytes_.data() + count, rest);
  wipe(bytes_.data() + rest, count);
  size_ = rest;
  std::copy_n(units_.begin() + static_cast<std::ptrdiff_t>(count), rest, units_.begin());
}

void Decoded::clear() {
  if (size_ != 0) wipe(bytes_.data(), size_);
  size_ = 0;
}

void add_code_point(Decoded* out, char32_t code_point, Unit unit) {
  if (code_point < 0x80) {
    out->add(byte_of(code_point), is_digit(byte_of(code_point)) ? unit : Unit{unit.at, Form::kFixed});
    return;
  }
  if (uint8_t separator = separator_of(code_point)) {
    out->add(separator, {unit.at, Form::kFixed});
    return;
  }
  if (char32_t zero = zero_of(code_point)) {
    out->add(byte_of('0' + (code_point - zero)), {unit.at, foreign_form(zero, unit.form)});
    return;
  }
  Unit fixed{unit.at, Form::kFixed};
  if (code_point < 0x800) {
    out->add(byte_of(0xC0 | (code_point >> 6)), fixed);
  } else {
    if (code_point < 0x10000) {
      out->add(byte_of(0xE0 | (code_point >> 12)), fixed);
    } else {
      out->add(byte_of(0xF0 | ((code_point >> 18) & 7)), fixed);
      out->add(byte_of(0x80 | ((code_point >> 12) & 0x3F)), fixed);
    }
    out->add(byte_of(0x80 | ((code_point >> 6) & 0x3F)), fixed);
  }
  out->add(byte_of(0x80 | (code_point & 0x3F)), fixed);
}

Unit hex_unit(const Text& text, size_t last, bool ascii) {
  Unit low = text.unit(last);
  if (text.units == nullptr) return {low.at, Form::kHex};
  Unit high = text.unit(last - 1);
  // A full-width digit is written by its last byte too, but is no hexadecimal character: it shows by what
  // stands in front of it.
  const bool plain = high.form == Form::kByte && low.form == Form::kByte && high.at + 1 == low.at;
  if (plain && text.unit(last - 2).at + 1 == high.at) return {low.at, Form::kHex};
  // '3' is the high character of every ASCII digit and stays; the low one is itself a digit on the wire.
  if (!ascii) return {low.at, Form::kFixed};
  switch (low.form) {
    case Form::kByte:
    case Form::kByteDigit:
      return {low.at, Form::kByteDigit};
    case Form::kHex:
    case Form::kHexLow:
      return {low.at, Form::kHexLow};
    default:
      return {low.at, Form::kFixed};
  }
}

Utf8 next_utf8(const uint8_t* data, size_t size) {
  uint8_t lead = data[0];
  if (lead < 0x80) return {lead, 1, true};
  uint8_t length = 0;
  char32_t code_point = 0;
  uint8_t low = 0x80;  // bounds of the second byte: no overlong forms, no surrogates, nothing above U+10FFFF
  uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code_point = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code_point = lead & 0x0Fu;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code_point = lead & 0x07u;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {lead, 1, false};
  }
  for (uint8_t i = 1; i < length; ++i) {
    if (i == size) return {0, 0, false};
    if (data[i] < low || data[i] > high) return {lead, 1, false};
    code_point = code_point << 6 | (data[i] & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, length, true};
}

size_t open_utf8(const uint8_t* data, size_t size) {
  for (size_t back = 1; back <= 3 && back <= size; ++back) {
    uint8_t byte = data[size - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) return next_utf8(data + size - back, back).size == 0 ? back : 0;
  }
  return 0;
}

size_t find_non_ascii(const uint8_t* data, size_t size) {
  size_t i = 0;
  constexpr uint64_t kHigh = 0x8080808080808080u;
  for (; i + 32 <= size; i += 32) {
    uint64_t word[4];
    std::memcpy(word, data + i, 32);
    if (((word[0] | word[1] | word[2] | word[3]) & kHigh) != 0) break;
  }
  while (i < size && data[i] < 0x80) ++i;
  return i;
}

Foreign look_for_foreign(const uint8_t* data, size_t size) {
  Foreign found;
  size_t i = 0;
  while (i < size) {
    if (data[i] < 0x80) {
      i += find_non_ascii(data + i, size - i);
      continue;
    }
    if (!kLead[data[i]]) {
      ++i;
      continue;
    }
    Utf8 next = next_utf8(data + i, size - i);
    if (next.size == 0) return found;
    if (next.valid) {
      if (separator_of(next.code_point) != 0) found.separators = true;
      if (zero_of(next.code_point) != 0) ++found.digits;
    }
    i += next.size;
  }
  return found;
}

bool begins_with_separator(const uint8_t* data, size_t size) {
  if (size == 0 || !kLead[data[0]]) return false;
  return look_for_foreign(data, next_utf8(data, size).size).separators;
}

bool needs_normalising(const uint8_t* data, size_t size) {
  size_t first = find_non_ascii(data, size);
  if (first == size) return false;
  Foreign found = look_for_foreign(data + first, size - first);
  return found.separators || found.digits != 0;
}

void decode_utf8(const Text& in, Decoded* out) {
  size_t i = 0;
  while (i < in.size) {
    size_t ascii = find_non_ascii(in.data + i, in.size - i);
    if (ascii != 0) {
      out->add_run(in.sub(i, ascii));
      i += ascii;
      continue;
    }
    Utf8 next = next_utf8(in.data + i, in.size - i);
    if (!next.valid) {
      out->add(in.data[i], {in.unit(i).at, Form::kFixed});
      ++i;
      continue;
    }
    add_code_point(out, next.code_point, in.unit(i + next.size - 1u));
    i += next.size;
  }
}

}  // namespace cardscrub
