// NameMemo says what FieldNames says, whatever it was asked before, and keeps nothing that may be a number.
#include "src/name_memo.h"

#include <optional>

#include "tests/unit/random_laws.h"
#include "tests/unit/testing.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

FieldNames compile(std::vector<FieldPattern> patterns) {
  Result<FieldNames> names = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(names));
  return std::move(*names);
}

[[gnu::noinline]] FieldMatch ask(NameMemo* memo, const FieldNames& names, const Path& path,
                                 std::string_view leaf, bool* failed) {
  auto block = exact_block(leaf);
  const Bytes bytes{block.get(), leaf.size()};
  return memo == nullptr ? names.match(path, bytes, failed) : memo->match(names, path, bytes, failed);
}

// More names than there are places; lengths on both sides of what is remembered; two sets of patterns.
void says_what_field_names_say(void**) {
  const FieldNames defaults = compile({});
  const FieldNames others = compile({{Kind::kIgnore, "card.*.number"}, {Kind::kTrack, "~^order\\.cvc$"}});
  constexpr std::string_view kBits[] = {"card",
                                        "number",
                                        "cvc",
                                        "order",
                                        "name",
                                        "cvv2",
                                        "value",
                                        "a",
                                        "exp_month",
                                        "[",
                                        "]",
                                        ".",
                                        "7",
                                        "12",
                                        "_",
                                        "",
                                        "a_name_that_is_rather_long",
                                        "\x05"
                                        "abcde"};
  Dice dice(20261126);
  NameMemo memo;
  size_t found = 0;
  for (size_t round = 0; round < 60000; ++round) {
    Path path;
    for (uint64_t n = dice(4); n > 0; --n) assert_true(path.push(bytes_of(dice.some_of(kBits, 3))));
    const std::string leaf = dice.some_of(kBits, 4);
    const FieldNames& names = dice(2) == 0 ? defaults : others;
    bool failed = false;
    bool fault = false;
    const FieldMatch wanted = ask(nullptr, names, path, leaf, &fault);
    const FieldMatch got = ask(&memo, names, path, leaf, &failed);
    found += wanted.kind != Kind::kNone ? 1u : 0u;
    if (got.kind != wanted.kind || got.ambiguous != wanted.ambiguous || failed != fault)
      fail_msg("round %zu: %s: %d, not %d", round, leaf.c_str(), static_cast<int>(got.kind),
               static_cast<int>(wanted.kind));
  }
  assert_true(found > 5000);
}

void a_limit_is_met_every_time(void**) {
  const FieldNames names = compile({{Kind::kPan, "~^(a+)+$"}});
  NameMemo memo;
  const std::string leaf = std::string(30, 'a') + "!";
  for (int i = 0; i < 2; ++i) {
    bool failed = false;
    (void)ask(&memo, names, Path{}, leaf, &failed);
    assert_true(failed);
  }
}

// A configuration that is read again may lie where the one before it was.
void other_patterns_in_the_same_place(void**) {
  NameMemo memo;
  bool failed = false;
  std::optional<FieldNames> names;
  for (Kind kind : {Kind::kPan, Kind::kIgnore, Kind::kCode}) {
    names.emplace(compile({{kind, "orders.reference"}}));
    Path path;
    assert_true(path.push(bytes_of("orders")));
    for (int i = 0; i < 2; ++i) {
      assert_int_equal(static_cast<int>(ask(&memo, *names, path, "reference", &failed).kind),
                       static_cast<int>(kind));
    }
  }
}

bool holds(const NameMemo& memo, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(&memo), sizeof memo).find(text) !=
         std::string_view::npos;
}

void keeps_no_number(void**) {
  const FieldNames names = compile({{Kind::kPan, "secrets.*"}});  // so that every name is compared
  NameMemo memo;
  bool failed = false;
  Path path;
  assert_true(path.push(bytes_of("4111111111111111")));
  (void)ask(&memo, names, path, "card", &failed);
  (void)ask(&memo, names, Path{}, "cvc 123", &failed);
  (void)ask(&memo, names, Path{}, "order1", &failed);
  assert_false(holds(memo, "4111"));
  assert_false(holds(memo, "123"));
  assert_true(holds(memo, "order1"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(says_what_field_names_say),
      cmocka_unit_test(a_limit_is_met_every_time),
      cmocka_unit_test(other_patterns_in_the_same_place),
      cmocka_unit_test(keeps_no_number),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
