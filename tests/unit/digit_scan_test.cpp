// The vector pass: all kernels against plain loops, windows against every place where digits may stand, and
// the filter over undecoded bytes against what the detector finds in the decoded text.
#include "src/digit_scan.h"

#include <algorithm>
#include <random>

#include "src/text.h"
#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

void test_kernels(void**) {
  std::mt19937 random(3);
  assert_true(!mask_kernels().empty());
  assert_string_equal(mask_kernels().back().name, "plain");
  for (int round = 0; round < 2000; ++round) {
    const size_t blocks = 1 + random() % 5;
    std::string text(blocks * kBlock, '\0');
    for (char& c : text)
      c = round % 2 == 0 ? static_cast<char>(random()) : "09/:-. a\x80\xff\xb9"[random() % 11];
    const auto block = exact_block(text);
    for (const NamedKernel& kernel : mask_kernels()) {
      std::vector<BlockMasks> masks(blocks);
      kernel.kernel(block.get(), blocks, masks.data());
      for (size_t i = 0; i < text.size(); ++i) {
        const uint8_t c = block[i];
        const BlockMasks& m = masks[i / kBlock];
        const bool right =
            (m.digits >> i % kBlock & 1) == is_digit(c) && (m.high >> i % kBlock & 1) == (c >= 0x80);
        if (!right) fail_msg("%s: byte %u at %zu", kernel.name, c, i % kBlock);
      }
    }
  }
}

void test_link_masks(void**) {
  std::mt19937 random(4);
  for (size_t size = 1; size < 200; ++size) {
    std::string text(size, '\0');
    for (char& c : text) c = "0189 -.,a\xa0"[random() % 10];
    const auto block = exact_block(text);
    for (size_t at = 0; at < size; ++at) {
      const LinkMasks masks = link_masks({block.get(), size}, at);
      for (size_t i = 0; i < kBlock; ++i) {
        const char c = at + i < size ? text[at + i] : '\0';
        assert_int_equal(masks.digits >> i & 1, c >= '0' && c <= '9');
        assert_int_equal(masks.joints >> i & 1, c == ' ' || c == '-');
        assert_int_equal(masks.dots >> i & 1, c == '.');
      }
    }
  }
}

void test_runs(void**) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 10000; ++round) {
    const uint64_t bits = random() | random() | random() | random();
    for (unsigned i = 0; i < 64; ++i) {
      const bool run = i <= 52 && (bits >> i & 0xfff) == 0xfff;
      assert_int_equal(runs_of_twelve(bits) >> i & 1, run);
    }
  }
}

std::string twelve(std::string_view between) {
  std::string out = "4";
  for (int i = 1; i < 12; ++i) out += std::string(between) + static_cast<char>('0' + i % 10);
  return out;
}

// Twelve digits at every offset of texts of every size lie in some window, from wherever the search starts.
void test_windows_hold(void**) {
  for (const char* between : {"", " ", "-", "."}) {
    const std::string digits = twelve(between);
    for (size_t size = digits.size(); size < 300; size += size < 150 ? 1 : 13) {
      for (size_t at = 0; at + digits.size() <= size; ++at) {
        std::string text(size, 'x');
        text.replace(at, digits.size(), digits);
        const auto block = exact_block(text);
        for (const size_t from : {size_t{0}, at / 2, at}) {
          const DenseWindow window = next_dense({block.get(), size}, from, 4 * kBlock);
          const bool holds = window.begin >= from && window.begin <= at && window.end >= at + digits.size() &&
                             window.end <= size;
          if (!holds) fail_msg("\"%s\" at %zu of %zu from %zu", between, at, size, from);
          assert_true(window.resume > from && window.resume <= window.end);
          const DenseWindow rest = next_dense({block.get(), size}, window.end, 4 * kBlock);
          assert_int_equal(rest.begin, size);
          assert_int_equal(rest.end, size);
        }
      }
    }
  }
}

void test_no_windows(void**) {
  std::string texts[] = {
      "",
      "12345678901",
      std::string(500, ' '),
      std::string(500, '-') + "1" + std::string(500, '.'),
      "1  2  3  4  5  6  7  8  9  0  1  2  3  4  5",
      "2026-11-23T12:34:56.789Z 2026-11-23T12:34:56.789Z",
      "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9",
      "4111/1111/1111/1111",
      "0123456a0123456b0123456c0123456d",
      "1\xc2\xa0"
      "2\xc2\xa0"
      "3",
  };
  for (const std::string& text : texts) {
    const auto block = exact_block(text);
    const DenseWindow window = next_dense({block.get(), text.size()}, 0, 4 * kBlock);
    if (window.begin != text.size() || window.end != text.size()) fail_msg("\"%s\"", text.c_str());
  }
}

