// WrappedFinder: stretches of digit quads, decoded in up to three ways of telling where the encoded text
// ends.
#include "wrapped.h"

#include <algorithm>
#include <array>

#include "base64_scan.h"

namespace cardscrub {

namespace {

constexpr size_t kFront = 160;     // 120 characters of text: more than limits::kContext
constexpr size_t kBehind = 160;    // and than CloseLook::kAhead
constexpr size_t kStretch = 1024;  // a longer one is judged in parts
constexpr size_t kJoin = 256;      // bytes that are added at a time to what was carried over
constexpr size_t kLeast = 2 * kQuad;
constexpr size_t kMost = kFront + kStretch + kBehind;
static_assert(kJoin >= kFront + kLeast && kStretch % kQuad == 0);
static_assert(kFront / 4 * 3 > limits::kContext && kBehind / 4 * 3 > CloseLook::kAhead);

// What is taken for a part of the encoded text. A line break, a slash or a hyphen may as well end it.
enum class Reach : uint8_t { kAll, kLine, kAlphanumeric };

struct Token {
  size_t size = 0;  // bytes; 0: the encoded text ends here
  uint8_t value = kNoBase64;
  Reach reach = Reach::kAlphanumeric;  // the widest reach that is left out when this ends the text
};

bool matches(const uint8_t* data, size_t size, const char* lower, size_t length) {
  if (size < length) return false;
  for (size_t i = 0; i < length; ++i) {
    const uint8_t c = data[i] >= 'A' && data[i] <= 'Z' ? static_cast<uint8_t>(data[i] + 32) : data[i];
    if (c != static_cast<uint8_t>(lower[i])) return false;
  }
  return true;
}

Token token_at(const uint8_t* data, size_t size) {
  const uint8_t value = base64_value(*data);
  if (value < 62) return {1, value, Reach::kAlphanumeric};
  if (value < kNoBase64) return {1, value, Reach::kLine};
  struct Escape {
    const char* text;
    uint8_t size;
    uint8_t value;
  };
  // JSON's, a form's, quoted-printable's.
  static constexpr std::array kEscapes{
      Escape{"\n", 1, kNoBase64},  Escape{"\r", 1, kNoBase64},    Escape{"\\/", 2, 63},
      Escape{"\\n", 2, kNoBase64}, Escape{"\\r", 2, kNoBase64},   Escape{"%2b", 3, 62},
      Escape{"%2f", 3, 63},        Escape{"%0d", 3, kNoBase64},   Escape{"%0a", 3, kNoBase64},
      Escape{"=\n", 2, kNoBase64}, Escape{"=\r\n", 3, kNoBase64}, Escape{"\\u002b", 6, 62},
      Escape{"\\u002f", 6, 63},    Escape{"&#13;", 5, kNoBase64}, Escape{"&#10;", 5, kNoBase64}};
  for (const Escape& escape : kEscapes) {
    if (!matches(data, size, escape.text, escape.size)) continue;
    return {escape.size, escape.value, escape.value == kNoBase64 ? Reach::kAll : Reach::kLine};
  }
  return {};
}

}  // namespace

// One stretch with what stands around it, decoded.
struct WrappedFinder::Window {
  Window() = default;
  ~Window() {
    wipe(values.data(), most);
    wipe(text.data(), most);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  // data[begin, end) is the stretch.
  void read(Bytes data, size_t begin, size_t end, Reach reach) {
    count = 0;
    const size_t limit = std::min(data.size(), end + kBehind);
    size_t i = begin - std::min(begin, kFront);
    while (i < begin) {
      const Token token = token_at(data.data() + i, begin - i);
      if (!take(token, i, reach)) count = 0;
      i += std::max<size_t>(token.size, 1);
    }
    // The stretch tells how the characters are grouped.
    const size_t odd = count % kQuad;
    std::move(values.begin() + odd, values.begin() + count, values.begin());
    std::move(places.begin() + odd, places.begin() + count, places.begin());
    count -= odd;
    first = count / kQuad * 3;
    past = first + (end - begin) / kQuad * 3;
    for (i = begin; i < limit;) {
      const Token token = token_at(data.data() + i, limit - i);
      if (!take(token, i, reach)) break;
      i += token.size;
    }
    most = std::max(most, count);
    decode();
  }

  bool take(const Token& token, size_t at, Reach reach) {
    if (token.size == 0) return false;
    if (token.reach == Reach::kAll) breaks = true;
    if (token.reach == Reach::kLine) signs = true;
    if (reach != Reach::kAll && token.reach == Reach::kAll) return false;
    if (reach == Reach::kAlphanumeric && token.reach == Reach::kLine) return false;
    if (token.value == kNoBase64) return true;
    values[count] = token.value;
    places[count++] = static_cast<uint16_t>(at);
    return true;
  }

  void decode() {
    size = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < count; ++i) {
      bits = (bits << 6 | values[i]) & 0xFFFF;
      switch (i % kQuad) {
        case 1:
          text[size++] = static_cast<uint8_t>(bits >> 4);
          break;
        case 2:
          text[size++] = static_cast<uint8_t>(bits >> 2);
          break;
        case 3:
          text[size++] = static_cast<uint8_t>(bits);
          break;
        default:
          break;
      }
    }
  }

