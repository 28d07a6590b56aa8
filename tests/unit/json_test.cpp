// The JSON filter: names and values in every encoding, what is no JSON, and bounded memory, at every cut.
#include "filters/json.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "src/issuer.h"
#include "tests/unit/filter_run.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::grouped;
using testing::kChunkSizes;
using testing::Rig;
using testing::Run;
using testing::run_body;
using testing::script;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kLines = "application/x-ndjson";
constexpr std::string_view kVisa = "4111111111111111";

std::string visa() { return Rig::get().token(kVisa); }

// Where the body stops being JSON; -1: it is JSON.
int64_t malformed_at(const Run& run) {
  for (const Problem& problem : run.verdict.problems()) {
    if (problem.reason == Reason::kBodyMalformed) return problem.offset;
  }
  return -1;
}

Run run_required(std::string_view type, std::string_view in, size_t chunk, bool separate_end) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
  return run_body(policy, type, in, chunk, separate_end);
}

// Every vector passes byte for byte; whether it is JSON is told at the same place for every cut.
void vectors(void**) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/vectors/json")) {
    std::string name = entry.path().filename().string();
    std::ifstream file(entry.path(), std::ios::binary);
    std::string in((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    int64_t offset = malformed_at(run_required(kJson, in, 0, false));
    if (name.starts_with("valid_") && offset != -1)
      fail_msg("%s: malformed at %d", name.c_str(), static_cast<int>(offset));
    if (name.starts_with("invalid_") && offset == -1) fail_msg("%s: taken for JSON", name.c_str());
    for (size_t chunk : kChunkSizes) {
      for (bool separate_end : {false, true}) {
        Run run = run_body(Rig::get().policy(), kJson, in, chunk, separate_end);
        if (run.verdict.refused() || !run.events.empty()) fail_msg("%s: found something", name.c_str());
        if (run.out != in) fail_msg("%s, pieces of %zu: changed", name.c_str(), chunk);
        int64_t cut = malformed_at(run_required(kJson, in, chunk, separate_end));
        if (cut != offset) {
          fail_msg("%s, pieces of %zu: malformed at %d, not %d", name.c_str(), chunk, static_cast<int>(cut),
                   static_cast<int>(offset));
        }
      }
    }
    ++count;
  }
  assert_true(count >= 100);
}

struct Case {
  const char* name;
  std::string_view type;
  std::string in;
  std::string out;  // empty: refused
  std::vector<std::string> events;
};

// Hexadecimal digits that are letters may come back in the other case.
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
  }
  return out;
}

void check(const Policy& policy, const Case& c) {
  Run whole = run_body(policy, c.type, c.in, 0);
  for (size_t chunk : kChunkSizes) {
    for (bool separate_end : {false, true}) {
      Run run = run_body(policy, c.type, c.in, chunk, separate_end);
      if (run.verdict.refused() != c.out.empty()) {
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk,
                 run.verdict.refused() ? run.verdict.problem_json().c_str() : "not refused");
      }
      if (c.out.empty()) continue;
      if (lower(run.out) != lower(c.out) || run.out != whole.out)
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, run.out.c_str());
      if (!c.events.empty() && run.events != c.events) {
        for (const std::string& event : run.events) print_error("event: %s\n", event.c_str());
        fail_msg("case: %s, pieces of %zu: other events", c.name, chunk);
      }
    }
  }
  if (c.out.empty()) return;
  Run twice = run_body(policy, c.type, whole.out, 0);
  if (twice.out != whole.out) fail_msg("case: %s: twice is not once: %s", c.name, twice.out.c_str());
}

// The digits of `digits` as \uXXXX, counted up from `zero`.
std::string escapes(std::string_view digits, unsigned zero, bool capital) {
  std::string out;
  for (char c : digits) {
    char text[8];
    std::snprintf(text, sizeof text, capital ? "\\u%04X" : "\\u%04x", zero + static_cast<unsigned>(c - '0'));
    out += text;
  }
  return out;
}

