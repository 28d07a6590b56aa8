// The JSON filter: names and values in every encoding, what is no JSON, and bounded memory, at every cut.
#include "filters/json.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/json_codings.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::escapes;
using testing::grouped;
using testing::JsonCoding;
using testing::kChunkSizes;
using testing::kJson;
using testing::kJsonCodings;
using testing::kLines;
using testing::kVisa;
using testing::malformed_at;
using testing::Rig;
using testing::Run;
using testing::run_body;
using testing::run_required;
using testing::visa;

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
        Run run = run_body(Rig::get().policy(), kJson, in, chunk, {.separate_end = separate_end});
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
      Run run = run_body(policy, c.type, c.in, chunk, {.separate_end = separate_end});
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
    for (const JsonCoding& coding : kJsonCodings) {
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
      {"masks with spaces, no JSON behind",
       kJson,
       R"({""300052 ****3189""cvv":)",
       R"({""300052 ****3189""cvv":)",
       {}},
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

// Values that are texts of another kind; '~' is a code of three digits, '@' a number.
std::string filled(std::string_view text, std::string_view number, std::string_view code) {
  std::string out;
  for (char c : text) {
    if (c == '@') {
      out += number;
    } else if (c == '~') {
      out += code;
    } else {
      out += c;
    }
  }
  return out;
}

