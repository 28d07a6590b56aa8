// JSON, the quick way: a loop that passes over everything that can hold no card data.
#include <cstring>

#include "filters/json_filter.h"
#include "src/issuer.h"

namespace cardscrub {

namespace {

// pass_plain() works where so many bytes are still to come, and looks no further ahead.
constexpr size_t kAhead = 48;
constexpr size_t kPlainNumberMax = 24;

// Behind white space.
const uint8_t* pass_space(const uint8_t* p, const uint8_t* end) {
  for (;;) {
    if (*p == ' ') {
      ++p;
      if (*p == ' ' && p < end) p += skip_spaces(p, static_cast<size_t>(end - p));
    } else if (*p == '\n' || *p == '\r' || *p == '\t') {
      ++p;
    } else {
      return p;
    }
    if (*p > ' ' || p >= end) return p;
  }
}

// Behind a number of fewer than 12 digits in front of its point, which something else follows plainly; or
// `p`.
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
  return (kJsonClass[*q] & kJsonDelimiter) != 0 && *q != ' ' ? q : p;
}

// Behind true, false or null, or `p`.
const uint8_t* pass_literal(const uint8_t* const p) {
  const size_t size = *p == 'f' ? 5 : 4;
  const char* word = *p == 'f' ? "false" : *p == 't' ? "true" : "null";
  return std::memcmp(p, word, 4) == 0 && (size == 4 || p[4] == 'e') &&
                 (kJsonClass[p[size]] & kJsonDelimiter) != 0
             ? p + size
             : p;
}

}  // namespace

bool JsonFilter::passes(const StringScan& scan, const uint8_t* data) const {
  if (scan.flawed) return false;
  size_t digits = scan.digits;
  if (digits < limits::kPanMin && digits + scan.high / 2 >= limits::kPanMin) {
    digits += look_for_foreign(data, scan.size).digits;
  }
  if (digits < limits::kPanMin) return true;
  if (scan.escapes || scan.high != 0) return false;
  return scan.digits == scan.size ? !may_be_issued(data, scan.size) : !linked_digits(data, scan.size);
}

bool JsonFilter::may_be_issued(const uint8_t* data, size_t size) const {
  if (size > limits::kPanMax) return false;
  if (scrubber_->sweeps_tokens()) return true;
  Digits digits;
  for (size_t i = 0; i < size; ++i) {
    if (!digits.push(static_cast<uint8_t>(data[i] - '0'))) return false;
  }
  const IssuerRange* range = find_issuer(digits.span());
  return range != nullptr && (range->lengths >> size & 1u) != 0 &&
         (!range->luhn || luhn_valid(digits.span()));
}

// Passes over what nobody needs to look at: names that are short, strings and numbers with few digits, what
// is between them. Stops at the first character of anything else, at the root, and near the end of the text.
// Most of a body meets nothing but this, so it is written for few instructions: where it is in the diagram is
// where it is in the code.
void JsonFilter::pass_plain() {
  if (text_.size - at_ <= kAhead || path_.empty()) return;
  const uint8_t* p = text_.data + at_;
  const uint8_t* const end = text_.data + text_.size - kAhead;
  const auto spaces = [end](const uint8_t* at) {
    if (*at == ' ') ++at;
    return *at <= ' ' ? pass_space(at, end) : at;
  };
  State state = state_;
  switch (state) {
    case State::kFirstValue:
    case State::kValue:
      goto at_value;
    case State::kFirstKey:
    case State::kKey:
      goto at_key;
    case State::kEnd:
      goto at_end;
    default:
      return;
  }

at_key:
  p = spaces(p);
  if (p >= end) goto out;
  if (*p == '"') {
    const size_t length = scan_short(p + 1);
    if (length == kShort) goto out;
    name_ = {p + 1, length};
    match_ = path_.match(p + 1, length, *scrubber_);
    p += length + 2;
    state = State::kColon;
    if (*p != ':') goto out;
    ++p;
    state = State::kValue;
    goto at_value;
  }
  if (*p == '}' && state == State::kFirstKey) goto at_close;
  goto out;

at_value:
  p = spaces(p);
  if (p >= end) goto out;
  if (match_.kind == Kind::kNone) {
    if (*p == '"') {
      if ((kJsonClass[p[1]] & kJsonMayNest) != 0) goto out;
      const size_t length = scan_short(p + 1);
      if (length != kShort) {
        p += length + 2;
        goto at_end;
      }
      const StringScan scan = scan_string(p + 1, kAhead + static_cast<size_t>(end - p - 1));
      if (!scan.closed || !passes(scan, p + 1)) goto out;
      p += scan.size + 2;
      state = State::kEnd;
      if (p >= end) goto out;
      goto at_end;
    }
    if (*p != '{' && *p != '[') {
      const uint8_t* const behind = *p < 'A' ? pass_number(p) : pass_literal(p);
      if (behind == p) goto out;
      p = behind;
      goto at_end;
    }
  } else if (*p != '{' && *p != '[') {
    goto out;
  }
  if (!path_.push(name_, *p == '{', match_, *scrubber_)) {
    stopped_ = true;
    goto out;
  }
  name_ = {};
  ++p;
  if (path_.in_object()) {
    state = State::kFirstKey;
    goto at_key;
  }
  state = State::kFirstValue;
  p = spaces(p);
  if (p >= end) goto out;
  if (*p == ']') goto at_close;
  goto at_value;

at_end:
  state = State::kEnd;
  if (*p <= ' ') p = pass_space(p, end);
  if (*p == ',') {
    ++p;
    if (path_.in_object()) {
      state = State::kKey;
      goto at_key;
    }
    name_ = {};
    match_ = path_.element_match();
    state = State::kValue;
    goto at_value;
  }
  if (*p != (path_.in_object() ? '}' : ']')) goto out;

at_close:
  ++p;
  state = State::kEnd;
  path_.pop(*scrubber_);
  if (path_.empty() || p >= end) goto out;
  goto at_end;

out:
  at_ = static_cast<size_t>(p - text_.data);
  state_ = state;
}

}  // namespace cardscrub
