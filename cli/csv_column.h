// The cells of chosen columns of a CSV stream (RFC 4180), each shown once to be rewritten in place; every
// other byte passes as it came.
//
//   start --'"'--> quoted --'"'--> quote --separator, line end--> start
//     |               ^------'"'-----+
//     +-----------> plain --separator, line end--> start
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/result.h"
#include "src/secret.h"

namespace cardscrub::cli {

class CsvColumns {
 public:
  struct Choice {
    std::vector<size_t> numbers;     // columns, from 1
    std::vector<std::string> names;  // as the first row has them
    bool header = false;             // the first row names the columns; with names it does anyway
    uint8_t separator = ',';
  };
  struct Cell {
    uint64_t row;       // from 1; blank lines are no rows
    size_t column;      // from 1
    MutableBytes text;  // without its quotes; a quote inside is written twice, as in the file
    bool readable;      // false: longer than kCellMax, or the row has no such column; the text is empty
  };
  static constexpr size_t kCellMax = 256;

  CsvColumns(Choice choice, std::function<void(const Cell&)> rewrite);

  // Takes the next bytes, and, with `last`, the end. The fault: a name that no column has, or a quoted cell
  // that does not end.
  Status push(Bytes bytes, bool last);
  // What can be written by now; then drop_output().
  Bytes output() const { return buffer_.span().first(ready_); }
  void drop_output();

 private:
  enum class State : uint8_t { kStart, kPlain, kQuoted, kQuote };

  void take(uint8_t c);
  void end_cell(size_t end);
  void end_row();
  bool is_end(uint8_t c) const { return c == choice_.separator || c == '\n' || c == '\r'; }
  bool wanted() const;  // the open cell's content matters

  Choice choice_;
  std::function<void(const Cell&)> rewrite_;
  SecretBuffer buffer_;
  size_t ready_ = 0;    // leading bytes of buffer_ that change no more
  size_t at_ = 0;       // of the byte that is looked at
  size_t content_ = 0;  // where the open cell's content begins, when it is not cut
  bool cut_ = false;    // the open cell is longer than kCellMax
  State state_ = State::kStart;
  uint64_t row_ = 1;
  size_t column_ = 1;
};

}  // namespace cardscrub::cli
