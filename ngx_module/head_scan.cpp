// The quick look at head elements: count digits, look at names.
#include "head_scan.h"

#include <algorithm>
#include <cstring>

#include "src/detector.h"
#include "src/limits.h"
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

size_t find_escape(Bytes text) {
  std::string_view view{reinterpret_cast<const char*>(text.data()), text.size()};
  return std::min({view.find('%'), view.find('+'), view.find('\\')});
}

// Digits enough, as they stand there.
bool may_hold_plain(Bytes text) {
  return !has_few_digits(text.data(), text.size()) && may_hold_pan(text.data(), text.size());
}

bool may_hold_escaped_pan(Bytes text) {
  size_t escape = find_escape(text);
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

bool separates(char c) { return c == '&' || c == ';' || c == '?' || c == ' ' || c == '/' || c == '"'; }

}  // namespace

bool HeadScan::announces(std::string_view name) const {
  bool failed = false;
  FieldMatch match =
      fields_.match(kRoot, {reinterpret_cast<const uint8_t*>(name.data()), name.size()}, &failed);
  return failed || match.kind != Kind::kNone;
}

// Names in front of '=', as arguments, cookies and matrix parameters have them. What stands in front of a '='
// inside a value is taken for a name too: at worst a scrubber looks in vain.
bool HeadScan::names_announce(std::string_view text) const {
  size_t from = 0;
  for (size_t equals = text.find('='); equals != std::string_view::npos; equals = text.find('=', from)) {
    size_t begin = equals;
    bool escaped = false;
    while (begin > from && !separates(text[begin - 1])) escaped = is_escaped(text[--begin]) || escaped;
    if (escaped || announces(text.substr(begin, equals - begin))) return true;
    from = equals + 1;
  }
  return false;
}

void HeadScan::look_ahead(Bytes stretch) {
  if (stretch.size() < limits::kPanMin || may_hold_plain(stretch) || may_hold_wrapped(stretch)) return;
  dull_ = stretch;
  dull_has_escapes_ = find_escape(stretch) != std::string_view::npos;
}

bool HeadScan::may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const {
  const bool seen =
      bytes.data() >= dull_.data() && bytes.data() + bytes.size() <= dull_.data() + dull_.size();
  if (bytes.size() >= limits::kPanMin) {
    if (!seen && (may_hold_plain(bytes) || may_hold_wrapped(bytes))) return true;
    if ((!seen || dull_has_escapes_) && may_hold_escaped_pan(bytes)) return true;
  }
  if (part == HeadPart::kHeader) {
    if (bytes.empty() || name.empty()) return false;
    const bool extension = name.size() > 2 && (name[0] | 0x20) == 'x' && name[1] == '-';  // X-Card-Number
    return announces(name) || (extension && announces(name.substr(2)));
  }
  return names_announce({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace cardscrub
