// Decoded text: which characters count as digits and separators, and whether a digit can be written back.
#include "filters/decoded.h"

#include <algorithm>

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::exact_block;

// UTF-8 of a code point, written here once more so that it is not tested by itself.
std::string utf8(char32_t c) {
  std::string out;
  auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<uint8_t>(byte))); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 + c / 64);
    put(0x80 + c % 64);
  } else if (c < 0x10000) {
    put(0xE0 + c / 4096);
    put(0x80 + c / 64 % 64);
    put(0x80 + c % 64);
  } else {
    put(0xF0 + c / 262144);
    put(0x80 + c / 4096 % 64);
    put(0x80 + c / 64 % 64);
    put(0x80 + c % 64);
  }
  return out;
}

std::string shown(Decoded& decoded) {
  Text text = decoded.text();
  return {reinterpret_cast<const char*>(text.data), text.size};
}

void separators_and_letters(void**) {
  const struct {
    const char* name;
    char32_t code_point;
    const char* text;
  } cases[] = {
      {"letter", 'a', "a"},
      {"tab stays", '\t', "\t"},
      {"line feed stays", '\n', "\n"},
      {"no-break space", 0xA0, " "},
      {"soft hyphen", 0xAD, "-"},
      {"ogham space", 0x1680, " "},
      {"en quad", 0x2000, " "},
      {"hair space", 0x200A, " "},
      {"zero width space", 0x200B, " "},
      {"right-to-left mark", 0x200F, " "},
      {"left-to-right override", 0x202D, " "},
      {"line separator stays", 0x2028, "\xE2\x80\xA8"},
      {"word joiner", 0x2060, " "},
      {"pop directional isolate", 0x2069, " "},
      {"vowel separator", 0x180E, " "},
      {"byte order mark", 0xFEFF, " "},
      {"hyphen", 0x2010, "-"},
      {"horizontal bar", 0x2015, "-"},
      {"double line stays", 0x2016, "\xE2\x80\x96"},
      {"narrow no-break space", 0x202F, " "},
      {"mathematical space", 0x205F, " "},
      {"minus", 0x2212, "-"},
      {"ideographic space", 0x3000, " "},
      {"small em dash", 0xFE58, "-"},
      {"small hyphen", 0xFE63, "-"},
      {"full-width hyphen", 0xFF0D, "-"},
      {"full-width full stop", 0xFF0E, "."},
      {"full-width solidus stays", 0xFF0F, "\xEF\xBC\x8F"},
      {"full-width colon stays", 0xFF1A, "\xEF\xBC\x9A"},
      {"superscript two is no decimal digit", 0xB2, "\xC2\xB2"},
      {"umlaut", 0xE4, "\xC3\xA4"},
      {"emoji", 0x1F600, "\xF0\x9F\x98\x80"},
      {"lone surrogate", 0xD835, "\xED\xA0\xB5"},
      {"last code point", 0x10FFFF, "\xF4\x8F\xBF\xBF"},
  };
  for (const auto& c : cases) {
    Decoded decoded;
    add_code_point(&decoded, c.code_point, {7, Form::kHex});
    if (shown(decoded) != c.text) fail_msg("case: %s: %s", c.name, shown(decoded).c_str());
    for (size_t i = 0; i < decoded.size(); ++i) {
      Unit unit = decoded.text().unit(i);
      if (unit.at != 7 || unit.form != Form::kFixed) fail_msg("case: %s: unit %zu", c.name, i);
    }
  }
}

// The zeros of every script that Unicode 16.0 has decimal digits of, counted out in ranges of the code
// charts.
constexpr char32_t kZeros[] = {
    U'0',    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,  0x0C66,
    0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,  0x1090,  0x17E0,  0x1810,  0x1946,
    0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,
    0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0,
    0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0};

std::string hex_of(char32_t c) {
  char out[16];
  if (c < 0x10000) {
    std::snprintf(out, sizeof out, "\\u%04X", static_cast<unsigned>(c));
  } else {
    std::snprintf(out, sizeof out, "\\u%04X\\u%04X", static_cast<unsigned>(0xD800 + ((c - 0x10000) >> 10)),
                  static_cast<unsigned>(0xDC00 + ((c - 0x10000) & 0x3FF)));
  }
  return out;
}

// Hexadecimal digits that are letters may come in either case.
std::string upper(Bytes bytes, bool escape) {
  std::string out(bytes.begin(), bytes.end());
  for (char& c : out) {
    if (escape && c >= 'a' && c <= 'f') c = static_cast<char>(c - 32);
  }
  return out;
}

