// Plain text: any bytes, at every cut; characters beyond ASCII where they are part of a number.
#include "filters/plain.h"

#include "filters/wide.h"
#include "tests/unit/random_laws.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::filled;
using testing::grouped;
using testing::kChunkSizes;
using testing::listed;
using testing::percent;
using testing::Rig;
using testing::Run;
using testing::run_filter;
using testing::script;
using testing::small_escapes;

constexpr std::string_view kVisa = "4111111111111111";

Run run_plain(PlainCoding coding, const Policy& policy, std::string_view in, size_t chunk) {
  auto filter = make_plain_filter(0, coding);
  return run_filter(*filter, policy, in, chunk);
}

void check(const std::string& name, PlainCoding coding, const Policy& policy, const std::string& in,
           const std::string& out, size_t findings) {
  Run whole = run_plain(coding, policy, in, 0);
  if (whole.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  if (small_escapes(whole.out) != small_escapes(out))
    fail_msg("case: %s: %s became %s", name.c_str(), in.c_str(), whole.out.c_str());
  if (whole.events.size() != findings) fail_msg("case: %s: %zu findings", name.c_str(), whole.events.size());
  for (size_t chunk : kChunkSizes) {
    Run cut = run_plain(coding, policy, in, chunk);
    if (cut.out != whole.out) fail_msg("case: %s, pieces of %zu: %s", name.c_str(), chunk, cut.out.c_str());
    if (cut.events != whole.events) {
      {
        fail_msg("case: %s, pieces of %zu:%s\ninstead of%s", name.c_str(), chunk, listed(cut.events).c_str(),
                 listed(whole.events).c_str());
      }
    }
  }
  Run twice = run_plain(coding, policy, whole.out, 0);
  if (twice.out != whole.out) fail_msg("case: %s: twice is not once", name.c_str());
}

const struct {
  const char* name;
  testing::Encoder encode;
} kCodings[] = {
    {"plain", [](std::string_view d) { return std::string(d); }},
    {"spaces", [](std::string_view d) { return grouped(d, " "); }},
    {"dots", [](std::string_view d) { return grouped(d, "."); }},
    {"no-break spaces", [](std::string_view d) { return grouped(d, "\xC2\xA0"); }},
    {"narrow no-break spaces", [](std::string_view d) { return grouped(d, "\xE2\x80\xAF"); }},
    {"no-break hyphens", [](std::string_view d) { return grouped(d, "\xE2\x80\x91"); }},
    {"ideographic spaces", [](std::string_view d) { return grouped(d, "\xE3\x80\x80"); }},
    {"full width", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }},
    {"full width, spaces", [](std::string_view d) { return grouped(script(d, "\xEF\xBC\x90"), ""); }},
    {"Arabic-Indic", [](std::string_view d) { return script(d, "\xD9\xA0"); }},
    {"Persian", [](std::string_view d) { return script(d, "\xDB\xB0"); }},
    {"NKo", [](std::string_view d) { return script(d, "\xDF\x80"); }},
    {"Devanagari", [](std::string_view d) { return script(d, "\xE0\xA5\xA6"); }},
    {"Thai", [](std::string_view d) { return script(d, "\xE0\xB9\x90"); }},
    {"Khmer", [](std::string_view d) { return script(d, "\xE1\x9F\xA0"); }},
    {"mathematical", [](std::string_view d) { return script(d, "\xF0\x9D\x9F\x8E"); }},
    {"mixed",
     [](std::string_view d) {
       return std::string(d.substr(0, 5)) + script(d.substr(5, 3), "\xEF\xBC\x90") + "\xC2\xA0" +
              std::string(d.substr(8));
     }},
};

void numbers_in_every_script(void**) {
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  const std::string long_front(700, 'x');
  const std::string dashes = "a \xE2\x80\x94 b \xC2\xA0 c ";
  const std::string templates[] = {
      "@",
      "pay @ now",
      "@,@;@",
      std::string("\xFF\xC2") + " @" + std::string("\x00\xE2\x80", 3),
      dashes + "(@)" + dashes,
      long_front + " @ " + long_front + " @ " + long_front,
      "\xC2\xA0@\xC2\xA0",
      "caf\xC3\xA9 @\xE2\x80\x93\xE2\x80\x93",
  };
  for (const auto& coding : kCodings) {
    for (const std::string& text : templates) {
      check(std::string(coding.name) + ": " + text.substr(0, 40), PlainCoding::kUtf8, policy,
            filled(text, '@', coding.encode(kVisa)), filled(text, '@', coding.encode(token)),
            static_cast<size_t>(std::count(text.begin(), text.end(), '@')));
    }
  }
}

