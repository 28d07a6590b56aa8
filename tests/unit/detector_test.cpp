// The sweep: tables of what is a finding and what is none, splits, and the boundaries of the vector pass.
// That the detector agrees with the rules on random texts is in detector_rules_test.cpp.
#include "src/detector.h"

#include <bit>

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

struct Engine {
  Result<Detector> detector = Detector::compile();
  Result<HsScratch> scratch = detector ? detector->make_scratch() : Result<HsScratch>(Fault{"no detector"});
};
Engine& engine() {
  static Engine shared;
  assert_true(static_cast<bool>(shared.detector));
  assert_true(static_cast<bool>(shared.scratch));
  return shared;
}

// Findings as "pan visa [4111 ...] | track ...", in one go.
std::string describe(std::string_view text, const Finding& finding) {
  std::string out(kind_name(finding.kind));
  out += ' ';
  out += brand_name(finding.brand);
  out += " [";
  out += text.substr(finding.begin, finding.end - finding.begin);
  return out + "]";
}

std::string sweep(std::string_view text, const DetectorOptions& options = {}, std::string_view front = {}) {
  const auto block = exact_block(text);
  const auto front_block = exact_block(front);
  Before before;
  before.add({front_block.get(), front.size()});
  std::string out;
  size_t from = 0;
  while (true) {
    const Text whole{block.get(), text.size(), nullptr, 0};
    const Detector::Next next =
        engine().detector->next(whole, from, before, true, options, engine().scratch->get());
    assert_true(next.outcome != Detector::Outcome::kFault);
    if (next.outcome == Detector::Outcome::kClear) {
      assert_int_equal(next.settled, text.size());
      return out;
    }
    assert_true(next.finding.begin >= from && next.finding.end > next.finding.begin &&
                next.finding.end <= text.size());
    assert_int_equal(next.settled, next.finding.end);
    if (!out.empty()) out += " | ";
    out += describe(text, next.finding);
    from = next.settled;
  }
}

// The same, with the text arriving in pieces of `size`, as the scrubber does it: what is settled is dropped.
std::string sweep_pieces(std::string_view text, size_t size, const DetectorOptions& options = {}) {
  Before before;
  std::string held;
  std::string out;
  for (size_t at = 0; at < text.size() || at == 0;) {
    const size_t count = size == 0 ? text.size() : std::min(size, text.size() - at);
    held += text.substr(at, count);
    at += count;
    const bool last = at >= text.size();
    size_t from = 0;
    while (true) {
      const auto block = exact_block(held);
      const Text part{block.get(), held.size(), nullptr, 0};
      const Detector::Next next =
          engine().detector->next(part, from, before, last, options, engine().scratch->get());
      assert_true(next.outcome != Detector::Outcome::kFault);
      assert_true(next.settled >= from);
      from = next.settled;
      if (next.outcome == Detector::Outcome::kClear) break;
      if (!out.empty()) out += " | ";
      out += describe(held, next.finding);
    }
    assert_true(held.size() - from <= CloseLook::kAhead);
    before.add({reinterpret_cast<const uint8_t*>(held.data()), from});
    held.erase(0, from);
    if (last) {
      assert_true(held.empty());
      break;
    }
  }
  return out;
}

struct Case {
  const char* name;
  std::string text;
  const char* want;
};

void run(const std::vector<Case>& cases, const DetectorOptions& options = {}) {
  for (const Case& c : cases) {
    std::string got = sweep(c.text, options);
    if (got != c.want) fail_msg("%s: got \"%s\", want \"%s\"", c.name, got.c_str(), c.want);
    for (const size_t size : kChunkSizes) {
      got = sweep_pieces(c.text, size, options);
      if (got != c.want)
        fail_msg("%s in pieces of %zu: got \"%s\", want \"%s\"", c.name, size, got.c_str(), c.want);
    }
  }
}

