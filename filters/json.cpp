// The JSON filter: a loop over tokens that never looks back.
//
//              +--- , ---+            +----------- , ----------+
//              v         |            v                        |
//   { --> first key --> end      key --> colon --> value --> end --> } pops
//   [ --> first value --> end <-- , --> value                  ] pops
//
// Most of real JSON is short: names, strings and numbers that hold fewer than 12 digits and that no field
// name announces. pass_plain() takes them in stride (json_plain.cpp). What the scrubber must see is shown by
// JsonString (json_string.h), in pieces when the end has not come yet.
#include "filters/json.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "filters/json_filter.h"
#include "filters/json_screen.h"

namespace cardscrub {

namespace {

// A number of more characters is not looked at as a whole.
constexpr size_t kNumberMax = 64;

}  // namespace

size_t JsonFilter::feed(const Text& text, bool last, Scrubber& scrubber) {
  if (done_) return text.size;
  if (!begun_ && last && text.size <= limits::kGather && !graphql_) {  // all of it is here
    done_ = json_is_harmless(text, scrubber);
    if (done_) return text.size;
  }
  text_ = text;
  last_ = last;
  scrubber_ = &scrubber;
  if (text.size != 0) end_at_ = text.unit(text.size - 1).at + 1;
  if (tokens() == Step::kOn) finish();
  if (last || done_) return text.size;

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
  skim_from_ -= std::min(skim_from_, settled);
  path_.forget();
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
    skim();
    pass_plain();
    if (done_) return Step::kMore;
    if (at_ == size) return last_ ? Step::kOn : Step::kMore;
    const uint8_t c = data[at_];
    if ((kJsonClass[c] & kJsonSpace) != 0) {
      ++at_;
      at_ += skip_spaces(data + at_, size - at_);
      continue;
    }
    Step step = Step::kOn;
    if (graphql_ && c == '#') {
      step = comment(JsonString::End::kLine, at_ + 1);
      if (step == Step::kMore) return step;
      continue;
    }
    // Arguments are an object without a name: what stands together in them is one card.
    if (graphql_ && c == '(') {
      unnamed();
      if (!path_.push({}, true, {}, *scrubber_)) {
        done_ = true;
        return Step::kMore;
      }
      ++at_;
      state_ = State::kFirstKey;
      continue;
    }
    if (graphql_ && c == ')') {
      close(true);
      continue;
    }
    if (graphql_ && c == ',' && (state_ == State::kColon || state_ == State::kValue)) {  // white space
      ++at_;
      continue;
    }
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
        state_ = c == ',' || c == '}' || c == ']'            ? State::kEnd
                 : graphql_ && c != '{' && path_.in_object() ? State::kKey  // a field, and a comment
                                                             : State::kValue;
        break;
      case State::kEnd:
        end(c);
        break;
    }
    if (step == Step::kMore) return step;
  }
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

void JsonFilter::pair() {
  if (match_.pair != Pair::kValue || !scrubber_->has_pairs()) return;
  path_.open(*scrubber_);
  match_ = scrubber_->paired(match_);
}

JsonFilter::Step JsonFilter::value(uint8_t c) {
  if (match_.pair != Pair::kNone) pair();
  switch (c) {
    case '"':
      return string_value();
    case '{':
    case '[':
      any_ = true;
      if (match_.kind != Kind::kNone && match_.pair == Pair::kValue) match_.pair = Pair::kInValue;
      if (!path_.push(name_, c == '{', match_, *scrubber_)) {
        done_ = true;
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
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
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
      if (!scan.closed || scan.escapes || scan.flawed || scan.high != 0 || scan.digits >= limits::kPanMin ||
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
  if (graphql_) {  // """block string"""
    static constexpr uint8_t kQuotes[] = {'"', '"', '"'};
    const size_t size = std::min(text_.size - at_, sizeof kQuotes);
    if (std::equal(kQuotes, kQuotes + size, text_.data + at_)) {
      if (size < sizeof kQuotes && !last_) return Step::kMore;
      if (size == sizeof kQuotes)
        return string(JsonString::End::kBlockString, at_ + size, ValueType::kString);
    }
  }
  const size_t begin = at_ + 1;
  const uint8_t* data = text_.data + begin;
  StringScan scan = scan_string(data, text_.size - begin);
  if (!scan.closed || scan.flawed) return string(JsonString::End::kQuote, begin, ValueType::kString);
  if (match_.kind == Kind::kNone && (kJsonClass[data[0]] & kJsonMayNest) == 0 && passes(scan, data)) {
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

// RFC 8259, 6. What is no number is no JSON; so are numbers that look like one with spaces between its
// groups.
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
  if (i < size && !delimits(data[i])) return no_json();
  if (!valid) return no_json();
  if (i < size && data[i] == ' ') {
    if (i + 1 == size && !last_) return Step::kMore;
    const uint8_t next = i + 1 < size ? data[i + 1] : uint8_t{0};  // of a group, or of what masked one
    if (is_digit(next) || next == '*') return no_json(!many_ || !path_.empty());
  }
  any_ = true;
  // The digits behind a point are no card number.
  const bool integer = i == whole_begin + whole_digits;
  const bool shown = whole_digits >= limits::kPanMin &&
                     (!integer || may_be_issued(data + whole_begin, whole_digits, *scrubber_));
  if (shown || match_.kind != Kind::kNone || scrubber_->pair_matters(match_, {data + begin, i - begin}))
    whole(begin, i, ValueType::kNumber);
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
    if (size > word.size() && !delimits(text_.data[at_ + word.size()])) break;
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
      return comment(next == '/' ? JsonString::End::kLine : JsonString::End::kComment, at_ + 2);
    }
  }
  const bool is_key = state_ == State::kKey || state_ == State::kFirstKey;
  // No value: $cvv, the field behind an alias (cvv: cardCode).
  const bool other = graphql_ && (c == '$' || c == '_' || is_alpha(c));
  const bool named = (layer_ == 0 || graphql_) && match_.kind != Kind::kNone && !other;
  ValueType type = is_key                                ? ValueType::kKey
                   : named || match_.pair != Pair::kNone ? ValueType::kString
                                                         : ValueType::kFree;
  if (type == ValueType::kFree) match_ = {};
  any_ = true;
  if (c == '\'') return string(JsonString::End::kApostrophe, at_ + 1, type);
  const JsonString::End end = !graphql_ ? JsonString::End::kStructure
                              : is_key  ? JsonString::End::kName
                                        : JsonString::End::kArgument;
  return string(end, at_, type);
}

JsonFilter::Step JsonFilter::comment(JsonString::End end, size_t at) {
  after_ = state_;
  path_.open(*scrubber_);
  string_.begin(at, end, {}, {}, ValueType::kFree, *scrubber_);
  if (!string_.read(text_, last_, *scrubber_)) return Step::kMore;
  ended();
  return Step::kOn;
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
  if (state_ != State::kColon || !string_.is_key()) return;
  Bytes name = string_.name();
  if (string_.bare()) {
    while (!name.empty() && (kJsonClass[name.back()] & kJsonSpace) != 0) name = name.first(name.size() - 1);
    // GraphQL: pay(cvv: "123").
    size_t begin = name.size();
    while (begin > 0 && name[begin - 1] != '(' && (kJsonClass[name[begin - 1]] & kJsonSpace) == 0) --begin;
    name = name.subspan(begin);
    if (layer_ != 0 && !graphql_) name = {};
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

std::unique_ptr<Filter> make_json_filter(unsigned layer, bool many, bool graphql) {
  return std::make_unique<JsonFilter>(layer, many, graphql);
}

}  // namespace cardscrub
