// Chooser: the table of content types.
#include "filters/chooser.h"

#include <algorithm>
#include <array>
#include <string>

#include "filters/charset.h"
#include "filters/csv.h"
#include "filters/fallback.h"
#include "filters/form.h"
#include "filters/grpc.h"
#include "filters/json.h"
#include "filters/msgpack.h"
#include "filters/multipart.h"
#include "filters/plain.h"
#include "filters/protobuf.h"
#include "filters/xml.h"

namespace cardscrub {

namespace {

char lower_case(char c) { return static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 32 : 0)); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_case);
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

using Make = std::unique_ptr<Filter> (*)(std::string_view content_type, unsigned layer, Reason* why);

// type: lower case; a leading '+' matches a structured syntax suffix (RFC 6839), a '*' at the end everything.
// The first row that matches counts. text: the type has a charset of its own, and JSON may come in UTF-16
// without saying so.
struct Row {
  std::string_view type;
  bool text;
  Make make;
};

// Whether there is one boundary, written so that every parser reads the same: PHP ends it at a comma, others
// at white space or never, some know backslashes in quotes and some do not.
bool has_plain_boundary(std::string_view content_type) {
  constexpr std::string_view kName = "boundary";
  std::string_view found;
  size_t count = 0;
  for (size_t at = content_type.find('='); at != std::string_view::npos;
       at = content_type.find('=', at + 1)) {
    std::string_view key = trim(content_type.substr(0, at));
    if (key.ends_with('*')) key.remove_suffix(1);
    if (key.size() < kName.size() || lower(key.substr(key.size() - kName.size())) != kName) continue;
    key = trim(key.substr(0, key.size() - kName.size()));
    if (++count == 1 && key.ends_with(';')) found = trim(content_type.substr(at + 1));
  }
  if (count != 1 || found.empty()) return false;
  if (found.front() != '"') {
    return trim(found.substr(0, found.find(';'))).find_first_of("\"\\, \t") == std::string_view::npos;
  }
  const size_t end = found.find('"', 1);
  if (end == std::string_view::npos || found.substr(0, end).find('\\') != std::string_view::npos)
    return false;
  const std::string_view rest = trim(found.substr(end + 1));
  return rest.empty() || rest.front() == ';';
}

std::unique_ptr<Filter> multipart(std::string_view content_type, unsigned layer, Reason* why) {
  if (!has_plain_boundary(content_type)) {
    *why = Reason::kBodyType;
    return nullptr;
  }
  auto filter = make_multipart_filter(header_parameter(content_type, "boundary"), layer);
  if (!filter) *why = Reason::kBodyType;
  return filter;
}

// Text strings in CBOR (RFC 8949, 3.1) and Smile have a letter in front of them that says how long they are:
// to the sweep a card number is a part of a longer word.
std::unique_ptr<Filter> unread(std::string_view, unsigned, Reason* why) {
  *why = Reason::kBodyType;
  return nullptr;
}

std::unique_ptr<Filter> grpc(std::string_view content_type, unsigned layer, Reason*) {
  return make_grpc_filter(content_type, layer);
}
std::unique_ptr<Filter> msgpack(std::string_view, unsigned layer, Reason*) {
  return make_msgpack_filter(layer);
}
std::unique_ptr<Filter> protobuf(std::string_view, unsigned layer, Reason*) {
  return make_protobuf_filter(layer);
}

