// The quick look at head elements: count digits, look at names.
#include "filters/head_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "filters/head_look.h"
#include "src/detector.h"
#include "src/limits.h"
#include "src/vector16.h"
#include "src/wrapped.h"

namespace cardscrub {

namespace {

const Path kRoot;

// A name's bytes that are written with escapes, or are not ASCII, cannot be compared as they are.
bool is_escaped(char c) { return c == '%' || c == '+' || static_cast<unsigned char>(c) >= 0x80; }

// What a number may be made of where digits or what stands between them are escaped: "4111%201111", "%34%31",
// "\\u0034", "4111+1111". Such numbers are not where the bytes alone show them; 0 ends one.
constexpr uint8_t kDigit = 1;
constexpr uint8_t kEscape = 2;
constexpr uint8_t kPart = 4;
constexpr std::array<uint8_t, 256> kNumberParts = [] {
  std::array<uint8_t, 256> table{};
  for (char c : std::string_view(" -.u")) table[static_cast<uint8_t>(c)] = kPart;
  for (unsigned c = 'a'; c <= 'f'; ++c) table[c] = table[c - 32] = kPart;
  for (char c : std::string_view("%\\+")) table[static_cast<uint8_t>(c)] = kEscape;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = kDigit;
  return table;
}();

bool may_hold_escaped_pan(Bytes text) {
  std::string_view view{reinterpret_cast<const char*>(text.data()), text.size()};
  size_t escape = std::min({view.find('%'), view.find('+'), view.find('\\')});
  if (escape == std::string_view::npos) return false;
  while (escape > 0 && kNumberParts[text[escape - 1]] != 0) --escape;
  size_t digits = 0;
  bool escaped = false;
  for (uint8_t c : text.subspan(escape)) {
    const uint8_t part = kNumberParts[c];
    if (part == 0) {
      digits = 0;
      escaped = false;
      continue;
    }
    digits += part & kDigit;
    escaped = escaped || part == kEscape;
    if (escaped && digits >= limits::kPanMin) return true;
  }
  return false;
}

// JSON, with names of its own.
bool may_hold_escaped_brace(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (text.size() - at > 2 && text[at + 1] == '7' && (text[at + 2] | 0x20) == 'b') return true;
  }
  return false;
}

bool separates(char c) {
  return c == '&' || c == ';' || c == '?' || c == '#' || c == ' ' || c == '\t' || c == '/' || c == '"';
}

// What stands in front of a name; and '+', which is a space in one.
constexpr uint8_t kInFront = 1;
constexpr uint8_t kSpace = 2;
constexpr std::array<uint8_t, 256> kAroundNames = [] {
  std::array<uint8_t, 256> table{};
  for (char c : std::string_view("&;?# \t/\"=")) table[static_cast<uint8_t>(c)] = kInFront;
  table['+'] = kSpace;
  return table;
}();

// What stands in front of a name, or of a '=': whether it is the beginning of the name. Spaces in names do
// not count.
bool may_go_on(const char* begin, const char* end) {
  if (end == begin || end[-1] != ' ') return false;
  while (end != begin && end[-1] == ' ') --end;
  return end != begin && kAroundNames[static_cast<uint8_t>(end[-1])] != kInFront;
}

bool is_plain(char c) { return is_digit(static_cast<uint8_t>(c)) || is_alpha(static_cast<uint8_t>(c)); }

}  // namespace

bool HeadScan::announces(std::string_view name) const {
  bool failed = false;
  FieldMatch match =
      fields_.match(kRoot, {reinterpret_cast<const uint8_t*>(name.data()), name.size()}, &failed);
  return failed || match.kind != Kind::kNone;
}

bool HeadScan::announces_header(std::string_view name) const {
  if (name.empty()) return false;
  const bool extension =
      name.size() > 2 && (name[0] | 0x20) == 'x' && (name[1] == '-' || name[1] == '_');  // X-Card-Number
  return announces(name) || (extension && announces(name.substr(2)));
}

// Names in front of '=', as arguments, cookies and matrix parameters have them. What stands in front of a '='
// inside a value is taken for a name too: at worst a scrubber looks in vain.
bool HeadScan::names_announce(std::string_view text) const {
  if (may_hold_escaped_brace(text)) return true;
  size_t from = 0;
  for (size_t equals = text.find('='); equals != std::string_view::npos; equals = text.find('=', from)) {
    size_t begin = equals;
    bool escaped = false;
    while (begin > from && !separates(text[begin - 1])) escaped = is_escaped(text[--begin]) || escaped;
    if (escaped || may_go_on(text.data() + from, text.data() + begin) ||
        announces(text.substr(begin, equals - begin))) {
      return true;
    }
    from = equals + 1;
  }
  return false;
}

