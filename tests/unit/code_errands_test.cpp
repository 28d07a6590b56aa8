// Errands for a code store that answers later: what the scrubber leaves, and digits that are written late.
#include "tests/unit/testing.h"

#include "filters/body.h"
#include "tests/rig.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
const size_t kChunks[] = {1, 2, 3, 5, 7, 16, 17, 64, 0};

struct Scrubbed {
  std::string out;
  CodeErrands errands;
  Verdict verdict;
};

Scrubbed scrub(std::string_view type, std::string_view in, size_t chunk) {
  Scrubbed run;
  const Policy policy = Rig::get().policy();
  Body body(policy, Rig::get().worker(), run.verdict, {}, nullptr, &run.errands);
  assert_true(body.start(type, {}) == Reason::kNone);
  for (size_t at = 0; at < in.size();) {
    size_t n = chunk == 0 ? in.size() : std::min(chunk, in.size() - at);
    auto block = exact_block(in.substr(at, n));
    at += n;
    Body::Output out = body.push({block.get(), n}, at == in.size());
    run.out.append(out.held.begin(), out.held.end());
    run.out.append(out.piece.begin(), out.piece.end());
  }
  assert_false(run.verdict.refused());
  return run;
}

struct Row {
  const char* name;
  std::string_view type;
  std::string_view in;         // holds the code 123 once, in some form
  std::string_view form_of_5;  // how a 5 is written in that form
};

const Row kRows[] = {
    {"json", kJson, R"({"card_number":"4111111111111111","cvv":"123"})", "5"},
    {"number", kJson, R"({"cvv":123,"card_number":4111111111111111})", "5"},
    {"escaped", kJson, R"({"card_number":"4111111111111111","cvv":"\u0031\u0032\u0033"})", "\\u0035"},
    {"form", kForm, "card_number=4111111111111111&cvv=123", "5"},
    {"percent", kForm, "cvv=%31%32%33&card_number=4111111111111111", "%35"},
    {"xml", "text/xml", "<c><card_number>4111111111111111</card_number><cvv>&#49;&#50;&#51;</cvv></c>",
     "&#53;"},
};

void a_new_code_leaves_a_put(void**) {
  for (const Row& row : kRows) {
    for (size_t chunk : kChunks) {
      Scrubbed run = scrub(row.type, row.in, chunk);
      if (run.errands.size() != 1)
        fail_msg("%s, pieces of %zu: %zu errands", row.name, chunk, run.errands.size());
      const CodeErrand& errand = run.errands[0];
      assert_true(errand.task == CodeErrand::Task::kPut);
      assert_string_equal(text_of(errand.token).c_str(), Rig::get().token("4111111111111111").c_str());
      assert_string_equal(text_of(errand.code).c_str(), "123");
      assert_int_equal(errand.alias.size(), 3);
      assert_false(errand.alias == errand.code);
      assert_string_equal(errand.field.substr(errand.field.size() - 3).c_str(), "cvv");
    }
  }
}

void late_digits_go_where_the_code_stood(void**) {
  for (const Row& row : kRows) {
    for (size_t chunk : kChunks) {
      Scrubbed run = scrub(row.type, row.in, chunk);
      CodeErrand& errand = run.errands.at(0);
      // Only the bytes that the errand says it needs, in a block of exactly their size.
      auto block =
          exact_block(std::string_view(run.out).substr(errand.begin(), errand.end() - errand.begin()));
      errand.write({block.get(), errand.begin(), errand.end() - errand.begin()}, digits_of("555"));
      std::string late = run.out;
      std::copy_n(block.get(), errand.end() - errand.begin(),
                  late.begin() + static_cast<std::ptrdiff_t>(errand.begin()));
      std::string wanted;
      for (int i = 0; i < 3; ++i) wanted += row.form_of_5;
      if (late.find(wanted) == std::string::npos || late.size() != row.in.size()) {
        fail_msg("%s, pieces of %zu: %s", row.name, chunk, late.c_str());
      }
      assert_string_equal(text_of(errand.alias).c_str(), "555");
    }
  }
}

void a_pair_of_token_and_alias_leaves_a_question(void**) {
  std::string in = R"({"card_number":")" + Rig::get().token("4111111111111111") + R"(","cvv":"123"})";
  for (size_t chunk : kChunks) {
    Scrubbed run = scrub(kJson, in, chunk);
    assert_string_equal(run.out.c_str(), in.c_str());
    assert_int_equal(run.errands.size(), 1);
    assert_true(run.errands[0].task == CodeErrand::Task::kKeep);
    assert_string_equal(text_of(run.errands[0].alias).c_str(), "123");
  }
}

void a_code_without_a_card_leaves_none(void**) {
  Scrubbed run = scrub(kJson, R"({"cvv":"123"})", 0);
  assert_int_equal(run.errands.size(), 0);
  assert_null(strstr(run.out.c_str(), "123"));
}

void the_local_store_is_not_touched(void**) {
  Rig::get().fresh_store();
  (void)scrub(kJson, R"({"card_number":"4111111111111111","cvv":"123"})", 0);
  assert_int_equal(Rig::get().worker().codes->counters().stored, 0);
}

void every_card_of_a_list_has_its_own(void**) {
  Scrubbed run = scrub(kJson,
                       R"([{"card_number":"4111111111111111","cvv":"123"},)"
                       R"({"cvv":"456","card_number":"5555555555554444"}])",
                       7);
  assert_int_equal(run.errands.size(), 2);
  assert_string_equal(text_of(run.errands[0].token).c_str(), Rig::get().token("4111111111111111").c_str());
  assert_string_equal(text_of(run.errands[0].code).c_str(), "123");
  assert_string_equal(text_of(run.errands[1].token).c_str(), Rig::get().token("5555555555554444").c_str());
  assert_string_equal(text_of(run.errands[1].code).c_str(), "456");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_new_code_leaves_a_put),
      cmocka_unit_test(late_digits_go_where_the_code_stood),
      cmocka_unit_test(a_pair_of_token_and_alias_leaves_a_question),
      cmocka_unit_test(a_code_without_a_card_leaves_none),
      cmocka_unit_test(the_local_store_is_not_touched),
      cmocka_unit_test(every_card_of_a_list_has_its_own),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
