// Looking for tokens of a generation that shall be retired.
#include "cli/token_use.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/lines.h"
#include "src/descriptor.h"
#include "src/limits.h"
#include "src/text.h"

namespace cardscrub::cli {
namespace {

using Json = nlohmann::json;

constexpr size_t kBlock = 65536;
constexpr size_t kFirstGroup = 4, kNextGroup = 2;  // digits of a group of a number that is written in groups

Fault cannot_read(const std::string& path) {
  return Fault{"cannot read " + path + ": " + std::strerror(errno)};
}

void add(const std::string& path, uint64_t line, uint64_t* count, std::string* first) {
  if ((*count)++ == 0) *first = path + ":" + std::to_string(line);
}
void add(TokenUse* use, const std::string& path, uint64_t line) { add(path, line, &use->count, &use->first); }

// Groups of digits with one separator between, as they come.
class TokenShapes {
 public:
  explicit TokenShapes(uint8_t generation) : generation_(generation) {}

  // True: with this byte something ended that has the shape of a token.
  bool next(uint8_t c) {
    if (is_digit(c)) {
      if (size_ == 0) first_ = static_cast<uint8_t>(c - '0');
      size_++;
      separators_ = 0;
      return false;
    }
    const bool found = size_ > 0 && end_group();
    if (c == 0xC2) return found;  // the first byte of a no-break space; a separator comes or the chain ends
    const bool separator = c == ' ' || c == '-' || c == '.' || c == 0xA0;
    if (!separator || ++separators_ > 1) groups_ = 0;
    return found;
  }

 private:
  struct Group {
    uint8_t first;
    size_t size;
  };

  bool end_group() {
    if (groups_ == chain_.size()) {
      std::copy(chain_.begin() + 1, chain_.end(), chain_.begin());
      groups_--;
    }
    chain_[groups_++] = {first_, size_};
    size_ = 0;
    size_t digits = 0;
    for (size_t i = groups_; i-- > 0;) {
      digits += chain_[i].size;
      if (digits > limits::kPanMax) break;
      const bool whole = i + 1 == groups_;
      if (chain_[i].first == generation_ && digits >= limits::kPanMin &&
          (whole || chain_[i].size >= kFirstGroup)) {
        groups_ = 0;
        return true;
      }
      if (chain_[i].size < kNextGroup) break;
    }
    return false;
  }

  uint8_t generation_;
  std::array<Group, 8> chain_{};
  size_t groups_ = 0;
  uint8_t first_ = 0;  // of the group that is coming
  size_t size_ = 0;
  size_t separators_ = 0;  // since the last digit
};

// Written by programs that pack what they write: gzip, bzip2, xz, Zstandard, zip, lz4, pg_dump's own format.
bool is_packed(Bytes begin) {
  using namespace std::string_view_literals;
  static constexpr std::string_view kBegins[] = {
      "\x1F\x8B"sv,         "BZh"sv,  "\xFD\x37zXZ"sv, "\x28\xB5\x2F\xFD"sv, "PK\x03\x04"sv,
      "\x04\x22\x4D\x18"sv, "PGDMP"sv};
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  return std::any_of(std::begin(kBegins), std::end(kBegins),
                     [text](std::string_view known) { return text.starts_with(known); });
}

// The first 19 characters of the audit log's times, which compare as texts.
std::string text_of_time(int64_t seconds) {
  const time_t time = seconds;
  std::tm when{};
  std::array<char, 32> text{};
  if (gmtime_r(&time, &when) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &when) == 0) {
    return {};
  }
  return text.data();
}

std::string text_member(const Json& line, const char* name) {
  const auto member = line.find(name);
  if (member == line.end()) return {};
  const auto* text = member->get_ptr<const std::string*>();
  return text == nullptr ? std::string{} : *text;
}

// A time that is missing is no old one.
bool is_older(const Json& line, const std::string& since) {
  const std::string time = text_member(line, "time");
  return time.size() >= since.size() && time < since;
}

bool tells_of(const Json& line, uint8_t generation) {
  const auto member = line.find("generation");
  if (member == line.end()) return false;
  const bool same = (member->is_number_unsigned() && member->get<uint64_t>() == generation) ||
                    (member->is_string() && member->get<std::string>() == std::to_string(generation));
  return same && text_member(line, "event") != "key_use";
}

}  // namespace

Status find_tokens(const std::string& path, uint8_t generation, TokenUse* use) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot_read(path);
  TokenShapes shapes(generation);
  TokenShapes wide(generation);  // as UTF-16 and UTF-32 have them, with zeros between
  bool begins = true;
  SecretBuffer block;
  block.resize(kBlock);
  uint64_t line = 1;
  for (;;) {
    const ssize_t got = read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    const Bytes piece = block.span().first(static_cast<size_t>(got));
    if (begins && piece.empty()) return Fault{path + " is empty: it shows nothing"};
    if (begins && is_packed(piece)) return Fault{path + " is compressed: give what is in it"};
    begins = false;
    for (uint8_t c : piece) {
      const bool plain = shapes.next(c);
      const bool spaced = c != 0 && wide.next(c);
      if (plain || spaced) add(use, path, line);
      if (c == '\n') line++;
    }
    if (got == 0) break;
  }
  const bool plain = shapes.next('\n');
  if (wide.next('\n') || plain) add(use, path, line);
  return Done{};
}

Status find_audited(const std::string& path, uint8_t generation, int64_t since, TokenUse* use) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot_read(path);
  const std::string since_text = text_of_time(since);
  LineReader reader(file.get());
  MutableBytes text;
  uint64_t unreadable = 0;
  std::string first_unreadable;
  for (uint64_t number = 1;; number++) {
    const LineReader::Got got = reader.next(&text);
    if (got == LineReader::Got::kEnd) break;
    if (got == LineReader::Got::kError) return cannot_read(path);
    const auto begin = std::find(text.begin(), text.end(), uint8_t{'{'});  // behind what syslog puts in front
    const Json line =
        got == LineReader::Got::kTooLong ? Json() : Json::parse(begin, text.end(), nullptr, false);
    if (!line.is_object()) {
      if (got == LineReader::Got::kTooLong || !text.empty())
        add(path, number, &unreadable, &first_unreadable);
      continue;
    }
    use->lines++;
    if (is_older(line, since_text)) {
      unreadable = 0;  // they stood in front of it, so they are older still
    } else if (tells_of(line, generation)) {
      add(use, path, number);
    }
  }
  if (unreadable != 0 && use->unreadable == 0) use->first_unreadable = first_unreadable;
  use->unreadable += unreadable;
  return Done{};
}

}  // namespace cardscrub::cli