struct Coding {
  const char* name;
  std::string (*encode)(std::string_view digits);
};

constexpr Coding kCodings[] = {
    {"plain", [](std::string_view d) { return std::string(d); }},
    {"spaces", [](std::string_view d) { return grouped(d, " "); }},
    {"hyphens", [](std::string_view d) { return grouped(d, "-"); }},
    {"escapes", [](std::string_view d) { return escapes(d, 0x30, false); }},
    {"one escape",
     [](std::string_view d) {
       return std::string(d.substr(0, 9)) + escapes(d.substr(9, 1), 0x30, true) + std::string(d.substr(10));
     }},
    {"escaped spaces", [](std::string_view d) { return grouped(d, "\\u0020"); }},
    {"escaped no-break spaces", [](std::string_view d) { return grouped(d, "\\u00a0"); }},
    {"no-break spaces", [](std::string_view d) { return grouped(d, "\xC2\xA0"); }},
    {"thin spaces", [](std::string_view d) { return grouped(d, "\xE2\x80\x89"); }},
    {"en dashes", [](std::string_view d) { return grouped(d, "\xE2\x80\x93"); }},
    {"full width", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }},
    {"full width, escaped", [](std::string_view d) { return escapes(d, 0xFF10, true); }},
    {"full width, escaped small", [](std::string_view d) { return escapes(d, 0xFF10, false); }},
    {"Arabic-Indic", [](std::string_view d) { return script(d, "\xD9\xA0"); }},
    {"Arabic-Indic, escaped", [](std::string_view d) { return escapes(d, 0x0660, false); }},
    {"Devanagari", [](std::string_view d) { return script(d, "\xE0\xA5\xA6"); }},
    {"Devanagari, escaped", [](std::string_view d) { return escapes(d, 0x0966, true); }},
    {"mathematical", [](std::string_view d) { return script(d, "\xF0\x9D\x9F\x8E"); }},
    {"mathematical, escaped",
     [](std::string_view d) {
       std::string out;
       for (char c : d) {
         out += "\\ud835";
         out += escapes(std::string_view(&c, 1), 0xDFCE, false);
       }
       return out;
     }},
};

