// The screen: blocks of 64 bytes as bit masks, and a closer look at the few places that they point to.
#include "filters/json_screen.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "filters/decoded.h"
#include "filters/inner_text.h"
#include "filters/json_filter.h"
#include "filters/json_masks.h"
#include "filters/json_numbers.h"

namespace cardscrub {

#if defined(__x86_64__)

namespace {

// The last bytes are looked at in a copy with white space behind them, and with as many in front of them as
// the digits of a number reach back.
constexpr size_t kFront = 128;
constexpr size_t kTailMax = kBlock + kJsonAhead;

// What a byte is outside of strings. Their order is what the masks are made by.
enum Class : uint8_t {
  kNone = 0,  // letters, and what JSON has nowhere
  kDigit = 1,
  kSign = 2,  // + - .
  kColon = 4,
  kSpace = 8,
  kBreak = 16,  // line feed, tab, carriage return
  kComma = 32,
  kClose = 64,  // ] }
  kOpen = 128,  // [ {
};

// A byte's class is what the tables have in common for its lower and its upper four bits.
constexpr std::array<uint8_t, 16> kOfLow = [] {
  std::array<uint8_t, 16> table{};
  for (size_t i = 0; i < 10; ++i) table[i] = kDigit;
  table[0x0] |= kSpace;
  for (size_t i : {0x9u, 0xAu, 0xDu}) table[i] |= kBreak;
  for (size_t i : {0xBu, 0xDu, 0xEu}) table[i] |= kSign;
  table[0xA] |= kColon;
  table[0xC] |= kComma;
  table[0xB] |= kOpen;
  table[0xD] |= kClose;
  return table;
}();
constexpr std::array<uint8_t, 16> kOfHigh = [] {
  std::array<uint8_t, 16> table{};
  table[0x0] = kBreak;
  table[0x2] = kSpace | kSign | kComma;
  table[0x3] = kDigit | kColon;
  table[0x5] = table[0x7] = kOpen | kClose;
  return table;
}();

struct Masks {
  uint64_t quotes;
  uint64_t numeric;  // below ':' or beyond ASCII
  uint64_t none;     // kNone
  uint64_t low;      // kNone, kDigit, kSign
  uint64_t open;     // kOpen
  uint64_t stop;     // kComma, kClose
  uint64_t equals;
  bool escapes;
  bool high;  // bytes beyond ASCII
};

// A byte beyond ASCII has no class: the shuffle gives 0 for it.
SKIM_AVX2 inline __m256i classes_of(__m256i bytes) {
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
  return _mm256_and_si256(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load16(kOfLow.data())), bytes),
                          _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load16(kOfHigh.data())), upper));
}

SKIM_AVX2 inline Masks read_classes(const uint8_t* p) {
  using json_avx2::bits;
  const __m256i first = json_avx2::load32(p), second = json_avx2::load32(p + 32);
  const __m256i a = classes_of(first), b = classes_of(second);
  const __m256i slash = _mm256_set1_epi8('\\');
  const __m256i slashes = _mm256_or_si256(_mm256_cmpeq_epi8(first, slash), _mm256_cmpeq_epi8(second, slash));
  const __m256i colon = _mm256_set1_epi8(':');
  Masks masks;
  masks.quotes = json_avx2::equal(first, second, '"');
  masks.numeric = bits(_mm256_cmpgt_epi8(colon, first), _mm256_cmpgt_epi8(colon, second));
  masks.none = json_avx2::equal(a, b, kNone);
  masks.open = bits(a, b);  // the top bit of the class
  masks.low = ~(json_avx2::above(a, b, kSign) | masks.open);
  masks.stop = json_avx2::above(a, b, kBreak);
  masks.equals = json_avx2::equal(first, second, '=');
  masks.escapes = _mm256_testz_si256(slashes, slashes) == 0;
  masks.high = _mm256_movemask_epi8(_mm256_or_si256(first, second)) != 0;
  return masks;
}

