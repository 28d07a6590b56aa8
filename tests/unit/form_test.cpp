// The form filter: names and values in every encoding, at every cut.
#include "filters/form.h"

#include "filters/form_scan.h"
#include "tests/unit/random_laws.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::Encoder;
using testing::filled;
using testing::grouped;
using testing::kChunkSizes;
using testing::listed;
using testing::percent;
using testing::Rig;
using testing::Run;
using testing::run_body;
using testing::run_filter;
using testing::script;
using testing::small_escapes;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kVisa = "4111111111111111";

struct Coding {
  const char* name;
  Encoder encode;
  bool once;  // what an application reads after one time of decoding
};

constexpr Coding kCodings[] = {
    {"plain", [](std::string_view d) { return std::string(d); }, true},
    {"plus", [](std::string_view d) { return grouped(d, "+"); }, true},
    {"hyphens", [](std::string_view d) { return grouped(d, "-"); }, true},
    {"encoded spaces", [](std::string_view d) { return grouped(d, "%20"); }, true},
    {"encoded digits", [](std::string_view d) { return each(d, "%3"); }, true},
    {"one encoded digit",
     [](std::string_view d) { return std::string(d.substr(0, 7)) + "%3" + d[7] + std::string(d.substr(8)); },
     true},
    {"no-break spaces", [](std::string_view d) { return grouped(d, "%C2%A0"); }, true},
    {"no-break spaces, small letters", [](std::string_view d) { return grouped(d, "%c2%a0"); }, true},
    {"raw no-break spaces", [](std::string_view d) { return grouped(d, "\xC2\xA0"); }, true},
    {"half raw", [](std::string_view d) { return grouped(d, "\xC2%A0"); }, true},
    {"full width, encoded", [](std::string_view d) { return percent(script(d, "\xEF\xBC\x90")); }, true},
    {"full width, encoded small",
     [](std::string_view d) { return percent(script(d, "\xEF\xBC\x90"), false); }, true},
    {"full width, raw", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }, true},
    {"Devanagari, encoded", [](std::string_view d) { return percent(script(d, "\xE0\xA5\xA6")); }, true},
    {"Arabic-Indic, encoded", [](std::string_view d) { return percent(script(d, "\xD9\xA0")); }, true},
    {"Myanmar, encoded", [](std::string_view d) { return percent(script(d, "\xE1\x81\x80")); }, true},
    {"mathematical, encoded", [](std::string_view d) { return percent(script(d, "\xF0\x9D\x9F\x8E")); },
     true},
    {"twice", [](std::string_view d) { return each(d, "%253"); }, false},
    {"twice, all of it", [](std::string_view d) { return percent(percent(d)); }, false},
    {"three times", [](std::string_view d) { return each(d, "%25253"); }, false},
    {"twice, with spaces", [](std::string_view d) { return grouped(d, "%2520"); }, false},
};

// '@' is the number.
struct Template {
  const char* name;
  std::string_view text;
  bool named;
  std::string_view field;
};

constexpr Template kTemplates[] = {
    {"named", "card_number=@", true, "card_number"},
    {"named between others", "a=1&b&card_number=@&x=%41&=7&&z", true, "card_number"},
    {"brackets", "card[number]=@&x=1", true, "card[number]"},
    {"encoded brackets", "card%5Bnumber%5d=@", true, "card[number]"},
    {"dots", "card.number=@", true, "card.number"},
    {"encoded name", "%63ard%5Fnumber=@", true, "card_number"},
    {"list", "cards[0][card_number]=@&cards[1][card_number]=@", true, "cards[0][card_number]"},
    {"repeated", "card_number=@&card_number=@", true, "card_number"},
    {"swept", "note=pay+with+@+now&x=1", false, "note"},
    {"swept, encoded before", "note=%E2%82%AC+@.", false, "note"},
    {"swept, empty name", "=@", false, ""},
    {"swept, no value", "a=1&@&b=2", false, ""},
    {"swept, '=' inside", "q=a b=@&b", false, "q"},
    {"swept, a pair inside", "q=a=@&b", false, "q.a"},
    {"swept, bad escapes", "q=%zz%4+@%", false, "q"},
    {"swept, not UTF-8", "q=%FF%C2+\xE2\x82+@", false, "q"},
    {"as a name", "@=1&b=2", false, ""},
};

