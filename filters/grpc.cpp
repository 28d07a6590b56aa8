// The gRPC filter (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md): one byte of flags, four of length, a
// message.
#include "filters/grpc.h"

#include <algorithm>

#include "filters/json.h"
#include "filters/plain.h"
#include "filters/protobuf.h"

namespace cardscrub {

namespace {

constexpr size_t kFraming = 5;
constexpr uint8_t kCompressed = 1;
constexpr uint8_t kEndStream = 2;   // Connect: JSON about the end of the stream
constexpr uint8_t kTrailers = 128;  // gRPC-Web: trailers as text

class GrpcFilter : public Filter {
 public:
  GrpcFilter(bool json, unsigned layer) : json_(json), layer_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    size_t pos = 0;
    for (;;) {
      if (message_ == nullptr) {
        if (text.size - pos < kFraming) {
          if (!last) return pos;
          if (pos == text.size) return pos;
          rest(text, pos, scrubber);
        } else {
          begin(text, pos, scrubber);
          pos += kFraming;
        }
      }
      const size_t size = static_cast<size_t>(std::min<uint64_t>(left_, text.size - pos));
      const bool all = size == left_;
      const size_t settled = message_->feed(text.sub(pos, size), all || last, scrubber);
      if (!all && last && left_ != kRest) malformed(text, scrubber);
      pos += settled;
      if (!all) {
        if (left_ != kRest) left_ -= settled;
        return last ? text.size : pos;
      }
      message_.reset();
    }
  }

 private:
  static constexpr uint64_t kRest = ~uint64_t{0};

  void begin(const Text& text, size_t pos, Scrubber& scrubber) {
    const uint8_t* data = text.data + pos;
    left_ = uint64_t{data[1]} << 24 | uint64_t{data[2]} << 16 | uint64_t{data[3]} << 8 | data[4];
    if ((data[0] & kCompressed) != 0) {
      scrubber.refuse(Reason::kBodyEncoding, static_cast<int64_t>(text.unit(pos).at));
      message_ = make_plain_filter(layer_, PlainCoding::kUtf8);
    } else if ((data[0] & kTrailers) != 0) {
      message_ = make_plain_filter(layer_, PlainCoding::kUtf8);
    } else if (json_ || (data[0] & kEndStream) != 0) {
      message_ = make_json_filter(layer_, false);
    } else {
      message_ = make_protobuf_filter(layer_);
    }
  }

  // Fewer bytes than framing has.
  void rest(const Text& text, size_t pos, Scrubber& scrubber) {
    if (layer_ == 0) scrubber.malformed(text.unit(pos).at);
    message_ = make_plain_filter(layer_, PlainCoding::kUtf8);
    left_ = kRest;
  }

  void malformed(const Text& text, Scrubber& scrubber) const {
    if (layer_ == 0) scrubber.malformed(text.size == 0 ? text.at : text.unit(text.size - 1).at + 1);
  }

  bool json_;
  unsigned layer_;
  std::unique_ptr<Filter> message_;  // none: framing comes next
  uint64_t left_ = 0;                // bytes of the message that are not settled
};

}  // namespace

std::unique_ptr<Filter> make_grpc_filter(std::string_view content_type, unsigned layer) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const size_t plus = type.find('+');
  std::string_view format = plus == std::string_view::npos ? std::string_view{} : type.substr(plus + 1);
  while (!format.empty() && (format.back() == ' ' || format.back() == '\t')) format.remove_suffix(1);
  constexpr std::string_view kJson = "json";
  const bool json = std::equal(format.begin(), format.end(), kJson.begin(), kJson.end(),
                               [](char a, char b) { return (a | 0x20) == b; });
  return std::make_unique<GrpcFilter>(json, layer);
}

}  // namespace cardscrub
