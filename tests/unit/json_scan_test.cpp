// The scans of JSON strings, compared byte by byte with the plainest way to do the same.
#include "filters/json_scan.h"

#include <random>

#include "src/text.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::exact_block;

// RFC 8259, 7, one character after the other. An escape that is cut off is no flaw.
StringScan scan_plainly(std::string_view in) {
  StringScan scan;
  size_t i = 0;
  while (i < in.size()) {
    const uint8_t c = static_cast<uint8_t>(in[i]);
    if (c == '"') {
      scan.closed = true;
      break;
    }
    if (c == '\\') {
      scan.escapes = true;
      ++i;
      if (i == in.size()) break;
      if (in[i] == 'u') {
        ++i;
        for (size_t n = 0; n < 4 && i < in.size(); ++n, ++i) {
          if (std::strchr("0123456789abcdefABCDEF", in[i]) == nullptr || in[i] == 0) {
            scan.flawed = true;
            break;
          }
          scan.digits += is_digit(static_cast<uint8_t>(in[i])) ? 1u : 0u;
        }
      } else if (in[i] != 0 && std::strchr("\"\\/bfnrt", in[i]) != nullptr) {
        ++i;
      } else {
        scan.flawed = true;
      }
      continue;
    }
    if (c < 0x20) scan.flawed = true;
    if (c == '=') scan.equals = true;
    if (c >= 0x80) ++scan.high;
    if (is_digit(c)) ++scan.digits;
    ++i;
  }
  scan.size = i;
  return scan;
}

void check(std::string_view in) {
  auto block = exact_block(in);
  const StringScan want = scan_plainly(in);
  size_t run = 0;
  while (run < in.size() && static_cast<uint8_t>(in[run]) >= 0x20 && static_cast<uint8_t>(in[run]) < 0x80 &&
         in[run] != '"' && in[run] != '\\') {
    ++run;
  }
  for (const StringScanner& scanner : string_scanners()) {
    const StringScan got = scanner.scan_string(block.get(), in.size());
    if (got.size != want.size || got.digits != want.digits || got.high != want.high ||
        got.closed != want.closed || got.escapes != want.escapes || got.flawed != want.flawed ||
        got.equals != want.equals) {
      fail_msg("scan_string, %s: %.*s", scanner.name, static_cast<int>(in.size()), in.data());
    }
    if (scanner.plain_run(block.get(), in.size()) != run) {
      fail_msg("plain_run, %s: %.*s", scanner.name, static_cast<int>(in.size()), in.data());
    }
  }
  size_t spaces = 0;
  while (spaces < in.size() && in[spaces] == ' ') ++spaces;
  if (skip_spaces(block.get(), in.size()) != spaces)
    fail_msg("skip_spaces: %.*s", static_cast<int>(in.size()), in.data());
  if (in.size() < kShort) return;
  const bool is_short = want.closed && want.size < kShort && !want.escapes && !want.flawed &&
                        want.high == 0 && want.digits < 12 && !want.equals;
  if (scan_short(block.get()) != (is_short ? want.size : kShort))
    fail_msg("scan_short: %.*s", static_cast<int>(in.size()), in.data());
}

void strings_of_every_size(void**) {
  for (size_t size = 0; size < 150; ++size) {
    for (std::string_view end : {"\"", "\"tail and more tail and more", "\\\"x\"", "\\", "\\u", "\\u00",
                                 "\\u0034\"", "\\x\"", "\n\"", "\xC3\xA9\"", ""}) {
      check(std::string(size, 'a') + std::string(end));
      check(std::string(size, '7') + std::string(end));
      check(std::string(size, ' ') + std::string(end));
    }
  }
}

void random_strings(void**) {
  std::minstd_rand random(5);
  static constexpr char kAll[] = "aaaaaaaaaaaabcdef0123456789   \"\\u/:{\n\x00\x7F\x80\xC3\xFF";
  constexpr std::string_view kBytes(kAll, sizeof kAll - 1);
  for (int i = 0; i < 50000; ++i) {
    std::string in;
    const size_t plain = 1 + random() % kBytes.size();  // often only the tame ones
    for (size_t n = random() % 100; n != 0; --n) in += kBytes[random() % plain];
    check(in);
  }
}

bool linked_plainly(std::string_view in) {
  size_t count = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (is_digit(static_cast<uint8_t>(in[i]))) {
      if (++count == 12) return true;
    } else if ((in[i] != ' ' && in[i] != '-' && in[i] != '.') || i == 0 ||
               !is_digit(static_cast<uint8_t>(in[i - 1]))) {
      count = 0;
    }
  }
  return false;
}

void digits_that_belong_together(void**) {
  const struct {
    const char* name;
    std::string_view in;
    bool linked;
  } cases[] = {
      {"empty", "", false},
      {"eleven", "12345678901", false},
      {"twelve", "123456789012", true},
      {"groups", "1234 5678-9012", true},
      {"two spaces", "123456  789012", false},
      {"a date and a time", "2026-02-13T08:14:05Z", false},
      {"a date, a space and a time", "2026-02-13 08:14:05", false},
      {"a day with much behind", "2026.02.13 08 14", true},
      {"single digits", "1 2 3 4 5 6 7 8 9 0 1 2", true},
      {"letters between", "123456a789012", false},
      {"UUID", "550e8400-e29b-41d4-a716-446655440000", true},
  };
  for (const auto& c : cases) {
    for (size_t front = 0; front < 40; ++front) {
      const std::string in = std::string(front, 'x') + std::string(c.in) + std::string(front / 3, '"');
      auto block = exact_block(in);
      if (linked_digits(block.get(), in.size()) != c.linked)
        fail_msg("case: %s, %zu in front", c.name, front);
    }
  }
  std::minstd_rand random(6);
  for (int i = 0; i < 50000; ++i) {
    std::string in;
    for (size_t n = random() % 90; n != 0; --n) in += "01234567890123456789 -.x"[random() % 24];
    auto block = exact_block(in);
    if (linked_digits(block.get(), in.size()) != linked_plainly(in)) fail_msg("%s", in.c_str());
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(strings_of_every_size),
      cmocka_unit_test(random_strings),
      cmocka_unit_test(digits_that_belong_together),
  };
  return cmocka_run_group_tests_name("json_scan", tests, nullptr, nullptr);
}
