// The Protocol Buffers filter (protobuf.dev/programming-guides/encoding).
//
//   tag --varint, fixed--> tag
//    |--field of up to kWhole bytes--> shown when all of it is here, read as deep as it goes --> tag
//    |--longer field--+--begins like a message--> tag, until its end
//    |                +--does not--> text until its end --> tag
//    +--no tag--> the rest of this message: text
#include "filters/protobuf.h"

#include <algorithm>
#include <vector>

#include "filters/form_scan.h"
#include "filters/number_value.h"
#include "filters/plain.h"
#include "filters/url_value.h"

namespace cardscrub {

namespace {

// Fields of up to so many bytes are kept until they are complete: half of limits::kWindow.
constexpr size_t kWhole = 8192;
// What of a longer field must be here to tell whether it is a message.
constexpr size_t kBeginning = 64;
// Messages inside messages that are read as such.
constexpr size_t kNesting = 32;
constexpr uint64_t kEndless = ~uint64_t{0};

struct Varint {
  uint64_t value = 0;
  size_t size = 0;  // 0: it is not complete
  bool valid = true;
};

Varint read_varint(const uint8_t* data, size_t size) {
  constexpr size_t kMost = 10;
  Varint out;
  for (size_t i = 0; i < size; ++i) {
    if (i == kMost) return {0, 0, false};
    out.value |= uint64_t{data[i] & 0x7Fu} << (7 * i);
    if (data[i] < 0x80) {
      out.size = i + 1;
      return out;
    }
  }
  return out;
}

enum class Wire : uint8_t { kVarint, kFixed, kField, kNone };

// A tag with what belongs to it: a varint's number, the size of a fixed one or of the field to come.
struct Tag {
  Wire wire = Wire::kNone;
  size_t size = 0;  // bytes up to the number's end or to the field's beginning; 0: not complete
  uint64_t number = 0;
};

Tag read_tag(const uint8_t* data, size_t size) {
  const Varint tag = read_varint(data, size);
  if (!tag.valid) return {};
  if (tag.size == 0) return {Wire::kVarint, 0, 0};
  if (tag.value >> 3 == 0 || tag.value >> 32 != 0) return {};
  switch (tag.value & 7) {
    case 1:
      return {Wire::kFixed, tag.size, 8};
    case 5:
      return {Wire::kFixed, tag.size, 4};
    case 0:
    case 2: {
      const Varint number = read_varint(data + tag.size, size - tag.size);
      if (!number.valid) return {};
      const Wire wire = (tag.value & 7) == 0 ? Wire::kVarint : Wire::kField;
      return {wire, number.size == 0 ? 0 : tag.size + number.size, number.value};
    }
    default:
      return {};  // groups, which nobody sends any more, and what does not exist
  }
}

bool is_text(const uint8_t* data, size_t size) {
  return std::none_of(data, data + size, [](uint8_t c) {
    return c == 0x7F || (c < ' ' && c != '\t' && c != '\n' && c != '\r');
  });
}

// From the first byte to the last; or, of what only begins here, as far as it goes.
bool is_message(const uint8_t* data, size_t size, bool whole) {
  size_t at = 0;
  while (at < size) {
    const Tag tag = read_tag(data + at, size - at);
    if (tag.wire == Wire::kNone) return false;
    if (tag.size == 0) return !whole;
    at += tag.size;
    if (tag.wire == Wire::kVarint) continue;
    if (tag.number > size - at) return !whole;
    at += static_cast<size_t>(tag.number);
  }
  return true;
}

class ProtobufFilter : public Filter {
 public:
  explicit ProtobufFilter(unsigned layer) : layer_(layer), value_(layer), frames_{kEndless} {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    while (text_ != nullptr ? in_text(text, last, scrubber) : tag(text, last, scrubber)) {
    }
    if (last) pos_ = text.size;
    return pos_;
  }

