// FieldNames: which names announce card data, by default and by the operator's word.
#include "src/field_names.h"

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

FieldMatch match(const FieldNames& names, std::initializer_list<std::string_view> around,
                 std::string_view leaf) {
  Path path;
  for (std::string_view name : around) assert_true(path.push(bytes_of(name)));
  auto block = testing::exact_block(leaf);
  bool failed = false;
  FieldMatch found = names.match(path, {block.get(), leaf.size()}, &failed);
  assert_false(failed);
  return found;
}

FieldNames compile(std::vector<FieldPattern> patterns) {
  Result<FieldNames> names = FieldNames::compile(patterns);
  if (!names) fail_msg("%s", names.message().c_str());
  return std::move(*names);
}

struct Case {
  const char* name;
  std::vector<std::string_view> around;
  std::string_view leaf;
  Kind kind;
  bool ambiguous;
};

void default_list(void**) {
  FieldNames names = compile({});
  const Case cases[] = {
      {"form field", {}, "card_number", Kind::kPan, false},
      {"camel case", {}, "cardNumber", Kind::kPan, false},
      {"hyphens, autocomplete", {}, "cc-number", Kind::kPan, false},
      {"capitals", {}, "CARD_NUMBER", Kind::kPan, false},
      {"brackets", {}, "card[number]", Kind::kPan, false},
      {"brackets with index", {}, "cards[0][card][number]", Kind::kPan, false},
      {"brackets, several around", {}, "payment[card][number]", Kind::kPan, false},
      {"dots", {}, "card.number", Kind::kPan, false},
      {"dots, an index behind", {}, "order.card_number.10", Kind::kPan, false},
      {"a bracket that does not close", {}, "order[card_number", Kind::kPan, false},
      {"its letters at the ends only", {}, "cat_counter", Kind::kNone, false},
      {"two letters", {}, "id", Kind::kNone, false},
      {"one letter", {}, "c", Kind::kNone, false},
      {"object", {"card"}, "number", Kind::kPan, false},
      {"object in list", {"card", ""}, "number", Kind::kPan, false},
      {"object in indexed list", {"card", "12"}, "number", Kind::kPan, false},
      {"object by another name", {"customer"}, "number", Kind::kPan, true},
      {"bare number", {}, "number", Kind::kPan, true},
      {"bare pan", {}, "pan", Kind::kPan, true},
      {"cvv", {}, "cvv", Kind::kCode, false},
      {"CVC2", {}, "CVC2", Kind::kCode, false},
      {"cc-csc", {}, "cc-csc", Kind::kCode, false},
      {"securityCode", {}, "securityCode", Kind::kCode, false},
      {"leading underscore", {}, "_cvv", Kind::kCode, false},
      {"code", {}, "code", Kind::kCode, true},
      {"card.code", {"card"}, "code", Kind::kCode, false},
      {"expiry_month", {}, "expiry_month", Kind::kExpiryMonth, true},
      {"cc-exp-year", {}, "cc-exp-year", Kind::kExpiryYear, false},
      {"cc-exp", {}, "cc-exp", Kind::kExpiry, false},
      {"name on card", {}, "name_on_card", Kind::kHolder, false},
      {"track2", {}, "track2", Kind::kTrack, false},
      {"wrapped code", {"cvv"}, "value", Kind::kCode, false},
      {"wrapped number", {"card", "number"}, "value", Kind::kPan, false},
      {"value of something else", {"order"}, "value", Kind::kNone, false},
      {"phone", {}, "phone_number", Kind::kNone, false},
      {"order", {}, "order_number", Kind::kNone, false},
      {"part of a name", {}, "discard_number", Kind::kNone, false},
      {"empty", {}, "", Kind::kNone, false},
      {"only brackets", {}, "[]", Kind::kNone, false},
      {"only digits", {}, "0", Kind::kNone, false},
      {"list of a name", {}, "card_number[]", Kind::kPan, false},
      {"long",
       {},
       "card_number_card_number_card_number_card_number_card_number_card_number_card_number",
       Kind::kNone,
       false},
  };
  for (const Case& c : cases) {
    Path path;
    for (std::string_view name : c.around) assert_true(path.push(bytes_of(name)));
    auto block = testing::exact_block(c.leaf);
    bool failed = false;
    FieldMatch found = names.match(path, {block.get(), c.leaf.size()}, &failed);
    if (found.kind != c.kind || found.ambiguous != c.ambiguous || failed) fail_msg("case: %s", c.name);
  }
}

