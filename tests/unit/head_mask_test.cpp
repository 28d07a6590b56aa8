// The short way of masking a head against the long way: where it answers, the bytes are the same.
#include "filters/head_mask.h"

#include <random>

#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::grouped;
using testing::percent;
using testing::Rig;
using testing::script;

// What logs are redacted by.
Policy mask_policy() {
  Policy policy = Rig::get().policy();
  policy.pan = policy.code = policy.sweep = policy.invalid = policy.wrapped = Action::kMask;
  return policy;
}

struct Outcome {
  Masked masked;
  std::string out;
};

Outcome short_way(HeadPart part, std::string_view name, std::string_view text) {
  const Policy policy = mask_policy();
  const auto block = testing::exact_block(text);
  bool numbers_left = false;
  const Masked masked =
      mask_head(part, name, {block.get(), text.size()}, policy, Rig::get().worker(), &numbers_left);
  const std::string out(reinterpret_cast<const char*>(block.get()), text.size());
  // What a look at the whole would find must be announced.
  if (masked != Masked::kUnknown && !numbers_left) {
    Verdict verdict;
    scrub_head(HeadPart::kHeader, {}, {block.get(), text.size()}, policy, Rig::get().worker(), verdict, {});
    assert_memory_equal(block.get(), out.data(), out.size());
  }
  return {masked, std::string(reinterpret_cast<const char*>(block.get()), text.size())};
}

Outcome long_way(HeadPart part, std::string_view name, std::string_view text) {
  const Policy policy = mask_policy();
  Verdict verdict;
  const auto block = testing::exact_block(text);
  scrub_head(part, name, {block.get(), text.size()}, policy, Rig::get().worker(), verdict, {});
  if (verdict.refused()) fail_msg("refused: \"%.*s\"", static_cast<int>(text.size()), text.data());
  return {verdict.findings() != 0 ? Masked::kSomething : Masked::kNothing,
          std::string(reinterpret_cast<const char*>(block.get()), text.size())};
}

struct Case {
  const char* name;
  HeadPart part;
  std::string_view header;
  std::string in;
  Masked masked;
  std::string out;  // empty: as it came
};

void table(void**) {
  const Case cases[] = {
      {"arguments", HeadPart::kTarget, "", "/pay?order=20260917&card_number=4111111111111111&cvv=123&a=4.9",
       Masked::kSomething, "/pay?order=20260917&card_number=411111******1111&cvv=***&a=4.9"},
      {"without a name", HeadPart::kArguments, "", "q=see-4111111111111111", Masked::kSomething,
       "q=see-411111******1111"},
      {"bare", HeadPart::kArguments, "", "4111111111111111&x", Masked::kSomething, "411111******1111&x"},
      {"grouped", HeadPart::kArguments, "", "ccn=4111-1111-1111-1111", Masked::kSomething,
       "ccn=4111-11**-****-1111"},
      {"in a name", HeadPart::kArguments, "", "n4=1&4111111111111111=2", Masked::kSomething,
       "n4=1&411111******1111=2"},
      {"beside a group", HeadPart::kArguments, "", "q=4463543513-2513981156718659", Masked::kSomething,
       "q=4463543513-****************"},
      {"mistyped", HeadPart::kArguments, "", "ccn=4111111111111112", Masked::kSomething,
       "ccn=411111******1112"},
      {"too short", HeadPart::kArguments, "", "ccn=41111111", Masked::kSomething, "ccn=********"},
      {"no number", HeadPart::kArguments, "", "ccn=a1b2", Masked::kSomething, "ccn=a*b*"},
      {"masked", HeadPart::kArguments, "", "ccn=411111******1111&cvv=***", Masked::kNothing, ""},
      {"token", HeadPart::kArguments, "", "ccn=" + Rig::get().token("4111111111111111"), Masked::kNothing,
       ""},
      {"empty", HeadPart::kArguments, "", "ccn=&cvv=&&=&", Masked::kNothing, ""},
      {"path", HeadPart::kPath, "", "/a/4111111111111111/b", Masked::kSomething, "/a/411111******1111/b"},
      {"cookies", HeadPart::kCookie, "", "a=b; card_number=378282246310005; cvv=1234", Masked::kSomething,
       "a=b; card_number=378282*****0005; cvv=****"},
      {"header", HeadPart::kHeader, "X-Note", "see 4111111111111111", Masked::kSomething,
       "see 411111******1111"},
      {"header by name", HeadPart::kHeader, "X-CVV", "123", Masked::kSomething, "***"},
      {"track", HeadPart::kHeader, "X-Swipe", ";4111111111111111=29121010000012345678?", Masked::kSomething,
       ";****************=********************?"},
      {"expiry", HeadPart::kArguments, "", "cc_exp=12/29&cvc=123", Masked::kSomething,
       "cc_exp=12/29&cvc=***"},
      {"nothing", HeadPart::kTarget, "", "/shop/orders?page=2&sort=name", Masked::kNothing, ""},
      {"escaped", HeadPart::kArguments, "", "c%76v=123", Masked::kUnknown, ""},
      {"plus", HeadPart::kArguments, "", "q=4111+1111+1111+1111", Masked::kUnknown, ""},
      {"ambiguous", HeadPart::kArguments, "", "cvv=123&number=5", Masked::kUnknown, ""},
      {"brackets", HeadPart::kArguments, "", "card[cvc]=123", Masked::kUnknown, ""},
      {"quotes", HeadPart::kCookie, "", "cvv=\"123\"", Masked::kUnknown, ""},
      {"json", HeadPart::kArguments, "", "q={\"cvv\":\"123\"}", Masked::kUnknown, ""},
      {"base64", HeadPart::kArguments, "", "cvv=123&t=NDExMTExMTExMTExMTExMQ", Masked::kUnknown, ""},
      {"parameters of a path", HeadPart::kTarget, "", "/a;cvv=123", Masked::kUnknown, ""},
      {"fragment", HeadPart::kTarget, "", "/a#cvv=123", Masked::kUnknown, ""},
      {"URL", HeadPart::kTarget, "", "https://x.test/?cvv=123", Masked::kUnknown, ""},
      {"long", HeadPart::kArguments, "", "cvv=123&x=" + std::string(1100, 'x'), Masked::kUnknown, ""},
  };
  for (const Case& c : cases) {
    const Outcome got = short_way(c.part, c.header, c.in);
    if (got.masked != c.masked || got.out != (c.out.empty() ? c.in : c.out)) {
      fail_msg("%s: %d, \"%s\"", c.name, static_cast<int>(got.masked), got.out.c_str());
    }
  }
}