// Every digit of every script becomes every other one, in UTF-8 and as an escape.
void digits_of_every_script(void**) {
  for (char32_t zero : kZeros) {
    for (unsigned old = 0; old < 10; ++old) {
      for (bool escape : {false, true}) {
        std::string wire = escape ? hex_of(zero + old) : utf8(zero + old);
        Decoded decoded;
        add_code_point(&decoded, zero + old, {wire.size() - 1, escape ? Form::kHex : Form::kByte});
        if (decoded.size() != 1 || decoded.text().data[0] != '0' + old)
          fail_msg("U+%04X", static_cast<unsigned>(zero + old));
        Unit unit = decoded.text().unit(0);
        bool star = zero == U'0' || zero == 0xFF10;
        if (!writable(unit, false) || writable(unit, true) != star)
          fail_msg("U+%04X: form", static_cast<unsigned>(zero + old));
        for (unsigned now = 0; now < 10; ++now) {
          auto block = exact_block(wire);
          write_digit({block.get(), 0, wire.size()}, unit, static_cast<int>(old), static_cast<int>(now));
          std::string written = upper({block.get(), wire.size()}, escape);
          if (written != (escape ? hex_of(zero + now) : utf8(zero + now))) {
            fail_msg("U+%04X -> %u: %s", static_cast<unsigned>(zero + old), now, written.c_str());
          }
        }
        if (!star) continue;
        auto block = exact_block(wire);
        write_digit({block.get(), 0, wire.size()}, unit, static_cast<int>(old), kStar);
        assert_true(upper({block.get(), wire.size()}, escape) ==
                    (escape ? hex_of(zero - 6) : utf8(zero - 6)));
      }
      if (zero == U'0') continue;
      std::string wire = utf8(zero + old);
      auto block = exact_block(wire);
      assert_true(needs_normalising(block.get(), wire.size()));
      assert_int_equal(look_for_foreign(block.get(), wire.size()).digits, 1);
    }
    for (char32_t beside : {zero - 1, zero + 10}) {
      if (std::find(std::begin(kZeros), std::end(kZeros), beside) != std::end(kZeros)) continue;
      if (std::find(std::begin(kZeros), std::end(kZeros), beside - 9) != std::end(kZeros)) continue;
      Decoded decoded;
      add_code_point(&decoded, beside, {0, Form::kByte});
      Text text = decoded.text();
      if (zero != U'0' && text.size == 1 && is_digit(text.data[0]))
        fail_msg("U+%04X is no digit", static_cast<unsigned>(beside));
    }
  }
}

void other_forms(void**) {
  const struct {
    const char* name;
    char32_t code_point;
    Form in;
    Form out;
  } cases[] = {
      {"ASCII, decimal entity", '7', Form::kDecimal, Form::kDecimal},
      {"ASCII, low", '7', Form::kHexLow, Form::kHexLow},
      {"ASCII, fixed", '7', Form::kFixed, Form::kFixed},
      {"full-width, decimal entity", 0xFF17, Form::kDecimal, Form::kFixed},
      {"full-width, low", 0xFF17, Form::kHexLow, Form::kFixed},
      {"full-width, digit of a digit", 0xFF17, Form::kByteDigit, Form::kFixed},
      {"Devanagari, fixed", 0x0967, Form::kFixed, Form::kFixed},
  };
  for (const auto& c : cases) {
    Decoded decoded;
    add_code_point(&decoded, c.code_point, {3, c.in});
    if (decoded.text().unit(0).form != c.out) fail_msg("case: %s", c.name);
  }
}

