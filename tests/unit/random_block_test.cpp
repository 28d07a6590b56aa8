// Random numbers a block ahead: fair, never given twice, never the same in two processes.
#include "tests/unit/testing.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>

#include "src/random_block.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

void random_numbers(void**) {
  RandomBlock random;
  uint8_t value = 0;
  assert_false(random.below(0, &value));
  assert_false(random.below(257, &value));
  assert_true(random.below(1, &value));
  assert_int_equal(value, 0);
  for (uint32_t bound : {2u, 9u, 10u, 100u, 255u, 256u}) {
    std::vector<unsigned> seen(bound);
    const unsigned each = 1000;
    for (unsigned i = 0; i < bound * each; i++) {
      assert_true(random.below(bound, &value));
      assert_true(value < bound);
      seen[value]++;
    }
    for (unsigned count : seen) {
      if (count < each - 250 || count > each + 250)
        fail_msg("bound %u is not even: %u of %u", bound, count, each);
    }
  }
}

void aliases(void**) {
  RandomBlock random;
  for (size_t length = 1; length <= Digits::kMax; length++) {
    Digits code;
    for (size_t i = 0; i < length; i++) assert_true(code.push(static_cast<uint8_t>(i % 10)));
    for (unsigned i = 0; i < 200; i++) {
      Digits alias;
      assert_true(random.alias(code, &alias));
      assert_int_equal(alias.size(), length);
      assert_in_range(alias[0], 1, 9);
      for (uint8_t digit : alias.span()) assert_in_range(digit, 0, 9);
      assert_false(alias == code);
    }
  }
  std::set<std::string> seen;  // all of one digit but the code itself
  const Digits five = digits_of("5");
  for (unsigned i = 0; i < 2000; i++) {
    Digits alias = five;
    assert_true(random.alias(alias, &alias));
    seen.insert(text_of(alias));
  }
  assert_int_equal(seen.size(), 8);
  assert_int_equal(seen.count("5"), 0);
  Digits none;
  assert_false(random.alias(Digits(), &none));
}

void fills_of_any_size_never_repeat(void**) {
  RandomBlock random;
  std::set<std::array<uint8_t, 12>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<uint8_t, 12> nonce{};
    assert_true(random.fill(nonce));
    assert_true(seen.insert(nonce).second);
    std::array<uint8_t, 7> other{};  // so that nonces begin everywhere in the block
    assert_true(random.fill(other));
  }
  std::array<uint8_t, 256> whole{};
  assert_true(random.fill(whole));
  std::array<uint8_t, 257> more{};
  assert_false(random.fill(more));
  assert_true(random.fill({}));
}

void a_child_has_numbers_of_its_own(void**) {
  RandomBlock random;
  uint8_t first = 0;
  assert_true(random.byte(&first));  // the block is drawn
  std::array<uint8_t, 16> own{}, childs{};
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool good = random.fill(own) && write(ends[1], own.data(), own.size()) == 16;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(read(ends[0], childs.data(), childs.size()), 16);
  assert_true(random.fill(own));
  assert_false(own == childs);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(random_numbers),
      cmocka_unit_test(aliases),
      cmocka_unit_test(fills_of_any_size_never_repeat),
      cmocka_unit_test(a_child_has_numbers_of_its_own),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
