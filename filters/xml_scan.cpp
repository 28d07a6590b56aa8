// XML references and encoding names.
#include "filters/xml_scan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "filters/decoded.h"
#include "filters/long_name.h"
#include "src/limits.h"

namespace cardscrub {

namespace {

constexpr size_t kReferenceMax = 64;

std::string_view view_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The value of a hexadecimal digit, 16 for anything else.
unsigned hex_digit(uint8_t c) {
  if (is_digit(c)) return c - unsigned{'0'};
  unsigned letter = (c | 0x20u) - 'a';
  return letter < 6 ? letter + 10 : 16;
}

// Two decimal digits can only be written where both stand plainly side by side.
Unit decimal_unit(const Text& text, size_t last) {
  Unit low = text.unit(last);
  if (text.units == nullptr) return {low.at, Form::kDecimal};
  Unit high = text.unit(last - 1);
  bool plain = high.form == Form::kByte && low.form == Form::kByte && high.at + 1 == low.at;
  return {low.at, plain ? Form::kDecimal : Form::kFixed};
}

bool is_xml_character(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c < 0xD800 || (c >= 0xE000 && c < 0x110000 && c != 0xFFFE && c != 0xFFFF);
}

// text[begin, end) are the characters between "&#" and ';'.
XmlReference read_number(const Text& text, size_t begin, size_t end) {
  XmlReference out;
  const bool hex = begin < end && (text.data[begin] | 0x20) == 'x';
  out.valid = !hex || text.data[begin] == 'x';
  if (hex) ++begin;
  char32_t value = 0;
  for (size_t i = begin; i < end; ++i) {
    unsigned digit = hex_digit(text.data[i]);
    if (digit >= (hex ? 16u : 10u)) begin = end;
    value = std::min<char32_t>(value * (hex ? 16 : 10) + digit, 0x110000);
  }
  if (begin == end) {
    out.valid = false;
    return out;
  }
  out.kind = XmlReference::Kind::kCharacter;
  const bool ascii = value >= '0' && value <= '9';
  if (end - begin < 2) {
    out.unit = {text.unit(end - 1).at, Form::kFixed};
  } else {
    out.unit = hex ? hex_unit(text, end - 1, ascii) : decimal_unit(text, end - 1);
  }
  if (!is_xml_character(value)) {
    out.valid = false;
    value = 0xFFFD;
  }
  out.code_point = value;
  return out;
}

XmlReference read_named(const Text& text, size_t begin, size_t end) {
  struct Named {
    std::string_view name;
    char32_t code_point;
  };
  static constexpr std::array<Named, 5> kNamed{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  XmlReference out;
  std::string_view name = view_of({text.data + begin, end - begin});
  out.unit = {text.unit(end - 1).at, Form::kFixed};
  for (const Named& row : kNamed) {
    if (row.name != name) continue;
    out.kind = XmlReference::Kind::kCharacter;
    out.code_point = row.code_point;
    return out;
  }
  // A name that could hold a number is shown as it is.
  auto digits =
      std::count_if(name.begin(), name.end(), [](char c) { return is_digit(static_cast<uint8_t>(c)); });
  out.valid = false;
  if (digits < 12) out.kind = XmlReference::Kind::kUnknown;
  return out;
}

}  // namespace

Bytes xml_local_name(Bytes name) {
  size_t at = view_of(name).rfind(':');
  return at == std::string_view::npos ? name : name.subspan(at + 1);
}

void keep_xml_name(Bytes name, SecretBuffer* out) {
  Bytes local = xml_local_name(name);
  out->clear();
  out->append(end_of_name(local));
}

XmlReference read_xml_reference(const Text& text, size_t at, bool last) {
  using Kind = XmlReference::Kind;
  XmlReference out;
  out.valid = false;
  const size_t begin = at + 1;
  const size_t most = std::min(text.size, begin + kReferenceMax);
  const bool number = begin < text.size && text.data[begin] == '#';
  size_t end = number ? begin + 1 : begin;
  while (end < most && is_xml_name(text.data[end])) ++end;
  if (end == text.size && end < begin + kReferenceMax) {
    if (!last) out.kind = Kind::kMore;
    return out;
  }
  if (end == begin + kReferenceMax) {
    if (number) out.kind = Kind::kTooLong;
    return out;
  }
  if (text.data[end] != ';' || end == begin) return out;
  out = number ? read_number(text, begin + 1, end) : read_named(text, begin, end);
  if (out.kind != Kind::kLiteral) out.size = end + 1 - at;
  return out;
}

XmlEncoding xml_encoding(Bytes declaration) {
  std::string_view text = view_of(declaration);
  size_t at = text.find("encoding");
  if (at == std::string_view::npos) return XmlEncoding::kUtf8;
  at += 8;
  auto skip = [&] {
    while (at < text.size() && is_xml_space(declaration[at])) ++at;
  };
  skip();
  if (at == text.size() || text[at] != '=') return XmlEncoding::kUnknown;
  ++at;
  skip();
  if (at == text.size() || (text[at] != '"' && text[at] != '\'')) return XmlEncoding::kUnknown;
  const size_t end = text.find(text[at], at + 1);
  if (end == std::string_view::npos) return XmlEncoding::kUnknown;
  std::array<char, 24> lower{};
  const size_t size = end - at - 1;
  if (size > lower.size()) return XmlEncoding::kUnknown;
  for (size_t i = 0; i < size; ++i) {
    char c = text[at + 1 + i];
    lower[i] = static_cast<char>(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  std::string_view name{lower.data(), size};

  static constexpr std::array<std::string_view, 4> kUtf8{"utf-8", "utf8", "us-ascii", "ascii"};
  static constexpr std::array<std::string_view, 8> kSingle{
      "iso-8859-", "windows-125", "cp125", "latin1", "latin-1", "koi8-r", "koi8-u", "windows-874"};
  static constexpr std::array<std::string_view, 8> kOther{"utf-16",         "utf-32",  "ucs-2",  "ucs-4",
                                                          "iso-10646-ucs-", "gb18030", "euc-jp", "euc-kr"};
  if (std::find(kUtf8.begin(), kUtf8.end(), name) != kUtf8.end()) return XmlEncoding::kUtf8;
  auto begins = [&name](std::string_view known) { return name.starts_with(known); };
  if (std::any_of(kSingle.begin(), kSingle.end(), begins)) return XmlEncoding::kSingleByte;
  if (std::any_of(kOther.begin(), kOther.end(), begins)) return XmlEncoding::kOther;
  return XmlEncoding::kUnknown;
}

}  // namespace cardscrub
