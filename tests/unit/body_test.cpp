// Body and scrubber together: named fields, the sweep, scopes and codes, at every cut.
#include "filters/body.h"

#include "src/issuer.h"
#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::assert_alias;
using testing::kChunkSizes;
using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kText = "text/plain";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

struct Case {
  const char* name;
  std::string_view type;
  std::string in;
  std::string out;  // TOKEN(n) written out by the caller; empty: refused
  std::vector<std::string> events;
};

std::string visa() { return Rig::get().token("4111111111111111"); }

std::string grouped(std::string digits, char separator) {
  for (size_t at : {12u, 8u, 4u}) digits.insert(at, 1, separator);
  return digits;
}

std::string escaped(std::string_view digits, std::string_view prefix) {
  std::string out;
  for (char c : digits) out += std::string(prefix) + c;
  return out;
}

// Codes are masked here: an alias is random.
void values_at_every_cut(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = visa();
  const Case cases[] = {
      {"json, named",
       kJson,
       R"({"card_number":"4111111111111111","cvv":"123"})",
       R"({"card_number":")" + t + R"(","cvv":"***"})",
       {"pan visa tokenize 16+16 card_number", "code visa mask 41+3 cvv"}},
      {"json, number",
       kJson,
       R"({"card_number":4111111111111111,"cvv":123,"x":1})",
       R"({"card_number":)" + t + R"(,"cvv":999,"x":1})",
       {}},
      {"json, spaces between groups",
       kJson,
       R"({"card_number":"4111 1111 1111 1111"})",
       R"({"card_number":")" + grouped(t, ' ') + R"("})",
       {}},
      {"json, object",
       kJson,
       R"({"card":{"number":"4111-1111-1111-1111","exp_month":12,"exp_year":2030}})",
       R"({"card":{"number":")" + grouped(t, '-') + R"(","exp_month":12,"exp_year":2030}})",
       {}},
      {"json, escapes",
       kJson,
       R"({"card_number":")" + escaped("4111111111111111", "\\u003") + R"("})",
       R"({"card_number":")" + escaped(t, "\\u003") + R"("})",
       {"pan visa tokenize 16+96 card_number"}},
      {"json, escaped name",
       kJson,
       R"({"card\u005fnumber":"4111111111111111"})",
       R"({"card\u005fnumber":")" + t + R"("})",
       {}},
      {"json, swept",
       kJson,
       R"({"note":"call me, 4111111111111111 is it"})",
       R"({"note":"call me, )" + t + R"( is it"})",
       {"pan visa tokenize 18+16 note"}},
      {"json, key", kJson, R"({"4111111111111111":1})", R"({")" + t + R"(":1})", {}},
      {"json in json",
       kJson,
       R"({"data":"{\"card_number\":\"4111111111111111\",\"cvv\":\"123\"}"})",
       R"({"data":"{\"card_number\":\")" + t + R"(\",\"cvv\":\"***\"}"})",
       {}},
      {"json, list of numbers",
       kJson,
       R"({"card_number":["4111111111111111","4111111111111111"]})",
       R"({"card_number":[")" + t + R"(",")" + t + R"("]})",
       {}},
      {"json, nothing",
       kJson,
       R"({"id":20261123123456,"t":"2026-11-23T12:34:56Z","v":0.4111111111111111})",
       R"({"id":20261123123456,"t":"2026-11-23T12:34:56Z","v":0.4111111111111111})",
       {}},
      {"json, wrapped",
       kJson,
       R"({"card":{"number":{"value":"4111111111111111"}},"cvv":{"value":"123"}})",
       R"({"card":{"number":{"value":")" + t + R"("}},"cvv":{"value":"***"}})",
       {}},
      {"json, ambiguous alone",
       kJson,
       R"({"code":"123","number":"77"})",
       R"({"code":"123","number":"77"})",
       {}},
      {"json, ambiguous beside a card",
       kJson,
       R"({"code":"123","number":"4111111111111111"})",
       R"({"code":"***","number":")" + t + R"("})",
       {}},
      {"json, a name that ends like one of a code",
       kJson,
       R"({"paypal_pro-card-cvc":"123","require_cvv":1,"show_cvv":true,"min_cvv":"at least 3"})",
       R"({"paypal_pro-card-cvc":"***","require_cvv":1,"show_cvv":true,"min_cvv":"at least 3"})",
       {}},
      {"json, a pair of such a name",
       kJson,
       R"({"name":"txtCVV","value":"123"})",
       R"({"name":"txtCVV","value":"***"})",
       {}},
      {"form, a name that ends like one of a code",
       "application/x-www-form-urlencoded",
       "ctl00%24Main%24txtCVV=%3123&save_cvv=1&checkout%3Acvv=1234",
       "ctl00%24Main%24txtCVV=%2a**&save_cvv=1&checkout%3Acvv=****",
       {}},
      {"json, token stays",
       kJson,
       R"({"card_number":")" + t + R"("})",
       R"({"card_number":")" + t + R"("})",
       {}},
      {"json, mask stays",
       kJson,
       R"({"card_number":"411111******1111"})",
       R"({"card_number":"411111******1111"})",
       {}},
      {"json, null and empty",
       kJson,
       R"({"card_number":null,"cvv":""})",
       R"({"card_number":null,"cvv":""})",
       {}},
      {"json, luhn",
       kJson,
       R"({"card_number":"4111111111111112"})",
       "",
       {"pan visa reject pan.luhn 16+16 card_number"}},
      {"json, code length", kJson, R"({"card_number":"4111111111111111","cvv":"12"})", "", {}},
      {"json, amex code", kJson, R"({"card_number":"371449635398431","cvv":"123"})", "", {}},
      {"json, type", kJson, R"({"card_number":true})", "", {}},
      {"json, past", kJson, R"({"card_number":"4111111111111111","exp_month":1,"exp_year":2020})", "", {}},
      {"json, track",
       kJson,
       R"({"swipe":"%B4111111111111111^DOE/JOHN^29121010000000000?"})",
       R"({"swipe":"%B****************^DOE/JOHN^*****************?"})",
       {}},
      {"form, named",
       kForm,
       "card_number=4111111111111111&cvv=123&x=1",
       "card_number=" + t + "&cvv=***&x=1",
       {"pan visa tokenize 12+16 card_number", "code visa mask 33+3 cvv"}},
      {"form, plus", kForm, "a=b&card_number=4111+1111+1111+1111", "a=b&card_number=" + grouped(t, '+'), {}},
      {"form, percent",
       kForm,
       "card_number=" + escaped("4111111111111111", "%3"),
       "card_number=" + escaped(t, "%3"),
       {}},
      {"form, brackets",
       kForm,
       "card%5Bnumber%5D=4111111111111111&card[cvc]=123",
       "card%5Bnumber%5D=" + t + "&card[cvc]=***",
       {}},
      {"form, swept", kForm, "comment=my+card+4111111111111111+ok&q=", "comment=my+card+" + t + "+ok&q=", {}},
      {"form, json inside",
       kForm,
       "p=%7B%22card_number%22%3A%224111111111111111%22%7D",
       "p=%7B%22card_number%22%3A%22" + t + "%22%7D",
       {}},
      {"text",
       kText,
       "pay 4111 1111 1111 1111 now",
       "pay " + grouped(t, ' ') + " now",
       {"pan visa tokenize 4+19 "}},
      {"text, two numbers that share a group",
       kText,
       "4111 1111 12 97 5555 5555 5555 4444",
       "**** **** ** ** **** **** **** ****",
       {}},
      {"text, two numbers that share a group, and words behind them",
       kText,
       "pay 4111 1111 12 97 5555 5555 5555 4444 " + std::string(200, 'x'),
       "pay **** **** ** ** **** **** **** **** " + std::string(200, 'x'),
       {}},
      {"text, no card",
       kText,
       "phone +49 170 1234567, order 123456789012",
       "phone +49 170 1234567, order 123456789012",
       {}},
      {"text, json inside",
       kText,
       R"({"card_number":"4111111111111111"})",
       R"({"card_number":")" + t + R"("})",
       {}},
      {"binary",
       "application/octet-stream",
       std::string("\x00\xFF", 2) + "4111111111111111" + std::string("\x00", 1),
       std::string("\x00\xFF", 2) + t + std::string("\x00", 1),
       {}},
      {"empty", kJson, "", "", {}},
  };
  for (const Case& c : cases) {
    Run whole = run_body(policy, c.type, c.in, 0);
    bool refused = c.out.empty() && !c.in.empty();
    if (whole.verdict.refused() != refused) {
      fail_msg("case: %s: %s", c.name,
               whole.verdict.refused() ? whole.verdict.problem_json().c_str() : "not refused");
    }
    if (!refused && whole.out != c.out) fail_msg("case: %s: got %s", c.name, whole.out.c_str());
    if (!c.events.empty() && whole.events != c.events) {
      for (const std::string& event : whole.events) print_error("event: %s\n", event.c_str());
      fail_msg("case: %s: other events", c.name);
    }
    for (size_t chunk : kChunkSizes) {
      for (unsigned way = 0; way < 4; ++way) {
        Run cut = run_body(policy, c.type, c.in, chunk, {.separate_end = way % 2 != 0, .gathered = way > 1});
        if (cut.verdict.refused() != refused) fail_msg("case: %s, pieces of %zu: verdict", c.name, chunk);
        if (refused) continue;
        if (cut.out != whole.out) fail_msg("case: %s, pieces of %zu: got %s", c.name, chunk, cut.out.c_str());
        if (cut.events != whole.events) fail_msg("case: %s, pieces of %zu: events", c.name, chunk);
      }
    }
    if (refused) continue;
    Run twice = run_body(policy, c.type, whole.out, 0);
    if (twice.out != whole.out) fail_msg("case: %s: twice is not once: %s", c.name, twice.out.c_str());
  }
}