void what_stays(void**) {
  const Policy policy = Rig::get().policy();
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * i * 7 + i / 3);
  const std::string table[] = {
      "",
      " ",
      "\n\n",
      "phone +49 170 1234567, order 123456789012",
      bytes,
      "%3411111111111111%31",          // only a path is percent-encoded
      "4111111111111111\xEF\xBC\x91",  // seventeen digits
      "\xEF\xBC\x91\x34\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31\x31",
      "\xC2",
      "\xE2\x80",
      "4111111111111111\xEF\xBC\x91 1",
  };
  for (const std::string& in : table) check(in.substr(0, 40), PlainCoding::kUtf8, policy, in, in, 0);
}

// Behind a NUL the bytes are no text: numbers in ASCII are found, and nothing is decoded.
void binary_files(void**) {
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  const std::string nul(1, '\0');
  const std::string wide = script(kVisa, "\xEF\xBC\x90");
  const std::string wide_token = script(token, "\xEF\xBC\x90");
  for (const std::string& filler : {std::string(), std::string(300, 'x'), std::string(16, '\xEF')}) {
    check("number behind", PlainCoding::kUtf8, policy, filler + nul + filler + " 4111111111111111 " + filler,
          filler + nul + filler + " " + token + " " + filler, 1);
    check("wide in front", PlainCoding::kUtf8, policy,
          wide + " " + filler + nul + filler + " 4111111111111111",
          wide_token + " " + filler + nul + filler + " " + token, 2);
    check("wide just in front", PlainCoding::kUtf8, policy, filler + " " + wide + nul + wide,
          filler + " " + wide_token + nul + wide, 1);
    check("wide behind", PlainCoding::kUtf8, policy, filler + nul + wide + " " + filler,
          filler + nul + wide + " " + filler, 0);
  }
}

void json_that_is_called_text(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = Rig::get().token(kVisa);
  const std::string wide = script(kVisa, "\xEF\xBC\x90");
  const std::string wide_token = script(t, "\xEF\xBC\x90");
  check("object", PlainCoding::kUtf8, policy, R"( {"card_number":"4111111111111111","cvv":123})",
        R"( {"card_number":")" + t + R"(","cvv":999})", 2);
  check("list", PlainCoding::kUtf8, policy, "\n[{\"cvv\":\"123\"}]", "\n[{\"cvv\":\"***\"}]", 1);
  check("full width inside", PlainCoding::kUtf8, policy, R"({"n":")" + wide + R"("})",
        R"({"n":")" + wide_token + R"("})", 1);
  check("only looks like it", PlainCoding::kUtf8, policy, "[note] 4111111111111111", "[note] " + t, 1);
  check("malformed is no matter", PlainCoding::kUtf8, policy, "{]4111111111111111", "{]" + t, 1);
  check("in a path", PlainCoding::kPercent, policy, "%7B%22cvv%22:%22123%22}", "%7B%22cvv%22:%22***%22}", 1);
}

void percent_encoded(void**) {
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  const struct {
    const char* name;
    testing::Encoder encode;
  } codings[] = {
      {"plain", [](std::string_view d) { return std::string(d); }},
      {"digits", [](std::string_view d) { return each(d, "%3"); }},
      {"spaces", [](std::string_view d) { return grouped(d, "%20"); }},
      {"twice", [](std::string_view d) { return each(d, "%253"); }},
      {"three times", [](std::string_view d) { return percent(percent(each(d, "%3"))); }},
      {"full width", [](std::string_view d) { return percent(script(d, "\xEF\xBC\x90")); }},
  };
  for (const auto& coding : codings) {
    for (std::string text : {"/a/@/b", "@", "/%2F@%2f", "/%zz/@%3", "/+@+"}) {
      check(std::string(coding.name) + ": " + text, PlainCoding::kPercent, policy,
            filled(text, '@', coding.encode(kVisa)), filled(text, '@', coding.encode(token)), 1);
    }
  }
  check("plus is no space", PlainCoding::kPercent, policy, "4111+1111+1111+1111", "4111+1111+1111+1111", 0);
  // Nothing is written to the fourth time of decoding.
  check("four times", PlainCoding::kPercent, policy, each(kVisa, "%2525253"), each(kVisa, "%2525253"), 0);
}

void memory_is_bounded(void**) {
  std::string in;
  uint32_t state = 1;
  while (in.size() < 300000) {
    state = state * 1664525 + 1013904223;
    in += static_cast<char>(state >> 24);
  }
  in += " 4111111111111111 ";
  for (int i = 0; i < 20000; ++i)
    in +=
        "5\xE2\x80\x93"
        "6, ";
  Run run = run_plain(PlainCoding::kUtf8, Rig::get().policy(), in, 1460);
  assert_int_equal(run.events.size(), 1);
  assert_true(run.largest_held < 1000);
}

