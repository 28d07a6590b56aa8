// Answers of applications: by a policy for responses, nothing that they hold makes them fail.
#include "filters/fallback.h"

#include <limits>

#include "tests/rig.h"
#include "tests/unit/testing.h"

namespace cardscrub::testing {

namespace {

constexpr std::string_view kVisa = "4111111111111111";

Policy answers() {
  Policy policy = Rig::get().policy();
  policy.response = true;
  policy.pan = policy.code = policy.sweep = policy.invalid = Action::kMask;
  policy.max_findings = std::numeric_limits<size_t>::max();
  return policy;
}

std::string deep(std::string_view inside) {
  std::string out;
  for (size_t i = 0; i < limits::kDepth + 10; ++i) out += "[";
  out += inside;
  for (size_t i = 0; i < limits::kDepth + 10; ++i) out += "]";
  return out;
}

// `in` with `from` masked.
std::string masked(std::string in, std::string_view from, std::string_view to) {
  size_t at = in.find(from);
  assert_true(at != std::string::npos);
  return in.replace(at, from.size(), to);
}

struct Case {
  const char* name;
  std::string_view type;
  std::string in;
  std::string out;  // empty: as it came
};

const Case kCases[] = {
    {"named and swept", "application/json",
     R"({"card_number":"4111 1111 1111 1111","cvv":"123","note":"378282246310005","cvc":123})",
     R"({"card_number":"4111 11** **** 1111","cvv":"***","note":"378282*****0005","cvc":999})"},
    {"a mistyped number is masked", "application/json", R"({"card_number":"4111111111111112"})",
     R"({"card_number":"411111******1112"})"},
    {"one of an unknown brand", "application/json", R"({"card_number":"8111111111111112"})",
     R"({"card_number":"811111******1112"})"},
    {"one that lost a digit", "application/json", R"({"card_number":"411111111111111"})",
     R"({"card_number":"***************"})"},
    {"last four, labels, identifiers stay", "application/json",
     R"({"card_number":"1111","cvv":"","cvc":"12","security_code":"AB-1234","card_code":20451,"cc_exp":"soon"})",
     ""},
    {"values of another type stay", "application/json", R"({"cvv":true,"card_number":null,"csc":false})", ""},
    {"text under a card's name is searched", "application/json",
     R"({"card_number":"4111111111111111 is not accepted, nor is 5555555555554444"})",
     R"({"card_number":"411111******1111 is not accepted, nor is 555555******4444"})"},
    {"a long text under a code's name is searched", "application/json",
     R"({"cvv":")" + std::string(3000, 'x') + R"( 4111111111111111"})",
     R"({"cvv":")" + std::string(3000, 'x') + R"( 411111******1111"})"},
    {"names that mean other things too", "application/json",
     R"({"code":200,"number":"4111111111111112","month":13,"card_number":"4111111111111111","cid":"123"})",
     R"({"code":200,"number":"4111111111111112","month":13,"card_number":"411111******1111","cid":"123"})"},
    {"what is masked stays", "application/json", R"({"card_number":"411111******1111","cvv":"***"})", ""},
    {"past dates stay", "application/json", R"({"card_exp":"01/19","exp_month":"13"})", ""},
    {"too deep", "application/json", deep(R"({"note":"4111111111111111","x":1})"),
     deep(R"({"note":"411111******1111","x":1})")},
    {"too deep, digits of another script", "application/json", deep("\"４１１１１１１１１１１１１１１１\""),
     deep("\"４１１１１１＊＊＊＊＊＊１１１１\"")},
    {"no JSON at all", "application/json", "oops 4111111111111111", "oops 411111******1111"},
    {"documents inside documents", "application/json",
     R"(["[\"[\\\"[\\\\\\\"[\\\\\\\\\\\\\\\"[4111111111111111]\\\\\\\\\\\\\\\"]\\\\\\\"]\\\"]\"]"])",
     R"(["[\"[\\\"[\\\\\\\"[\\\\\\\\\\\\\\\"[411111******1111]\\\\\\\\\\\\\\\"]\\\\\\\"]\\\"]\"]"])"},
    {"a document type with entities", "image/svg+xml",
     R"(<!DOCTYPE svg [<!ENTITY a "b">]><svg><cvv>123</cvv>4111111111111111</svg>)",
     R"(<!DOCTYPE svg [<!ENTITY a "b">]><svg><cvv>123</cvv>411111******1111</svg>)"},
    {"a long tag", "image/svg+xml",
     "<svg><path " + std::string(3000, 'd') + "=\"1\"/><t>4111111111111111</t></svg>",
     "<svg><path " + std::string(3000, 'd') + "=\"1\"/><t>411111******1111</t></svg>"},
    {"a column of a long header", "text/csv", std::string(40000, 'h') + ",cvv\n1,4111111111111111\n",
     std::string(40000, 'h') + ",cvv\n1,411111******1111\n"},
    {"an unknown charset", "text/html; charset=shift_jis", "<p>\x83\x4a 4111111111111111</p>",
     "<p>\x83\x4a 411111******1111</p>"},
    {"multipart without a boundary", "multipart/mixed", "--x\r\n\r\n4111111111111111\r\n--x--",
     "--x\r\n\r\n411111******1111\r\n--x--"},
    {"an unknown transfer coding", "multipart/mixed; boundary=x",
     "--x\r\nContent-Transfer-Encoding: odd\r\n\r\n4111111111111111\r\n--x--",
     "--x\r\nContent-Transfer-Encoding: odd\r\n\r\n411111******1111\r\n--x--"},
    {"no type", "", "4111111111111111", "411111******1111"},
    {"tokens stay", "text/html", "<b>9528014739601111</b>", ""},
};

void nothing_makes_an_answer_fail(void**) {
  const Policy policy = answers();
  for (const Case& c : kCases) {
    for (size_t chunk : {1u, 2u, 3u, 5u, 7u, 16u, 17u, 64u, 0u}) {
      Run run = run_body(policy, c.type, c.in, chunk);
      const std::string& wanted = c.out.empty() ? c.in : c.out;
      if (run.out != wanted) fail_msg("%s, pieces of %zu: %s", c.name, chunk, run.out.c_str());
      assert_false(run.verdict.refused());
    }
  }
}

void rejected_all_the_same(void**) {
  Policy policy = answers();
  policy.pan = policy.code = policy.sweep = Action::kReject;
  struct {
    std::string_view type;
    std::string in;
    Reason reason;
  } const cases[] = {
      {"application/json", R"({"card_number":"4111111111111111"})", Reason::kPanForbidden},
      {"application/json", R"({"cvv":"123"})", Reason::kCodeForbidden},
      {"text/html", "<p>4111111111111111", Reason::kPanForbidden},
      {"application/json", deep("4111111111111111"), Reason::kPanForbidden},
      {"text/plain", "%B4111111111111111^DOE/J^29121010000000000000?", Reason::kTrackForbidden},
  };
  for (const auto& c : cases) {
    Run run = run_body(policy, c.type, c.in, 0);
    assert_true(run.verdict.refused());
    assert_int_equal(static_cast<int>(run.verdict.problems().front().reason), static_cast<int>(c.reason));
    assert_true(run.out.find(kVisa) == std::string::npos);
  }
  Run run = run_body(policy, "application/json", R"({"card_number":"4111111111111112","cvv":"1"})", 0);
  assert_false(run.verdict.refused());
  assert_string_equal(run.out.c_str(), R"({"card_number":"411111******1112","cvv":"1"})");
}

// Wide text goes on being read as such.
void wide_text_after_giving_up(void**) {
  std::string in = deep("4111111111111111");
  std::string wide;
  for (char c : in) wide += {c, '\0'};
  std::string wanted;
  for (char c : masked(in, kVisa, "411111******1111")) wanted += {c, '\0'};
  for (size_t chunk : {1u, 3u, 64u, 0u}) {
    Run run = run_body(answers(), "application/json; charset=utf-16le", wide, chunk);
    assert_true(run.out == wanted);
    assert_false(run.verdict.refused());
  }
}

// What is told of text behind the place where a filter gave up: no names, wherever the pieces end.
void no_names_after_giving_up(void**) {
  struct {
    std::string_view type;
    std::string in;
    std::string told;
  } const cases[] = {
      {"text/xml", "<o><card><cvc>&#x3" + std::string(116, 'x') + ";</cvc></card><n>4111111111111111</n></o>",
       "pan visa mask 151+16 "},
      {"application/json", R"({"a":{"b":[[[["4111111111111111"]]]]}})", "pan visa mask 15+16 "},
  };
  Policy policy = answers();
  policy.max_depth = 4;
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      const Run run = run_body(policy, c.type, c.in, chunk);
      assert_int_equal(run.events.size(), 1);
      assert_string_equal(run.events[0].c_str(), c.told.c_str());
    }
  }
}

// What cannot be card data is not kept back: an event stream's reader waits for it.
void nothing_is_kept_back_without_need(void**) {
  for (std::string_view line : {"data: tick\n\n", "data: 12345\n\n", "{\"code\":200,\"id\":\"a\"}\n"}) {
    Verdict verdict;
    const Policy policy = answers();
    Body body(policy, Rig::get().worker(), verdict, {});
    assert_int_equal(static_cast<int>(body.start("text/event-stream", {})), static_cast<int>(Reason::kNone));
    for (int i = 0; i < 3; ++i) {
      auto block = exact_block(line);
      Body::Output out = body.push({block.get(), line.size()}, false);
      assert_int_equal(out.held.size() + out.piece.size(), line.size());
    }
  }
}

}  // namespace

}  // namespace cardscrub::testing

int main() {
  using namespace cardscrub::testing;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_makes_an_answer_fail),      cmocka_unit_test(rejected_all_the_same),
      cmocka_unit_test(wide_text_after_giving_up),         cmocka_unit_test(no_names_after_giving_up),
      cmocka_unit_test(nothing_is_kept_back_without_need),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
