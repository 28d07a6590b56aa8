// The multipart filter.
//
//   preamble --delimiter--> head --empty line--> content --delimiter--> head ...
//      |                     |                      |
//      +------- closing delimiter "--boundary--" ---+--> epilogue
//
// A delimiter is a line "--boundary" with white space behind it; the line break in front of it belongs to it.
// Lines may end in LF alone, as parsers take them. What may still become a delimiter at the end of a piece is
// held back. "--boundary" elsewhere, and header lines outside a part's head, are refused: some parsers see a
// part there (Django one anywhere, Tornado one behind the closing delimiter), and no client sends them.
#include "filters/multipart.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "filters/chooser.h"
#include "filters/form_scan.h"
#include "filters/part_head.h"
#include "filters/plain.h"
#include "filters/transfer.h"
#include "filters/url_value.h"

namespace cardscrub {

namespace {

constexpr size_t kBoundaryMax = 200;   // RFC 2046 says 70; clients are known that send more
constexpr size_t kPartHeadMax = 8192;  // as much as an HTTP header may have by nginx's default
constexpr size_t kPaddingMax = 64;     // white space behind a boundary; more is refused

// What parsers pass over behind a boundary (RFC 2046 has the first two).
bool is_padding(uint8_t c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool is_plain_text(std::string_view type) {
  if (type.empty()) return true;  // RFC 7578, 4.4
  std::string name = lower(type.substr(0, type.find(';')));
  while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.pop_back();
  return name == "text/plain";
}

// Whether the text of a field is read byte for byte: UTF-8, or a character set in which ASCII is ASCII.
bool reads_as_bytes(std::string_view type) {
  const std::string charset = lower(header_parameter(type, "charset"));
  return charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii" ||
         charset == "ascii" || charset == "latin1" || charset.starts_with("iso-8859-") ||
         charset.starts_with("windows-125");
}

// Whether some lines end in LF alone and others not: parsers do not agree on which of them ends the head.
bool mixes_line_ends(const Text& lines, bool returns) {
  for (size_t i = 0; (i = find_byte(lines.data, lines.size, i, '\n')) < lines.size; ++i) {
    if ((i != 0 && lines.data[i - 1] == '\r') != returns) return true;
  }
  return false;
}

// One field of a form.
class FieldFilter : public Filter {
 public:
  FieldFilter(unsigned layer, std::string name, FieldMatch match)
      : value_(layer, ValueForms::kPairs), name_(std::move(name)), match_(match) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (!begun_) {
      begun_ = true;
      const Bytes leaf{reinterpret_cast<const uint8_t*>(name_.data()), name_.size()};
      value_.begin(leaf, match_, ValueType::kString, Escapes::kNone, scrubber);
    }
    return value_.text(text, last, scrubber);
  }

 private:
  UrlValue value_;
  std::string name_;
  FieldMatch match_;
  bool begun_ = false;
};

// Looks for one string that begins with "--". In most files hyphens are rare, so that the C library's search
// for one is the quickest way; where they are not, Boyer and Moore's way with Horspool's table, so that most
// bytes are never looked at.
class Finder {
 public:
  explicit Finder(std::string needle) : needle_(std::move(needle)) {
    skip_.fill(static_cast<uint8_t>(needle_.size()));
    for (size_t i = 0; i + 1 < needle_.size(); ++i) {
      skip_[static_cast<uint8_t>(needle_[i])] = static_cast<uint8_t>(needle_.size() - 1 - i);
    }
  }
  const std::string& needle() const { return needle_; }

  // The first place at or after `from`; where none is, the first place where one may begin that is not
  // complete.
  size_t find(const uint8_t* data, size_t size, size_t from, bool* found) const {
    constexpr size_t kLine = 32;  // bytes between two: where there are fewer, a call of memchr() does not pay
    constexpr size_t kFirst = 1024;  // bytes after which this is asked
    const size_t length = needle_.size();
    size_t i = from;
    *found = true;
    for (size_t lines = 0; size - i >= length && lines * kLine < i - from + kFirst; ++lines, ++i) {
      i = find_byte(data, size - length + 1, i, static_cast<uint8_t>(needle_[0]));
      if (size - i < length) break;
      if (data[i + 1] == '-' && std::memcmp(data + i, needle_.data(), length) == 0) return i;
    }
    const uint8_t end = static_cast<uint8_t>(needle_.back());
    while (size - i >= length) {
      const uint8_t c = data[i + length - 1];
      if (c == end && std::memcmp(data + i, needle_.data(), length - 1) == 0) return i;
      i += skip_[c];
    }
    *found = false;
    i = std::max(from, size < length ? 0 : size - length + 1);
    while (i < size && std::memcmp(data + i, needle_.data(), size - i) != 0) ++i;
    return i;
  }

