// The XML filter: a tokenizer that never waits for more than a name or a reference.
//
//             +--------------------- '>' ----------------------+
//             v                                                |
//   text --'<'--> name --> tag <--> attribute name --'='--> value
//    |  ^-- "</" --> end name --> end tag --'>'--^
//    |  ^-- "<![CDATA[" ... "]]>"
//    |  ^-- "<!--" ... "-->"   "<?" ... "?>"   "<!DOCTYPE" ... '>'
//
// What is not well-formed is read as the most curious of readers would: a '<' always begins a new tag, a
// stray one is text, and what cannot be read in a tag is swept as it stands. Where a document ends inside a
// construct in which tags do not count, it is refused: another reader may have seen fields there.
#include "filters/xml.h"

#include <algorithm>
#include <array>

#include "filters/xml_reader.h"
#include "filters/xml_scan.h"

namespace cardscrub {

size_t XmlReader::feed(const Text& text, bool last, Scrubber& scrubber) {
  in_ = &text;
  last_ = last;
  scrubber_ = &scrubber;
  judging_ = scrubber.policy().mode == Mode::kOn && scrubber.policy().require != 0;
  if (text.size != 0) end_at_ = text.unit(text.size - 1).at;
  if (text.size != 0 && first_at_ == XmlJudge::kNone) first_at_ = text.unit(0).at;
  wire_ = text.units == nullptr;
  while (cursor_ < text.size && step()) {
  }
  if (judging_) {
    judge_.push({text.data + judged_, text.size - judged_});
    judged_ = text.size;
  }
  if (last) {
    finish();
    return text.size;
  }
  value_.show(text, scrubber);
  return settle();
}

bool XmlReader::step() {
  if (!begun_) return byte_order_mark();
  switch (state_) {
    case State::kText:
      return text();
    case State::kCdata:
      return cdata();
    case State::kComment:
      return aside('-', "-->");
    case State::kInstruction:
      return aside('?', "?>");
    case State::kDoctype:
      return doctype();
    case State::kName:
    case State::kAttributeName:
    case State::kEndName:
      return name();
    case State::kTag:
      return tag();
    case State::kEquals:
      return equals();
    case State::kValueStart:
      return value_start();
    case State::kValue:
      return value();
    case State::kJunk:
      return junk();
    case State::kEndTag:
      return end_tag();
  }
  return false;
}

bool XmlReader::byte_order_mark() {
  static constexpr std::array<uint8_t, 3> kMark{0xEF, 0xBB, 0xBF};
  static constexpr std::array<uint8_t, 4> kEbcdic{0x4C, 0x6F, 0xA7, 0x94};  // "<?xm" (XML 1.0, appendix F)
  const size_t shown = std::min(size(), kEbcdic.size());
  if (std::equal(kEbcdic.begin(), kEbcdic.begin() + shown, in_->data)) {
    if (shown < kEbcdic.size() && !last_) return false;
    if (shown == kEbcdic.size()) refuse(Reason::kBodyCharset, 0);
  }
  const size_t known = std::min(size(), kMark.size());
  const bool same = std::equal(kMark.begin(), kMark.begin() + known, in_->data);
  if (same && known < kMark.size() && !last_) return false;
  begun_ = true;
  if (same && known == kMark.size()) cursor_ = known;
  return true;
}

XmlReader::Seen XmlReader::at(std::string_view token) const {
  for (size_t i = 0; i < token.size(); ++i) {
    if (cursor_ + i == size()) return last_ ? Seen::kNo : Seen::kMore;
    uint8_t c = byte(cursor_ + i);
    if (c >= 'a' && c <= 'z') c = static_cast<uint8_t>(c - 32);
    if (c != static_cast<uint8_t>(token[i])) return Seen::kNo;
  }
  return Seen::kYes;
}

// ---- character data

// in[cursor_, end) belongs to the open value.
bool XmlReader::take(size_t end) {
  if (end == size() && !last_) end -= open_utf8(in_->data + cursor_, end - cursor_);
  if (end == cursor_) return false;
  value_.add(*in_, cursor_, end, *scrubber_);
  const size_t count = end - cursor_;
  cursor_ = end;
  if (!aside_.empty()) {
    since_aside_ += count;
    if (since_aside_ > kAsideMax) {
      refuse(Reason::kLimitWindow, end);
      end_value();
    }
  }
  return true;
}

bool XmlReader::text() {
  if (!value_.is_open()) {
    while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
    if (cursor_ == size()) return true;
  }
  if (byte(cursor_) == '<') return markup();
  if (!value_.is_open()) open_text();
  if (byte(cursor_) == '&') return reference();
  size_t end = cursor_ + 1;
  while (end < size() && byte(end) != '<' && byte(end) != '&') ++end;
  return take(end);
}

bool XmlReader::reference() {
  XmlReference found = read_xml_reference(*in_, cursor_, last_);
  if (found.kind == XmlReference::Kind::kMore) return false;
  if (!found.valid) malformed(cursor_);
  switch (found.kind) {
    case XmlReference::Kind::kCharacter:
      value_.add_character(*in_, found.code_point, found.unit);
      break;
    case XmlReference::Kind::kUnknown:
      // Most likely &nbsp; and its like.
      value_.add_character(*in_, ' ', found.unit);
      break;
    case XmlReference::Kind::kTooLong:
      refuse(Reason::kBodyMalformed, cursor_);
      return take(cursor_ + 1);
    default:
      return take(cursor_ + 1);
  }
  cursor_ += found.size;
  return true;
}

bool XmlReader::cdata() {
  if (!value_.is_open()) {
    while (cursor_ < size() && is_xml_space(byte(cursor_))) ++cursor_;
    if (cursor_ == size()) return true;
  }
  if (byte(cursor_) == ']') {
    Seen end = at("]]>");
    if (end == Seen::kMore) return false;
    if (end == Seen::kYes) {
      cursor_ += 3;
      state_ = State::kText;
      return true;
    }
  }
  if (!value_.is_open()) open_text();
  size_t end = cursor_ + 1;
  while (end < size() && byte(end) != ']') ++end;
  return take(end);
}

// The text of an element makes it a leaf (again): its name stands in the scope around it.
void XmlReader::open_text() {
  if (depth_ == 0) {
    malformed(cursor_);
    return value_.open({}, {}, ValueType::kFree, single_byte_);
  }
  if (!leaf_) {
    if (deep_ != 0) return value_.open({}, {}, ValueType::kString, single_byte_);
    keep_xml_name(scrubber_->path().name(scrubber_->path().depth() - 1), &element_);
    // <field name="cvv">
    Bytes name;
    const FieldMatch named = scrubber_->pair_here(&name);
    if (named.kind != Kind::kNone) value_.open(name, named, ValueType::kString, single_byte_);
    scrubber_->close();
    leaf_ = true;
    if (named.kind != Kind::kNone) return;
  }
  FieldMatch match = scrubber_->match(element_.span());
  if (match.kind == Kind::kNone && inside_pair_value()) match.pair = Pair::kInValue;
  scrubber_->next_in_pair(element_.span(), match.pair);
  value_.open(element_.span(), scrubber_->paired(match), ValueType::kString, single_byte_);
}

// <value><string>123</string></value>
bool XmlReader::inside_pair_value() const {
  const Path& path = scrubber_->path();
  return path.depth() != 0 && deep_ == 0 && pair_part(path.name(path.depth() - 1)) == Pair::kValue;
}

void XmlReader::end_value() {
  if (value_.is_open()) value_.close(*in_, *scrubber_);
  if (aside_.empty()) return;
  scrubber_->begin({}, {}, ValueType::kKey);
  scrubber_->text(aside_.text(), true);
  aside_.clear();
}

// ---- the end

void XmlReader::finish() {
  if (in_name()) name();
  if (state_ == State::kEquals) {
    begin_junk(begin_);
    while (cursor_ < size() && step()) {
    }
  }
  const bool cut = state_ == State::kCdata || state_ == State::kComment || state_ == State::kInstruction ||
                   state_ == State::kDoctype;
  if (cut) scrubber_->refuse(Reason::kBodyMalformed, static_cast<int64_t>(construct_at_));
  end_value();
  const bool open = depth_ != 0 || state_ != State::kText;
  while (depth_ != 0) end_element();
  uint64_t at = judging_ ? judge_.finish() : XmlJudge::kNone;
  if (at != XmlJudge::kNone) {
    at = wire_ ? first_at_ + at : end_at_;
  } else if (malformed_at_ != XmlJudge::kNone) {
    at = malformed_at_;
  } else if (open) {
    at = end_at_;
  }
  if (at != XmlJudge::kNone) scrubber_->malformed(at);
}

size_t XmlReader::settle() {
  size_t keep = value_.keep(*in_, cursor_);
  if (in_name() || state_ == State::kEquals) keep = std::min(keep, begin_);
  if (!aside_.empty()) keep = std::min(keep, in_sight_of(*in_, cursor_, aside_.text().unit(0).at));
  cursor_ -= keep;
  judged_ -= std::min(judged_, keep);
  begin_ -= std::min(begin_, keep);
  name_end_ -= std::min(name_end_, keep);
  value_.shift(keep);
  return keep;
}

std::unique_ptr<Filter> make_xml_filter(unsigned layer) { return std::make_unique<XmlReader>(layer); }

}  // namespace cardscrub