void codes_are_bound_to_their_pan(void**) {
  Policy policy = Rig::get().policy();
  const std::string visa_token = visa();
  const std::string master_token = Rig::get().token("5555555555554444");
  const struct {
    const char* name;
    std::string_view type;
    std::string in;
    // offset of the code in the body, its text, the token it belongs to
    std::vector<std::array<std::string, 2>> codes;  // code as it stands in the body, token
  } cases[] = {
      {"after", kJson, R"({"card_number":"4111111111111111","cvv":"123"})", {{"123", visa_token}}},
      {"before", kJson, R"({"cvv":"123","card_number":"4111111111111111"})", {{"123", visa_token}}},
      {"scope around", kJson, R"({"cvv":"123","card":{"number":"4111111111111111"}})", {{"123", visa_token}}},
      {"scope inside",
       kJson,
       R"({"card_number":"4111111111111111","v":{"cvv":"123"}})",
       {{"123", visa_token}}},
      {"scope beside",
       kJson,
       R"({"v":{"cvv":"123"},"card":{"number":"4111111111111111"}})",
       {{"123", visa_token}}},
      {"two objects",
       kJson,
       R"([{"card_number":"4111111111111111","cvv":"123"},{"cvv":"456","card_number":"5555555555554444"}])",
       {{"123", visa_token}, {"456", master_token}}},
      {"with a token",
       kJson,
       R"({"card_number":")" + visa_token + R"(","cvv":"123"})",
       {{"123", visa_token}}},
      {"as numbers", kJson, R"({"card_number":4111111111111111,"cvv":123})", {{"123", visa_token}}},
      {"form", kForm, "cvv=123&card_number=4111111111111111", {{"123", visa_token}}},
      {"form, prefixes",
       kForm,
       "a[cvv]=123&b[card_number]=5555555555554444&b[cvv]=456&a[card_number]=4111111111111111",
       {{"123", visa_token}, {"456", master_token}}},
      {"form, rows of one name",
       kForm,
       "card_number=4111111111111111&cvv=123&card_number=5555555555554444&cvv=456",
       {{"123", visa_token}, {"456", master_token}}},
  };
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      Rig::get().fresh_store();
      Run run = run_body(policy, c.type, c.in, chunk);
      std::string name = std::string(c.name) + ", pieces of " + std::to_string(chunk);
      if (run.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), run.verdict.problem_json().c_str());
      assert_int_equal(run.out.size(), c.in.size());
      for (const auto& [code, token] : c.codes) {
        size_t at = c.in.find(code);
        std::string alias = run.out.substr(at, code.size());
        if (alias == code || alias[0] == '0') fail_msg("case: %s: alias %s", name.c_str(), alias.c_str());
        assert_alias(name, token, alias, code);
      }
    }
  }
}