// What most requests have comes first.
constexpr std::array kRows{
    Row{"application/json", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"application/x-www-form-urlencoded", false,
        [](std::string_view, unsigned layer, Reason*) {
          return make_form_filter(layer, {'&', true, true});
        }},
    Row{"multipart/*", false, multipart},
    Row{"application/grpc", false, grpc},
    Row{"application/grpc+*", false, grpc},
    Row{"application/grpc-web", false, grpc},
    Row{"application/grpc-web+*", false, grpc},
    Row{"application/connect+*", false, grpc},
    Row{"application/proto", false, protobuf},
    Row{"application/protobuf", false, protobuf},
    Row{"application/x-protobuf", false, protobuf},
    Row{"application/vnd.google.protobuf", false, protobuf},
    Row{"application/msgpack", false, msgpack},
    Row{"application/x-msgpack", false, msgpack},
    Row{"application/vnd.msgpack", false, msgpack},
    Row{"text/json", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"application/x-json", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"text/x-json", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"+json", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"application/x-ndjson", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"application/ndjson", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"application/jsonl", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"application/x-jsonlines", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"application/json-seq", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"+json-seq", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true); }},
    Row{"application/graphql", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, true, true); }},
    Row{"application/csp-report", true,
        [](std::string_view, unsigned layer, Reason*) { return make_json_filter(layer, false); }},
    Row{"application/xml", true,
        [](std::string_view, unsigned layer, Reason*) { return make_xml_filter(layer); }},
    Row{"text/xml", true, [](std::string_view, unsigned layer, Reason*) { return make_xml_filter(layer); }},
    Row{"+xml", true, [](std::string_view, unsigned layer, Reason*) { return make_xml_filter(layer); }},
    Row{"application/cbor", false, unread},
    Row{"application/cbor-seq", false, unread},
    Row{"+cbor", false, unread},
    Row{"+cbor-seq", false, unread},
    Row{"application/x-jackson-smile", false, unread},
    Row{"text/csv", true, [](std::string_view, unsigned layer, Reason*) { return make_csv_filter(layer); }},
    Row{"application/csv", true,
        [](std::string_view, unsigned layer, Reason*) { return make_csv_filter(layer); }},
    Row{"text/tab-separated-values", true,
        [](std::string_view, unsigned layer, Reason*) { return make_csv_filter(layer); }},
};

// Character sets in which every byte below 0x80 is the ASCII character: read as bytes.
bool ascii_compatible(std::string_view charset) {
  static constexpr std::array<std::string_view, 9> kNames{
      "utf-8", "utf8", "us-ascii", "ascii", "latin1", "latin-1", "gb18030", "ansi_x3.4-1968", "koi8-r"};
  return std::find(kNames.begin(), kNames.end(), charset) != kNames.end() ||
         charset.starts_with("iso-8859-") || charset.starts_with("iso_8859-") ||
         charset.starts_with("windows-125") || charset.starts_with("cp125") || charset == "euc-jp" ||
         charset == "euc-kr" || charset == "koi8-u" || charset == "windows-874";
}

bool unicode_charset(std::string_view name, Charset* out) {
  struct Named {
    std::string_view name;
    Charset charset;
  };
  static constexpr std::array<Named, 6> kNames{{{"utf-16", Charset::kUtf16},
                                                {"utf-16le", Charset::kUtf16Le},
                                                {"utf-16be", Charset::kUtf16Be},
                                                {"utf-32", Charset::kUtf32},
                                                {"utf-32le", Charset::kUtf32Le},
                                                {"utf-32be", Charset::kUtf32Be}}};
  for (const Named& row : kNames) {
    if (row.name == name) {
      *out = row.charset;
      return true;
    }
  }
  return false;
}

// The row of a type in lower case, without parameters; nullptr: none.
const Row* row_of(std::string_view type) {
  for (const Row& row : kRows) {
    const bool matches = row.type.front() == '+'  ? type.ends_with(row.type)
                         : row.type.back() == '*' ? type.starts_with(row.type.substr(0, row.type.size() - 1))
                                                  : type == row.type;
    if (matches) return &row;
  }
  return nullptr;
}

std::string type_of(std::string_view content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

// Calls visit(name in lower case, value) for each parameter until it says false.
template <typename Visit>
void each_parameter(std::string_view value, const Visit& visit) {
  size_t at = value.find(';');
  while (at != std::string_view::npos) {
    value.remove_prefix(at + 1);
    const size_t end = value.find_first_of("=;");
    if (end == std::string_view::npos) return;
    at = end;
    if (value[end] == ';') continue;  // a name without a value
    const std::string key = lower(trim(value.substr(0, end)));
    value = trim(value.substr(end + 1));
    std::string found;
    if (!value.empty() && value.front() == '"') {
      size_t i = 1;
      for (; i < value.size() && value[i] != '"'; ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        found += value[i];
      }
      value.remove_prefix(std::min(i + 1, value.size()));
      at = value.find(';');
    } else {
      at = value.find(';');
      found = std::string(trim(value.substr(0, at)));
    }
    if (!visit(key, found)) return;
  }
}

}  // namespace

