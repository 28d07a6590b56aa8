// Inner text: how pairs and GraphQL begin, at every cut, and that those who look at JSON as it is on the wire
// miss neither.
#include "filters/inner_text.h"

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::exact_block;

struct Case {
  const char* name;
  std::string in;
  bool query;
  InnerText want;
};

const Case kCases[] = {
    {"pair", "a=1", false, InnerText::kPairs},
    {"pair without a value", "cvv=", false, InnerText::kPairs},
    {"every character of a name", "aZ0_-.[]$:%=", false, InnerText::kPairs},
    {"brackets", "card[number]=1", false, InnerText::kPairs},
    {"an encoded name", "c%76v=1", false, InnerText::kPairs},
    {"a space in a name", "card+number=1", false, InnerText::kPairs},
    {"'&' first", "&a=1", false, InnerText::kPairs},
    {"'&' alone", "&", false, InnerText::kOther},
    {"'&' twice", "&&a=1", false, InnerText::kOther},
    {"'&' and a digit", "&4=1", false, InnerText::kOther},
    {"the longest name", std::string(kPairNameMax - 1, 'a') + "=", false, InnerText::kPairs},
    {"too long a name", std::string(kPairNameMax, 'a') + "=", false, InnerText::kOther},
    {"no name", "=1", false, InnerText::kOther},
    {"nothing", "", false, InnerText::kOther},
    {"no =", "abc", false, InnerText::kOther},
    {"a track", "4111111111111111=3012", false, InnerText::kOther},
    {"an address", "https://example.com/?a=1", false, InnerText::kOther},
    {"a sentence", "the cvv=1", false, InnerText::kOther},
    {"beyond ASCII", "\xC3\xA9=1", false, InnerText::kOther},
    {"mutation", "mutation {a}", true, InnerText::kGraphql},
    {"mutation, at once", "mutation{a}", true, InnerText::kGraphql},
    {"query with variables", "query($a: Int) {a}", true, InnerText::kGraphql},
    {"query with a directive", "query@a {a}", true, InnerText::kGraphql},
    {"subscription", "subscription\nS {a}", true, InnerText::kGraphql},
    {"fragment", "fragment F on A {a}", true, InnerText::kGraphql},
    {"comment", "# a=1", true, InnerText::kGraphql},
    {"not under that name", "mutation {a}", false, InnerText::kOther},
    {"another word", "queries {a}", true, InnerText::kOther},
    {"a word alone", "query", true, InnerText::kOther},
    {"a pair under that name", "query=1&cvv=2", true, InnerText::kPairs},
    {"a pair that begins like a word", "muta=1", true, InnerText::kPairs},
};

void beginnings_at_every_cut(void**) {
  for (const Case& c : kCases) {
    for (size_t size = 0; size <= c.in.size(); ++size) {
      auto block = exact_block(std::string_view(c.in).substr(0, size));
      const Text text{block.get(), size, nullptr, 0};
      const bool last = size == c.in.size();
      const InnerText got = inner_text(text, 0, last, c.query);
      // What is told early is told right.
      if (got != c.want && (last || got != InnerText::kUnknown))
        fail_msg("case: %s, %zu bytes", c.name, size);
    }
  }
}

void not_at_the_beginning(void**) {
  std::string in = "  a=1";
  const Text text{reinterpret_cast<uint8_t*>(in.data()), in.size(), nullptr, 0};
  assert_true(inner_text(text, 2, true, false) == InnerText::kPairs);
  assert_true(inner_text(text, 0, true, false) == InnerText::kOther);
}

// The three quick looks at a string say yes at least where the exact one does.
void quick_looks(void**) {
  for (const Case& c : kCases) {
    for (const char* front : {"", " ", "\t\r\n "}) {
      const std::string in = "{\"" + std::string(front) + c.in + "\"";
      auto block = exact_block(in);
      const uint8_t* const data = block.get();
      const uint8_t* const first = data + 2;
      const uint8_t* const end = data + in.size() - 1;
      const size_t equals = in.find('=');
      const bool ends = equals != std::string::npos && may_end_pair_name(data + equals, data);
      if (c.want == InnerText::kPairs && !ends) fail_msg("case: %s: end of a name", c.name);
      // In front of a string's own white space others look.
      if (*front == 0 && c.want == InnerText::kPairs &&
          !may_begin_pairs({first, static_cast<size_t>(end - first)})) {
        fail_msg("case: %s: beginning", c.name);
      }
      if (c.want == InnerText::kGraphql && !may_begin_graphql(first, end))
        fail_msg("case: %s: GraphQL", c.name);
    }
  }
  // And no where it matters for the time that they save.
  const auto ends = [](std::string in) {
    return may_end_pair_name(reinterpret_cast<uint8_t*>(in.data()) + in.find('='),
                             reinterpret_cast<uint8_t*>(in.data()));
  };
  assert_false(ends("{\"https://example.com/?a=1"));
  assert_false(ends("{\"the cvv=1"));
  assert_false(ends("{\"a+b/c=="));
  assert_false(ends("{\"=1"));
  assert_true(ends("cvv=1"));  // what is in front of it cannot be seen
  const auto begins = [](std::string_view in) {
    return may_begin_pairs({reinterpret_cast<const uint8_t*>(in.data()), in.size()});
  };
  assert_true(begins("c\\u0076v=1"));
  assert_true(begins("cvv\\u003d1"));
  assert_false(begins("line\\nb=1"));
  assert_false(begins("a b=1"));
  assert_false(begins("abc"));
  const auto begins_graphql = [](std::string_view in) {
    const auto* begin = reinterpret_cast<const uint8_t*>(in.data());
    return may_begin_graphql(begin, begin + in.size());
  };
  assert_false(begins_graphql("red shoes\""));
  assert_true(begins_graphql("\\n query {"));
  assert_true(begins_graphql("query\\n{"));
  assert_true(begins_graphql("q\\u0075ery {"));
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(beginnings_at_every_cut),
      cmocka_unit_test(not_at_the_beginning),
      cmocka_unit_test(quick_looks),
  };
  return cmocka_run_group_tests_name("inner_text", tests, nullptr, nullptr);
}
