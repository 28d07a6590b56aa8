// The audit log's chain: known answers, made with Python's hmac (HKDF-SHA-256, label "cardscrub v1 audit")
// and openssl mac; and every way in which a line is none.
#include "src/audit_chain.h"

#include "tests/unit/audit_rig.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using namespace cardscrub::testing;

const std::string kFirst =
    R"({"v":1,"chain":"0123456789abcdef","seq":1,"time":"2026-11-26T13:44:16.123456Z","event":"start",)"
    R"("key":"9-377822","prev":"00000000000000000000000000000000","mac":"b76d6570732037fd5e2a28518ec5631f"})";
const std::string kSecond =
    R"({"v":1,"chain":"0123456789abcdef","seq":2,"time":"2026-11-26T13:44:17.000001Z","event":"finding",)"
    R"("field":"a\"b","count":2,"key":"9-377822","prev":"b76d6570732037fd5e2a28518ec5631f","mac":"b2e6640a595861ba738473d63ae959e8"})";

void lines_have_the_known_macs(void**) {
  ChainWriter chain;
  std::string out = chain.line(R"("time":"2026-11-26T13:44:16.123456Z","event":"start")");
  assert_string_equal(out.c_str(), (kFirst + '\n').c_str());
  out = chain.line(R"("time":"2026-11-26T13:44:17.000001Z","event":"finding","field":"a\"b","count":2)");
  assert_string_equal(out.c_str(), (kSecond + '\n').c_str());
  assert_int_equal(chain.head.seq, 2);
}

void a_line_is_taken_apart(void**) {
  AuditLine line;
  assert_true(parse_audit_line(kSecond, &line));
  assert_int_equal(line.head.chain, 0x0123456789abcdef);
  assert_int_equal(line.head.seq, 2);
  assert_true(line.key == "9-377822");
  assert_string_equal(audit_mac_text(line.prev).c_str(), "b76d6570732037fd5e2a28518ec5631f");
  assert_string_equal(audit_mac_text(line.head.mac).c_str(), "b2e6640a595861ba738473d63ae959e8");
  AuditKey key = fixed_key();
  AuditMac mac;
  assert_true(key.mac(line.covered, &mac));
  assert_true(mac == line.head.mac);

  std::string_view text;
  uint64_t number = 0;
  assert_true(audit_text(line.members, "event", &text) && text == "finding");
  assert_true(audit_text(line.members, "field", &text) && text == "a\\\"b");
  assert_true(audit_number(line.members, "count", &number) && number == 2);
  assert_false(audit_text(line.members, "count", &text));
  assert_false(audit_number(line.members, "event", &number));
  assert_false(audit_text(line.members, "b", &text));
}

void every_byte_of_a_line_counts(void**) {
  AuditKey key = fixed_key();
  for (size_t at = 0; at < kSecond.size(); ++at) {
    for (int flip : {1, 2, 16, 32}) {
      std::string changed = kSecond;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      AuditLine line;
      AuditMac mac;
      const bool good = parse_audit_line(changed, &line) && line.key == key.name() &&
                        key.mac(line.covered, &mac) && mac == line.head.mac;
      if (good) fail_msg("byte %zu changed and not seen: %s", at, changed.c_str());
    }
    AuditLine line;
    if (parse_audit_line(std::string_view(kSecond).substr(0, at), &line)) fail_msg("cut at %zu", at);
  }
}

void what_is_no_line(void**) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string out = kSecond;
    out.replace(out.find(from), from.size(), to);
    return out;
  };
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"empty", ""},
      {"another version", with("\"v\":1", "\"v\":2")},
      {"number with zeros", with("\"seq\":2", "\"seq\":02")},
      {"negative number", with("\"seq\":2", "\"seq\":-2")},
      {"number beyond 64 bits", with("\"seq\":2", "\"seq\":18446744073709551616")},
      {"no number", with("\"seq\":2", "\"seq\":")},
      {"capital hex", with("0123456789abcdef", "0123456789ABCDEF")},
      {"something behind", kSecond + " "},
      {"something in front", " " + kSecond},
      {"too long", with("\"count\":2", "\"x\":\"" + std::string(kAuditLineMax, 'x') + '"')},
  };
  for (const auto& c : cases) {
    AuditLine line;
    auto text = exact_block(c.text);
    if (parse_audit_line({reinterpret_cast<const char*>(text.get()), c.text.size()}, &line))
      fail_msg("case: %s", c.name);
  }
}

void a_head_is_written_and_read(void**) {
  ChainWriter chain(7);
  (void)chain.line(event("start"));
  const std::string text = audit_head_text(chain.head);
  AuditHead head;
  assert_true(parse_audit_head(text, &head));
  assert_true(head.chain == 7 && head.seq == 1 && head.mac == chain.head.mac);
  for (size_t at = 0; at < text.size(); ++at) assert_false(parse_audit_head(text.substr(0, at), &head));
  assert_false(parse_audit_head(text + "0", &head));
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(lines_have_the_known_macs), cmocka_unit_test(a_line_is_taken_apart),
      cmocka_unit_test(every_byte_of_a_line_counts), cmocka_unit_test(what_is_no_line),
      cmocka_unit_test(a_head_is_written_and_read)};
  return cmocka_run_group_tests_name("audit_chain", tests, nullptr, nullptr);
}