 private:
  std::string needle_;
  std::array<uint8_t, 256> skip_;
};

// A file that is called like a card field. To some applications the field is what it is called, whatever its
// head says (request.files["cvv"].read()): what is as short as a code or a number is one. What is longer is
// read by its own type.
class NamedFileFilter : public Filter {
 public:
  NamedFileFilter(std::unique_ptr<Filter> field, std::unique_ptr<Filter> typed, std::string name)
      : field_(std::move(field)), typed_(std::move(typed)), name_(std::move(name)) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (field_ && typed_) {
      const bool is_short = text.size <= kFieldMax;
      if (is_short && !last) return 0;
      (is_short ? typed_ : field_).reset();
      if (typed_) {
        scrubber.use_form_scope({});
        opened_ = scrubber.open({reinterpret_cast<const uint8_t*>(name_.data()), name_.size()});
      }
    }
    if (field_) return field_->feed(text, last, scrubber);
    const size_t settled = typed_->feed(text, last, scrubber);
    if (last && opened_) scrubber.close();
    return settled;
  }

 private:
  static constexpr size_t kFieldMax = 64;

  std::unique_ptr<Filter> field_;
  std::unique_ptr<Filter> typed_;
  std::string name_;
  bool opened_ = false;
};

class MultipartFilter : public Filter {
 public:
  MultipartFilter(std::string_view boundary, unsigned layer)
      : layer_(layer), boundary_("--" + std::string(boundary)), head_value_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    while (step(text, last, scrubber)) {
    }
    if (last) {
      if (state_ != State::kEpilogue) wrong(text, text.size, scrubber);
      pos_ = text.size;
      scrubber.use_form_scope({});
    }
    seen_ -= std::min(seen_, pos_);
    watched_ -= std::min(watched_, pos_);
    return pos_;
  }

 private:
  enum class State : uint8_t { kPreamble, kHead, kContent, kEpilogue };
  // Header lines with an empty line behind them are refused in a preamble, an epilogue, and behind a head
  // without lines (kHeaders); and behind a head whose lines end in LF alone (kEmptyLine: one of CR LF), which
  // to some parsers goes on up to there.
  enum class Watch : uint8_t { kNothing, kHeaders, kEmptyLine };
  enum class Line : uint8_t { kOpen, kPart, kClose, kNone };  // kOpen: more must be known

  bool step(const Text& text, bool last, Scrubber& scrubber) {
    switch (state_) {
      case State::kHead:
        return head(text, last, scrubber);
      case State::kEpilogue:
        show(text, text.size, last, scrubber);
        return false;
      default:
        return content(text, last, scrubber);
    }
  }

  // What stands behind "--boundary", which ends in front of `at`. *end: behind the delimiter's line. kNone:
  // no delimiter.
  Line line_end(const Text& text, size_t at, bool last, size_t* end, Scrubber& scrubber) const {
    const bool dash = at < text.size && text.data[at] == '-';
    if (dash && at + 1 < text.size && text.data[at + 1] == '-') {
      *end = at + 2;
      return Line::kClose;
    }
    if (dash && at + 1 == text.size && !last) return Line::kOpen;
    size_t i = at;
    while (i < text.size && i - at < kPaddingMax && is_padding(text.data[i])) ++i;
    const bool too_long = i < text.size && is_padding(text.data[i]);
    const bool breaks = i < text.size && text.data[i] == '\r';
    if (breaks) ++i;
    if (i == text.size) return last ? Line::kNone : Line::kOpen;
    *end = i + 1;
    if (text.data[i] == '\n') return Line::kPart;
    if (too_long) scrubber.refuse(Reason::kLimitSize, static_cast<int64_t>(text.unit(i).at));
    return Line::kNone;
  }

  // Preamble and content: everything up to the next delimiter.
  bool content(const Text& text, bool last, Scrubber& scrubber) {
    size_t at = std::max(pos_, seen_);
    if (at_line_start_) {
      // The first delimiter needs no line break in front of it.
      const size_t length = boundary_.needle().size();
      const size_t known = std::min(length, text.size - pos_);
      const bool same = known == 0 || std::memcmp(text.data + pos_, boundary_.needle().data(), known) == 0;
      if (same && known < length && !last) return false;
      if (same && known == length) {
        size_t end = 0;
        const Line line = line_end(text, pos_ + length, last, &end, scrubber);
        if (line == Line::kOpen) return false;
        if (line != Line::kNone) return delimiter(text, pos_, end, line, scrubber);
      }
      at_line_start_ = false;
    }
    for (;; ++at) {
      bool found = false;
      at = boundary_.find(text.data, text.size, at, &found);
      size_t begin = at;  // with the line break
      const bool begins_line = begin > pos_ && text.data[begin - 1] == '\n';
      if (begins_line) --begin;
      if ((begins_line || at == text.size) && begin > pos_ && text.data[begin - 1] == '\r') --begin;
      if (!found) {
        seen_ = last ? text.size : begin;
        show(text, seen_, last, scrubber);
        return false;
      }
      size_t end = 0;
      const Line line =
          begins_line ? line_end(text, at + boundary_.needle().size(), last, &end, scrubber) : Line::kNone;
      if (line == Line::kOpen) {
        seen_ = begin;
        show(text, begin, false, scrubber);
        return false;
      }
      if (line != Line::kNone) return delimiter(text, begin, end, line, scrubber);
      scrubber.refuse(Reason::kBodyMalformed, static_cast<int64_t>(text.unit(at).at));
    }
  }

