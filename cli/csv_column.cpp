// Walking through CSV.
#include "cli/csv_column.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace cardscrub::cli {
namespace {

std::string_view name_in(Bytes text) {
  std::string_view name(reinterpret_cast<const char*>(text.data()), text.size());
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (name.starts_with(kMark)) name.remove_prefix(kMark.size());
  return name;
}

}  // namespace

CsvColumns::CsvColumns(Choice choice, std::function<void(const Cell&)> rewrite)
    : choice_(std::move(choice)), rewrite_(std::move(rewrite)) {
  choice_.header = choice_.header || !choice_.names.empty();
}

bool CsvColumns::wanted() const {
  if (row_ == 1 && choice_.header) return true;
  return std::find(choice_.numbers.begin(), choice_.numbers.end(), column_) != choice_.numbers.end();
}

Status CsvColumns::push(Bytes bytes, bool last) {
  buffer_.append(bytes);
  for (; at_ < buffer_.size(); at_++) take(buffer_.data()[at_]);
  if (last) {
    if (state_ == State::kQuoted) return Fault{"the last quoted cell does not end"};
    if (state_ != State::kStart || column_ > 1) {
      end_cell(state_ == State::kQuote ? at_ - 1 : at_);
      end_row();
    }
  }
  if ((row_ > 1 || last) && !choice_.names.empty()) {
    return Fault{"the first row names no column \"" + choice_.names.front() + "\""};
  }
  const bool open = state_ != State::kStart && wanted() && !cut_ && !last;
  ready_ = open ? content_ : buffer_.size();
  return Done{};
}

void CsvColumns::drop_output() {
  buffer_.drop_front(ready_);
  at_ -= ready_;
  content_ -= std::min(content_, ready_);
  ready_ = 0;
}

void CsvColumns::take(uint8_t c) {
  switch (state_) {
    case State::kStart:
      if (column_ == 1 && (c == '\n' || c == '\r')) return;
      cut_ = false;
      content_ = at_;
      if (c == '"') {
        content_++;
        state_ = State::kQuoted;
        return;
      }
      state_ = State::kPlain;
      break;
    case State::kQuoted:
      if (c == '"') state_ = State::kQuote;
      break;
    case State::kQuote:
      // Anything else behind a closing quote makes the cell a plain one that holds quotes.
      state_ = c == '"' ? State::kQuoted : is_end(c) ? State::kQuote : State::kPlain;
      break;
    case State::kPlain:
      break;
  }
  if (is_end(c) && (state_ == State::kPlain || state_ == State::kQuote)) {
    end_cell(state_ == State::kQuote ? at_ - 1 : at_);
    if (c != choice_.separator) end_row();
    return;
  }
  if (!cut_ && at_ - content_ > kCellMax) cut_ = true;
}

void CsvColumns::end_cell(size_t end) {
  const MutableBytes text = cut_ ? MutableBytes{} : buffer_.span().subspan(content_, end - content_);
  if (row_ == 1 && choice_.header) {
    const auto name =
        cut_ ? choice_.names.end() : std::find(choice_.names.begin(), choice_.names.end(), name_in(text));
    if (name != choice_.names.end()) {
      choice_.names.erase(name);  // found
      choice_.numbers.push_back(column_);
    }
  } else if (wanted()) {
    rewrite_({row_, column_, text, !cut_});
  }
  column_++;
  state_ = State::kStart;
}

void CsvColumns::end_row() {
  if (row_ > 1 || !choice_.header) {
    for (size_t number : choice_.numbers) {
      if (number >= column_) rewrite_({row_, number, {}, false});
    }
  }
  row_++;
  column_ = 1;
}

}  // namespace cardscrub::cli