void check(const std::string& name, const Policy& policy, const std::string& in, const std::string& out,
           std::string_view field, size_t findings) {
  Run whole = run_body(policy, kForm, in, 0);
  if (whole.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  if (small_escapes(whole.out) != small_escapes(out))
    fail_msg("case: %s: %s became %s", name.c_str(), in.c_str(), whole.out.c_str());
  if (whole.events.size() != findings) fail_msg("case: %s: %zu findings", name.c_str(), whole.events.size());
  if (findings != 0 && !whole.events[0].ends_with(" " + std::string(field))) {
    fail_msg("case: %s: event %s", name.c_str(), whole.events[0].c_str());
  }
  for (size_t chunk : kChunkSizes) {
    Run cut = run_body(policy, kForm, in, chunk);
    if (cut.out != whole.out) fail_msg("case: %s, pieces of %zu: %s", name.c_str(), chunk, cut.out.c_str());
    if (cut.events != whole.events) {
      fail_msg("case: %s, pieces of %zu:%s\ninstead of%s", name.c_str(), chunk, listed(cut.events).c_str(),
               listed(whole.events).c_str());
    }
  }
  Run twice = run_body(policy, kForm, whole.out, 0);
  if (twice.out != whole.out) fail_msg("case: %s: twice is not once: %s", name.c_str(), twice.out.c_str());
}

void numbers_in_every_encoding(void**) {
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  for (const Template& form : kTemplates) {
    for (const Coding& coding : kCodings) {
      if (form.named && !coding.once) continue;
      std::string name = std::string(form.name) + ", " + coding.name;
      size_t findings = static_cast<size_t>(std::count(form.text.begin(), form.text.end(), '@'));
      check(name, policy, filled(form.text, '@', coding.encode(kVisa)),
            filled(form.text, '@', coding.encode(token)), form.field, findings);
    }
  }
}

// A named value is what one time of decoding makes of it.
void named_values_are_decoded_once(void**) {
  for (const Coding& coding : kCodings) {
    if (coding.once) continue;
    std::string in = "card_number=" + coding.encode(kVisa);
    for (size_t chunk : kChunkSizes) {
      Run run = run_body(Rig::get().policy(), kForm, in, chunk);
      if (!run.verdict.refused()) fail_msg("case: %s: not refused", coding.name);
      assert_int_equal(run.verdict.status(), 422);
    }
  }
}

void cases(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = Rig::get().token(kVisa);
  const std::string long_name(2000, 'n');
  const std::string long_value(5000, 'v');
  const struct {
    const char* name;
    std::string in;
    std::string out;
    std::string_view field;
    size_t findings;
  } table[] = {
      {"empty", "", "", "", 0},
      {"only separators", "&&=&=&", "&&=&=&", "", 0},
      {"code encoded", "cvv=%31%32%33", "cvv=%2A%2A%2A", "cvv", 1},
      {"ambiguous beside a card", "number=4111111111111111&cvc=123&code=12",
       "number=" + t + "&cvc=***&code=12", "number", 2},
      {"ambiguous alone", "number=77&code=123", "number=77&code=123", "", 0},
      {"json value", "p={\"cvv\":\"123\"}&q=1", "p={\"cvv\":\"***\"}&q=1", "p.cvv", 1},
      {"json value, encoded", "p=%7b%22cvv%22%3A%22123%22%7d", "p=%7b%22cvv%22%3A%22***%22%7d", "p.cvv", 1},
      {"json value, spaces first", "p=+%20{%22cvv%22:%22%31%3223%22}", "p=+%20{%22cvv%22:%22%2A%2A**%22}",
       "p.cvv", 1},
      {"json without a name", "a=1&%7B%22cvv%22:%22123%22%7D", "a=1&%7B%22cvv%22:%22***%22%7D", "cvv", 1},
      {"json for a form", "{\"cvv\":\"123\",\"u\":\"a=b&c\",\"n\":\"4111111111111111\"}",
       "{\"cvv\":\"***\",\"u\":\"a=b&c\",\"n\":\"" + t + "\"}", "cvv", 2},
      {"json for a form, encoded, with '='",
       "%7B%22cvv%22%3A%22123%22%7D=", "%7B%22cvv%22%3A%22***%22%7D=", "cvv", 1},
      {"json for a form, encoded, long",
       "%7B%22a%22%3A%22" + std::string(2000, 'x') + "%22%2C%22cvv%22%3A%22123%22%7D=&b=1",
       "%7B%22a%22%3A%22" + std::string(2000, 'x') + "%22%2C%22cvv%22%3A%22***%22%7D=&b=1", "cvv", 1},
      {"json under an ambiguous name", "code=%7B%22cvv%22%3A%22123%22%7D", "code=%7B%22cvv%22%3A%22***%22%7D",
       "code.cvv", 1},
      {"json under the end of a name", "x_cvv= {\"cvv\":\"123\"}", "x_cvv= {\"cvv\":\"***\"}", "x_cvv.cvv",
       1},
      {"json under a holder", "card.name=[{\"cvv\":\"123\"}]", "card.name=[{\"cvv\":\"***\"}]",
       "card.name.cvv", 1},
      {"json for a form, an address in it", "{\"cvv\":\"123\",\"u\":\"a?b=c&d=e&cvv=later&n=123\"}",
       "{\"cvv\":\"***\",\"u\":\"a?b=c&d=e&cvv=later&n=123\"}", "cvv", 1},
      {"xml for a form", "<?xml version=\"1.0\"?>\n<a><cvv>123</cvv></a>",
       "<?xml version=\"1.0\"?>\n<a><cvv>***</cvv></a>", "a.cvv", 1},
      {"xml for a form, spaces first", "\n <cvv>123</cvv>", "\n <cvv>***</cvv>", "cvv", 1},
      {"semicolon in front of a code", "a=1;cvv=123", "a=1;cvv=***", "cvv", 1},
      {"semicolons around a code", "a=1;b=2;x_cvv=123;d=4&e=5;f", "a=1;b=2;x_cvv=***;d=4&e=5;f", "x_cvv", 1},
      {"semicolon behind a bare name", "a;card_code=123", "a;card_code=***", "card_code", 1},
      {"semicolon, encoded name", "a=1;card%5Bcvv%5D=123", "a=1;card%5Bcvv%5D=***", "card[cvv]", 1},
      {"semicolon, no code", "u=http://x/;cvv=1;cvv=123456;a=b&cvv=123",
       "u=http://x/;cvv=1;cvv=123456;a=b&cvv=***", "cvv", 1},
      {"semicolons of a value", "a=text/html;q=0.9;code=123;charset=utf-8&cvv=123",
       "a=text/html;q=0.9;code=123;charset=utf-8&cvv=***", "cvv", 1},
      {"a form in a value", "action=x&form=n%3D4111111111111111%26stripe-card-cvc%3D123%26e%3D&b=1",
       "action=x&form=n%3D" + t + "%26stripe-card-cvc%3D***%26e%3D&b=1", "form.n", 2},
      {"a form in a value, names encoded twice", "d=card%255Bcvv%255D%3D123%26b%3D1",
       "d=card%255Bcvv%255D%3D***%26b%3D1", "d.card[cvv]", 1},
      {"a form in a value, its beginning encoded", "d=%63%76%76%3d123", "d=%63%76%76%3d***", "d.cvv", 1},
      {"a pair in a value, as it stands", "d=cvv=123&b=1", "d=cvv=***&b=1", "d.cvv", 1},
      {"a form in a value, behind much", "d=a%3D" + long_value + "%26cvv%3D123",
       "d=a%3D" + long_value + "%26cvv%3D***", "d.cvv", 1},
      {"a form in a value under an ambiguous name", "code=cvv%3D123", "code=cvv%3D***", "code.cvv", 1},
      {"no form: words, an address, a long name",
       "a=if+x%3D1%26cvv%3D123&b=/x%3Fcvv%3D123&c=" + long_name + "%3D1%26cvv%3D123",
       "a=if+x%3D1%26cvv%3D123&b=/x%3Fcvv%3D123&c=" + long_name + "%3D1%26cvv%3D123", "", 0},
      {"typed value", "card[cvv][stringValue]=123", "card[cvv][stringValue]=***", "card[cvv][stringValue]",
       1},
      {"json list for a form", " [ {\"cvv\":\"123\"}]", " [ {\"cvv\":\"***\"}]", "cvv", 1},
      {"brackets are not json", "[0][cvv]=123", "[0][cvv]=***", "[0][cvv]", 1},
      {"long name", long_name + "4111111111111111=1&" + long_name + "=4111111111111111",
       long_name + "4111111111111111=1&" + long_name + "=" + t, "", 1},
      {"long name with a number", long_name + "+4111111111111111+=1&cvv=123",
       long_name + "+" + t + "+=1&cvv=***", "", 2},
      {"long name, no value", long_name + ".4111111111111111&cvv=123", long_name + "." + t + "&cvv=***", "",
       2},
      {"long value", "a=" + long_value + "+4111111111111111&cvv=123",
       "a=" + long_value + "+" + t + "&cvv=***", "a", 2},
      {"long encoded value", "a=" + percent(long_value) + "+4111111111111111&cvv=123",
       "a=" + percent(long_value) + "+" + t + "&cvv=***", "a", 2},
      {"token stays", "card_number=" + t, "card_number=" + t, "", 0},
      {"nothing", "id=20261123123456&t=2026-11-23T12%3A34%3A56Z&q=%D0%BF%D1%80%D0%B8",
       "id=20261123123456&t=2026-11-23T12%3A34%3A56Z&q=%D0%BF%D1%80%D0%B8", "", 0},
      {"ends in an escape", "a=4111111111111111%3", "a=" + t + "%3", "a", 1},
      {"ends in '%'", "a=%", "a=%", "", 0},
      {"ends in half a character", "a=4111111111111111%EF%BC", "a=" + t + "%EF%BC", "a", 1},
  };
  for (const auto& c : table) check(c.name, policy, c.in, c.out, c.field, c.findings);
}

void a_named_value_too_long_is_refused(void**) {
  for (std::string value : {std::string(3000, '4'), testing::each(std::string(3000, '4'), "%3")}) {
    for (size_t chunk : kChunkSizes) {
      Run run = run_body(Rig::get().policy(), kForm, "x=1&card_number=" + value + "&y=2", chunk);
      assert_true(run.verdict.refused());
      assert_int_equal(static_cast<int>(run.verdict.problems()[0].reason),
                       static_cast<int>(Reason::kPanLength));
    }
  }
}

// Bytes that strict parsers refuse count only where fields are required, and the answer says where.
// Behind a ';' a code counts when it is one, behind the next '&' always.
void semicolons_end(void**) {
  for (std::string_view in : {"a=1;cvv=1&cvv=12", "a=1;cvv=123;b&cvv=12", "cvv=12;a=1"}) {
    for (size_t chunk : kChunkSizes) {
      const Run run = run_body(Rig::get().policy(), kForm, in, chunk);
      if (!run.verdict.refused()) fail_msg("%s", run.out.c_str());
    }
  }
}

// A pair of a code in the middle of the document that comes as a form.
void pairs_in_documents_are_refused(void**) {
  for (std::string_view in : {"{\"a&cvv=123", "{\"u\":\"a&cvv=123\"}", "{\"u\":\"a&c%76v=%31234&b\"}",
                              "<a>&cvv=123</a>", "[\"&card[cvc]=+123+&\"]"}) {
    for (size_t chunk : kChunkSizes) {
      const Run run = run_body(Rig::get().policy(), kForm, in, chunk);
      assert_string_equal(testing::reasons(run.verdict).c_str(), "body.malformed");
    }
  }
  for (std::string_view in : {"{\"u\":\"a&cvv=12\"}", "{\"u\":\"a&cvv=12345\"}", "{\"u\":\"a&cvv=123a\"}",
                              "{\"u\":\"x cvv=123\"}", "{\"u\":\"a&code=123\"}"}) {
    for (size_t chunk : kChunkSizes) {
      const Run run = run_body(Rig::get().policy(), kForm, in, chunk);
      if (run.verdict.refused() || run.out != in) fail_msg("%s", run.out.c_str());
    }
  }
}

void bad_escapes(void**) {
  const struct {
    const char* name;
    std::string_view in;
    int64_t offset;  // -1: well-formed
  } table[] = {
      {"value", "a=%zz&cvv=123", 2},
      {"behind escapes", "a=%41%4g&cvv=123", 5},
      {"at the end", "cvv=123&a=%4", 10},
      {"name", "%=1&cvv=123", 0},
      {"bare name", "cvv=123&b%2", 9},
      {"named value", "cvv=%3z", 4},
      {"digits in front", "n=123456789012345+%%31&cvv=123", 18},
      {"well-formed", "a=%41%20+&cvv=123", -1},
  };
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  policy.invalid = Action::kMask;
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      policy.require = 0;
      if (run_body(policy, kForm, c.in, chunk).verdict.refused()) fail_msg("case: %s: refused", c.name);
      policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
      Run run = run_body(policy, kForm, c.in, chunk);
      int64_t offset = -1;
      for (const Problem& problem : run.verdict.problems()) {
        if (problem.reason == Reason::kBodyMalformed) offset = problem.offset;
      }
      if (offset != c.offset)
        fail_msg("case: %s, pieces of %zu: offset %lld", c.name, chunk, static_cast<long long>(offset));
    }
  }
}