void test_findings(void**) {
  run({
      {"plain", "4111111111111111", "pan visa [4111111111111111]"},
      {"in a sentence", "Pay with 4111 1111 1111 1111.", "pan visa [4111 1111 1111 1111]"},
      {"hyphens", "x=4111-1111-1111-1111;", "pan visa [4111-1111-1111-1111]"},
      {"mixed separators", "4111 1111-1111 1111", "pan visa [4111 1111-1111 1111]"},
      {"dots", "(4111.1111.1111.1111)", "pan visa [4111.1111.1111.1111]"},
      {"amex groups", "3782 822463 10005", "pan amex [3782 822463 10005]"},
      {"diners of 16", "3056930009020004", "pan diners [3056930009020004]"},
      {"diners groups", "3056 930009 020004", "pan diners [3056 930009 020004]"},
      {"dankort", "5019 1000 0000 0006", "pan dankort [5019 1000 0000 0006]"},
      {"borica, uzcard", "2205123456789014 8600012345678900",
       "pan borica [2205123456789014] | pan uzcard [8600012345678900]"},
      {"brands of 9", "9860012345678903, 9704000000000018, 9704198526191432198",
       "pan humo [9860012345678903] | pan napas [9704000000000018] | pan napas [9704198526191432198]"},
      {"hiper of eight", "6373742312345674", "pan hiper [6373742312345674]"},
      {"diners", "30569309025904 and 36227206271667",
       "pan diners [30569309025904] | pan diners [36227206271667]"},
      {"unionpay 19", "6205500000000000004", "pan unionpay [6205500000000000004]"},
      {"digit by digit", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "pan visa [4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1]"},
      {"inside a run", "12 4111 1111 1111 1111 0926 123", "pan visa [4111 1111 1111 1111]"},
      {"two in a run", "4111 1111 1111 1111 5555 5555 5555 4444",
       "pan visa [4111 1111 1111 1111] | pan mastercard [5555 5555 5555 4444]"},
      {"underscore", "test_4111111111111111_x", "pan visa [4111111111111111]"},
      {"beyond ASCII",
       "\xe2\x80\x9c"
       "4111111111111111\xe2\x80\x9d",
       "pan visa [4111111111111111]"},
      {"JSON", R"({"a":"4111111111111111","b":[5555555555554444,1]})",
       "pan visa [4111111111111111] | pan mastercard [5555555555554444]"},
      {"expiry behind", "4111111111111111=2612", "pan visa [4111111111111111]"},
      {"date and time around", "2026-11-23 12:34:56 4111111111111111 12:34:56",
       "pan visa [4111111111111111]"},
      {"markdown", "**4111111111111111**", "pan visa [4111111111111111]"},
      {"a dot without digit in front", "No.4111111111111111", "pan visa [4111111111111111]"},
      {"far into a text", std::string(1000, '.') + "4111111111111111" + std::string(1000, '-'),
       "pan visa [4111111111111111]"},
  });
}