void texts_inside(void**) {
  const struct {
    const char* name;
    std::string_view in;
  } cases[] = {
      {"form", R"({"body":"card_number=@&cvv=~&x=1"})"},
      {"form, a code only", R"({"body":"cvv=~"})"},
      {"form, in a long body",
       R"({"a":{"long":"","more":["","",1,2,3,true]},"body":"x=&cvv=~","z":[{"cvv":"~"}]})"},
      {"form, white space in front", R"({"body":" \n a=1&cvv=~"})"},
      {"form, in a list", R"(["a=1&cvv=~",["cvc=~"]])"},
      {"form, percent-encoded", R"({"body":"c%76v=~&n=%20@"})"},
      {"form, name with escapes", R"({"body":"c\u0076v=~"})"},
      {"form, = with an escape", R"({"body":"cvv\u003d~"})"},
      {"form, first character an escape", R"({"body":"\u0063vv=~"})"},
      {"form, brackets", R"({"body":"card[number]=@&card[cvc]=~"})"},
      {"form, semicolon", R"({"body":"a=1;cvv=~"})"},
      {"form, pairs", R"({"body":"f[0][name]=cvv&f[0][value]=~"})"},
      {"form, under a name that is not certain", R"({"code":"a=1&cvv=~"})"},
      {"form, in JSON in a string", R"({"p":"{\"body\":\"a=1&cvv=~\"}"})"},
      {"GraphQL", R"({"query":"mutation {pay(number: \"@\", cvv: \"~\") {id}}"})"},
      {"GraphQL, members spread", R"({ "query" : "mutation {pay(cvv: \"~\")}" , "x" : 1 })"},
      {"GraphQL, operation with a name", R"({"query":"mutation Pay {pay(card: {cvc: \"~\"}) {id}}"})"},
      {"GraphQL, block string", R"({"query":"mutation {pay(cvv: \"\"\"~\"\"\")}"})"},
      {"GraphQL, line feeds", R"({"query":"mutation {\n  pay(\n    cvv: \"~\"\n  )\n}"})"},
      {"GraphQL, comment in front", R"({"query":"# pays\nmutation {pay(cvv: \"~\")}"})"},
      {"GraphQL, without a word", R"({"query":"{pay(cvv: \"~\")}"})"},
      {"GraphQL, alias", R"({"query":"query {a: pay(x: 1 cvv: \"~\") b: pay(cvv: \"~\")}"})"},
      {"GraphQL, in a list", R"([{"query":"{a}"},{"query":"mutation{pay(cvv:\"~\")}"}])"},
      {"GraphQL, variables",
       R"({"query":"mutation P($cvv: String!) {pay(cvv: $cvv, exp: $exp)}","variables":{"cvv":"~"}})"},
  };
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  for (const auto& c : cases) {
    check(policy, {c.name, kJson, filled(c.in, kVisa, "739"), filled(c.in, visa(), "***"), {}});
  }
}

// GraphQL's numbers end in front of a bracket, its variables are no values, and what is only called query is
// a text.
void graphql(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string_view type = "application/graphql";
  const std::string t = visa();
  const std::string spaces(300, ' ');
  const Case cases[] = {
      {"numbers", type, "{pay(cvv: 739)}", "{pay(cvv: 999)}", {"code unknown mask 10+3 cvv"}},
      {"no commas",
       type,
       "{pay(number: 4111111111111111 cvv: 739) {id}}",
       "{pay(number: " + t + " cvv: 999) {id}}",
       {}},
      {"aliases", type, "{a: pay(cvv: 739) b: pay(cvv:456)}", "{a: pay(cvv: 999) b: pay(cvv:999)}", {}},
      {"variables",
       type,
       "mutation P($cvv: Int!, $n: String) {pay(card: {cvv: $cvv, number: $n, exp: $e}) {id}}",
       "mutation P($cvv: Int!, $n: String) {pay(card: {cvv: $cvv, number: $n, exp: $e}) {id}}",
       {}},
      {"literals",
       type,
       "{pay(cvv: null, x: true) {cvv number}}",
       "{pay(cvv: null, x: true) {cvv number}}",
       {}},
      {"block string", type, "{pay(cvv: \"\"\"739\"\"\", x: 1)}", "{pay(cvv: \"\"\"***\"\"\", x: 1)}", {}},
      {"quotes where none should be",
       type,
       "{r\"\"\"\"&4111 1111 1111 1111" + spaces,
       "{r\"\"\"\"&" + grouped(t, " ") + spaces,
       {"pan visa tokenize 7+19 "}},
      {"no code", type, "{pay(cvv: \"later\")}", "", {}},
      {"two cards",
       type,
       "{a: pay(cvv: 739 cardNumber: \"4111111111111111\") b: pay(cvv: 4567 cardNumber: "
       "\"378282246310005\")}",
       "{a: pay(cvv: 999 cardNumber: \"" + t + "\") b: pay(cvv: 9999 cardNumber: \"" +
           Rig::get().token("378282246310005") + "\")}",
       {}},
      {"other arguments beside a card's",
       type,
       "{pay(cvv: 739) {id(number: 7)} list(code: 13 number: 7 month: 13)}",
       "{pay(cvv: 999) {id(number: 7)} list(code: 13 number: 7 month: 13)}",
       {}},
      {"a card in arguments",
       type,
       "{pay(x: [{y: 1}] card: {number: \"4111111111111111\" code: 739}, z: $z) {id}}",
       "{pay(x: [{y: 1}] card: {number: \"" + t + "\" code: 999}, z: $z) {id}}",
       {"pan visa tokenize 33+16 card.number", "code visa mask 57+3 card.code"}},
      {"fields behind aliases",
       type,
       "{cvv: pay(id: 739) {card_code: code(of: 1) number: lastFour}}",
       "{cvv: pay(id: 739) {card_code: code(of: 1) number: lastFour}}",
       {}},
      {"block strings, no commas",
       type,
       "{pay(a: \"\"\"x\"y\"\"\"\ncvv: \"\"\"\n 739\n\"\"\" b: \"\"\"\"\"\" cvc: 456)}",
       "{pay(a: \"\"\"x\"y\"\"\"\ncvv: \"\"\"\n ***\n\"\"\" b: \"\"\"\"\"\" cvc: 999)}",
       {}},
      {"block strings, quotes in them",
       type,
       "{pay(a: \"\"\"x \\\"\"\" cvv: 739 \\\"\"\"\"\"\" cvv: 739)}",
       "{pay(a: \"\"\"x \\\"\"\" cvv: 739 \\\"\"\"\"\"\" cvv: 999)}",
       {}},
      {"block strings, not in JSON", kJson, R"({"a":"","cvv":"739"})", R"({"a":"","cvv":"***"})", {}},
      {"comments",
       type,
       "# it's \"so\n{pay # a: {\n(cvv # :\n: # \"\n739 # (\n# cvv: 1\ncvc:456#)\n a: $b#\n)}#",
       "# it's \"so\n{pay # a: {\n(cvv # :\n: # \"\n999 # (\n# cvv: 1\ncvc:999#)\n a: $b#\n)}#",
       {}},
      {"a comment with a number", type, "{a # " + std::string(kVisa) + "\n}", "{a # " + t + "\n}", {}},
      {"a comment up to a carriage return", type, "{pay(#\rcvv: 739)}", "{pay(#\rcvv: 999)}", {}},
      {"commas anywhere", type, "{,a,,pay(,cvv,:,739,,),b}", "{,a,,pay(,cvv,:,999,,),b}", {}},
      {"white space first, escaped",
       kJson,
       R"({"query":"\n  mutation {pay(cvv:739)}"})",
       R"({"query":"\n  mutation {pay(cvv:999)}"})",
       {}},
      {"white space behind the word, escaped",
       kJson,
       R"({"query":"mutation\n{pay(cvv:739)}"})",
       R"({"query":"mutation\n{pay(cvv:999)}"})",
       {}},
      {"a word with escapes",
       kJson,
       R"({"query":"m\u0075tation {pay(cvv:739)}"})",
       R"({"query":"m\u0075tation {pay(cvv:999)}"})",
       {}},
      {"brackets everywhere", type, "((({)a)(:)(b(})){pay((cvv: 739)", "((({)a)(:)(b(})){pay((cvv: 999)", {}},
      {"numbers in JSON", kJson, R"({"query":"{pay(cvv:739)}"})", R"({"query":"{pay(cvv:999)}"})", {}},
      {"no escapes",
       kJson,
       R"({"query":"mutation {pay(cvv:739)}"})",
       R"({"query":"mutation {pay(cvv:999)}"})",
       {}},
      {"no escapes, in the middle",
       kJson,
       R"({"a":[)" + std::string(700, ' ') + R"({"query" : "mutation {pay(cvv:739)}"},1,2)" +
           std::string(700, ' ') + "]}",
       R"({"a":[)" + std::string(700, ' ') + R"({"query" : "mutation {pay(cvv:999)}"},1,2)" +
           std::string(700, ' ') + "]}",
       {}},
      {"a search", kJson, R"({"query":"query about cvv: 739"})", R"({"query":"query about cvv: 739"})", {}},
      {"another name",
       kJson,
       R"({"text":"mutation {pay(cvv: \"739\")}"})",
       R"({"text":"mutation {pay(cvv: \"739\")}"})",
       {}},
      {"another word",
       kJson,
       R"({"query":"queries {x(cvv:739)}"})",
       R"({"query":"queries {x(cvv:739)}"})",
       {}},
      {"a form", kJson, R"({"query":"query=1&cvv=739"})", R"({"query":"query=1&cvv=***"})", {}},
      {"no form",
       kJson,
       R"({"a":"x cvv=739","b":"?cvv=739","c":"4=1&cvv=739"})",
       R"({"a":"x cvv=739","b":"?cvv=739","c":"4=1&cvv=739"})",
       {}},
  };
  for (const Case& c : cases) check(policy, c);
}

// Payment providers write masks of their own, and what the issuer said of a code under its name.
void messages_of_providers(void**) {
  const Policy policy = Rig::get().policy();
  for (std::string_view in :
       {R"({"card_number":"XXXX-XXXX-XXXX-4242"})", R"({"card_number":"497010XXXXXX0014"})",
        R"({"card_number":"xxxx1111"})", R"({"card_number":"\u2022\u2022\u2022\u2022 4242"})",
        R"({"card_number":"\u25cf\u25cf\u25cf\u25cf\u25cf\u25cf\u25cf\u25cf 4242"})", R"({"cvv":"XXX"})",
        R"({"processor_response":{"avs_code":"A","cvv_code":"M"}})", R"({"cvv2":" n "})"}) {
    check(policy, {in.data(), kJson, std::string(in), std::string(in), {}});
  }
  for (std::string_view in : {R"({"card_number":"XXXX-XXXX-42424242-4242"})", R"({"card_number":"XX4242"})",
                              R"({"card_number":"xxx4242"})", R"({"card_number":"XXXX42424"})",
                              R"({"cvv":"XX1"})", R"({"cvv":"MM"})", R"({"cvv":"1"})"}) {
    check(policy, {in.data(), kJson, std::string(in), "", {}});
  }
}

// JSON in a string of JSON, and that in a string again.
void written_twice(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const auto twice = [](std::string_view code) {
    return "\"" + in_quotes(R"({"n":"4111","cvv":")" + std::string(code) + "\"}") + "\"";
  };
  const auto thrice = [&](std::string_view code) { return "\"" + in_quotes(twice(code)) + "\""; };
  const auto member = [&](std::string_view code) { return R"({"a":)" + thrice(code) + ",\"b\":1}"; };
  const Case cases[] = {
      {"twice", kJson, twice("739"), twice("***"), {}},
      {"three times", kJson, thrice("739"), thrice("***"), {}},
      {"in a member", kJson, member("739"), member("***"), {}},
      {"white space",
       kJson,
       R"({"a":" \" [{\\\"cvv\\\":739}]\""})",
       R"({"a":" \" [{\\\"cvv\\\":999}]\""})",
       {}},
      {"in a form",
       "application/x-www-form-urlencoded",
       "d=%22%7B%5C%22cvv%5C%22%3A%5C%22739%5C%22%7D%22",
       "d=%22%7B%5C%22cvv%5C%22%3A%5C%22***%5C%22%7D%22",
       {}},
      {"a quotation",
       kJson,
       R"({"a":"\"{x}: cvv 739\" he said","cvv":739})",
       R"({"a":"\"{x}: cvv 739\" he said","cvv":999})",
       {}},
      {"a quotation, no bracket", kJson, R"({"a":"\"cvv:739\""})", R"({"a":"\"cvv:739\""})", {}},
  };
  for (const Case& c : cases) check(policy, c);
}

