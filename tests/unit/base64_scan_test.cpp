// Digit quads: every number in every alignment shows two, whatever kernel looks.
#include "src/base64_scan.h"

#include "testing.h"

namespace {

using namespace cardscrub;

std::string encoded(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    const size_t count = std::min<size_t>(3, text.size() - i);
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? static_cast<uint8_t>(text[i + k]) : 0u);
    for (size_t k = 0; k <= count; ++k) out += kLetters[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

const uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

// The slow and plain way: what the header says.
size_t expected(std::string_view text, size_t from) {
  for (size_t i = from; i + 8 <= text.size(); ++i) {
    if (is_digit_quad(bytes_of(text) + i) && is_digit_quad(bytes_of(text) + i + 4)) return i;
  }
  return text.size();
}

void values(void**) {
  size_t known = 0;
  for (unsigned c = 0; c < 256; ++c) known += base64_value(static_cast<uint8_t>(c)) != kNoBase64 ? 1u : 0u;
  assert_int_equal(known, 66);
  assert_int_equal(base64_value('A'), 0);
  assert_int_equal(base64_value('9'), 61);
  assert_int_equal(base64_value('+'), base64_value('-'));
  assert_int_equal(base64_value('/'), base64_value('_'));
  assert_int_equal(base64_value('='), kNoBase64);
}

void every_triple_of_a_number(void**) {
  constexpr std::string_view kNumber = "0123456789 -.";
  for (char a : kNumber) {
    for (char b : kNumber) {
      for (char c : kNumber) {
        const std::string quad = encoded(std::string{a, b, c});
        if (!is_digit_quad(bytes_of(quad))) fail_msg("%s", quad.c_str());
      }
    }
  }
  for (std::string_view other : {"abc", "1a1", "11x", "{12"}) {
    assert_false(is_digit_quad(bytes_of(encoded(other))));
  }
}

void every_alignment(void**) {
  for (std::string_view number :
       {"411111111111", "4111111111111111", "4111 1111 1111 1111", "3782-822463-10005"}) {
    for (size_t front = 0; front < 90; ++front) {
      const std::string text = encoded(std::string(front, 'a') + std::string(number));
      const size_t found = find_digit_quads(bytes_of(text), text.size(), 0);
      assert_true(found <= (front + 2) / 3 * 4);
      assert_int_equal(found, expected(text, 0));
    }
  }
}

void kernels_agree_with_the_definition(void**) {
  uint32_t state = 1;
  constexpr std::string_view kDense = "IMNOTTDDEEUUxyz0";
  for (size_t round = 0; round < 3000; ++round) {
    std::string text;
    const size_t size = round % 150;
    for (size_t i = 0; i < size; ++i) {
      state = state * 1664525 + 1013904223;
      text += round % 3 == 0 ? static_cast<char>(state >> 24) : kDense[state >> 28];
    }
    if (round % 2 == 0 && size > 20) text.replace(size / 2, 8, "NDExMTEx");
    auto block = testing::exact_block(text);
    for (size_t from = 0;;) {
      const size_t found = find_digit_quads(block.get(), text.size(), from);
      assert_int_equal(found, expected(text, from));
      if (found == text.size()) break;
      from = found + 1;
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(every_triple_of_a_number),
      cmocka_unit_test(every_alignment),
      cmocka_unit_test(kernels_agree_with_the_definition),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
