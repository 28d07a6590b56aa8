// Reveal: what the scrubber has made of a body becomes the body again; and what must be refused.
#include "src/reveal.h"

#include "filters/head.h"
#include "src/issuer.h"
#include "tests/rig.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr size_t kChunks[] = {0, 1, 2, 3, 5, 7, 16, 17, 64};
constexpr std::string_view kVisa = "4111111111111111";
constexpr std::string_view kMastercard = "5555555555554444";
constexpr std::string_view kAmex = "378282246310005";

Policy reveal_policy() {
  Policy policy = Rig::get().policy();
  policy.direction = Direction::kReveal;
  return policy;
}

Policy sweeping() {
  Policy policy = reveal_policy();
  policy.reveal_sweep = true;
  return policy;
}

std::string reasons(const Verdict& verdict) {
  std::string out;
  for (const Problem& problem : verdict.problems()) {
    out += (out.empty() ? "" : " ") + problem.field + "=" + std::string(reason_name(problem.reason));
  }
  return out;
}

struct Trip {
  const char* name;
  std::string_view type;
  std::string_view body;
  bool sweep;  // the numbers stand outside named fields
};

const Trip kTrips[] = {
    {"JSON", "application/json", R"({"card_number":"4111111111111111","cvv":"123","amount":4200})", false},
    {"JSON, code in front", "application/json", R"({"cvv":"123","card_number":"4111 1111 1111 1111"})",
     false},
    {"JSON numbers", "application/json", R"({"card_number":4111111111111111,"cvv":123})", false},
    {"JSON, a code that starts with zero", "application/json",
     R"({"card_number":"4111111111111111","cvv":"012"})", false},
    {"JSON escapes", "application/json",
     R"({"card_number":"\u0034111111111111111","cvv":"\u0031\u0032\u0033"})", false},
    {"JSON, card in an object of its own", "application/json",
     R"({"cvc":"1234","card":{"number":"378282246310005","exp":"12/30"}})", false},
    {"JSON, a list of charges", "application/json",
     R"([{"card_number":"4111111111111111","cvv":"123"},{"card_number":"5555555555554444","cvv":"456"}])",
     false},
    {"JSON, names of several meanings", "application/json",
     R"({"number":"4111111111111111","code":"123","month":12,"year":2030})", false},
    {"JSON in a string", "application/json",
     R"({"payload":"{\"card_number\":\"4111111111111111\",\"cvv\":\"123\"}"})", false},
    {"NDJSON", "application/x-ndjson",
     "{\"card_number\":\"4111111111111111\",\"cvv\":\"123\"}\n{\"card_number\":\"5555555555554444\"}\n",
     false},
    {"form", "application/x-www-form-urlencoded", "card_number=4111+1111+1111+1111&cvv=123&a=b", false},
    {"form, percent", "application/x-www-form-urlencoded",
     "card%5Bnumber%5D=%34111111111111111&card%5Bcvc%5D=%3123", false},
    {"multipart", "multipart/form-data; boundary=B",
     "--B\r\nContent-Disposition: form-data; name=\"card_number\"\r\n\r\n4111111111111111\r\n"
     "--B\r\nContent-Disposition: form-data; name=\"cvv\"\r\n\r\n123\r\n--B--\r\n",
     false},
    {"XML", "application/xml",
     "<p><card><number>4111111111111111</number><cvv>&#49;23</cvv></card><x>1</x></p>", false},
    {"CSV", "text/csv", "name,card_number,cvv\r\nAda,4111111111111111,123\r\nBob,5555555555554444,456\r\n",
     false},
    {"UTF-16", "application/json; charset=utf-16le", "", false},
    {"text, swept", "text/plain", "charge 4111-1111-1111-1111, or else 378282246310005.", true},
    {"JSON, swept", "application/json",
     R"({"note":"card 5555 5555 5555 4444!","4111111111111111":[4111111111111111,"5555555555554444"],"x":"378282246310005"})",
     true},
};

