// Name/value pairs: a value belongs to the name beside it, in every encoding, at every cut, in either order.
#include "src/scrubber.h"

#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::kChunkSizes;
using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kXml = "text/xml";
constexpr std::string_view kParts = "multipart/form-data; boundary=b";

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// In `in`: 123 is a code, 456 is none, and numbers become tokens.
void check(const std::string& name, std::string_view type, const std::string& in, const Policy& policy) {
  const std::string pan = "4111111111111111";
  const std::string want = replaced(replaced(in, "123", "***"), pan, Rig::get().token(pan));
  for (size_t chunk : kChunkSizes) {
    const Run run = run_body(policy, type, in, chunk);
    if (run.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), run.verdict.problem_json().c_str());
    if (run.out != want) fail_msg("case: %s, pieces of %zu: %s", name.c_str(), chunk, run.out.c_str());
  }
  const Run twice = run_body(policy, type, want, 0);
  if (twice.verdict.refused() || twice.out != want)
    fail_msg("case: %s, again: %s", name.c_str(), twice.out.c_str());
}

Policy masking() {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  return policy;
}

std::string part(std::string_view name, std::string_view value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
         std::string(value) + "\r\n";
}

void pairs_are_read(void**) {
  const struct {
    const char* name;
    std::string_view type;
    std::string in;
  } cases[] = {
      {"serializeArray", kJson,
       R"([{"name":"cvv","value":"123"},{"name":"card_number","value":"4111111111111111"}])"},
      {"other words", kJson,
       R"([{"key":"cvv","value":"123"},{"id":"cvc","val":"123"},{"field":"csc","value":"123"}])"},
      {"letters of any case", kJson, R"([{"Key":"CVV","Value":"123"},{"NAME":"Card-CVV","VALUE":"123"}])"},
      {"one object", kJson, R"({"name":"cvv","value":"123"})"},
      {"hyphens and underscores that do not count", kJson,
       R"([{"name":"cv-v","value":"123"},{"key":"card_cvv_","val":"123"},{"value":"123","name":"cvv-2"}])"},
      {"members of an object", kJson, R"({"a":{"name":"cvv","value":"123"},"b":{"name":"x","value":"456"}})"},
      {"several components", kJson,
       R"([{"name":"card[cvc]","value":"123"},{"name":"payment.card.cid","value":"123"}])"},
      {"the path around counts", kJson,
       R"({"card":[{"name":"code","value":"123"}],"coupon":[{"name":"code","value":"456"}]})"},
      {"members between", kJson,
       R"([{"name":"cvv","label":"Code","max":4,"help":{"text":["x",{"y":1}]},"value":"123","required":true}])"},
      {"indented", kJson, "[\n  {\n    \"name\" : \"cvv\",\n    \"value\" : \"123\"\n  }\n]"},
      {"escapes", kJson, R"([{"n\u0061me":"c\u0076v","v\u0061lue":"123"}])"},
      {"json5", kJson, R"([{name:"cvv",value:"123"},{'name':'cvv','value':'123'}])"},
      {"list of values", kJson, R"([{"name":"cvv","value":["123"]},{"name":"x","value":["456"]}])"},
      {"object as value", kJson, R"({"name":"cvv","value":{"a":"456"}})"},
      {"json in json", kJson,
       R"({"d":"[{\"name\":\"cvv\",\"value\":\"123\"},{\"name\":\"x\",\"value\":\"456\"}]"})"},
      {"json in the name", kJson, R"({"name":"{\"cvv\":\"123\"}","value":"456"})"},
      {"a name beside a name", kJson, R"([{"id":"cvv","name":"Security code","value":"123"}])"},
      {"the latest name", kJson,
       R"([{"name":"cvv","value":"123","name":"x","val":"123"},{"name":"order_id","value":"456"}])"},
      {"an inner object", kJson, R"([{"name":"cvv","x":{"value":"456"},"value":"123"}])"},
      {"an outer object", kJson, R"({"x":{"name":"cvv"},"value":"456"})"},
      {"value first", kJson, R"([{"value":"123","name":"cvv"},{"value":"456","name":"x"},{"value":"456"}])"},
      {"value first, much between", kJson,
       R"([{"value":"123","a":[1,{"value":"456"}],"note":")" + std::string(5000, 'x') +
           R"(","name":"cvv"}])"},
      {"value first, other digits", kJson,
       "[{\"value\":\"12\\u0033\",\"name\":\"zip\"},{\"value\":\"4567\",\"name\":\"cvv_label\"}]"},
      {"after a card", kJson,
       R"([{"card_number":"4111111111111111","cvv":"123"},{"name":"x","value":"456"},{"value":"456"}])"},
      {"beside a card", kJson, R"({"card_number":"4111111111111111","cvv":"123","value":"456"})"},
      {"ambiguous", kJson, R"([{"name":"number","value":"4111111111111111"},{"name":"code","value":"123"}])"},
      {"ambiguous, value first", kJson,
       R"([{"value":"123","name":"code"},{"name":"number","value":"4111111111111111"}])"},
      {"ambiguous, no card", kJson, R"([{"name":"code","value":"456"},{"value":"456","name":"code"}])"},
      {"labels", kJson,
       R"([{"key":"cvv","value":"Security code"},{"key":"cvv","value":true},{"key":"cvv","value":null}])"},
      {"form", kForm,
       "f[0][name]=cvv&f[0][value]=123&f[1][name]=x&f[1][value]=456&f[2][name]=card_number&f[2][value]="
       "4111111111111111"},
      {"form, value first", kForm, "f[0][value]=123&f[0][name]=cvv&f[1][value]=456&f[1][name]=x"},
      {"form, encoded", kForm, "f%5B0%5D%5Bname%5D=card%5Bcvc%5D&f%5B0%5D%5Bvalue%5D=%3123&x=1"},
      {"form, names first", kForm,
       "f[0][name]=cvv&f[1][name]=card_number&f[0][value]=123&f[1][value]=4111111111111111"},
      {"form, bare", kForm, "name=cvv&value=123&id=7"},
      {"form, one after the other", kForm,
       "name=x&value=456&name=cvv&value=123&name=y&value=456&NAME=cvc&Value=123"},
      {"form, values first", kForm, "value=123&name=cvv&value=456&name=x&value=123&name=cvc&value=456"},
      {"form, a value whose name says nothing", kForm, "value=456&name=x&value=123&name=cvv"},
      {"form, several values", kForm, "name=cvv&value=123&value=123&name=x&value=456"},
      {"form, no value", kForm, "name=cvv&value=&name=x&value=456"},
      {"form, several names", kForm, "name=cvv&id=x&value=123&id=cvv&name=y&value=123"},
      {"form, another field called id", kForm, "id=17&value=123&name=cvv"},
      {"form, other words", kForm, "name=cvv&value=123&key=cvc&val=123"},
      {"form, groups one after the other", kForm,
       "a[key]=cvv&a[value]=123&a[key]=x&a[value]=456&b[value]=456&b[key]=x&b[value]=123&b[key]=cvc"},
      {"form, value first, several names", kForm, "value=123&id=x&name=cvv"},
      {"form, another prefix", kForm, "f[0][name]=cvv&f[1][value]=456"},
      {"json in a form", kForm, R"(d=[{"name":"cvv","value":"123"}]&value=456)"},
      {"parts", kParts,
       part("f[0][name]", "cvv") + part("f[0][value]", "123") + part("f[1][name]", "x") +
           part("f[1][value]", "456") + "--b--\r\n"},
      {"parts, one after the other", kParts,
       part("name", "cvv") + part("value", "123") + part("name", "x") + part("value", "456") + "--b--\r\n"},
      {"xml", kXml,
       "<r><f><name>cvv</name><value>123</value></f><f><name>x</name><value>456</value></f></r>"},
      {"xml, one after the other", kXml,
       "<f><name>cvv</name><value>123</value><name>x</name><value>456</value></f>"},
      {"xml, one after the other, values first", kXml,
       "<f><val><i4>123</i4></val><id>cvv</id><val><i4>456</i4></val><id>x</id></f>"},
      {"xml-rpc", kXml,
       "<struct><member><name>cvv</name><value><string>123</string></value></member><member><name>a</"
       "name><value><i4>456</i4></value></member></struct>"},
      {"xml, indented", kXml, "<f>\n <name>\n  cvv\n </name>\n <value>\n  123\n </value>\n</f>"},
      {"xml, attributes", kXml,
       R"(<r><input name="cvv" value="123"/><input type="text" value="123" name="cvv"/><input name="a" value="456"/></r>)"},
      {"xml, attribute and text", kXml,
       R"(<r><field name="cvv">123</field><field name="a">456</field><param id="cvc"><value>123</value></param></r>)"},
      {"xml, value first", kXml,
       "<r><f><value>123</value><name>cvv</name></f><f><value>456</value><name>x</name></f></r>"},
  };
  for (const auto& c : cases) {
    // "12\u0033" and "%3123" are codes of their own form.
    if (std::string_view(c.name) == "form, encoded") {
      for (size_t chunk : kChunkSizes) {
        const Run run = run_body(masking(), c.type, c.in, chunk);
        assert_string_equal(run.out.c_str(), replaced(c.in, "%3123", "%2a**").c_str());
      }
      continue;
    }
    check(c.name, c.type, c.in, masking());
  }
}

