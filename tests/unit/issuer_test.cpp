// The issuer table: its index against a plain search over all prefixes, brands by example, Luhn, and the test
// numbers.
#include "src/issuer.h"

#include <cstdio>
#include <random>

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

const IssuerRange* plain_search(uint32_t eight) {
  const IssuerRange* best = nullptr;
  for (const IssuerRange& row : issuer_table()) {
    uint32_t prefix = eight;
    for (int i = 8; i > row.prefix; --i) prefix /= 10;
    if (prefix >= row.first && prefix <= row.last && (best == nullptr || row.prefix > best->prefix))
      best = &row;
  }
  return best;
}

const IssuerRange* find(uint32_t eight) {
  uint8_t digits[8];
  for (int i = 7; i >= 0; --i, eight /= 10) digits[i] = static_cast<uint8_t>(eight % 10);
  return find_issuer(digits);
}

void test_index(void**) {
  for (uint32_t six = 0; six < 1000000; ++six) {
    for (const uint32_t rest : {0u, 99u}) {
      if (find(six * 100 + rest) != plain_search(six * 100 + rest)) fail_msg("%06u%02u", six, rest);
    }
  }
  for (uint32_t eight = 63743000; eight < 63744000; ++eight)
    assert_ptr_equal(find(eight), plain_search(eight));
}

void test_table(void**) {
  uint32_t brands = 0;
  const auto table = issuer_table();
  for (size_t i = 0; i < table.size(); ++i) {
    const IssuerRange& row = table[i];
    brands |= 1u << static_cast<unsigned>(row.brand);
    assert_int_equal(row.common & ~row.lengths, 0);
    for (size_t j = i + 1; j < table.size(); ++j) {
      const bool overlap =
          row.prefix == table[j].prefix && row.first <= table[j].last && table[j].first <= row.last;
      if (overlap) fail_msg("%u and %u", row.first, table[j].first);
    }
  }
  assert_int_equal(brands, (1u << kBrands) - 2);  // every brand but "unknown"
}

void test_brands(void**) {
  struct {
    uint32_t eight;
    Brand brand;
  } const cases[] = {
      {41111111, Brand::kVisa},      {51000000, Brand::kMastercard}, {55999999, Brand::kMastercard},
      {22209999, Brand::kUnknown},   {22210000, Brand::kMastercard}, {27209999, Brand::kMastercard},
      {27210000, Brand::kUnknown},   {34000000, Brand::kAmex},       {37999999, Brand::kAmex},
      {60110000, Brand::kDiscover},  {60120000, Brand::kRuPay},      {62212599, Brand::kUnionPay},
      {62212600, Brand::kDiscover},  {62292599, Brand::kDiscover},   {62292600, Brand::kUnionPay},
      {64400000, Brand::kDiscover},  {64399999, Brand::kUnknown},    {65000000, Brand::kDiscover},
      {30000000, Brand::kDiners},    {30599999, Brand::kDiners},     {30600000, Brand::kUnknown},
      {30950000, Brand::kDiners},    {36000000, Brand::kDiners},     {38000000, Brand::kDiners},
      {38410000, Brand::kHipercard}, {35279999, Brand::kUnknown},    {35280000, Brand::kJcb},
      {35899999, Brand::kJcb},       {35900000, Brand::kUnknown},    {81000000, Brand::kUnionPay},
      {81719999, Brand::kUnionPay},  {81720000, Brand::kRuPay},      {82000000, Brand::kRuPay},
      {50180000, Brand::kMaestro},   {50800000, Brand::kRuPay},      {50900000, Brand::kElo},
      {50669900, Brand::kElo},       {50677899, Brand::kElo},        {50677900, Brand::kMaestro},
      {50609900, Brand::kVerve},     {50786500, Brand::kVerve},      {56000000, Brand::kMaestro},
      {58930000, Brand::kMaestro},   {63040000, Brand::kMaestro},    {63900000, Brand::kMaestro},
      {67590000, Brand::kMaestro},   {65003100, Brand::kElo},        {65003400, Brand::kDiscover},
      {65000200, Brand::kVerve},     {65210000, Brand::kRuPay},      {65230000, Brand::kDiscover},
      {22000000, Brand::kMir},       {22049999, Brand::kMir},        {22050000, Brand::kBorica},
      {40117800, Brand::kElo},       {60628200, Brand::kHipercard},  {63709500, Brand::kHiper},
      {63743358, Brand::kHiper},     {63743357, Brand::kUnknown},    {97920000, Brand::kTroy},
      {63737423, Brand::kHiper},     {63737422, Brand::kUnknown},    {22060000, Brand::kUnknown},
      {50180000, Brand::kMaestro},   {50190000, Brand::kDankort},    {50200000, Brand::kMaestro},
      {86000000, Brand::kUzcard},    {86010000, Brand::kUnknown},    {98600000, Brand::kHumo},
      {97040000, Brand::kNapas},     {97050000, Brand::kUnknown},    {97930000, Brand::kUnknown},
      {10000000, Brand::kUatp},      {0, Brand::kUnknown},           {99999999, Brand::kUnknown},
  };
  for (const auto& c : cases) {
    const IssuerRange* issuer = find(c.eight);
    const Brand brand = issuer == nullptr ? Brand::kUnknown : issuer->brand;
    if (brand != c.brand) fail_msg("%08u: %s", c.eight, std::string(brand_name(brand)).c_str());
  }
  assert_int_equal(find(37000000)->code_length, 4);
  assert_int_equal(find(41111111)->code_length, 3);
  for (size_t size = 0; size < 8; ++size) {
    const auto digits = digits_of(std::string(size, '4'));
    assert_null(find_issuer(digits.span()));
  }
}

