// The CSV filter: columns by name, at every cut.
#include "filters/csv.h"

#include "tests/unit/random_laws.h"

namespace cardscrub {
namespace {

using testing::filled;
using testing::kChunkSizes;
using testing::listed;
using testing::Rig;
using testing::Run;
using testing::run_filter;
using testing::script;

constexpr std::string_view kVisa = "4111111111111111";

Run run(const Policy& policy, std::string_view in, size_t chunk) {
  auto filter = make_csv_filter(0);
  return run_filter(*filter, policy, in, chunk);
}

Policy masking_policy() {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  return policy;
}

void check(const std::string& name, const std::string& in, const std::string& out, size_t findings) {
  const Policy policy = masking_policy();
  Run whole = run(policy, in, 0);
  if (whole.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  if (whole.out != out) fail_msg("case: %s: %s became %s", name.c_str(), in.c_str(), whole.out.c_str());
  if (whole.events.size() != findings) fail_msg("case: %s:%s", name.c_str(), listed(whole.events).c_str());
  for (size_t chunk : kChunkSizes) {
    Run cut = run(policy, in, chunk);
    if (cut.out != whole.out) fail_msg("case: %s, pieces of %zu: %s", name.c_str(), chunk, cut.out.c_str());
    if (cut.events != whole.events) {
      fail_msg("case: %s, pieces of %zu:%s\ninstead of%s", name.c_str(), chunk, listed(cut.events).c_str(),
               listed(whole.events).c_str());
    }
  }
  Run twice = run(policy, out, 0);
  if (twice.out != out) fail_msg("case: %s: twice is not once: %s", name.c_str(), twice.out.c_str());
}

// '@' is a card number, '~' a code.
void cases(void**) {
  const struct {
    const char* name;
    std::string_view text;
  } table[] = {
      {"columns", "name,card_number,cvv\r\nJane,@,~\r\nJoe,@,~\r\n"},
      {"no line end at the end", "card_number,cvv\n@,~"},
      {"semicolons", "name;card_number;cvv\nDoe, Jane;@;~\n"},
      {"tabs", "name\tcvv\nDoe, Jane; x\t~\n"},
      {"carriage returns", "name,cvv\rJane,~\rJoe,~\r"},
      {"quoted", "\"name\",\"card_number\",\"cvv\"\r\n\"Doe, Jane\",\"@\",\"~\"\r\n"},
      {"quoted, doubled quotes", "\"a \"\"b\"\"\",cvv\n\"say \"\"hi\"\"\",~\n\"\"\"\",\"~\"\n\"\",~\n"},
      {"quoted line break", "note,cvv\n\"one\ntwo, @\r\nthree\",~\n"},
      {"quoted separator in the header", "\"a;b;c;d\",cvv\nx,~\n"},
      {"line break in the header", "\"a\nb\",cvv\nx,~\n"},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "cvv,x\n~,y\n"},
      {"spaces around names", " card number , CVV \n@,~\n"},
      {"swept", "a,b\nx,paid with @.\n\"@\",\n"},
      {"number in the header", "@,cvv\nx,~\n"},
      {"number in a quoted header", "\"@\",cvv\nx,~\n"},
      {"more cells than columns", "cvv\n~,@,123\n"},
      {"fewer cells", "a,b,cvv\nx\n\n\r\nx,y,~\n"},
      {"empty cells", ",cvv,\n,,\n,~,\n"},
      {"json in a cell", "p,x\n\"{\"\"cvv\"\":\"\"~\"\",\"\"n\"\":\"\"@\"\"}\",1\n"},
      {"json without quotes", "p\n{'x':@}\n"},
      {"behind a quote", "a,cvv\n\"x\" @,~\n"},
      {"quote inside", "a,cvv\nx \"y,~\n"},
      {"quote not closed", "a,cvv\n\"x @,1\n12"},
      {"only a header", "card_number,cvv"},
      {"empty lines in front", "\r\n\ncvv\n~\n"},
      {"empty", ""},
      {"ambiguous beside a card", "number,code,cvv\n@,~,~\n"},
      {"bars", "name|card_number|cvv\nDoe, Jane|@|~\n"},
      {"a named separator", "sep=;\r\na;cvv\r\nx,y,z;~\r\n"},
      {"a named separator of no kind", "\xEF\xBB\xBFSEP=^\ncvv^a,b,c\n~^x\n"},
      {"text behind a quoted name", "\"cv\"v,a\n~,x\n"},
      {"a quote in a name", "\"cv\"\"v\",a\n~,x\n"},
      {"white space in front of a quoted name", "a, \"cvv\"\nx,~\n"},
      {"quotes within cells of the header", "a\"b,c\"d,cvv\nx,y,~\n"},
      {"a quote within a cell of the header", "a\"b,cvv\nx,~\n"},
      {"a line break in a name", "\"c\nvv\",a\n~,x\n"},
      {"white space behind a quote", "cvv,a\n\"~\" ,@\n"},
      {"ids", "id,when\n20261123123456,2026-11-23T12:34:56Z\n"},
      {"characters beyond ASCII", "n\xC3\xA4me,cvv\nM\xC3\xBCller \xE2\x80\x94,~\n"},
  };
  const std::string token = Rig::get().token(kVisa);
  for (const auto& c : table) {
    const std::string in(c.text);
    const size_t findings =
        static_cast<size_t>(std::count(in.begin(), in.end(), '@') + std::count(in.begin(), in.end(), '~'));
    check(c.name, filled(filled(in, '@', kVisa), '~', "123"), filled(filled(in, '@', token), '~', "***"),
          findings);
  }
  check("full width", "card_number\n" + script(kVisa, "\xEF\xBC\x90") + "\n",
        "card_number\n" + script(token, "\xEF\xBC\x90") + "\n", 1);
}

void refusals(void**) {
  const struct {
    const char* name;
    std::string in;
    Reason reason;
  } table[] = {
      {"luhn", "card_number\n4111111111111112\n", Reason::kPanLuhn},
      {"code", "cvv\n12\n", Reason::kCodeLength},
      {"behind a quote", "cvv,a\n\"\"737,1\n", Reason::kBodyMalformed},
      {"behind white space behind a quote", "cvv,a\n\"\" 737,1\n", Reason::kBodyMalformed},
      {"names by two separators", "a,b,c;cvv;d\n1,2,3;737;4\n", Reason::kBodyMalformed},
      {"a line for str.splitlines()", "cvv\vx,y\n737,1\n", Reason::kBodyMalformed},
      {"a header of two lengths", "a;\"b,cvv\n1,2,\"\n", Reason::kBodyMalformed},
      {"white space in front of half a quoted cell", "a, \"b,c\",cvv\n1,2,737\n", Reason::kBodyMalformed},
      {"header too long", std::string(9000, 'x') + "\n1\n", Reason::kLimitSize},
  };
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      Run refused = run(Rig::get().policy(), c.in, chunk);
      if (!refused.verdict.refused() || refused.verdict.problems()[0].reason != c.reason)
        fail_msg("case: %s", c.name);
    }
  }
}

