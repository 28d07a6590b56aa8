// The MessagePack filter (github.com/msgpack/msgpack, spec.md).
//
//   header --string, binary, extension--> payload --its last byte--> header
//      |--number, nil, true, false--> header
//      |--map, array--> header, one level deeper, until its elements have come
//      +--no such type--> rest of the body: text
#include "filters/msgpack.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "filters/long_name.h"
#include "filters/number_value.h"
#include "filters/plain.h"
#include "filters/url_value.h"

namespace cardscrub {

namespace {

enum class Type : uint8_t { kNone, kNumber, kFloat, kString, kBinary, kExtension, kArray, kMap, kOther };

// What a first byte says. bytes: of the length, the count or the number behind it; fixed: the length or count
// when it stands in the first byte itself.
struct Header {
  Type type;
  uint8_t bytes = 0;
  uint8_t fixed = 0;
};

Header header_of(uint8_t first) {
  if (first < 0x80) return {Type::kNumber, 0, first};
  if (first < 0x90) return {Type::kMap, 0, static_cast<uint8_t>(first & 15)};
  if (first < 0xA0) return {Type::kArray, 0, static_cast<uint8_t>(first & 15)};
  if (first < 0xC0) return {Type::kString, 0, static_cast<uint8_t>(first & 31)};
  if (first >= 0xE0) return {Type::kOther};
  static constexpr std::array<Header, 32> kHeaders{{
      {Type::kOther},
      {Type::kNone},
      {Type::kOther},
      {Type::kOther},
      {Type::kBinary, 1},
      {Type::kBinary, 2},
      {Type::kBinary, 4},
      {Type::kExtension, 1},
      {Type::kExtension, 2},
      {Type::kExtension, 4},
      {Type::kFloat, 4},
      {Type::kFloat, 8},
      {Type::kNumber, 1},
      {Type::kNumber, 2},
      {Type::kNumber, 4},
      {Type::kNumber, 8},
      {Type::kOther, 1},
      {Type::kOther, 2},
      {Type::kOther, 4},
      {Type::kNumber, 8},
      {Type::kExtension, 0, 1},
      {Type::kExtension, 0, 2},
      {Type::kExtension, 0, 4},
      {Type::kExtension, 0, 8},
      {Type::kExtension, 0, 16},
      {Type::kString, 1},
      {Type::kString, 2},
      {Type::kString, 4},
      {Type::kArray, 2},
      {Type::kArray, 4},
      {Type::kMap, 2},
      {Type::kMap, 4},
  }};
  return kHeaders[first - 0xC0];
}

// A longer key has no name.
constexpr size_t kKeyMax = 16 * limits::kNameMax;

// A shorter text holds no card number, and no JSON with a code: {"c":123
constexpr size_t kLeast = 8;
static_assert(kLeast < limits::kPanMin);

class MsgpackFilter : public Filter {
 public:
  explicit MsgpackFilter(unsigned layer) : layer_(layer), value_(layer) {}
  ~MsgpackFilter() override { wipe(name_.data(), name_.size()); }
  MsgpackFilter(const MsgpackFilter&) = delete;
  MsgpackFilter& operator=(const MsgpackFilter&) = delete;

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    pos_ = 0;
    while (step(text, last, scrubber)) {
    }
    if (last) {
      pos_ = text.size;
      for (; !frames_.empty(); frames_.pop_back()) scrubber.close();
    }
    return pos_;
  }

 private:
  enum class State : uint8_t { kHeader, kPayload, kText, kStopped };

  struct Frame {
    uint64_t left;  // elements to come; of a map, keys and values
    bool map;
    FieldMatch match;  // of the elements of an array
  };

  bool step(const Text& text, bool last, Scrubber& scrubber) {
    switch (state_) {
      case State::kHeader:
        return header(text, last, scrubber);
      case State::kPayload:
        return payload(text, last, scrubber);
      case State::kText:
        pos_ += rest_->feed(text.sub(pos_, text.size - pos_), last, scrubber);
        return false;
      case State::kStopped:
        pos_ = text.size;
        return false;
    }
    return false;
  }

  bool is_key() const { return !frames_.empty() && frames_.back().map && frames_.back().left % 2 == 0; }

  bool header(const Text& text, bool last, Scrubber& scrubber) {
    while (!frames_.empty() && frames_.back().left == 0) close(scrubber);
    if (pos_ == text.size) {
      if (last && !frames_.empty()) malformed(text, scrubber);
      return false;
    }
    const Header head = header_of(text.data[pos_]);
    const size_t size = 1 + head.bytes + (head.type == Type::kExtension ? size_t{1} : 0);
    if (head.type == Type::kNone || (text.size - pos_ < size && last)) {
      malformed(text, scrubber);
      rest_ = make_plain_filter(layer_, PlainCoding::kUtf8);
      state_ = State::kText;
      return true;
    }
    if (text.size - pos_ < size) return false;
    uint64_t number = head.fixed;
    for (size_t i = 1; i <= head.bytes; ++i) number = number << 8 | text.data[pos_ + i];
    const uint64_t at = text.unit(pos_ + size - 1).at;
    const uint8_t first = text.data[pos_];
    pos_ += size;
    switch (head.type) {
      case Type::kArray:
      case Type::kMap:
        return open(number, head.type == Type::kMap, scrubber);
      case Type::kString:
      case Type::kBinary:
      case Type::kExtension:
        begin_payload(head.type, number, scrubber);
        return true;
      case Type::kNumber:
        // 0xD3 is signed.
        if (first != 0xD3 || number >> 63 == 0) show(number, at, scrubber);
        break;
      case Type::kFloat:
        show_float(head.bytes, number, at, scrubber);
        break;
      default:
        break;
    }
    done(scrubber);
    return true;
  }

