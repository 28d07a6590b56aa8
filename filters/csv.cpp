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
constexpr std::array<uint8_t, 4> kSeparators{',', ';', '\t', '|'};

bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }
bool ends_other_lines(uint8_t c) { return c < ' ' && c != '\t' && !is_line_end(c); }

// Which quotes count: those at the beginning of a cell, and in a cell that began with one.
struct Quotes {
  bool inside = false;
  bool opens = true;
  void see(uint8_t c, bool separates) {
    const bool counts = c == '"' && (inside || opens);
    if (counts) inside = !inside;
    opens = !inside && (counts || separates);
  }
};

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
        if (named_cell_ && text.data[pos_] == ' ') {
          ++pos_;
          return true;
        }
        // To some it is part of the cell: "1"23.
        if (named_cell_) scrubber.refuse(Reason::kBodyMalformed, static_cast<int64_t>(text.unit(pos_).at));
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
      if (is_line_end(c) && !quotes_.inside) break;
      const bool mark = seen_ - pos_ < 3 && c >= 0x80;  // a byte order mark
      quotes_.see(c, mark || std::ranges::find(kSeparators, c) != kSeparators.end());
    }
    if (seen_ - pos_ > kHeaderMax) {
      scrubber.refuse(Reason::kLimitSize);
      pos_ = text.size;
      return false;
    }
    if (seen_ == text.size && !last) return false;
    if (quotes_.inside && layer_ == 0) scrubber.malformed(text.unit(pos_).at);
    if (names_separator(text.sub(pos_, seen_ - pos_))) {
      pos_ = seen_;
      seen_ = 0;
      quotes_ = {};
      return pos_ < text.size;
    }
    read_header(text.sub(pos_, seen_ - pos_), scrubber);
    pos_ = seen_;
    state_ = State::kCellStart;
    return true;
  }

  void read_header(Text line, Scrubber& scrubber) {
    if (line.size >= 3 && line.data[0] == 0xEF && line.data[1] == 0xBB && line.data[2] == 0xBF)
      line = line.sub(3, line.size - 3);
    size_t most = 0;
    for (const uint8_t separator : kSeparators) {
      size_t count = 0;
      each_cell(line, separator, [&](const Text&) { ++count; });
      if (count > most && !named_separator_) separator_ = separator;
      most = std::max(most, count);
    }
    // Where the line ends, and where a quote begins a cell, depends on the separator: not all see the same
    // table.
    Quotes quotes;
    bool odd = false;
    for (size_t i = 0; i < line.size; ++i) {
      odd = odd || (is_line_end(line.data[i]) && !quotes.inside);
      quotes.see(line.data[i], line.data[i] == separator_);
    }
    each_cell(line, separator_, [&](const Text& cell) {
      const size_t begin = begin_of(cell);
      const size_t end = end_of(cell);
      // Some pass over white space in front of a quote.
      odd = odd || (begin != 0 && begin < end && cell.data[begin] == '"' && cell.data[end - 1] != '"');
      add_column(cell, scrubber);
    });
    for (const uint8_t separator : kSeparators) odd = odd || shows_other_columns(line, separator, scrubber);
    if (odd && line.size != 0) scrubber.refuse(Reason::kBodyMalformed, static_cast<int64_t>(line.unit(0).at));
  }

  // Whether this separator, or lines that end at other control characters as those of str.splitlines() do,
  // show names of card data that the columns do not have.
  bool shows_other_columns(const Text& line, uint8_t separator, Scrubber& scrubber) const {
    size_t count = 0;
    bool found = false;
    each_cell(line, separator, [&](const Text& cell) {
      for (size_t begin = 0, end = 0; end <= cell.size; ++end) {
        if (end < cell.size && !ends_other_lines(cell.data[end])) continue;
        SecretBuffer name;
        read_name(cell.sub(begin, end - begin), &name);
        found = found || (scrubber.match(name.span()).kind != Kind::kNone && !is_column(name.span()));
        begin = end + 1;
        ++count;
      }
    });
    return found && count > 1;
  }

  template <typename Visit>
  static void each_cell(const Text& line, uint8_t separator, const Visit& visit) {
    size_t begin = 0;
    Quotes quotes;
    for (size_t i = 0; i < line.size; ++i) {
      const bool separates = line.data[i] == separator && !quotes.inside;
      if (separates) visit(line.sub(begin, i - begin));
      if (separates) begin = i + 1;
      quotes.see(line.data[i], separates);
    }
    visit(line.sub(begin, line.size - begin));
  }

  static size_t begin_of(const Text& cell) {
    size_t begin = 0;
    while (begin < cell.size && cell.data[begin] == ' ') ++begin;
    return begin;
  }
  static size_t end_of(const Text& cell) {
    size_t end = cell.size;
    while (end > 0 && cell.data[end - 1] == ' ') --end;
    return end;
  }

  // Without quotes and line breaks, wherever they stand: readers differ in which of them they drop, and no
  // name needs one.
  static void read_name(const Text& cell, SecretBuffer* out) {
    PercentDecoder decoder;
    Decoded decoded;
    decoder.start(Escapes::kNone, 0);
    decoder.feed(cell, &decoded);
    decoder.finish(&decoded);
    const Text text = decoded.text();
    SecretBuffer bare;
    for (size_t i = 0; i < text.size; ++i) {
      if (text.data[i] != '"' && !is_line_end(text.data[i])) bare.append({text.data + i, 1});
    }
    const Text name{bare.data(), bare.size(), nullptr, 0};
    const size_t begin = begin_of(name);
    out->append(bare.span().subspan(begin, std::max(begin, end_of(name)) - begin));
  }

  bool is_column(Bytes name) const {
    return std::ranges::any_of(columns_, [&](const Column& column) {
      return std::ranges::equal(names_.span().subspan(column.begin, column.size), name);
    });
  }

  void add_column(Text cell, Scrubber& scrubber) {
    Column column{names_.size(), 0, {}};
    read_name(cell, &names_);
    column.size = names_.size() - column.begin;
    column.match = scrubber.match(names_.span().subspan(column.begin, column.size));
    column.match.pair = Pair::kNone;  // a row is no list of fields
    named_ = named_ || column.match.kind != Kind::kNone;
    columns_.push_back(column);
    const bool in_quotes = cell.size >= 2 && cell.data[0] == '"' && cell.data[cell.size - 1] == '"';
    if (in_quotes) cell = cell.sub(1, cell.size - 2);
    if (scan_value({cell.data, cell.size}, kNoSyntax).may_hold_digits) {
      value_.begin({}, {}, ValueType::kKey, in_quotes ? Escapes::kQuotes : Escapes::kNone, scrubber);
      value_.text(cell, true, scrubber);
    }
  }

  // "sep=;" (Excel).
  bool names_separator(Text line) {
    constexpr std::string_view kSep = "sep=";
    if (line.size >= 3 && line.data[0] == 0xEF) line = line.sub(3, line.size - 3);
    if (named_separator_ || line.size != kSep.size() + 1 || line.data[kSep.size()] == '"') return false;
    for (size_t i = 0; i < kSep.size(); ++i) {
      const uint8_t c = line.data[i];
      if ((is_alpha(c) ? c | 0x20 : c) != static_cast<uint8_t>(kSep[i])) return false;
    }
    separator_ = line.data[kSep.size()];
    named_separator_ = true;
    return true;
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
    named_cell_ = match.kind != Kind::kNone;
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
  bool named_separator_ = false;  // the line in front of the header says which it is
  bool named_cell_ = false;       // the cell is in a column that announces card data
  Quotes quotes_;                 // of the header, at seen_
  bool named_ = false;            // some column announces card data
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