void an_alias_that_comes_back_stays(void**) {
  Policy policy = Rig::get().policy();
  Rig::get().fresh_store();
  for (std::string in : {R"({"card_number":"4111111111111111","cvv":"123"})",
                         R"({"cvv":"123","card_number":"4111111111111111"})"}) {
    Run once = run_body(policy, kJson, in, 0);
    Run twice = run_body(policy, kJson, once.out, 0);
    assert_string_equal(once.out.c_str(), twice.out.c_str());
  }
}

void a_code_without_pan_stands_for_nothing(void**) {
  Rig::get().fresh_store();
  Run run = run_body(Rig::get().policy(), kJson, R"({"cvv":"123"})", 0);
  assert_false(run.verdict.refused());
  assert_string_not_equal(run.out.c_str(), R"({"cvv":"123"})");
  assert_int_equal(Rig::get().worker().codes->counters().entries, 0);
}

void a_full_store_refuses(void**) {
  Policy policy = Rig::get().policy();
  Rig::get().fresh_store(1024);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string pan = "411111" + std::to_string(100000000 + i * 7919);
    Digits digits = testing::digits_of(pan);
    pan += static_cast<char>('0' + luhn_check_digit(digits.span()));
    Run run = run_body(policy, kJson, R"({"card_number":")" + pan + R"(","cvv":"123"})", 0);
    if (!run.verdict.refused()) continue;
    ++refused;
    assert_int_equal(run.verdict.status(), 503);
    assert_true(run.out.empty());
  }
  assert_true(refused > 0);
  Rig::get().fresh_store();
}

