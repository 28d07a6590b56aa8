// The CSV filter.
//
//   header --line end--> cell start --'"'--> quoted --'"'--> tail --separator, line end--> cell start
//                            |                                ^
//                            +------------> unquoted ---------+ (the same delimiters)
//
// A doubled quote inside a quoted cell stands for one. What stands between a closing quote and the next
// separator is swept.
#include "filters/csv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "filters/form_scan.h"
#include "filters/url_value.h"
#include "src/detector.h"

namespace cardscrub {

namespace {

constexpr size_t kHeaderMax = 8192;  // bytes of the first line
constexpr size_t kRows = 4096;       // bytes of lines that are looked at together
constexpr FormSyntax kNoSyntax{0, false};

bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }

class CsvFilter : public Filter {
 public:
  explicit CsvFilter(unsigned layer) : layer_(layer), value_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    while (step(text, last, scrubber)) {
    }
    if (last) {
      pos_ = text.size;
      end_row(scrubber);
    }
    seen_ -= std::min(seen_, pos_);
    return pos_;
  }

 private:
  enum class State : uint8_t { kHeader, kCellStart, kUnquoted, kQuoted, kTail };

  struct Column {
    size_t begin;  // of its name, in names_
    size_t size;
    FieldMatch match;
  };

  bool step(const Text& text, bool last, Scrubber& scrubber) {
    switch (state_) {
      case State::kHeader:
        return header(text, last, scrubber);
      case State::kCellStart:
        return cell_start(text, last, scrubber);
      case State::kQuoted:
        return quoted(text, last, scrubber);
      case State::kTail:
        if (pos_ == text.size) return false;
        if (is_delimiter(text.data[pos_])) return end_cell(text, scrubber);
        value_.begin({}, {}, ValueType::kFree, Escapes::kNone, scrubber);
        state_ = State::kUnquoted;
        seen_ = pos_;
        return true;
      case State::kUnquoted:
        break;
    }
    const size_t end = find_delimiter(text, std::max(pos_, seen_));
    const bool complete = end < text.size || last;
    pos_ += value_.text(text.sub(pos_, end - pos_), complete, scrubber);
    seen_ = end;
    return end < text.size && end_cell(text, scrubber);
  }

  bool is_delimiter(uint8_t c) const { return c == separator_ || is_line_end(c); }

  size_t find_delimiter(const Text& text, size_t from) const {
    while (from < text.size && !is_delimiter(text.data[from])) ++from;
    return from;
  }

  // ---- the first line

  bool header(const Text& text, bool last, Scrubber& scrubber) {
    if (seen_ == 0) {
      while (pos_ < text.size && is_line_end(text.data[pos_])) ++pos_;
      seen_ = pos_;
    }
    for (; seen_ < text.size; ++seen_) {
      const uint8_t c = text.data[seen_];
      if (c == '"') in_quotes_ = !in_quotes_;
      if (is_line_end(c) && !in_quotes_) break;
    }
    if (seen_ - pos_ > kHeaderMax) {
      scrubber.refuse(Reason::kLimitSize);
      pos_ = text.size;
      return false;
    }
    if (seen_ == text.size && !last) return false;
    if (in_quotes_ && layer_ == 0) scrubber.malformed(text.unit(pos_).at);
    read_header(text.sub(pos_, seen_ - pos_), scrubber);
    pos_ = seen_;
    state_ = State::kCellStart;
    return true;
  }

  void read_header(const Text& line, Scrubber& scrubber) {
    constexpr std::array<uint8_t, 3> kSeparators{',', ';', '\t'};
    std::array<size_t, 3> counts{};
    bool quotes = false;
    for (size_t i = 0; i < line.size; ++i) {
      if (line.data[i] == '"') quotes = !quotes;
      for (size_t k = 0; k < kSeparators.size() && !quotes; ++k)
        counts[k] += line.data[i] == kSeparators[k] ? 1u : 0u;
    }
    separator_ =
        kSeparators[static_cast<size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];

    size_t begin =
        line.size >= 3 && line.data[0] == 0xEF && line.data[1] == 0xBB && line.data[2] == 0xBF ? 3 : 0;
    for (bool more = true; more;) {
      quotes = false;
      size_t end = begin;
      for (; end < line.size && (quotes || line.data[end] != separator_); ++end) {
        if (line.data[end] == '"') quotes = !quotes;
      }
      more = end < line.size;
      add_column(line.sub(begin, end - begin), scrubber);
      begin = end + 1;
    }
  }

  void add_column(Text cell, Scrubber& scrubber) {
    const bool in_quotes = cell.size >= 2 && cell.data[0] == '"' && cell.data[cell.size - 1] == '"';
    if (in_quotes) cell = cell.sub(1, cell.size - 2);
    if (scan_value({cell.data, cell.size}, kNoSyntax).may_hold_digits) {
      value_.begin({}, {}, ValueType::kKey, in_quotes ? Escapes::kQuotes : Escapes::kNone, scrubber);
      value_.text(cell, true, scrubber);
    }
    PercentDecoder decoder;
    Decoded decoded;
    decoder.start(in_quotes ? Escapes::kQuotes : Escapes::kNone, 0);
    decoder.feed(cell, &decoded);
    decoder.finish(&decoded);
    const Text text = decoded.text();
    size_t begin = 0;
    size_t end = text.size;
    while (begin < end && text.data[begin] == ' ') ++begin;
    while (end > begin && text.data[end - 1] == ' ') --end;
    const Bytes name{text.data + begin, end - begin};
    Column column{names_.size(), name.size(), scrubber.match(name)};
    column.match.pair = Pair::kNone;  // a row is no list of fields
    named_ = named_ || column.match.kind != Kind::kNone;
    names_.append(name);
    columns_.push_back(column);
  }

