// Verdict: the status that counts, the answer that a client gets, names made fit for print.
#include "src/verdict.h"

#include <nlohmann/json.hpp>

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

void names_are_made_fit(void**) {
  const struct {
    const char* name;
    std::string in;
    std::string out;
  } cases[] = {
      {"plain", "card.number", "card.number"},
      {"index", "cards[12].number", "cards[12].number"},
      {"quotes and controls", "a\"b\\c\n", "a?b?c?"},
      {"a number as a name", "4111111111111111", "411111**********"},
      {"long", std::string(200, 'a'), std::string(128, 'a')},
      {"not ASCII", "n\xC3\xB6", "n??"},
  };
  for (const auto& c : cases) {
    if (printable_field(bytes_of(c.in)) != c.out) fail_msg("case: %s", c.name);
  }
}

void the_gravest_status_counts(void**) {
  const struct {
    const char* name;
    std::vector<Reason> reasons;
    int status;
  } cases[] = {
      {"one field", {Reason::kPanLuhn}, 422},
      {"field and type", {Reason::kPanLuhn, Reason::kBodyType}, 415},
      {"field and fault", {Reason::kCodeLength, Reason::kFault}, 500},
      {"limit", {Reason::kLimitDepth, Reason::kPanLuhn}, reason_status(Reason::kLimitDepth)},
      {"clear text", {Reason::kTlsRequired}, 403},
      {"store", {Reason::kStoreFull}, 503},
  };
  for (const auto& c : cases) {
    Verdict verdict;
    for (Reason reason : c.reasons) verdict.refuse(reason, "f");
    if (verdict.status() != c.status) fail_msg("case: %s: %d", c.name, verdict.status());
  }
}

void the_answer_is_json_and_bounded(void**) {
  Verdict verdict;
  for (int i = 0; i < 100; ++i)
    verdict.refuse(Reason::kPanLuhn, "cards[" + std::to_string(i) + "].number", i);
  assert_int_equal(verdict.refused_count(), 100);
  nlohmann::json answer = nlohmann::json::parse(verdict.problem_json());
  assert_int_equal(answer["status"].get<int>(), 422);
  assert_int_equal(answer["errors"].size(), limits::kReasons);
  assert_string_equal(answer["errors"][3]["field"].get<std::string>().c_str(), "cards[3].number");
  assert_string_equal(answer["errors"][3]["reason"].get<std::string>().c_str(), "pan.luhn");
  assert_int_equal(answer["errors"][3]["offset"].get<int>(), 3);
}

void expiry_is_no_finding_of_account_data(void**) {
  Verdict verdict;
  verdict.count(Kind::kExpiry, Brand::kUnknown, Action::kNone);
  assert_int_equal(verdict.findings(), 0);
  verdict.count(Kind::kPan, Brand::kVisa, Action::kTokenize);
  assert_int_equal(verdict.findings(), 1);
  assert_int_equal(verdict.found(Kind::kPan), 1);
  assert_int_equal(verdict.found_brand(Brand::kVisa), 1);
  assert_int_equal(verdict.acted(Action::kTokenize), 1);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(names_are_made_fit),
                              cmocka_unit_test(the_gravest_status_counts),
                              cmocka_unit_test(the_answer_is_json_and_bounded),
                              cmocka_unit_test(expiry_is_no_finding_of_account_data)};
  return cmocka_run_group_tests_name("verdict", tests, nullptr, nullptr);
}
