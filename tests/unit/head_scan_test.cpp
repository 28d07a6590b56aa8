// The quick look at head elements: what it turns away, the scrubber would leave alone.
#include "filters/head_scan.h"

#include <random>

#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::grouped;
using testing::percent;
using testing::Rig;
using testing::script;

bool may_hold(HeadPart part, std::string_view name, std::string_view text) {
  const auto block = testing::exact_block(text);
  return HeadScan(Rig::get().fields()).may_hold_card_data(part, name, {block.get(), text.size()});
}

struct Case {
  const char* name;
  HeadPart part;
  std::string_view header;
  std::string text;
  bool may;
};

void elements(void**) {
  const Case table[] = {
      {"request line", HeadPart::kTarget, "", "POST /shop/orders?page=2&sort=name HTTP/1.1", false},
      {"request line, times", HeadPart::kTarget, "", "GET /a?from=20261126&to=20261127&t=1764176625 HTTP/1.1",
       false},
      {"request line, number", HeadPart::kTarget, "", "GET /a?c=4111111111111111 HTTP/1.1", true},
      {"request line, short", HeadPart::kTarget, "", "GET /a?cvv=1", true},
      {"names of one letter", HeadPart::kTarget, "", "/a?q=shoes&p=2&x=", false},
      {"no name", HeadPart::kTarget, "", "/a?=&==&a==", false},
      {"name in brackets", HeadPart::kTarget, "", "/a?card[cvc]=1", true},
      {"name with an index", HeadPart::kTarget, "", "/a?cvc[0]=1", true},
      {"name with dots", HeadPart::kTarget, "", "/a?card.cvc.10=1", true},
      {"escaped name", HeadPart::kTarget, "", "/a?c%76v=1", true},
      {"escaped value", HeadPart::kTarget, "", "/a?name=M%C3%BCller", false},
      {"escaped number", HeadPart::kTarget, "", "/a?c=" + percent("4111111111111111"), true},
      {"json", HeadPart::kTarget, "", "/a?q={\"cvv\":\"123\"}", true},
      {"json, escaped", HeadPart::kTarget, "", "/a?q=%7B%22cvv%22%3A%22123%22%7d", true},
      {"json, escaped, small letters", HeadPart::kTarget, "", "/a?q=%7b%22cvv%22%3a%22123%22%7d", true},
      {"name with a space behind it", HeadPart::kCookie, "", "a=b; cvv =123", true},
      {"name with a space behind it, beside other scripts", HeadPart::kCookie, "", "a=\xC3\xA9; cvv =123",
       true},
      {"name with spaces", HeadPart::kCookie, "", "a=b; c v  v=123", true},
      {"name behind a tab", HeadPart::kCookie, "", "a=b;\tsecurity_code=123", true},
      {"spaces between names", HeadPart::kCookie, "", "a=b;  c=d; e=f", false},
      {"name in a fragment", HeadPart::kTarget, "", "/a?b=c#security_code=123", true},
      {"name in a fragment, beside other scripts", HeadPart::kTarget, "", "/\xC3\xA9#security_code=123",
       true},
      {"name behind a name", HeadPart::kCookie, "", "a=b=cvv=123", true},
      {"browser", HeadPart::kHeader, "User-Agent",
       "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", false},
      {"date", HeadPart::kHeader, "If-Modified-Since", "Thu, 26 Nov 2026 16:43:45 GMT", false},
      {"named header", HeadPart::kHeader, "X-CVV", "1", true},
      {"named header behind an underscore", HeadPart::kHeader, "X_CVV", "1", true},
      {"named header, empty", HeadPart::kHeader, "X-CVV", "", false},
      {"header without a name", HeadPart::kHeader, "", "cvv=123", false},
      {"header, json", HeadPart::kHeader, "X-Payload", "{\"cvv\":\"123\"}", true},
      {"header, number", HeadPart::kHeader, "X-Note", "see 4111-1111-1111-1111.", true},
      {"header, wrapped", HeadPart::kHeader, "Authorization", "Basic NDExMTExMTExMTExMTExMTp4", true},
      {"header, full-width digits", HeadPart::kHeader, "X-Note", script("4111111111111111", "\xef\xbc\x90"),
       true},
      {"cookies", HeadPart::kCookie, "", "sid=0123456789abcdef; _ga=GA1; t=1764176625; theme=dark", false},
  };
  for (const Case& c : table) {
    for (size_t pad : {size_t{0}, size_t{5000}}) {  // more than the quick look takes
      const std::string text = c.text + std::string(c.text.empty() ? 0 : pad, ' ');
      if (may_hold(c.part, c.header, text) != c.may) fail_msg("%s (%zu)", c.name, pad);
    }
  }
}

