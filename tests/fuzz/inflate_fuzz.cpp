// Content encodings: whatever comes in, the output stays within its bound, and pieces do not matter.
// Input: byte 0 the coding, byte 1 the size of the pieces, then the encoded bytes.
#include "filters/inflate.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace {

using namespace cardscrub;

constexpr uint64_t kMost = 1 << 16;

InflateStatus inflate(std::string_view coding, Bytes in, size_t piece, std::string* out) {
  InflateLimits limits;
  limits.output_max = kMost;
  limits.ratio_max = 2000;  // where a ratio bound is met may depend on the pieces
  Reason why = Reason::kNone;
  auto inflater = make_inflater_chain(coding, limits, &why);
  if (!inflater) std::abort();
  uint8_t buffer[257];
  size_t at = 0;
  for (;;) {
    size_t n = std::min(piece, in.size() - at);
    size_t consumed = 0;
    size_t produced = 0;
    bool last = at + n == in.size();
    InflateStatus status = inflater->push(in.subspan(at, n), last, buffer, &consumed, &produced);
    if (consumed > n || produced > sizeof buffer) std::abort();
    at += consumed;
    out->append(reinterpret_cast<const char*>(buffer), produced);
    if (status == InflateStatus::kOutput) continue;
    if (status == InflateStatus::kMore && !last) continue;
    return status;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  constexpr std::string_view kCodings[] = {"gzip", "deflate", "br", "gzip, deflate", "br, gzip"};
  std::string_view coding = kCodings[data[0] % std::size(kCodings)];
  Bytes in{data + 2, size - 2};
  std::string whole;
  std::string cut;
  InflateStatus one = inflate(coding, in, in.size() + 1, &whole);
  InflateStatus other = inflate(coding, in, data[1] == 0 ? 1 : data[1], &cut);
  if (whole.size() > kMost || cut.size() > kMost) std::abort();
  if ((one == InflateStatus::kEnd) != (other == InflateStatus::kEnd)) std::abort();
  if (one == InflateStatus::kEnd && whole != cut) std::abort();
  return 0;
}