// Where six bytes lie that a neighbouring block may have six more of.
constexpr uint64_t kBorders = uint64_t{1} << 58 | 1;

// What reaches from one block into the next.
struct Carry {
  uint64_t in_string = 0;                                      // all bits
  uint64_t after_open = 0, after_close = 0, after_scalar = 0;  // what the last byte is: the lowest bit
  size_t opened = 0;                                           // brackets
  bool high = false;                                           // a byte beyond ASCII was met
};

class Screen {
 public:
  explicit Screen(const Scrubber& scrubber) : fields_(*scrubber.policy().fields), scrubber_(scrubber) {}

  // *opened: how many brackets there are that open something, in strings too.
  SKIM_AVX2 bool passes(const Text& text, size_t* opened) {
    data_ = text.data;
    end_ = text.data + text.size;
    Carry carry;
    uint8_t* p = data_;
    for (; end_ - p >= static_cast<std::ptrdiff_t>(kTailMax); p += kBlock) {
      if (!block(p, &carry)) return false;
    }
    std::array<uint8_t, kFront + kTailMax + kTailMax> copy;
    const size_t front = std::min(kFront, static_cast<size_t>(p - data_));
    const size_t rest = static_cast<size_t>(end_ - p);
    std::memcpy(copy.data(), p - front, front + rest);
    std::memset(copy.data() + front + rest, ' ', copy.size() - front - rest);
    data_ = copy.data();
    end_ = data_ + copy.size();
    bool well = true;
    for (size_t at = 0; at < rest && well; at += kBlock) well = block(data_ + front + at, &carry);
    well = well && strings_pass();
    wipe(copy.data(), front + rest);
    *opened = carry.opened;
    return well;
  }

 private:
  // What of a block must be looked at closely, a bit a byte.
  struct Places {
    uint64_t digits;  // the first ones of twelve
    uint64_t inside;  // of a string
    uint64_t numeric;
    uint64_t scalars;  // numbers, words, and whatever else stands outside of strings
    uint64_t began;    // behind a byte of a scalar
    uint64_t words;    // of these, what no number has
    uint64_t nested;   // the first of a string, where JSON may begin
    uint64_t odd;      // behind a scalar, and not the end of a value
  };

  // Digits in strings that wait for all names to be seen.
  struct Late {
    uint8_t* p;
    uint64_t digits;
    uint64_t numeric;
    uint8_t* data;  // as data_ and end_ were
    uint8_t* end;
  };

  // False: it has something that somebody must see.
  SKIM_AVX2 [[gnu::always_inline]] bool block(uint8_t* p, Carry* carry) {
    const Masks masks = read_classes(p);
    const uint64_t inside = json_avx2::prefix_xor(masks.quotes) ^ carry->in_string;
    const uint64_t opens = masks.quotes & inside;
    const uint64_t closes = masks.quotes & ~inside;
    const uint64_t scalars = masks.low & ~(inside | masks.quotes);
    const uint64_t digits = ((masks.numeric & inside) | scalars) & ~masks.quotes;
    const uint64_t three = digits & digits >> 1 & digits >> 2;
    const uint64_t six = three & three >> 3;
    const uint64_t twelve = six & (six >> 6 | kBorders);
    const uint64_t begins = 2 * opens | carry->after_open;
    const uint64_t nested = begins & (~(masks.low | masks.stop) | (masks.none & masks.numeric));
    const uint64_t began = 2 * scalars | carry->after_scalar;
    const uint64_t odd = began & ~(scalars | masks.stop);
    const uint64_t words = masks.none & scalars;
    // A string is no name when the end of a value follows it at once.
    const uint64_t names = (2 * closes | carry->after_close) & ~masks.stop;
    carry->in_string = 0 - (inside >> 63);
    carry->after_open = opens >> 63;
    carry->after_close = closes >> 63;
    carry->after_scalar = scalars >> 63;
    carry->opened += static_cast<size_t>(std::popcount(masks.open));
    carry->high = carry->high || masks.high;
    if (masks.escapes || (carry->high && names != 0 && !names_are_ascii(p, names))) return false;
    const NameEnds& ends = fields_.ends();
    for (uint64_t rest = names; rest != 0; rest &= rest - 1) {
      const unsigned at = static_cast<unsigned>(std::countr_zero(rest));
      const uint8_t* const quote = p + at - 1;
      if (!ends.may_end_in(quote - 2)) continue;
      const uint64_t in_front = opens & ((uint64_t{1} << at) - 1) >> 1;
      const uint8_t* const begin = in_front != 0
                                       ? p + (kBlock - static_cast<size_t>(std::countl_zero(in_front)))
                                       : begin_of_string(quote, data_);
      const Bytes name(begin, static_cast<size_t>(quote - begin));
      if (begin == nullptr) return false;
      // Without a value there is no name/value pair.
      if (ends.may_end_like(name) && (fields_.ends_a_pattern(name) || pair_part(name) == Pair::kValue ||
                                      (is_query_name(name) && may_be_query(quote + 1)))) {
        return false;
      }
    }
    for (uint64_t rest = masks.equals & inside; rest != 0; rest &= rest - 1) {
      if (may_end_pair_name(p + std::countr_zero(rest), data_)) return false;
    }
    if ((twelve | words | nested | odd) == 0) return true;
    return look(p, {twelve, inside, masks.numeric, scalars, began, words, nested, odd});
  }