// Text that only looks like a form: what cannot be card data is no error.
void guessed_forms(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = visa();
  for (std::string_view text : {"cvv=?",
                                "cvv=%s",
                                "cvv=$1",
                                "cvv=:cvv",
                                "cvv=true",
                                "cvv=M",
                                "cvv=12345",
                                "cvv=",
                                "cvv=[FILTERED]&a=1",
                                "card_number={{ number }}&cvv={{ cvv }}",
                                "card_number=? AND id=7",
                                "card_number=[FILTERED] id=20261127",
                                "card_no=12",
                                "card_code=GIFT2024",
                                "cc_code=USD",
                                "card.number=5",
                                "card.month=13",
                                "card_exp=never",
                                "exp=1700000000&cvv=M",
                                "name=cvv&value=12px",
                                R"(cvv={\"a\":1})",
                                "security_code=none&month=0"}) {
    const std::string in = "{\"a\":\"" + std::string(text) + "\"}";
    check(policy, {text.data(), kJson, in, in, {}});
  }
  const Case cases[] = {
      {"a form", kJson, R"({"a":"x=?&cvv=739&b=1"})", R"({"a":"x=?&cvv=***&b=1"})", {}},
      {"'&' in front of each pair", kJson, R"({"a":"&b=1&cvv=739"})", R"({"a":"&b=1&cvv=***"})", {}},
      {"'&' as an escape",
       kJson,
       R"({"a":"\u0026b=1\u0026cvv=739"})",
       R"({"a":"\u0026b=1\u0026cvv=***"})",
       {}},
      {"a space in the first name", kJson, R"({"a":"b+c=1&cvv=739"})", R"({"a":"b+c=1&cvv=***"})", {}},
      {"'&' in a form in a form",
       "application/x-www-form-urlencoded",
       "a=%26b%2Bc%3D1%26cvv%3D739",
       "a=%26b%2Bc%3D1%26cvv%3D***",
       {}},
      {"JSON in it", kJson, R"({"a":"cvv={\"cvv\":\"739\"}"})", R"({"a":"cvv={\"cvv\":\"***\"}"})", {}},
      {"number and code",
       kJson,
       R"({"a":"card_number=4111111111111111&cvv=739"})",
       R"({"a":"card_number=)" + t + R"(&cvv=***"})",
       {}},
      {"a number behind text",
       kJson,
       R"({"a":"card_number=no: 4111111111111111"})",
       R"({"a":"card_number=no: )" + t + R"("})",
       {}},
      {"far behind",
       kJson,
       R"({"a":"card_number=)" + std::string(3000, 'x') + R"( 4111111111111111"})",
       R"({"a":"card_number=)" + std::string(3000, 'x') + " " + t + R"("})",
       {}},
      {"text behind a code", kJson, R"({"a":"cvv=739 exp=12/30"})", "", {}},
      {"far behind a code", kJson, R"({"a":"cvv=739 )" + std::string(3000, 'x') + R"("})", "", {}},
      {"a code in quotes", kJson, R"({"a":"cvv='739'"})", "", {}},
      {"text behind a number", kJson, R"({"a":"card_number=4111111111111111 cvv=739"})", "", {}},
      {"a mistyped number", kJson, R"({"a":"card_number=4111 1111 1111 1112"})", "", {}},
      {"a form that says so", "application/x-www-form-urlencoded", "a=1&cvv=%3F", "", {}},
      {"a form in a form",
       "application/x-www-form-urlencoded",
       "a=x%3D1%26cvv%3D%3F%26cvc%3D739",
       "a=x%3D1%26cvv%3D%3F%26cvc%3D***",
       {}},
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

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(vectors),
      cmocka_unit_test(every_coding_in_every_place),
      cmocka_unit_test(values_at_every_cut),
      cmocka_unit_test(texts_inside),
      cmocka_unit_test(graphql),
      cmocka_unit_test(messages_of_providers),
      cmocka_unit_test(written_twice),
      cmocka_unit_test(guessed_forms),
      cmocka_unit_test(several_values_where_they_may_be),
      cmocka_unit_test(depth_has_an_end),
      cmocka_unit_test(long_values_flow),
  };
  return cmocka_run_group_tests_name("json", tests, nullptr, nullptr);
}