void test_first_digits(void**) {
  for (uint8_t digit = 0; digit < 10; ++digit) {
    uint32_t brands = 0;
    for (const IssuerRange& row : issuer_table()) {
      for (uint32_t first = row.first; first <= row.last; ++first) {
        if (std::to_string(first)[0] - '0' == digit) brands |= 1u << static_cast<unsigned>(row.brand);
      }
    }
    assert_int_equal(brands_starting_with(digit), brands);
  }
  assert_int_equal(brands_starting_with(0), 0);
  assert_int_equal(brands_starting_with(7), 0);
  const auto bit = [](Brand brand) { return 1u << static_cast<unsigned>(brand); };
  assert_int_equal(brands_starting_with(9), bit(Brand::kTroy) | bit(Brand::kHumo) | bit(Brand::kNapas));
  assert_int_equal(brands_starting_with(10), 0);
}

void test_luhn(void**) {
  struct {
    const char* number;
    bool valid;
  } const cases[] = {{"4111111111111111", true},
                     {"4111111111111112", false},
                     {"378282246310005", true},
                     {"0", true},
                     {"1", false},
                     {"18", true},
                     {"6205500000000000004", true},
                     {"", false},
                     {"79927398713", true}};
  for (const auto& c : cases) {
    if (luhn_valid(digits_of(c.number).span()) != c.valid) fail_msg("%s", c.number);
  }
  std::mt19937 random(2);
  for (int i = 0; i < 20000; ++i) {
    Digits digits;
    for (size_t n = random() % 19; n > 0; --n) assert_true(digits.push(static_cast<uint8_t>(random() % 10)));
    const uint8_t check = luhn_check_digit(digits.span());
    for (uint8_t last = 0; last < 10; ++last) {
      Digits whole = digits;
      assert_true(whole.push(last));
      assert_int_equal(luhn_valid(whole.span()), last == check);
    }
  }
}

void test_test_numbers(void**) {
  FILE* file = std::fopen("tests/vectors/test_pans.txt", "r");
  assert_non_null(file);
  char line[256];
  std::string provider;
  size_t count = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (line[0] == '#') provider = line;
    if (line[0] < '0' || line[0] > '9') continue;
    assert_true(provider.find("https://") !=
                std::string::npos);  // a number without a source does not belong there
    const std::string row(line);
    const std::string number = row.substr(0, row.find(' '));
    const std::string brand = row.substr(number.size() + 1, row.find('\n') - number.size() - 1);
    Digits digits = digits_of(number);
    const IssuerRange* issuer = find_issuer(digits.span());
    if (issuer == nullptr || brand_name(issuer->brand) != brand) fail_msg("%s: brand", number.c_str());
    if ((issuer->lengths >> digits.size() & 1u) == 0 || !luhn_valid(digits.span()))
      fail_msg("%s: length or Luhn", number.c_str());
    if (!is_test_pan(digits.span())) fail_msg("%s is unknown", number.c_str());
    digits[digits.size() - 2] = static_cast<uint8_t>((digits[digits.size() - 2] + 5) % 10);
    assert_false(luhn_valid(digits.span()) && is_test_pan(digits.span()));
    ++count;
  }
  std::fclose(file);
  assert_true(count > 100);
  assert_false(is_test_pan(digits_of("4111111111111129").span()));
  assert_false(is_test_pan({}));
  assert_false(is_test_pan(digits_of("04111111111111111").span()));
  assert_false(is_test_pan(digits_of("41111111111111110000").span()));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_index),  cmocka_unit_test(test_table),
                              cmocka_unit_test(test_brands), cmocka_unit_test(test_first_digits),
                              cmocka_unit_test(test_luhn),   cmocka_unit_test(test_test_numbers)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