  // Where the character stands in which byte i of the text begins, and where the one in which it ends.
  size_t begin_of(size_t i) const { return places[i / 3 * kQuad + i % 3]; }
  size_t end_of(size_t i) const { return places[i / 3 * kQuad + i % 3 + 1] + size_t{1}; }

  std::array<uint8_t, kMost> values{};
  std::array<uint16_t, kMost> places;  // in the data, of each value
  std::array<uint8_t, kMost> text{};
  size_t count = 0;
  size_t most = 0;   // values that there were at a time
  size_t size = 0;   // of the text
  size_t first = 0;  // text[first, past) is the stretch
  size_t past = 0;
  bool breaks = false;  // there are line breaks in it
  bool signs = false;   // there are characters that are neither letters nor digits in it
};

void WrappedFinder::feed(Bytes fresh, uint64_t at, bool last) {
  size_t joined = 0;
  while (!carry_.empty() && scan_at_ < at + kFront) {
    const size_t step = std::min(kJoin, fresh.size() - joined);
    carry_.append(fresh.subspan(joined, step));
    joined += step;
    look(carry_.span(), carry_at_, last && joined == fresh.size());
    if (joined < fresh.size()) continue;
    if (scan_at_ > carry_at_ + kFront) {
      const uint64_t from = scan_at_ - kFront;
      carry_.drop_front(static_cast<size_t>(from - carry_at_));
      carry_at_ = from;
    }
    return;
  }
  carry_.clear();
  look(fresh, at, last);
  if (!last) keep(fresh, at);
}

void WrappedFinder::keep(Bytes data, uint64_t base) {
  const uint64_t from = scan_at_ > base + kFront ? scan_at_ - kFront : base;
  carry_.append(data.subspan(static_cast<size_t>(from - base)));
  carry_at_ = from;
}

void WrappedFinder::look(Bytes data, uint64_t base, bool last) {
  hold_ = kNoHold;
  auto begin = static_cast<size_t>(scan_at_ - base);
  for (;;) {
    const size_t from = begin;
    begin = find_digit_quads(data.data(), data.size(), from);
    if (begin == data.size()) {
      // The last ones may be the beginning of two quads.
      const size_t open = last ? 0 : std::min(data.size(), kLeast - 1);
      scan_at_ = base + std::max(from, data.size() - open);
      return;
    }
    size_t end = begin + kLeast;
    while (end - begin < kStretch && data.size() - end >= kQuad && is_digit_quad(data.data() + end))
      end += kQuad;
    if (!last && data.size() - end < kBehind) {
      scan_at_ = hold_ = base + begin;
      return;
    }
    judge(data, base, begin, end);
    begin = end;
  }
}

void WrappedFinder::judge(Bytes data, uint64_t base, size_t begin, size_t end) {
  // Places are counted from the window's beginning, which they reach back to at most.
  const size_t from = begin - std::min(begin, kFront);
  data = data.subspan(from);
  base += from;
  begin -= from;
  end -= from;
  const size_t had = found_.size();
  Window window;
  for (Reach reach : {Reach::kAll, Reach::kLine, Reach::kAlphanumeric}) {
    if (reach == Reach::kLine && !window.breaks) continue;
    if (reach == Reach::kAlphanumeric && !window.signs) continue;
    window.read(data, begin, end, reach);
    const Text text{window.text.data(), window.size, nullptr, 0};
    for (size_t at = 0; at < window.past;) {
      const Detector::Next next = detector_.next(text, at, Before{}, true, options_, scratch_);
      failed_ = failed_ || next.outcome == Detector::Outcome::kFault;
      if (next.outcome != Detector::Outcome::kFound || next.finding.begin >= window.past) break;
      at = next.finding.end;
      if (at <= window.first) continue;
      const uint64_t offset = base + window.begin_of(next.finding.begin);
      if (offset < told_to_) continue;
      told_to_ = base + window.end_of(at - 1);
      found_.push_back({next.finding.kind, next.finding.brand, offset, told_to_ - offset});
    }
    if (found_.size() != had) return;
  }
}

bool may_hold_wrapped(Bytes bytes) {
  return bytes.size() >= kLeast && find_digit_quads(bytes.data(), bytes.size(), 0) != bytes.size();
}

}  // namespace cardscrub
