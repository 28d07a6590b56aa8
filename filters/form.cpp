// The form filter.
//
//           +------ '&' ------+
//           v                 |
//   start -> name --'='--> value <--+
//           | |               ^     | value of a cookie in quotes: quoted --'"'--> rest --';'--> name
//           | +-- too long --> long name --'='
//           +-- the whole is JSON or XML: document (what `curl -d` sends without saying so)
//
// ';' separates pairs as '&' does, as it did for long, where the name behind it is one of a code; from there
// on it ends values. Such a code counts when it is one: the ';' may be part of a value.
#include "filters/form.h"

#include <algorithm>

#include "filters/form_scan.h"
#include "filters/form_watch.h"
#include "filters/inner_text.h"
#include "filters/long_name.h"
#include "filters/url_value.h"
#include "filters/xml.h"
#include "src/detector.h"

namespace cardscrub {

namespace {

// Encoded bytes of a name that is matched: several components of limits::kNameMax bytes, each written as %XX.
constexpr size_t kNameRawMax = 16 * limits::kNameMax;

// Encoded bytes of a longer name's end that are kept: as many as limits::kNameMax + 1 characters may have.
constexpr size_t kNameTail = 4 * limits::kNameMax;

// White space in front of a body that is looked at to tell whether it is JSON or XML.
constexpr size_t kStartMax = 64;

ValueForms value_forms(const FormSyntax& syntax) {
  if (syntax.separator == ';') return ValueForms::kExpress;
  return syntax.pairs_in_values ? ValueForms::kPairs : ValueForms::kJson;
}

enum class Start : uint8_t { kUnknown, kPairs, kJson, kXml };

// {" and [{ and <a and the like at the beginning are no name of a form. kUnknown: more must come.
Start start_of(const uint8_t* data, size_t size, bool last) {
  const Start unknown = last ? Start::kPairs : Start::kUnknown;
  size_t i = 0;
  const auto skip = [&] {
    while (i < size && i < kStartMax && is_white(data[i])) ++i;
    return i < size && i < kStartMax;
  };
  if (!skip()) return i < kStartMax ? unknown : Start::kPairs;
  const uint8_t first = data[i++];
  if (first == '<') {
    if (i == size) return unknown;
    return is_alpha(data[i]) || data[i] == '_' || data[i] == '?' || data[i] == '!' ? Start::kXml
                                                                                   : Start::kPairs;
  }
  if (first != '{' && first != '[') return Start::kPairs;
  if (!skip()) return i < kStartMax ? unknown : Start::kPairs;
  const bool json = data[i] == '"' || (first == '[' ? data[i] == '{' || data[i] == '[' : data[i] == '}');
  return json ? Start::kJson : Start::kPairs;
}

class FormFilter : public Filter {
 public:
  FormFilter(unsigned layer, const FormSyntax& syntax)
      : layer_(layer),
        syntax_(syntax),
        cookie_(syntax.separator == ';'),
        escapes_(syntax.plus_is_space ? Escapes::kForm : Escapes::kUri),
        value_(layer, value_forms(syntax)),
        json_(layer) {
    if (cookie_) state_ = State::kName;
  }

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    unread_ = 0;
    while (step(text, last, scrubber)) {
    }
    if (last) {
      pos_ = text.size;
      scrubber.use_form_scope({});
    }
    seen_ = text.size - pos_ - unread_;
    return pos_;
  }