void test_no_findings(void**) {
  run({
      {"empty", "", ""},
      {"Luhn wrong", "4111111111111112", ""},
      {"no brand", "9111111111111111", ""},
      {"length wrong", "41111111111111111", ""},
      {"Mastercard of 15", "555555555555444", ""},
      {"letter in front", "a4111111111111111", ""},
      {"letter behind", "4111111111111111a", ""},
      {"digit beside", "14111111111111111", ""},
      {"zeros", "0000000000000000", ""},
      {"float", "0.4111111111111111", ""},
      {"fraction", "4111111111111111.5", ""},
      {"no fraction", "4111111111111111.0", "pan visa [4111111111111111]"},
      {"no fraction, groups", "4111 1111 1111 1111.0,", "pan visa [4111 1111 1111 1111]"},
      {"no fraction, dots", "4111.1111.1111.1111.0", ""},
      {"no fraction, letter", "4111111111111111.0f", ""},
      {"one dot", "41111111.11111111", ""},
      {"dots and spaces", "4111.1111 1111.1111", ""},
      {"five groups of dots", "1.4111.1111.1111.1111", ""},
      {"two spaces", "4111  1111 1111 1111", ""},
      {"slash", "4111/1111/1111/1111", ""},
      {"UUID of digits", "41111111-1111-1111-1111-111111111111", ""},
      {"UUID", "a1b2c3d4-0000-4000-4012-888888881881", ""},
      {"hash", "d41d8cd98f00b2044111111111111111e9800998", ""},
      {"timestamp", "2026-11-23 12:34:56.123456 2026-11-23T12:34:56Z 2026-11-23 12-34-56", ""},
      {"compact timestamp", "20261123123456 2026112312345678 20301231235959 20391231235959", ""},
      {"epoch", "1732401234 1732401234567 1732401234567890 1732401234567890123", ""},
      {"snowflake", "1859912345678901248", ""},
      {"phone of 14 digits", "+36 22 7206 271667", ""},
      {"phone of 15 digits", "tel:+378282246310005", ""},
      {"phone as an argument", "tel=+378282246310005", ""},
      {"phone behind a phone", "+1 5 +378282246310005", ""},
      {"IBAN", "DE89 3704 0044 0532 0130 00", ""},
      {"IBAN with letters", "GB29 NWBK 6016 1331 9268 19", ""},
      {"IBAN that looks like a card", "AT70 4111 1111 1111 1111", ""},
      {"IBAN in one", "DE89370400440532013000", ""},
      {"IMEI", "356938035643809", ""},
      {"EAN-13", "4006381333931", ""},
      {"coordinates", "[-122.41941550000001,37.77492950000001]", ""},
      {"data objects of a chip", "5A084242424242424242 57134242424242424242D30121010000000000739F", ""},
      {"IP addresses", "192.168.100.200 4.111.111.111.111", ""},
  });
}

void test_neighbours(void**) {
  run({
      {"a word and two digits, no IBAN", "AB12 4111 1111 1111 1111", "pan visa [4111 1111 1111 1111]"},
      {"behind an IBAN", "DE89 3704 0044 0532 0130 00, 4111 1111 1111 1111",
       "pan visa [4111 1111 1111 1111]"},
      {"plus in front of 16", "+4111 1111 1111 1111", "pan visa [4111 1111 1111 1111]"},
      {"plus for a space", "q=amex+378282246310005", "pan amex [378282246310005]"},
      {"plus for a space, groups", "q=pay+3782+822463+10005&x=2+36227206271667",
       "pan diners [36227206271667]"},
      {"phone and card", "+49 170 1234567 4111 1111 1111 1111", "pan visa [4111 1111 1111 1111]"},
      {"behind a UUID", "41111111-1111-1111-1111-111111111111 4111111111111111",
       "pan visa [4111111111111111]"},
      {"IBAN with wrong check digits", "AT57 4111 1111 1111 1111", "pan visa [4111 1111 1111 1111]"},
      {"too short for a UUID", "41111111-1111-1111-1111", "pan visa [41111111-1111-1111]"},
  });
}

void test_unusual_lengths(void**) {
  run({
      {"no word", "4222222222222", ""},
      {"card", "card 4222222222222", "pan visa [4222222222222]"},
      {"upper case", "VISA: 4222222222222", "pan visa [4222222222222]"},
      {"camelCase", "cardNumber=4222222222222", "pan visa [4222222222222]"},
      {"acronym in camelCase", "myPANValue=4222222222222", "pan visa [4222222222222]"},
      {"under_score", "cc_num=4222222222222", "pan visa [4222222222222]"},
      {"discard", "discard 4222222222222", ""},
      {"company", "company 4222222222222", ""},
      {"pancake", "pancake 4222222222222", ""},
      {"cart", "cart 4222222222222", ""},
      {"word behind", "4222222222222 card", ""},
      {"another group in front", "card 1 4222222222222", ""},
      {"another group behind", "card 4222222222222 1", ""},
      {"a masked group in front", "card **** 4222222222222", ""},
      {"word 64 in front", "_card" + std::string(59, '.') + "4222222222222", "pan visa [4222222222222]"},
      {"word 65 in front", "_card" + std::string(60, '.') + "4222222222222", ""},
      {"visa 19", "card: 4917610000000000003", "pan visa [4917610000000000003]"},
      {"maestro 16", "Maestro 6759649826438453", "pan maestro [6759649826438453]"},
      {"maestro without word", "6759649826438453", ""},
      {"UATP", "uatp 135410014004955 / 135410014004955",
       "pan uatp [135410014004955] | pan uatp [135410014004955]"},
  });
}

