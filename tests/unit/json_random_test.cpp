// The JSON filter with bodies that nobody thought of: remembered names, every issuer, random and broken JSON.
#include <random>

#include "src/issuer.h"
#include "tests/unit/json_codings.h"

namespace cardscrub {
namespace {

using testing::kChunkSizes;
using testing::kJson;
using testing::kJsonCodings;
using testing::kLines;
using testing::malformed_at;
using testing::Rig;
using testing::Run;
using testing::run_body;
using testing::run_required;

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
    if (escapes) text = kJsonCodings[below(std::size(kJsonCodings))].encode(pan);
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
      cmocka_unit_test(names_are_told_apart_by_their_path),
      cmocka_unit_test(numbers_of_every_issuer),
      cmocka_unit_test(random_bodies),
      cmocka_unit_test(broken_bodies),
  };
  return cmocka_run_group_tests_name("json_random", tests, nullptr, nullptr);
}