// Findings begin with the first byte of a value, also where that is a space, whatever the pieces.
void places(void**) {
  Policy policy = Rig::get().policy();
  policy.invalid = Action::kMask;
  for (size_t chunk : kChunkSizes) {
    const Run run = run_body(policy, kForm, "a=1&cvv=+12&card_number=+%34", chunk);
    assert_int_equal(run.events.size(), 2);
    assert_string_equal(run.events[0].c_str(), "code unknown mask code.length 8+3 cvv");
    assert_string_equal(run.events[1].c_str(), "pan unknown mask pan.length 24+4 card_number");
  }
}

// What stands under the name of an expiry date and is none may be a number that was typed one field too late.
void numbers_under_other_names(void**) {
  Policy policy = Rig::get().policy();
  policy.invalid = Action::kMask;
  const std::string token = Rig::get().token(kVisa);
  for (std::string_view name : {"cc_exp", "exp_month", "exp_year"}) {
    for (size_t chunk : kChunkSizes) {
      const std::string front = std::string(name) + "=";
      const Run run = run_body(policy, kForm, front + std::string(kVisa) + "&cvv=123", chunk);
      if (!run.out.starts_with(front + token + "&cvv="))
        fail_msg("%s became %s", front.c_str(), run.out.c_str());
      const Run date = run_body(policy, kForm, front + "77/1950", chunk);
      assert_string_equal(date.out.c_str(), (front + "77/1950").c_str());
    }
  }
}