// A quoted string inside a quoted string.
std::string in_quotes(std::string_view json) {
  std::string out;
  for (char c : json) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// '@' is the number.
struct Place {
  const char* name;
  std::string_view text;
};

constexpr Place kPlaces[] = {
    {"named", R"({"card_number":"@"})"},
    {"named, spread", "{ \"card_number\"\n :\t\"@\" , \"x\" : 1 }"},
    {"swept", R"({"a":"@"})"},
    {"swept, in a text", R"({"a":"pay with @, please","b":"-"})"},
    {"swept, behind an escape", R"({"a":"line\n@\n"})"},
    {"swept, in a list", R"([[{"a":["x","@"]}]])"},
    {"swept, root", R"("@")"},
    {"name", R"({"a":1,"@":{"b":2}})"},
    {"two", R"(["@","@"])"},
    {"scope", R"({"card":{"number":"@","exp_month":12}})"},
    {"behind many spaces", "{\n                                        \"a\": \"@\"\n}"},
};

void every_coding_in_every_place(void**) {
  const std::string token = visa();
  for (const Place& place : kPlaces) {
    for (const Coding& coding : kCodings) {
      std::string in = testing::filled(place.text, '@', coding.encode(kVisa));
      std::string out = testing::filled(place.text, '@', coding.encode(token));
      std::string name = std::string(place.name) + ", " + coding.name;
      check(Rig::get().policy(), {name.c_str(), kJson, in, out, {}});
      if (place.text.front() == '"') continue;
      // The same as text inside a string, once and twice.
      for (int layers = 1; layers <= 2; ++layers) {
        in = R"({"p":")" + in_quotes(in) + R"("})";
        out = R"({"p":")" + in_quotes(out) + R"("})";
        std::string inside = name + ", inside " + std::to_string(layers);
        check(Rig::get().policy(), {inside.c_str(), kJson, in, out, {}});
      }
    }
  }
}

void values_at_every_cut(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = visa();
  const std::string spaced = grouped(t, " ");
  const Case cases[] = {
      {"number", kJson, R"({"a":4111111111111111})", R"({"a":)" + t + "}", {"pan visa tokenize 5+16 a"}},
      {"number, spread", kJson, "[ 4111111111111111\n]", "[ " + t + "\n]", {}},
      {"number, root", kJson, "4111111111111111", t, {}},
      {"floats are none",
       kJson,
       "[0.4111111111111111,-65.4111111111111111,1e4111111111111111]",
       "[0.4111111111111111,-65.4111111111111111,1e4111111111111111]",
       {}},
      {"named number",
       kJson,
       R"({"cvv":123,"card_number":4111111111111111})",
       R"({"cvv":999,"card_number":)" + t + "}",
       {}},
      {"named list",
       kJson,
       R"({"card":{"number":["4111111111111111"]}})",
       R"({"card":{"number":[")" + t + R"("]}})",
       {}},
      {"named list of lists",
       kJson,
       R"({"cvv":[["123"],[{"x":"123"}],"456"]})",
       R"({"cvv":[["***"],[{"x":"123"}],"***"]})",
       {}},
      {"a list ends",
       kJson,
       R"({"cvv":["123"],"x":"123","y":["123"]})",
       R"({"cvv":["***"],"x":"123","y":["123"]})",
       {}},
      {"escaped name", kJson, R"({"\u0063\u0076v":"123"})", R"({"\u0063\u0076v":"***"})", {}},
      {"name in other letters",
       kJson,
       R"({"CVV":"123","C-v-V":"456"})",
       R"({"CVV":"***","C-v-V":"***"})",
       {}},
      {"name and value spread",
       kJson,
       "{\"cvv\"   \n\n   :   \r\t \"123\"   }",
       "{\"cvv\"   \n\n   :   \r\t \"***\"   }",
       {}},
      {"name far beyond a name",
       kJson,
       "{\"" + std::string(3000, 'x') + "cvv\":\"123\"}",
       "{\"" + std::string(3000, 'x') + "cvv\":\"123\"}",
       {}},
      {"number in a long name",
       kJson,
       "{\"" + std::string(3000, ' ') + "4111111111111111\":\"123\"}",
       "{\"" + std::string(3000, ' ') + t + "\":\"123\"}",
       {}},
      {"null", kJson, R"({"cvv":null,"card_number":null})", R"({"cvv":null,"card_number":null})", {}},
      {"true", kJson, R"({"cvv":true})", "", {}},
      {"NaN", kJson, R"({"cvv":NaN})", "", {}},
      {"byte order mark", kJson, "\xEF\xBB\xBF{\"cvv\":\"123\"}", "\xEF\xBB\xBF{\"cvv\":\"***\"}", {}},
      {"json inside, escaped brace",
       kJson,
       R"({"p":"\u007b\"cvv\":\"123\"}"})",
       R"({"p":"\u007b\"cvv\":\"***\"}"})",
       {}},
      {"json inside, line feed in front",
       kJson,
       R"({"p":"\n {\"cvv\":\"123\"}"})",
       R"({"p":"\n {\"cvv\":\"***\"}"})",
       {}},
      {"json inside a list", kJson, R"(["{\"cvv\":\"123\"}"])", R"(["{\"cvv\":\"***\"}"])", {}},
      {"begins like JSON",
       kJson,
       R"({"p":"[card] 4111 1111 1111 1111, cvv: later"})",
       R"({"p":"[card] )" + spaced + R"(, cvv: later"})",
       {}},
      {"looks like names", kJson, R"({"p":"{cvv: see above}"})", R"({"p":"{cvv: see above}"})", {}},
      {"no JSON at all",
       kJson,
       "my card is 4111 1111 1111 1111 thanks",
       "my card is " + spaced + " thanks",
       {}},
      {"numbers with spaces", kJson, "[4111 1111 1111 1111]", "[" + spaced + "]", {}},
      {"numbers with hyphens", kJson, "[4111-1111-1111-1111]", "[" + grouped(t, "-") + "]", {}},
      {"leading zeros", kJson, "[004111111111111111]", "[004111111111111111]", {}},
      {"word in front", kJson, "[x4111111111111111, 4111111111111111]", "[x4111111111111111, " + t + "]", {}},
      {"trailing words",
       kJson,
       R"({"a":1} 4111111111111111 {"cvv":"123"})",
       R"({"a":1} )" + t + R"( {"cvv":"***"})",
       {}},
      {"single quotes",
       kJson,
       "{'cvv':'123','a':'4111111111111111','b':'it\\'s 4111111111111111'}",
       "{'cvv':'***','a':'" + t + "','b':'it\\'s " + t + "'}",
       {}},
      {"bare names", kJson, R"({cvv:"123", a : 4111111111111111})", R"({cvv:"***", a : )" + t + "}", {}},
      {"bare code is a fault", kJson, R"({"cvv":12a})", "", {}},
      {"comments",
       kJson,
       "{ // 4111111111111111 \"\n/* 4111 1111 1111 1111 ' */ \"cvv\": /**/ \"123\"}",
       "{ // " + t + " \"\n/* " + spaced + " ' */ \"cvv\": /**/ \"***\"}",
       {}},
      {"comment, escaped digits",
       kJson,
       "/*" + escapes(kVisa, 0x30, false) + "*/{}",
       "/*" + escapes(t, 0x30, false) + "*/{}",
       {}},
      {"missing comma", kJson, R"({"a":1 "cvv":"123"})", R"({"a":1 "cvv":"***"})", {}},
      {"missing colon", kJson, R"({"cvv" "123"})", R"({"cvv" "***"})", {}},
      {"wrong close", kJson, R"({"a":[1},"cvv":"123"})", R"({"a":[1},"cvv":"***"})", {}},
      {"unclosed string", kJson, R"({"cvv":"123)", R"({"cvv":"***)", {}},
      {"unclosed name", kJson, R"({"4111111111111111)", R"({")" + t, {}},
      {"unclosed number", kJson, R"({"a":4111111111111111)", R"({"a":)" + t, {}},
      {"control characters",
       kJson,
       "{\"a\":\"x\n\x01 4111111111111111\"}",
       "{\"a\":\"x\n\x01 " + t + "\"}",
       {}},
      {"bad escapes",
       kJson,
       R"({"a":"\x 4111111111111111 \u12 \u"})",
       R"({"a":"\x )" + t + R"( \u12 \u"})",
       {}},
      {"invalid UTF-8",
       kJson,
       "{\"a\":\"\xFF\xC2 4111111111111111\xE2\x80\"}",
       "{\"a\":\"\xFF\xC2 " + t + "\xE2\x80\"}",
       {}},
      {"lines",
       kLines,
       "{\"cvv\":\"123\"}\n{\"a\":4111111111111111}\n\n[1]\r\n",
       "{\"cvv\":\"***\"}\n{\"a\":" + t + "}\n\n[1]\r\n",
       {}},
      {"sequence",
       "application/json-seq",
       "\x1E{\"cvv\":\"123\"}\n\x1E"
       "4111111111111111\n",
       "\x1E{\"cvv\":\"***\"}\n\x1E" + t + "\n",
       {}},
      {"lines of numbers", kLines, "4111\n1111\n1111\n1111\n", "4111\n1111\n1111\n1111\n", {}},
      {"65 digits", kJson, "[" + std::string(65, '4') + "]", "[" + std::string(65, '4') + "]", {}},
  };
  for (const Case& c : cases) check(policy, c);
}

