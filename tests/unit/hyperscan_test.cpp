// Hyperscan, owned: it compiles, names what it cannot compile, scans, and wipes what it gives back.
#include "src/hyperscan.h"

#include <string>
#include <vector>

#include "testing.h"

using namespace cardscrub;

namespace {

int collect(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
  static_cast<std::vector<std::pair<unsigned, unsigned long long>>*>(context)->emplace_back(id, to);
  return 0;
}

void test_scan(void**) {
  const HsPattern patterns[] = {{"ab+", 0, 7}, {"x$", HS_FLAG_CASELESS, 9}};
  Result<HsDatabase> database = hs_compile_block(patterns);
  assert_true(static_cast<bool>(database));
  Result<HsScratch> scratch = hs_make_scratch(database->get());
  assert_true(static_cast<bool>(scratch));
  std::vector<std::pair<unsigned, unsigned long long>> matches;
  const std::string text = "zabb X";
  assert_int_equal(hs_scan(database->get(), text.data(), static_cast<unsigned>(text.size()), 0,
                           scratch->get(), collect, &matches),
                   HS_SUCCESS);
  assert_int_equal(matches.size(), 3);
  assert_true(matches[0] == std::make_pair(7u, 3ull) && matches[1] == std::make_pair(7u, 4ull));
  assert_true(matches[2] == std::make_pair(9u, 6ull));
}

void test_faults(void**) {
  const HsPattern patterns[] = {{"fine", 0, 0}, {"(broken", 0, 1}};
  const Result<HsDatabase> database = hs_compile_block(patterns);
  assert_false(static_cast<bool>(database));
  assert_true(database.message().find("\"(broken\"") != std::string::npos);
  assert_false(static_cast<bool>(hs_compile_block({})));
  assert_false(static_cast<bool>(hs_make_scratch(nullptr)));
}

// Blocks of many sizes are made and freed; a sanitizer sees whether the allocators agree with each other.
void test_life(void**) {
  std::string expression = "a";
  for (int i = 0; i < 20; ++i) {
    expression += "[0-9]{1,3}b";
    const HsPattern pattern{expression.c_str(), 0, 0};
    Result<HsDatabase> database = hs_compile_block({&pattern, 1});
    assert_true(static_cast<bool>(database));
    Result<HsScratch> scratch = hs_make_scratch(database->get());
    HsScratch moved = std::move(*scratch);
    size_t size = 0;
    assert_int_equal(hs_scratch_size(moved.get(), &size), HS_SUCCESS);
    assert_true(size > 0);
    assert_int_equal(reinterpret_cast<uintptr_t>(moved.get()) % alignof(max_align_t), 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_scan), cmocka_unit_test(test_faults),
                              cmocka_unit_test(test_life)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
