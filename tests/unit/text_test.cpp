// Writing digits back: every form, every digit, '*', and the way back; nothing else on the wire changes (law
// 1).
#include "src/text.h"

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

struct Case {
  const char* name;
  const char* wire;  // with the digit `old`
  size_t at;         // the last byte that carries it
  Form form;
  int old;
  int now;
  const char* want;
};

const Case kCases[] = {
    {"ASCII", "a4b", 1, Form::kByte, 4, 9, "a9b"},
    {"ASCII, star", "a4b", 1, Form::kByte, 4, kStar, "a*b"},
    {"full-width in UTF-8", "\xef\xbc\x94", 2, Form::kByte, 4, 0, "\xef\xbc\x90"},
    {"full-width in UTF-8, star", "\xef\xbc\x94", 2, Form::kByte, 4, kStar, "\xef\xbc\x8a"},
    {"Arabic-Indic in UTF-8", "\xd9\xa4", 1, Form::kByteDigit, 4, 7, "\xd9\xa7"},
    {"JSON", "\\u0034", 5, Form::kHex, 4, 9, "\\u0039"},
    {"JSON, star, no letter: lower", "\\u0034", 5, Form::kHex, 4, kStar, "\\u002a"},
    {"percent", "%34x", 2, Form::kHex, 4, 1, "%31x"},
    {"percent, star", "%39", 2, Form::kHex, 9, kStar, "%2a"},
    {"JSON full-width", "\\uFF14", 5, Form::kHex, 4, 9, "\\uFF19"},
    {"JSON full-width, star", "\\uff14", 5, Form::kHex, 4, kStar, "\\uff0a"},
    {"percent full-width, the last byte", "%EF%BC%94", 8, Form::kHex, 4, kStar, "%EF%BC%8a"},
    {"XML hexadecimal", "&#x34;", 4, Form::kHex, 4, 5, "&#x35;"},
    {"mathematical, carry up", "\\uD835\\uDFCE", 11, Form::kHex, 0, 9, "\\uD835\\uDFD7"},
    {"mathematical, carry down", "\\ud835\\udfd7", 11, Form::kHex, 9, 0, "\\ud835\\udfce"},
    {"mathematical, upper case kept", "\\uD835\\uDFD7", 11, Form::kHex, 9, 0, "\\uD835\\uDFCE"},
    {"hex low", "\\u0664", 5, Form::kHexLow, 4, 9, "\\u0669"},
    {"hex low with letters", "\\u0966", 5, Form::kHexLow, 0, 9, "\\u096f"},
    {"hex low with capital letters", "\\u096F", 5, Form::kHexLow, 9, 8, "\\u096E"},
    {"hex low, carry", "\\uDFCE", 5, Form::kHexLow, 0, 2, "\\uDFD0"},
    {"hex low, one character", "&#xE6F;", 5, Form::kHexLow, 9, 8, "&#xE6E;"},
    {"decimal", "&#52;", 3, Form::kDecimal, 4, 0, "&#48;"},
    {"decimal, nine", "&#52;", 3, Form::kDecimal, 4, 9, "&#57;"},
    {"decimal, star", "&#52;", 3, Form::kDecimal, 4, kStar, "&#42;"},
    {"fixed", "4", 0, Form::kFixed, 4, 9, "4"},
    {"star back to a digit", "*", 0, Form::kByte, kStar, 7, "7"},
    {"star back to a digit, hexadecimal", "%2A", 2, Form::kHex, kStar, 7, "%37"},
};

void test_forms(void**) {
  for (const Case& c : kCases) {
    const auto block = exact_block(c.wire);
    const size_t size = std::strlen(c.wire);
    const RawView raw{block.get(), 1000, size};
    write_digit(raw, {1000 + c.at, c.form}, c.old, c.now);
    if (std::memcmp(block.get(), c.want, size) != 0) {
      fail_msg("%s: got %.*s", c.name, static_cast<int>(size), reinterpret_cast<const char*>(block.get()));
    }
  }
}

// From every digit to every digit and back, in each form.
void test_round_trips(void**) {
  struct {
    Form form;
    const char* zero;
    size_t at;
    bool star;
  } const forms[] = {
      {Form::kByte, "0", 0, true},
      {Form::kByte, "\xef\xbc\x90", 2, true},
      {Form::kHex, "%30", 2, true},
      {Form::kHex, "%B0", 2, true},
      {Form::kHex, "DFCE", 3, false},
      {Form::kHexLow, "0966", 3, false},
      {Form::kHexLow, "dfd8", 3, false},
      {Form::kDecimal, "48", 1, true},
      {Form::kByteDigit, "\xd9\xa0", 1, false},
  };
  for (const auto& f : forms) {
    for (int from = f.star ? kStar : 0; from < 10; from = from == kStar ? 0 : from + 1) {
      for (int to = f.star ? kStar : 0; to < 10; to = to == kStar ? 0 : to + 1) {
        const auto block = exact_block(f.zero);
        const RawView raw{block.get(), 0, std::strlen(f.zero)};
        const Unit unit{f.at, f.form};
        write_digit(raw, unit, 0, from);
        write_digit(raw, unit, from, to);
        write_digit(raw, unit, to, 0);
        assert_memory_equal(block.get(), f.zero, raw.size);
      }
    }
  }
}

void test_writable(void**) {
  struct {
    Form form;
    bool digit;
    bool star;
  } const cases[] = {{Form::kByte, true, true},       {Form::kHex, true, true},
                     {Form::kHexLow, true, false},    {Form::kDecimal, true, true},
                     {Form::kByteDigit, true, false}, {Form::kFixed, false, false}};
  for (const auto& c : cases) {
    assert_int_equal(writable({0, c.form}, false), c.digit);
    assert_int_equal(writable({0, c.form}, true), c.star);
  }
}

void test_views(void**) {
  const auto block = exact_block("abc4111");
  const RawView raw{block.get(), 100, 7};
  assert_int_equal(raw.end(), 107);
  assert_true(raw.holds(100) && raw.holds(106) && !raw.holds(99) && !raw.holds(107));
  const Text text = Text::plain(raw, 103, 107);
  assert_int_equal(text.size, 4);
  assert_int_equal(text.data[0], '4');
  assert_int_equal(text.unit(2).at, 105);
  assert_true(text.unit(2).form == Form::kByte);
  const Unit units[4] = {{103, Form::kHex}, {104, Form::kFixed}, {105, Form::kDecimal}, {106, Form::kByte}};
  Text decoded = text;
  decoded.units = units;
  const Text sub = decoded.sub(1, 2);
  assert_true(sub.unit(0).form == Form::kFixed && sub.unit(1).form == Form::kDecimal);
  assert_int_equal(sub.unit(1).at, 105);
  assert_int_equal(text.sub(1, 2).unit(1).at, 105);
  assert_true(is_digit('0') && is_digit('9') && !is_digit('/') && !is_digit(':'));
  assert_true(is_alpha('a') && is_alpha('Z') && !is_alpha('@') && !is_alpha('[') && !is_alpha(0xc1));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_round_trips),
                              cmocka_unit_test(test_writable), cmocka_unit_test(test_views)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