// A long stretch of digits is cut into windows that overlap by a block.
void test_long_windows(void**) {
  const std::string text(10000, '7');
  const auto block = exact_block(text);
  size_t at = 0, end = 0;
  while (end < text.size()) {
    const DenseWindow window = next_dense({block.get(), text.size()}, at, 4 * kBlock);
    assert_true(window.begin == at && window.end > end && window.end - window.begin <= 5 * kBlock);
    assert_true(window.resume == window.end - kBlock || window.end == text.size());
    at = window.resume;
    end = window.end;
  }
}

bool may_hold(std::string_view text) {
  const auto block = exact_block(text);
  return may_hold_pan(block.get(), text.size());
}

void test_may_hold(void**) {
  struct {
    const char* name;
    std::string text;
    bool want;
  } const cases[] = {
      {"empty", "", false},
      {"eleven", "41111111111", false},
      {"twelve", "411111111111", true},
      {"spaces", "4111 1111 1111", true},
      {"digit by digit", "4 1 1 1 1 1 1 1 1 1 1 1", true},
      {"no-break spaces",
       "4111\xc2\xa0"
       "1111\xc2\xa0"
       "1111",
       true},
      {"thin spaces, digit by digit", twelve("\xe2\x80\x89"), true},
      {"characters of four bytes", twelve("\xf3\xa0\x81\x80"), true},
      {"two spaces", twelve("  "), false},
      {"commas", twelve(","), false},
      {"full-width", "\xef\xbc\x94", true},
      {"Arabic-Indic", "x\xd9\xa4", true},
      {"Devanagari", "\xe0\xa5\xaa", true},
      {"Thai", "\xe0\xb9\x94", true},
      {"Tibetan", "\xe0\xbc\xa4", true},
      {"mathematical", "\xf0\x9d\x9f\x8e", true},
      {"segmented", "\xf0\x9f\xaf\xb4", true},
      {"a character cut off", "abc\xef\xbc", true},
      {"full-width comma", std::string(100, 'a') + "\xef\xbc\x8c", false},
      {"Chinese",
       "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c"
       "2026\xe5\xb9\xb4"
       "11\xe6\x9c\x88"
       "23\xe6\x97\xa5",
       false},
      {"Cyrillic", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 2026", false},
      {"Hindi letters", "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5\x87", false},
      {"Thai letters", "\xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa\xe0\xb8\x94\xe0\xb8\xb5", false},
      {"Korean", "\xec\x95\x88\xeb\x85\x95", false},
      {"emoji", "\xf0\x9f\x98\x80\xf0\x9f\x92\xb3", false},
      {"JSON", R"({"id":123456,"at":"2026-11-23T12:34:56Z","price":12.50,"n":[1,2,3,4,5,6,7,8,9,10,11,12]})",
       false},
      {"UUID", "f47ac10b-58cc-4372-a567-0e02b2c3d479", false},
  };
  for (const auto& c : cases) {
    for (const unsigned offset : {0u, 1u, 50u, 60u, 63u, 64u, 100u}) {
      const std::string text =
          std::string(offset, 'x') + c.text + (c.name[0] == 'a' ? "" : std::string(offset, 'y'));
      if (may_hold(text) != c.want) fail_msg("%s after %u", c.name, offset);
    }
  }
}

// Decimal digits of many scripts, by the first of each ten.
void test_scripts(void**) {
  const uint32_t zeros[] = {0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6, 0x0B66, 0x0BE6,
                            0x0C66,  0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20, 0x1040, 0x1090,
                            0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50, 0x1BB0, 0x1C40,
                            0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50, 0xABF0, 0xFF10,
                            0x104A0, 0x11066, 0x1D7CE, 0x1D7F6, 0x1E140, 0x1E950, 0x1FBF0};
  for (const uint32_t zero : zeros) {
    for (uint32_t c = zero; c < zero + 10; ++c) {
      std::string text;
      if (c < 0x800) {
        text = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
      } else if (c < 0x10000) {
        text = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                static_cast<char>(0x80 | (c & 63))};
      } else {
        text = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
      }
      if (!may_hold(text) || !may_hold(std::string(70, ' ') + text + " and more")) fail_msg("U+%04X", c);
    }
  }
}

// Twelve digits with random characters of up to four bytes between them, anywhere.
void test_random(void**) {
  std::mt19937 random(6);
  const char* const between[] = {
      "", "", "", " ", "-", ".", "\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\x91", "\xf0\x90\x80\x80"};
  for (int round = 0; round < 20000; ++round) {
    std::string text(random() % 200, " x\xc3"[random() % 3]);
    for (int i = 0; i < 12; ++i) {
      if (i != 0) text += between[random() % std::size(between)];
      text += static_cast<char>('0' + random() % 10);
    }
    text += std::string(random() % 200, "z,\xa9"[random() % 3]);
    if (!may_hold(text)) fail_msg("\"%s\"", text.c_str());
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_kernels),    cmocka_unit_test(test_link_masks),
      cmocka_unit_test(test_runs),       cmocka_unit_test(test_windows_hold),
      cmocka_unit_test(test_no_windows), cmocka_unit_test(test_long_windows),
      cmocka_unit_test(test_may_hold),   cmocka_unit_test(test_scripts),
      cmocka_unit_test(test_random),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
