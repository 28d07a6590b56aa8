// Validation of named fields. Every parser reads the text once, from left to right, and allocates nothing.
#include "field_value.h"

#include "issuer.h"
#include "limits.h"

namespace cardscrub {

namespace {

bool is_white(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// What is left of a text without the white space around it.
struct Span {
  size_t begin;
  size_t end;
};
Span span_of(const Text& text) {
  Span span{0, text.size};
  while (span.begin < span.end && is_white(text.data[span.begin])) ++span.begin;
  while (span.end > span.begin && is_white(text.data[span.end - 1])) --span.end;
  return span;
}

// A number of an expiry: up to six digits.
struct Number {
  unsigned value = 0;
  size_t digits = 0;
};
Number read_number(const Text& text, Span* rest) {
  Number number;
  while (rest->begin < rest->end && is_digit(text.data[rest->begin])) {
    if (++number.digits > 6) return number;
    number.value = number.value * 10 + (text.data[rest->begin++] - unsigned{'0'});
  }
  return number;
}

// '/', '-' or white space, with white space around. False when there is none of them.
bool skip_separator(const Text& text, Span* rest) {
  const size_t start = rest->begin;
  while (rest->begin < rest->end && is_white(text.data[rest->begin])) ++rest->begin;
  if (rest->begin < rest->end && (text.data[rest->begin] == '/' || text.data[rest->begin] == '-')) {
    ++rest->begin;
    while (rest->begin < rest->end && is_white(text.data[rest->begin])) ++rest->begin;
    return true;
  }
  return rest->begin == start + 1;
}

// Fills *out after the shape was found right. A year of two digits is one of this century.
Reason finish(unsigned month, bool has_month, Number year, Expiry* out) {
  if (has_month && (month < 1 || month > 12)) return Reason::kExpiryMonth;
  unsigned full = 0;
  if (year.digits != 0) {
    full = year.digits == 2 ? 2000 + year.value : year.value;
    if (full == 0) return Reason::kExpiryFormat;
  }
  out->month = static_cast<uint8_t>(month);
  out->year = static_cast<uint16_t>(full);
  return Reason::kNone;
}

Reason parse_month_and_year(const Text& text, Span rest, Expiry* out) {
  const Number first = read_number(text, &rest);
  if (rest.begin == rest.end) {
    if (first.digits == 4) return finish(first.value / 100, true, {first.value % 100, 2}, out);
    if (first.digits == 6) return finish(first.value / 10000, true, {first.value % 10000, 4}, out);
    return Reason::kExpiryFormat;
  }
  if (!skip_separator(text, &rest)) return Reason::kExpiryFormat;
  const Number second = read_number(text, &rest);
  if (rest.begin != rest.end) return Reason::kExpiryFormat;
  if ((first.digits == 1 || first.digits == 2) && (second.digits == 2 || second.digits == 4)) {
    return finish(first.value, true, second, out);
  }
  if (first.digits == 4 && second.digits == 2) return finish(second.value, true, first, out);
  return Reason::kExpiryFormat;
}

// Days from 1970-01-01 to the first day of a month (proleptic Gregorian calendar).
int64_t days_to(int64_t year, int64_t month) {
  // Years are counted from March, so that the leap day is the last of one.
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t m = month <= 2 ? month + 9 : month - 3;
  constexpr int64_t kDaysFromYear0 = 719468;
  return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 - kDaysFromYear0;
}

}  // namespace

Text trimmed(const Text& value) {
  const Span span = span_of(value);
  return value.sub(span.begin, span.end - span.begin);
}

Reason parse_pan(const Text& text, DigitsAt* out) {
  out->digits.clear();
  const Span span = span_of(text);
  if (span.begin == span.end) return Reason::kPanFormat;
  bool after_digit = false;
  bool too_many = false;
  for (size_t i = span.begin; i < span.end; ++i) {
    const uint8_t c = text.data[i];
    if (is_digit(c)) {
      const size_t count = out->digits.size();
      if (out->digits.push(static_cast<uint8_t>(c - '0'))) {
        out->where[count] = static_cast<uint32_t>(i);
      } else {
        too_many = true;
      }
      after_digit = true;
    } else if ((c == ' ' || c == '-') && after_digit) {
      after_digit = false;
    } else {
      return Reason::kPanFormat;
    }
  }
  if (!after_digit) return Reason::kPanFormat;
  return too_many ? Reason::kPanLength : Reason::kNone;
}

Reason check_pan(const Digits& digits, Brand* brand) {
  const IssuerRange* issuer = find_issuer(digits.span());
  *brand = issuer == nullptr ? Brand::kUnknown : issuer->brand;
  if (digits.size() < limits::kPanMin || digits.size() > limits::kPanMax) return Reason::kPanLength;
  if (issuer == nullptr) return Reason::kPanBrand;
  if ((issuer->lengths >> digits.size() & 1u) == 0) return Reason::kPanLength;
  if (issuer->luhn && !luhn_valid(digits.span())) return Reason::kPanLuhn;
  return Reason::kNone;
}

Reason parse_code(const Text& text, DigitsAt* out) {
  out->digits.clear();
  const Span span = span_of(text);
  if (span.begin == span.end) return Reason::kCodeFormat;
  for (size_t i = span.begin; i < span.end; ++i) {
    if (!is_digit(text.data[i])) return Reason::kCodeFormat;
  }
  if (span.end - span.begin < 3 || span.end - span.begin > 4) return Reason::kCodeLength;
  for (size_t i = span.begin; i < span.end; ++i) {
    const size_t count = out->digits.size();
    if (out->digits.push(static_cast<uint8_t>(text.data[i] - '0')))
      out->where[count] = static_cast<uint32_t>(i);
  }
  return Reason::kNone;
}

Reason check_code(const Digits& code, Brand brand) {
  if (brand == Brand::kUnknown)
    return code.size() == 3 || code.size() == 4 ? Reason::kNone : Reason::kCodeLength;
  const size_t length = brand == Brand::kAmex ? 4 : 3;
  return code.size() == length ? Reason::kNone : Reason::kCodeLength;
}

Reason parse_expiry(Kind kind, const Text& text, Expiry* out) {
  *out = Expiry{};
  Span rest = span_of(text);
  if (rest.begin == rest.end) return Reason::kExpiryFormat;
  if (kind == Kind::kExpiry) return parse_month_and_year(text, rest, out);
  const Number number = read_number(text, &rest);
  if (rest.begin != rest.end) return Reason::kExpiryFormat;
  if (kind == Kind::kExpiryMonth) {
    return number.digits > 2 ? Reason::kExpiryFormat : finish(number.value, true, {}, out);
  }
  if (kind != Kind::kExpiryYear || (number.digits != 2 && number.digits != 4)) return Reason::kExpiryFormat;
  return finish(0, false, number, out);
}

Reason check_expiry(const Expiry& expiry, int64_t now) {
  if (expiry.month == 0 || expiry.year == 0) return Reason::kNone;
  constexpr int64_t kSecondsPerDay = 86400;
  const bool december = expiry.month == 12;
  const int64_t after = days_to(december ? expiry.year + 1 : expiry.year, december ? 1 : expiry.month + 1);
  return now >= (after + 1) * kSecondsPerDay ? Reason::kExpiryPast : Reason::kNone;
}

}  // namespace cardscrub
