// The form filter.
//
//           +------ '&' ------+
//           v                 |
//   start -> name --'='--> value <--+
//           | |               ^     | value of a cookie in quotes: quoted --'"'--> rest --';'--> name
//           | +-- too long --> long name --'='
//           +-- the whole is JSON: json (what `curl -d` sends without saying so)
#include "filters/form.h"

#include <algorithm>

#include "filters/form_scan.h"
#include "filters/long_name.h"
#include "filters/url_value.h"
#include "src/detector.h"

namespace cardscrub {

namespace {

// Encoded bytes of a name that is matched: several components of limits::kNameMax bytes, each written as %XX.
constexpr size_t kNameRawMax = 16 * limits::kNameMax;

// Encoded bytes of a longer name's end that are kept: as many as limits::kNameMax + 1 characters may have.
constexpr size_t kNameTail = 4 * limits::kNameMax;

// White space in front of a body that is looked at to tell whether it is JSON.
constexpr size_t kStartMax = 64;

bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class FormFilter : public Filter {
 public:
  FormFilter(unsigned layer, const FormSyntax& syntax)
      : layer_(layer),
        syntax_(syntax),
        cookie_(syntax.separator == ';'),
        escapes_(syntax.plus_is_space ? Escapes::kForm : Escapes::kUri),
        value_(layer),
        json_(layer) {
    if (cookie_) state_ = State::kName;
  }

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    while (step(text, last, scrubber)) {
    }
    if (last) {
      pos_ = text.size;
      scrubber.use_form_scope({});
    }
    seen_ = text.size - pos_;
    return pos_;
  }

 private:
  enum class State : uint8_t { kStart, kName, kLongName, kValue, kQuoted, kRest, kJson };

  // One delimiter further; false: nothing more can be done with this text.
  bool step(const Text& text, bool last, Scrubber& scrubber) {
    switch (state_) {
      case State::kStart:
        return start(text, last, scrubber);
      case State::kName:
        return name(text, last, scrubber);
      case State::kLongName:
        return value(text, last, '=', State::kValue, scrubber);
      case State::kValue:
        return value(text, last, syntax_.separator, State::kName, scrubber);
      case State::kQuoted:
        return value(text, last, '"', State::kRest, scrubber);
      case State::kRest:
        return value(text, last, syntax_.separator, State::kName, scrubber);
      case State::kJson:
        pos_ += json_.text(text, last, scrubber);
        break;
    }
    return false;
  }

  // {" and [{ and the like at the beginning are no name of a form.
  bool start(const Text& text, bool last, Scrubber& scrubber) {
    size_t i = 0;
    auto skip = [&] {
      while (i < text.size && i < kStartMax && is_blank(text.data[i])) ++i;
      return i < text.size && i < kStartMax;
    };
    bool known = skip();
    bool json = false;
    if (known && (text.data[i] == '{' || text.data[i] == '[')) {
      const bool list = text.data[i++] == '[';
      known = skip();
      if (known) {
        uint8_t c = text.data[i];
        json = c == '"' || (list ? c == '{' || c == '[' : c == '}');
      }
    }
    if (!known && i < kStartMax && !last) return false;
    seen_ = 0;
    state_ = State::kName;
    if (json) {
      state_ = State::kJson;
      json_.begin({}, {}, ValueType::kFree, scrubber);
    }
    return true;
  }

  bool name(const Text& text, bool last, Scrubber& scrubber) {
    if (cookie_ && seen_ == 0) {
      while (pos_ < text.size && (text.data[pos_] == ' ' || text.data[pos_] == '\t')) ++pos_;
    }
    // A name that is not complete is looked at again from its beginning: it is short.
    const Bytes ahead{text.data + pos_, std::min(text.size - pos_, kNameRawMax + 1)};
    const FormScan scan = scan_until(ahead, '=', syntax_.separator, syntax_);
    const size_t length = scan.size;
    const size_t end = pos_ + length;
    if (end == text.size && !last && length <= kNameRawMax) return false;
    seen_ = 0;
    if (length > kNameRawMax) {
      scrubber.use_form_scope({});
      value_.begin({}, {}, ValueType::kKey, escapes_, scrubber);
      tail_.clear();
      state_ = State::kLongName;
      return true;
    }
    const Text raw = text.sub(pos_, length);
    if (end == text.size || text.data[end] != '=') {
      bare(raw, scan, scrubber);
      pos_ = std::min(end + 1, text.size);
      return end < text.size;
    }
    pos_ = end + 1;
    return named(raw, scan, text, last, scrubber);
  }

  // A name without a value.
  void bare(const Text& raw, const FormScan& scan, Scrubber& scrubber) {
    note_bad_escape(raw, scan, scrubber);
    if (!scan.may_matter) return;
    scrubber.use_form_scope({});
    value_.begin({}, {}, ValueType::kFree, escapes_, scrubber);
    value_.text(raw, true, scrubber);
  }

