// Searches the memory and registers of processes for secrets, in every form in which they may stand there.
// Part of the end-to-end suite; shares nothing with the module's engine, so that they cannot be blind to the
// same thing.
//
//   memory_search [--show] [--registers] PID... < needles
//
// Needles, one a line: "number NAME DIGITS", "code NAME WORD DIGITS WORD", "bytes NAME HEX". A number is
// found when 12 digits in a row of it are, forward or backward: as characters (single separators between them
// or not, escaped for JSON, URLs, XML or logs or not, in UTF-8, 16 or 32), as values 0..9, one a byte, or
// packed two a byte. Three digits alone say nothing: a code is found when its word stands in front of it or
// behind it, with a few bytes of a format between. Words are 8 letters that start with "zqj". Output:
// "NAME<TAB>what<TAB>pid<TAB>area<TAB>offset", with --show the bytes around. Exit status 0; 2: a process
// cannot be read.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/process.h"

namespace {

using cardscrub::Bytes;
using cardscrub::SecretBuffer;
using cardscrub::cli::Process;

constexpr size_t kStretch = 12;
constexpr uint64_t kStretchValues = 1'000'000'000'000;
constexpr size_t kGap = 2;      // characters between two digits of a number
constexpr size_t kFormat = 96;  // bytes between a word and its code
constexpr std::string_view kWordMark = "zqj";
constexpr size_t kWordSize = 8;

struct Code {
  std::string name;
  std::string digits;
  bool word_in_front;
};

struct Needles {
  std::unordered_map<uint64_t, std::string> stretches;
  std::unordered_map<std::string, Code> codes;  // by word
  std::vector<std::pair<std::string, std::string>> bytes;
};

void add_number(Needles* needles, const std::string& name, const std::string& digits) {
  for (bool backward : {false, true}) {
    std::string row(digits);
    if (backward) std::reverse(row.begin(), row.end());
    for (size_t i = 0; i + kStretch <= row.size(); ++i) {
      needles->stretches[std::stoull(row.substr(i, kStretch))] = name;
    }
  }
}

Needles read_needles(std::istream& in) {
  Needles out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, name, first, digits, last;
    words >> kind >> name >> first >> digits >> last;
    if (kind == "number") add_number(&out, name, first);
    if (kind == "code") {
      out.codes[first] = {name, digits, true};
      out.codes[last] = {name, digits, false};
    }
    if (kind == "bytes") {
      std::string bytes;
      for (size_t i = 0; i + 1 < first.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(first.substr(i, 2), nullptr, 16)));
      out.bytes.emplace_back(name, bytes);
    }
  }
  return out;
}

// What stands at one place: its size in bytes, and a digit, or -1.
struct Unit {
  size_t size = 1;
  int digit = -1;
};

bool digit_in_hex(std::string_view text, size_t at, Unit* unit, size_t size) {
  if (text.size() < at + 2 || text[at] != '3' || text[at + 1] < '0' || text[at + 1] > '9') return false;
  *unit = {size, text[at + 1] - '0'};
  return true;
}

// "4", "\u0034", "\x34", "%34", "%2534", "&#52;", "&#x34;"
Unit unit_at(std::string_view text) {
  Unit unit;
  char c = text[0];
  if (c >= '0' && c <= '9') return {1, c - '0'};
  if (c == '\\') {
    if (text.starts_with("\\u00") && digit_in_hex(text, 4, &unit, 6)) return unit;
    if (text.starts_with("\\u0020")) return {6, -1};
    if (text.starts_with("\\x") && digit_in_hex(text, 2, &unit, 4)) return unit;
  } else if (c == '%') {
    if (digit_in_hex(text, 1, &unit, 3)) return unit;
    if (text.starts_with("%20")) return {3, -1};
    if (text.starts_with("%25") && digit_in_hex(text, 3, &unit, 5)) return unit;
  } else if (text.starts_with("&#x")) {
    if (digit_in_hex(text, 3, &unit, 6)) return unit;
  } else if (text.starts_with("&#") && text.size() >= 5 && text[4] == ';') {
    int value = std::atoi(std::string(text.substr(2, 2)).c_str());
    if (value >= '0' && value <= '9') return {5, value - '0'};
  }
  return unit;
}

using Report = std::function<void(const std::string& name, const char* what, size_t at)>;

// The last digits that went by, as a number.
class Stretch {
 public:
  void push(int digit) {
    value_ = (value_ * 10 + static_cast<uint64_t>(digit)) % kStretchValues;
    ++count_;
  }
  void clear() { value_ = count_ = 0; }
  const std::string* known(const Needles& needles) const {
    if (count_ < kStretch) return nullptr;
    auto found = needles.stretches.find(value_);
    return found == needles.stretches.end() ? nullptr : &found->second;
  }

 private:
  uint64_t value_ = 0;
  uint64_t count_ = 0;
};

void search_characters(const Needles& needles, std::string_view text, const Report& report) {
  Stretch stretch;
  size_t gap = 0;
  for (size_t at = 0; at < text.size();) {
    Unit unit = unit_at(text.substr(at));
    if (unit.digit >= 0) {
      stretch.push(unit.digit);
      gap = 0;
      if (const std::string* name = stretch.known(needles)) report(*name, "characters", at);
    } else if (++gap > kGap || std::isalpha(static_cast<uint8_t>(text[at])) != 0) {
      stretch.clear();
    }
    at += unit.size;
  }
}