void malformed_bodies(void**) {
  const struct {
    std::string_view in;
    int64_t offset;
  } table[] = {
      {"a,cvv\n\"x\",123\n", -1}, {"a,cvv\nx,\"12", 8}, {"\"a,cvv\n", 0},
      {"a,cvv\nx,\"12\"", -1},    {"a\n\"\"\"", 2},
  };
  Policy policy = masking_policy();
  policy.invalid = Action::kMask;
  policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      Run result = run(policy, c.in, chunk);
      int64_t offset = -1;
      for (const Problem& problem : result.verdict.problems()) {
        if (problem.reason == Reason::kBodyMalformed) offset = problem.offset;
      }
      if (offset != c.offset)
        fail_msg("%s, pieces of %zu: %lld", std::string(c.in).c_str(), chunk, static_cast<long long>(offset));
    }
  }
}

// Lines are passed over together where nothing is named: what is found and what is not does not change.
void long_tables(void**) {
  for (std::string_view special :
       {"7,4111111111111111,x", "7,\"a\n4111111111111111\",x",
        "7,\"{\"\"cvv\"\":\"\"123\"\",4111111111111111", "[4111111111111111,,", ",,4111 1111 1111 1111"}) {
    std::string in = "id,note,amount\n";
    std::string row = std::string(special) + "\n";
    for (int i = 0; i < 1000; ++i) {
      in += std::to_string(i) + ",some note,2026-11-23\n";
      if (i % 300 == 7) in += row;
    }
    const Policy policy = masking_policy();
    Run whole = run(policy, in, 0);
    assert_false(whole.verdict.refused());
    assert_true(whole.events.size() >= 4);
    assert_true(whole.out.find(kVisa) == std::string::npos);
    for (size_t chunk : {size_t{1}, size_t{100}, size_t{1460}, size_t{5000}}) {
      Run cut = run(policy, in, chunk);
      if (cut.out != whole.out || cut.events != whole.events) {
        fail_msg("case: %s, pieces of %zu", std::string(special).c_str(), chunk);
      }
    }
  }
}

// The code of a row belongs to the card of that row.
void rows_are_scopes(void**) {
  const std::string in = "cvv,card_number\n123,4111111111111111\n456,5555555555554444\n";
  for (size_t chunk : kChunkSizes) {
    Rig::get().fresh_store();
    Run result = run(Rig::get().policy(), in, chunk);
    assert_false(result.verdict.refused());
    for (auto [code, pan] : {std::pair{"123", "4111111111111111"}, {"456", "5555555555554444"}}) {
      testing::assert_alias(code, Rig::get().token(pan), result.out.substr(in.find(code), 3), code);
    }
  }
}

void memory_is_bounded(void**) {
  std::string in = "id,note,card_number\n";
  for (int i = 0; i < 5000; ++i) in += std::to_string(i) + ",\"a \"\"quoted\"\" note\",\n";
  in += "1,\"" + std::string(200000, 'x') + "\"," + std::string(kVisa) + "\n";
  Run result = run(Rig::get().policy(), in, 1460);
  assert_int_equal(result.events.size(), 1);
  assert_true(result.largest_held < 1000);
}

void random_tables(void**) {
  testing::Dice random(0xA0761D6478BD642Fu);
  constexpr std::string_view kBits[] = {
      ",",    ";", "\t",           "\n",          "\r\n",  "\"",
      "\"\"", "x", "cvv",          "card_number", "123",   "4111111111111111",
      " ",    "{", "\xEF\xBC\x94", ",,",          "\",\"", ": 5555 5555 5555 4444:"};
  Policy policy = masking_policy();
  policy.invalid = Action::kMask;
  for (int round = 0; round < 4000; ++round) {
    std::string in = random(2) == 0 ? "a,cvv,card_number\n" : "";
    in += random.some_of(kBits, 30);
    testing::check_laws(in, 1 + random(9),
                        [&](std::string_view text, size_t chunk) { return run(policy, text, chunk); });
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(cases),         cmocka_unit_test(refusals),        cmocka_unit_test(malformed_bodies),
      cmocka_unit_test(long_tables),   cmocka_unit_test(rows_are_scopes), cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(random_tables),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