  // A name, and the value behind it as far as it is known: pos_ is behind the '='.
  bool named(const Text& raw, const FormScan& name_scan, const Text& text, bool last, Scrubber& scrubber) {
    note_bad_escape(raw, name_scan, scrubber);
    if (name_scan.may_hold_digits) {
      scrubber.use_form_scope({});
      value_.begin({}, {}, ValueType::kKey, escapes_, scrubber);
      value_.text(raw, true, scrubber);
    }
    Bytes leaf{raw.data, raw.size};
    if (name_scan.encoded) {
      name_.clear();
      decoder_.start(escapes_, 0);
      decoder_.feed(raw, &name_);
      decoder_.finish(&name_);
      leaf = {name_.text().data, name_.size()};
    }
    FieldMatch match = scrubber.match(leaf);
    if (match.pair != Pair::kNone) {
      form_scope_of(leaf, &prefix_, scrubber);
      scrubber.next_in_pair(leaf, match.pair);
      match = scrubber.paired(match);
    }
    if (match.kind == Kind::kNone) {
      const Bytes ahead{text.data + pos_, text.size - pos_};
      const FormScan scan = scan_until(ahead, syntax_.separator, syntax_.separator, syntax_);
      const size_t end = pos_ + scan.size;
      const bool pair =
          match.pair != Pair::kNone && (scan.encoded || scrubber.pair_matters(match, ahead.first(scan.size)));
      if (!scan.may_matter && !pair && (end < text.size || last)) {
        note_bad_escape(text.sub(pos_, scan.size), scan, scrubber);
        pos_ = std::min(end + 1, text.size);
        return end < text.size;
      }
    }
    form_scope_of(leaf, &prefix_, scrubber);
    value_.begin(leaf, match, ValueType::kString, escapes_, scrubber);
    state_ = State::kValue;
    fresh_ = cookie_;
    return true;
  }

  // The text up to `delimiter` belongs to value_ (or, under kLongName, is a name).
  bool value(const Text& text, bool last, uint8_t delimiter, State next, Scrubber& scrubber) {
    if (fresh_) {
      if (pos_ == text.size && !last) return false;
      fresh_ = false;
      if (pos_ < text.size && text.data[pos_] == '"') {
        ++pos_;
        state_ = State::kQuoted;
        return true;
      }
    }
    // A name or a quoted value that its own delimiter does not end, the separator ends.
    size_t end = find_either(text.data, text.size, pos_ + seen_, delimiter, syntax_.separator);
    const bool found = end < text.size;
    const bool is_name = state_ == State::kLongName;
    if (is_name) keep_tail({text.data + pos_ + seen_, end - pos_ - seen_});
    size_t settled = value_.text(text.sub(pos_, end - pos_), found || last, scrubber);
    if (layer_ == 0 && value_.bad_escape() != PercentDecoder::kNone) scrubber.malformed(value_.bad_escape());
    if (!found) {
      pos_ += settled;
      seen_ = text.size - pos_;
      return false;
    }
    pos_ = end + 1;
    seen_ = 0;
    state_ = text.data[end] == delimiter ? next : State::kName;
    if (is_name && state_ == State::kValue) {
      begin_long_named(scrubber);
    } else if (state_ == State::kRest || state_ == State::kValue) {
      value_.begin({}, {}, ValueType::kFree, escapes_, scrubber);
    }
    return true;
  }

  void keep_tail(Bytes name) {
    tail_.append(name.last(std::min(name.size(), kNameTail)));
    if (tail_.size() > kNameTail) tail_.drop_front(tail_.size() - kNameTail);
  }

  // A value whose name is known by its end only.
  void begin_long_named(Scrubber& scrubber) {
    name_.clear();
    decoder_.start(escapes_, 0);
    decoder_.feed({tail_.data(), tail_.size(), nullptr, 0}, &name_);
    decoder_.finish(&name_);
    const Bytes leaf = end_of_name({name_.text().data, name_.size()});
    if (leaf.size() > limits::kNameMax) return value_.begin({}, {}, ValueType::kFree, escapes_, scrubber);
    const FieldMatch match = scrubber.match(leaf);
    form_scope_of(leaf, &prefix_, scrubber);
    scrubber.next_in_pair(leaf, match.pair);
    value_.begin(leaf, scrubber.paired(match), ValueType::kString, escapes_, scrubber);
  }

  // Strict parsers (Go, Java, Rails) refuse what browsers never send.
  void note_bad_escape(const Text& raw, const FormScan& scan, Scrubber& scrubber) {
    if (layer_ == 0 && scan.bad_escape != FormScan::kNone) scrubber.malformed(raw.unit(scan.bad_escape).at);
  }

  unsigned layer_;
  FormSyntax syntax_;
  bool cookie_;
  Escapes escapes_;
  State state_ = State::kStart;
  bool fresh_ = false;  // no character of a cookie's value has been seen
  size_t pos_ = 0;      // leading units of the text that are settled
  size_t seen_ = 0;     // units behind pos_ in which no delimiter was found
  UrlValue value_;
  ValueReader json_;
  PercentDecoder decoder_;
  Decoded name_;
  SecretBuffer tail_;  // of a long name
  SecretBuffer prefix_;
};

}  // namespace

std::unique_ptr<Filter> make_form_filter(unsigned layer, const FormSyntax& syntax) {
  return std::make_unique<FormFilter>(layer, syntax);
}

}  // namespace cardscrub