void every_failing_field_is_named(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan) | 1u << static_cast<unsigned>(Kind::kCode) |
                   1u << static_cast<unsigned>(Kind::kExpiry);
  Run run = run_body(policy, kForm, "card_number=4111111111111112&cvv=12&expiry_month=13", 0);
  std::string answer = run.verdict.problem_json();
  for (const char* word :
       {"pan.luhn", "code.length", "expiry.month", "field.missing", "\"field\":\"card_number\""}) {
    if (answer.find(word) == std::string::npos) fail_msg("%s not in %s", word, answer.c_str());
  }
  assert_null(std::strstr(answer.c_str(), "4111"));
}

std::string in_groups(std::string_view digits, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && i % size == 0) out += ' ';
    out += digits[i];
  }
  return out;
}

std::string in_arabic(std::string_view text) {
  std::string out;
  for (char c : text) out += is_digit(static_cast<uint8_t>(c)) ? testing::script({&c, 1}, "\u0660") : " ";
  return out;
}

// A token whose groups, but for the first, are a number by chance: masked instead.
void tokens_hold_no_number(void**) {
  Policy policy = Rig::get().policy();
  size_t masked = 0;
  for (unsigned i = 0; i < 3000; ++i) {
    const bool many_groups = i % 2 == 0;
    Digits pan = testing::digits_of(
        std::to_string((many_groups ? 410000000000000ul : 621200000000000000ul) + i * 7919u));
    assert_true(pan.push(luhn_check_digit(pan.span())));
    const std::string in = in_groups(testing::text_of(pan), many_groups ? 1 : 4);
    const Run once = run_body(policy, kText, in, 0);
    masked += once.events.at(0).find(" mask ") != std::string::npos ? 1u : 0u;
    assert_string_equal(run_body(policy, kText, in, 1).out.c_str(), once.out.c_str());
    assert_string_equal(run_body(policy, kText, once.out, 0).out.c_str(), once.out.c_str());
  }
  assert_in_range(masked, 1, 100);
}

