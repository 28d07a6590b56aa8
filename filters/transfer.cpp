// Transfer filter: one decoder for both encodings, and the way back from decoded text to what is settled on
// the wire.
#include "filters/transfer.h"

#include <algorithm>

#include "filters/percent.h"
#include "filters/url_value.h"
#include "src/base64_scan.h"

namespace cardscrub {

namespace {

constexpr size_t kStep = 4096;  // units decoded at a time

class TransferFilter : public Filter {
 public:
  TransferFilter(TransferCoding coding, std::unique_ptr<Filter> inner)
      : base64_(coding == TransferCoding::kBase64), inner_(std::move(inner)) {
    decoder_.start(base64_ ? Escapes::kNone : Escapes::kQuotedPrintable, 0);
  }

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    bool any_settled = false;
    uint64_t settled_at = 0;
    do {
      const size_t step = std::min(kStep, text.size - seen_);
      const Text next = text.sub(seen_, step);
      if (base64_) {
        decode_base64(next, scrubber);
      } else {
        decoder_.feed(next, &decoded_);
      }
      seen_ += step;
      const bool all = last && seen_ == text.size;
      if (all) decoder_.finish(&decoded_);
      const size_t settled = inner_->feed(decoded_.text(), all, scrubber);
      if (settled != 0) {
        any_settled = true;
        settled_at = decoded_.text().units[settled - 1].at;
        decoded_.drop_front(settled);
      }
    } while (seen_ < text.size);
    const size_t settled = last ? text.size : any_settled ? units_up_to(text, settled_at) : 0;
    seen_ -= settled;
    return settled;
  }

 private:
  void decode_base64(const Text& text, Scrubber& scrubber) {
    for (size_t i = 0; i < text.size; ++i) {
      const uint8_t c = text.data[i];
      if (c == '\r' || c == '\n' || c == ' ' || c == '\t' || c == '=') continue;
      const uint64_t at = text.unit(i).at;
      const uint8_t value = base64_value(c);
      if (value == kNoBase64) {
        scrubber.refuse(Reason::kBodyEncoding, static_cast<int64_t>(at));
        return;
      }
      // An application that knows nothing of transfer encodings sees the digits themselves.
      digits_ = is_digit(c) ? digits_ + 1 : 0;
      if (digits_ == limits::kPanMin) scrubber.refuse(Reason::kPanWrapped, static_cast<int64_t>(at));
      bits_ = bits_ << 6 | value;
      have_ += 6;
      if (have_ < 8) continue;
      have_ -= 8;
      decoder_.put_byte(static_cast<uint8_t>(bits_ >> have_), {at, Form::kFixed}, &decoded_);
      bits_ &= (1u << have_) - 1;
    }
  }

  bool base64_;
  std::unique_ptr<Filter> inner_;
  PercentDecoder decoder_;
  Decoded decoded_;  // what the inner filter has not settled
  size_t seen_ = 0;  // leading units of the next text that have been decoded
  unsigned bits_ = 0;
  unsigned have_ = 0;
  size_t digits_ = 0;  // digits in a row in the encoded text
};

}  // namespace

std::unique_ptr<Filter> make_transfer_filter(TransferCoding coding, std::unique_ptr<Filter> inner) {
  if (coding == TransferCoding::kIdentity) return inner;
  return std::make_unique<TransferFilter>(coding, std::move(inner));
}

}  // namespace cardscrub
