// The small parts of XML: character classes, references, the encoding declaration.
#pragma once

#include "src/secret.h"
#include "src/text.h"

namespace cardscrub {

inline bool is_xml_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
// Generous beyond ASCII: every byte of it may be part of a name.
inline bool is_xml_name_start(uint8_t c) { return is_alpha(c) || c == '_' || c == ':' || c >= 0x80; }
inline bool is_xml_name(uint8_t c) { return is_xml_name_start(c) || is_digit(c) || c == '-' || c == '.'; }

// A name without its namespace prefix.
Bytes xml_local_name(Bytes name);
// Keeps that much of it as tells names that patterns can match from longer ones.
void keep_xml_name(Bytes name, SecretBuffer* out);

// What stands at an '&'.
struct XmlReference {
  enum class Kind : uint8_t {
    kMore,       // the text ends too early to tell
    kCharacter,  // code_point, written as unit; `size` units long
    kUnknown,    // an entity that the document does not explain
    kLiteral,    // no reference: the '&' stands for itself
    kTooLong,    // a character reference of more digits than anyone writes
  };
  Kind kind = Kind::kLiteral;
  size_t size = 1;
  char32_t code_point = 0;
  Unit unit;
  bool valid = true;  // false: not well-formed
};
XmlReference read_xml_reference(const Text& text, size_t at, bool last);

// What the bytes of a document mean by its declaration (the content of <?xml ... ?>).
enum class XmlEncoding : uint8_t {
  kUtf8,        // also when nothing is declared
  kSingleByte,  // ISO 8859 and the like: ASCII, and one byte for every other character
  kOther,       // text is decoded from it already, or its bytes below 0x80 are ASCII characters all the same
  kUnknown,
};
XmlEncoding xml_encoding(Bytes declaration);

}  // namespace cardscrub