void every_default_matches_itself(void**) {
  FieldNames names = compile({});
  for (const DefaultField& field : default_fields()) {
    FieldMatch found = match(names, {}, field.pattern);
    if (found.kind != field.kind) fail_msg("%s", std::string(field.pattern).c_str());
  }
}

// What looks at the ends of names alone must not turn away what the exact comparison takes.
void ends_of_names(void**) {
  Result<FieldNames> names = FieldNames::compile({});
  assert_true(static_cast<bool>(names));
  const NameEnds& ends = names->ends();
  size_t looked = 0;
  for (const DefaultField& field : default_fields()) {
    const std::string leaf(field.pattern.substr(field.pattern.rfind('.') + 1));
    std::vector<std::string> forms{leaf,        "x." + leaf,  "x[" + leaf + "]",
                                   leaf + "[]", leaf + ".10", leaf + "."};
    for (size_t i = 0; i <= leaf.size(); ++i) {
      for (const char c : {'_', '-', ' '}) forms.push_back(leaf.substr(0, i) + c + leaf.substr(i));
      std::string capital = leaf;
      if (i < leaf.size()) capital[i] = static_cast<char>(std::toupper(capital[i]));
      forms.push_back(capital);
    }
    std::string bare = leaf;
    std::erase(bare, '_');
    forms.push_back(bare);
    for (const std::string& form : forms) {
      const Bytes name{reinterpret_cast<const uint8_t*>(form.data()), form.size()};
      if (!ends.may_match(name)) fail_msg("%s is turned away", form.c_str());
      if (!ends.may_end_in(name.data() + name.size() - 2))
        fail_msg("the end of %s is turned away", form.c_str());
      ++looked;
    }
  }
  assert_true(looked > 3000);
  for (const char* form : {"uuid", "id", "customer", "title", "first_thing"}) {
    const std::string_view text(form);
    assert_false(ends.may_match({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  }
}

void operators_patterns(void**) {
  FieldNames names = compile({{Kind::kPan, "kartennummer"},
                              {Kind::kCode, "zahlung.*.pruefziffer"},
                              {Kind::kIgnore, "card_number"},
                              {Kind::kPan, "vault.card_number"},
                              {Kind::kPan, "secrets.*"},
                              {Kind::kExpiry, "~*^payment\\.valid_(to|until)$"}});
  assert_int_equal(match(names, {}, "Kartennummer").kind, Kind::kPan);
  assert_int_equal(match(names, {"zahlung", "karte"}, "pruefziffer").kind, Kind::kCode);
  assert_int_equal(match(names, {"zahlung"}, "pruefziffer").kind, Kind::kNone);
  assert_int_equal(match(names, {}, "card_number").kind, Kind::kIgnore);
  assert_int_equal(match(names, {"vault"}, "card_number").kind, Kind::kPan);
  assert_int_equal(match(names, {"secrets"}, "anything").kind, Kind::kPan);
  assert_int_equal(match(names, {"payment"}, "VALID_until").kind, Kind::kExpiry);
  assert_int_equal(match(names, {"payments"}, "valid_until").kind, Kind::kNone);
  assert_int_equal(match(names, {}, "cvv").kind, Kind::kCode);
}

void bad_patterns(void**) {
  const struct {
    const char* name;
    std::string pattern;
    const char* says;
  } cases[] = {
      {"empty", "", "empty"},
      {"empty component", "card..number", "empty component"},
      {"only separators", "--", "empty component"},
      {"star inside", "card*", "'*' stands for one whole component"},
      {"too long", std::string(65, 'a'), "more than 64"},
      {"bad expression", "~(", "offset"},
  };
  for (const auto& c : cases) {
    std::vector<FieldPattern> patterns{{Kind::kPan, c.pattern}};
    Result<FieldNames> names = FieldNames::compile(patterns);
    if (names || names.message().find(c.says) == std::string::npos) fail_msg("case: %s", c.name);
  }
}

void a_costly_expression_fails(void**) {
  FieldNames names = compile({{Kind::kPan, "~^(a+)+$"}});
  Path path;
  bool failed = false;
  std::string leaf = std::string(60, 'a') + "!";
  FieldMatch found = names.match(path, bytes_of(leaf), &failed);
  assert_int_equal(found.kind, Kind::kNone);
  assert_true(failed);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(default_list),  cmocka_unit_test(every_default_matches_itself),
                              cmocka_unit_test(ends_of_names), cmocka_unit_test(operators_patterns),
                              cmocka_unit_test(bad_patterns),  cmocka_unit_test(a_costly_expression_fails)};
  return cmocka_run_group_tests_name("field_names", tests, nullptr, nullptr);
}