// MessagePack: a map of two.
void messagepack(void**) {
  check("strings", "application/msgpack",
        "\x92\x82\xA4name\xA3"
        "cvv\xA5value\xA3"
        "123\x82\xA5value\xA3"
        "123\xA4name\xA3"
        "cvv",
        masking());
  check("others", "application/msgpack",
        "\x92\x82\xA4name\xA3"
        "cat\xA5value\xA3"
        "456\x81\xA5value\xA3"
        "456",
        masking());
  check("a list", "application/msgpack",
        "\x82\xA4name\xA3"
        "cvv\xA5value\x91\xA3"
        "123",
        masking());
  const Run number = run_body(masking(), "application/msgpack",
                              "\x82\xA4name\xA3"
                              "cvv\xA5value\xCC\xC8",
                              0);
  assert_true(number.verdict.problems().at(0).reason == Reason::kFieldEncoding);
}

// As a field of that name is: validated, named, required.
void pairs_are_fields(void**) {
  const struct {
    const char* name;
    std::string in;
    std::string_view reasons;
  } cases[] = {
      {"number", R"([{"name":"card_number","value":"4111111111111112"}])", "pan.luhn@card_number"},
      {"path", R"({"fields":[{"name":"card_number","value":4111}]})", "pan.length@fields.card_number"},
      {"code", R"([{"name":"cvv","value":"12"}])", "code.length@cvv"},
      {"code of another card",
       R"([{"name":"card_number","value":"371449635398431"},{"name":"cvv","value":"123"}])",
       "code.length@cvv"},
      {"code of another card, value first",
       R"([{"name":"card_number","value":"371449635398431"},{"value":"123","name":"cvv"}])",
       "code.length@cvv"},
      {"expiry", R"([{"name":"cc_exp","value":"13/30"}])", "expiry.month@cc_exp"},
      {"past", R"([{"name":"card_exp_month","value":"1"},{"name":"card_exp_year","value":"2020"}])",
       "expiry.past@card_exp_year"},
  };
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      const Run run = run_body(Rig::get().policy(), kJson, c.in, chunk);
      if (testing::reasons(run.verdict) != c.reasons)
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, testing::reasons(run.verdict).c_str());
    }
  }
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan) | 1u << static_cast<unsigned>(Kind::kCode) |
                   1u << static_cast<unsigned>(Kind::kExpiry);
  assert_false(run_body(policy, kJson,
                        R"([{"name":"card_number","value":"4111111111111111"},{"value":"123","name":"cvv"},)"
                        R"({"name":"card_exp","value":"12/30"}])",
                        0)
                   .verdict.refused());
  policy.code = Action::kReject;
  assert_string_equal(
      testing::reasons(run_body(policy, kJson, R"([{"value":"123","name":"cvv"}])", 0).verdict).c_str(),
      "code.forbidden@cvv field.missing@pan field.missing@expiry");
}