// What matters, at every place of texts of every size.
void everywhere(void**) {
  struct Thing {
    std::string text;
    bool names;  // matters where there are names
    bool may;
  };
  const Thing things[] = {{"411111111111", false, true},
                          {"4 1 1 1 1 1 1 1 1 1 1 1", false, true},
                          {"41111111111", false, false},
                          {"4111a11111111", false, false},
                          {"4111  11111111", false, false},
                          {"4111%201111%201111", false, true},
                          {"\\u00341111111111", false, true},
                          {"NDExMTExMTEx", false, true},
                          {"NDEx", false, false},
                          {"IxxxO", false, false},
                          {"{", false, true},
                          {"z", false, false},
                          {"\xef\xbc\x94", false, true},
                          {"&cvv=", true, true},
                          {"&cvw=", true, false},
                          {"&q=", true, false},
                          {"&c%76v=", true, true},
                          {"%7B", true, true}};
  for (const Thing& thing : things) {
    for (size_t size = thing.text.size(); size < 150; ++size) {
      for (size_t at = 0; at + thing.text.size() <= size; ++at) {
        std::string text(size, 'x');
        text.replace(at, thing.text.size(), thing.text);
        for (HeadPart part : {HeadPart::kTarget, HeadPart::kHeader}) {
          const bool may = thing.may && (part == HeadPart::kTarget || !thing.names);
          if (may_hold(part, "X-A", text) != may) fail_msg("%s at %zu of %zu", thing.text.c_str(), at, size);
        }
      }
    }
  }
}

// Elements put together at random out of what matters.
std::string element(std::mt19937* random) {
  static const std::vector<std::string> kParts{"card_number",
                                               "cvv",
                                               "cc-csc",
                                               "order",
                                               "q",
                                               "number",
                                               "code",
                                               "card[number]",
                                               "card.cvc",
                                               "exp",
                                               "a_",
                                               "ccn",
                                               "=",
                                               "=",
                                               "=",
                                               "&",
                                               ";",
                                               "; ",
                                               "?",
                                               "/",
                                               " ",
                                               ".",
                                               "-",
                                               "#",
                                               "[",
                                               "]",
                                               "{",
                                               "\"",
                                               "+",
                                               "%",
                                               "%20",
                                               "\\",
                                               ":",
                                               "x",
                                               "H",
                                               "4111111111111111",
                                               "378282246310005",
                                               "4111",
                                               "1111",
                                               "1111",
                                               "123",
                                               "20261126",
                                               "5",
                                               "\xc3\xa9",
                                               "\xe2\x80\x93",
                                               "%7B%22cvv%22%3A%22123%22%7D",
                                               "{\"cvv\":\"123\"}",
                                               "NDExMTExMTExMTExMTExMQ==",
                                               "4111 1111 1111 1111",
                                               "4111+1111+1111+1111",
                                               "4111%201111%201111%201111",
                                               ";4111111111111111=29121010000012345678?",
                                               percent("4111111111111111"),
                                               percent("cvv"),
                                               script("4111111111111111", "\xef\xbc\x90"),
                                               each("4111111111111111", ".")};
  std::string out;
  for (auto i = (*random)() % 9; i != 0; --i) out += kParts[(*random)() % kParts.size()];
  if ((*random)() % 8 == 0) out.insert((*random)() % (out.size() + 1), (*random)() % 1200, 'x');
  return out;
}

void what_is_turned_away_holds_nothing(void**) {
  std::mt19937 random(3);
  size_t turned_away = 0;
  Policy policy = Rig::get().policy();
  policy.pan = policy.code = policy.sweep = policy.invalid = policy.wrapped = Action::kMask;
  for (int round = 0; round < 60000; ++round) {
    constexpr std::array<HeadPart, 5> kAll{HeadPart::kPath, HeadPart::kArguments, HeadPart::kTarget,
                                           HeadPart::kCookie, HeadPart::kHeader};
    constexpr std::array<std::string_view, 4> kHeaders{"", "X-A", "CVV", "X-Card-Number"};
    const HeadPart part = kAll[random() % kAll.size()];
    const std::string_view name =
        part == HeadPart::kHeader ? kHeaders[random() % kHeaders.size()] : std::string_view{};
    const std::string text = element(&random);
    if (part != HeadPart::kHeader) {
      const auto block = testing::exact_block(text);
      const Bytes bytes{block.get(), text.size()};
      const HeadScan scan(Rig::get().fields());
      assert_true(scan.deserves_a_look(bytes) || !scan.names_may_hold(bytes));
    }
    if (may_hold(part, name, text)) continue;
    ++turned_away;
    Verdict verdict;
    const auto block = testing::exact_block(text);
    scrub_head(part, name, {block.get(), text.size()}, policy, Rig::get().worker(), verdict, {});
    const std::string out(reinterpret_cast<const char*>(block.get()), text.size());
    if (out != text || verdict.findings() != 0 || verdict.refused()) {
      fail_msg("part %d, header \"%.*s\": \"%s\" became \"%s\"", static_cast<int>(part),
               static_cast<int>(name.size()), name.data(), text.c_str(), out.c_str());
    }
  }
  assert_true(turned_away > 5000);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(elements), cmocka_unit_test(everywhere),
                              cmocka_unit_test(what_is_turned_away_holds_nothing)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