// Under a name too: refused there.
void named_tokens_hold_no_number(void**) {
  const Policy policy = Rig::get().policy();
  Policy masking = policy;
  masking.invalid = Action::kMask;
  size_t refused = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    Digits pan = testing::digits_of(std::to_string(410000000000000ul + i * 7919u));
    assert_true(pan.push(luhn_check_digit(pan.span())));
    const std::string in = R"({"card_number":")" + in_groups(testing::text_of(pan), 1) + R"("})";
    const Run run = run_body(policy, kJson, in, 0);
    if (run.verdict.refused()) {
      ++refused;
      assert_true(run.verdict.problems().at(0).reason == Reason::kPanFormat);
      const std::string stars = in_groups(std::string(16, '*'), 1);
      assert_string_equal(run_body(masking, kJson, in, 0).out.c_str(),
                          (R"({"card_number":")" + stars + R"("})").c_str());
      // Where the name may mean something else, it is text like any other.
      const Run free = run_body(policy, kJson, replaced(in, "card_number", "number"), 0);
      assert_true(free.out.find("* * * * * *") != std::string::npos);
      continue;
    }
    const Run unnamed = run_body(policy, kText, run.out, 0);
    assert_string_equal(unnamed.out.c_str(), run.out.c_str());
  }
  assert_in_range(refused, 1, 30);
}

// What a mask leaves of a number makes another one together with a group beside it: it is not left.
void masks_leave_no_number(void**) {
  Policy policy = Rig::get().policy();
  policy.sweep = Action::kMask;
  size_t whole = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    Digits pan = testing::digits_of(std::to_string(251398115671865ul + i * 7919u));
    assert_true(pan.push(luhn_check_digit(pan.span())));
    const std::string number = testing::text_of(pan);
    // In front of BIN, and behind the last four.
    const std::string in = i % 2 == 0 ? std::to_string(4463543513u + i) + ' ' + number
                                      : in_groups(number, 4) + ' ' + std::to_string(104463543513u + i);
    const Run once = run_body(policy, kText, in, 0);
    whole += once.out.find(std::string(16, '*')) != std::string::npos ? 1u : 0u;
    assert_string_equal(run_body(policy, kText, in, 1).out.c_str(), once.out.c_str());
    assert_string_equal(run_body(policy, kText, once.out, 0).out.c_str(), once.out.c_str());
  }
  assert_in_range(whole, 50, 200);
  policy.response = true;
  assert_string_equal(run_body(policy, kText, "4463543513 2513981156718659", 0).out.c_str(),
                      "4463543513 ****************");
}

// The same where '*' cannot stand: other digits are written until there is none.
void masks_in_other_scripts_leave_no_number(void**) {
  Policy policy = Rig::get().policy();
  policy.sweep = Action::kMask;
  size_t masked = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    Digits pan = testing::digits_of(std::to_string(251398115671865ul + i * 7919u));
    assert_true(pan.push(luhn_check_digit(pan.span())));
    const std::string digits = std::to_string(44635435u + i) + ' ' + in_groups(testing::text_of(pan), 4);
    const std::string in = in_arabic(digits);
    const Run once = run_body(policy, kText, in, 0);
    masked += once.out != in ? 1u : 0u;
    assert_string_equal(run_body(policy, kText, in, 1).out.c_str(), once.out.c_str());
    assert_string_equal(run_body(policy, kText, once.out, 0).out.c_str(), once.out.c_str());
  }
  assert_int_equal(masked, 2000);
}