void memory_is_bounded(void**) {
  std::string in = "a=" + std::string(1000000, 'x') + "&b=";
  for (int i = 0; i < 50000; ++i) in += i % 3 == 0 ? "%34+" : "%C3%A4.";
  in += "4111111111111111&c=" + std::string(100000, '4');
  Run run = run_body(Rig::get().policy(), kForm, in, 1460);
  assert_false(run.verdict.refused());
  assert_int_equal(run.events.size(), 1);
  assert_true(run.largest_held < 1500);
}

void cookies(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = Rig::get().token(kVisa);
  const struct {
    const char* name;
    std::string in;
    std::string out;
  } table[] = {
      {"named", "a=1; card_number=4111111111111111; b=2", "a=1; card_number=" + t + "; b=2"},
      {"quoted", "a=1; card_number=\"4111111111111111\"; cvv=\"123\"",
       "a=1; card_number=\"" + t + "\"; cvv=\"***\""},
      {"quoted, more behind", "cvv=\"123\" 4111111111111111;b", "cvv=\"***\" " + t + ";b"},
      {"quote not closed", "cvv=\"123; b=4111111111111111", "cvv=\"***; b=" + t},
      {"plus is a plus", "a=4111+1111+1111+1111; cvv=123", "a=4111+1111+1111+1111; cvv=***"},
      {"encoded", "a=%34111111111111111;cvv=%31%32%33",
       "a=" + std::string("%3") + t[0] + t.substr(1) + ";cvv=%2A%2A%2A"},
      {"'&' is no separator", "a=1&cvv=123", "a=1&cvv=123"},
      {"no value", " ;;4111111111111111;", " ;;" + t + ";"},
      {"json", "a={\"cvv\":\"123\"}; b=\"x\"", "a={\"cvv\":\"***\"}; b=\"x\""},
      {"json of Express", "a=j:{\"cvv\":\"123\"}; b=s:j:[{\"cvv\":\"123\"}].c2ln; j=j:x",
       "a=j:{\"cvv\":\"***\"}; b=s:j:[{\"cvv\":\"***\"}].c2ln; j=j:x"},
      {"json of Express, encoded",
       "a=j%3A%7B%22cvv%22%3A%22123%22%7D; b=s%3aj%3a%7B%22cvv%22%3A%22123%22%7D.x%2By",
       "a=j%3A%7B%22cvv%22%3A%22***%22%7D; b=s%3aj%3a%7B%22cvv%22%3A%22***%22%7D.x%2By"},
  };
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      auto filter = make_form_filter(0, {';', false});
      Run run = run_filter(*filter, policy, c.in, chunk);
      if (run.verdict.refused()) fail_msg("case: %s: refused", c.name);
      if (small_escapes(run.out) != small_escapes(c.out))
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, run.out.c_str());
    }
  }
}

