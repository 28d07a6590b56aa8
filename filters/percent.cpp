// PercentDecoder: one small state for each time of decoding, one for UTF-8.
#include "filters/percent.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cardscrub {

int hex_value(uint8_t c) {
  if (is_digit(c)) return c - '0';
  uint8_t letter = static_cast<uint8_t>((c | 0x20) - 'a');
  return letter < 6 ? letter + 10 : -1;
}

namespace {

// What may stand in a card number, or begin another escape.
bool undone_again(uint8_t c) { return is_digit(c) || c == ' ' || c == '-' || c == '.' || c == '%'; }

// How a digit that is written as the escape of two hexadecimal characters can be written again.
Form escape_form(uint8_t value, const Unit& high, const Unit& low) {
  if (high.form == Form::kByte && low.form == Form::kByte && low.at == high.at + 1) return Form::kHex;
  // The two characters are encoded themselves: only the low one is touched, and it must stay a digit.
  if (!is_digit(value)) return Form::kFixed;
  switch (low.form) {
    case Form::kByte:
    case Form::kByteDigit:
      return Form::kByteDigit;
    case Form::kHex:
    case Form::kHexLow:
      return Form::kHexLow;
    case Form::kDecimal:
    case Form::kFixed:
      break;
  }
  return Form::kFixed;
}

// The two characters that are escapes in themselves or begin one; 0x80 where there is none.
struct Specials {
  uint8_t first;
  uint8_t second;
};
Specials specials_of(Escapes escapes) {
  switch (escapes) {
    case Escapes::kForm:
      return {'%', '+'};
    case Escapes::kUri:
      return {'%', '%'};
    case Escapes::kQuotedPrintable:
      return {'=', '='};
    case Escapes::kQuotes:
      return {'"', '"'};
    case Escapes::kNone:
      break;
  }
  return {0x80, 0x80};
}

}  // namespace

bool has_escapes(const uint8_t* data, size_t size, Escapes escapes) {
  const Specials special = specials_of(escapes);
  size_t i = 0;
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(static_cast<char>(special.first));
  const __m128i second = _mm_set1_epi8(static_cast<char>(special.second));
  for (; size - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
    __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, second));
    if (_mm_movemask_epi8(_mm_or_si128(hit, v)) != 0)
      return true;  // v: its sign bits are the bytes from 0x80 on
  }
#endif
  for (; i < size; ++i) {
    if (data[i] == special.first || data[i] == special.second || data[i] >= 0x80) return true;
  }
  return false;
}

void PercentDecoder::start(Escapes escapes, unsigned extra) {
  escapes_kind_ = escapes;
  mark_ = specials_of(escapes).first;
  plus_is_space_ = escapes == Escapes::kForm;
  levels_ = 1 + extra;
  bad_escape_ = kNone;
  for (Escape& escape : escapes_) escape.count = 0;
  have_ = need_ = 0;
}

bool PercentDecoder::idle() const {
  if (need_ != 0) return false;
  for (unsigned level = 0; level < levels_; ++level) {
    if (escapes_[level].count != 0) return false;
  }
  return true;
}

bool PercentDecoder::whole_escape(const Text& in, size_t i, Decoded* out) const {
  if (escapes_kind_ == Escapes::kQuotes || escapes_kind_ == Escapes::kNone) return false;
  if (in.size - i < 3 || in.data[i] != mark_) return false;
  const int high = hex_value(in.data[i + 1]);
  const int low = hex_value(in.data[i + 2]);
  if (high < 0 || high >= 8 || low < 0) return false;
  const auto value = static_cast<uint8_t>(high * 16 + low);
  if (value == '%' && levels_ > 1) return false;
  const Unit last = in.unit(i + 2);
  out->add(value, {last.at, escape_form(value, in.unit(i + 1), last)});
  return true;
}

void PercentDecoder::feed(const Text& in, Decoded* out) {
  for (size_t i = 0; i < in.size;) {
    // Nearly always nothing is open, and then what is plain stays as it is and an escape is undone at once.
    if (idle()) {
      size_t end = i;
      while (end < in.size && is_plain(in.data[end])) ++end;
      out->add_run(in.sub(i, end - i));
      i = end;
      if (i == in.size) return;
      if (in.data[i] == '+' && plus_is_space_) {
        out->add(' ', {in.unit(i++).at, Form::kFixed});
        continue;
      }
      if (whole_escape(in, i, out)) {
        i += 3;
        continue;
      }
    }
    uint8_t c = in.data[i];
    Unit unit = in.unit(i);
    if (c == '+' && plus_is_space_ && escapes_[0].count == 0) {
      c = ' ';
      unit.form = Form::kFixed;
    }
    put(0, c, unit, out);
    ++i;
  }
}

void PercentDecoder::finish(Decoded* out) {
  for (unsigned level = 0; level < levels_; ++level) give_up(level, out);
  give_up_character(out);
}