  // Digits and separators of other scripts count in names, too.
  [[gnu::noinline]] bool names_are_ascii(const uint8_t* p, uint64_t names) const {
    for (; names != 0; names &= names - 1) {
      const uint8_t* const quote = p + std::countr_zero(names) - 1;
      const uint8_t* const begin = begin_of_string(quote, data_);
      if (begin == nullptr) return false;
      const size_t size = static_cast<size_t>(quote - begin);
      if (find_non_ascii(begin, size) != size) return false;
    }
    return true;
  }

  [[gnu::noinline]] bool look(uint8_t* p, const Places& places) {
    for (uint64_t rest = places.odd; rest != 0; rest &= rest - 1) {
      const uint8_t* const q = pass_white(p + std::countr_zero(rest));
      if (q != end_ && *q != ',' && *q != ']' && *q != '}') return false;
    }
    for (uint64_t rest = places.nested; rest != 0; rest &= rest - 1) {
      if (may_nest(pass_white(p + std::countr_zero(rest)))) return false;
    }
    if (!words_pass(p, places) || !numbers_pass(p, places)) return false;
    if ((places.digits & places.inside) == 0) return true;
    // Names tell sooner than strings that somebody must look.
    if (waiting_ == late_.size() && !strings_pass()) return false;
    late_[waiting_++] = {p, places.digits & places.inside, places.numeric, data_, end_};
    return true;
  }

  const uint8_t* pass_white(const uint8_t* q) const {
    while (q != end_ && is_white(*q)) ++q;
    return q;
  }

  // At what stands behind a name.
  bool may_be_query(const uint8_t* q) const {
    while (q != end_ && (is_white(*q) || *q == ':')) ++q;
    return q == end_ || (*q == '"' && may_begin_graphql(q + 1, end_));
  }

  // The first character of the string that `in` points into, or behind; nullptr: it is in front of `data`.
  static const uint8_t* begin_of_string(const uint8_t* in, const uint8_t* data) {
    while (in[-1] != '"') {
      if (--in == data) return nullptr;
    }
    return in;
  }

  // At the first character of a string that is no white space of ASCII.
  bool may_nest(const uint8_t* q) const {
    if (q == end_ || *q == '{' || *q == '[') return true;
    return begins_with_separator(q, static_cast<size_t>(end_ - q));  // decoded, it is white space
  }