// Every character that normalisation changes is looked for beside a digit, and no other one is taken for it.
void every_character(void**) {
  Decoded out;
  WideFinder finder;
  for (char32_t code = 0x80; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    out.clear();
    add_code_point(&out, code, {0, Form::kByte});
    const bool normalised = out.size() == 1 && out.text().data[0] < 0x80;
    std::string utf8;
    if (code < 0x800) {
      utf8 += static_cast<char>(0xC0 | code >> 6);
    } else if (code < 0x10000) {
      utf8 += static_cast<char>(0xE0 | code >> 12);
      utf8 += static_cast<char>(0x80 | (code >> 6 & 63));
    } else {
      utf8 += static_cast<char>(0xF0 | code >> 18);
      utf8 += static_cast<char>(0x80 | (code >> 12 & 63));
      utf8 += static_cast<char>(0x80 | (code >> 6 & 63));
    }
    utf8 += static_cast<char>(0x80 | (code & 63));
    for (size_t front : {0u, 40u}) {
      std::string text = std::string(front, 'a') + utf8 + "1";
      auto block = testing::exact_block(text);
      WideFinder::Found found = finder.next(block.get(), text.size(), 0, true);
      if ((found.size != 0) != normalised) fail_msg("U+%04X", static_cast<unsigned>(code));
      if (normalised && (found.at != front || found.size != utf8.size() || found.code != code)) {
        fail_msg("U+%04X: elsewhere", static_cast<unsigned>(code));
      }
    }
  }
}

void which_characters_matter(void**) {
  const struct {
    std::string_view in;
    bool found;
  } table[] = {
      {"1\xC2\xA0"
       "2",
       true},
      {"1\xC2\xA0", true},
      {"\xC2\xA0"
       "2",
       true},
      {"a\xC2\xA0"
       "b",
       false},
      {" \xC2\xA0 ", false},
      {"\xEF\xBC\x91", false},
      {"\xEF\xBC\x91 ", true},
      {"-\xEF\xBC\x91", true},
      {"a\xEF\xBC\x91", false},
      {"\xEF\xBC\x91\xEF\xBC\x91", true},
      {"\xEF\xBC\x91\xC2\xA0", true},
      {"\xC2\xA0\xC2\xA0", false},
      {"x\xE2\x80\x94x", false},
      {"1\xEF\xBC", false},
      {"1\xC2\xA1", false},
      {"1\xF0\x9D\x9F\x8E", true},
      {"", false},
  };
  for (const auto& c : table) {
    WideFinder finder;
    auto block = testing::exact_block(c.in);
    WideFinder::Found found = finder.next(block.get(), c.in.size(), 0, true);
    if ((found.size != 0) != c.found) fail_msg("case: %s", std::string(c.in).c_str());
    // The same when what stands in front is gone.
    for (size_t gone = 1; gone < c.in.size() && found.size != 0 && gone <= found.at; ++gone) {
      WideFinder late;
      late.drop_front(block.get(), gone);
      WideFinder::Found again = late.next(block.get() + gone, c.in.size() - gone, 0, true);
      assert_true(again.size == found.size && again.at + gone == found.at);
    }
  }
}

void random_texts(void**) {
  testing::Dice random(0x2545F4914F6CDD1Du);
  constexpr std::string_view kBits[] = {"4111111111111111",
                                        ", 5555 5555 5555 4444, ",
                                        "\xC2\xA0",
                                        "\xEF\xBC\x94",
                                        "1",
                                        " ",
                                        "-",
                                        "\xE2\x80",
                                        "\x91",
                                        "\xFF",
                                        "word ",
                                        "\xE2\x80\x94",
                                        "\xD9\xA1",
                                        "41111x",
                                        "1111111111",
                                        "\xEF\xBC\x91\xEF\xBC\x91",
                                        "%B4111111111111111^DOE/JOHN^29121010000000000?",
                                        ".",
                                        "\n",
                                        "card ",
                                        "6759649826438453"};
  const Policy policy = Rig::get().policy();
  for (int round = 0; round < 3000; ++round) {
    std::string in = "x";
    in += random.some_of(kBits, 40);
    testing::check_laws(in, 1 + random(20), [&](std::string_view text, size_t chunk) {
      return run_plain(PlainCoding::kUtf8, policy, text, chunk);
    });
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(numbers_in_every_script),
      cmocka_unit_test(what_stays),
      cmocka_unit_test(binary_files),
      cmocka_unit_test(json_that_is_called_text),
      cmocka_unit_test(percent_encoded),
      cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(every_character),
      cmocka_unit_test(which_characters_matter),
      cmocka_unit_test(random_texts),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