// The name in front of a '=' where nothing but spaces is escaped. What begins and ends in the letters of a
// pattern is left to who looks closer; what has other characters there is compared.
__attribute__((noinline)) bool HeadScan::name_announces(const uint8_t* data, size_t equals) const {
  size_t begin = equals;
  uint8_t kinds = 0;
  for (; begin > 0 && kAroundNames[data[begin - 1]] != kInFront; --begin)
    kinds |= kAroundNames[data[begin - 1]];
  const char* const text = reinterpret_cast<const char*>(data);
  if (kinds != 0 || may_go_on(text, text + begin)) return true;
  const std::string_view name(text + begin, equals - begin);
  if (!ends_.may_match({data + begin, name.size()})) return false;
  const bool plain = name.size() > 1 && is_plain(name[0]) && is_plain(name[1]) && is_plain(name.back()) &&
                     is_plain(name[name.size() - 2]);
  return plain || announces(name);
}

bool HeadScan::look_closely(Bytes bytes, bool names) const {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return may_hold_pan(bytes.data(), bytes.size()) || may_hold_escaped_pan(bytes) || may_hold_wrapped(bytes) ||
         text.find('{') != std::string_view::npos || (names && names_announce(text));
}

#if defined(__SSE2__)

namespace {

uint64_t bits(__m128i lanes) { return static_cast<uint32_t>(_mm_movemask_epi8(lanes)); }

__m128i equal(__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }

// Twelve or more digits, all ASCII: false when they neither stand together, with at most one separator behind
// each of them, nor are escaped.
bool may_link(Bytes text) {
  unsigned run = 0;     // set bits that the words so far end in
  uint64_t before = 0;  // digits of the word in front
  __m128i escapes = _mm_setzero_si128();
  for (size_t at = 0; at < text.size();) {
    uint64_t digits = 0;
    uint64_t joints = 0;
    for (unsigned shift = 0; shift < 64 && at < text.size(); shift += 16, at += 16) {
      const __m128i v = load_16(text.data() + at, text.size() - at);
      digits |= bits(digits_of(v)) << shift;
      joints |= bits(_mm_or_si128(_mm_or_si128(equal(v, ' '), equal(v, '-')), equal(v, '.'))) << shift;
      escapes =
          _mm_or_si128(escapes, _mm_or_si128(_mm_or_si128(equal(v, '%'), equal(v, '+')), equal(v, '\\')));
    }
    const uint64_t linked = digits | (joints & (digits << 1 | before >> 63));
    const auto head = static_cast<unsigned>(std::countr_one(linked));
    if (run + head >= limits::kPanMin || runs_of_twelve(linked) != 0)
      return may_hold_pan(text.data(), text.size()) || may_hold_escaped_pan(text);
    run = static_cast<unsigned>(std::countl_one(linked));
    before = digits;
  }
  return bits(escapes) != 0 && may_hold_escaped_pan(text);
}

}  // namespace

#else

namespace {
bool may_link(Bytes text) { return may_hold_pan(text.data(), text.size()) || may_hold_escaped_pan(text); }
}  // namespace

#endif

bool HeadScan::plain_names_announce(Bytes bytes) const {
  const uint8_t* data = bytes.data();
  for (size_t i = 0; i != bytes.size(); ++i) {
    if (data[i] != '=') continue;
    if ((i < 2 || ends_.may_end_in(data + i - 2)) && name_announces(data, i)) return true;
  }
  return false;
}

bool HeadScan::judge(Bytes bytes, unsigned signs, bool names) const {
  if ((signs & kOddSign) != 0) return look_closely(bytes, names);
  if ((signs & kDigitsSign) != 0 && may_link(bytes)) return true;
  if ((signs & kQuadsSign) != 0 && may_hold_wrapped(bytes)) return true;
  if ((signs & kPercentSign) != 0)
    return names_announce({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return (signs & kNameSign) != 0 && plain_names_announce(bytes);
}

// Texts that are very short or very long.
bool HeadScan::rare_may_hold(Bytes bytes, bool names) const {
  if (bytes.size() > kHeadLookMost) return look_closely(bytes, names);
  if (bytes.empty()) return false;
#if defined(__SSE2__)
  // A number has no room: a name, JSON, or something encoded.
  const __m128i v = load_rest(bytes.data(), bytes.size());
  __m128i found = _mm_or_si128(v, equal(v, '{'));
  if (names) found = _mm_or_si128(found, _mm_or_si128(equal(v, '='), equal(v, '%')));
  if (bits(found) == 0) return false;
#endif
  return judge(bytes, kHeadKernel.look(bytes.data(), bytes.size(), names ? &ends_ : nullptr, false), names);
}

}  // namespace cardscrub