// A number that was wanted, and what it became, in whatever field: two hosts one behind the other agree.
void what_a_number_became_is_wanted_too(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  for (Action action : {Action::kTokenize, Action::kMask}) {
    policy.pan = action;
    for (std::string_view in :
         {R"({"card_number":"4111111111111111"})", R"({"number":4111111111111111,"code":123})",
          R"({"number":"4111 1111 1111 1111","month":1,"year":27})"}) {
      const Run once = run_body(policy, kJson, in, 0);
      assert_false(once.verdict.refused());
      assert_string_not_equal(once.out.c_str(), std::string(in).c_str());
      assert_false(run_body(policy, kJson, once.out, 0).verdict.refused());
    }
    assert_true(run_body(policy, kJson, R"({"number":"12345"})", 0).verdict.refused());
  }
}

// Digits of a script that has no star become zeros; those beside stars stay what they became.
void a_mask_stays_a_mask(void**) {
  Policy policy = Rig::get().policy();
  policy.invalid = policy.code = Action::kMask;
  const auto masked_twice = [&](std::string_view in) {
    const Run once = run_body(policy, kJson, in, 0);
    assert_string_not_equal(once.out.c_str(), std::string(in).c_str());
    const Run twice = run_body(policy, kJson, once.out, 0);
    assert_string_equal(twice.out.c_str(), once.out.c_str());
    return twice;
  };
  for (std::string_view in :
       {R"({"cvv":"x 9336-\u0662 6"})", R"({"cvv":"x \u0662 6"})", R"({"cvv":"x 6\u0662"})"}) {
    masked_twice(in);
  }
  // Known again: nothing is said about it.
  for (std::string_view in : {R"({"card_number":"4111111111111\n"})",
                              R"({"card_number":" 4111111111111112 "})", R"({"cvv":"\t123\r\n"})"}) {
    assert_true(masked_twice(in).events.empty());
  }
}

// A short body is shown as a whole, a longer one from where it is seen to be longer; and nothing is
// different.
void gathered_bodies(void**) {
  const std::string card = R"({"card_number":"4111111111111111"},)";
  for (size_t size :
       {size_t{100}, limits::kGather - 1, limits::kGather, limits::kGather + 1, 3 * limits::kGather}) {
    std::string in = "[";
    while (in.size() + card.size() + 2 < size) in += card;
    in += "\"" + std::string(size - in.size() - 3, 'x') + "\"]";
    const Policy policy = Rig::get().policy();
    const Run whole = run_body(policy, kJson, in, 0);
    assert_int_equal(whole.out.size(), size);
    for (size_t chunk :
         {size_t{31}, size_t{4096}, limits::kGather / 2, limits::kGather - 1, limits::kGather}) {
      const Run cut = run_body(policy, kJson, in, chunk, {.separate_end = chunk == 4096, .gathered = true});
      if (cut.out != whole.out || cut.events != whole.events)
        fail_msg("%zu bytes in pieces of %zu", size, chunk);
      if (cut.largest_held > std::max(std::min(size, limits::kGather), size_t{2048})) {
        fail_msg("%zu bytes in pieces of %zu: %zu held", size, chunk, cut.largest_held);
      }
      if (size > chunk && size <= limits::kGather && cut.largest_held < chunk)
        fail_msg("%zu: not gathered", size);
    }
  }
}