  bool delimiter(const Text& text, size_t begin, size_t end, Line line, Scrubber& scrubber) {
    show(text, begin, true, scrubber);
    finish_content(scrubber);
    pos_ = seen_ = end;
    at_line_start_ = false;
    state_ = line == Line::kClose ? State::kEpilogue : State::kHead;
    watch(Watch::kHeaders);
    return true;
  }

  // Content up to `end`, all of it when `complete`.
  void show(const Text& text, size_t end, bool complete, Scrubber& scrubber) {
    if (filter_ == nullptr) {
      if (end == pos_) return;
      filter_ = make_plain_filter(layer_, PlainCoding::kUtf8);
    }
    if (end == pos_ && !complete) return;
    if (watch_ != Watch::kNothing) look(text, end, scrubber);
    pos_ += filter_->feed(text.sub(pos_, end - pos_), complete, scrubber);
    if (complete) filter_.reset();
  }

  void watch(Watch what) {
    watch_ = what;
    watched_ = 0;
    colon_ = line_begins_ = false;
    before_ = 0;
  }

  void look(const Text& text, size_t end, Scrubber& scrubber) {
    for (watched_ = std::max(watched_, pos_); watched_ < end; ++watched_) {
      const uint8_t c = text.data[watched_];
      colon_ = colon_ || c == ':';
      const bool strict = watch_ == Watch::kEmptyLine;
      const bool breaks = c == '\n' && (!strict || before_ == '\r');
      const bool empty = (breaks && line_begins_) || (!strict && c == '\r' && before_ == '\r');
      if (empty && colon_) {
        watch_ = Watch::kNothing;
        return scrubber.refuse(Reason::kBodyMalformed, static_cast<int64_t>(text.unit(watched_).at));
      }
      line_begins_ = breaks || (line_begins_ && c == '\r');
      before_ = c;
    }
  }

  void finish_content(Scrubber& scrubber) {
    filter_.reset();
    if (opened_) scrubber.close();
    opened_ = false;
  }

  // The lines up to an empty one.
  bool head(const Text& text, bool last, Scrubber& scrubber) {
    size_t line = std::max(pos_, seen_);
    for (;;) {
      const size_t end = find_byte(text.data, text.size, line, '\n');
      const std::string_view dashes(boundary_.needle());
      const std::string_view start(reinterpret_cast<const char*>(text.data) + line, end - line);
      const bool next_part = start.starts_with(dashes);
      if (end - pos_ > kPartHeadMax) {
        scrubber.refuse(Reason::kLimitSize, static_cast<int64_t>(text.unit(pos_).at));
        pos_ = text.size;
        return false;
      }
      if (end == text.size || next_part) {
        if (!next_part && !last) {
          seen_ = line;
          return false;
        }
        // No empty line: a part without content, or the body ends here.
        wrong(text, line, scrubber);
        sweep_head(text.sub(pos_, (next_part ? line : text.size) - pos_), scrubber);
        pos_ = seen_ = next_part ? line : text.size;
        at_line_start_ = true;
        state_ = State::kPreamble;
        watch(Watch::kHeaders);
        return next_part;
      }
      if (end == line || (end == line + 1 && text.data[line] == '\r')) {
        const bool returns = end != line;
        watch(line == pos_ ? Watch::kHeaders : returns ? Watch::kNothing : Watch::kEmptyLine);
        begin_part(text.sub(pos_, line - pos_), returns, scrubber);
        pos_ = seen_ = end + 1;
        at_line_start_ = true;  // a part without content
        state_ = State::kContent;
        return true;
      }
      line = end + 1;
    }
  }

  // False: there is no number in it, and was none.
  bool sweep_head(const Text& lines, Scrubber& scrubber) {
    if (lines.size == 0) return false;
    if (!scan_value({lines.data, lines.size}, {0, false}).may_hold_digits) return false;
    scrubber.use_form_scope({});
    head_value_.begin({}, {}, ValueType::kKey, Escapes::kUri, scrubber);
    head_value_.text(lines, true, scrubber);
    return true;
  }