std::string part_at_random(std::mt19937* random) {
  static const std::vector<std::string> kNames{"card_number", "cvv", "cc-csc",   "order", "q",   "cc_exp",
                                               "track2",      "n_",  "card.cvc", "ccn",   "exp", "cc_name",
                                               "number",      "CVC", "a",        ""};
  static const std::vector<std::string> kValues{"4111111111111111",
                                                "378282246310005",
                                                "4111 1111 1111 1111",
                                                "4111-1111-1111-1111",
                                                "4111.1111.1111.1111",
                                                "123",
                                                "1234",
                                                "***",
                                                "411111******1111",
                                                "4111111111111112",
                                                "6304000000000000",
                                                "4111",
                                                "1",
                                                "",
                                                " ",
                                                "x",
                                                "12/29",
                                                "2026-11-26",
                                                "9111111111111111",
                                                "41111111111111114111111111111111",
                                                "4111 1111 1111 1111 5555 5555 5555 4444",
                                                "20261126164345123",
                                                "400000******0000 4111111111111111",
                                                "card 4222222222222",
                                                "4463543513 2513981156718659",
                                                "4222222222222",
                                                ";4111111111111111=29121010000012345678?",
                                                "%34",
                                                "+",
                                                "\"",
                                                "[",
                                                "000000000000",
                                                each("4111111111111111", " "),
                                                "411100000000",
                                                "abc123",
                                                "1*2*3",
                                                "\\",
                                                "\x01"};
  static const std::vector<std::string> kBetween{"&", "&", "; ", ";", "=", "?", "/", "-", " "};
  const auto pick = [random](const std::vector<std::string>& from) {
    return from[(*random)() % from.size()];
  };
  std::string out = (*random)() % 2 == 0 ? "/a?" : "";
  for (auto i = (*random)() % 7; i != 0; --i) {
    out += pick(kNames);
    if ((*random)() % 8 != 0) out += "=";
    out += pick(kValues);
    if ((*random)() % 4 == 0) out += pick(kBetween) + pick(kValues);
    out += (*random)() % 4 != 0 ? "&" : pick(kBetween);
  }
  return out;
}

void as_the_long_way(void**) {
  std::mt19937 random(11);
  size_t answered = 0;
  size_t masked = 0;
  for (int round = 0; round < 60000; ++round) {
    constexpr std::array<HeadPart, 5> kAll{HeadPart::kPath, HeadPart::kArguments, HeadPart::kTarget,
                                           HeadPart::kCookie, HeadPart::kHeader};
    constexpr std::array<std::string_view, 6> kHeaders{"", "X-A", "CVV", "X-CVV", "X-Card-Number", "Number"};
    const HeadPart part = kAll[random() % kAll.size()];
    const std::string_view name =
        part == HeadPart::kHeader ? kHeaders[random() % kHeaders.size()] : std::string_view{};
    const std::string text = part_at_random(&random);
    const Outcome got = short_way(part, name, text);
    if (got.masked == Masked::kUnknown) {
      assert_string_equal(got.out.c_str(), text.c_str());
      continue;
    }
    ++answered;
    masked += got.masked == Masked::kSomething ? 1u : 0u;
    const Outcome expected = long_way(part, name, text);
    if (got.masked != expected.masked || got.out != expected.out) {
      fail_msg("part %d, header \"%.*s\": \"%s\"\nshort %d \"%s\"\nlong  %d \"%s\"", static_cast<int>(part),
               static_cast<int>(name.size()), name.data(), text.c_str(), static_cast<int>(got.masked),
               got.out.c_str(), static_cast<int>(expected.masked), expected.out.c_str());
    }
  }
  assert_true(answered > 10000 && masked > 5000);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(as_the_long_way)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