void several_values_where_they_may_be(void**) {
  const struct {
    const char* name;
    std::string_view type;
    std::string_view in;
    int64_t offset;
  } cases[] = {
      {"lines", kLines, "{}\n{}\n", -1},
      {"no line", kLines, "", -1},
      {"side by side", kLines, "{}{}1 2", -1},
      {"sequence", "application/json-seq", "\x1E{}\n\x1E{}\n", -1},
      {"comma between", kLines, "{},{}", 2},
      {"cut line", kLines, "{}\n{", 4},
      {"one object", kJson, "{} ", -1},
      {"two objects", kJson, "{} {}", 3},
      {"separator", kJson, "\x1E{}", 0},
      {"first error counts", kJson, "[1,,2,,3", 3},
      {"layers inside do not count", kJson, R"({"a":"{x"})", -1},
  };
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      for (bool separate_end : {false, true}) {
        int64_t offset = malformed_at(run_required(c.type, c.in, chunk, separate_end));
        if (offset != c.offset)
          fail_msg("case: %s, pieces of %zu: %d", c.name, chunk, static_cast<int>(offset));
      }
    }
  }
}

void depth_has_an_end(void**) {
  for (const char* unit : {"[", "{\"a\":"}) {
    std::string in;
    for (size_t i = 0; i < limits::kDepth; ++i) in += unit;
    for (size_t chunk : {size_t{1}, size_t{64}, size_t{0}}) {
      assert_false(run_body(Rig::get().policy(), kJson, in, chunk).verdict.refused());
      Run run = run_body(Rig::get().policy(), kJson, in + unit, chunk);
      assert_true(run.verdict.refused());
      assert_true(run.verdict.problems()[0].reason == Reason::kLimitDepth);
    }
  }
}