// Pairs that share a prefix belong together; the code of one card is never kept under another.
void scopes(void**) {
  const std::string visa = Rig::get().token(kVisa);
  const std::string master = Rig::get().token("5555555555554444");
  const struct {
    const char* name;
    std::string in;
  } table[] = {
      {"prefixes", "a[cvv]=123&b[cvv]=456&a[card_number]=4111111111111111&b[card_number]=5555555555554444"},
      {"dots", "a.cvv=123&b.cvv=456&a.card_number=4111111111111111&b.card_number=5555555555554444"},
      {"lists",
       "c[0][cvv]=123&c[1][cvv]=456&c[0][card_number]=4111111111111111&c[1][card_number]=5555555555554444"},
      {"parallel lists",
       "cvv[0]=123&cvv[1]=456&card_number[0]=4111111111111111&card_number[1]=5555555555554444"},
      {"encoded prefixes",
       "a%5Bcvv%5D=123&b%5bcvv]=456&a[card_number]=4111111111111111&b[card_number]=5555555555554444"},
  };
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      Rig::get().fresh_store();
      Run run = run_body(Rig::get().policy(), kForm, c.in, chunk);
      if (run.verdict.refused()) fail_msg("case: %s: refused", c.name);
      for (auto [code, token] : {std::pair{"123", visa}, std::pair{"456", master}}) {
        std::string alias = run.out.substr(c.in.find(code), 3);
        testing::assert_alias(std::string(c.name) + ", " + code, token, alias, code);
      }
    }
  }
}

