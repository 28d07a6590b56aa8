// Part head: three header fields are read, all others passed over.
#include "filters/part_head.h"

#include <algorithm>

#include "filters/chooser.h"
#include "filters/percent.h"
#include "src/text.h"

namespace cardscrub {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

// What some parsers take for white space, or for the end of a line.
bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7F;
}

// A folded line that some parsers take for a field of its own.
bool looks_like_field(std::string_view line) {
  constexpr std::string_view kContent = "content-";
  return line.size() >= kContent.size() && same(line.substr(0, kContent.size()), kContent);
}

// Whether the name comes in pieces (RFC 2231, 3), or in a charset in which it is not what its bytes say.
bool odd_name(std::string_view value, std::string_view extended) {
  for (std::string_view piece : {"name*0", "name*0*"}) {
    if (!header_parameter(value, piece).empty()) return true;
  }
  const size_t quote = extended.find('\'');
  if (quote == std::string_view::npos) return false;
  const std::string_view charset = extended.substr(0, quote);
  return !charset.empty() && !same(charset, "utf-8") && !same(charset, "us-ascii") &&
         !same(charset, "iso-8859-1");
}

// charset'language'percent-encoded (RFC 8187).
std::string extended_value(const std::string& value) {
  size_t quote = value.find('\'');
  quote = quote == std::string::npos ? quote : value.find('\'', quote + 1);
  std::string encoded = quote == std::string::npos ? value : value.substr(quote + 1);
  PercentDecoder decoder;
  Decoded decoded;
  decoder.start(Escapes::kUri, 0);
  decoder.feed({reinterpret_cast<uint8_t*>(encoded.data()), encoded.size(), nullptr, 0}, &decoded);
  decoder.finish(&decoded);
  return std::string(reinterpret_cast<const char*>(decoded.text().data), decoded.size());
}

// Java's parsers decode such words in a name (RFC 2047).
bool has_encoded_word(std::string_view name) {
  const size_t begin = name.find("=?");
  return begin != std::string_view::npos && name.find("?=", begin + 2) != std::string_view::npos;
}

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return is_digit(byte) || is_alpha(byte) || c == '_';
}

void note_other_name(std::string name, PartHead* head) {
  if (!name.empty() && name != head->name) head->other_names.push_back(std::move(name));
}

// value: what stands behind "name", "name*" or the like and its '='.
void note_readings(std::string_view value, bool extended, PartHead* head) {
  const std::string_view section = trim(value.substr(0, value.find(';')));
  std::string bare(section);
  std::erase_if(bare, [](char c) { return c == '"' || c == '\\'; });
  if (extended) note_other_name(extended_value(bare), head);
  note_other_name(std::move(bare), head);
  const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
  if (quoted) {
    std::string within(value.substr(1, value.find(value.front(), 1) - 1));
    std::erase(within, '\\');
    note_other_name(std::move(within), head);
  } else {
    note_other_name(std::string(section.substr(0, section.find_first_of("\"', \t"))), head);
  }
}

// Every "name=" of a Content-Disposition, wherever it stands.
void find_other_names(std::string_view value, PartHead* head) {
  constexpr std::string_view kName = "name";
  for (size_t at = value.find('='); at != std::string_view::npos; at = value.find('=', at + 1)) {
    std::string_view key = trim(value.substr(0, at));
    bool extended = false;
    while (!key.empty() && key.back() == '*') {
      key.remove_suffix(1);
      extended = true;
    }
    if (key.size() < kName.size() || !same(key.substr(key.size() - kName.size()), kName)) continue;
    if (key.size() > kName.size() && is_word(key[key.size() - kName.size() - 1])) continue;
    note_readings(trim(value.substr(at + 1)), extended, head);
  }
}

struct Seen {
  bool disposition = false;
  bool type = false;
  bool coding = false;
};

bool once(bool before, PartHead* head) {
  head->ambiguous = head->ambiguous || before;
  return true;
}

bool names_table(std::string_view file) {
  if (file.size() < 4) return false;
  const std::string_view ending = file.substr(file.size() - 4);
  return same(ending, ".csv") || same(ending, ".tsv");
}

void read_field(std::string_view line, PartHead* head, Seen* seen) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view field = trim(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (same(field, "content-disposition")) {
    const std::string encoded = header_parameter(value, "name*");
    const std::string extended = extended_value(encoded);
    head->ambiguous = head->ambiguous || odd_name(value, encoded);
    seen->disposition = once(seen->disposition, head);
    head->name = header_parameter(value, "name");
    if (contradicts_itself(value, "name") ||
        (!head->name.empty() && !extended.empty() && extended != head->name))
      head->ambiguous = true;
    if (head->name.empty()) head->name = extended;
    head->named = !head->name.empty();
    head->ambiguous = head->ambiguous || has_encoded_word(head->name);
    find_other_names(value, head);
    for (std::string_view parameter : {"filename", "filename*"}) {
      const std::string file = header_parameter(value, parameter);
      head->file = head->file || !file.empty();
      head->table = head->table || names_table(file);
    }
  } else if (same(field, "content-type")) {
    seen->type = once(seen->type, head);
    head->content_type = value;
  } else if (same(field, "content-transfer-encoding")) {
    seen->coding = once(seen->coding, head);
    head->coding = same(value, "base64")             ? TransferCoding::kBase64
                   : same(value, "quoted-printable") ? TransferCoding::kQuotedPrintable
                   : same(value, "7bit") || same(value, "8bit") || same(value, "binary") || value.empty()
                       ? TransferCoding::kIdentity
                       : TransferCoding::kUnknown;
  }
}

}  // namespace

PartHead parse_part_head(Bytes lines) {
  PartHead head;
  Seen seen;
  std::string_view rest(reinterpret_cast<const char*>(lines.data()), lines.size());
  head.ambiguous = std::any_of(rest.begin(), rest.end(), is_control);
  std::string line;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view next = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!next.empty() && next.back() == '\r') next.remove_suffix(1);
    head.ambiguous = head.ambiguous || next.find('\r') != std::string_view::npos;
    if (!next.empty() && is_blank(next.front())) {
      line += ' ';
      line += trim(next);
      head.ambiguous = head.ambiguous || looks_like_field(trim(next));
      continue;
    }
    read_field(line, &head, &seen);
    line = next;
  }
  read_field(line, &head, &seen);
  return head;
}

}  // namespace cardscrub
