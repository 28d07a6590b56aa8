// FieldNames: which names announce card data, by default and by the operator's word.
#include "src/field_names.h"

#include "tests/unit/testing.h"

#include <algorithm>
#include <random>

#include "src/limits.h"

namespace cardscrub {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

[[gnu::noinline]] FieldMatch match(const FieldNames& names, const std::vector<std::string_view>& around,
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
      {"code, long word", {}, "cvvNumber", Kind::kCode, false},
      {"code, verification number", {}, "cardVerificationNumber", Kind::kCode, false},
      {"code, billing", {}, "billing_cvv", Kind::kCode, false},
      {"code, misspelt", {}, "CCV", Kind::kCode, false},
      {"code, two words", {}, "CVV/CVC", Kind::kCode, false},
      {"code, Authorize.Net", {}, "x_card_code", Kind::kCode, false},
      {"code, CyberSource", {}, "card_cvn", Kind::kCode, false},
      {"code, CyberSource in SOAP", {"card"}, "cvNumber", Kind::kCode, false},
      {"code, ECML", {}, "Ecom_Payment_Card_Verification", Kind::kCode, false},
      {"code, Elavon", {}, "ssl_cvv2cvc2", Kind::kCode, false},
      {"code, eWAY", {}, "EWAY_CARDCVN", Kind::kCode, false},
      {"code, Global Payments", {"card", "cvn"}, "number", Kind::kCode, false},
      {"code, ISO 20022", {"CardSctyCd"}, "CSCVal", Kind::kCode, false},
      {"code, MiGS", {}, "vpc_CardSecurityCode", Kind::kCode, false},
      {"code, Moneris", {"cvd_info"}, "cvd_value", Kind::kCode, false},
      {"code, OpenCart", {}, "cc_cvv2", Kind::kCode, false},
      {"code, OpenTravel", {"PaymentCard"}, "SeriesCode", Kind::kCode, true},
      {"code, OpenTravel in an element", {"SeriesCode"}, "PlainText", Kind::kCode, false},
      {"code, Opayo", {}, "CV2", Kind::kCode, true},
      {"code, Orbital", {}, "CardSecVal", Kind::kCode, false},
      {"code, Payeezy", {}, "cc_verification_str2", Kind::kCode, false},
      {"code, PayU", {}, "ccvv", Kind::kCode, false},
      {"code, Redsys", {}, "Ds_Merchant_Cvv2", Kind::kCode, false},
      {"code, WooCommerce", {}, "stripe-card-cvc", Kind::kCode, false},
      {"result of a check of the code", {}, "cvvResult", Kind::kNone, false},
      {"code of a discount", {}, "gift_card_code", Kind::kNone, false},
      {"loyalty card", {}, "Kartennummer", Kind::kPan, true},
      {"track 2 of a chip", {}, "track2EquivalentData", Kind::kTrack, false},
      {"empty", {}, "", Kind::kNone, false},
      {"empty inside a card field", {"card_number"}, "", Kind::kNone, false},
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
    const FieldMatch found = match(names, c.around, c.leaf);
    if (found.kind != c.kind || found.ambiguous != c.ambiguous) fail_msg("case: %s", c.name);
  }
}

// Names that only end like one of a code: their values tell whether they are.
void ends_of_defaults(void**) {
  FieldNames names = compile({});
  for (const char* leaf :
       {"paypal_pro-card-cvc", "wc-elavon-vm-credit-card-csc", "ctl00$Main$txtCVV", "ctl00_Main_txtCVV",
        "checkoutForm:cvv", "form_cvv2", "order[customer_cvc2]", "inputCVN", "x_ccv", "2cvv"}) {
    const FieldMatch found = match(names, {"checkout"}, leaf);
    if (found.kind != Kind::kCode || !found.tentative || found.ambiguous) fail_msg("%s", leaf);
  }
  for (const char* leaf : {"cvv", "cc_cvc", "card.cvn"}) {
    const FieldMatch found = match(names, {}, leaf);
    if (found.kind != Kind::kCode || !found.certain()) fail_msg("%s", leaf);
  }
  for (const char* leaf : {"cvv_required", "gift_card_code", "vc", "cvvs", "desc", "cvc2x"}) {
    if (match(names, {}, leaf).kind != Kind::kNone) fail_msg("%s", leaf);
  }
  // The operator's count for every value, and before the list; whole names before ends, ends before any.
  names = compile({{Kind::kPan, "*_nummer"}, {Kind::kIgnore, "shop.*cvv"}, {Kind::kHolder, "box.*"}});
  assert_int_equal(match(names, {}, "MeineNummer").kind, Kind::kPan);
  assert_true(match(names, {}, "MeineNummer").certain());
  assert_int_equal(match(names, {"shop"}, "cvv").kind, Kind::kIgnore);
  assert_int_equal(match(names, {"shops"}, "x_cvv").kind, Kind::kCode);
  assert_int_equal(match(names, {"box"}, "eine_nummer").kind, Kind::kHolder);
  for (const char* wrong : {"c*vv", "*c*vv", "*cvv.x", "*c"}) {
    const FieldPattern pattern{Kind::kCode, wrong};
    if (FieldNames::compile({&pattern, 1})) fail_msg("%s was taken", wrong);
  }
}

