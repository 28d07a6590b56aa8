// Time per byte of bodies that are made to be slow, from 1 KB to 64 MB: flat, or something is not linear.
// Use: hostile_bench [NAME ...]: only shapes whose name holds one of these.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

#include "tests/rig.h"

namespace cardscrub::bench {

namespace {

using testing::Rig;

constexpr size_t kMega = 1 << 20;
constexpr size_t kSizes[] = {1024, 16384, 256 * 1024, 4 * kMega, 64 * kMega};
constexpr size_t kPiece = 16384;
// From this size on the time per byte has to be flat. A body of one piece may be read in another way: what is
// complete is looked at as a whole.
constexpr size_t kFlatFrom = 256 * 1024;
constexpr double kTooLong = 60;  // seconds that one body may be expected to take
constexpr double kFlat = 3;      // caches explain that much between the cheapest and the dearest byte

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kGraphql = "application/graphql";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kText = "text/plain";
constexpr std::string_view kXml = "application/xml";
constexpr std::string_view kCsv = "text/csv";
constexpr std::string_view kMultipart = "multipart/form-data; boundary=b";
constexpr std::string_view kMsgpack = "application/msgpack";
constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWide = "text/plain; charset=utf-16le";

using namespace std::string_view_literals;

// A body that begins with `front` and goes on with `again`.
struct Shape {
  std::string_view name;
  std::string_view type;
  std::string_view front;
  std::string_view again;
};

constexpr Shape kShapes[] = {
    {"json: [", kJson, "", "["},
    {"json: {\"a\":", kJson, "", "{\"a\":"},
    {"json: one string", kJson, "[\"", "abcdefgh"},
    {"json: string of digits", kJson, "[\"", "4111"},
    {"json: one number", kJson, "[", "4111"},
    {"json: numbers", kJson, "[", "4111111111111112,"},
    {"json: backslashes", kJson, "[\"", "\\\\"},
    {"json: escaped digits", kJson, "[\"", "\\u0034\\u0031"},
    {"json: half escapes", kJson, "[\"", "\\u00"},
    {"json: quotes", kJson, "[", "\""},
    {"json: no names", kJson, "{", ":,"},
    {"json: long name", kJson, "{\"", "card_number."},
    {"json: waiting fields", kJson, "[{", "\"code\":\"123\",\"exp\":\"12/30\","},
    {"json: ambiguous objects", kJson, "[", "{\"number\":\"4111111111111112\",\"code\":\"123\"},"},
    {"json: comments", kJson, "[", "/**/"},
    {"json: single quotes", kJson, "[", "'"},
    {"json: invalid UTF-8", kJson, "[\"", "\xff\xc0\xe2\x82"sv},
    {"json: full-width digits", kJson, "[\"", "\xef\xbc\x94\xef\xbc\x91"sv},
    {"json: unseen separators", kJson, "[\"", "4\xe2\x80\x8b"sv},
    {"json: NUL", kJson, "[", "\0"sv},
    {"json: objects in a string", kJson, "[\"", "{\\\"a\\\":"},
    {"json: a form in a string", kJson, "[\"a=", "1&cvv=12&b="},
    {"json: = in a string", kJson, "[\"", "abcdefg="},
    {"json: pairs", kJson, "[", "\"a=b\","},
    {"json: GraphQL", kJson, "{\"query\":\"{", "pay(a:123) "},
    {"graphql: #", kGraphql, "{", "#"},
    {"graphql: comments", kGraphql, "{a(b:", "#\n"},
    {"graphql: (", kGraphql, "{", "("},
    {"graphql: ()", kGraphql, "{", "()"},
    {"graphql: quotes", kGraphql, "{a:", "\""},
    {"graphql: one block string", kGraphql, "{a:\"\"\"", "4111 "},
    {"graphql: block strings", kGraphql, "{a:", "\"\"\"\"\"\" "},
    {"graphql: fields", kGraphql, "{", "pay(a:123)"},
    {"graphql: aliases", kGraphql, "{", "a:b "},
    {"form: =", kForm, "", "="},
    {"form: a&", kForm, "", "a&"},
    {"form: one name", kForm, "", "cardnumber"},
    {"form: one value", kForm, "a=", "4111 "},
    {"form: %", kForm, "a=", "%"},
    {"form: %25", kForm, "a=", "%25"},
    {"form: %2", kForm, "a=", "%2"},
    {"form: prefixes", kForm, "", "a[b][c]=1&"},
    {"form: codes", kForm, "", "cvv=12&"},
    {"form: +", kForm, "a=", "4+"},
    {"xml: <a>", kXml, "", "<a>"},
    {"xml: <", kXml, "", "<"},
    {"xml: elements", kXml, "<r>", "<a>1</a>"},
    {"xml: attributes", kXml, "<r ", "a='1' "},
    {"xml: one attribute", kXml, "<r a='", "4111 "},
    {"xml: one name", kXml, "<", "abcd"},
    {"xml: entities", kXml, "<r>", "&#52;"},
    {"xml: unknown entities", kXml, "<r>", "&nbsp;"},
    {"xml: &", kXml, "<r>", "&"},
    {"xml: comments", kXml, "<r>4", "<!---->4"},
    {"xml: one comment", kXml, "<r>4<!--", "4111"},
    {"xml: CDATA", kXml, "<r>", "<![CDATA[4]]>"},
    {"xml: ]]", kXml, "<r><![CDATA[", "]]"},
    {"xml: DOCTYPE", kXml, "<!DOCTYPE a [", "<!ELEMENT b (c)>"},
    {"xml: instructions", kXml, "<r>", "<?a?>"},
    {"xml: end tags", kXml, "<r>", "</a>"},
    {"csv: rows", kCsv, "card_number,cvv\n", "4,1\n"},
    {"csv: one row", kCsv, "", "4111,"},
    {"csv: quotes", kCsv, "a\n", "\""},
    {"csv: one cell", kCsv, "a\n\"", "4111 "},
    {"csv: doubled quotes", kCsv, "a\n\"", "4\"\""},
    {"multipart: near boundaries", kMultipart, "--b\r\n\r\n", "\r\n--"},
    {"multipart: --b", kMultipart, "--b\r\n\r\n", "--b"},
    {"multipart: wrong boundaries", kMultipart, "--b\r\n\r\n", "\r\n--b1"},
    {"multipart: empty parts", kMultipart, "", "--b\r\n\r\n\r\n"},
    {"multipart: no heads", kMultipart, "", "--b\r\n"},
    {"multipart: one head", kMultipart, "--b\r\n", "A: b\r\n"},
    {"multipart: one head line", kMultipart, "--b\r\n", "A: b"},
    {"multipart: named parts", kMultipart, "",
     "--b\r\nContent-Disposition: form-data; name=a[b]\r\n\r\n1\r\n"},
    {"multipart: CR", kMultipart, "--b\r\n\r\n", "\r"},
    {"multipart: preamble", kMultipart, "", "\n-"},
    {"multipart: quoted-printable", kMultipart,
     "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
     "4=\r\n"},
    {"multipart: base64", kMultipart,
     "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n",
     "ICAg\r\n"},
    {"msgpack: [", kMsgpack, "", "\x91"},
    {"msgpack: elements", kMsgpack, "\xdd\xff\xff\xff\xff"sv, "\x01\xa1x\xc0"sv},
    {"msgpack: empty arrays", kMsgpack, "", "\x90"},
    {"msgpack: keys", kMsgpack, "\xdf\xff\xff\xff\xff"sv, "\xa3num\xa1x"sv},
    {"msgpack: one string", kMsgpack, "\xdb\xff\xff\xff\xff"sv, "4111 "},
    {"msgpack: one key", kMsgpack, "\x81\xdb\xff\xff\xff\xff"sv, "4111 "},
    {"msgpack: one binary", kMsgpack, "\xc6\xff\xff\xff\xff"sv, "\xff 4111"sv},
    {"msgpack: numbers", kMsgpack, "", "\xcf\x00\x0e\x9b\x1d\x5c\x0c\x71\xc8"sv},
    {"protobuf: nested", kProtobuf, "", "\x0a"},
    {"protobuf: fields", kProtobuf, "", "\x0a\x02\x08\x01\x10\x07"sv},
    {"protobuf: long fields", kProtobuf, "\x0a\xff\xff\xff\x7f"sv,
     "\x12\x10"
     "4111111111111112\x18\x05"sv},
    {"protobuf: one string", kProtobuf, "\x0a\xff\xff\xff\x7f"sv, "4111 "},
    {"protobuf: varints", kProtobuf, "", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv},
    {"protobuf: kept fields", kProtobuf, "", "\x0a\xff\x3f"sv},
    {"grpc: empty messages", kGrpc, "", "\0\0\0\0\0"sv},
    {"grpc: messages", kGrpc, "", "\0\0\0\0\x02\x08\x01"sv},
    {"grpc: one message", kGrpc, "\0\x7f\xff\xff\xff"sv,
     "\x12\x03"
     "abc"},
    {"base64: digits", kText, "", "NDEx"},
    {"base64: digits in lines", kText, "",
     "NDExMTExMTExMTExMTExMjQxMTExMTExMTExMTExMTI0MTExMTExMTExMTEyNDExMTExMTExMTExMTEx\r\n"},
    {"base64: near digits", kJson, "[\"", "MTExMTExxxxx"},
    {"base64: L", kForm, "a=", "L"},
    {"base64: quads and breaks", kText, "", "MTExMTEx\n"},
    {"text: one run of digits", kText, "", "4111111"},
    {"text: 4 4 4", kText, "", "4 "},
    {"text: 4-", kText, "", "4111-"},
    {"text: dots", kText, "", "12.34.56."},
    {"text: floats", kText, "", "4111111111111111.00 "},
    {"text: tracks", kText, "", ";4111111111111112=4912101?"},
    {"text: track 1", kText, "", "B4111111111111112^A/B^"},
    {"text: IBAN", kText, "", "DE89370400440532013000 "},
    {"text: phone", kText, "", "+4111 111 "},
    {"text: card words", kText, "", "card 4222222222223 "},
    {"text: UUID", kText, "", "41111111-1111-1111-1111-111111111112 "},
    {"text: full-width digits", kText, "", "\xef\xbc\x94"sv},
    {"text: unseen separators", kText, "", "4\xe2\x80\x8b"sv},
    {"text: invalid UTF-8", kText, "", "4\xc0\xff\xe2\x80"sv},
    {"text: NUL", kText, "", "4\0"sv},
    {"text: UTF-16 digits", kWide, "", "4\0001\0"sv},
    {"text: UTF-16 surrogates", kWide, "", "\x00\xd8"sv},
};

std::string made(const Shape& shape, size_t size) {
  std::string out(shape.front);
  out.reserve(size + shape.again.size());
  while (out.size() < size) out += shape.again;
  out.resize(size);
  return out;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Measured {
  double seconds = 0;
  size_t heap = 0;  // the most that it grew by
  bool refused = false;
};

Measured run(const Shape& shape, const std::string& body) {
  std::string copy = body;
  Measured out;
  const Policy policy = Rig::get().policy();
  Verdict verdict;
  const size_t heap = mallinfo2().uordblks;
  const double begin = now();
  {
    Body scrubbed(policy, Rig::get().worker(), verdict, {});
    if (scrubbed.start(shape.type, {}) != Reason::kNone) std::abort();
    auto* data = reinterpret_cast<uint8_t*>(copy.data());
    for (size_t at = 0; at < copy.size();) {
      const size_t size = std::min(kPiece, copy.size() - at);
      scrubbed.push({data + at, size}, at + size == copy.size());
      at += size;
      if (copy.size() >= 4 * kMega) out.heap = std::max(out.heap, static_cast<size_t>(mallinfo2().uordblks));
    }
  }
  out.seconds = now() - begin;
  out.heap -= std::min(out.heap, heap);
  out.refused = verdict.refused();
  return out;
}

bool row(const Shape& shape) {
  std::printf("  %-28.*s", static_cast<int>(shape.name.size()), shape.name.data());
  double least = 1e9;
  double most = 0;
  double last = 0;
  size_t heap = 0;
  bool refused = false;
  for (size_t size : kSizes) {
    if (last * static_cast<double>(size) > kTooLong * 1e9) {
      std::printf("  too long");
      most = 1e9;
      continue;
    }
    const std::string body = made(shape, size);
    last = 1e9;
    double spent = 0;
    for (int round = 0; round < 3 || (round < 400 && spent < 0.02); ++round) {
      Rig::get().fresh_store();
      const Measured measured = run(shape, body);
      spent += measured.seconds;
      last = std::min(last, measured.seconds * 1e9 / static_cast<double>(size));
      heap = std::max(heap, measured.heap);
      refused = refused || measured.refused;
      if (spent > 1) break;
    }
    std::printf(" %9.3f", last);
    std::fflush(stdout);
    if (size < kFlatFrom) continue;
    least = std::min(least, last);
    most = std::max(most, last);
  }
  const bool flat = most <= kFlat * least || refused || most < 1;
  std::printf("  %5.1f times %s %6zu K%s\n", most / least, flat ? "pass" : "MISS", heap / 1024,
              refused ? "  refused" : "");
  return flat;
}

int table(int count, char** names) {
  std::printf("Hostile bodies: ns a byte in pieces of 16 KB, by size; the most heap\n  %-28s", "");
  for (size_t size : kSizes) std::printf(" %7zu K", size / 1024);
  std::printf("  from 256 K on      heap\n");
  bool good = true;
  for (const Shape& shape : kShapes) {
    const bool wanted = count == 0 || std::any_of(names, names + count, [&](const char* name) {
                          return shape.name.find(name) != std::string_view::npos;
                        });
    if (wanted) good = row(shape) && good;
  }
  return good ? 0 : 1;
}

}  // namespace

int hostile(int count, char** names) { return table(count, names); }

}  // namespace cardscrub::bench

int main(int argc, char** argv) { return cardscrub::bench::hostile(argc - 1, argv + 1); }
