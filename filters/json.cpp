// The JSON filter: a loop over tokens that never looks back.
//
//              +--- , ---+            +----------- , ----------+
//              v         |            v                        |
//   { --> first key --> end      key --> colon --> value --> end --> } pops
//   [ --> first value --> end <-- , --> value                  ] pops
//
// Most of real JSON is short: names, strings and numbers that hold fewer than 12 digits and that no field name
// announces. They are passed over here; the scrubber sees their names only. What it must see is shown by JsonString
// (json_string.h), in pieces when the end has not come yet.
#include "filters/json.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "filters/json_path.h"
#include "filters/json_scan.h"
#include "filters/json_string.h"

namespace cardscrub {

namespace {

// A number of more characters is not looked at as a whole.
constexpr size_t kNumberMax = 64;

constexpr uint8_t kSpace = 1;      // white space
constexpr uint8_t kDelimiter = 2;  // may follow a number or a literal
constexpr uint8_t kMayNest = 4;    // as the first character of a string: there may be JSON inside

constexpr std::array<uint8_t, 256> kClass = [] {
  std::array<uint8_t, 256> table{};
  auto note = [&table](std::string_view set, uint8_t what) {
    for (char c : set) table[static_cast<uint8_t>(c)] = what;
  };
  note(" \t\n\r", kSpace | kDelimiter | kMayNest);
  note("\"}],:", kDelimiter);
  note("{[", kDelimiter | kMayNest);
  table['\\'] = kMayNest;
  return table;
}();

// pass_plain() works where so many bytes are still to come, and looks no further ahead.
constexpr size_t kAhead = 48;
constexpr size_t kPlainNumberMax = 24;

// Behind white space.
[[gnu::noinline]] const uint8_t* pass_space(const uint8_t* p, const uint8_t* end) {
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

// Behind a number of fewer than 12 digits in front of its point, which something else follows plainly; or `p`.
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
  return (kClass[*q] & kDelimiter) != 0 && *q != ' ' ? q : p;
}

// Behind true, false or null, or `p`.
const uint8_t* pass_literal(const uint8_t* const p) {
  const size_t size = *p == 'f' ? 5 : 4;
  const char* word = *p == 'f' ? "false" : *p == 't' ? "true" : "null";
  return std::memcmp(p, word, 4) == 0 && (size == 4 || p[4] == 'e') && (kClass[p[size]] & kDelimiter) != 0 ? p + size : p;
}

class JsonFilter final : public Filter {
 public:
  JsonFilter(unsigned layer, bool many) : string_(layer), layer_(layer), many_(many) {}
  size_t feed(const Text& text, bool last, Scrubber& scrubber) override;

 private:
  enum class State : uint8_t { kFirstValue, kValue, kFirstKey, kKey, kColon, kEnd };
  // What a step did: read on, or wait for more text.
  enum class Step : uint8_t { kOn, kMore };

  Step tokens();
  [[gnu::noinline]] void pass_plain();
  Step value(uint8_t c);
  Step key(uint8_t c);
  void end(uint8_t c);
  Step string_value();
  Step number();
  Step literal();
  Step no_json(bool flawed = true);
  Step string(JsonString::End end, size_t at, ValueType type);
  void ended();
  void close(bool object);
  void comma();
  void malformed(size_t at) {
    if (layer_ == 0) scrubber_->malformed(text_.unit(at).at);
  }
  void unnamed() {
    name_ = {};
    match_ = {};
    path_.forget();
  }
  void named(Bytes name) {
    name_ = name;
    match_ = path_.match(name, *scrubber_);
  }
  void whole(size_t begin, size_t end, ValueType type) {
    path_.open(*scrubber_);
    string_.whole(text_.sub(begin, end - begin), name_, match_, type, *scrubber_);
  }
  void finish();

  // What one feed() works on.
  Text text_;
  bool last_ = false;
  Scrubber* scrubber_ = nullptr;