// Long values flow: what is held is bounded, and a number at the far end is found.
void long_values_flow(void**) {
  const std::string t = visa();
  const std::string near(1 << 20, 'a');
  const struct {
    const char* name;
    std::string front;
    std::string back;
  } cases[] = {
      {"string", "{\"a\":\"" + near + " ", " \"}"},
      {"string with escapes", "{\"a\":\"" + each(std::string(1 << 17, 'n'), "\\") + " ", " \"}"},
      {"string of letters beyond ASCII", "{\"a\":\"" + each(std::string(1 << 17, '\x84'), "\xC3") + " ",
       "\xC3\xA4\"}"},
      {"string with dashes", "{\"a\":\"" + each(std::string(1 << 16, 'x'), "\xE2\x80\x93") + " ",
       "\xC2\xA0\"}"},
      {"JSON inside", R"({"a":"{\"b\":\")" + near + " ", R"( \"}"})"},
      {"name", "{\"" + near + " ", " \":1}"},
      {"no JSON", "[" + near + " ", " ]"},
      {"comment", "/*" + near + " ", " */{}"},
      {"white space", std::string(1 << 20, ' ') + "[", "]"},
      {"white space inside", "[\"" + std::string(1 << 20, ' '), "\"]"},
  };
  for (const auto& c : cases) {
    for (size_t chunk : {size_t{1460}, size_t{16384}, size_t{0}}) {
      Run run = run_body(Rig::get().policy(), kJson, c.front + std::string(kVisa) + c.back, chunk);
      if (run.out != c.front + t + c.back) fail_msg("case: %s, pieces of %zu", c.name, chunk);
      if (run.largest_held > 4096)
        fail_msg("case: %s, pieces of %zu: %zu held", c.name, chunk, run.largest_held);
    }
  }
}

