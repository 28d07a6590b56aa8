// The quick look at head elements: count digits, look at names.
#include "head_scan.h"

#include "src/detector.h"
#include "src/limits.h"

namespace cardscrub {

namespace {

const Path kRoot;

// A name's bytes that are written with escapes, or are not ASCII, cannot be compared as they are.
bool is_escaped(char c) { return c == '%' || c == '+' || static_cast<unsigned char>(c) >= 0x80; }

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

bool HeadScan::may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes) const {
  if (bytes.size() >= limits::kPanMin && !has_few_digits(bytes.data(), bytes.size()) &&
      may_hold_pan(bytes.data(), bytes.size())) {
    return true;
  }
  if (part == HeadPart::kHeader) return !bytes.empty() && !name.empty() && announces(name);
  return names_announce({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace cardscrub