void search_values(const Needles& needles, std::string_view data, const Report& report) {
  Stretch values;
  std::array<Stretch, 2> packed;  // numbers that begin with the high and with the low half of a byte
  for (size_t at = 0; at < data.size(); ++at) {
    int byte = static_cast<uint8_t>(data[at]);
    if (byte > 9) {
      values.clear();
    } else {
      values.push(byte);
      if (const std::string* name = values.known(needles)) report(*name, "values", at);
    }
    int high = byte >> 4;
    int low = byte & 15;
    for (size_t half = 0; half < 2; ++half) {
      for (int digit : {high, low}) {
        if (digit > 9) {
          packed[half].clear();
          continue;
        }
        packed[half].push(digit);
        if (const std::string* name = packed[half].known(needles)) report(*name, "packed", at);
      }
    }
  }
}

// True: `code` stands in `text` with at most kFormat bytes that are no digits in front of it and none behind
// it.
bool code_in_front(std::string_view text, std::string_view code) {
  size_t at = 0;
  while (at < text.size() && at <= kFormat && unit_at(text.substr(at)).digit < 0) ++at;
  for (char c : code) {
    if (at >= text.size()) return false;
    Unit unit = unit_at(text.substr(at));
    if (unit.digit != c - '0') return false;
    at += unit.size;
  }
  return at >= text.size() || unit_at(text.substr(at)).digit < 0;
}

bool code_at_end(std::string_view text, std::string_view code) {
  std::string digits;
  bool joined = false;
  size_t behind = 0;
  for (size_t at = 0; at < text.size();) {
    Unit unit = unit_at(text.substr(at));
    if (unit.digit >= 0) {
      if (!joined) digits.clear();
      digits.push_back(static_cast<char>('0' + unit.digit));
      behind = 0;
    } else {
      ++behind;
    }
    joined = unit.digit >= 0;
    at += unit.size;
  }
  return digits == code && behind <= kFormat;
}

void search_words(const Needles& needles, std::string_view text, const Report& report) {
  for (size_t at = text.find(kWordMark); at != std::string_view::npos; at = text.find(kWordMark, at + 1)) {
    auto known = needles.codes.find(std::string(text.substr(at, kWordSize)));
    if (known == needles.codes.end()) continue;
    const Code& code = known->second;
    size_t end = std::min(text.size(), at + kWordSize);
    size_t begin = at < 2 * kFormat ? 0 : at - 2 * kFormat;
    bool found = code.word_in_front ? code_in_front(text.substr(end, 3 * kFormat), code.digits)
                                    : code_at_end(text.substr(begin, at - begin), code.digits);
    if (found) report(code.name, "code", at);
  }
}

void search_bytes(const Needles& needles, std::string_view data, const Report& report) {
  for (const auto& [name, bytes] : needles.bytes) {
    size_t at = data.find(bytes);
    if (at != std::string_view::npos) report(name, "bytes", at);
  }
}

std::string shown(std::string_view text, size_t at) {
  std::string out;
  size_t begin = at < 60 ? 0 : at - 60;
  for (char c : text.substr(begin, 110)) out.push_back(std::isprint(static_cast<uint8_t>(c)) != 0 ? c : '.');
  return out;
}

void search_area(const Needles& needles, pid_t pid, const std::string& area, std::string_view data,
                 bool show) {
  std::string text;  // UTF-16 and 32 become one byte a character
  text.reserve(data.size());
  std::copy_if(data.begin(), data.end(), std::back_inserter(text), [](char c) { return c != 0; });
  std::set<std::string> seen;
  std::string_view view = data;
  Report report = [&](const std::string& name, const char* what, size_t at) {
    std::string line = name + '\t' + what + '\t' + std::to_string(pid) + '\t' + area;
    if (!seen.insert(line).second) return;
    std::cout << line << '\t' << at;
    if (show) std::cout << '\t' << shown(view, at);
    std::cout << '\n';
  };
  search_values(needles, data, report);
  search_bytes(needles, data, report);
  view = text;
  search_characters(needles, text, report);
  search_words(needles, text, report);
}

bool search_process(const Needles& needles, pid_t pid, bool show, bool registers_only) {
  cardscrub::Result<Process> process = Process::open(pid);
  cardscrub::Status stopped =
      process ? process->stop() : cardscrub::Status(cardscrub::Fault{process.message()});
  if (!stopped) {
    std::cerr << stopped.message() << '\n';
    return false;
  }
  auto view = [](const SecretBuffer& buffer) {
    return std::string_view(reinterpret_cast<const char*>(buffer.data()), buffer.size());
  };
  SecretBuffer registers = process->registers();
  if (registers.empty()) {
    std::cerr << "no registers of process " << pid << '\n';
    return false;
  }
  search_area(needles, pid, "registers", view(registers), show);
  if (registers_only) return true;
  SecretBuffer data;
  size_t total = 0;
  for (const Process::Area& area : process->areas()) {
    data.resize(area.end - area.begin);
    data.resize(process->read(area.begin, data.span()));
    total += data.size();
    search_area(needles, pid, area.name, view(data), show);
  }
  std::cerr << "process " << pid << ": " << process->areas().size() << " areas, " << total << " bytes\n";
  return total != 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool show = false;
  bool registers_only = false;
  std::vector<pid_t> pids;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--show") == 0) {
      show = true;
    } else if (std::strcmp(argv[i], "--registers") == 0) {
      registers_only = true;
    } else {
      pids.push_back(std::atoi(argv[i]));
    }
  }
  Needles needles = read_needles(std::cin);
  bool good = !pids.empty();
  for (pid_t pid : pids) good = search_process(needles, pid, show, registers_only) && good;
  return good ? 0 : 2;
}
