// What a line of the audit log says, and what it never says.
#include "src/audit_line.h"

#include <nlohmann/json.hpp>

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

nlohmann::json line_of(const AuditEvent& event, const AuditRequest& request) {
  std::string members;
  JsonMembers out(&members);
  put_origin(&out, {1'795'700'656'000'042, "web1", 4711}, event.event);
  put_event(&out, event, request);
  return nlohmann::json::parse('{' + members + '}');
}

void a_finding(void**) {
  AuditEvent event;
  event.kind = Kind::kPan;
  event.brand = Brand::kVisa;
  event.action = Action::kTokenize;
  event.field = "card.number";
  event.token = "9528014739601111";
  event.generation = 9;
  event.fingerprint.emplace().fill(0xA5);
  const nlohmann::json got =
      line_of(event, {"id", "203.0.113.9", "alice", "shop.example", "~ \"^/p\\d\"", true});
  const nlohmann::json wanted = nlohmann::json::parse(R"({"time":"2026-11-26T13:44:16.000042Z","host":"web1",
      "pid":4711,"event":"finding","outcome":"success","request":"id","client":"203.0.113.9","user":"alice",
      "server":"shop.example","location":"~ \"^/p\\d\"","mode":"monitor","field":"card.number","kind":"pan",
      "brand":"visa","action":"tokenize","count":1,"token":"9528014739601111",
      "fingerprint":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","generation":9})");
  assert_string_equal(got.dump().c_str(), wanted.dump().c_str());
}

void a_refusal_did_not_succeed(void**) {
  AuditEvent event;
  event.event = AuditKind::kRejection;
  event.reason = Reason::kPanLuhn;
  const nlohmann::json got = line_of(event, {});
  assert_string_equal(got["outcome"].get<std::string>().c_str(), "failure");
  assert_string_equal(got["reason"].get<std::string>().c_str(), "pan.luhn");
  for (const char* absent :
       {"kind", "brand", "action", "token", "fingerprint", "generation", "user", "client"})
    assert_false(got.contains(absent));
}

void texts_are_escaped_and_bounded(void**) {
  AuditRequest request;
  const std::string location = "/\xC3\xB6\n\"\\" + std::string(1000, 'x');
  request.location = location;
  const nlohmann::json got = line_of({}, request);
  const std::string text = got["location"].get<std::string>();
  assert_true(text.find("\n\"\\") != std::string::npos);
  assert_int_equal(got.dump(-1, ' ', true).find("\\u00c3") != std::string::npos, 1);
  assert_true(text.size() < 300);
}

void a_user_is_no_card_number(void**) {
  const struct {
    const char* name;
    std::string in;
    std::string out;
  } cases[] = {
      {"name", "CN=alice,O=Shop", "CN=alice,O=Shop"},
      {"few digits", "user-20261126", "user-20261126"},
      {"number", "4111111111111111", "411111**********"},
      {"in groups", "x 4111 1111-1111.1111 y", "x 4111 11**-****.**** y"},
      {"no ASCII", "a\xC3\xB6\x01", "a???"},
      {"long", std::string(500, 'a'), std::string(256, 'a')},
  };
  for (const auto& c : cases) {
    if (printable_audit_text(c.in) != c.out)
      fail_msg("case: %s: %s", c.name, printable_audit_text(c.in).c_str());
  }
}

void equal_events(void**) {
  AuditEvent a;
  a.field = "f";
  AuditEvent b = a;
  b.count = 7;
  assert_true(a.same(b));
  b.token = "1";
  assert_false(a.same(b));
  b = a;
  b.fingerprint.emplace();
  assert_false(a.same(b));
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(a_finding), cmocka_unit_test(a_refusal_did_not_succeed),
                              cmocka_unit_test(texts_are_escaped_and_bounded),
                              cmocka_unit_test(a_user_is_no_card_number), cmocka_unit_test(equal_events)};
  return cmocka_run_group_tests_name("audit_line", tests, nullptr, nullptr);
}