bool has_named_fields(std::string_view content_type) {
  const Row* row = row_of(type_of(content_type));
  // Protocol Buffers have numbers for names.
  return row != nullptr && row->make != protobuf && row->make != grpc;
}

std::string header_parameter(std::string_view value, std::string_view name) {
  std::string out;
  each_parameter(value, [&](std::string_view key, std::string& found) {
    if (key != name) return true;
    out = std::move(found);
    return false;
  });
  return out;
}

bool contradicts_itself(std::string_view value, std::string_view name) {
  std::string first;
  bool seen = false;
  bool differs = false;
  each_parameter(value, [&](std::string_view key, std::string& found) {
    if (key != name) return true;
    differs = seen && found != first;
    seen = true;
    first = std::move(found);
    return !differs;
  });
  return differs;
}

namespace {

// What a Content-Type says.
struct Said {
  std::string_view type;  // lower case, without parameters; in one of the next two
  std::array<char, 64> shorter;
  std::string longer;
  std::string charset;  // lower case
  bool wide = false;    // UTF-16 or UTF-32
  Charset unicode = Charset::kDetect;
};

// `said` is not moved while its type is in use.
void read_type(std::string_view content_type, Said* out) {
  Said& said = *out;
  const size_t semicolon = content_type.find(';');
  const std::string_view type = trim(content_type.substr(0, semicolon));
  if (type.size() <= said.shorter.size()) {
    std::transform(type.begin(), type.end(), said.shorter.begin(), lower_case);
    said.type = {said.shorter.data(), type.size()};
  } else {
    said.longer = lower(type);
    said.type = said.longer;
  }
  if (semicolon == std::string_view::npos) return;
  said.charset = lower(header_parameter(content_type, "charset"));
  said.wide = unicode_charset(said.charset, &said.unicode);
}

struct Chosen {
  std::unique_ptr<Filter> filter;
  bool text = false;   // see Row
  bool ascii = false;  // such bodies begin with ASCII
};

Chosen choose(const Said& said, std::string_view content_type, unsigned layer, Reason* why) {
  if (const Row* row = row_of(said.type); row != nullptr) {
    const bool table = row->type.starts_with("text/csv") || row->type == "application/csv" ||
                       row->type == "text/tab-separated-values";
    return {row->make(content_type, layer, why), row->text, !table};
  }
  return {make_plain_filter(layer, PlainCoding::kUtf8), said.type.starts_with("text/") || said.type.empty(),
          false};
}

std::unique_ptr<Filter> decoding(const Said& said, Chosen chosen) {
  if (!said.wide && !chosen.text) return std::move(chosen.filter);
  return make_charset_filter(said.wide ? said.unicode : Charset::kDetect, std::move(chosen.filter),
                             said.wide && chosen.ascii);
}

}  // namespace

std::unique_ptr<Filter> make_filter(std::string_view content_type, unsigned layer, Reason* why) {
  *why = Reason::kNone;
  const bool parameters = content_type.find(';') != std::string_view::npos;
  if (parameters &&
      (contradicts_itself(content_type, "charset") || contradicts_itself(content_type, "boundary"))) {
    *why = Reason::kBodyType;
    return nullptr;
  }
  Said said;
  read_type(content_type, &said);
  if (!said.charset.empty() && !said.wide && !ascii_compatible(said.charset)) {
    *why = Reason::kBodyCharset;
    return nullptr;
  }
  Chosen chosen = choose(said, content_type, layer, why);
  // A type that is bytes is never of a wide charset: applications read its bytes.
  if (*why == Reason::kNone && said.wide && !chosen.text) *why = Reason::kBodyCharset;
  if (*why != Reason::kNone) return nullptr;
  return decoding(said, std::move(chosen));
}

std::unique_ptr<Filter> make_response_filter(std::string_view content_type) {
  Said said;
  read_type(content_type, &said);
  Reason why = Reason::kNone;
  Chosen chosen = choose(said, content_type, 0, &why);
  if (why != Reason::kNone) chosen.filter = make_plain_filter(0, PlainCoding::kUtf8);
  chosen.filter = make_fallback_filter(std::move(chosen.filter));
  chosen.ascii = false;  // an answer is not refused for its charset
  return decoding(said, std::move(chosen));
}

}  // namespace cardscrub
