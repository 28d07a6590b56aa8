// Inflaters: codings, chains, members, limits and every kind of broken input, at every cut of input and
// output.
#include "filters/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <random>

#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::exact_block;
using testing::kChunkSizes;

constexpr std::string_view kText = "{\"note\":\"nothing to see here, move on, move on, move on\"}";

std::string deflated(std::string_view text, int bits) {
  z_stream stream{};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gzip(std::string_view text) { return deflated(text, 15 + 16); }
std::string zlib(std::string_view text) { return deflated(text, 15); }
std::string raw(std::string_view text) { return deflated(text, -15); }

// RFC 7932 by hand: meta-blocks that are not compressed (9.2), behind a window size of 16 bits.
//   first: WBITS 0 | ISLAST 0 | MNIBBLES 00 | MLEN-1, 16 bits | ISUNCOMPRESSED 1, then padding to the byte
//   end:   ISLAST 1 | ISLASTEMPTY 1
std::string brotli(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  unsigned count = 0;
  auto put = [&](unsigned value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) {
      bits |= (value >> i & 1u) << count;
      if (++count == 8) {
        out += static_cast<char>(bits);
        bits = count = 0;
      }
    }
  };
  auto pad = [&] {
    while (count != 0) put(0, 1);
  };
  put(0, 1);
  while (!text.empty()) {
    size_t size = std::min<size_t>(text.size(), 65536);
    put(0, 1);
    put(0, 2);
    put(static_cast<unsigned>(size - 1), 16);
    put(1, 1);
    pad();
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  put(3, 2);
  pad();
  return out;
}

struct Outcome {
  InflateStatus status;
  std::string out;
};

// Input in pieces of `chunk` bytes, output into blocks of `room` bytes, both of exactly their size.
Outcome run(Inflater& inflater, std::string_view in, size_t chunk, size_t room, bool separate_end) {
  Outcome outcome{InflateStatus::kMore, {}};
  size_t at = 0;
  for (bool last = false; !last;) {
    size_t n = chunk == 0 ? in.size() - at : std::min(chunk, in.size() - at);
    auto piece = exact_block(in.substr(at, n));
    at += n;
    last = separate_end ? n == 0 : at == in.size();
    size_t used = 0;
    do {
      auto block = std::make_unique<uint8_t[]>(room);
      size_t consumed = 0;
      size_t produced = 0;
      outcome.status =
          inflater.push({piece.get() + used, n - used}, last, {block.get(), room}, &consumed, &produced);
      assert_true(consumed <= n - used && produced <= room);
      used += consumed;
      outcome.out.append(block.get(), block.get() + produced);
    } while (outcome.status == InflateStatus::kOutput);
    if (outcome.status != InflateStatus::kMore) return outcome;
    assert_int_equal(used, n);
  }
  return outcome;
}

Outcome run_chain(std::string_view header, std::string_view in, size_t chunk, size_t room,
                  const InflateLimits& limits = {}, bool separate_end = false) {
  Reason why = Reason::kFault;
  auto chain = make_inflater_chain(header, limits, &why);
  assert_true(chain != nullptr);
  assert_int_equal(why, Reason::kNone);
  return run(*chain, in, chunk, room, separate_end);
}

struct Case {
  const char* name;
  std::string_view header;
  std::string in;
  InflateStatus status;
  std::string out;  // of kEnd
};

std::string long_text() {
  std::string text;
  for (int i = 0; text.size() < 200000; ++i)
    text += "{\"id\":" + std::to_string(i * 7919) + ",\"name\":\"x\"}\n";
  return text;
}

void at_every_cut(void**) {
  using S = InflateStatus;
  const std::string text(kText);
  const std::string gz = gzip(text);
  std::string wrong_sum = gz;
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  std::string wrong_size = gz;
  wrong_size[wrong_size.size() - 1] ^= 1;
  std::string wrong_zlib_sum = zlib(text);
  wrong_zlib_sum.back() ^= 1;
  const Case cases[] = {
      {"gzip", "gzip", gz, S::kEnd, text},
      {"gzip by its old name", "X-GZip", gz, S::kEnd, text},
      {"gzip, two members", "gzip", gz + gzip(" and more"), S::kEnd, text + " and more"},
      {"gzip, an empty member between", "gzip", gz + gzip("") + gz, S::kEnd, text + text},
      {"gzip of nothing", "gzip", gzip(""), S::kEnd, ""},
      {"deflate, zlib", "deflate", zlib(text), S::kEnd, text},
      {"deflate, raw", "deflate", raw(text), S::kEnd, text},
      {"deflate, raw, of nothing", "deflate", raw(""), S::kEnd, ""},
      {"br", "br", brotli(text), S::kEnd, text},
      {"br of nothing", "BR", brotli(""), S::kEnd, ""},
      {"nothing at all, gzip", "gzip", "", S::kEnd, ""},
      {"nothing at all, deflate", "deflate", "", S::kEnd, ""},
      {"nothing at all, br", "br", "", S::kEnd, ""},
      {"two", "gzip, br", brotli(gz), S::kEnd, text},
      {"two, identity between", "deflate ,identity,\tgzip", gzip(zlib(text)), S::kEnd, text},
      {"three", "br,gzip,deflate", zlib(gzip(brotli(text))), S::kEnd, text},
      {"three times the same", "gzip,gzip,gzip", gzip(gzip(gz)), S::kEnd, text},
      {"gzip, cut", "gzip", gz.substr(0, gz.size() - 1), S::kTruncated, {}},
      {"gzip, cut in the header", "gzip", gz.substr(0, 5), S::kTruncated, {}},
      {"gzip, second member cut", "gzip", gz + gz.substr(0, 9), S::kTruncated, {}},
      {"gzip, one byte", "gzip", gz.substr(0, 1), S::kTruncated, {}},
      {"deflate, cut", "deflate", zlib(text).substr(0, 20), S::kTruncated, {}},
      {"deflate, checksum cut", "deflate", zlib(text).substr(0, zlib(text).size() - 2), S::kTruncated, {}},
      {"deflate, raw, cut", "deflate", raw(text).substr(0, 20), S::kTruncated, {}},
      {"deflate, one byte", "deflate", zlib(text).substr(0, 1), S::kTruncated, {}},
      {"br, cut", "br", brotli(text).substr(0, 20), S::kTruncated, {}},
      {"br, end cut", "br", brotli(text).substr(0, brotli(text).size() - 1), S::kTruncated, {}},
      {"inner one cut", "gzip, br", brotli(gz.substr(0, 30)), S::kTruncated, {}},
      {"gzip, garbage behind", "gzip", gz + "garbage", S::kMalformed, {}},
      {"gzip, a zero behind", "gzip", gz + std::string(1, '\0') + "x", S::kMalformed, {}},
      {"deflate, garbage behind", "deflate", zlib(text) + "x", S::kMalformed, {}},
      {"deflate, another behind", "deflate", zlib(text) + zlib(text), S::kMalformed, {}},
      {"deflate, raw, garbage behind", "deflate", raw(text) + "x", S::kMalformed, {}},
      {"br, garbage behind", "br", brotli(text) + "x", S::kMalformed, {}},
      {"inner one with garbage", "gzip, br", brotli(gz + "xyz"), S::kMalformed, {}},
      {"gzip, checksum", "gzip", wrong_sum, S::kMalformed, {}},
      {"gzip, size", "gzip", wrong_size, S::kMalformed, {}},
      {"deflate, checksum", "deflate", wrong_zlib_sum, S::kMalformed, {}},
      {"plain text as gzip", "gzip", text, S::kMalformed, {}},
      {"gzip as br", "br", gz, S::kMalformed, {}},
      {"a dictionary that nobody has", "deflate", std::string("\x78\xBB\0\0\0\1\3\0", 8), S::kMalformed, {}},
  };
  for (const Case& c : cases) {
    for (size_t chunk : kChunkSizes) {
      for (size_t room : {size_t{1}, size_t{2}, size_t{7}, size_t{64}, size_t{4096}}) {
        for (bool separate_end : {false, true}) {
          Outcome got = run_chain(c.header, c.in, chunk, room, {}, separate_end);
          const bool bad_text = c.status == S::kEnd ? got.out != c.out : !(text + text).starts_with(got.out);
          if (got.status != c.status || bad_text) {
            fail_msg("case: %s, chunk %zu, room %zu: status %d, %zu bytes", c.name, chunk, room,
                     static_cast<int>(got.status), got.out.size());
          }
        }
      }
    }
  }
}

void long_bodies(void**) {
  const std::string text = long_text();
  const Case cases[] = {
      {"gzip", "gzip", gzip(text), InflateStatus::kEnd, {}},
      {"deflate", "deflate", raw(text), InflateStatus::kEnd, {}},
      {"br", "br", brotli(text), InflateStatus::kEnd, {}},
      {"all three", "gzip,deflate,br", brotli(zlib(gzip(text))), InflateStatus::kEnd, {}},
  };
  for (const Case& c : cases) {
    for (size_t chunk : {size_t{13}, size_t{1000}, size_t{16384}, size_t{0}}) {
      for (size_t room : {size_t{100}, size_t{16384}, size_t{1} << 20}) {
        Outcome got = run_chain(c.header, c.in, chunk, room);
        if (got.status != c.status || got.out != text)
          fail_msg("case: %s, chunk %zu, room %zu", c.name, chunk, room);
      }
    }
  }
}

void limits_hold(void**) {
  const std::string zeros(2u << 20, '\0');
  std::string empty_members;
  while (empty_members.size() <= 1000) empty_members += gzip("");
  InflateLimits size;
  size.output_max = 1000;
  InflateLimits ratio;
  ratio.ratio_max = 100;
  InflateLimits loose;
  loose.ratio_max = 1100;  // deflate reaches 1032
  const struct {
    const char* name;
    std::string_view header;
    std::string in;
    InflateLimits limits;
    InflateStatus status;
    size_t most;
  } cases[] = {
      {"size, one below", "gzip", gzip(zeros.substr(0, 999)), size, InflateStatus::kEnd, 999},
      {"size, exactly", "gzip", gzip(zeros.substr(0, 1000)), size, InflateStatus::kEnd, 1000},
      {"size, one above", "gzip", gzip(zeros.substr(0, 1001)), size, InflateStatus::kLimit, 1000},
      {"size, br, exactly", "br", brotli(zeros.substr(0, 1000)), size, InflateStatus::kEnd, 1000},
      {"size, br, one above", "br", brotli(zeros.substr(0, 1001)), size, InflateStatus::kLimit, 1000},
      {"size, several members", "gzip", gzip(zeros.substr(0, 600)) + gzip(zeros.substr(0, 600)), size,
       InflateStatus::kLimit, 1000},
      {"size, of the outer one", "gzip,br", brotli(empty_members), size, InflateStatus::kLimit, 0},
      {"ratio", "gzip", gzip(zeros), ratio, InflateStatus::kLimit, (1u << 20) + 65536},
      {"ratio, not reached", "gzip", gzip(zeros), loose, InflateStatus::kEnd, zeros.size()},
      {"ratio, small enough not to matter", "gzip", gzip(zeros.substr(0, 1u << 20)), ratio,
       InflateStatus::kEnd, 1u << 20},
  };
  for (const auto& c : cases) {
    for (size_t chunk : {size_t{1}, size_t{64}, size_t{0}}) {
      for (size_t room : {size_t{1000}, size_t{65536}}) {
        Outcome got = run_chain(c.header, c.in, chunk, room, c.limits);
        if (got.status != c.status || got.out.size() > c.most) {
          fail_msg("case: %s, chunk %zu: status %d, %zu bytes", c.name, chunk, static_cast<int>(got.status),
                   got.out.size());
        }
      }
    }
  }
}

void the_last_word_stays(void**) {
  auto inflater = make_inflater(ContentCoding::kGzip, {});
  std::string bad = "not gzip";
  auto block = exact_block(bad);
  uint8_t out[16];
  size_t consumed = 1;
  size_t produced = 1;
  assert_int_equal(inflater->push({block.get(), bad.size()}, false, out, &consumed, &produced),
                   InflateStatus::kMalformed);
  std::string good = gzip("x");
  auto more = exact_block(good);
  assert_int_equal(inflater->push({more.get(), good.size()}, true, out, &consumed, &produced),
                   InflateStatus::kMalformed);
  assert_int_equal(consumed, 0);
  assert_int_equal(produced, 0);
}

void headers(void**) {
  const struct {
    const char* header;
    bool chain;
    Reason why;
  } cases[] = {
      {"", false, Reason::kNone},
      {"identity", false, Reason::kNone},
      {" , Identity ,", false, Reason::kNone},
      {"gzip", true, Reason::kNone},
      {"gzip,br,deflate", true, Reason::kNone},
      {"gzip,identity,br,identity,deflate", true, Reason::kNone},
      {"gzip,br,deflate,gzip", false, Reason::kBodyEncoding},
      {"compress", false, Reason::kBodyEncoding},
      {"zstd", false, Reason::kBodyEncoding},
      {"gzip, zstd", false, Reason::kBodyEncoding},
      {"gzip;q=1", false, Reason::kBodyEncoding},
      {"gzi", false, Reason::kBodyEncoding},
      {"gzip br", false, Reason::kBodyEncoding},
  };
  for (const auto& c : cases) {
    Reason why = Reason::kFault;
    auto chain = make_inflater_chain(c.header, {}, &why);
    if ((chain != nullptr) != c.chain || why != c.why) fail_msg("case: %s", c.header);
  }
  assert_int_equal(inflate_reason(InflateStatus::kEnd), Reason::kNone);
  assert_int_equal(inflate_reason(InflateStatus::kMore), Reason::kNone);
  assert_int_equal(inflate_reason(InflateStatus::kOutput), Reason::kNone);
  assert_int_equal(inflate_reason(InflateStatus::kMalformed), Reason::kBodyMalformed);
  assert_int_equal(inflate_reason(InflateStatus::kTruncated), Reason::kBodyTruncated);
  assert_int_equal(inflate_reason(InflateStatus::kLimit), Reason::kLimitInflate);
  assert_int_equal(inflate_reason(InflateStatus::kFault), Reason::kFault);
}

// Random damage: the outcome is the same at every cut, and never more than a prefix of something comes out.
void damaged_input(void**) {
  std::mt19937 random(7);
  const std::string text = long_text().substr(0, 3000);
  const std::pair<std::string_view, std::string> kinds[] = {{"gzip", gzip(text)},
                                                            {"deflate", zlib(text)},
                                                            {"deflate", raw(text)},
                                                            {"br", brotli(text)},
                                                            {"br,gzip", gzip(brotli(text))}};
  for (int i = 0; i < 400; ++i) {
    const auto& [header, good] = kinds[random() % std::size(kinds)];
    std::string in = good;
    for (size_t k = random() % 3; k < 3; ++k)
      in[random() % in.size()] ^= static_cast<char>(1u << random() % 8);
    if (random() % 4 == 0) in.resize(random() % in.size());
    Outcome whole = run_chain(header, in, 0, 1u << 20);
    assert_int_not_equal(whole.status, InflateStatus::kMore);
    for (size_t chunk : {size_t{1}, size_t{17}, size_t{64}}) {
      Outcome got = run_chain(header, in, chunk, 50);
      if (got.status != whole.status) fail_msg("round %d, chunk %zu", i, chunk);
      if (whole.status == InflateStatus::kEnd && got.out != whole.out)
        fail_msg("round %d, chunk %zu: text", i, chunk);
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(at_every_cut), cmocka_unit_test(long_bodies),
                              cmocka_unit_test(limits_hold),  cmocka_unit_test(the_last_word_stays),
                              cmocka_unit_test(headers),      cmocka_unit_test(damaged_input)};
  return cmocka_run_group_tests_name("inflate", tests, nullptr, nullptr);
}
