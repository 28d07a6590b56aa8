// Validation of named fields: tables of values and reasons.
#include "src/field_value.h"

#include <ctime>

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

// A text over an exactly sized block; keeps the block.
struct Value {
  explicit Value(std::string_view value)
      : block(exact_block(value)), text{block.get(), value.size(), nullptr, 0} {}
  std::unique_ptr<uint8_t[]> block;
  Text text;
};

void expect(const char* name, Reason got, Reason want) {
  if (got != want)
    fail_msg("%s: got %s, want %s", name, std::string(reason_name(got)).c_str(),
             std::string(reason_name(want)).c_str());
}

void test_parse_pan(void**) {
  struct {
    const char* value;
    Reason want;
    const char* digits;
  } const cases[] = {
      {"4111111111111111", Reason::kNone, "4111111111111111"},
      {" 4111 1111-1111 1111\r\n", Reason::kNone, "4111111111111111"},
      {"\t4\t", Reason::kNone, "4"},
      {"12345678901234567890", Reason::kNone, "12345678901234567890"},
      {"123456789012345678901", Reason::kPanLength, ""},
      {"123456789012345678901x", Reason::kPanFormat, ""},
      {"", Reason::kPanFormat, ""},
      {"   ", Reason::kPanFormat, ""},
      {"4111  1111", Reason::kPanFormat, ""},
      {"4111--1111", Reason::kPanFormat, ""},
      {"4111 -1111", Reason::kPanFormat, ""},
      {"-4111", Reason::kPanFormat, ""},
      {"4111-", Reason::kPanFormat, ""},
      {"4111.1111", Reason::kPanFormat, ""},
      {"4111\t1111", Reason::kPanFormat, ""},
      {"4111x", Reason::kPanFormat, ""},
      {"\xc2\xa0"
       "4111",
       Reason::kPanFormat, ""},
      {"**** 1111", Reason::kPanFormat, ""},
  };
  for (const auto& c : cases) {
    const Value value(c.value);
    DigitsAt at;
    expect(c.value, parse_pan(value.text, &at), c.want);
    if (c.want != Reason::kNone) continue;
    assert_string_equal(text_of(at.digits).c_str(), c.digits);
    for (size_t i = 0; i < at.digits.size(); ++i)
      assert_int_equal(value.text.data[at.where[i]] - '0', at.digits[i]);
    for (size_t i = 1; i < at.digits.size(); ++i) assert_true(at.where[i] > at.where[i - 1]);
  }
}

void test_check_pan(void**) {
  struct {
    const char* digits;
    Reason want;
    Brand brand;
  } const cases[] = {
      {"4111111111111111", Reason::kNone, Brand::kVisa},
      {"4222222222222", Reason::kNone, Brand::kVisa},
      {"6759649826438453", Reason::kNone, Brand::kMaestro},
      {"378282246310005", Reason::kNone, Brand::kAmex},
      {"4111111111111112", Reason::kPanLuhn, Brand::kVisa},
      {"411111111111111", Reason::kPanLength, Brand::kVisa},
      {"41111111111", Reason::kPanLength, Brand::kVisa},
      {"41111111111111111111", Reason::kPanLength, Brand::kVisa},
      {"4111111", Reason::kPanLength, Brand::kUnknown},
      {"", Reason::kPanLength, Brand::kUnknown},
      {"9111111111111111", Reason::kPanBrand, Brand::kUnknown},
      {"0000000000000000", Reason::kPanBrand, Brand::kUnknown},
      {"91111111", Reason::kPanLength, Brand::kUnknown},
  };
  for (const auto& c : cases) {
    Brand brand = Brand::kTroy;
    expect(c.digits, check_pan(digits_of(c.digits), &brand), c.want);
    assert_true(brand == c.brand);
  }
}

void test_codes(void**) {
  struct {
    const char* value;
    Reason want;
  } const cases[] = {
      {"123", Reason::kNone},
      {"1234", Reason::kNone},
      {" 123 ", Reason::kNone},
      {"000", Reason::kNone},
      {"12", Reason::kCodeLength},
      {"12345", Reason::kCodeLength},
      {"", Reason::kCodeFormat},
      {" ", Reason::kCodeFormat},
      {"12a", Reason::kCodeFormat},
      {"1 23", Reason::kCodeFormat},
      {"-123", Reason::kCodeFormat},
      {"12.3", Reason::kCodeFormat},
      {"123456789012345678901234567890", Reason::kCodeLength},
  };
  for (const auto& c : cases) {
    const Value value(c.value);
    DigitsAt at;
    expect(c.value, parse_code(value.text, &at), c.want);
    if (c.want != Reason::kNone) continue;
    for (size_t i = 0; i < at.digits.size(); ++i)
      assert_int_equal(value.text.data[at.where[i]] - '0', at.digits[i]);
  }
  assert_true(check_code(digits_of("123"), Brand::kVisa) == Reason::kNone);
  assert_true(check_code(digits_of("1234"), Brand::kVisa) == Reason::kCodeLength);
  assert_true(check_code(digits_of("123"), Brand::kAmex) == Reason::kCodeLength);
  assert_true(check_code(digits_of("1234"), Brand::kAmex) == Reason::kNone);
  assert_true(check_code(digits_of("123"), Brand::kUnknown) == Reason::kNone);
  assert_true(check_code(digits_of("1234"), Brand::kUnknown) == Reason::kNone);
  assert_true(check_code(digits_of("12"), Brand::kUnknown) == Reason::kCodeLength);
}

