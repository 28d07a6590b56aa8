// The XML filter on random documents, with expat as the judge of what an application reads; on random markup;
// and on long constructs of every kind.
#include <expat.h>

#include <random>

#include "filters/xml.h"
#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::grouped;
using testing::reasons;
using testing::Rig;
using testing::Run;
using testing::run_filter;

constexpr std::string_view kVisa = "4111111111111111";

Run run_xml(const Policy& policy, std::string_view in, size_t chunk) {
  return run_filter(*make_xml_filter(0), policy, in, chunk);
}

struct Reading {
  bool well_formed = true;
  std::vector<std::string> events;  // "<name", "@name=value", ">name", "text"
};

// What an application with expat reads, adjacent texts joined.
Reading read_by_expat(const std::string& document) {
  Reading reading;
  XML_Parser parser = XML_ParserCreate(nullptr);
  XML_SetUserData(parser, &reading);
  XML_SetElementHandler(
      parser,
      [](void* data, const XML_Char* name, const XML_Char** attributes) {
        auto& events = static_cast<Reading*>(data)->events;
        events.push_back(std::string("<") + name);
        for (; *attributes != nullptr; attributes += 2) {
          events.push_back(std::string("@") + attributes[0] + "=" + attributes[1]);
        }
      },
      [](void* data, const XML_Char* name) {
        static_cast<Reading*>(data)->events.push_back(std::string(">") + name);
      });
  XML_SetCharacterDataHandler(parser, [](void* data, const XML_Char* text, int size) {
    auto& events = static_cast<Reading*>(data)->events;
    if (events.empty() || !events.back().starts_with("\"")) events.emplace_back("\"");
    events.back().append(text, static_cast<size_t>(size));
  });
  reading.well_formed =
      XML_Parse(parser, document.data(), static_cast<int>(document.size()), 1) == XML_STATUS_OK;
  XML_ParserFree(parser);
  return reading;
}

class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}

  std::string document() {
    std::string out;
    if (chance(3)) out += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    misc(&out);
    if (chance(4)) out += "<!DOCTYPE a [<!ELEMENT a ANY><!-- it's --> <?p '?>]>";
    element(&out, 0);
    misc(&out);
    return out;
  }

  size_t pick(size_t count) { return static_cast<size_t>(random_()) % count; }

 private:
  bool chance(size_t in) { return pick(in) == 0; }

  void misc(std::string* out) {
    if (chance(4)) *out += "<!-- " + std::string(chance(2) ? "some - words" : kVisa) + " -->";
    if (chance(4)) *out += "<?p q='>'?>";
    if (chance(4)) *out += "\r\n";
  }

  std::string pan() {
    static constexpr std::string_view kPans[] = {"4111111111111111", "5555555555554444", "378282246310005",
                                                 "6011111111111117"};
    return std::string(kPans[pick(std::size(kPans))]);
  }

  std::string characters(std::string_view text, bool attribute) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      switch (pick(24)) {
        case 0:
          out += "&#" + std::to_string(static_cast<int>(c)) + ";";
          continue;
        case 1:
          out += hex_reference(c);
          continue;
        case 2:
          if (!attribute) out += "<!--" + std::string(chance(2) ? " a " : "") + "-->";
          break;
        case 3:
          if (!attribute) {
            out += std::string("<![CDATA[") + c + "]]>";
            continue;
          }
          break;
        case 4:
          if (!attribute) out += "<?x y?>";
          break;
        default:
          break;
      }
      out += c;
    }
    return out;
  }

  static std::string hex_reference(char c) {
    char buffer[16];
    std::snprintf(buffer, sizeof(buffer), "&#x%02X;", static_cast<unsigned>(c));
    return buffer;
  }

  std::string text(bool attribute) {
    switch (pick(5)) {
      case 0:
        return characters("; " + pan() + ";", attribute);
      case 1:
        return characters("pay " + grouped(pan(), chance(2) ? " " : "-") + " now.", attribute);
      case 2:
        return "caf\xC3\xA9 \xE2\x82\xAC 12345 &lt;&amp;&gt;";
      case 3:
        return attribute ? "a > b" : "a > b <![CDATA[<x>&]]>";
      default:
        return std::string(pick(30), 'z');
    }
  }

  void element(std::string* out, int level) {
    static constexpr std::string_view kNames[] = {"a", "card_number", "ns:note", "card", "item", "x-y.z"};
    std::string name(kNames[pick(std::size(kNames))]);
    const bool named = name == "card_number";
    *out += "<" + name;
    if (!named && chance(2)) {
      *out += " id" + std::string(chance(3) ? " = " : "=") +
              (chance(2) ? "\"" + text(true) + "\"" : "'" + text(true) + "'");
    }
    if (chance(8)) {
      *out += "/>";
      return;
    }
    *out += ">";
    if (named) {
      *out += characters(pan(), false);
    } else {
      for (size_t i = pick(4); i > 0; --i) {
        if (chance(2) && level < 5) {
          element(out, level + 1);
        } else {
          *out += text(false);
          if (chance(3)) misc(out);
        }
      }
    }
    *out += "</" + name + ">";
  }

  std::mt19937 random_;
};

