// JsonSkim against the filter's own loop: the same findings, bytes, refusals and places of errors, for JSON
// that is right, that is nearly right, and at any cut.
#include "filters/json_skim.h"

#include "filters/json_screen.h"
#include "src/issuer.h"
#include "tests/unit/json_codings.h"
#include "tests/unit/json_generator.h"

namespace cardscrub {
namespace {

using testing::Generator;
using testing::kChunkSizes;
using testing::kJson;
using testing::kLines;
using testing::malformed_at;
using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr std::string_view kKinds[] = {"avx2", "sse2"};

std::string told(const Run& run) {
  std::string text = run.verdict.refused() ? run.verdict.problem_json() : run.out;
  for (const std::string& event : run.events) text += "\n" + event;
  return text;
}

void hold_against_each_other(const Policy& policy, uint32_t seed, std::string_view type,
                             const std::string& in, size_t chunk) {
  JsonSkim::use({});
  const Run slow = run_body(policy, type, in, chunk);
  for (std::string_view kind : kKinds) {
    if (!JsonSkim::use(kind)) continue;
    const Run quick = run_body(policy, type, in, chunk);
    if (told(quick) != told(slow) || malformed_at(quick) != malformed_at(slow)) {
      fail_msg("seed %u, %s, pieces of %zu of %s\nslow: %s\nquick: %s", seed, std::string(kind).c_str(),
               chunk, in.c_str(), told(slow).c_str(), told(quick).c_str());
    }
  }
}

Policy plain_policy() {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;  // an alias is random
  return policy;
}

void random_json(const Policy& policy, uint32_t seeds, bool spoilt, std::string_view type = kJson) {
  for (uint32_t seed = 1; seed <= seeds; ++seed) {
    Generator generator(seed);
    std::string in = generator.body(200 + generator.below(1500));
    if (spoilt) generator.spoil(&in);
    for (size_t chunk : {size_t{0}, 64 + generator.below(500), kChunkSizes[generator.below(8)]}) {
      hold_against_each_other(policy, seed, type, in, chunk);
    }
  }
}

void right_json(void**) { random_json(plain_policy(), 700, false); }
void spoilt_json(void**) { random_json(plain_policy(), 2500, true); }

void places_of_errors(void**) {
  Policy policy = plain_policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
  random_json(policy, 200, false);
  random_json(policy, 2500, true);
}

void several_roots(void**) { random_json(plain_policy(), 400, true, kLines); }

void other_policies(void**) {
  Policy policy = plain_policy();
  const FieldPattern patterns[] = {{Kind::kCode, "zz"},      {Kind::kPan, "x1"},
                                   {Kind::kCode, "list.yy"}, {Kind::kIgnore, "items"},
                                   {Kind::kCode, "true"},    {Kind::kCode, "customer.n12"}};
  Result<FieldNames> fields = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(fields));
  policy.fields = &*fields;
  random_json(policy, 300, false);
  random_json(policy, 500, true);
  policy = plain_policy();
  policy.max_depth = 4;
  random_json(policy, 200, false);
  policy = plain_policy();
  policy.mode = Mode::kMonitor;
  random_json(policy, 200, true);
}

void reveals(void**) {
  Policy policy = plain_policy();
  policy.direction = Direction::kReveal;
  policy.reveal_sweep = true;
  random_json(policy, 300, false);
}

// Every single byte of a body replaced by every other one that means something, at every place of a block.
void every_place(void**) {
  Policy policy = plain_policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
  const std::string row =
      R"({"id":1751907445755,"name":"Ada","card":{"number":"4111111111111111","cvv":"123"},"l":[1,{"a":[]}],"t":true},)";
  for (const char c : std::string_view("\"\\{}[],:1t \n'\xC3")) {
    for (size_t at = 0; at < row.size(); ++at) {
      std::string spoilt = row;
      spoilt[at] = c;
      const std::string in = "[" + std::string(at % 3, ' ') + row + spoilt + row + row + "1]";
      hold_against_each_other(policy, static_cast<uint32_t>(at), kJson, in, 0);
    }
  }
}

// What other scripts write for white space and full stops counts as in ASCII, at any size of a body.
void separators_beyond_ascii(void**) {
  constexpr std::string_view kCases[] = {
      "{\"name\":\"cvv\u3000\",\"value\":\"123\"}",
      "{\"name\":\"my\u200Bcvv\",\"value\":\"123\"}",
      "{\"name\":\"order\uFF0Ecvv\",\"value\":\"123\"}",
      "{\"x\uFF0Ename\":\"cvv\",\"x\uFF0Evalue\":\"123\"}",
      "{\"value\":\"123\",\"x\uFF0Ename\":\"cvv\"}",
      "{\"cvv\u3000\":\"123\"}",
      "{\"c\u2060vv\":\"123\"}",
      "{\"cvv\u00A0\":{\"value\":\"123\"}}",
      "{\"order\uFF0Esecurity_code\":\"123\"}",
      "{\"text\":\"\uFEFF{\\\"cvv\\\":\\\"123\\\"}\"}",
  };
  for (std::string_view c : kCases) {
    for (size_t before : {size_t{0}, size_t{1}, size_t{40}}) {
      std::string in = "[";
      for (size_t i = 0; i < before; ++i) in += R"({"id":17,"title":"x"},)";
      in += c;
      for (size_t i = 0; i < 40; ++i) in += R"(,{"id":17,"title":"x"})";
      in += "]";
      hold_against_each_other(plain_policy(), static_cast<uint32_t>(before), kJson, in, 0);
      for (std::string_view kind : kKinds) {
        if (!JsonSkim::use(kind)) continue;
        const Run run = run_body(plain_policy(), kJson, in, 0);
        if (run.verdict.refused() || run.out.find("123") != std::string::npos)
          fail_msg("%s behind %zu others", std::string(c).c_str(), before);
      }
    }
  }
}

// Text of other scripts and long texts take the quick way too: no more than a few bytes are left to the loop.
void passes_what_it_can(void**) {
  const struct {
    const char* name;
    std::string element;
  } cases[] = {
      {"objects", R"({"id":1751907445755,"title":"was mail his please a.","tags":["a",null,2.5],"ok":true})"},
      {"indented", "{\n    \"id\": 17,\n\t\"title\" : \"x\"\n  }"},
      {"text", "\"" + std::string(700, 'x') + " 12 Monkeys, 2026-11-23\""},
      {"other scripts",
       "\"\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xE4\xB8\xAD\xE6\x96\x87 d\xC3\xA9j\xC3\xA0\""},
      {"telephone numbers", R"({"phone":"+33 6 73 51 64 85","uuid":"9177d0fb-0827-4f10-a818-1682b180b82d"})"},
  };
  for (std::string_view kind : kKinds) {
    if (!JsonSkim::use(kind)) continue;
    for (const auto& c : cases) {
      std::string text = "[";
      for (unsigned i = 0; i < 200; ++i) text += c.element + ",";
      text += "1]";
      const Policy policy = plain_policy();
      Verdict verdict;
      Scrubber scrubber(policy, Rig::get().worker(), verdict, {});
      JsonPath path;
      path.start(scrubber);
      assert_true(path.push({}, false, {}, scrubber));
      size_t at = 1;
      JsonState state = JsonState::kFirstValue;
      bool trouble = false;
      JsonSkim(path, scrubber)
          .pass({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, &at, &state, &trouble);
      if (trouble || text.size() - at > 1024)
        fail_msg("case: %s: stops at %zu of %zu", c.name, at, text.size());
    }
  }
}

// The table by two digits leaves none of the issuers' numbers out.
void issued_lengths_are_those_of_the_table(void**) {
  for (const IssuerRange& range : issuer_table()) {
    for (uint64_t edge : {uint64_t{range.first}, uint64_t{range.last}}) {
      for (unsigned prefix = range.prefix; prefix < 2; ++prefix)
        edge = edge * 10 + (edge == range.last ? 9 : 0);
      while (edge > 99) edge /= 10;
      assert_int_equal(issued_lengths(static_cast<unsigned>(edge)) & range.lengths, range.lengths);
    }
  }
  assert_int_equal(issued_lengths(17) & 1u << 19, 0);
  assert_int_equal(issued_lengths(0), 0);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  use_json_screen(false);
  const CMUnitTest tests[] = {
      cmocka_unit_test(right_json),         cmocka_unit_test(spoilt_json),
      cmocka_unit_test(places_of_errors),   cmocka_unit_test(several_roots),
      cmocka_unit_test(other_policies),     cmocka_unit_test(reveals),
      cmocka_unit_test(every_place),        cmocka_unit_test(separators_beyond_ascii),
      cmocka_unit_test(passes_what_it_can), cmocka_unit_test(issued_lengths_are_those_of_the_table),
  };
  return cmocka_run_group_tests_name("json_skim", tests, nullptr, nullptr);
}