// Digits of several scripts in one value: what was accepted is accepted again.
void a_mask_of_several_scripts_is_known_again(void**) {
  Policy policy = Rig::get().policy();
  policy.code = policy.pan = Action::kMask;
  const struct {
    const char* name;
    std::string_view in;
    std::string_view out;
  } cases[] = {
      {"code", R"({"cvv":"1\u0663\u0663"})", R"({"cvv":"9\u0669\u0669"})"},
      {"code, full-width", R"({"cvv":"1\uff113"})", R"({"cvv":"*\uff0a*"})"},
      {"number", R"({"card_number":"4111111111\u0661\u0661\u0661\u0661\u0661\u0661"})",
       R"({"card_number":"4111110000\u0660\u0660\u0661\u0661\u0661\u0661"})"},
      {"number, last four", R"({"card_number":"41111111111111\u06611"})",
       R"({"card_number":"411111******11\u06611"})"},
  };
  for (const auto& c : cases) {
    const Run once = run_body(policy, kJson, c.in, 0);
    if (once.verdict.refused() || once.out != c.out) fail_msg("case: %s: %s", c.name, once.out.c_str());
    const Run twice = run_body(policy, kJson, once.out, 1);
    if (twice.verdict.refused() || twice.out != c.out) fail_msg("case: %s, again", c.name);
  }
}

// A full-width digit is no hexadecimal character that could be written as one.
void an_escape_with_a_full_width_digit(void**) {
  Policy policy = Rig::get().policy();
  policy.invalid = Action::kMask;
  const struct {
    std::string_view in;
    std::string_view out;
  } cases[] = {
      {"{\"d\":\"{\\\"cvv\\\":\\\"\\\\u00\uFF131x\\\"}\"}",
       "{\"d\":\"{\\\"cvv\\\":\\\"\\\\u00\uFF139x\\\"}\"}"},
      {"{\"d\":\"{\\\"cvv\\\":\\\"\\\\u003\uFF11x\\\"}\"}",
       "{\"d\":\"{\\\"cvv\\\":\\\"\\\\u003\uFF19x\\\"}\"}"},
      {"{\"d\":\"{\\\"cvv\\\":\\\"\\\\u0031x\\\"}\"}", "{\"d\":\"{\\\"cvv\\\":\\\"\\\\u002ax\\\"}\"}"},
  };
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      const Run once = run_body(policy, kJson, c.in, chunk);
      assert_string_equal(once.out.c_str(), std::string(c.out).c_str());
    }
    assert_string_equal(run_body(policy, kJson, c.out, 0).out.c_str(), std::string(c.out).c_str());
  }
}

void monitor_changes_nothing(void**) {
  Policy policy = Rig::get().policy();
  policy.mode = Mode::kMonitor;
  for (std::string in : {R"({"card_number":"4111111111111111","cvv":"123","note":"5555 5555 5555 4444"})",
                         R"({"card_number":"4111111111111112"})"}) {
    Run whole = run_body(policy, kJson, in, 0);
    assert_string_equal(whole.out.c_str(), in.c_str());
    assert_false(whole.verdict.refused());
    for (size_t chunk : kChunkSizes) assert_true(run_body(policy, kJson, in, chunk).events == whole.events);
  }
}

void actions(void**) {
  Policy on = Rig::get().policy();
  const struct {
    const char* name;
    Action Policy::*what;
    Action action;
    std::string in;
    std::string out;  // empty: refused
  } cases[] = {
      {"pan mask", &Policy::pan, Action::kMask, R"({"card_number":"4111 1111 1111 1111"})",
       R"({"card_number":"4111 11** **** 1111"})"},
      {"pan mask, number", &Policy::pan, Action::kMask, R"({"card_number":4111111111111111})", "number"},
      {"pan reject", &Policy::pan, Action::kReject, R"({"card_number":"4111111111111111"})", ""},
      {"code mask", &Policy::code, Action::kMask, R"({"cvv":"123"})", R"({"cvv":"***"})"},
      {"code reject", &Policy::code, Action::kReject, R"({"cvv":"123"})", ""},
      {"sweep mask", &Policy::sweep, Action::kMask, R"({"n":"4111111111111111"})",
       R"({"n":"411111******1111"})"},
      {"sweep reject", &Policy::sweep, Action::kReject, R"({"n":"4111111111111111"})", ""},
      {"sweep off", &Policy::sweep, Action::kNone, R"({"n":"4111111111111111"})",
       R"({"n":"4111111111111111"})"},
      {"invalid mask, other text", &Policy::invalid, Action::kMask,
       R"({"card_number":"4111111111111111 code 123"})", R"({"card_number":"**************** code ***"})"},
      {"invalid mask", &Policy::invalid, Action::kMask, R"({"card_number":"4111111111111112","cvv":"12"})",
       R"({"card_number":"411111******1112","cvv":"**"})"},
  };
  for (const auto& c : cases) {
    Policy policy = on;
    policy.*c.what = c.action;
    for (size_t chunk : kChunkSizes) {
      Run run = run_body(policy, kJson, c.in, chunk);
      if (c.out == "number") {
        Digits digits = testing::digits_of(run.out);
        if (run.out.size() != c.in.size() || digits.size() != 16 || luhn_valid(digits.span()) ||
            run.out.find("411111") == std::string::npos) {
          fail_msg("case: %s: %s", c.name, run.out.c_str());
        }
      } else if (run.verdict.refused() != c.out.empty() || (!c.out.empty() && run.out != c.out)) {
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, run.out.c_str());
      }
    }
  }
}