std::string compact(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != ' ' && c != '-') out += c;
  }
  return out;
}

// Every number that an application would read has become its token; nothing else has changed for it.
void random_documents(void**) {
  const Policy policy = Rig::get().policy();
  static constexpr std::string_view kPans[] = {"4111111111111111", "5555555555554444", "378282246310005",
                                               "6011111111111117"};
  size_t found = 0;
  for (uint32_t seed = 1; seed <= 1500; ++seed) {
    Writer writer(seed);
    const std::string in = writer.document();
    Run whole = run_xml(policy, in, 0);
    if (whole.verdict.refused())
      fail_msg("seed %u: %s\n%s", seed, reasons(whole.verdict).c_str(), in.c_str());
    Reading before = read_by_expat(in);
    Reading after = read_by_expat(whole.out);
    if (!before.well_formed || !after.well_formed)
      fail_msg("seed %u: not well-formed\n%s\n%s", seed, in.c_str(), whole.out.c_str());
    if (before.events.size() != after.events.size()) fail_msg("seed %u: %s", seed, whole.out.c_str());
    for (size_t i = 0; i < before.events.size(); ++i) {
      std::string want = compact(before.events[i]);
      for (std::string_view pan : kPans) {
        for (size_t at = 0; (at = want.find(pan, at)) != std::string::npos; at += pan.size()) {
          const bool alone =
              (at + pan.size() == want.size() || !is_digit(static_cast<uint8_t>(want[at + pan.size()]))) &&
              !is_digit(static_cast<uint8_t>(want[at - 1]));
          if (!alone) continue;
          want.replace(at, pan.size(), Rig::get().token(pan));
          ++found;
        }
      }
      if (compact(after.events[i]) != want) {
        fail_msg("seed %u: %s became %s\n%s", seed, before.events[i].c_str(), after.events[i].c_str(),
                 in.c_str());
      }
    }
    const size_t chunk = 1 + writer.pick(40);
    Run cut = run_xml(policy, in, chunk);
    if (cut.out != whole.out ||
        testing::without_places(cut.events) != testing::without_places(whole.events)) {
      fail_msg("seed %u, chunk %zu: %s\n%s", seed, chunk, whole.out.c_str(), cut.out.c_str());
    }
  }
  assert_true(found > 1000);
}