 private:
  bool tag(const Text& text, bool last, Scrubber& scrubber) {
    while (frames_.back() == 0) frames_.pop_back();
    const size_t here = static_cast<size_t>(std::min<uint64_t>(text.size - pos_, frames_.back()));
    if (here == 0) {
      if (last && frames_.size() > 1) malformed(text, scrubber);
      return false;
    }
    const bool whole = last || here == frames_.back();
    const Tag next = read_tag(text.data + pos_, here);
    if (next.size == 0 && next.wire != Wire::kNone && !whole) return false;
    const uint64_t room = frames_.back();
    const uint64_t content = next.wire == Wire::kVarint ? 0 : next.number;
    if (next.size == 0 || content > room - next.size) {
      malformed(text, scrubber);
      begin_text(frames_.back());
      return true;
    }
    if (next.wire == Wire::kVarint) {
      const uint64_t at = text.unit(pos_ + next.size - 1).at;
      show_number(next.number, at, {}, {}, scrubber);
      pass(next.size);
      return true;
    }
    const size_t needed =
        next.size + static_cast<size_t>(std::min<uint64_t>(
                        content, next.wire == Wire::kFixed || content <= kWhole ? content : kBeginning));
    if (text.size - pos_ < needed) {
      if (!last) return false;
      malformed(text, scrubber);
      begin_text(frames_.back());
      return true;
    }
    if (next.wire == Wire::kFixed || content <= kWhole) {
      if (next.wire == Wire::kField) show(text.sub(pos_ + next.size, needed - next.size), 0, scrubber);
      pass(needed);
      return true;
    }
    pass(next.size);
    if (!is_text(text.data + pos_, kBeginning) && is_message(text.data + pos_, kBeginning, false) &&
        frames_.size() <= kNesting) {
      if (frames_.back() != kEndless) frames_.back() -= content;
      frames_.push_back(content);
    } else {
      begin_text(content);
    }
    return true;
  }

  void pass(size_t size) {
    pos_ += size;
    if (frames_.back() != kEndless) frames_.back() -= size;
  }

  // The next bytes are no message.
  void begin_text(uint64_t size) {
    text_ = make_plain_filter(layer_, PlainCoding::kUtf8);
    text_left_ = size;
  }

  bool in_text(const Text& text, bool last, Scrubber& scrubber) {
    const size_t here = static_cast<size_t>(std::min<uint64_t>(text.size - pos_, text_left_));
    const bool all = here == text_left_;
    const size_t settled = text_->feed(text.sub(pos_, here), all || last, scrubber);
    pass(settled);
    if (text_left_ != kEndless) text_left_ -= settled;
    if (!all) {
      if (last && text_left_ != kEndless) malformed(text, scrubber);
      return false;
    }
    text_.reset();
    return true;
  }

  // A field that is complete.
  void show(const Text& field, size_t depth, Scrubber& scrubber) {
    constexpr size_t kLeast = 7;  // the varint of a number of limits::kPanMin digits, and its tag
    if (field.size < kLeast) return;
    if (depth < kNesting && !is_text(field.data, field.size) && is_message(field.data, field.size, true)) {
      for (size_t at = 0; at < field.size;) {
        const Tag tag = read_tag(field.data + at, field.size - at);
        at += tag.size;
        if (tag.wire == Wire::kVarint) {
          show_number(tag.number, field.unit(at - 1).at, {}, {}, scrubber);
          continue;
        }
        const size_t size = static_cast<size_t>(tag.number);
        if (tag.wire == Wire::kField) show(field.sub(at, size), depth + 1, scrubber);
        at += size;
      }
      return;
    }
    if (!scan_value({field.data, field.size}, FormSyntax{0, false}).may_matter) return;
    value_.begin({}, {}, ValueType::kFree, Escapes::kNone, scrubber);
    value_.text(field, true, scrubber);
  }

  void malformed(const Text& text, Scrubber& scrubber) const {
    if (layer_ != 0) return;
    scrubber.malformed(pos_ < text.size ? text.unit(pos_).at
                       : text.size == 0 ? text.at
                                        : text.unit(text.size - 1).at + 1);
  }

  unsigned layer_;
  UrlValue value_;
  std::vector<uint64_t> frames_;  // bytes to come of each message that is open; of the body: kEndless
  size_t pos_ = 0;                // leading units of the text that are settled
  std::unique_ptr<Filter> text_;  // reads what is no message
  uint64_t text_left_ = 0;
};

}  // namespace

std::unique_ptr<Filter> make_protobuf_filter(unsigned layer) {
  return std::make_unique<ProtobufFilter>(layer);
}

}  // namespace cardscrub
