// The screen against the filter: what it lets pass unread, the filter would have left as it is without a
// word.
#include "filters/json_screen.h"

#include "tests/unit/json_codings.h"
#include "tests/unit/json_generator.h"

namespace cardscrub {
namespace {

using testing::exact_block;
using testing::Generator;
using testing::kJson;
using testing::kLines;
using testing::Rig;
using testing::Run;
using testing::run_body;

Policy plain_policy() {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;  // an alias is random
  return policy;
}

bool harmless(const Policy& policy, std::string_view in) {
  Verdict verdict;
  Scrubber scrubber(policy, Rig::get().worker(), verdict, {});
  const auto block = exact_block(in);
  return json_is_harmless({block.get(), in.size(), nullptr, 0}, scrubber);
}

// 1: harmless; 0: not; fails when the filter sees something in what is harmless.
size_t judge(const Policy& policy, std::string_view type, const std::string& in, uint32_t seed) {
  use_json_screen(true);
  const bool passes = harmless(policy, in);
  const Run quick = run_body(policy, type, in, 0);
  use_json_screen(false);
  const Run slow = run_body(policy, type, in, 0);
  if (quick.out != slow.out || quick.events != slow.events ||
      quick.verdict.problem_json() != slow.verdict.problem_json() ||
      (passes && (slow.out != in || !slow.events.empty() || slow.verdict.refused()))) {
    fail_msg("seed %u: %s", seed, in.c_str());
  }
  return passes ? 1 : 0;
}

// A share of the bodies must pass, or nothing is held against anything.
void random_json(const Policy& policy, uint32_t seeds, bool spoilt, size_t percent,
                 std::string_view type = kJson) {
  size_t passed = 0;
  for (uint32_t seed = 1; seed <= seeds; ++seed) {
    Generator generator(seed, seed % 3 == 0 ? 1 : seed % 3 == 1 ? 20 : 300);
    std::string in = generator.body(20 + generator.below(700));
    if (spoilt) generator.spoil(&in);
    passed += judge(policy, type, in, seed);
  }
  if (use_json_screen(true) && passed * 100 < percent * seeds) fail_msg("%zu of %u pass", passed, seeds);
}

void right_json(void**) { random_json(plain_policy(), 3000, false, 12); }
void spoilt_json(void**) { random_json(plain_policy(), 6000, true, 7); }
void several_roots(void**) { random_json(plain_policy(), 1000, true, 7, kLines); }

void other_policies(void**) {
  Policy policy = plain_policy();
  const FieldPattern patterns[] = {{Kind::kCode, "zz"},      {Kind::kPan, "x1"},
                                   {Kind::kCode, "list.yy"}, {Kind::kIgnore, "items"},
                                   {Kind::kCode, "true"},    {Kind::kCode, "customer.n12"}};
  Result<FieldNames> fields = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(fields));
  policy.fields = &*fields;
  random_json(policy, 1500, false, 3);
  random_json(policy, 1500, true, 2);
  policy = plain_policy();
  policy.max_depth = 4;
  random_json(policy, 1500, false, 3);
  policy = plain_policy();
  policy.mode = Mode::kMonitor;
  random_json(policy, 1000, true, 7);
  policy = plain_policy();
  policy.sweep = Action::kNone;
  random_json(policy, 1000, true, 7);
  policy = plain_policy();
  policy.response = true;
  random_json(policy, 1000, true, 7);
}

// Where more is asked of a body than that it has no card data, it is read.
void asks_for_more(void**) {
  const std::string in = R"({"a":1})";
  if (!use_json_screen(true)) return;
  assert_true(harmless(plain_policy(), in));
  Policy policy = plain_policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  assert_false(harmless(policy, in));
  policy = plain_policy();
  policy.direction = Direction::kReveal;
  policy.reveal_sweep = true;
  assert_false(harmless(policy, in));
  const FieldPattern any[] = {{Kind::kCode, "~secret"}};
  Result<FieldNames> fields = FieldNames::compile(any);
  policy = plain_policy();
  policy.fields = &*fields;
  assert_false(harmless(policy, in));
}

// What matters, at every place of a block and of the end.
void every_place(void**) {
  static constexpr std::string_view kThings[] = {
      R"("cvv":123)",
      R"("cvv" : 123)",
      R"("cvv" 123)",
      R"("number":"4111111111111111")",
      "4111111111111111",
      "4111 1111 1111 1111",
      "-4111111111111111",
      R"("4111 1111 1111 1111")",
      "\"4111\xC2\xA0"
      "1111\xC2\xA0"
      "1111\xC2\xA0"
      "1111\"",
      "\"\xEF\xBC\x94\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91"
      "\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\xEF\xBC\x91\"",
      R"("{\"cvv\":\"123\"}")",
      R"("{'cvv':123}")",
      R"(" [{'cvv':123}]")",
      "\"\xC2\xA0{'cvv':123, 'n':123456789012}\"",
      R"('cvv":123,"':1)",
      "cvv:123",
      R"(/*"*/"cvv":123)",
      R"("\u0063vv":123)",
      R"(";4111111111111111=30121010000000000000?")",
      "nullcvv:123",
      "1true",
  };
  size_t looked = 0;
  for (std::string_view thing : kThings) {
    for (size_t front = 0; front < 200; ++front) {
      for (size_t behind : {0u, 1u, 47u, 60u, 130u}) {
        std::string in = "{\"a\":\"" + std::string(front, 'x') + "\",";
        in += thing;
        if (behind != 0) in += ",\"b\":\"" + std::string(behind, 'y') + "\"";
        in += "}";
        looked += 1 - judge(plain_policy(), kJson, in, static_cast<uint32_t>(front));
      }
    }
  }
  assert_true(looked > 0);
}