 private:
  enum class State : uint8_t { kStart, kName, kLongName, kValue, kQuoted, kRest, kDocument };

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
      case State::kDocument:
        watch_.feed(text.sub(seen_, text.size - seen_), last, scrubber);
        pos_ += xml_ != nullptr ? xml_->feed(text, last, scrubber) : json_.text(text, last, scrubber);
        break;
    }
    return false;
  }

  bool start(const Text& text, bool last, Scrubber& scrubber) {
    const Start start = start_of(text.data, text.size, last);
    if (start == Start::kUnknown) return false;
    seen_ = 0;
    state_ = start == Start::kPairs ? State::kName : State::kDocument;
    if (start == Start::kJson) json_.begin({}, {}, ValueType::kFree, scrubber);
    if (start == Start::kXml) xml_ = make_xml_filter(layer_);
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
      value_.begin({}, {}, name_type(decoded(text.sub(pos_, kNameTail))), escapes_, scrubber);
      tail_.clear();
      state_ = State::kLongName;
      return true;
    }
    const Text raw = text.sub(pos_, length);
    if (scan.semicolon && !cookie_) {
      size_t behind = end;
      while (behind > pos_ && text.data[behind - 1] != ';') --behind;
      if (behind > pos_ && end < text.size && text.data[end] == '=' &&
          is_code(text.sub(behind, end - behind), scrubber)) {
        const Text front = text.sub(pos_, behind - 1 - pos_);
        bare(front, scan_value({front.data, front.size}, syntax_), scrubber);
        pos_ = behind;
        old_ = perhaps_ = true;
        return true;
      }
    }
    if (end == text.size || text.data[end] != '=') {
      bare(raw, scan, scrubber);
      perhaps_ = false;
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
    Bytes leaf{raw.data, raw.size};
    if (name_scan.encoded) leaf = decoded(raw);
    if (name_scan.may_matter) {
      const ValueType type = name_type(leaf);
      if (name_scan.may_hold_digits || type == ValueType::kFree) {
        scrubber.use_form_scope({});
        value_.begin({}, {}, type, escapes_, scrubber);
        value_.text(raw, true, scrubber);
      }
    }
    FieldMatch match = scrubber.match(leaf);
    match.guessed = syntax_.guessed;
    match.tentative = match.tentative || (perhaps_ && match.kind == Kind::kCode);
    perhaps_ = false;
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
      const bool parts = scan.semicolon && !cookie_;
      const bool query = syntax_.pairs_in_values && is_query_name(leaf);
      if (!scan.may_matter && !pair && !parts && !query && (end < text.size || last)) {
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
    const bool is_name = state_ == State::kLongName;
    const uint8_t other = is_name || cookie_ ? syntax_.separator : uint8_t{';'};
    size_t end = find_either(text.data, text.size, pos_ + seen_, delimiter, other);
    bool known = true;
    while (end < text.size && text.data[end] == ';' && other == ';' && !cookie_ && !old_) {
      known = separates(text, end + 1, last, scrubber);
      if (!known || old_) break;
      end = find_either(text.data, text.size, end + 1, delimiter, other);
    }
    const bool found = known && end < text.size;
    if (!known) unread_ = text.size - end;
    if (is_name) keep_tail({text.data + pos_ + seen_, end - pos_ - seen_});
    size_t settled = value_.text(text.sub(pos_, end - pos_), known && (found || last), scrubber);
    if (layer_ == 0 && value_.bad_escape() != PercentDecoder::kNone) scrubber.malformed(value_.bad_escape());
    if (!found) {
      pos_ += settled;
      return false;
    }
    pos_ = end + 1;
    seen_ = 0;
    perhaps_ = !cookie_ && text.data[end] == ';';
    state_ = text.data[end] == delimiter ? next : State::kName;
    if (is_name && state_ == State::kValue) {
      begin_long_named(scrubber);
    } else if (state_ == State::kRest || state_ == State::kValue) {
      value_.begin({}, {}, ValueType::kFree, escapes_, scrubber);
    }
    return true;
  }

  // Of a ';' in front of `from`: old_ is true when it separates pairs. False: more must come.
  bool separates(const Text& text, size_t from, bool last, Scrubber& scrubber) {
    const size_t most = std::min(text.size, from + kNameRawMax + 1);
    size_t end = find_either(text.data, most, from, '=', ';');
    end = find_byte(text.data, end, from, syntax_.separator);
    if (end == text.size && !last && end < from + kNameRawMax + 1) return false;
    old_ = end < most && text.data[end] == '=' && is_code(text.sub(from, end - from), scrubber);
    return true;
  }

  // Whether this is the name of a code, whatever stands beside it.
  bool is_code(const Text& raw, Scrubber& scrubber) {
    const FieldMatch match = scrubber.match(decoded(raw));
    return match.kind == Kind::kCode && !match.ambiguous;
  }

  // Valid until the next name.
  Bytes decoded(const Text& raw) {
    name_.clear();
    decoder_.start(escapes_, 0);
    decoder_.feed(raw, &name_);
    decoder_.finish(&name_);
    return {name_.text().data, name_.size()};
  }

  // Some clients send JSON as a name without a value.
  static ValueType name_type(Bytes name) {
    return start_of(name.data(), name.size(), true) == Start::kJson ? ValueType::kFree : ValueType::kKey;
  }

  void keep_tail(Bytes name) {
    tail_.append(name.last(std::min(name.size(), kNameTail)));
    if (tail_.size() > kNameTail) tail_.drop_front(tail_.size() - kNameTail);
  }

  // A value whose name is known by its end only.
  void begin_long_named(Scrubber& scrubber) {
    const Bytes leaf = end_of_name(decoded({tail_.data(), tail_.size(), nullptr, 0}));
    if (leaf.size() > limits::kNameMax) return value_.begin({}, {}, ValueType::kFree, escapes_, scrubber);
    FieldMatch match = scrubber.match(leaf);
    match.guessed = syntax_.guessed;
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
  bool fresh_ = false;    // no character of a cookie's value has been seen
  size_t pos_ = 0;        // leading units of the text that are settled
  size_t seen_ = 0;       // units behind pos_ in which no delimiter was found
  size_t unread_ = 0;     // units at the end of the text that must be looked at again when more has come
  bool old_ = false;      // ';' separates pairs
  bool perhaps_ = false;  // the next name stands behind such a ';': it counts for a value that is a code
  UrlValue value_;
  ValueReader json_;             // a document: this,
  std::unique_ptr<Filter> xml_;  // or this
  FormWatch watch_;
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
