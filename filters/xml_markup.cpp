// XML: what a '<' begins, comments and processing instructions, and the document type declaration.
#include <algorithm>
#include <array>
#include <cstring>

#include "filters/xml_reader.h"
#include "filters/xml_scan.h"

namespace cardscrub {

namespace {

constexpr size_t kDeclarationMax = 256;

bool is_dtd_mark(uint8_t c) {
  static constexpr std::string_view kMarks = "\"'<>[]&-?";
  return kMarks.find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

// ---- what '<' begins

bool XmlReader::markup() {
  if (cursor_ + 1 == size() && !last_) return false;
  const uint8_t next = cursor_ + 1 < size() ? byte(cursor_ + 1) : uint8_t{0};
  if (is_xml_name_start(next)) {
    end_value();
    begin_name(State::kName, 1);
    return true;
  }
  if (next == '/') {
    end_value();
    begin_name(State::kEndName, 2);
    return true;
  }
  if (next == '?') {
    declaration_ = !root_seen_ && declared_.empty();
    begin_aside(State::kInstruction, 2);
    return true;
  }
  if (next == '!') {
    for (std::string_view token : {"<!--", "<![CDATA[", "<!DOCTYPE"}) {
      Seen seen = at(token);
      if (seen == Seen::kMore) return false;
      if (seen == Seen::kNo) continue;
      if (token.size() == 4) {
        begin_aside(State::kComment, 4);
        return true;
      }
      construct_at_ = in_->unit(cursor_).at;
      if (token[2] == '[') {
        state_ = State::kCdata;
      } else {
        end_value();
        value_.open({}, {}, ValueType::kKey, single_byte_);
        state_ = State::kDoctype;
        dtd_ = Dtd::kPlain;
        brackets_ = 0;
      }
      cursor_ += token.size();
      return true;
    }
  }
  malformed(cursor_);
  if (!value_.is_open()) open_text();
  return take(cursor_ + 1);
}

// ---- comments and processing instructions

void XmlReader::begin_aside(State state, size_t skip) {
  construct_at_ = in_->unit(cursor_).at;
  state_ = state;
  cursor_ += skip;
  inside_value_ = value_.is_open();
  if (!inside_value_) {
    value_.open({}, {}, ValueType::kKey, single_byte_);
  } else if (!aside_.empty()) {
    aside_.add('\n', {construct_at_, Form::kFixed});  // two comments are two texts
  }
}

bool XmlReader::aside(uint8_t mark, std::string_view end) {
  if (byte(cursor_) == mark) {
    Seen seen = at(end);
    if (seen == Seen::kMore) return false;
    if (seen == Seen::kYes) {
      end_aside(end.size());
      return true;
    }
  }
  size_t stop = cursor_ + 1;
  while (stop < size() && byte(stop) != mark) ++stop;
  return take_aside(stop);
}

bool XmlReader::take_aside(size_t end) {
  const size_t from = cursor_;
  if (!inside_value_) {
    if (!take(end)) return false;
  } else {
    if (end == size() && !last_) end -= open_utf8(in_->data + from, end - from);
    if (end == from) return false;
    decode_xml(in_->sub(from, end - from), single_byte_, &aside_);
    cursor_ = end;
    if (aside_.size() > kAsideMax) aside_is_large();
  }
  if (declaration_) {
    Bytes content{in_->data + from, cursor_ - from};
    declared_.append(content.first(
        std::min(content.size(), kDeclarationMax - std::min(kDeclarationMax, declared_.size()))));
  }
  return true;
}

// A comment that is too long to wait for the end of the value around it: the value ends here, if it can.
void XmlReader::aside_is_large() {
  if (!value_.can_be_cut()) refuse(Reason::kLimitWindow, cursor_);
  value_.close(*in_, *scrubber_);
  inside_value_ = false;
  value_.open({}, {}, ValueType::kKey, single_byte_);
  value_.adopt(&aside_);
}

void XmlReader::end_aside(size_t skip) {
  cursor_ += skip;
  state_ = State::kText;
  if (declaration_) {
    declaration_ = false;
    Bytes content = declared_.span();
    if (content.size() > 4 && std::memcmp(content.data(), "xml", 3) == 0 && is_xml_space(content[3])) {
      XmlEncoding encoding = xml_encoding(content);
      if (encoding == XmlEncoding::kUnknown)
        scrubber_->refuse(Reason::kBodyCharset, static_cast<int64_t>(construct_at_));
      single_byte_ = encoding == XmlEncoding::kSingleByte;
      if (single_byte_) judge_.single_byte();
    }
    declared_.append({reinterpret_cast<const uint8_t*>("?"), 1});  // there is no second declaration
  }
  if (!inside_value_) return end_value();
  since_aside_ = 0;
  if (!may_hold_pan(aside_.text().data, aside_.size())) aside_.clear();
}

// ---- the document type declaration: swept as it stands, and closed to entities

bool XmlReader::doctype() {
  const uint8_t c = byte(cursor_);
  size_t end = cursor_ + 1;
  if (!is_dtd_mark(c)) {
    while (end < size() && !is_dtd_mark(byte(end))) ++end;
    return take(end);
  }
  switch (dtd_) {
    case Dtd::kQuoted:
      if (c == '&') return reference();
      if (c == quote_) dtd_ = Dtd::kPlain;
      break;
    case Dtd::kComment:
    case Dtd::kInstruction:
      if (c == '-' || c == '?') {
        Seen seen = at(dtd_ == Dtd::kComment ? "-->" : "?>");
        if (seen == Seen::kMore) return false;
        if (seen == Seen::kYes) {
          end += dtd_ == Dtd::kComment ? 2 : 1;
          dtd_ = Dtd::kPlain;
        }
      }
      break;
    case Dtd::kPlain:
      if (c == '<') return doctype_markup();
      if (c == '"' || c == '\'') {
        quote_ = c;
        dtd_ = Dtd::kQuoted;
      } else if (c == '[') {
        ++brackets_;
      } else if (c == ']') {
        if (brackets_ != 0) --brackets_;
      } else if (c == '>' && brackets_ == 0) {
        end_value();
        state_ = State::kText;
        ++cursor_;
        return true;
      }
      break;
  }
  return take(end);
}

bool XmlReader::doctype_markup() {
  struct Begins {
    std::string_view token;
    Dtd dtd;
  };
  // Of the last two a reader makes text and attributes that stand nowhere else.
  static constexpr std::array<Begins, 4> kBegins{{{"<!--", Dtd::kComment},
                                                  {"<?", Dtd::kInstruction},
                                                  {"<!ENTITY", Dtd::kPlain},
                                                  {"<!ATTLIST", Dtd::kPlain}}};
  for (const Begins& row : kBegins) {
    Seen seen = at(row.token);
    if (seen == Seen::kMore) return false;
    if (seen == Seen::kNo) continue;
    dtd_ = row.dtd;
    if (row.dtd == Dtd::kPlain) refuse(Reason::kBodyMalformed, cursor_);
    return take(cursor_ + row.token.size());
  }
  return take(cursor_ + 1);
}

}  // namespace cardscrub