  JsonString string_;
  unsigned layer_;
  bool many_;
  bool begun_ = false;    // a byte order mark is no longer possible
  bool any_ = false;      // a value has begun at the root
  bool stopped_ = false;  // nested too deep: the request is refused
  State state_ = State::kValue;
  State after_ = State::kEnd;  // where to go behind the string being read
  FieldMatch match_;           // of the value to come
  size_t at_ = 0;              // the next unit to read
  uint64_t end_at_ = 0;        // on the wire, behind the last unit seen
  Bytes name_;                 // of the value to come; in the text or in kept_
  std::array<uint8_t, limits::kNameMax + 1> kept_{};
  JsonPath path_;
};

size_t JsonFilter::feed(const Text& text, bool last, Scrubber& scrubber) {
  if (stopped_) return text.size;
  text_ = text;
  last_ = last;
  scrubber_ = &scrubber;
  if (text.size != 0) end_at_ = text.unit(text.size - 1).at + 1;
  if (tokens() == Step::kOn) finish();
  if (last || stopped_) return text.size;

  if (!name_.empty() && name_.data() != kept_.data()) {
    size_t size = std::min(name_.size(), kept_.size());
    std::memmove(kept_.data(), name_.data(), size);
    name_ = {kept_.data(), size};
  }
  size_t settled = at_;
  if (string_.reading()) {
    settled = string_.settled(text);
    string_.moved(settled);
  } else {
    at_ -= settled;
  }
  return settled;
}

// kOn: the text is at its end, and it was the last.
JsonFilter::Step JsonFilter::tokens() {
  if (!begun_) {
    static constexpr uint8_t kMark[] = {0xEF, 0xBB, 0xBF};
    size_t size = std::min<size_t>(text_.size, 3);
    bool mark = std::equal(kMark, kMark + size, text_.data);
    if (mark && size < 3 && !last_) return Step::kMore;
    if (mark && size == 3) at_ = 3;
    begun_ = true;
    path_.start(*scrubber_);
  }
  if (string_.reading()) {
    if (!string_.read(text_, last_, *scrubber_)) return Step::kMore;
    ended();
  }
  const uint8_t* const data = text_.data;
  const size_t size = text_.size;
  for (;;) {
    pass_plain();
    if (stopped_) return Step::kMore;
    if (at_ == size) return last_ ? Step::kOn : Step::kMore;
    const uint8_t c = data[at_];
    if ((kClass[c] & kSpace) != 0) {
      ++at_;
      at_ += skip_spaces(data + at_, size - at_);
      continue;
    }
    Step step = Step::kOn;
    switch (state_) {
      case State::kFirstValue:
      case State::kValue:
        step = value(c);
        break;
      case State::kFirstKey:
      case State::kKey:
        step = key(c);
        break;
      case State::kColon:
        if (c == ':') {
          ++at_;
          state_ = State::kValue;
          break;
        }
        malformed(at_);
        state_ = c == ',' || c == '}' || c == ']' ? State::kEnd : State::kValue;
        break;
      case State::kEnd:
        end(c);
        break;
    }
    if (step == Step::kMore) return step;
  }
}

// Whether a string that JsonString would show to the scrubber as it is, unnamed, can be left out.
bool passes(const StringScan& scan, const uint8_t* data) {
  if (scan.flawed) return false;
  size_t digits = scan.digits;
  if (digits < limits::kPanMin && digits + scan.high / 2 >= limits::kPanMin) {
    digits += look_for_foreign(data, scan.size).digits;
  }
  return digits < limits::kPanMin || (!scan.escapes && scan.high == 0 && !linked_digits(data, scan.size));
}

// Passes over what nobody needs to look at: names that are short, strings and numbers with few digits, what is between them.
// Stops at the first character of anything else, at the root, and near the end of the text. Most of a body meets
// nothing but this, so it is written for few instructions: where it is in the diagram is where it is in the code.
void JsonFilter::pass_plain() {
  if (text_.size - at_ <= kAhead || path_.empty()) return;
  const uint8_t* p = text_.data + at_;
  const uint8_t* const end = text_.data + text_.size - kAhead;
  const uint8_t* const text_end = text_.data + text_.size;
  const auto spaces = [end](const uint8_t* at) {
    if (*at == ' ') ++at;
    return *at <= ' ' ? pass_space(at, end) : at;
  };
  bool object = path_.in_object();
  FieldMatch match = match_;
  const uint8_t* name = name_.data();
  size_t name_size = name_.size();
  State state = state_;
  switch (state) {
    case State::kFirstValue: case State::kValue: goto at_value;
    case State::kFirstKey: case State::kKey: goto at_key;
    case State::kEnd: goto at_end;
    default: return;
  }

at_key:
  p = spaces(p);
  if (p >= end) goto out;
  if (*p == '"') {
    const size_t length = scan_short(p + 1);
    if (length == kShort) goto out;
    name = p + 1;
    name_size = length;
    match = path_.match(p + 1, length, *scrubber_);
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
  if (match.kind == Kind::kNone) {
    if (*p == '"') {
      if ((kClass[p[1]] & kMayNest) != 0) goto out;
      const size_t length = scan_short(p + 1);
      if (length != kShort) {
        p += length + 2;
        goto at_end;
      }
      const StringScan scan = scan_string(p + 1, static_cast<size_t>(text_end - p - 1));
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
  object = *p == '{';
  if (!path_.push({name, name_size}, object, match, *scrubber_)) {
    stopped_ = true;
    goto out;
  }
  name_size = 0;
  ++p;
  if (object) {
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
    if (object) {
      state = State::kKey;
      goto at_key;
    }
    name_size = 0;
    match = path_.element_match();
    state = State::kValue;
    goto at_value;
  }
  if (*p != (object ? '}' : ']')) goto out;

at_close:
  ++p;
  state = State::kEnd;
  path_.pop(*scrubber_);
  if (path_.empty() || p >= end) goto out;
  object = path_.in_object();
  goto at_end;

out:
  name_ = {name, name_size};
  match_ = match;
  at_ = static_cast<size_t>(p - text_.data);
  state_ = state;
}

void JsonFilter::end(uint8_t c) {
  switch (c) {
    case ',':
      comma();
      return;
    case '}':
    case ']':
      close(c == '}');
      return;
    case ':':
      malformed(at_++);
      return;
    default:
      break;
  }
  if (path_.empty()) {
    if (!many_) malformed(at_);
    if (c == 0x1E && many_) {  // the record separator of RFC 7464
      ++at_;
      return;
    }
    unnamed();
    state_ = State::kValue;
    return;
  }
  malformed(at_);
  comma();
  --at_;
}

void JsonFilter::comma() {
  if (path_.empty()) malformed(at_);
  ++at_;
  unnamed();
  if (path_.in_object()) {
    state_ = State::kKey;
    return;
  }
  if (!path_.empty()) match_ = path_.element_match();
  state_ = State::kValue;
}

JsonFilter::Step JsonFilter::value(uint8_t c) {
  switch (c) {
    case '"':
      return string_value();
    case '{':
    case '[':
      any_ = true;
      if (!path_.push(name_, c == '{', match_, *scrubber_)) {
        stopped_ = true;
        return Step::kMore;
      }
      ++at_;
      name_ = {};
      state_ = c == '{' ? State::kFirstKey : State::kFirstValue;
      return Step::kOn;
    case '}':
    case ']':
      if (c == '}' || state_ != State::kFirstValue) malformed(at_);
      close(c == '}');
      return Step::kOn;
    case ',':
      malformed(at_);
      comma();
      return Step::kOn;
    case ':':
      malformed(at_++);
      return Step::kOn;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
      return number();
    case 0x1E:
      if (many_ && path_.empty()) {
        ++at_;
        return Step::kOn;
      }
      return no_json();
    default:
      return literal();
  }
}

JsonFilter::Step JsonFilter::key(uint8_t c) {
  switch (c) {
    case '"': {
      size_t begin = at_ + 1;
      StringScan scan = scan_string(text_.data + begin, text_.size - begin);
      if (!scan.closed || scan.escapes || scan.flawed || scan.digits + scan.high / 2 >= limits::kPanMin ||
          scan.size > limits::kNameMax) {
        return string(JsonString::End::kQuote, begin, ValueType::kKey);
      }
      named({text_.data + begin, scan.size});
      at_ = begin + scan.size + 1;
      state_ = State::kColon;
      return Step::kOn;
    }
    case '}':
      if (state_ != State::kFirstKey) malformed(at_);
      close(true);
      return Step::kOn;
    case ']':
      close(false);
      return Step::kOn;
    case ',':
      malformed(at_++);
      return Step::kOn;
    case ':':
      malformed(at_++);
      unnamed();
      state_ = State::kValue;
      return Step::kOn;
    case '{':
    case '[':
      malformed(at_);
      unnamed();
      state_ = State::kValue;
      return Step::kOn;
    default:
      return no_json();
  }
}

JsonFilter::Step JsonFilter::string_value() {
  any_ = true;
  const size_t begin = at_ + 1;
  const uint8_t* data = text_.data + begin;
  StringScan scan = scan_string(data, text_.size - begin);
  if (!scan.closed || scan.flawed) return string(JsonString::End::kQuote, begin, ValueType::kString);
  if (match_.kind == Kind::kNone && (kClass[data[0]] & kMayNest) == 0 && passes(scan, data)) {
    at_ = begin + scan.size + 1;
    state_ = State::kEnd;
    return Step::kOn;
  }
  if (scan.escapes || scan.high != 0) return string(JsonString::End::kQuote, begin, ValueType::kString);
  whole(begin, begin + scan.size, ValueType::kString);
  at_ = begin + scan.size + 1;
  state_ = State::kEnd;
  return Step::kOn;
}

// RFC 8259, 6. What is no number is no JSON; so are numbers that look like one with spaces between its groups.
JsonFilter::Step JsonFilter::number() {
  const uint8_t* const data = text_.data;
  const size_t size = text_.size;
  const size_t begin = at_;
  size_t i = begin + (data[begin] == '-' ? 1 : 0);
  const size_t whole_begin = i;
  auto digits = [&] {
    size_t from = i;
    while (i < size && is_digit(data[i])) ++i;
    return i - from;
  };
  const size_t whole_digits = digits();
  bool valid = whole_digits == 1 || (whole_digits > 1 && data[whole_begin] != '0');
  if (i < size && data[i] == '.') {
    ++i;
    valid = digits() != 0 && valid;
  }
  if (i < size && (data[i] | 0x20) == 'e') {
    ++i;
    if (i < size && (data[i] == '+' || data[i] == '-')) ++i;
    valid = digits() != 0 && valid;
  }
  if (i - begin > kNumberMax) return string(JsonString::End::kScalar, begin, ValueType::kNumber);
  if (i == size && !last_) return Step::kMore;
  if (whole_digits == 0) return literal();
  if (i < size && (kClass[data[i]] & kDelimiter) == 0) return no_json();
  if (!valid) return no_json();
  if (i < size && data[i] == ' ') {
    if (i + 1 == size && !last_) return Step::kMore;
    if (i + 1 < size && is_digit(data[i + 1])) return no_json(!many_ || !path_.empty());
  }
  any_ = true;
  // The digits behind a point are no card number.
  if (whole_digits >= limits::kPanMin || match_.kind != Kind::kNone) whole(begin, i, ValueType::kNumber);
  at_ = i;
  state_ = State::kEnd;
  return Step::kOn;
}

JsonFilter::Step JsonFilter::literal() {
  static constexpr std::string_view kLiterals[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
  const char* here = reinterpret_cast<const char*>(text_.data + at_);
  const size_t size = text_.size - at_;
  for (std::string_view word : kLiterals) {
    if (*here != word[0]) continue;
    size_t common = std::min(word.size(), size);
    if (std::memcmp(here, word.data(), common) != 0) continue;
    if (size <= word.size() && !last_) return Step::kMore;
    if (size < word.size()) break;
    if (size > word.size() && (kClass[text_.data[at_ + word.size()]] & kDelimiter) == 0) break;
    any_ = true;
    if (match_.kind != Kind::kNone) whole(at_, at_ + word.size(), ValueType::kLiteral);
    at_ += word.size();
    state_ = State::kEnd;
    return Step::kOn;
  }
  return no_json();
}

// Something that is no JSON where a name or a value should be.
JsonFilter::Step JsonFilter::no_json(bool flawed) {
  const uint8_t c = text_.data[at_];
  if (flawed) malformed(at_);
  if (c == '/') {
    if (at_ + 1 == text_.size && !last_) return Step::kMore;
    uint8_t next = at_ + 1 < text_.size ? text_.data[at_ + 1] : 0;
    if (next == '/' || next == '*') {
      after_ = state_;
      path_.open(*scrubber_);
      string_.begin(at_ + 2, next == '/' ? JsonString::End::kLine : JsonString::End::kComment, {}, {}, ValueType::kFree,
                    *scrubber_);
      if (!string_.read(text_, last_, *scrubber_)) return Step::kMore;
      ended();
      return Step::kOn;
    }
  }
  const bool is_key = state_ == State::kKey || state_ == State::kFirstKey;
  ValueType type = is_key                                          ? ValueType::kKey
                   : layer_ == 0 && match_.kind != Kind::kNone ? ValueType::kString
                                                                   : ValueType::kFree;
  if (type == ValueType::kFree) match_ = {};
  any_ = true;
  if (c == '\'') return string(JsonString::End::kApostrophe, at_ + 1, type);
  return string(JsonString::End::kStructure, at_, type);
}

// Begins a name or a value that is shown in pieces, and reads it as far as it has come.
JsonFilter::Step JsonFilter::string(JsonString::End end, size_t at, ValueType type) {
  any_ = true;
  const bool is_key = type == ValueType::kKey;
  after_ = is_key ? State::kColon : State::kEnd;
  path_.open(*scrubber_);
  string_.begin(at, end, is_key ? Bytes{} : name_, is_key ? FieldMatch{} : match_, type, *scrubber_);
  if (!string_.read(text_, last_, *scrubber_)) return Step::kMore;
  ended();
  return Step::kOn;
}

// The string is complete.
void JsonFilter::ended() {
  at_ = string_.cursor();
  state_ = after_;
  if (string_.cut() && layer_ == 0) scrubber_->malformed(end_at_);
  if (state_ != State::kColon) return;
  Bytes name = string_.name();
  if (string_.bare()) {
    while (!name.empty() && (kClass[name.back()] & kSpace) != 0) name = name.first(name.size() - 1);
    if (layer_ != 0) name = {};
  }
  named(name);
}

void JsonFilter::close(bool object) {
  state_ = State::kEnd;
  unnamed();
  if (path_.empty()) {
    malformed(at_++);
    return;
  }
  if (path_.in_object() != object) malformed(at_);
  ++at_;
  path_.pop(*scrubber_);
}

// The end of the text: whatever is open is closed.
void JsonFilter::finish() {
  bool whole = path_.empty() && (state_ == State::kEnd || (many_ && !any_));
  if (!whole && layer_ == 0) scrubber_->malformed(end_at_);
  while (!path_.empty()) path_.pop(*scrubber_);
}

}  // namespace

std::unique_ptr<Filter> make_json_filter(unsigned layer, bool many) {
  return std::make_unique<JsonFilter>(layer, many);
}

}  // namespace cardscrub
