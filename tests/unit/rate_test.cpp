// Rates: so much in so long, by key.
#include "src/rate.h"

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

constexpr uint64_t kNow = 1790000000000;

std::unique_ptr<RateTable> fresh() { return std::make_unique<RateTable>(); }

void so_many_at_once_and_then_one_by_one(void**) {
  auto table = fresh();
  const Rate rate{10, 1};
  for (int i = 0; i < 10; ++i) assert_int_equal(table->take("a", rate, 1, kNow), 0);
  assert_int_equal(table->take("a", rate, 1, kNow), 100);
  assert_int_equal(table->take("a", rate, 1, kNow + 99), 1);
  assert_int_equal(table->take("a", rate, 1, kNow + 100), 0);
  assert_int_equal(table->take("a", rate, 1, kNow + 100), 100);
  assert_int_equal(table->take("a", rate, 10, kNow + 1100), 0);
  assert_int_equal(table->take("a", rate, 10, kNow + 1100), 1000);
}

void keys_do_not_share(void**) {
  auto table = fresh();
  const Rate rate{1, 60};
  for (int i = 0; i < 200; ++i)
    assert_int_equal(table->take("client " + std::to_string(i), rate, 1, kNow), 0);
  for (int i = 0; i < 200; ++i)
    assert_int_equal(table->take("client " + std::to_string(i), rate, 1, kNow + 1000), 59000);
}

void many_clients_never_get_more(void**) {
  auto table = fresh();
  const Rate rate{1, 60};
  int granted = 0;
  for (int i = 0; i < 20000; ++i)
    granted += table->take("client " + std::to_string(i), rate, 1, kNow) == 0 ? 1 : 0;
  assert_true(granted > 3000 && granted <= 4096);
  for (int i = 0; i < 20000; ++i)
    assert_true(table->take("client " + std::to_string(i), rate, 1, kNow + 100) != 0);
  // Who has paid makes room.
  assert_int_equal(table->take("another", rate, 1, kNow + 60001), 0);
}

void more_than_the_rate_is_never_granted(void**) {
  auto table = fresh();
  assert_true(table->take("a", {5, 1}, 6, kNow) == RateTable::kNever);
  assert_int_equal(table->take("a", {5, 1}, 5, kNow), 0);
}

void no_rate_no_bound(void**) {
  auto table = fresh();
  for (int i = 0; i < 1000; ++i) assert_int_equal(table->take("a", {}, 1000, kNow), 0);
  assert_int_equal(table->take("a", {1, 1}, 0, kNow), 0);
}

void the_finest_rate(void**) {
  auto table = fresh();
  const Rate rate{kRatePerSecondMost, 1};
  assert_int_equal(table->take("a", rate, 1000, kNow), 0);
  assert_int_equal(table->take("a", rate, 1, kNow), 1);
  assert_int_equal(table->take("a", rate, 1, kNow + 1), 0);
}

// A clock that ran ahead and was put right: nobody waits for longer than a rate may ask for.
void clock_put_right(void**) {
  auto table = fresh();
  const Rate rate{10, 60};
  for (int i = 0; i < 10; ++i) assert_int_equal(table->take("a", rate, 1, kNow + 86400000), 0);
  assert_true(table->take("a", rate, 1, kNow) <= 60000);
  assert_int_equal(table->take("a", rate, 1, kNow + 60000), 0);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(so_many_at_once_and_then_one_by_one),
      cmocka_unit_test(keys_do_not_share),
      cmocka_unit_test(many_clients_never_get_more),
      cmocka_unit_test(more_than_the_rate_is_never_granted),
      cmocka_unit_test(no_rate_no_bound),
      cmocka_unit_test(the_finest_rate),
      cmocka_unit_test(clock_put_right),
  };
  return cmocka_run_group_tests_name("rate", tests, nullptr, nullptr);
}