// Names that only hold the value of the name around them.
void held_values(void**) {
  const FieldNames names = compile({{Kind::kCode, "pruefziffer"}, {Kind::kIgnore, "terminal.cvv"}});
  for (const char* leaf : {"value", "@value", "rawValue", "stringValue", "integerValue", "doubleValue",
                           "$numberInt", "$numberLong", "S", "N", "string"}) {
    for (const char* code : {"cvv", "card_code", "pruefziffer"}) {
      const FieldMatch found = match(names, {"fields", code}, leaf);
      if (found.kind != Kind::kCode || !found.certain()) fail_msg("%s.%s", code, leaf);
    }
    if (match(names, {"card", "number"}, leaf).kind != Kind::kPan) fail_msg("card.number.%s", leaf);
    if (match(names, {"terminal", "cvv"}, leaf).kind != Kind::kIgnore) fail_msg("terminal.cvv.%s", leaf);
    if (match(names, {"code"}, leaf).kind != Kind::kNone) fail_msg("code.%s", leaf);
    if (match(names, {"order"}, leaf).kind != Kind::kNone) fail_msg("order.%s", leaf);
    if (match(names, {}, leaf).kind != Kind::kNone) fail_msg("%s", leaf);
    const std::string brackets = "card[cvv][" + std::string(leaf) + "]", dots = "cvv." + std::string(leaf);
    if (match(names, {}, brackets).kind != Kind::kCode) fail_msg("%s", brackets.c_str());
    if (match(names, {}, dots).kind != Kind::kCode) fail_msg("%s", dots.c_str());
    if (!names.ends_a_pattern(bytes_of(dots))) fail_msg("%s is turned away", dots.c_str());
    if (names.ends_a_pattern(bytes_of("order." + std::string(leaf)))) fail_msg("order.%s", leaf);
  }
  for (const char* leaf : {"val", "raw", "text", "#text", "$t", "$", "_"}) {
    const FieldMatch found = match(names, {"cvv"}, leaf);
    if (found.kind != Kind::kCode || !found.tentative) fail_msg("cvv.%s", leaf);
    if (match(names, {"card", "number"}, leaf).kind != Kind::kNone) fail_msg("card.number.%s", leaf);
  }
  for (const char* leaf : {"length", "attempts", "valid", "error", "label", "id"}) {
    if (match(names, {"cvv"}, leaf).kind != Kind::kNone) fail_msg("cvv.%s", leaf);
  }
  const FieldMatch found = match(names, {"x_cvv"}, "value");
  assert_true(found.kind == Kind::kCode && found.tentative);
  assert_true(match(names, {"cvv", "value"}, "raw").tentative);
  assert_int_equal(match(names, {"cvv", "value", "value"}, "value").kind, Kind::kNone);
}

// More than limits::kNameMax bytes, whether they count or not.
void long_names(void**) {
  FieldNames names = compile({{Kind::kPan, "*.value"}, {Kind::kCode, "a.*"}});
  const std::string fits = "card_number" + std::string(53, '_');
  assert_int_equal(match(names, {}, fits).kind, Kind::kPan);
  assert_int_equal(match(names, {fits}, "0").kind, Kind::kPan);
  assert_int_equal(match(names, {}, fits + "_").kind, Kind::kNone);
  assert_int_equal(match(names, {fits + "_"}, "0").kind, Kind::kNone);
  assert_int_equal(match(names, {fits + "_xyz"}, "0").kind, Kind::kNone);
  assert_int_equal(match(names, {"a[card_number]" + fits}, "0").kind, Kind::kNone);
  assert_int_equal(match(names, {fits + "_"}, "value").kind, Kind::kPan);  // '*' is any component
}