void bounded_window(void**) {
  Policy policy = Rig::get().policy();
  const struct {
    const char* name;
    std::string_view type;
    std::string in;
  } cases[] = {
      {"digits", kText, std::string(1 << 20, '1')},
      {"digits in json", kJson, "[\"" + std::string(1 << 20, '7') + "\"]"},
      {"number in json", kJson, "[" + std::string(1 << 20, '7') + "]"},
      {"digits and spaces", kText, replaced(std::string(1 << 18, 'x'), "x", "4 ")},
      {"escapes", kJson, "[\"" + replaced(std::string(1 << 16, 'x'), "x", "\\u0034") + "\"]"},
      {"percent", kForm, "a=" + replaced(std::string(1 << 16, 'x'), "x", "%34")},
      {"long name", kForm, std::string(1 << 20, 'n') + "=1"},
      {"long key", kJson, "{\"" + std::string(1 << 20, 'n') + "\":1}"},
      {"code, then much", kJson, R"({"cvv":"123","x":")" + std::string(1 << 18, 'a') + R"("})"},
  };
  for (const auto& c : cases) {
    for (size_t chunk : {size_t{1460}, size_t{16384}, size_t{0}}) {
      Run run = run_body(policy, c.type, c.in, chunk);
      if (run.verdict.refused()) fail_msg("case: %s: %s", c.name, run.verdict.problem_json().c_str());
      if (run.out.size() != c.in.size()) fail_msg("case: %s: size", c.name);
      if (run.largest_held > limits::kWindow + 2 * limits::kJoinStep) {
        fail_msg("case: %s: %zu bytes held", c.name, run.largest_held);
      }
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_at_every_cut),
      cmocka_unit_test(codes_are_bound_to_their_pan),
      cmocka_unit_test(an_alias_that_comes_back_stays),
      cmocka_unit_test(a_code_without_pan_stands_for_nothing),
      cmocka_unit_test(a_full_store_refuses),
      cmocka_unit_test(every_failing_field_is_named),
      cmocka_unit_test(tokens_hold_no_number),
      cmocka_unit_test(named_tokens_hold_no_number),
      cmocka_unit_test(masks_leave_no_number),
      cmocka_unit_test(masks_in_other_scripts_leave_no_number),
      cmocka_unit_test(what_a_number_became_is_wanted_too),
      cmocka_unit_test(a_mask_stays_a_mask),
      cmocka_unit_test(gathered_bodies),
      cmocka_unit_test(a_mask_of_several_scripts_is_known_again),
      cmocka_unit_test(an_escape_with_a_full_width_digit),
      cmocka_unit_test(monitor_changes_nothing),
      cmocka_unit_test(actions),
      cmocka_unit_test(bounded_window),
  };
  return cmocka_run_group_tests_name("body", tests, nullptr, nullptr);
}
