// Card numbers whose digits are of ASCII and of another script by turns, with every separator, in every
// content type: found once, whichever of the fast passes looks at them first.
#include "filters/body.h"
#include "filters/json_screen.h"
#include "filters/json_skim.h"
#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::Rig;
using testing::Run;
using testing::run_body;

// Zeros of scripts, one for each byte that their UTF-8 may begin with, and lengths of two to four bytes.
constexpr std::string_view kZeros[] = {
    "\xD9\xA0",          // Arabic-Indic
    "\xDB\xB0",          // Persian
    "\xDF\x80",          // N'Ko
    "\xE0\xA5\xA6",      // Devanagari
    "\xE1\x81\x80",      // Myanmar
    "\xEA\x98\xA0",      // Vai
    "\xEF\xBC\x90",      // full-width
    "\xF0\x90\x92\xA0",  // Osmanya
    "\xF0\x9D\x9F\x8E",  // mathematical, bold
};

constexpr std::string_view kSeparators[] = {
    "",
    " ",
    "-",
    ".",
    "\xC2\xA0",      // no-break space
    "\xC2\xAD",      // soft hyphen
    "\xCD\x8F",      // combining grapheme joiner
    "\xE1\xA0\x8E",  // Mongolian vowel separator
    "\xE2\x80\x8B",  // zero-width space
    "\xE2\x80\x91",  // no-break hyphen
    "\xE2\x88\x92",  // minus
    "\xE3\x80\x80",  // ideographic space
    "\xEF\xB8\x8F",  // variation selector
    "\xEF\xBB\xBF",  // zero-width no-break space
    "\xEF\xB9\xA3",  // small hyphen
    "\xEF\xBC\x8E",  // full-width full stop
};

// Which of the sixteen digits are of the other script.
constexpr bool kPatterns[][16] = {
    {},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {0, 0, 0, 0, 1, 1, 1, 1},
    {1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1},
    {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0},
    {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1},
    {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
};

std::string number(std::string_view zero, std::string_view separator, const bool (&foreign)[16]) {
  constexpr std::string_view kDigits = "6011221027566237";
  std::string out;
  for (size_t i = 0; i < kDigits.size(); ++i) {
    if (i % 4 == 0 && i != 0) out += separator;
    out += foreign[i] ? testing::script(kDigits.substr(i, 1), zero) : std::string(kDigits.substr(i, 1));
  }
  return out;
}

// '@' is the number.
struct Frame {
  std::string_view type;
  std::string text;
};

void check(const Frame& frame) {
  for (std::string_view zero : kZeros) {
    for (std::string_view separator : kSeparators) {
      for (const auto& pattern : kPatterns) {
        const std::string in = testing::filled(frame.text, '@', number(zero, separator, pattern));
        const Run run = run_body(Rig::get().policy(), frame.type, in, 0);
        if (run.verdict.refused() || run.events.size() != 1)
          fail_msg("%s: %s: %s", std::string(frame.type).c_str(), in.c_str(),
                   run.verdict.problem_json().c_str());
      }
    }
  }
}

// Every fast pass over JSON, and none.
template <typename Check>
void with_each_pass(const Check& check_all) {
  use_json_screen(true);
  check_all();
  use_json_screen(false);
  for (std::string_view kernel : {"avx2", "sse2", ""}) {
    if (JsonSkim::use(kernel)) check_all();
  }
  use_json_screen(true);
  JsonSkim::use("avx2");
}

void json(void**) {
  const std::string_view type = "application/json";
  const std::string much(300, 'x');
  const Frame frames[] = {{type, R"({"a":"@"})"},
                          {type, R"({"a":"@","b":")" + much + R"("})"},
                          {type, R"({"a":"x)" + much + R"( @","b":")" + much + R"("})"},
                          {type, R"({"@":")" + much + R"("})"},
                          {type, R"(["n @, thanks",")" + much + R"("])"}};
  with_each_pass([&] {
    for (const Frame& frame : frames) check(frame);
  });
}

// In names digits and separators of other scripts stand for those of ASCII.
void json_names(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string much(300, 'x');
  with_each_pass([&] {
    const auto finds_a_code = [&](const std::string& name) {
      for (const std::string& tail : {std::string("}"), ",\"n\":\"" + much + "\"}"}) {
        const std::string in = "{\"" + name + "\":\"123\"" + tail;
        const Run run = run_body(policy, "application/json", in, 0);
        if (run.events.size() != 1) fail_msg("%s", in.c_str());
      }
    };
    for (std::string_view zero : kZeros) finds_a_code("cvv" + testing::script("2", zero));
    for (std::string_view separator : kSeparators) finds_a_code("card" + std::string(separator) + "cvc");
  });
}

void others(void**) {
  const Frame frames[] = {
      {"text/plain", "paid with @, thanks"},
      {"application/octet-stream", std::string("\x01\x02\xFF", 3) + "x @ y"},
      {"application/x-www-form-urlencoded", "note=@&b=c"},
      {"application/x-www-form-urlencoded", "@=c"},
      {"multipart/form-data; boundary=b",
       "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n@\r\n--b--\r\n"},
      {"text/xml", "<a n='1'>@</a>"},
      {"text/xml", "<a n='x @'/>"},
      {"text/xml", "<a><!-- @ --></a>"},
      {"text/csv", "a,b\n1,@\n"},
      {"application/x-ndjson", "{\"a\":1}\n{\"a\":\"@\"}\n"},
  };
  for (const Frame& frame : frames) check(frame);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(json),
      cmocka_unit_test(json_names),
      cmocka_unit_test(others),
  };
  return cmocka_run_group_tests_name("mixed_scripts", tests, nullptr, nullptr);
}
