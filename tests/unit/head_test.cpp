// The head of a request: every part in place.
#include "filters/head.h"

#include <cstdlib>
#include <new>

#include "tests/unit/random_laws.h"

namespace {
// So many allocations succeed; -1: all.
long allocations_left = -1;
}  // namespace

void* operator new(size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace cardscrub {
namespace {

using testing::each;
using testing::EventLog;
using testing::filled;
using testing::grouped;
using testing::percent;
using testing::Rig;
using testing::Run;
using testing::script;

constexpr std::string_view kVisa = "4111111111111111";

Run run_head(HeadPart part, std::string_view name, const Policy& policy, std::string_view in) {
  Run run;
  EventLog log(&run.events);
  auto block = testing::exact_block(in);
  scrub_head(part, name, {block.get(), in.size()}, policy, Rig::get().worker(), run.verdict, {}, &log);
  run.out.assign(reinterpret_cast<const char*>(block.get()), in.size());
  return run;
}

struct Case {
  const char* name;
  HeadPart part;
  std::string_view header;
  std::string in;  // '@' the number, '~' a code of three digits
  size_t findings;
};

void parts(void**) {
  const Case table[] = {
      {"path", HeadPart::kPath, "", "/cards/@", 1},
      {"path, several segments", HeadPart::kPath, "", "/@/x/@", 2},
      {"path, matrix", HeadPart::kPath, "", "/pay;card_number=@;cvv=~/done/@", 3},
      {"path, matrix encoded", HeadPart::kPath, "", "/pay;%63vv=~", 1},
      {"path, no number", HeadPart::kPath, "", "/orders/20261123123456/items;page=2/", 0},
      {"path, empty", HeadPart::kPath, "", "", 0},
      {"path, code is no code", HeadPart::kPath, "", "/cvv=123", 0},
      {"arguments", HeadPart::kArguments, "", "a=b&card_number=@&cvv=~", 2},
      {"arguments, encoded name", HeadPart::kArguments, "", "c%76v=~", 1},
      {"arguments, no name", HeadPart::kArguments, "", "@", 1},
      {"arguments, json", HeadPart::kArguments, "", "q=%7B%22cvv%22%3A%22~%22}", 1},
      {"arguments, json behind a space", HeadPart::kArguments, "", "q=+{\"cvv\":\"~\"}", 1},
      {"arguments, nothing", HeadPart::kArguments, "", "page=2&q=shoes+42&utm_source=x%20y&z=", 0},
      {"arguments, swept", HeadPart::kArguments, "", "q=my+@", 1},
      {"target", HeadPart::kTarget, "", "/a/@?cvv=~&x=@", 3},
      {"target, absolute", HeadPart::kTarget, "", "https://shop.example:8443/a/@?card_number=@#frag=@", 3},
      {"target, authority", HeadPart::kTarget, "", "https://@:x%40shop.example", 1},
      {"target, no path", HeadPart::kTarget, "", "https://shop.example?cvv=~", 1},
      {"target, fragment", HeadPart::kTarget, "", "/a#cvv=~", 1},
      {"target, matrix", HeadPart::kTarget, "", "/a;cvv=~?b", 1},
      {"target, nothing", HeadPart::kTarget, "", "/static/app.3f2a.js?v=1234567", 0},
      {"target, question in fragment", HeadPart::kTarget, "", "/a#b?cc_cid=~", 0},
      {"target, '//' in arguments", HeadPart::kTarget, "", "/a?u=http://x/;cvv=1&cvv=~", 1},
      {"target, star", HeadPart::kTarget, "", "*", 0},
      {"cookie", HeadPart::kCookie, "Cookie", "sid=abc; card_number=@; cvv=\"~\"", 2},
      {"cookie, swept", HeadPart::kCookie, "Cookie", "a=b; c=x.@.y", 1},
      {"cookie, nothing", HeadPart::kCookie, "Cookie", "sid=0123456789abcdef; theme=dark; _ga=GA1.2.1.2", 0},
      {"header, swept", HeadPart::kHeader, "X-Note", "paid with @", 1},
      {"header, named", HeadPart::kHeader, "Card-Number", "@", 1},
      {"header, named with X", HeadPart::kHeader, "X-Card-Number", "@", 1},
      {"header, code", HeadPart::kHeader, "X-CVV", "~", 1},
      {"header, code behind an underscore", HeadPart::kHeader, "X_CVV", "~", 1},
      {"header, json", HeadPart::kHeader, "X-Payload", "{\"cvv\":\"~\",\"card_number\":\"@\"}", 2},
      {"header, token behind", HeadPart::kHeader, "X-Payload", "%41 @ and @", 2},
      {"header, nothing", HeadPart::kHeader, "User-Agent",
       "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101", 0},
      {"header, accept", HeadPart::kHeader, "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", 0},
      {"header, percent", HeadPart::kHeader, "X-Name", "M%C3%BCller", 0},
      {"header, no name", HeadPart::kHeader, "", "@", 1},
  };
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string token = Rig::get().token(kVisa);
  for (const Case& c : table) {
    auto fill = [&](std::string_view number, std::string_view code) {
      return filled(filled(c.in, '@', number), '~', code);
    };
    const std::string in = fill(kVisa, "123");
    const std::string out = fill(token, c.findings == 0 ? "123" : "***");
    Run run = run_head(c.part, c.header, policy, in);
    if (run.verdict.refused()) fail_msg("case: %s: %s", c.name, run.verdict.problem_json().c_str());
    if (run.out != out) fail_msg("case: %s: %s became %s", c.name, in.c_str(), run.out.c_str());
    if (run.events.size() != c.findings) fail_msg("case: %s: %zu findings", c.name, run.events.size());
    Run twice = run_head(c.part, c.header, policy, out);
    if (twice.out != out) fail_msg("case: %s: twice is not once", c.name);
  }
}

void encodings_in_every_part(void**) {
  const struct {
    const char* name;
    testing::Encoder encode;
    bool encoded;
  } codings[] = {
      {"plain", [](std::string_view d) { return std::string(d); }, false},
      {"hyphens", [](std::string_view d) { return grouped(d, "-"); }, false},
      {"digits", [](std::string_view d) { return each(d, "%3"); }, true},
      {"spaces", [](std::string_view d) { return grouped(d, "%20"); }, true},
      {"twice", [](std::string_view d) { return each(d, "%253"); }, true},
      {"full width", [](std::string_view d) { return percent(script(d, "\xEF\xBC\x90")); }, true},
      {"Thai", [](std::string_view d) { return percent(script(d, "\xE0\xB9\x90")); }, true},
      {"full width, raw", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }, false},
  };
  const struct {
    HeadPart part;
    std::string_view text;
  } places[] = {
      {HeadPart::kPath, "/a/@/b"},     {HeadPart::kArguments, "q=@&b"},    {HeadPart::kTarget, "/a?q=@"},
      {HeadPart::kTarget, "/@?q=1"},   {HeadPart::kTarget, "/a#@"},        {HeadPart::kTarget, "//x/@"},
      {HeadPart::kCookie, "a=1; b=@"}, {HeadPart::kHeader, "see @ there"}, {HeadPart::kPath, "/a;b=@/c"},
      {HeadPart::kTarget, "/a;@?x"},
  };
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  for (const auto& coding : codings) {
    for (const auto& place : places) {
      std::string in = filled(place.text, '@', coding.encode(kVisa));
      std::string out = filled(place.text, '@', coding.encode(token));
      Run run = run_head(place.part, "X-Note", policy, in);
      if (run.out != out)
        fail_msg("case: %s, %s: %s", coding.name, std::string(place.text).c_str(), run.out.c_str());
      assert_int_equal(run.events.size(), 1);
    }
  }
}

void actions(void**) {
  Policy policy = Rig::get().policy();
  policy.sweep = Action::kMask;
  Run masked = run_head(HeadPart::kPath, "", policy, "/4111111111111111");
  assert_string_equal(masked.out.c_str(), "/411111******1111");
  policy.sweep = Action::kReject;
  Run rejected = run_head(HeadPart::kHeader, "X-A", policy, "4111111111111111");
  assert_true(rejected.verdict.refused());
  policy.sweep = Action::kNone;
  Run left = run_head(HeadPart::kHeader, "X-A", policy, "4111111111111111");
  assert_string_equal(left.out.c_str(), "4111111111111111");
  policy = Rig::get().policy();
  Run luhn = run_head(HeadPart::kArguments, "", policy, "card_number=4111111111111112");
  assert_true(luhn.verdict.refused());
  assert_string_equal(luhn.verdict.problems()[0].field.c_str(), "card_number");
  policy.fields = nullptr;
  Run swept = run_head(HeadPart::kArguments, "", policy, "a=1&cvv=123&b=4111111111111111");
  assert_string_equal(swept.out.c_str(), ("a=1&cvv=123&b=" + Rig::get().token(kVisa)).c_str());
}

// A code in the arguments belongs to the card in the path.
void one_scope(void**) {
  Rig::get().fresh_store();
  Run run = run_head(HeadPart::kTarget, "", Rig::get().policy(), "/c?card_number=4111111111111111&cvv=123");
  testing::assert_alias("one scope", Rig::get().token(kVisa), run.out.substr(run.out.size() - 3), "123");
}

// Whatever the bytes, digits change only, and what comes out stays.
void random_targets(void**) {
  testing::Dice random(0x853C49E6748FEA9Bu);
  constexpr std::string_view kBits[] = {"/",
                                        "?",
                                        "#",
                                        ";",
                                        "&",
                                        "=",
                                        ":",
                                        "//",
                                        "%",
                                        "%34",
                                        "4111111111111111",
                                        "cvv=123",
                                        "a",
                                        "%253",
                                        "\xFF",
                                        "\"",
                                        "{",
                                        "https://",
                                        " ",
                                        "%C2%A0",
                                        "5555-5555-5555-4444"};
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  for (int round = 0; round < 4000; ++round) {
    const std::string in = random.some_of(kBits, 16);
    for (HeadPart part :
         {HeadPart::kPath, HeadPart::kArguments, HeadPart::kTarget, HeadPart::kCookie, HeadPart::kHeader}) {
      Run once = run_head(part, "x-test", policy, in);
      if (once.verdict.refused()) continue;
      Run twice = run_head(part, "x-test", policy, once.out);
      if (twice.out != once.out) fail_msg("%s -> %s -> %s", in.c_str(), once.out.c_str(), twice.out.c_str());
    }
  }
}

// Wherever memory ends, the caller hears of it: the worker goes on.
void no_memory(void**) {
  const std::string in = "a[cvv]=123&b={\"c\":" + std::string(kVisa) + "}&card_number=" + std::string(kVisa);
  bool complete = false;
  for (long most = 0; !complete; ++most) {
    assert_true(most < 1000);
    std::string bytes = in;
    Verdict verdict;
    allocations_left = most;
    try {
      scrub_head(HeadPart::kArguments, {}, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()},
                 Rig::get().policy(), Rig::get().worker(), verdict, {});
      complete = true;
    } catch (const std::bad_alloc&) {
    }
    allocations_left = -1;
    if (complete && bytes.find(kVisa) != std::string::npos) fail_msg("%s", bytes.c_str());
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(parts),     cmocka_unit_test(encodings_in_every_part), cmocka_unit_test(actions),
      cmocka_unit_test(one_scope), cmocka_unit_test(random_targets),          cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