  // returns: the empty line behind them has a carriage return.
  void begin_part(const Text& lines, bool returns, Scrubber& scrubber) {
    if (sweep_head(lines, scrubber) && scrubber.refused()) {
      // It may be that number for which the request is refused: no copies are made of it.
      filter_ = make_plain_filter(layer_, PlainCoding::kUtf8);
      return;
    }
    PartHead part = parse_part_head({lines.data, lines.size});
    const Bytes name{reinterpret_cast<const uint8_t*>(part.name.data()), part.name.size()};
    FieldMatch match;
    if (part.named) match = scrubber.match(name);
    form_scope_of(name, &prefix_, scrubber);
    for (const std::string& other : part.other_names) {
      const FieldMatch read = scrubber.match({reinterpret_cast<const uint8_t*>(other.data()), other.size()});
      const bool announces = read.kind != Kind::kNone && read.kind != Kind::kIgnore;
      part.ambiguous = part.ambiguous || announces || (read.pair != Pair::kNone && read.pair != match.pair);
    }
    if (part.coding == TransferCoding::kUnknown) scrubber.refuse(Reason::kBodyEncoding);
    if (part.ambiguous || mixes_line_ends(lines, returns))
      scrubber.refuse(Reason::kBodyMalformed, lines.size == 0 ? -1 : static_cast<int64_t>(lines.unit(0).at));

    const std::string_view type(part.content_type);
    const bool text = is_plain_text(type);
    std::unique_ptr<Filter> filter;
    // What is called like a card field is one, however it is sent.
    const bool card = match.kind != Kind::kNone && match.kind != Kind::kIgnore && match.certain();
    // Applications look at the name only; clients send texts as application/json or octet-stream, too.
    const bool typed_card = card && !part.file;
    if (part.named && (text ? card || !part.file : typed_card)) {
      if (!reads_as_bytes(type)) scrubber.refuse(Reason::kBodyCharset);
      scrubber.next_in_pair(name, match.pair);
      filter = std::make_unique<FieldFilter>(layer_, part.name, match);
    } else if (layer_ >= limits::kLayers) {
      scrubber.refuse(Reason::kLimitLayers);
      filter = make_plain_filter(layer_, PlainCoding::kUtf8);
    } else {
      Reason why = Reason::kNone;
      // Browsers send a table as application/vnd.ms-excel, curl as application/octet-stream, others without a
      // type.
      const bool table = part.table && !has_named_fields(type) && header_parameter(type, "charset").empty();
      filter = make_filter(table ? "text/csv" : type, layer_ + 1, &why);
      if (why != Reason::kNone) {
        scrubber.refuse(why);
        filter = make_plain_filter(layer_, PlainCoding::kUtf8);
      }
      if (card && part.named && part.file && !lower(type).starts_with("multipart/")) {
        filter = std::make_unique<NamedFileFilter>(std::make_unique<FieldFilter>(layer_, part.name, match),
                                                   std::move(filter), part.name);
      } else {
        scrubber.use_form_scope({});
        opened_ = scrubber.open(name);
      }
    }
    filter_ = make_transfer_filter(part.coding, std::move(filter));
  }

  void wrong(const Text& text, size_t at, Scrubber& scrubber) {
    if (layer_ != 0) return;
    scrubber.malformed(at < text.size   ? text.unit(at).at
                       : text.size == 0 ? text.at
                                        : text.unit(text.size - 1).at + 1);
  }

  unsigned layer_;
  Finder boundary_;  // with the two hyphens
  State state_ = State::kPreamble;
  bool at_line_start_ = true;  // a delimiter may stand here without a line break in front of it
  size_t pos_ = 0;             // leading units of the text that are settled
  size_t seen_ = 0;  // leading units of the (next) text in which no delimiter (or no end of a head) begins
  Watch watch_ = Watch::kHeaders;  // what is refused where content is shown
  size_t watched_ = 0;             // leading units of the (next) text that were looked at for it
  bool colon_ = false;             // what they hold,
  bool line_begins_ = false;       // and end with
  uint8_t before_ = 0;
  std::unique_ptr<Filter> filter_;  // of the content; none: nothing has been shown
  bool opened_ = false;
  UrlValue head_value_;
  SecretBuffer prefix_;
};

}  // namespace

std::unique_ptr<Filter> make_multipart_filter(std::string_view boundary, unsigned layer) {
  if (boundary.empty() || boundary.size() > kBoundaryMax || boundary.back() == ' ') return nullptr;
  return std::make_unique<MultipartFilter>(boundary, layer);
}

}  // namespace cardscrub