// The code is bound to the card of the list around, whichever comes first, and comes back with it.
void codes_find_their_card(void**) {
  const std::string pan = "4111111111111111";
  const std::string token = Rig::get().token(pan);
  for (const std::string_view in :
       {R"([{"name":"card_number","value":"4111111111111111"},{"name":"cvv","value":"573"}])",
        R"([{"name":"cvv","value":"573"},{"name":"card_number","value":"4111111111111111"}])",
        R"([{"value":"573","name":"cvv"},{"name":"card_number","value":"4111111111111111"}])",
        R"([{"value":"4111111111111111","name":"card_number"},{"value":"573","name":"cvv"}])",
        R"([{"cards":[{"name":"card_number","value":"4111111111111111"},{"name":"cvv","value":"573"}]},)"
        R"({"cards":[{"name":"card_number","value":"5555555555554444"},{"name":"cvv","value":"999"}]}])"}) {
    Rig::get().fresh_store();
    const Run run = run_body(Rig::get().policy(), kJson, in, 0);
    assert_false(run.verdict.refused());
    assert_true(run.out.find(token) != std::string::npos);
    testing::assert_alias(std::string(in), token, run.out.substr(in.find("573"), 3), "573");
  }
  // What came out is turned back.
  const std::string in =
      R"([{"value":"573","name":"cvv"},{"name":"card_number","value":"4111111111111111"}])";
  const Run out = run_body(Rig::get().policy(), kJson, in, 0);
  Policy reveal = Rig::get().policy();
  reveal.direction = Direction::kReveal;
  const Run back = run_body(reveal, kJson, out.out, 0);
  assert_string_equal(back.out.c_str(), in.c_str());
}

