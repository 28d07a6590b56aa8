// The quick look at head elements: count digits, look at names.
#include "head_scan.h"

#include <algorithm>

#include "src/detector.h"
#include "src/limits.h"

namespace cardscrub {

namespace {

bool announces(std::string_view name, const FieldNames& fields) {
  static const Path kRoot;
  bool failed = false;
  FieldMatch match =
      fields.match(kRoot, {reinterpret_cast<const uint8_t*>(name.data()), name.size()}, &failed);
  return failed || match.kind != Kind::kNone;
}

bool is_plain_name(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '%' || c == '+' || static_cast<unsigned char>(c) >= 0x80;
  });
}

// Names in front of '=', between any of & ; ? and white space: arguments, cookies, matrix parameters alike.
bool names_announce(std::string_view text, const FieldNames& fields) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '&' || c == ';' || c == '?' || c == ' ' || c == '/') {
      begin = i + 1;
    } else if (c == '=') {
      std::string_view name = text.substr(begin, i - begin);
      if (!is_plain_name(name) || announces(name, fields)) return true;
      // The value follows; what comes after another '=' in it is no name.
      while (i + 1 < text.size() && text[i + 1] != '&' && text[i + 1] != ';' && text[i + 1] != '?') ++i;
      begin = i + 1;
    }
  }
  return false;
}

}  // namespace

bool may_hold_card_data(HeadPart part, std::string_view name, Bytes bytes, const FieldNames& fields) {
  if (bytes.size() >= limits::kPanMin && may_hold_pan(bytes.data(), bytes.size())) return true;
  if (part == HeadPart::kHeader) return !bytes.empty() && !name.empty() && announces(name, fields);
  return names_announce({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, fields);
}

}  // namespace cardscrub