// Markup in any order: no crash, the same at every cut, settled after the first time.
void random_markup(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  policy.invalid = Action::kMask;
  std::mt19937 random(5);
  static constexpr std::string_view kPieces[] = {"<",
                                                 ">",
                                                 "/",
                                                 "</",
                                                 "/>",
                                                 "<a",
                                                 "<a>",
                                                 "</a>",
                                                 "<cvv>",
                                                 "</cvv>",
                                                 "=",
                                                 "\"",
                                                 "'",
                                                 " ",
                                                 "\n",
                                                 "<!--",
                                                 "-->",
                                                 "--",
                                                 "<?",
                                                 "?>",
                                                 "<![CDATA[",
                                                 "]]>",
                                                 "]",
                                                 "<!DOCTYPE",
                                                 "[",
                                                 "&",
                                                 "&#52;",
                                                 "&#x34;",
                                                 "&#",
                                                 ";",
                                                 "&nbsp;",
                                                 "4111111111111111",
                                                 "4111",
                                                 "1111",
                                                 "11111111",
                                                 "123",
                                                 "card_number",
                                                 "card_number='",
                                                 "x",
                                                 "\xC2\xA0",
                                                 "\xEF\xBC\x94",
                                                 "\xC2",
                                                 "{",
                                                 "\"cvv\":",
                                                 ":",
                                                 "!",
                                                 "-"};
  for (int round = 0; round < 4000; ++round) {
    std::string in;
    for (size_t k = random() % 30 + 1; k > 0; --k) in += kPieces[random() % std::size(kPieces)];
    if (round % 2 == 0) in = "<r>" + in;
    Run whole = run_xml(policy, in, 0);
    for (size_t chunk : {size_t{1}, size_t{3}, size_t{7}, size_t{random() % 30 + 1}}) {
      Run cut = run_xml(policy, in, chunk);
      if (reasons(cut.verdict) != reasons(whole.verdict)) {
        fail_msg("round %d, chunk %zu: %s\n%s", round, chunk, in.c_str(), reasons(cut.verdict).c_str());
      }
      if (whole.verdict.refused()) continue;
      if (cut.out != whole.out)
        fail_msg("round %d, chunk %zu:\n%s\n%s\n%s", round, chunk, in.c_str(), whole.out.c_str(),
                 cut.out.c_str());
    }
    if (whole.verdict.refused()) continue;
    assert_int_equal(whole.out.size(), in.size());
    Run again = run_xml(policy, whole.out, 0);
    if (again.verdict.refused() || again.out != whole.out)
      fail_msg("round %d, again:\n%s\n%s\n%s", round, in.c_str(), whole.out.c_str(), again.out.c_str());
  }
}

// Long constructs of every kind go through a small window.
void long_documents(void**) {
  const Policy policy = Rig::get().policy();
  const std::string filler = [] {
    std::string out;
    for (int i = 0; out.size() < 300000; ++i) out += "lorem ipsum " + std::to_string(i) + " ";
    return out;
  }();
  const std::string t = Rig::get().token(kVisa);
  const std::pair<const char*, const char*> shapes[] = {{"<a>", "</a>"},
                                                        {"<a b=\"", "\"/>"},
                                                        {"<a><!--", "--></a>"},
                                                        {"<a><![CDATA[", "]]></a>"},
                                                        {"<?p ", "?><a/>"},
                                                        {"<!DOCTYPE a [<!--", "-->]><a/>"},
                                                        {"<!DOCTYPE a \"", "\"><a/>"},
                                                        {"<a>\xC2\xA0x", "</a>"},
                                                        {"<a 1 ", "></a>"}};
  for (const auto& [front, back] : shapes) {
    const std::string in = front + filler + std::string(kVisa) + " " + filler + back;
    const std::string out = front + filler + t + " " + filler + back;
    for (size_t chunk : {size_t{997}, size_t{8192}, size_t{0}}) {
      Run run = run_xml(policy, in, chunk);
      if (run.out != out) fail_msg("shape %s, chunk %zu: %s", front, chunk, reasons(run.verdict).c_str());
      if (chunk != 0 && run.largest_held > chunk + 1024)
        fail_msg("shape %s, chunk %zu: held %zu", front, chunk, run.largest_held);
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(random_documents), cmocka_unit_test(random_markup),
                              cmocka_unit_test(long_documents)};
  return cmocka_run_group_tests_name("xml_random", tests, nullptr, nullptr);
}