// A name that comes too late for a value that has been let go.
void a_window_that_is_full_refuses(void**) {
  const std::string much(limits::kWindow + 4096, 'x');
  const std::string in = R"([{"value":"123","note":")" + much + R"(","name":"cvv"}])";
  for (size_t chunk : {size_t{0}, size_t{1000}}) {
    const Run run = run_body(masking(), kJson, in, chunk);
    assert_string_equal(testing::reasons(run.verdict).c_str(), "limit.window");
  }
  const std::string other = replaced(in, "cvv", "zip");
  assert_string_equal(run_body(masking(), kJson, other, 1000).out.c_str(), other.c_str());
}

// An operator's own rule for such a field comes first; heads have no pairs.
void what_is_no_pair(void**) {
  const FieldPattern patterns[] = {{Kind::kIgnore, "labels.value"}, {Kind::kIgnore, "memo"}};
  const Result<FieldNames> fields = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(fields));
  Policy policy = masking();
  policy.fields = &*fields;
  const std::string in =
      R"({"labels":[{"name":"cvv","value":"456"}],"fields":[{"name":"cvv","value":"123"},{"name":"memo","value":"4111 1111 1111 1111"}]})";
  for (size_t chunk : kChunkSizes) {
    assert_string_equal(run_body(policy, kJson, in, chunk).out.c_str(), replaced(in, "123", "***").c_str());
  }
  assert_true(pair_part(bytes_of("name")) == Pair::kName);
  for (std::string_view name :
       {"names", "surname", "first_name", "", "]", "[", "[]", "values", "i", "keyed"}) {
    if (pair_part(bytes_of(name)) != Pair::kNone) fail_msg("%s", std::string(name).c_str());
  }
  for (std::string_view name : {"f[0][value]", "f.value", "VALUE", "val", "f[val]"}) {
    if (pair_part(bytes_of(name)) != Pair::kValue) fail_msg("%s", std::string(name).c_str());
  }
}

// Answers: names of several meanings do not count, and nobody is refused.
void answers(void**) {
  Policy policy = masking();
  policy.response = true;
  policy.pan = policy.sweep = policy.invalid = Action::kMask;
  const std::string in =
      R"([{"name":"cvv","value":"123"},{"value":"123","name":"cvv"},{"name":"code","value":"456"},{"name":"cvv","value":"x1"}])";
  for (size_t chunk : kChunkSizes) {
    const Run run = run_body(policy, kJson, in, chunk);
    assert_false(run.verdict.refused());
    assert_string_equal(run.out.c_str(), replaced(in, "123", "***").c_str());
  }
}

// In bodies of any size, at every cut.
void spaces_around_names(void**) {
  for (size_t size : {0u, 700u}) {
    const std::string other = "{\"x\":\"" + std::string(size, 'y') + "\",\"a\":1}";
    for (const char* name : {"cvv", "cvv ", " cvv", " cvv  ", "cvv\\t"}) {
      const std::string in = "[" + other + ",{\"name\":\"" + name + "\",\"value\":\"123\"}," + other + "]";
      for (size_t chunk : kChunkSizes) {
        const Run run = run_body(masking(), kJson, in, chunk);
        if (run.out != replaced(in, "123", "***")) fail_msg("\"%s\", pieces of %zu", name, chunk);
      }
    }
  }
}

// Monitoring refuses nothing, but keeps no more names than that, or a large form would take forever.
void names_are_bounded(void**) {
  Policy policy = masking();
  std::string in;
  for (size_t i = 0; i < 2 * limits::kFormScopes; ++i) {
    const std::string scope = "f" + std::to_string(i);
    in += scope + "[name]=cvv&" + scope + "[value]=123&";
  }
  const Run on = run_body(policy, "application/x-www-form-urlencoded", in, 0);
  assert_true(on.verdict.refused());
  policy.mode = Mode::kMonitor;
  for (size_t chunk : kChunkSizes) {
    const Run run = run_body(policy, "application/x-www-form-urlencoded", in, chunk);
    assert_true(run.verdict.unread == Reason::kLimitFindings);
    assert_int_equal(run.events.size(), limits::kFormScopes);
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(pairs_are_read),
      cmocka_unit_test(messagepack),
      cmocka_unit_test(pairs_are_fields),
      cmocka_unit_test(codes_find_their_card),
      cmocka_unit_test(a_window_that_is_full_refuses),
      cmocka_unit_test(what_is_no_pair),
      cmocka_unit_test(answers),
      cmocka_unit_test(spaces_around_names),
      cmocka_unit_test(names_are_bounded),
  };
  return cmocka_run_group_tests_name("scrubber_pair", tests, nullptr, nullptr);
}
