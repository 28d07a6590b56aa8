// Names of kinds, brands, reasons and actions are stable interfaces: complete, distinct, and read back.
#include "src/card.h"

#include <set>

#include "src/finding.h"
#include "testing.h"

using namespace cardscrub;

namespace {

void test_kinds(void**) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kKinds; ++i) {
    const Kind kind = static_cast<Kind>(i);
    assert_true(names.insert(kind_name(kind)).second);
    Kind back = Kind::kNone;
    assert_int_equal(kind_from_name(kind_name(kind), &back), kind != Kind::kNone);
    assert_true(back == kind);
  }
  assert_true(kind_name(Kind::kExpiryMonth) == "expiry_month");
  Kind kind = Kind::kCode;
  for (const char* wrong : {"", "PAN", "pans", "none", "pa"}) assert_false(kind_from_name(wrong, &kind));
  assert_true(kind == Kind::kCode);
  assert_true(kind_name(static_cast<Kind>(200)) == "none");
}

void test_brands(void**) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kBrands; ++i) {
    const Brand brand = static_cast<Brand>(i);
    assert_true(names.insert(brand_name(brand)).second);
    Brand back = Brand::kUnknown;
    assert_int_equal(brand_from_name(brand_name(brand), &back), brand != Brand::kUnknown);
    assert_true(back == brand);
  }
  assert_true(brand_name(Brand::kUnionPay) == "unionpay");
  assert_true(brand_name(Brand::kUatp) == "uatp");
  assert_true(brand_name(Brand::kNapas) == "napas");
  assert_true(brand_name(static_cast<Brand>(200)) == "unknown");
  Brand brand = Brand::kVisa;
  assert_false(brand_from_name("Visa", &brand));
  assert_false(brand_from_name("unknown", &brand));
}

void test_reasons(void**) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const Reason reason = static_cast<Reason>(i);
    const std::string_view name = reason_name(reason), text = reason_text(reason);
    assert_true(!name.empty() && names.insert(name).second);
    assert_true(text.size() > 10 && text.back() == '.');
    for (const char c : text) assert_false(c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ');
    const int status = reason_status(reason);
    assert_true(reason == Reason::kNone ? status == 200 : status >= 400 && status < 600);
  }
  struct {
    Reason reason;
    const char* name;
    int status;
  } const cases[] = {{Reason::kPanLuhn, "pan.luhn", 422},
                     {Reason::kBodyMalformed, "body.malformed", 400},
                     {Reason::kBodyType, "body.type", 415},
                     {Reason::kLimitFindings, "limit.findings", 413},
                     {Reason::kTlsRequired, "tls.required", 403},
                     {Reason::kStoreFull, "store.full", 503},
                     {Reason::kFault, "fault", 500},
                     {Reason::kAliasUnknown, "alias.unknown", 422},
                     {Reason::kFieldMissing, "field.missing", 422}};
  for (const auto& c : cases) {
    assert_true(reason_name(c.reason) == c.name);
    assert_int_equal(reason_status(c.reason), c.status);
  }
  assert_true(reason_name(static_cast<Reason>(250)) == "fault");
}

void test_actions(void**) {
  std::set<std::string_view> names;
  for (size_t i = 0; i <= static_cast<size_t>(Action::kReveal); ++i) {
    assert_true(names.insert(action_name(static_cast<Action>(i))).second);
  }
  assert_true(action_name(Action::kTokenize) == "tokenize");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_brands),
                              cmocka_unit_test(test_reasons), cmocka_unit_test(test_actions)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