void utf8_is_read_as_it_is_written(void**) {
  const struct {
    const char* name;
    std::string_view in;
    std::string_view out;
    std::string_view forms;  // b kByte, d kByteDigit, f kFixed, . any
  } cases[] = {
      {"empty", "", "", ""},
      {"ASCII", "a1 2", "a1 2", ".b.b"},
      {"no-break space",
       "1\xC2\xA0"
       "2",
       "1 2", "bfb"},
      {"full width", "\xEF\xBC\x94\xEF\xBC\x92", "42", "bb"},
      {"Arabic-Indic", "\xD9\xA4x", "4x", "d."},
      {"umlaut",
       "\xC3\xA4"
       "1",
       "\xC3\xA4"
       "1",
       "ffb"},
      {"stray continuation",
       "\x80"
       "1",
       "\x80"
       "1",
       "fb"},
      {"overlong slash",
       "\xC0\xAF"
       "1",
       "\xC0\xAF"
       "1",
       "ffb"},
      {"overlong digit is none", "\xE0\x80\xB4", "\xE0\x80\xB4", "fff"},
      {"surrogate", "\xED\xA0\x80", "\xED\xA0\x80", "fff"},
      {"beyond U+10FFFF", "\xF4\x90\x80\x80", "\xF4\x90\x80\x80", "ffff"},
      {"cut off", "1\xEF\xBC", "1\xEF\xBC", "bff"},
      {"cut off by ASCII",
       "\xEF\xBC"
       "4",
       "\xEF\xBC"
       "4",
       "ffb"},
      {"cut off by a digit", "\xEF\xEF\xBC\x94",
       "\xEF"
       "4",
       "fb"},
      {"long ASCII in front", "0123456789012345678901234567890123456789\xEF\xBC\x94",
       "01234567890123456789012345678901234567894", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
  };
  for (const auto& c : cases) {
    auto block = exact_block(c.in);
    Decoded decoded;
    decode_utf8(Text::plain({block.get(), 100, c.in.size()}, 100, 100 + c.in.size()), &decoded);
    if (shown(decoded) != c.out) fail_msg("case: %s: %s", c.name, shown(decoded).c_str());
    uint64_t before = 0;
    for (size_t i = 0; i < decoded.size(); ++i) {
      Unit unit = decoded.text().unit(i);
      Form form = c.forms[i] == 'b' ? Form::kByte : c.forms[i] == 'd' ? Form::kByteDigit : Form::kFixed;
      if (c.forms[i] != '.' && unit.form != form) fail_msg("case: %s: form of unit %zu", c.name, i);
      if (unit.at < before || unit.at < 100 || unit.at >= 100 + c.in.size())
        fail_msg("case: %s: place of unit %zu", c.name, i);
      before = unit.at;
    }
    // Twice decoded is once decoded: the places survive.
    Decoded again;
    decode_utf8(decoded.text(), &again);
    if (shown(again) != c.out) fail_msg("case: %s: twice", c.name);
    for (size_t i = 0; i < again.size(); ++i)
      assert_int_equal(again.text().unit(i).at, decoded.text().unit(i).at);
  }
}

void what_needs_normalising(void**) {
  const struct {
    const char* name;
    std::string_view in;
    bool needed;
    size_t digits;
  } cases[] = {
      {"empty", "", false, 0},
      {"ASCII", "4111 1111", false, 0},
      {"French", "\xC3\xA0 la carte", false, 0},
      {"Russian", "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", false, 0},
      {"Chinese", "\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82\xEF\xBC\x8C", false, 0},
      {"curly quotes", "\xE2\x80\x9Cx\xE2\x80\x9D", false, 0},
      {"en dash", "\xE2\x80\x93", true, 0},
      {"ideographic space", "\xE3\x80\x80", true, 0},
      {"two scripts", "\xD9\xA4 \xE0\xA5\xA7", true, 2},
      {"cut off", "\xEF\xBC", false, 0},
      {"Latin-1 no-break space",
       "4111\xA0"
       "1111",
       false, 0},
  };
  for (const auto& c : cases) {
    // Also far behind and in front of plain text, so that every way through the scan is taken.
    for (size_t front : {0u, 1u, 31u, 32u, 33u, 70u}) {
      std::string in = std::string(front, 'x') + std::string(c.in) + std::string(front, 'y');
      auto block = exact_block(in);
      if (needs_normalising(block.get(), in.size()) != c.needed)
        fail_msg("case: %s, %zu in front", c.name, front);
      if (look_for_foreign(block.get(), in.size()).digits != c.digits) fail_msg("case: %s: digits", c.name);
    }
  }
}

void open_sequences(void**) {
  const struct {
    const char* name;
    std::string_view in;
    size_t open;
  } cases[] = {
      {"empty", "", 0},
      {"ASCII", "abc", 0},
      {"lead of two", "a\xC2", 1},
      {"lead of three", "\xE2", 1},
      {"two of three", "a\xE2\x80", 2},
      {"three of four", "\xF0\x9D\x9F", 3},
      {"complete", "\xE2\x80\x93", 0},
      {"stray continuations", "\x80\x80\x80", 0},
      {"never a lead", "\xFF", 0},
      {"overlong", "\xE0\x80", 0},
      {"complete, then lead", "\xC2\xA0\xC2", 1},
  };
  for (const auto& c : cases) {
    auto block = exact_block(c.in);
    if (open_utf8(block.get(), c.in.size()) != c.open) fail_msg("case: %s", c.name);
  }
}

// A hexadecimal number inside a value that was itself decoded.
void hexadecimal_inside_decoded_text(void**) {
  const struct {
    const char* name;
    Unit high;
    Unit low;
    bool ascii;
    Form form;
    uint64_t in_front = 9;  // where the character in front of them ends
  } cases[] = {
      {"side by side", {10, Form::kByte}, {11, Form::kByte}, true, Form::kHex},
      {"side by side, not ASCII", {10, Form::kByte}, {11, Form::kByte}, false, Form::kHex},
      {"apart", {10, Form::kByte}, {16, Form::kByte}, true, Form::kByteDigit},
      {"apart, not ASCII", {10, Form::kByte}, {16, Form::kByte}, false, Form::kFixed},
      {"low one escaped", {10, Form::kByte}, {16, Form::kHex}, true, Form::kHexLow},
      {"low one escaped twice", {10, Form::kByte}, {16, Form::kHexLow}, true, Form::kHexLow},
      {"high one full-width", {10, Form::kByte}, {11, Form::kByte}, true, Form::kByteDigit, 7},
      {"high one full-width, not ASCII", {10, Form::kByte}, {11, Form::kByte}, false, Form::kFixed, 7},
      {"low one full-width", {10, Form::kByte}, {13, Form::kByte}, true, Form::kByteDigit},
      {"high one escaped", {10, Form::kHex}, {11, Form::kByte}, true, Form::kByteDigit},
      {"a digit only", {10, Form::kByte}, {11, Form::kByteDigit}, true, Form::kByteDigit},
      {"entity", {10, Form::kByte}, {15, Form::kDecimal}, true, Form::kFixed},
      {"fixed", {10, Form::kByte}, {11, Form::kFixed}, true, Form::kFixed},
  };
  for (const auto& c : cases) {
    uint8_t bytes[] = {'0', '3', '4'};
    Unit units[] = {{c.in_front, Form::kByte}, c.high, c.low};
    Unit unit = hex_unit({bytes, 3, units, 0}, 2, c.ascii);
    if (unit.form != c.form || unit.at != c.low.at) fail_msg("case: %s", c.name);
  }
  uint8_t bytes[] = {'0', '3', '4'};
  assert_true(hex_unit({bytes, 3, nullptr, 50}, 2, true).form == Form::kHex);
  assert_int_equal(hex_unit({bytes, 3, nullptr, 50}, 2, true).at, 52);
}

void dropping_and_clearing(void**) {
  Decoded decoded;
  std::string all;
  for (unsigned i = 0; i < 1000; ++i) {
    decoded.add(static_cast<uint8_t>('a' + i % 26), {i, Form::kFixed});
    all.push_back(static_cast<char>('a' + i % 26));
  }
  decoded.drop_front(0);
  decoded.drop_front(317);
  assert_string_equal(shown(decoded).c_str(), all.substr(317).c_str());
  assert_int_equal(decoded.text().unit(0).at, 317);
  // What was dropped is wiped: the room behind the text holds no byte of it.
  const uint8_t* data = decoded.text().data;
  for (size_t i = decoded.size(); i < 1000; ++i) assert_int_equal(data[i], 0);
  decoded.clear();
  assert_true(decoded.empty());
  for (size_t i = 0; i < 1000; ++i) assert_int_equal(data[i], 0);
  uint8_t more[] = {'x', '1'};
  decoded.add_run({more, 2, nullptr, 5});
  assert_string_equal(shown(decoded).c_str(), "x1");
  assert_int_equal(decoded.text().unit(1).at, 6);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(separators_and_letters),
      cmocka_unit_test(digits_of_every_script),
      cmocka_unit_test(other_forms),
      cmocka_unit_test(utf8_is_read_as_it_is_written),
      cmocka_unit_test(what_needs_normalising),
      cmocka_unit_test(open_sequences),
      cmocka_unit_test(hexadecimal_inside_decoded_text),
      cmocka_unit_test(dropping_and_clearing),
  };
  return cmocka_run_group_tests_name("decoded", tests, nullptr, nullptr);
}
