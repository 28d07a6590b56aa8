// PercentDecoder: whole escapes and plain stretches have a short cut; byte by byte there is none, and both
// must say the same.
#include "filters/percent.h"

#include "tests/unit/random_laws.h"
#include "tests/unit/testing.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

struct Result {
  std::string bytes;
  std::vector<uint64_t> at;
  std::vector<Form> forms;
  uint64_t bad_escape;

  bool operator==(const Result&) const = default;
};

Result decode(const std::string& in, Escapes escapes, unsigned extra, size_t chunk) {
  PercentDecoder decoder;
  Decoded out;
  decoder.start(escapes, extra);
  for (size_t at = 0; at < in.size(); at += chunk) {
    const std::string_view piece = std::string_view(in).substr(at, chunk);
    auto block = exact_block(piece);
    decoder.feed(Text{block.get(), piece.size(), nullptr, at}, &out);
  }
  decoder.finish(&out);
  Result result;
  const Text text = out.text();
  for (size_t i = 0; i < text.size; ++i) {
    result.bytes += static_cast<char>(text.data[i]);
    result.at.push_back(text.units[i].at);
    result.forms.push_back(text.units[i].form);
  }
  result.bad_escape = decoder.bad_escape();
  return result;
}

constexpr std::string_view kBits[] = {"4",
                                      "1",
                                      "11",
                                      "a",
                                      "+",
                                      " ",
                                      "-",
                                      "%34",
                                      "%2B",
                                      "%2b",
                                      "%25",
                                      "%2534",
                                      "%252534",
                                      "%",
                                      "%%",
                                      "%3",
                                      "%3x",
                                      "%C3%A9",
                                      "%c2%a0",
                                      "%EF%BC%94",
                                      "\xC3\xA9",
                                      "\xC3",
                                      "\x80",
                                      "\x80"
                                      "41",
                                      "=34",
                                      "=",
                                      "=3D",
                                      "=\n",
                                      "=\r\n",
                                      "=\r",
                                      "\"\"",
                                      "\"",
                                      "%7f",
                                      "%80",
                                      "%00"};

void the_same_in_every_cut(void**) {
  Dice dice(20261126);
  for (size_t round = 0; round < 4000; ++round) {
    const std::string in = dice.some_of(kBits, 24);
    for (Escapes escapes :
         {Escapes::kForm, Escapes::kUri, Escapes::kQuotedPrintable, Escapes::kQuotes, Escapes::kNone}) {
      const unsigned extra = static_cast<unsigned>(dice(PercentDecoder::kExtraMax + 1));
      const Result bytes = decode(in, escapes, extra, 1);
      for (size_t chunk :
           {size_t{2}, size_t{3}, size_t{5}, size_t{7}, size_t{16}, size_t{17}, size_t{64}, in.size() + 1}) {
        const Result got = decode(in, escapes, extra, chunk);
        if (!(got == bytes)) {
          fail_msg("round %zu, escapes %d, %u more, pieces of %zu: \"%s\" gives \"%s\", byte by byte \"%s\"",
                   round, static_cast<int>(escapes), extra, chunk, in.c_str(), got.bytes.c_str(),
                   bytes.bytes.c_str());
        }
      }
    }
  }
}

// WHATWG URL, 5.1 and 1.3, for ASCII: what byte by byte must give.
void what_a_form_means(void**) {
  Dice dice(7);
  const auto hex = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  };
  constexpr std::string_view kAscii[] = {"4",   "11",  "a", "+",  " ",  "%34", "%2B",
                                         "%7e", "%25", "%", "%%", "%3", "%3x", "%x"};
  for (size_t round = 0; round < 4000; ++round) {
    const std::string in = dice.some_of(kAscii, 24);
    std::string wanted;
    for (size_t i = 0; i < in.size(); ++i) {
      const bool escape = in[i] == '%' && in.size() - i > 2 && hex(in[i + 1]) >= 0 && hex(in[i + 2]) >= 0;
      wanted += escape ? static_cast<char>(hex(in[i + 1]) * 16 + hex(in[i + 2])) : in[i] == '+' ? ' ' : in[i];
      if (escape) i += 2;
    }
    const Result got = decode(in, Escapes::kForm, 0, in.size() + 1);
    if (got.bytes != wanted)
      fail_msg("\"%s\": \"%s\", not \"%s\"", in.c_str(), got.bytes.c_str(), wanted.c_str());
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_same_in_every_cut),
      cmocka_unit_test(what_a_form_means),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