// No card data, and nothing of it needs the filter.
void passes_what_it_can(void**) {
  static constexpr struct {
    const char* name;
    std::string_view in;
    bool passes;
  } kCases[] = {
      {"empty", "{}", true},
      {"numbers of no brand",
       R"({"id":1778617436057337427,"ms":1751907445755,"x":[-1,0.25,48.8566140001234]})", true},
      {"words", R"([true,false,null,{"a":null,"b":true}])", true},
      {"indented", "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": \"x\"\n}\n", true},
      {"space in front of a colon", R"({"a" : 1})", true},
      {"digits in text",
       R"({"phone":"+33 6 12 34 56 78","date":"2026-11-23T12:30:00.123Z","tag":"99340375801096e73f3"})",
       true},
      {"other scripts", "{\"a\":\"\xD0\xBF\xD1\x80\xD0\xB8 \xE4\xB8\xAD\xE6\x96\x87\"}", true},
      {"a value like a name", R"({"a":"cvv","b":["number"]})", true},
      {"names of two components", R"({"customer":{"id":"c_1"}})", true},
      {"an index", R"({"10":"x"})", true},
      {"a listed name", R"({"cvv":"123"})", false},
      {"an escape", R"({"a":"\n"})", false},
      {"JSON in a string", R"({"a":"[1]"})", false},
      {"JSON behind space in a string", R"({"a":" 	{}"})", false},
      {"JSON behind a no-break space", "{\"a\":\"\xC2\xA0{}\"}", false},
      {"space in a string", R"({"a":" x"})", true},
      {"no bracket first", " {}", false},
      {"a word that is none", R"({"a":nul})", false},
      {"a cut string", R"({"a":"x)", true},
      {"a comment", "{/**/}", false},
  };
  if (!use_json_screen(true)) return;
  for (const auto& c : kCases) {
    if (harmless(plain_policy(), c.in) != c.passes) fail_msg("case: %s", c.name);
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(passes_what_it_can), cmocka_unit_test(every_place),   cmocka_unit_test(right_json),
      cmocka_unit_test(spoilt_json),        cmocka_unit_test(several_roots), cmocka_unit_test(other_policies),
      cmocka_unit_test(asks_for_more),
  };
  return cmocka_run_group_tests_name("json_screen", tests, nullptr, nullptr);
}