void test_tracks(void**) {
  const std::string track1 = "%B4111111111111111^DOE/JOHN             ^26121010000000000000000?";
  const std::string track2 = ";4111111111111111=26121010000000000?";
  run({
      {"track 1", track1, "track visa [4111111111111111^DOE/JOHN             ^26121010000000000000000]"},
      {"track 1, no sentinels", "b4111111111111111^DOE/JOHN^2612101123 456 end",
       "track visa [4111111111111111^DOE/JOHN^2612101123 456 ]"},
      {"track 1, no expiry", "%B4111111111111111^DO^^101?", "track visa [4111111111111111^DO^^101]"},
      {"track 1, odd data", "%B4111111111111111^DOE^2612101#A$?",
       "track visa [4111111111111111^DOE^2612101#A$]"},
      {"track 1, its number in groups", "%B4111 1111 1111 1111^DOE/JOHN^26121010000?",
       "track visa [4111 1111 1111 1111^DOE/JOHN^26121010000]"},
      {"track 1, groups of American Express", "%B3782 822463 10005^DOE/JOHN^26121010000?",
       "track amex [3782 822463 10005^DOE/JOHN^26121010000]"},
      {"track 1, groups, Luhn wrong", "%B4111 1111 1111 1112^DOE/JOHN^26121010000?", ""},
      {"track 1, a name of one", "%B4111111111111111^D^2612101?", ""},
      {"track 1, a name of 27", "%B4111111111111111^ABCDEFGHIJKLMNOPQRSTUVWXYZA^2612101?", ""},
      {"track 1, no name", "%B4111111111111111^2612101?", ""},
      {"track 1, Luhn wrong", "%B4111111111111112^DOE/JOHN^2612101?", ""},
      {"track 1, a word with b", "ab4111111111111111^DOE/JOHN^2612101?", ""},
      {"track 1, no format code", "4242424242424242^DOE/JOHN^30121010000000000739",
       "track visa [4242424242424242^DOE/JOHN^30121010000000000739]"},
      {"track 1, no format code, groups", "\"3782 822463 10005^DOE/JOHN^3012101#1?\"",
       "track amex [3782 822463 10005^DOE/JOHN^3012101#1]"},
      {"track 1, no format code, unusual length", "6759649826438453^DOE/JOHN^3012101",
       "track maestro [6759649826438453^DOE/JOHN^3012101]"},
      {"track 1, no format code, a float in front", "0.4242424242424242^DOE/JOHN^3012101", ""},
      {"a table with carets", "4242424242424242^DOE/JOHN^12/30^739", "pan visa [4242424242424242]"},
      {"track 2, no sentinel", "4242424242424242=30121010000000000739",
       "track visa [4242424242424242=30121010000000000739]"},
      {"track 2", track2, "track visa [4111111111111111=26121010000000000]"},
      {"track 2, unusual length", ";6759649826438453=2612101?", "track maestro [6759649826438453=2612101]"},
      {"track 2, EMV", "4111111111111111D26121011234F", "track visa [4111111111111111D26121011234]"},
      {"track 2, EMV, a hash", "4111111111111111D26121011234E", ""},
      {"track 2, too short", ";4111111111111111=261210?", "pan visa [4111111111111111]"},
      {"track 2, too long", "4111111111111111=2612101" + std::string(50, '7'),
       "track visa [4111111111111111=26121017777777777777]"},
      {"both tracks", track1 + track2,
       "track visa [4111111111111111^DOE/JOHN             ^26121010000000000000000] | "
       "track visa [4111111111111111=26121010000000000]"},
  });
}