std::string body_of(const Trip& trip) {
  if (!trip.body.empty()) return std::string(trip.body);
  std::string wide;
  for (char c : std::string_view(R"({"card_number":"4111111111111111","cvv":"123"})")) wide += {c, '\0'};
  return wide;
}

void a_body_comes_back_as_it_was(void**) {
  for (const Trip& trip : kTrips) {
    const std::string body = body_of(trip);
    for (size_t chunk : kChunks) {
      Rig::get().fresh_store();
      const Run scrubbed = run_body(Rig::get().policy(), trip.type, body, chunk);
      const Run revealed =
          run_body(trip.sweep ? sweeping() : reveal_policy(), trip.type, scrubbed.out, chunk);
      if (scrubbed.verdict.refused() || scrubbed.out == body || revealed.verdict.refused() ||
          revealed.out != body) {
        fail_msg("%s, pieces of %zu: %s -> %s -> %s (%s)", trip.name, chunk, body.c_str(),
                 scrubbed.out.c_str(), revealed.out.c_str(), reasons(revealed.verdict).c_str());
      }
    }
  }
}

struct Refusal {
  const char* name;
  std::string body;
  std::string reasons;
};

void what_is_no_token_is_refused(void**) {
  Rig& rig = Rig::get();
  const std::string token = rig.token(kVisa);
  std::string longer = token + "1234";
  const Refusal cases[] = {
      {"a card number", R"({"card_number":"4111111111111111"})", "card_number=token.format"},
      {"a mask", R"({"card_number":"411111******1111"})", "card_number=token.format"},
      {"too short", R"({"card_number":"95280147396"})", "card_number=token.format"},
      {"too long", R"({"card_number":")" + longer + R"("})", "card_number=token.format"},
      {"letters", R"({"card_number":"tok_1234"})", "card_number=token.format"},
      {"true", R"({"card_number":true})", "card_number=field.type"},
      {"another generation", R"({"card_number":"7528014739601111"})", "card_number=token.generation"},
      {"another namespace", R"({"card_number":")" + rig.token(kVisa, "other-namespace") + R"("})",
       "card_number=token.format"},
      {"a very long value", R"({"card_number":")" + std::string(3000, '9') + R"("})",
       "card_number=token.format"},
      {"an ambiguous one beside a card field", R"({"number":"4111111111111111","cvv":"123"})",
       "number=token.format"},
      {"no digits in a code", R"({"card_number":")" + token + R"(","cvv":"***"})", "cvv=alias.unknown"},
      {"an unknown alias", R"({"card_number":")" + token + R"(","cvv":"846"})", "cvv=alias.unknown"},
      {"a code without a card", R"({"cvv":"846"})", "cvv=alias.unknown"},
  };
  for (const Refusal& test : cases) {
    for (size_t chunk : kChunks) {
      const Run run = run_body(reveal_policy(), "application/json", test.body, chunk);
      if (reasons(run.verdict) != test.reasons) {
        fail_msg("%s, pieces of %zu: %s", test.name, chunk, reasons(run.verdict).c_str());
      }
      if (chunk == 0) assert_string_equal(run.out.c_str(), "");
    }
  }
}

void what_is_no_card_field_stays(void**) {
  const std::string token = Rig::get().token(kVisa);
  const std::string cases[] = {
      R"({"order":")" + token + R"(","number":")" + token + R"("})",  // perhaps an order's number
      R"({"card_number":"","cvv":null})",
      R"({"number":"9123456789012345678901","code":"x"})",
      R"({"exp_month":"13","expiry":"01/20"})",
  };
  for (const std::string& body : cases) {
    for (size_t chunk : kChunks) {
      const Run run = run_body(reveal_policy(), "application/json", body, chunk);
      assert_string_equal(run.out.c_str(), body.c_str());
      assert_false(run.verdict.refused());
    }
  }
}

struct Swept {
  const char* name;
  const char* text;  // '@' is the token, or the number
  bool revealed;
};