  // Words are true, false and null.
  bool words_pass(const uint8_t* p, const Places& places) {
    uint64_t words = places.words & ~uint64_t{0} << word_rest_;
    word_rest_ = 0;
    while (words != 0) {
      const unsigned at = static_cast<unsigned>(std::countr_zero(words));
      const uint8_t* const behind = pass_literal(p + at);
      if (behind == p + at || (places.began >> at & 1) != 0) return false;
      const size_t next = static_cast<size_t>(behind - p);
      words = next < kBlock ? words & ~uint64_t{0} << next : 0;
      word_rest_ = next > kBlock ? static_cast<unsigned>(next - kBlock) : 0;
    }
    return true;
  }

  // Numbers outside of strings that have twelve characters.
  bool numbers_pass(const uint8_t* p, const Places& places) const {
    for (uint64_t rest = places.digits & ~places.inside; rest != 0;) {
      const unsigned at = static_cast<unsigned>(std::countr_zero(rest));
      const uint8_t* begin = p + at;
      while (begin != data_ && (kJsonClass[begin[-1]] & kJsonDelimiter) == 0) --begin;
      if (p + at - begin > static_cast<std::ptrdiff_t>(kFront / 2)) return false;
      if (!scalar_passes(begin, scrubber_)) return false;
      const unsigned behind = at + static_cast<unsigned>(std::countr_one(places.scalars >> at));
      rest = behind < kBlock ? rest & ~uint64_t{0} << behind : 0;
    }
    return true;
  }

  // Strings with twelve digits close together: what the sweep says.
  bool strings_pass() {
    const uint8_t* cleared = nullptr;  // in front of it nothing was found
    for (size_t i = 0; i != waiting_; ++i) {
      const Late& late = late_[i];
      if (i == 0 || late.data != late_[i - 1].data) cleared = late.data;
      uint64_t rest = late.digits;
      while (rest != 0 &&
             (rest = find_numbers({late.data, late.end}, late.p, rest, late.numeric, scrubber_)) != 0) {
        uint8_t* const in = late.p + std::countr_zero(rest);
        if (in >= cleared && !string_passes(in, late, &cleared)) return false;
        rest = cleared - late.p < static_cast<std::ptrdiff_t>(kBlock)
                   ? late.digits & ~uint64_t{0} << (cleared - late.p)
                   : 0;
      }
    }
    waiting_ = 0;
    return true;
  }

  bool string_passes(uint8_t* in, const Late& late, const uint8_t** behind) const {
    const uint8_t* const begin = begin_of_string(in, late.data);
    const void* const end = std::memchr(in, '"', static_cast<size_t>(late.end - in));
    if (begin == nullptr || end == nullptr) return false;
    *behind = static_cast<const uint8_t*>(end);
    const Text text{in - (in - begin), static_cast<size_t>(*behind - begin), nullptr, 0};
    return find_non_ascii(text.data, text.size) == text.size && !scrubber_.would_find(text);
  }

  const FieldNames& fields_;
  const Scrubber& scrubber_;
  uint8_t* data_ = nullptr;  // what can be read
  uint8_t* end_ = nullptr;
  unsigned word_rest_ = 0;  // bytes of a word that began in the block in front
  std::array<Late, 16> late_;
  size_t waiting_ = 0;
};

bool runs_here() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}
bool g_on = runs_here();

}  // namespace

bool json_is_harmless(const Text& text, const Scrubber& scrubber) {
  const Policy& policy = scrubber.policy();
  if (!g_on || policy.fields == nullptr || policy.fields->ends().any() || policy.require != 0 ||
      scrubber.sweeps_tokens() || scrubber.path().depth() != 0) {
    return false;
  }
  // With a bracket first, what stands in front of a quote can be read.
  if (text.size < 2 || (text.data[0] != '{' && text.data[0] != '[')) return false;
  size_t opened = 0;
  return Screen(scrubber).passes(text, &opened) && opened <= std::min(policy.max_depth, limits::kDepth);
}

bool use_json_screen(bool on) {
  g_on = on && runs_here();
  return g_on;
}

#else

bool json_is_harmless(const Text&, const Scrubber&) { return false; }
bool use_json_screen(bool) { return false; }

#endif

}  // namespace cardscrub
