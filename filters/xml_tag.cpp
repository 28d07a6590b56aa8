// XML: tags, attributes, and the elements that are open.
#include <algorithm>

#include "filters/long_name.h"
#include "filters/xml_reader.h"
#include "filters/xml_scan.h"

namespace cardscrub {

namespace {
constexpr size_t kNameUnits = 2048;  // a longer name is refused
}  // namespace

// ---- tags

void XmlReader::begin_name(State state, size_t skip) {
  state_ = state;
  cursor_ += skip;
  begin_ = cursor_;
  long_name_ = false;
}

// The name in[begin_, end) is complete. Names are swept too.
void XmlReader::named(size_t end) {
  if (end - begin_ < limits::kPanMin || !may_hold_pan(in_->data + begin_, end - begin_)) return;
  scrubber_->begin({}, {}, ValueType::kMarkup);
  scrubber_->text(in_->sub(begin_, end - begin_), true);
}

// Whether what begins in the name of a tag may go on behind it, as markup never does: "<_4111 1111 ...".
XmlReader::Seen XmlReader::goes_on() const {
  if (cursor_ == size()) return Seen::kNo;
  const uint8_t c = byte(cursor_);
  if (c != ' ') return is_xml_space(c) || c == '>' || c == '/' || c == '<' ? Seen::kNo : Seen::kYes;
  if (cursor_ + 1 == size()) return last_ ? Seen::kNo : Seen::kMore;
  return is_digit(byte(cursor_ + 1)) ? Seen::kYes : Seen::kNo;
}

bool XmlReader::name() {
  while (cursor_ < size() && is_xml_name(byte(cursor_))) ++cursor_;
  if (cursor_ - begin_ > kNameUnits) {
    if (!long_name_) refuse(Reason::kLimitSize, begin_);
    long_name_ = true;
    begin_ = cursor_;
  }
  if (cursor_ == size() && !last_) return false;
  if (state_ == State::kAttributeName) {
    name_end_ = cursor_;
    state_ = State::kEquals;
    return true;
  }
  const Seen more = goes_on();
  if (more == Seen::kMore) return false;
  if (more == Seen::kNo) named(cursor_);
  if (state_ == State::kName) {
    start_element(cursor_);
    state_ = State::kTag;
  } else {
    Bytes local = xml_local_name({in_->data + begin_, cursor_ - begin_});
    if (depth_ != 0 && deep_ == 0) {
      Bytes open = leaf_ ? element_.span() : scrubber_->path().name(scrubber_->path().depth() - 1);
      if (!std::ranges::equal(open, end_of_name(local))) malformed(begin_);
    }
    end_element();
    state_ = State::kEndTag;
  }
  if (more == Seen::kYes) begin_junk(begin_);
  return true;
}

// The last element gets a scope of its own: it has attributes or elements in it.
void XmlReader::open_element() {
  if (depth_ == 0 || !leaf_) return;
  leaf_ = false;
  if (deep_ != 0 || !scrubber_->open(element_.span())) ++deep_;
}

void XmlReader::start_element(size_t end) {
  if (depth_ == 0 && root_seen_) malformed(begin_);
  root_seen_ = true;
  open_element();
  ++depth_;
  leaf_ = true;
  keep_xml_name({in_->data + begin_, end - begin_}, &element_);
}

void XmlReader::end_element() {
  if (depth_ == 0) return malformed(cursor_);
  if (leaf_) {
    leaf_ = false;
  } else if (deep_ != 0) {
    --deep_;
  } else {
    scrubber_->close();
  }
  --depth_;
}

bool XmlReader::tag() {
  while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
  if (cursor_ == size()) return true;
  const uint8_t c = byte(cursor_);
  if (c == '>') {
    state_ = State::kText;
    ++cursor_;
  } else if (c == '/') {
    Seen seen = at("/>");
    if (seen == Seen::kMore) return false;
    ++cursor_;
    if (seen == Seen::kYes) {
      end_element();
      state_ = State::kText;
      ++cursor_;
    } else {
      malformed(cursor_ - 1);
    }
  } else if (c == '<') {
    malformed(cursor_);
    state_ = State::kText;
  } else if (is_xml_name_start(c)) {
    begin_name(State::kAttributeName, 0);
  } else {
    begin_junk(cursor_);
  }
  return true;
}

bool XmlReader::equals() {
  while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
  if (cursor_ - begin_ > kNameUnits) {
    refuse(Reason::kLimitSize, begin_);
  } else if (cursor_ == size()) {
    if (!last_) return false;
  } else if (byte(cursor_) == '=') {
    named(name_end_);
    ++cursor_;
    state_ = State::kValueStart;
    keep_xml_name({in_->data + begin_, name_end_ - begin_}, &attribute_);
    return true;
  }
  begin_junk(begin_);
  return true;
}

bool XmlReader::value_start() {
  while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
  if (cursor_ == size()) return true;
  const uint8_t c = byte(cursor_);
  if (c == '>' || c == '<') {
    malformed(cursor_);
    state_ = State::kTag;
    return true;
  }
  quote_ = c == '"' || c == '\'' ? c : uint8_t{0};
  if (quote_ == 0) malformed(cursor_);
  cursor_ += quote_ == 0 ? 0 : 1;
  open_element();
  value_.open(attribute_.span(), scrubber_->paired(scrubber_->match(attribute_.span())), ValueType::kString,
              single_byte_);
  state_ = State::kValue;
  return true;
}

bool XmlReader::value() {
  const uint8_t c = byte(cursor_);
  const bool space = is_xml_space(c);
  if (quote_ != 0 ? c == quote_ : space || c == '>') {
    end_value();
    state_ = State::kTag;
    cursor_ += quote_ != 0 ? 1 : 0;
    return true;
  }
  if (c == '<') {
    malformed(cursor_);
    end_value();
    state_ = State::kText;
    return true;
  }
  if (c == '&') return reference();
  if (space && c != ' ') {
    // An application reads any white space in here as ' ', a line end of two characters as one.
    size_t count = 1;
    if (c == '\r') {
      if (cursor_ + 1 == size() && !last_) return false;
      if (cursor_ + 1 < size() && byte(cursor_ + 1) == '\n') count = 2;
    }
    value_.add_character(*in_, ' ', {in_->unit(cursor_ + count - 1).at, Form::kFixed});
    cursor_ += count;
    return true;
  }
  size_t end = cursor_ + 1;
  while (end < size()) {
    uint8_t next = byte(end);
    if (next <= '>' &&
        (next == quote_ || next == '<' || next == '&' ||
         (is_xml_space(next) && (quote_ == 0 || next != ' ')) || (quote_ == 0 && next == '>'))) {
      break;
    }
    ++end;
  }
  return take(end);
}

void XmlReader::begin_junk(size_t from) {
  malformed(from);
  value_.open({}, {}, ValueType::kKey, single_byte_);
  state_ = State::kJunk;
  cursor_ = from;
}

bool XmlReader::junk() {
  const uint8_t c = byte(cursor_);
  if (c == '>' || c == '<') {
    end_value();
    state_ = State::kText;
    cursor_ += c == '>' ? 1 : 0;
    return true;
  }
  if (c == '&') return reference();
  size_t end = cursor_ + 1;
  while (end < size() && byte(end) != '>' && byte(end) != '<' && byte(end) != '&') ++end;
  return take(end);
}

bool XmlReader::end_tag() {
  while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
  if (cursor_ == size()) return true;
  if (byte(cursor_) == '>') {
    ++cursor_;
    state_ = State::kText;
  } else {
    begin_junk(cursor_);
  }
  return true;
}

}  // namespace cardscrub