// What is remembered of names must not cross over to another path.
void names_are_told_apart_by_their_path(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const FieldPattern patterns[] = {
      {Kind::kCode, "card.zz"}, {Kind::kCode, "list.yy"}, {Kind::kIgnore, "cvv.cvv"}};
  Result<FieldNames> fields = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(fields));
  policy.fields = &*fields;
  const struct {
    const char* name;
    std::string in;  // codes that must be masked are 123, the others 456
  } cases[] = {
      {"two objects", R"({"a":{"zz":"456"},"card":{"zz":"123"},"b":{"zz":"456"},"card":{"zz":"123"}})"},
      {"deeper", R"({"card":{"a":{"zz":"456"},"zz":"123"},"zz":"456"})"},
      {"elements", R"({"card":[{"zz":"123"},{"zz":"123"},[{"zz":"123"}],"456"],"a":[{"zz":"456"}]})"},
      {"roots", R"([{"zz":"456"},{"card":{"zz":"123"}},{"zz":"456"}])"},
      {"empty names", R"({"":{"zz":"456"},"card":{"":{"zz":"123"}},"":{"zz":"456"}})"},
      {"long names",
       R"({"a_name_of_many_letters":{"zz":"456"},"card":{"zz":"123"},"another_name_of_many":{"zz":"456"}})"},
      {"padded names", "{\"card\\u0000\":{\"zz\":\"456\"},\"card\":{\"zz\":\"123\"}}"},
      {"object and array of one name",
       R"({"list":{"yy":"123"},"list":[{"yy":"123"},["456"]],"x":[{"yy":"456"}]})"},
      {"inherited by elements only", R"({"cvv":["123",{"x":"456","cvv":"456"},["123"]],"x":["456"]})"},
      {"a name without a value", R"({"card":1,{"zz":"456"},"card":{"zz":"123"}})"},
      {"json inside", R"({"card":"{\"zz\":\"123\"}","a":"{\"zz\":\"456\"}"})"},
  };
  for (const auto& c : cases) {
    std::string want = c.in;
    for (size_t at = 0; (at = want.find("123", at)) != std::string::npos;) want.replace(at, 3, "***");
    // Repeated, so that everything was met before; and behind more names than are remembered.
    std::string many;
    for (unsigned i = 0; i < 400; ++i) many += R"({"n)" + std::to_string(i) + R"(":{"zz":"456"}})" + "\n";
    const std::string in = c.in + "\n" + c.in + "\n" + many + c.in;
    const std::string out = want + "\n" + want + "\n" + many + want;
    for (size_t chunk : kChunkSizes) {
      Run run = run_body(policy, kLines, in, chunk);
      if (run.verdict.refused()) fail_msg("case: %s: %s", c.name, run.verdict.problem_json().c_str());
      if (run.out != out)
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, run.out.substr(0, 400).c_str());
    }
  }
}

// A value of digits alone is looked at in two places; both must know every brand and length that the sweep
// finds.
void numbers_of_every_issuer(void**) {
  size_t found = 0;
  for (const IssuerRange& range : issuer_table()) {
    for (uint32_t prefix : {range.first, range.last}) {
      for (size_t size = limits::kPanMin; size <= limits::kPanMax; ++size) {
        std::string pan = std::to_string(prefix);
        while (pan.size() < size) pan += static_cast<char>('0' + (pan.size() * 7 + prefix) % 10);
        for (char check = '0'; check <= '9'; ++check) {
          pan.back() = check;
          // A word beside it keeps the digits from being alone.
          Run text = run_body(Rig::get().policy(), kJson, "[\"" + pan + "; ok\"]", 0);
          Run alone = run_body(Rig::get().policy(), kJson, "[\"" + pan + "\"]", 0);
          Run number = run_body(Rig::get().policy(), kJson, "[" + pan + "]", 0);
          if (text.events.size() != alone.events.size() || text.events.size() != number.events.size()) {
            fail_msg("%s: %zu in a text, %zu alone, %zu as a number", pan.c_str(), text.events.size(),
                     alone.events.size(), number.events.size());
          }
          found += text.events.size();
        }
      }
    }
  }
  assert_true(found > 100);
}