void scans(void**) {
  const struct {
    std::string_view in;
    bool encoded, digits, matter;
    size_t bad;
  } table[] = {
      {"", false, false, false, FormScan::kNone},
      {"plain", false, false, false, FormScan::kNone},
      {"a+b", true, false, false, FormScan::kNone},
      {"12345678901", false, false, false, FormScan::kNone},
      {"123456789012", false, true, true, FormScan::kNone},
      {"padding-of-16-byte-and-123456789012", false, true, true, FormScan::kNone},
      {"a%20b", true, false, false, FormScan::kNone},
      {"a%EF", true, true, true, FormScan::kNone},
      {"a%2", true, false, false, 1},
      {"a%20%%20", true, false, false, 4},
      {"{", false, false, true, FormScan::kNone},
      {"[", false, false, true, FormScan::kNone},
      {"%7B", true, false, true, FormScan::kNone},
      {"\xC3\xA4", true, false, true, FormScan::kNone},
      {"\xEF\xBC\x91", true, true, true, FormScan::kNone},
      {"20101-118-x-2345-67-8901", false, false, false, FormScan::kNone},
  };
  for (const auto& c : table) {
    auto block = testing::exact_block(c.in);
    FormScan scan = scan_value({block.get(), c.in.size()}, FormSyntax{});
    if (scan.encoded != c.encoded || scan.may_hold_digits != c.digits || scan.may_matter != c.matter ||
        scan.bad_escape != c.bad) {
      fail_msg("case: %s", std::string(c.in).c_str());
    }
  }
  for (size_t size = 0; size < 70; ++size) {
    for (size_t at = 0; at <= size; ++at) {
      // Everything in front of a delimiter counts, nothing behind it.
      std::string row(size, '7');
      if (at < size) row.replace(at, size - at, "&%+\xFF" + std::string(70, '7'), 0, size - at);
      auto cells = testing::exact_block(row);
      FormScan scan = scan_until({cells.get(), size}, '=', '&', FormSyntax{});
      assert_int_equal(scan.size, at);
      assert_int_equal(scan.may_hold_digits, at >= limits::kPanMin);
      assert_false(scan.encoded);
      std::string text(size, '-');
      if (at < size) text[at] = at % 2 == 0 ? '&' : '=';
      auto block = testing::exact_block(text);
      assert_int_equal(find_either(block.get(), size, 0, '&', '='), at);
      assert_int_equal(find_byte(block.get(), size, 0, '&'), at < size && at % 2 == 0 ? at : size);
    }
  }
}

