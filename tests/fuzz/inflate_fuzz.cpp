// Content encodings: whatever comes in, the output stays within its bound, and pieces do not matter. And a
// body that is compressed properly fares as it would without.
//
// Input: byte 0 the coding, byte 1 the size of the pieces, then the encoded bytes, or those to encode.
#include "filters/inflate.h"

#include <zlib.h>

#include "tests/fuzz/harness.h"
#include "tests/rig.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

namespace {

constexpr uint64_t kMost = 1 << 16;

InflateStatus inflate_all(std::string_view coding, Bytes in, size_t piece, std::string* out) {
  InflateLimits limits;
  limits.output_max = kMost;
  limits.ratio_max = 2000;  // where a ratio bound is met may depend on the pieces
  Reason why = Reason::kNone;
  auto inflater = make_inflater_chain(coding, limits, &why);
  law(inflater != nullptr, "the coding is known");
  uint8_t buffer[257];
  size_t at = 0;
  for (;;) {
    size_t n = std::min(piece, in.size() - at);
    size_t consumed = 0;
    size_t produced = 0;
    bool last = at + n == in.size();
    InflateStatus status = inflater->push(in.subspan(at, n), last, buffer, &consumed, &produced);
    law(consumed <= n && produced <= sizeof buffer, "within its bounds");
    at += consumed;
    out->append(reinterpret_cast<const char*>(buffer), produced);
    if (status == InflateStatus::kOutput) continue;
    if (status == InflateStatus::kMore && !last) continue;
    return status;
  }
}

void any_bytes(std::string_view coding, std::string_view text, size_t piece) {
  const Bytes in{reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  std::string whole;
  std::string cut;
  const InflateStatus one = inflate_all(coding, in, in.size() + 1, &whole);
  const InflateStatus other = inflate_all(coding, in, piece, &cut);
  law(whole.size() <= kMost && cut.size() <= kMost, "5, closed: more than the bound came out");
  law((one == InflateStatus::kEnd) == (other == InflateStatus::kEnd), "3, splits: verdict");
  law(one != InflateStatus::kEnd || whole == cut, "3, splits: bytes");
}

std::string gzip(std::string_view text, int level) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  law(deflateInit2(&stream, level, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib begins");
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  law(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib ends");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void a_body(std::string_view text, int level, size_t piece) {
  Policy policy = Rig::get().policy();
  policy.code = policy.invalid = Action::kMask;
  const Run plain = run_body(policy, "application/json", text, 0);
  const Run packed = run_body(policy, "application/json", gzip(text, level), piece, {.encoding = "gzip"});
  law(plain.verdict.refused() == packed.verdict.refused(), "a compressed body: verdict");
  law(plain.verdict.refused() || plain.out == packed.out, "a compressed body: bytes");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  constexpr std::string_view kCodings[] = {"gzip", "deflate", "br", "gzip, deflate", "br, gzip"};
  const uint8_t kind = input.byte();
  const size_t piece = std::max<size_t>(input.byte(), 1);
  if (kind < 128) {
    any_bytes(kCodings[kind % std::size(kCodings)], input.rest(), piece);
  } else {
    a_body(input.rest(), kind % 10, piece);
  }
  return 0;
}