  // ---- all others

  // Passes over lines in which nothing can be: most lines of most tables. Many at a time, or, where that
  // fails, one.
  bool pass_dull_rows(const Text& text) {
    const uint64_t at = text.unit(pos_).at;
    size_t end;
    if (at >= single_until_) {
      const size_t most = std::min(text.size, pos_ + kRows);
      const void* line_end = ::memrchr(text.data + pos_, '\n', most - pos_);
      if (line_end == nullptr) return false;
      end = static_cast<size_t>(static_cast<const uint8_t*>(line_end) - text.data);
      single_until_ = text.unit(end).at + 1;
    } else {
      end = find_byte(text.data, text.size, pos_, '\n');
      if (end == text.size) return false;
    }
    const Bytes rows{text.data + pos_, end - pos_};
    const bool quotes = find_byte(rows.data(), rows.size(), 0, '"') != rows.size();
    const bool brackets = find_either(rows.data(), rows.size(), 0, '{', '[') != rows.size();
    if (quotes || brackets || may_hold_pan(rows.data(), rows.size())) return false;
    pos_ = seen_ = end + 1;
    return true;
  }

  bool cell_start(const Text& text, bool last, Scrubber& scrubber) {
    if (!in_row_) {
      while (pos_ < text.size && is_line_end(text.data[pos_])) ++pos_;
    }
    if (pos_ == text.size) return false;
    if (!in_row_ && !named_ && pass_dull_rows(text)) return true;
    if (!in_row_) {
      in_row_ = true;
      column_ = 0;
      if (named_) opened_ = scrubber.open({});
    }
    Bytes name;
    FieldMatch match;
    if (column_ < columns_.size()) {
      const Column& column = columns_[column_];
      name = names_.span().subspan(column.begin, column.size);
      match = column.match;
    }
    seen_ = pos_;
    if (text.data[pos_] == '"') {
      quote_at_ = text.unit(pos_).at;
      seen_ = ++pos_;
      value_.begin(name, match, ValueType::kString, Escapes::kQuotes, scrubber);
      state_ = State::kQuoted;
      return true;
    }
    if (match.kind == Kind::kNone) {
      const size_t end = find_delimiter(text, pos_);
      if ((end < text.size || last) && !scan_value({text.data + pos_, end - pos_}, kNoSyntax).may_matter) {
        pos_ = end;
        return end < text.size && end_cell(text, scrubber);
      }
    }
    value_.begin(name, match, ValueType::kString, Escapes::kNone, scrubber);
    state_ = State::kUnquoted;
    return true;
  }

  bool quoted(const Text& text, bool last, Scrubber& scrubber) {
    size_t at = std::max(pos_, seen_);
    for (;;) {
      at = find_byte(text.data, text.size, at, '"');
      // A quote at the end of what is known may be the first of two.
      if (at + 1 < text.size && text.data[at + 1] == '"') {
        at += 2;
        continue;
      }
      const bool closed = at + 1 < text.size || (at < text.size && last);
      if (at == text.size && last && layer_ == 0) scrubber.malformed(quote_at_);
      pos_ += value_.text(text.sub(pos_, at - pos_), closed || last, scrubber);
      seen_ = at;
      if (!closed) return false;
      pos_ = seen_ = at + 1;
      state_ = State::kTail;
      return true;
    }
  }

  // pos_ is at the delimiter.
  bool end_cell(const Text& text, Scrubber& scrubber) {
    if (state_ == State::kUnquoted) pos_ = seen_;
    const bool row = text.data[pos_] != separator_;
    seen_ = ++pos_;
    ++column_;
    state_ = State::kCellStart;
    if (row) end_row(scrubber);
    return true;
  }

  void end_row(Scrubber& scrubber) {
    if (opened_) scrubber.close();
    opened_ = in_row_ = false;
  }

  unsigned layer_;
  State state_ = State::kHeader;
  uint8_t separator_ = ',';
  bool in_quotes_ = false;  // of the header, at seen_
  bool named_ = false;      // some column announces card data
  bool in_row_ = false;
  bool opened_ = false;
  size_t column_ = 0;
  size_t pos_ = 0;             // leading units of the text that are settled
  size_t seen_ = 0;            // leading units of the (next) text that hold no delimiter
  uint64_t single_until_ = 0;  // lines in front of this place are not passed over together
  uint64_t quote_at_ = 0;      // of the quote that opened the cell
  std::vector<Column> columns_;
  SecretBuffer names_;
  UrlValue value_;
};

}  // namespace

std::unique_ptr<Filter> make_csv_filter(unsigned layer) { return std::make_unique<CsvFilter>(layer); }

}  // namespace cardscrub