void test_options(void**) {
  DetectorOptions visa;
  visa.brands = 1u << static_cast<unsigned>(Brand::kVisa);
  run({{"only visa", "4111111111111111,5555555555554444", "pan visa [4111111111111111]"},
       {"elo stays elo", "4011780000000006", ""}},
      visa);
  DetectorOptions number;
  number.number = true;
  run({{"number", "4111111111111111", "pan visa [4111111111111111]"},
       {"negative", "-4111111111111111", "pan visa [4111111111111111]"},
       {"fraction", "4111111111111111.5", ""},
       {"no fraction", "4111111111111111.0", "pan visa [4111111111111111]"},
       {"two zeros", "4111111111111111.00", ""},
       {"no fraction, exponent", "4111111111111111.0e1", ""},
       {"fraction cut short", "4111111111111111.", ""},
       {"exponent", "4111111111111111e1", ""},
       {"large exponent", "1e-4111111111111111", ""},
       {"of a fraction", ".4111111111111111", ""},
       {"no separators", "4111-1111-1111-1111", ""},
       {"no tracks", "4111111111111111=2612101", "pan visa [4111111111111111]"}},
      number);
  assert_string_equal(sweep("4222222222222", number, "{\"card\":").c_str(), "pan visa [4222222222222]");
  assert_string_equal(sweep("4222222222222", number, "{\"total\":").c_str(), "");
}

void test_before(void**) {
  assert_string_equal(sweep("4111111111111111", {}, "1").c_str(), "");
  assert_string_equal(sweep("4111111111111111", {}, "x").c_str(), "");
  assert_string_equal(sweep("4111111111111111", {}, "0.").c_str(), "");
  assert_string_equal(sweep("4111111111111111", {}, "x.").c_str(), "pan visa [4111111111111111]");
  assert_string_equal(sweep("4111111111111111^DOE/JOHN^2612101?", {}, "%B").c_str(),
                      "track visa [4111111111111111^DOE/JOHN^2612101]");
  std::string all;
  Before before;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<size_t>(i * 7 % 90), static_cast<char>('a' + i % 26));
    all += piece;
    before.add({reinterpret_cast<const uint8_t*>(piece.data()), piece.size()});
    const std::string want = all.substr(all.size() - std::min(all.size(), limits::kContext));
    assert_int_equal(before.span().size(), want.size());
    assert_memory_equal(before.span().data(), want.data(), want.size());
  }
  before.clear();
  assert_true(before.span().empty());
}

void test_alone(void**) {
  struct {
    const char* text;
    bool alone;
  } const cases[] = {{"a 4111111111111111 b", true},
                     {"4111 1111 1111 1111, 12", true},
                     {"1 4111111111111111", false},
                     {"4111111111111111-1", false},
                     {"* 4111111111111111", false},
                     {"4111111111111111*", false},
                     {";4111111111111111=2612101?", true},
                     {"6205 5000 0000 0000 004", false},
                     {"41 11111111111111", false},
                     {"411 1111111111111", true},
                     {"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", false}};
  for (const auto& c : cases) {
    const std::string_view text = c.text;
    const auto block = exact_block(text);
    const Detector::Next next = engine().detector->next(Text{block.get(), text.size(), nullptr, 0}, 0, {},
                                                        true, {}, engine().scratch->get());
    if (next.outcome != Detector::Outcome::kFound || next.alone != c.alone) fail_msg("%s", c.text);
  }
}

