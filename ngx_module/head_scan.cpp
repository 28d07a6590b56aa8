// The quick look at head elements: count digits, look at names.
#include "head_scan.h"

#include <array>
#include <cstring>

#include "src/detector.h"
#include "src/limits.h"

namespace cardscrub {

namespace {

bool is_joint(char c) { return c == '-' || c == '_' || c == ' '; }
bool splits(char c) { return c == '[' || c == ']' || c == '.'; }

// 1..26 for letters of either case, 27 for digits, 0 for anything else.
size_t letter_class(char c) {
  auto byte = static_cast<uint8_t>(c);
  if (is_alpha(byte)) return (byte | 0x20u) - 'a' + 1u;
  return is_digit(byte) ? 27 : 0;
}

// Which lengths (without '-' and '_') the default names with a first and a last letter have: bit n, n < 32.
class DefaultNames {
 public:
  DefaultNames() {
    for (const DefaultField& field : default_fields()) {
      std::string_view leaf = field.pattern.substr(field.pattern.rfind('.') + 1);
      lengths(leaf.front(), leaf.back()) |= uint32_t{1} << length(leaf);
    }
  }

  bool may_hold(std::string_view name) const {
    while (!name.empty() && is_joint(name.front())) name.remove_prefix(1);
    while (!name.empty() && is_joint(name.back())) name.remove_suffix(1);
    if (name.empty()) return false;
    uint32_t known = lengths_[index(name.front(), name.back())];
    if (known == 0 && !splits(name.back())) return false;
    size_t size = 0;
    for (char c : name) {
      if (splits(c)) return true;  // several components: only the last one counts
      size += is_joint(c) ? 0u : 1u;
    }
    return size < 32 && (known >> size & 1) != 0;
  }

 private:
  static size_t index(char first, char last) { return letter_class(first) * 28 + letter_class(last); }
  uint32_t& lengths(char first, char last) { return lengths_[index(first, last)]; }
  static size_t length(std::string_view name) {
    size_t size = 0;
    for (char c : name) size += is_joint(c) ? 0u : 1u;
    return size;
  }

  std::array<uint32_t, 28 * 28> lengths_{};
};

const DefaultNames g_default_names;

// A name's bytes that are written with escapes, or are not ASCII, cannot be compared as they are.
bool is_escaped(char c) { return c == '%' || c == '+' || static_cast<unsigned char>(c) >= 0x80; }

bool separates(char c) { return c == '&' || c == ';' || c == '?' || c == ' ' || c == '/' || c == '"'; }

}  // namespace

bool HeadScan::announces(std::string_view name) const {
  static const Path kRoot;
  if (defaults_only_ && !g_default_names.may_hold(name)) return false;
  bool failed = false;
  FieldMatch match = fields_.match(kRoot, {reinterpret_cast<const uint8_t*>(name.data()), name.size()}, &failed);
  return failed || match.kind != Kind::kNone;
}

// Names in front of '=', as arguments, cookies and matrix parameters have them. What stands in front of a '=' inside a value is
// taken for a name too: at worst a scrubber looks in vain.
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

bool HeadScan::may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const {
  if (bytes.size() >= limits::kPanMin && may_hold_pan(bytes.data(), bytes.size())) return true;
  if (part == HeadPart::kHeader) return !bytes.empty() && !name.empty() && announces(name);
  return names_announce({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace cardscrub