void PercentDecoder::put(unsigned level, uint8_t byte, const Unit& unit, Decoded* out) {
  if (level == levels_) return put_byte(byte, unit, out);
  Escape& escape = escapes_[level];
  if (escape.count == 0 && !begins_escape(level, byte)) return put(level + 1, byte, unit, out);
  if (escape.count == 0) {
    escape.units[0] = unit;
    escape.count = 1;
    return;
  }
  if (level == 0 && escapes_kind_ == Escapes::kQuotedPrintable) {
    // A soft line break: '=' LF, or '=' CR LF.
    if (byte == '\n' && (escape.count == 1 || escape.first == '\r')) {
      escape.count = 0;
      return;
    }
    if (byte == '\r' && escape.count == 1) {
      escape.first = byte;
      escape.units[1] = unit;
      escape.count = 2;
      return;
    }
    if (escape.count == 2 && escape.first == '\r') {
      give_up(level, out);
      return put(level, byte, unit, out);
    }
  }
  if (level == 0 && escapes_kind_ == Escapes::kQuotes) {
    if (byte != '"') give_up(level, out);
    escape.count = 0;
    return put(level + 1, byte, unit, out);
  }
  const int value = hex_value(byte);
  if (value >= 0 && escape.count == 1) {
    escape.first = byte;
    escape.units[1] = unit;
    escape.count = 2;
    return;
  }
  if (value >= 0) {
    uint8_t decoded = static_cast<uint8_t>(hex_value(escape.first) * 16 + value);
    if (level == 0 || undone_again(decoded)) {
      escape.count = 0;
      return put(level + 1, decoded, {unit.at, escape_form(decoded, escape.units[1], unit)}, out);
    }
  } else if (level == 0 && bad_escape_ == kNone) {
    bad_escape_ = escape.units[0].at;
  }
  give_up(level, out);
  // '+' was not looked at while an escape was open.
  if (level == 0 && byte == '+' && plus_is_space_) return put(1, ' ', {unit.at, Form::kFixed}, out);
  put(level, byte, unit, out);
}

// An escape that is none stands for itself.
void PercentDecoder::give_up(unsigned level, Decoded* out) {
  Escape escape = escapes_[level];
  escapes_[level].count = 0;
  if (escape.count > 0) {
    if (level == 0 && bad_escape_ == kNone) bad_escape_ = escape.units[0].at;
    put(level + 1, level == 0 ? mark_ : uint8_t{'%'}, escape.units[0], out);
  }
  if (escape.count > 1) put(level + 1, escape.first, escape.units[1], out);
}

void PercentDecoder::put_byte(uint8_t byte, const Unit& unit, Decoded* out) {
  if (need_ != 0) {
    // RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
    bool fits = (byte & 0xC0) == 0x80;
    if (have_ == 1) {
      if (bytes_[0] == 0xE0) fits = fits && byte >= 0xA0;
      if (bytes_[0] == 0xED) fits = fits && byte < 0xA0;
      if (bytes_[0] == 0xF0) fits = fits && byte >= 0x90;
      if (bytes_[0] == 0xF4) fits = fits && byte < 0x90;
    }
    if (fits) {
      bytes_[have_] = byte;
      units_[have_++] = unit;
      if (have_ == need_) put_character(out);
      return;
    }
    give_up_character(out);
  }
  if (byte < 0x80) return out->add(byte, unit);
  need_ = byte >= 0xC2 && byte < 0xE0   ? 2
          : byte >= 0xE0 && byte < 0xF0 ? 3
          : byte >= 0xF0 && byte < 0xF5 ? 4
                                        : 0;
  if (need_ == 0) return out->add(byte, {unit.at, Form::kFixed});
  bytes_[0] = byte;
  units_[0] = unit;
  have_ = 1;
}

void PercentDecoder::put_character(Decoded* out) {
  char32_t code = bytes_[0] & (0xFFu >> (need_ + 1));
  for (unsigned i = 1; i < need_; ++i) code = code << 6 | (bytes_[i] & 0x3Fu);
  const Unit last = units_[need_ - 1];
  have_ = need_ = 0;
  if (last.form != Form::kHex) {
    add_code_point(out, code, {last.at, last.form == Form::kByte ? Form::kByte : Form::kFixed});
    return;
  }
  // The low byte is written as two hexadecimal characters; what can be written in its place is what UTF-8 has
  // room for.
  character_.clear();
  add_code_point(&character_, code, {last.at, Form::kByte});
  Text text = character_.text();
  for (size_t i = 0; i < text.size; ++i) {
    Unit unit = text.units[i];
    if (unit.form == Form::kByte) unit.form = Form::kHex;
    if (unit.form == Form::kByteDigit) unit.form = Form::kHexLow;
    out->add(text.data[i], unit);
  }
}

void PercentDecoder::give_up_character(Decoded* out) {
  for (unsigned i = 0; i < have_; ++i) out->add(bytes_[i], {units_[i].at, Form::kFixed});
  have_ = need_ = 0;
}

}  // namespace cardscrub
