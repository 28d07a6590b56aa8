// Path: names come back as they went in, long ones cut, depth bounded.
#include "src/path.h"

#include "src/limits.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string string_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

void names_in_order(void**) {
  Path path;
  assert_true(path.push(bytes_of("order")));
  assert_true(path.push(bytes_of("")));
  assert_true(path.push(bytes_of("card")));
  assert_int_equal(path.depth(), 3);
  assert_string_equal(string_of(path.name(0)).c_str(), "order");
  assert_string_equal(string_of(path.name(1)).c_str(), "");
  assert_string_equal(string_of(path.name(2)).c_str(), "card");
  path.pop();
  assert_true(path.push(bytes_of("number")));
  assert_string_equal(string_of(path.name(2)).c_str(), "number");
  path.pop();
  path.pop();
  path.pop();
  assert_int_equal(path.depth(), 0);
}

void long_names_are_cut(void**) {
  Path path;
  std::string name(limits::kNameMax + 10, 'x');
  assert_true(path.push(bytes_of(name)));
  assert_int_equal(path.name(0).size(), limits::kNameMax + 1);
}

void depth_is_bounded(void**) {
  Path path;
  for (size_t i = 0; i < limits::kDepth; ++i) assert_true(path.push(bytes_of("a")));
  assert_false(path.push(bytes_of("b")));
  assert_int_equal(path.depth(), limits::kDepth);
  path.clear();
  assert_int_equal(path.depth(), 0);
  assert_true(path.push(bytes_of("c")));
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(names_in_order), cmocka_unit_test(long_names_are_cut),
                              cmocka_unit_test(depth_is_bounded)};
  return cmocka_run_group_tests_name("path", tests, nullptr, nullptr);
}