// Random JSON with card numbers at random places.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  struct Body {
    std::string text;
    std::vector<std::pair<size_t, size_t>> cards;  // where they stand
  };
  Body make() {
    body_ = {};
    indent_ = below(3) == 0;
    value(0);
    return std::move(body_);
  }
  size_t below(size_t bound) { return random_() % bound; }

 private:
  void put(std::string_view text) { body_.text += text; }
  void space(unsigned depth) {
    if (indent_) put("\n" + std::string(depth * 3, ' '));
    if (below(20) == 0) put(" \t\r\n");
  }
  void card(bool escapes) {
    static constexpr std::string_view kPans[] = {"4111111111111111", "5555555555554444", "6011111111111117",
                                                 "4012888888881881"};
    std::string_view pan = kPans[below(std::size(kPans))];
    std::string text(pan);
    if (escapes) text = kCodings[below(std::size(kCodings))].encode(pan);
    body_.cards.emplace_back(body_.text.size(), body_.text.size() + text.size());
    put(text);
  }
  void words() {
    static constexpr std::string_view kWords[] = {"lorem",
                                                  "ipsum",
                                                  "\\n",
                                                  "\\u00e9",
                                                  "\xC3\xA9",
                                                  "\xE4\xB8\xAD",
                                                  "\\\"",
                                                  "\\\\",
                                                  "12",
                                                  "2026-11-23",
                                                  "12:30",
                                                  "[x]",
                                                  "{y",
                                                  "a,b",
                                                  "\\ud83d\\ude00",
                                                  "\xF0\x9F\x98\x80",
                                                  "\xC2\xA0",
                                                  "\xE2\x80\x93",
                                                  "http://x/?y=1&z=2",
                                                  "7 8 9",
                                                  "\x7F"};
    for (size_t i = below(8); i != 0; --i) {
      put(kWords[below(std::size(kWords))]);
      put("_ ");
    }
  }
  void string() {
    put("\"");
    words();
    if (below(6) == 0) {
      put("x: ");
      card(true);
      put(" _ ");
      words();
    }
    put("\"");
  }
  void value(unsigned depth) {
    switch (below(depth > 4 ? 6 : 9)) {
      case 0:
        return put(below(2) == 0 ? "null" : below(2) == 0 ? "true" : "false");
      case 1:
        if (below(4) == 0) return card(false);
        return put(std::to_string(below(1u << 30)));
      case 2:
        return put("-" + std::to_string(below(1000)) + "." + std::to_string(below(1u << 30)) + "e-7");
      case 3:
        return put("1700000" + std::to_string(100000 + below(800000)));
      case 4:
      case 5:
        return string();
      case 6: {
        put("[");
        for (size_t i = below(6); i != 0; --i) {
          space(depth + 1);
          value(depth + 1);
          if (i != 1) put(",");
        }
        space(depth);
        return put("]");
      }
      default: {
        static constexpr std::string_view kNames[] = {
            "id",      "name",       "data", "a_rather_long_name_of_a_field",
            "\\u0062", "items",      "x y",  "\xC3\xA9t\xC3\xA9",
            "",        "created_at", "tags", "v"};
        put("{");
        bool first = true;
        for (size_t i = below(7); i != 0; --i) {
          if (!first) put(",");
          first = false;
          space(depth + 1);
          put("\"");
          if (below(12) == 0) {
            put("card_number\"");
            put(indent_ ? ": " : ":");
            const bool text = below(3) != 0;
            if (text) put("\"");
            card(text);
            if (text) put("\"");
            continue;
          }
          if (below(15) == 0) {
            card(true);
          } else {
            put(kNames[below(std::size(kNames))]);
          }
          put(below(9) == 0 ? "\" :" : "\":");
          if (indent_) put(" ");
          value(depth + 1);
        }
        space(depth);
        return put("}");
      }
    }
  }

  std::minstd_rand random_;
  bool indent_ = false;
  Body body_;
};