  void show(uint64_t number, uint64_t at, Scrubber& scrubber) {
    show_number(number, at, name(), is_key() ? FieldMatch{} : scrubber.paired(match()), scrubber);
  }

  void show_float(size_t bytes, uint64_t bits, uint64_t at, Scrubber& scrubber) {
    const double value =
        bytes == 4 ? double{std::bit_cast<float>(static_cast<uint32_t>(bits))} : std::bit_cast<double>(bits);
    constexpr double kMost = 1e19;
    if (value >= 0 && value < kMost && std::floor(value) == value)
      show(static_cast<uint64_t>(value), at, scrubber);
  }

  bool open(uint64_t count, bool map, Scrubber& scrubber) {
    const bool key = is_key();  // a container is no name
    FieldMatch match = key ? FieldMatch{} : scrubber.paired(this->match());
    match.pair = match.kind != Kind::kNone && match.pair == Pair::kValue ? Pair::kInValue : Pair::kNone;
    if (!scrubber.open(key ? Bytes{} : name())) {
      state_ = State::kStopped;
      return true;
    }
    frames_.push_back({map ? 2 * count : count, map, match});
    name_size_ = 0;
    return true;
  }

  void close(Scrubber& scrubber) {
    frames_.pop_back();
    scrubber.close();
    name_size_ = 0;
    done(scrubber);
  }

  // An element is complete.
  void done(Scrubber& scrubber) {
    if (frames_.empty()) {
      name_size_ = 0;
      return;
    }
    const bool key = is_key();
    --frames_.back().left;
    if (!key) name_size_ = 0;
    if (key) match_ = name_size_ == 0 ? FieldMatch{} : scrubber.match(name());
  }

  Bytes name() const { return {name_.data(), name_size_}; }
  FieldMatch match() const {
    if (frames_.empty()) return {};
    return frames_.back().map ? match_ : frames_.back().match;
  }

  void begin_payload(Type type, uint64_t size, Scrubber& scrubber) {
    left_ = size;
    state_ = State::kPayload;
    key_ = is_key();
    if (key_) name_size_ = 0;
    const FieldMatch match = key_ ? FieldMatch{} : scrubber.paired(this->match());
    begun_ = match.kind != Kind::kNone || match.pair != Pair::kNone || size >= kLeast;
    named_ = key_;  // binary and extended ones, too: Ruby's strings and symbols are equal to text
    if (!begun_) return;
    if (type != Type::kString && match.kind == Kind::kNone) {
      binary_ = make_plain_filter(layer_, PlainCoding::kUtf8);
      return;
    }
    value_.begin(key_ ? Bytes{} : name(), match, key_ ? ValueType::kKey : ValueType::kString, Escapes::kNone,
                 scrubber);
  }

  bool payload(const Text& text, bool last, Scrubber& scrubber) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(text.size - pos_, left_));
    const bool all = size == left_;
    if (named_ && !all && !last && size <= kKeyMax) return false;
    if (named_ && name_size_ == 0) {
      const Bytes key{text.data + pos_, size};
      const Bytes kept = size > kKeyMax ? key.first(name_.size()) : end_of_name(key);
      name_size_ = kept.size();
      if (name_size_ != 0) std::memcpy(name_.data(), kept.data(), name_size_);
      named_ = false;
    }
    const Text now = text.sub(pos_, size);
    size_t settled = size;
    if (binary_) {
      settled = binary_->feed(now, all || last, scrubber);
    } else if (begun_) {
      settled = value_.text(now, all || last, scrubber);
    } else if (!all && !last) {
      settled = 0;
    }
    pos_ += settled;
    left_ -= settled;
    if (!all) {
      if (last) malformed(text, scrubber);
      return false;
    }
    binary_.reset();
    state_ = State::kHeader;
    done(scrubber);
    return true;
  }

  void malformed(const Text& text, Scrubber& scrubber) const {
    if (layer_ != 0) return;
    scrubber.malformed(pos_ < text.size ? text.unit(pos_).at
                       : text.size == 0 ? text.at
                                        : text.unit(text.size - 1).at + 1);
  }

  unsigned layer_;
  State state_ = State::kHeader;
  std::vector<Frame> frames_;
  size_t pos_ = 0;      // leading units of the text that are settled
  uint64_t left_ = 0;   // bytes of the payload from pos_ on
  bool key_ = false;    // the payload is a key
  bool named_ = false;  // and its text is a name that is still to be kept
  bool begun_ = false;  // the payload is shown to somebody
  UrlValue value_;
  std::unique_ptr<Filter> binary_;
  std::unique_ptr<Filter> rest_;
  FieldMatch match_;  // of the value to come in a map
  size_t name_size_ = 0;
  std::array<uint8_t, limits::kNameMax + 1> name_{};  // end_of_name()
};

}  // namespace

std::unique_ptr<Filter> make_msgpack_filter(unsigned layer) { return std::make_unique<MsgpackFilter>(layer); }

}  // namespace cardscrub