void test_expiry(void**) {
  constexpr Reason kFormat = Reason::kExpiryFormat;
  constexpr Reason kMonth = Reason::kExpiryMonth;
  struct {
    Kind kind;
    const char* value;
    Reason want;
    int month, year;
  } const cases[] = {
      {Kind::kExpiry, "09/26", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09/2026", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09-26", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09-2026", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09 / 26", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09 / 2026", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "0926", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "092026", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "2026-09", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "2026/09", Reason::kNone, 9, 2026},
      {Kind::kExpiry, " 12/99 ", Reason::kNone, 12, 2099},
      {Kind::kExpiry, "9/26", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "09 26", Reason::kNone, 9, 2026},
      {Kind::kExpiry, "01/00", Reason::kNone, 1, 2000},
      {Kind::kExpiry, "13/26", kMonth, 0, 0},
      {Kind::kExpiry, "00/26", kMonth, 0, 0},
      {Kind::kExpiry, "1326", kMonth, 0, 0},
      {Kind::kExpiry, "132026", kMonth, 0, 0},
      {Kind::kExpiry, "2026-13", kMonth, 0, 0},
      {Kind::kExpiry, "", kFormat, 0, 0},
      {Kind::kExpiry, " ", kFormat, 0, 0},
      {Kind::kExpiry, "/", kFormat, 0, 0},
      {Kind::kExpiry, "09/", kFormat, 0, 0},
      {Kind::kExpiry, "/26", kFormat, 0, 0},
      {Kind::kExpiry, "926", kFormat, 0, 0},
      {Kind::kExpiry, "09/6", kFormat, 0, 0},
      {Kind::kExpiry, "09/026", kFormat, 0, 0},
      {Kind::kExpiry, "09//26", kFormat, 0, 0},
      {Kind::kExpiry, "09  26", kFormat, 0, 0},
      {Kind::kExpiry, "09.26", kFormat, 0, 0},
      {Kind::kExpiry, "2026-09-30", kFormat, 0, 0},
      {Kind::kExpiry, "2026-9", kFormat, 0, 0},
      {Kind::kExpiry, "2026/2026", kFormat, 0, 0},
      {Kind::kExpiry, "Sep 26", kFormat, 0, 0},
      {Kind::kExpiry, "09/0000", kFormat, 0, 0},
      {Kind::kExpiry, "1234567", kFormat, 0, 0},
      {Kind::kExpiry, "99999999999999999999/26", kFormat, 0, 0},
      {Kind::kExpiryMonth, "9", Reason::kNone, 9, 0},
      {Kind::kExpiryMonth, "09", Reason::kNone, 9, 0},
      {Kind::kExpiryMonth, " 12 ", Reason::kNone, 12, 0},
      {Kind::kExpiryMonth, "0", kMonth, 0, 0},
      {Kind::kExpiryMonth, "13", kMonth, 0, 0},
      {Kind::kExpiryMonth, "009", kFormat, 0, 0},
      {Kind::kExpiryMonth, "x", kFormat, 0, 0},
      {Kind::kExpiryMonth, "9.", kFormat, 0, 0},
      {Kind::kExpiryYear, "26", Reason::kNone, 0, 2026},
      {Kind::kExpiryYear, "2026", Reason::kNone, 0, 2026},
      {Kind::kExpiryYear, "026", kFormat, 0, 0},
      {Kind::kExpiryYear, "0000", kFormat, 0, 0},
      {Kind::kExpiryYear, "6", kFormat, 0, 0},
      {Kind::kExpiryYear, "20 26", kFormat, 0, 0},
      {Kind::kCode, "26", kFormat, 0, 0},
  };
  for (const auto& c : cases) {
    const Value value(c.value);
    Expiry expiry{99, 9999};
    expect(c.value, parse_expiry(c.kind, value.text, &expiry), c.want);
    if (expiry.month != c.month || expiry.year != c.year)
      fail_msg("%s: got %u %u", c.value, expiry.month, expiry.year);
  }
}

int64_t seconds(int year, int month, int day) {
  std::tm date{};
  date.tm_year = year - 1900;
  date.tm_mon = month - 1;
  date.tm_mday = day;
  return static_cast<int64_t>(timegm(&date));
}

void test_past(void**) {
  // Each month of two centuries, against the C library: good on the day after its end, past one day later.
  for (int year = 1970; year < 2170; ++year) {
    for (int month = 1; month <= 12; ++month) {
      const Expiry expiry{static_cast<uint8_t>(month), static_cast<uint16_t>(year)};
      const int64_t limit = seconds(year, month + 1, 2);
      if (check_expiry(expiry, limit - 1) != Reason::kNone) fail_msg("%d-%d too early", year, month);
      if (check_expiry(expiry, limit) != Reason::kExpiryPast) fail_msg("%d-%d too late", year, month);
    }
  }
  assert_true(check_expiry({12, 9999}, seconds(2026, 11, 23)) == Reason::kNone);
  assert_true(check_expiry({1, 1}, seconds(2026, 11, 23)) == Reason::kExpiryPast);
  assert_true(check_expiry({0, 2000}, seconds(2026, 11, 23)) == Reason::kNone);
  assert_true(check_expiry({1, 0}, seconds(2026, 11, 23)) == Reason::kNone);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_parse_pan), cmocka_unit_test(test_check_pan),
                              cmocka_unit_test(test_codes), cmocka_unit_test(test_expiry),
                              cmocka_unit_test(test_past)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
