// Verdict: problems and counts of one request, and the answer that is made of them.
#include "verdict.h"

#include <algorithm>

#include "text.h"

namespace cardscrub {

namespace {

constexpr std::array<char, 256> kPrintable = [] {
  std::array<char, 256> table{};
  table.fill('?');
  for (unsigned c = 0; c < 128; ++c) {
    const auto byte = static_cast<uint8_t>(c);
    if (is_alpha(byte) || is_digit(byte)) table[c] = static_cast<char>(c);
  }
  for (char c : std::string_view("._-[]:")) table[static_cast<uint8_t>(c)] = c;
  return table;
}();

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

// The lower, the more it matters when several problems meet.
int rank_of(int status) {
  switch (status) {
    case 500:
      return 0;
    case 502:
      return 1;
    case 503:
      return 2;
    case 429:
      return 3;
    case 413:
      return 4;
    case 415:
      return 5;
    case 403:
      return 6;
    case 400:
      return 7;
    default:
      return 8;
  }
}

}  // namespace

void add_printable(Bytes name, std::string* path) {
  if (name.empty()) return;
  if (!path->empty()) path->push_back('.');
  const size_t before = path->size();
  name = name.first(std::min(name.size(), kFieldMax));
  path->resize(before + name.size());
  std::transform(name.begin(), name.end(), path->data() + before, [](uint8_t c) { return kPrintable[c]; });
}

std::string printable_field(Bytes name) {
  std::string out;
  add_printable(name, &out);
  mask_digit_runs(&out);
  return out;
}

void mask_digit_runs(std::string* path) {
  constexpr size_t kBin = 6;  // so many may be an index, more could be part of a number
  // No more digits in all: the run cannot be longer.
  if (static_cast<size_t>(std::count_if(path->begin(), path->end(),
                                        [](char c) { return is_digit(static_cast<uint8_t>(c)); })) <= kBin) {
    return;
  }
  size_t run = 0;
  for (char& c : *path) {
    const auto byte = static_cast<uint8_t>(c);
    if (is_alpha(byte) || c == '[' || c == ']') run = 0;
    if (is_digit(byte) && ++run > kBin) c = '*';
  }
}

void Verdict::refuse(Reason reason, std::string_view field, int64_t offset) {
  // Once is enough: what is read on behind an error may meet it again.
  for (const Problem& known : problems_) {
    if (known.reason == reason && known.field == field && known.offset == offset) return;
  }
  ++refused_count_;
  if (problems_.size() < limits::kReasons) problems_.push_back({reason, std::string(field), offset});
}

int Verdict::status() const {
  int status = 422;
  for (const Problem& problem : problems_) {
    int other = reason_status(problem.reason);
    if (rank_of(other) < rank_of(status)) status = other;
  }
  return status;
}

// Written by hand: names are printable_field()s and need no escapes, the rest are fixed sentences.
std::string Verdict::problem_json() const {
  int code = status();
  std::string out = "{\"type\":\"about:blank\",\"title\":\"";
  out += title_of(code);
  out += "\",\"status\":" + std::to_string(code) + ",\"errors\":[";
  bool first = true;
  for (const Problem& problem : problems_) {
    if (!first) out += ',';
    first = false;
    out += '{';
    if (!problem.field.empty()) out += "\"field\":\"" + problem.field + "\",";
    out += "\"reason\":\"";
    out += reason_name(problem.reason);
    out += "\",\"detail\":\"";
    out += reason_text(problem.reason);
    out += '"';
    if (problem.offset >= 0) out += ",\"offset\":" + std::to_string(problem.offset);
    out += '}';
  }
  out += "]}\n";
  return out;
}

void Verdict::count(Kind kind, Brand brand, Action action) {
  counted_ = true;
  if (kind == Kind::kPan || kind == Kind::kCode || kind == Kind::kTrack) ++findings_;
  ++kinds_[static_cast<size_t>(kind)];
  ++brands_[static_cast<size_t>(brand)];
  ++actions_[static_cast<size_t>(action)];
}

}  // namespace cardscrub