// The close look counts on it.
void test_shortest_common_length(void**) {
  int shortest = 32;
  for (const IssuerRange& row : issuer_table()) shortest = std::min(shortest, std::countr_zero(row.common));
  assert_int_equal(shortest, 14);
}

void test_open_end(void**) {
  const std::string text = "pay 4111 1111 1111 1111";
  const auto block = exact_block(text);
  const Text part{block.get(), text.size(), nullptr, 0};
  Detector::Next next = engine().detector->next(part, 0, {}, false, {}, engine().scratch->get());
  assert_true(next.outcome == Detector::Outcome::kClear);
  assert_int_equal(next.settled, 4);
  next = engine().detector->next(part, 0, {}, true, {}, engine().scratch->get());
  assert_true(next.outcome == Detector::Outcome::kFound);
  // Digits that no brand starts with, and words, are settled at once.
  for (const std::string_view settled : {"pay 0111 0111", "nothing to see here", "0000000000000000"}) {
    const auto copy = exact_block(settled);
    next = engine().detector->next(Text{copy.get(), settled.size(), nullptr, 0}, 0, {}, false, {},
                                   engine().scratch->get());
    assert_int_equal(next.settled, settled.size());
  }
}

// Time must be linear and what is held bounded, also where every byte is a candidate's.
void test_long_runs(void**) {
  std::string spaced;
  for (int i = 0; i < 100000; ++i) spaced += {static_cast<char>('0' + i * 7 % 10), ' '};
  const std::string digits(300000, '4');
  const std::string groups = [] {
    std::string out;
    for (int i = 0; i < 40000; ++i) out += "4111 ";
    return out;
  }();
  for (const std::string* text : {static_cast<const std::string*>(&spaced), &digits, &groups}) {
    assert_string_equal(sweep_pieces(*text, 4096).c_str(), sweep(*text).c_str());
  }
  assert_string_equal(sweep(digits).c_str(), "");
}

void test_many_findings(void**) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "4111111111111111,";
  const std::string found = sweep(text);
  assert_int_equal(found.size(), 2000 * std::strlen("pan visa [4111111111111111]") + 1999 * 3);
  const std::string pieces = sweep_pieces(text, 1000);
  if (pieces != found) fail_msg("%zu %zu", pieces.size(), found.size());
}

void test_engine_fault(void**) {
  // A short text is looked at without the engine.
  const std::string_view text = "Please charge this card of mine: 4111111111111111";
  const auto block = exact_block(text);
  const Detector::Next next =
      engine().detector->next(Text{block.get(), text.size(), nullptr, 0}, 0, {}, true, {}, nullptr);
  assert_true(next.outcome == Detector::Outcome::kFault);
  assert_int_equal(next.settled, 0);
}

void test_published_numbers(void**) {
  FILE* file = std::fopen("tests/vectors/test_pans.txt", "r");
  assert_non_null(file);
  char line[128];
  int count = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (line[0] < '0' || line[0] > '9') continue;
    const std::string_view row(line);
    const std::string number(row.substr(0, row.find(' ')));
    const std::string brand(row.substr(number.size() + 1, row.find('\n') - number.size() - 1));
    const std::string want = "pan " + brand + " [" + number + "]";
    assert_string_equal(sweep("card " + number + ".").c_str(), want.c_str());
    ++count;
  }
  std::fclose(file);
  assert_true(count > 100);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_findings),
      cmocka_unit_test(test_no_findings),
      cmocka_unit_test(test_neighbours),
      cmocka_unit_test(test_unusual_lengths),
      cmocka_unit_test(test_tracks),
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_before),
      cmocka_unit_test(test_alone),
      cmocka_unit_test(test_shortest_common_length),
      cmocka_unit_test(test_open_end),
      cmocka_unit_test(test_long_runs),
      cmocka_unit_test(test_many_findings),
      cmocka_unit_test(test_engine_fault),
      cmocka_unit_test(test_published_numbers),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