// No name is none, whatever an operator's pattern may end in.
void no_name(void**) {
  FieldNames names = compile({{Kind::kPan, "secrets.*"}, {Kind::kCode, "~cvv"}});
  assert_int_equal(match(names, {"card_number"}, "").kind, Kind::kNone);
  assert_int_equal(match(names, {"secrets", "x"}, "").kind, Kind::kNone);
  assert_int_equal(match(names, {"cvv"}, "").kind, Kind::kNone);
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
    std::string leaf(field.pattern.substr(field.pattern.rfind('.') + 1));
    if (leaf[0] == '*') leaf.replace(0, 1, "anything_");
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

// ---- random names and patterns against the plainest way to say what the header says

using Components = std::vector<std::string>;

// Normalised, outermost first, indexes left out; what is too long is longer than any pattern. The last name
// is the leaf: of the others, those that are too long are kept as one.
Components components_of(const std::vector<std::string>& names) {
  const std::string too_long(limits::kNameMax + 1, '-');
  Components out;
  for (const std::string& name : names) {
    const bool cut = &name != &names.back() && name.size() > limits::kNameMax;
    if (cut && name.find_first_not_of("0123456789") <= limits::kNameMax) out.push_back(too_long);
    if (cut) continue;
    std::string part;
    size_t size = 0;
    bool index = true;
    const auto end = [&] {
      if (!index) out.push_back(size > limits::kNameMax ? too_long : part);
      part.clear();
      size = 0;
      index = true;
    };
    for (char c : name) {
      if (c == '[' || c == ']' || c == '.') {
        end();
        continue;
      }
      index = index && c >= '0' && c <= '9';
      ++size;
      if (c == '-' || c == '_' || c == ' ') continue;
      part += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    end();
  }
  return out;
}

struct Plain {
  FieldMatch match;
  size_t rank;
  std::vector<std::string> parts;
};

const Plain* plain_best(const std::vector<Plain>& patterns, const Components& name) {
  const Plain* best = nullptr;
  for (const Plain& pattern : patterns) {
    if (pattern.parts.size() > name.size() || (best != nullptr && best->rank >= pattern.rank)) continue;
    bool fits = true;
    for (size_t i = 1; i <= pattern.parts.size(); ++i) {
      const std::string& part = pattern.parts[pattern.parts.size() - i];
      const std::string& at = name[name.size() - i];
      const bool known = at.size() <= limits::kNameMax;
      const bool ends = part.size() > 1 && part[0] == '*';
      fits = fits && (part == "*" || (known && (ends ? at.ends_with(components_of({part.substr(1)})[0])
                                                     : components_of({part})[0] == at)));
    }
    if (fits) best = &pattern;
  }
  return best;
}

FieldMatch plain_match(const std::vector<Plain>& patterns, Components name) {
  const std::vector<std::string> sure{
      "value",      "@value",      "rawvalue", "stringvalue", "integervalue", "doublevalue",
      "$numberint", "$numberlong", "s",        "n",           "string"};
  const std::vector<std::string> perhaps{"val", "raw", "text", "#text", "$t", "$", ""};
  const auto among = [&](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), name.back()) != list.end();
  };
  bool tentative = false;
  for (int inside = 0; inside < 3 && !name.empty(); ++inside, name.pop_back()) {
    if (const Plain* best = plain_best(patterns, name); best != nullptr) {
      FieldMatch match = best->match;
      if (inside != 0 && (match.ambiguous || (tentative && match.kind != Kind::kCode))) return {};
      match.tentative = match.tentative || tentative;
      return match;
    }
    tentative = tentative || among(perhaps);
    if (!among(sure) && !among(perhaps)) break;
  }
  return {};
}

