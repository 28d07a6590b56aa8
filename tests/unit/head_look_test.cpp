// The kernels of the vector pass over heads: none misses what the plain one sees.
#include "filters/head_look.h"

#include <random>

#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::Rig;

unsigned look(const HeadKernel& kernel, std::string_view text, bool names, bool hasty = false) {
  const auto block = testing::exact_block(text);
  return kernel.look(block.get(), text.size(), names ? &Rig::get().fields().ends() : nullptr, hasty);
}

const HeadKernel& plain() { return head_kernels().back(); }

struct Case {
  const char* name;
  std::string text;
  unsigned signs;       // where there are names
  unsigned signs_text;  // where there are none
};

// Alike for every kernel.
void table(void**) {
  const Case cases[] = {
      {"request line", "POST /shop/orders?page=2&sort=name HTTP/1.1", 0, 0},
      {"browser, short", "curl/7.88.1", 0, 0},
      {"browser", "Mozilla/5.0 (X11; Linux; rv:109.0) Gecko/20", 0, 0},
      {"eleven digits", "/abcdefghijklmnopqrstuvwxyz/41111111111/abcdefghijklmnop", 0, 0},
      {"twelve digits", "/abcdefghijklmnopqrstuvwxyz/4a11111111111/abcdefghijklmnop", kDigitsSign,
       kDigitsSign},
      {"percent", "/abcdefghijklmnopqrstuvwxyz/abc%aa/abcdefghijklmnop", kPercentSign, 0},
      {"brace", "/abcdefghijklmnopqrstuvwxyz/abc{aa/abcdefghijklmnop", kOddSign, kOddSign},
      {"beyond ASCII", "/abcdefghijklmnopqrstuvwxyz/abc\xc3\xa9/abcdefghijklmnop", kOddSign, kOddSign},
      {"quads", "/abcdefghijklmnopqrstuvwxyz/NabcOdefghijklmnopqrst", kQuadsSign, kQuadsSign},
      {"no quads", "/abcdefghijklmnopqrstuvwxyz/NabOcdefghijklmnopqrst", 0, 0},
      {"name", "/abcdefghijklmnopqrstuvwxyz/?q=a&cvv=abcdefghijklmnop", kNameSign, 0},
      {"name in front", "v=abcdefghijklmnopqrstuvwxyz/?q=a&p=abcdefghijklmnop", kNameSign, 0},
  };
  for (const HeadKernel& kernel : head_kernels()) {
    for (const Case& c : cases) {
      if (look(kernel, c.text, true) != c.signs) fail_msg("%s: %s, names", kernel.name, c.name);
      if (look(kernel, c.text, false) != c.signs_text) fail_msg("%s: %s, text", kernel.name, c.name);
    }
  }
}

void nothing_is_missed(void**) {
  static const std::vector<std::string> kParts{
      "cvv=", "=",   "sort=", "%2B",  "{", "}",    "~",    "\x7f",     "\xe2\x80\x93",
      "I",    "O",   "NDEx",  "MTEx", "4", "4111", "12",   "20261126", " ",
      "&q=a", "abc", "x",     "/",    ";", "J",    "N123O"};
  std::mt19937 random(11);
  for (int round = 0; round < 200000; ++round) {
    std::string text(random() % 2 == 0 ? 0 : random() % 200, 'x');
    for (auto i = random() % 6; i != 0; --i) {
      text.insert(random() % (text.size() + 1), kParts[random() % kParts.size()]);
      if (random() % 2 == 0) text += kParts[random() % kParts.size()];
    }
    if (text.empty()) continue;
    const bool names = random() % 2 == 0;
    const unsigned wanted = look(plain(), text, names);
    for (const HeadKernel& kernel : head_kernels()) {
      const unsigned signs = look(kernel, text, names);
      if ((signs & wanted) != wanted)
        fail_msg("%s: %u for %u: \"%s\"", kernel.name, signs, wanted, text.c_str());
      // More than there is: digits only where vectors of a short text overlap, neighbours of "{".
      const unsigned more = signs & ~wanted & ~(text.size() <= 32 ? kDigitsSign : 0u);
      if (more != 0 && (more != kOddSign || text.find_first_of("}~\x7f") == std::string::npos))
        fail_msg("%s: %u too much: \"%s\"", kernel.name, more, text.c_str());
      const unsigned hasty = look(kernel, text, names, true);
      if (hasty != signs && hasty != kDigitsSign) fail_msg("%s, hasty: \"%s\"", kernel.name, text.c_str());
      if ((hasty & kDigitsSign) != (signs & kDigitsSign))
        fail_msg("%s, hasty, digits: \"%s\"", kernel.name, text.c_str());
    }
  }
}

void cuts(void**) {
  static const std::vector<std::string> kParts{
      "=", "&",    ";",    "a=1&b=2", "cvv=1; d", "%",    "+", "[", "\"", "#",  "{", "\xc3\xa9", "}",
      "~", "\x7f", "NDEx", "MTEx",    "O",        "4111", "x", "-", "_",  "\\", "]", ","};
  std::mt19937 random(12);
  for (int round = 0; round < 200000; ++round) {
    std::string text(random() % 2 == 0 ? 0 : random() % 200, 'x');
    for (auto i = random() % 8; i != 0; --i)
      text.insert(random() % (text.size() + 1), kParts[random() % kParts.size()]);
    if (text.empty()) continue;
    const auto block = testing::exact_block(text);
    const bool semicolons = random() % 2 == 0;
    std::array<uint64_t, kHeadCutMost / 64> wanted;
    const unsigned wanted_signs = plain().cut(block.get(), text.size(), semicolons, wanted.data());
    for (const HeadKernel& kernel : head_kernels()) {
      std::array<uint64_t, kHeadCutMost / 64> words;
      const unsigned signs = kernel.cut(block.get(), text.size(), semicolons, words.data());
      const bool more =
          signs == (wanted_signs | kIntricateSign) && text.find_first_of("}~\x7f") != std::string::npos;
      if (signs != wanted_signs && !more)
        fail_msg("%s: %u for %u: \"%s\"", kernel.name, signs, wanted_signs, text.c_str());
      if (!std::equal(words.begin(), words.begin() + static_cast<std::ptrdiff_t>((text.size() + 63) / 64),
                      wanted.begin()))
        fail_msg("%s: \"%s\"", kernel.name, text.c_str());
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(nothing_is_missed),
                              cmocka_unit_test(cuts)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