// Numbers stand apart: which of several overlapping ones is meant is the detector's affair.
// Random forms: whatever the bytes and the cuts, the same comes out, digits change only, and nothing is left.
void random_forms(void**) {
  testing::Dice random(0x9E3779B97F4A7C15u);
  constexpr std::string_view kBits[] = {"&",
                                        "=",
                                        "+",
                                        "%",
                                        "%3",
                                        "%25",
                                        "%34",
                                        "4111111111111111",
                                        "a",
                                        "card",
                                        "[",
                                        "]",
                                        "%C2%A0",
                                        "\xEF\xBC\x94",
                                        "%EF%BC%94",
                                        "{",
                                        "\"",
                                        "1",
                                        "%2520",
                                        ";",
                                        "\xFF",
                                        "number",
                                        ", 5555 5555 5555 4444, ",
                                        "%253",
                                        "4",
                                        ".",
                                        "note=",
                                        "&x="};
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  policy.invalid = Action::kMask;
  for (int round = 0; round < 3000; ++round) {
    const std::string in = random.some_of(kBits, 30);
    testing::check_laws(in, 1 + random(9), [&](std::string_view text, size_t chunk) {
      return run_body(policy, kForm, text, chunk);
    });
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(numbers_in_every_encoding),
      cmocka_unit_test(named_values_are_decoded_once),
      cmocka_unit_test(cases),
      cmocka_unit_test(a_named_value_too_long_is_refused),
      cmocka_unit_test(pairs_in_documents_are_refused),
      cmocka_unit_test(semicolons_end),
      cmocka_unit_test(bad_escapes),
      cmocka_unit_test(places),
      cmocka_unit_test(numbers_under_other_names),
      cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(cookies),
      cmocka_unit_test(scopes),
      cmocka_unit_test(scans),
      cmocka_unit_test(random_forms),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