void random_names_and_patterns(void**) {
  std::mt19937 random(20261126);
  const auto any_of = [&](const std::vector<std::string>& words) { return words[random() % words.size()]; };
  const std::vector<std::string> words{"card",  "Card",     "num-ber",   "NUMBER",
                                       "value", "cvc",      "x_y",       "xy",
                                       "a1",    "\xC3\xA9", "exp_month", std::string(64, 'q'),
                                       "S",     "#text",    "raw",       "cvv"};
  const std::vector<std::string> odd{
      "7", "12", "", "*", "-", "- _", std::string(65, 'q'), std::string("cvc\0", 4)};
  size_t found = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<FieldPattern> wishes;
    std::vector<Plain> plain;
    for (size_t n = random() % 8; n > 0; --n) {
      Plain pattern{{static_cast<Kind>(1 + random() % 8), false}, 1000, {}};
      std::string text;
      for (size_t k = 1 + random() % 3; k > 0; --k) {
        // A '*' at the end turns the quick test off, which the others are there to try.
        const std::string part = random() % 4 == 0 && (k > 1 || round % 4 == 0) ? "*"
                                 : k == 1 && random() % 4 == 0 ? any_of({"*ber", "*VC", "*x_y"})
                                                               : any_of(words);
        text += (text.empty() ? "" : ".") + part;
        pattern.parts.push_back(part);
      }
      pattern.rank += pattern.parts.size();
      wishes.push_back({pattern.match.kind, text});
      plain.push_back(std::move(pattern));
    }
    for (const DefaultField& field : default_fields()) {
      const Components parts = components_of({std::string(field.pattern)});
      const bool ends = field.pattern[0] == '*';
      plain.push_back({{field.kind, field.ambiguous, ends}, parts.size(), parts});
    }
    // Of equal ranks one that names the last component comes first, then one that names its end, then the one
    // that was written first.
    std::stable_partition(plain.begin(), plain.end(), [](const Plain& p) { return p.parts.back() != "*"; });
    std::stable_partition(plain.begin(), plain.end(),
                          [](const Plain& p) { return p.parts.back()[0] != '*'; });
    const FieldNames names = compile(wishes);
    for (int turn = 0; turn < 400; ++turn) {
      std::vector<std::string> name;
      for (size_t n = 1 + random() % 4; n > 0; --n) {
        std::string part;
        for (size_t k = random() % 8 == 0 ? 3 : 1; k > 0; --k) {
          part += random() % 5 == 0 ? any_of(odd) : any_of(words);
          if (random() % 6 == 0) part += any_of({"[", "]", ".", "][", "[0]"});
        }
        name.push_back(part);
      }
      if (name.back().empty()) continue;  // not a name
      Path path;
      for (size_t i = 0; i + 1 < name.size(); ++i) assert_true(path.push(bytes_of(name[i])));
      auto block = testing::exact_block(name.back());
      bool failed = false;
      const FieldMatch got = names.match(path, {block.get(), name.back().size()}, &failed);
      const FieldMatch wanted = plain_match(plain, components_of(name));
      found += wanted.kind != Kind::kNone ? 1u : 0u;
      if (failed || got.kind != wanted.kind || got.ambiguous != wanted.ambiguous ||
          got.tentative != wanted.tentative) {
        std::string all;
        for (const std::string& part : name) all += part + " / ";
        fail_msg("round %d: %s: %d, not %d", round, all.c_str(), static_cast<int>(got.kind),
                 static_cast<int>(wanted.kind));
      }
    }
  }
  assert_true(found > 2000);
}

void patterns_of_one_letter(void**) {
  const FieldNames names = compile({{Kind::kPan, "n"}, {Kind::kCode, "card.c"}});
  assert_int_equal(match(names, {}, "n").kind, Kind::kPan);
  assert_int_equal(match(names, {}, "N_").kind, Kind::kPan);
  assert_int_equal(match(names, {"n"}, "0").kind, Kind::kPan);
  assert_int_equal(match(names, {}, "m").kind, Kind::kNone);
  assert_int_equal(match(names, {"card"}, "C").kind, Kind::kCode);
  assert_int_equal(match(names, {}, "c").kind, Kind::kNone);
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
      {"brackets of a form", "card[number]", "write card.number"},
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
  const CMUnitTest tests[] = {cmocka_unit_test(default_list),
                              cmocka_unit_test(held_values),
                              cmocka_unit_test(long_names),
                              cmocka_unit_test(no_name),
                              cmocka_unit_test(every_default_matches_itself),
                              cmocka_unit_test(ends_of_names),
                              cmocka_unit_test(ends_of_defaults),
                              cmocka_unit_test(operators_patterns),
                              cmocka_unit_test(random_names_and_patterns),
                              cmocka_unit_test(patterns_of_one_letter),
                              cmocka_unit_test(bad_patterns),
                              cmocka_unit_test(a_costly_expression_fails)};
  return cmocka_run_group_tests_name("field_names", tests, nullptr, nullptr);
}
