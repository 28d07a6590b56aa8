// Content-Encoding undone: gzip (RFC 1952, any number of members), deflate (RFC 1950, and the raw RFC 1951
// that some clients send under that name), br (RFC 7932); up to three on top of each other. Streaming,
// bounded in size and ratio.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "src/card.h"
#include "src/secret.h"

namespace cardscrub {

enum class ContentCoding : uint8_t { kGzip, kDeflate, kBrotli };

enum class InflateStatus : uint8_t {
  kMore,       // all input has been consumed, more is needed
  kOutput,     // the output is full; call again with what is left of the input
  kEnd,        // the end: input and output are complete. Said only after `last`
  kMalformed,  // also when anything but another gzip member follows
  kTruncated,  // the input ends in the middle
  kLimit,      // more output, or more output for a byte of input, than allowed
  kFault,      // no memory
};

// The reason for which a body that ends so is refused; kNone for the first three.
Reason inflate_reason(InflateStatus status);

struct InflateLimits {
  uint64_t output_max = uint64_t{64} << 20;  // bytes
  uint64_t ratio_max = 1000;  // bytes of output for one of input, counted from ratio_from bytes of output on
  uint64_t ratio_from = uint64_t{1} << 20;
};

// One coding. After anything but kMore and kOutput, every further call says the same and does nothing.
class Inflater {
 public:
  virtual ~Inflater() = default;
  // Reads from `in`, writes to `out`, says how much of each. last: nothing follows `in`. An empty input is an
  // empty output. `out` must have room for a byte at least.
  virtual InflateStatus push(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) = 0;
};

// nullptr: no memory.
std::unique_ptr<Inflater> make_inflater(ContentCoding coding, const InflateLimits& limits);

// For a Content-Encoding header value (RFC 9110, 8.4), all its lines joined by commas; identity is passed
// over. nullptr with *why kNone: nothing is encoded. nullptr with another *why: kBodyEncoding (an unknown
// coding, or more than kInflateChainMax), kFault. The limits hold for each of the codings.
inline constexpr size_t kInflateChainMax = 3;
std::unique_ptr<Inflater> make_inflater_chain(std::string_view content_encoding, const InflateLimits& limits,
                                              Reason* why);

}  // namespace cardscrub