void random_bodies(void**) {
  size_t cards = 0;
  for (uint32_t seed = 1; seed <= 3000; ++seed) {
    Generator generator(seed);
    Generator::Body body = generator.make();
    cards += body.cards.size();
    const Policy policy = Rig::get().policy();
    Run whole = run_body(policy, kJson, body.text, 0);
    if (whole.verdict.refused()) fail_msg("seed %u: refused: %s", seed, whole.verdict.problem_json().c_str());
    if (whole.events.size() != body.cards.size()) {
      fail_msg("seed %u: %zu found, %zu hidden in %s", seed, whole.events.size(), body.cards.size(),
               body.text.c_str());
    }
    if (whole.out.size() != body.text.size()) fail_msg("seed %u: size", seed);
    std::string in = body.text;
    std::string out = whole.out;
    for (const auto& [begin, end] : body.cards) {
      if (in.compare(begin, end - begin, out, begin, end - begin) == 0)
        fail_msg("seed %u: a card stays", seed);
      in.replace(begin, end - begin, end - begin, '#');
      out.replace(begin, end - begin, end - begin, '#');
    }
    if (in != out) fail_msg("seed %u: changed elsewhere: %s", seed, whole.out.c_str());
    Run again = run_body(policy, kJson, whole.out, 0);
    if (again.out != whole.out || !again.verdict.first_token.empty()) fail_msg("seed %u: not clean", seed);
    for (size_t chunk : {size_t{1}, size_t{2} + generator.below(40), size_t{64} + generator.below(400)}) {
      Run cut = run_body(policy, kJson, body.text, chunk);
      if (cut.out != whole.out || cut.events != whole.events)
        fail_msg("seed %u, pieces of %zu: other outcome", seed, chunk);
    }
  }
  assert_true(cards > 2000);
}

// Broken bodies: bytes of good ones deleted, doubled or replaced. Nothing of them is lost, whatever the
// pieces.
void broken_bodies(void**) {
  constexpr std::string_view kBytes = "\"\\{}[],:'/*\n\x01\xC3 u";
  for (uint32_t seed = 1; seed <= 2000; ++seed) {
    Generator generator(seed);
    std::string in = generator.make().text;
    for (size_t i = 1 + generator.below(4); i != 0 && !in.empty(); --i) {
      const size_t at = generator.below(in.size());
      switch (generator.below(4)) {
        case 0:
          in.erase(at, 1);
          break;
        case 1:
          in.insert(at, 1, in[at]);
          break;
        case 2:
          in[at] = kBytes[generator.below(kBytes.size())];
          break;
        default:
          in.resize(at);
          break;
      }
    }
    const Policy policy = Rig::get().policy();
    Run whole = run_body(policy, kJson, in, 0);
    int64_t offset = malformed_at(run_required(kJson, in, 0, false));
    for (size_t chunk : {size_t{1}, size_t{2} + generator.below(40), size_t{64} + generator.below(400)}) {
      Run cut = run_body(policy, kJson, in, chunk);
      if (cut.verdict.refused() != whole.verdict.refused())
        fail_msg("seed %u, pieces of %zu: verdict: %s", seed, chunk, in.c_str());
      if (whole.verdict.refused()) continue;  // and nothing of the rest was read
      const int64_t cut_offset = malformed_at(run_required(kJson, in, chunk, true));
      if (cut_offset != offset) {
        fail_msg("seed %u, pieces of %zu: malformed at %d, not %d of %zu: %s", seed, chunk,
                 static_cast<int>(cut_offset), static_cast<int>(offset), in.size(), in.c_str());
      }
      if (cut.out != whole.out || cut.events != whole.events)
        fail_msg("seed %u, pieces of %zu: %s", seed, chunk, in.c_str());
    }
    if (whole.verdict.refused()) continue;
    assert_int_equal(whole.out.size(), in.size());
    Run again = run_body(policy, kJson, whole.out, 0);
    if (again.out != whole.out) fail_msg("seed %u: not clean: %s", seed, whole.out.c_str());
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(vectors),
      cmocka_unit_test(every_coding_in_every_place),
      cmocka_unit_test(values_at_every_cut),
      cmocka_unit_test(several_values_where_they_may_be),
      cmocka_unit_test(depth_has_an_end),
      cmocka_unit_test(long_values_flow),
      cmocka_unit_test(names_are_told_apart_by_their_path),
      cmocka_unit_test(numbers_of_every_issuer),
      cmocka_unit_test(random_bodies),
      cmocka_unit_test(broken_bodies),
  };
  return cmocka_run_group_tests_name("json", tests, nullptr, nullptr);
}
