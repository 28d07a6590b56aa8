// Charset filter: code units to text, each digit knowing its byte.
#include "filters/charset.h"

#include "filters/decoded.h"

namespace cardscrub {

namespace {

class CharsetFilter : public Filter {
 public:
  CharsetFilter(Charset charset, std::unique_ptr<Filter> inner, bool ascii_first)
      : charset_(charset), inner_(std::move(inner)), ascii_first_(ascii_first) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (!detected_) {
      if (text.size < 4 && !last && !is_narrow(text)) return 0;
      detected_ = true;
      if (ascii_first_ && text.size != 0 && !is_as_declared(text)) scrubber.refuse(Reason::kBodyCharset);
      if (charset_ == Charset::kDetect || charset_ == Charset::kUtf16 || charset_ == Charset::kUtf32)
        detect(text);
    }
    if (plain_) return inner_->feed(text, last, scrubber);
    return decode(text, last, scrubber);
  }

 private:
  // Two bytes that no wide text begins with: whoever waits for them need not wait for more.
  bool is_narrow(const Text& text) const {
    return charset_ == Charset::kDetect && text.size >= 2 && text.data[0] != 0 && text.data[0] < 0xFE &&
           text.data[1] != 0;
  }

  // Applications that detect the width, or take every text for UTF-8, read another text than one who believes
  // what is declared.
  bool is_as_declared(const Text& text) const {
    CharsetFilter seen(Charset::kDetect, nullptr, false);
    seen.detect(text);
    if (seen.plain_) return false;
    if (charset_ == Charset::kUtf16)
      return seen.charset_ == Charset::kUtf16Le || seen.charset_ == Charset::kUtf16Be;
    if (charset_ == Charset::kUtf32)
      return seen.charset_ == Charset::kUtf32Le || seen.charset_ == Charset::kUtf32Be;
    return charset_ == seen.charset_;
  }

  // RFC 8259 texts begin with two ASCII characters or are one digit long: NUL bytes tell the width and order.
  void detect(const Text& text) {
    auto byte = [&](size_t i) { return i < text.size ? int{text.data[i]} : -1; };
    const bool wide = charset_ == Charset::kUtf32 || charset_ == Charset::kDetect;
    const bool half = charset_ == Charset::kUtf16 || charset_ == Charset::kDetect;
    if (wide && byte(0) == 0xFF && byte(1) == 0xFE && byte(2) == 0 && byte(3) == 0) {
      charset_ = Charset::kUtf32Le;
    } else if (wide && byte(0) == 0 && byte(1) == 0 && byte(2) == 0xFE && byte(3) == 0xFF) {
      charset_ = Charset::kUtf32Be;
    } else if (half && byte(0) == 0xFF && byte(1) == 0xFE) {
      charset_ = Charset::kUtf16Le;
    } else if (half && byte(0) == 0xFE && byte(1) == 0xFF) {
      charset_ = Charset::kUtf16Be;
    } else if (wide && byte(0) > 0 && byte(1) == 0 && byte(2) == 0 && byte(3) == 0) {
      charset_ = Charset::kUtf32Le;
    } else if (wide && byte(0) == 0 && byte(1) == 0 && byte(2) == 0 && byte(3) > 0) {
      charset_ = Charset::kUtf32Be;
    } else if (half && byte(0) > 0 && byte(1) == 0 && byte(2) != 0) {
      charset_ = Charset::kUtf16Le;
    } else if (half && byte(0) == 0 && byte(1) > 0 && byte(2) <= 0) {
      charset_ = Charset::kUtf16Be;
    } else if (charset_ == Charset::kUtf32) {
      charset_ = Charset::kUtf32Be;  // RFC 2781, Unicode 2.6: without a mark, big end first
    } else if (charset_ == Charset::kUtf16) {
      charset_ = Charset::kUtf16Be;
    } else {
      plain_ = true;
    }
  }

  size_t decode(const Text& text, bool last, Scrubber& scrubber) {
    const size_t width = charset_ == Charset::kUtf32Le || charset_ == Charset::kUtf32Be ? 4 : 2;
    const bool little = charset_ == Charset::kUtf32Le || charset_ == Charset::kUtf16Le;
    auto value_at = [&](size_t at) {
      char32_t value = 0;
      for (size_t k = 0; k < width; ++k) {
        value |= char32_t{text.data[at + k]} << (8 * (little ? k : width - 1 - k));
      }
      return value;
    };
    size_t i = seen_;
    while (text.size - i >= width) {
      char32_t value = value_at(i);
      size_t count = width;
      if (width == 2 && value >= 0xD800 && value < 0xDC00) {
        if (text.size - i < 4 && !last) break;
        char32_t low = text.size - i < 4 ? 0 : value_at(i + 2);
        if (low >= 0xDC00 && low < 0xE000) {
          value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
          count = 4;
        }
      }
      // The byte that tells a digit from its neighbours is the low one of the last code unit.
      if (begun_ || value != 0xFEFF)
        add_code_point(&decoded_, value, text.unit(i + count - (little ? width : 1)));
      begun_ = true;
      i += count;
    }
    scrubber.set_wide(static_cast<uint8_t>(little ? 0 : width - 1));
    size_t done = inner_->feed(decoded_.text(), last, scrubber);
    scrubber.set_wide({});
    if (last && i != text.size) {  // half a character; the filter inside may have found an earlier fault
      scrubber.malformed(text.unit(i).at);
      i = text.size;
    }
    size_t settled = i;
    if (!last && done < decoded_.size()) {
      // Back to where the first open character begins, or a little further: it is not decoded twice.
      uint64_t at = decoded_.text().unit(done).at;
      size_t low = 0;
      for (size_t high = i; low < high;) {
        size_t middle = (low + high) / 2;
        if (text.unit(middle).at < at) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      settled = low > 4 ? low - 4 : 0;
    }
    decoded_.drop_front(done);
    seen_ = i - settled;
    return settled;
  }

  Charset charset_;
  std::unique_ptr<Filter> inner_;
  bool ascii_first_;
  bool detected_ = false;
  bool plain_ = false;
  bool begun_ = false;
  size_t seen_ = 0;  // leading units of the next text that have been decoded
  Decoded decoded_;
};

}  // namespace

std::unique_ptr<Filter> make_charset_filter(Charset charset, std::unique_ptr<Filter> inner,
                                            bool ascii_first) {
  return std::make_unique<CharsetFilter>(charset, std::move(inner), ascii_first);
}

}  // namespace cardscrub