void tokens_are_swept_where_they_stand_alone(void**) {
  const Swept cases[] = {
      {"alone", "@", true},
      {"in a sentence", "please charge @, thanks", true},
      {"behind a group", "12 @", true},
      {"in front of a group of two", "@ 12/30", true},
      {"a letter in front", "a@", false},
      {"a letter behind", "@x", false},
      {"a digit in front", "1@", false},
      {"a fraction", "0.@", false},
      {"a float", "@.5", false},
      {"too long for a telephone number", "+@", true},
      {"a plus for a space", "q=pay+@", true},
      {"quoted", "\"@\"", true},
      {"twice", "@, @", true},
      {"behind much text",
       "................................................................................ @ .", true},
  };
  const std::string token = Rig::get().token(kVisa);
  for (const Swept& test : cases) {
    std::string sent, wanted;
    for (const char* c = test.text; *c != 0; ++c) {
      sent += *c == '@' ? token : std::string(1, *c);
      wanted += *c != '@' ? std::string(1, *c) : test.revealed ? std::string(kVisa) : token;
    }
    for (size_t chunk : kChunks) {
      const Run run = run_body(sweeping(), "text/plain", sent, chunk);
      if (run.out != wanted) fail_msg("%s, pieces of %zu: %s", test.name, chunk, run.out.c_str());
    }
  }
}

std::string scrubbed(std::string_view body) {
  Rig::get().fresh_store();
  return run_body(Rig::get().policy(), "application/json", body, 0).out;
}

Run revealed(std::string_view body, Policy policy = reveal_policy()) {
  return run_body(policy, "application/json", body, 0);
}

void a_code_is_taken_once(void**) {
  const std::string_view body = R"({"card_number":"4111111111111111","cvv":"123"})";
  std::string tokens = scrubbed(body);
  assert_string_equal(revealed(tokens).out.c_str(), body.data());
  assert_string_equal(reasons(revealed(tokens).verdict).c_str(), "cvv=alias.used");

  Policy grace = reveal_policy();
  grace.code_grace = 30;
  tokens = scrubbed(body);
  const int64_t now = Rig::get().worker().now;
  for (int64_t later : {0, 10, 30}) {
    Rig::get().worker().now = now + later;
    assert_string_equal(revealed(tokens, grace).out.c_str(), body.data());
  }
  Rig::get().worker().now = now + 31;
  assert_string_equal(reasons(revealed(tokens, grace).verdict).c_str(), "cvv=alias.used");
  Rig::get().worker().now = now + 901;
  assert_string_equal(reasons(revealed(tokens, grace).verdict).c_str(), "cvv=alias.unknown");
  Rig::get().worker().now = now;
}

void a_refused_request_costs_no_code(void**) {
  const std::string tokens =
      scrubbed(R"([{"card_number":"4111111111111111","cvv":"123"},{"card_number":"5"}])");
  // What scrubbing refused has been wiped: made by hand from one that went well.
  assert_string_equal(tokens.c_str(), "");
  const std::string good = scrubbed(R"({"card_number":"4111111111111111","cvv":"123"})");
  const std::string bad = "[" + good + R"(,{"card_number":"4111111111111111"}])";
  assert_string_equal(reasons(revealed(bad).verdict).c_str(), "card_number=token.format");
  assert_string_equal(revealed(good).out.c_str(), R"({"card_number":"4111111111111111","cvv":"123"})");
}

void an_alias_belongs_to_its_card(void**) {
  const std::string tokens = scrubbed(R"({"card_number":"4111111111111111","cvv":"123"})");
  std::string other = tokens;
  const std::string token = Rig::get().token(kMastercard);
  other.replace(other.find('9'), 16, token);
  assert_string_equal(reasons(revealed(other).verdict).c_str(), "cvv=alias.unknown");
  assert_false(revealed(tokens).verdict.refused());
}

void the_same_code_twice_is_taken_once(void**) {
  const std::string_view one = R"({"card_number":"4111111111111111","cvv":"123"})";
  const std::string tokens = scrubbed(one);
  const Run run = revealed("[" + tokens + "," + tokens + "]");
  assert_string_equal(run.out.c_str(), ("[" + std::string(one) + "," + std::string(one) + "]").c_str());
}

void a_code_with_a_leading_zero_is_no_json_number(void**) {
  const std::string tokens = scrubbed(R"({"card_number":"4111111111111111","cvv":"012"})");
  std::string bare = tokens;
  const size_t at = bare.find("\"cvv\":\"") + 6;
  bare.erase(at, 1);
  bare.erase(at + 3, 1);
  assert_string_equal(reasons(revealed(bare).verdict).c_str(), "cvv=code.number");
}

void a_code_may_be_wanted(void**) {
  Policy policy = reveal_policy();
  policy.reveal_wants_code = true;
  const std::string token = Rig::get().token(kVisa);
  assert_string_equal(reasons(revealed(R"({"card_number":")" + token + R"("})", policy).verdict).c_str(),
                      "code=field.missing");
  assert_string_equal(
      reasons(revealed(R"({"card_number":")" + token + R"(","cvv":""})", policy).verdict).c_str(),
      "code=field.missing");
  assert_string_equal(reasons(revealed(R"({"amount":1})", policy).verdict).c_str(), "");
  const std::string both = "[" + scrubbed(R"({"card_number":"4111111111111111","cvv":"123"})") +
                           R"(,{"card_number":")" + Rig::get().token(kMastercard) + R"("}])";
  assert_string_equal(reasons(revealed(both, policy).verdict).c_str(), "code=field.missing");
}

void a_store_that_answers_later(void**) {
  const std::string_view body = R"({"card_number":"378282246310005","cvv":"1234"})";
  std::string tokens = scrubbed(body);
  Verdict verdict;
  CodeErrands errands;
  Policy policy = reveal_policy();
  Body reading(policy, Rig::get().worker(), verdict, {}, nullptr, &errands);
  assert_int_equal(reading.start("application/json", {}), Reason::kNone);
  auto block = testing::exact_block(tokens);
  RawView view{block.get(), 0, tokens.size()};
  (void)reading.push({view.data, view.size}, true);
  assert_false(verdict.refused());
  assert_int_equal(errands.size(), 1);
  assert_true(errands[0].task == CodeErrand::Task::kTake);
  assert_true(errands[0].token == testing::digits_of(Rig::get().token(kAmex)));
  bind_codes(policy, &errands, &verdict);
  write_code(StoreResult::kOk, testing::digits_of("1234"), &errands[0], view, &verdict);
  assert_memory_equal(block.get(), body.data(), body.size());
  assert_false(verdict.refused());
  write_code(StoreResult::kOk, testing::digits_of("123"), &errands[0], view, &verdict);
  assert_string_equal(reasons(verdict).c_str(), "cvv=fault");
}

void codes_apart_belong_to_the_only_card(void**) {
  Rig::get().fresh_store();
  const Policy policy = reveal_policy();
  const Digits token = testing::digits_of(Rig::get().token(kVisa));
  Verdict verdict;
  CodeErrand errand{CodeErrand::Task::kTake, {}, testing::digits_of("846"), {}, {}, "x-cvv", false, {}};
  CodeErrands errands{errand};
  verdict.revealed.push_back({token, Brand::kVisa, true, "card_number"});
  verdict.revealed.push_back({token, Brand::kVisa, true, "card_number"});
  bind_codes(policy, &errands, &verdict);
  assert_true(errands[0].token == token);
  assert_false(verdict.refused());

  verdict.revealed.push_back(
      {testing::digits_of(Rig::get().token(kAmex)), Brand::kAmex, true, "card_number"});
  errands = {errand};
  bind_codes(policy, &errands, &verdict);
  assert_string_equal(reasons(verdict).c_str(), "x-cvv=alias.unknown");
}

void brands_and_test_cards_count(void**) {
  const std::string body = R"({"card_number":")" + Rig::get().token(kVisa) + R"("})";
  Policy policy = reveal_policy();
  policy.brands = 1u << static_cast<unsigned>(Brand::kMastercard);
  assert_string_equal(reasons(revealed(body, policy).verdict).c_str(), "card_number=token.format");
  policy = reveal_policy();
  policy.test_cards = TestCards::kReject;
  assert_string_equal(reasons(revealed(body, policy).verdict).c_str(), "card_number=pan.test_card");
  policy = reveal_policy();
  policy.max_findings = 1;
  assert_string_equal(reasons(revealed("[" + body + "," + body + "]", policy).verdict).c_str(),
                      "card_number=limit.findings");
}

void what_was_revealed_is_told(void**) {
  const std::string token = Rig::get().token(kVisa);
  const Run run = revealed(R"({"a":{"card_number":")" + token + R"("}})");
  assert_int_equal(run.verdict.revealed.size(), 1);
  const RevealedCard& card = run.verdict.revealed[0];
  assert_string_equal(card.field.c_str(), "a.card_number");
  assert_true(card.named && card.brand == Brand::kVisa);
  assert_string_equal(testing::text_of(card.token).c_str(), token.c_str());
  assert_int_equal(run.events.size(), 1);
  assert_string_equal(run.events[0].c_str(), "pan visa reveal 21+16 a.card_number");
}

// Of a token in groups the first ones may be a token themselves, by chance: never another number comes back.
void groups_of_a_long_token_are_one(void**) {
  Policy scrubbing = Rig::get().policy();
  size_t back = 0;
  constexpr size_t kNumbers = 400;
  for (size_t n = 0; n < kNumbers; ++n) {
    Digits pan;  // Maestro, of a length that is not common
    for (char c : "566018" + std::to_string(100000000000 + n * 7654321)) {
      assert_true(pan.push(static_cast<uint8_t>(c - '0')));
    }
    assert_true(pan.push(luhn_check_digit(pan.span())));
    std::string number = testing::text_of(pan);
    for (size_t at : {16u, 12u, 8u, 4u}) number.insert(at, 1, ' ');
    const std::string named = "{\"number\":\"" + number + "\"}";
    const Run sent = run_body(scrubbing, "application/json", named, 0);
    assert_int_equal(sent.events.size(), 1);
    // Where a part of the token would be a number, it is masked.
    if (sent.events[0].find(" mask ") != std::string::npos) continue;
    assert_string_equal(run_body(sweeping(), "application/json", sent.out, 0).out.c_str(), named.c_str());

    const std::string text = "paid with card " + number + ", thanks";
    const Run swept = run_body(scrubbing, "text/plain", text, 0);
    assert_int_equal(swept.events.size(), 1);
    if (swept.events[0].find(" mask ") != std::string::npos) continue;
    const Run revealed = run_body(sweeping(), "text/plain", swept.out, 0);
    if (!revealed.verdict.refused()) assert_string_equal(revealed.out.c_str(), text.c_str());
    if (!revealed.verdict.refused()) ++back;
  }
  assert_true(back > kNumbers / 2);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_body_comes_back_as_it_was),
      cmocka_unit_test(what_is_no_token_is_refused),
      cmocka_unit_test(what_is_no_card_field_stays),
      cmocka_unit_test(tokens_are_swept_where_they_stand_alone),
      cmocka_unit_test(a_code_is_taken_once),
      cmocka_unit_test(a_refused_request_costs_no_code),
      cmocka_unit_test(an_alias_belongs_to_its_card),
      cmocka_unit_test(the_same_code_twice_is_taken_once),
      cmocka_unit_test(a_code_with_a_leading_zero_is_no_json_number),
      cmocka_unit_test(a_code_may_be_wanted),
      cmocka_unit_test(a_store_that_answers_later),
      cmocka_unit_test(codes_apart_belong_to_the_only_card),
      cmocka_unit_test(brands_and_test_cards_count),
      cmocka_unit_test(what_was_revealed_is_told),
      cmocka_unit_test(groups_of_a_long_token_are_one),
  };
  return cmocka_run_group_tests_name("reveal", tests, nullptr, nullptr);
}
