// The multipart filter: fields, files and everything between them, at every cut.
#include "filters/multipart.h"

#include <dirent.h>

#include <fstream>
#include <sstream>

#include "filters/part_head.h"
#include "tests/unit/random_laws.h"

namespace cardscrub {
namespace {

using testing::each;
using testing::filled;
using testing::grouped;
using testing::kChunkSizes;
using testing::listed;
using testing::Rig;
using testing::Run;
using testing::run_filter;
using testing::script;

constexpr std::string_view kVisa = "4111111111111111";
constexpr std::string_view kFolder = "tests/vectors/multipart/";

Run run(const Policy& policy, std::string_view boundary, std::string_view in, size_t chunk) {
  auto filter = make_multipart_filter(boundary, 0);
  assert_non_null(filter.get());
  return run_filter(*filter, policy, in, chunk);
}

Policy masking_policy() {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  return policy;
}

void check(const std::string& name, const Policy& policy, std::string_view boundary, const std::string& in,
           const std::string& out, size_t findings) {
  Run whole = run(policy, boundary, in, 0);
  if (whole.verdict.refused()) fail_msg("case: %s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  if (whole.out != out) fail_msg("case: %s: %s became %s", name.c_str(), in.c_str(), whole.out.c_str());
  if (whole.events.size() != findings) fail_msg("case: %s:%s", name.c_str(), listed(whole.events).c_str());
  for (size_t chunk : kChunkSizes) {
    Run cut = run(policy, boundary, in, chunk);
    if (cut.out != whole.out) fail_msg("case: %s, pieces of %zu: %s", name.c_str(), chunk, cut.out.c_str());
    if (cut.events != whole.events) {
      fail_msg("case: %s, pieces of %zu:%s\ninstead of%s", name.c_str(), chunk, listed(cut.events).c_str(),
               listed(whole.events).c_str());
    }
  }
  Run twice = run(policy, boundary, out, 0);
  if (twice.out != out) fail_msg("case: %s: twice is not once: %s", name.c_str(), twice.out.c_str());
}

// One part with these header lines and this content.
std::string part(std::string_view head, std::string_view content) {
  return "--b\r\n" + std::string(head) + "\r\n\r\n" + std::string(content) + "\r\n--b--\r\n";
}
std::string field(std::string_view name, std::string_view content) {
  return part("Content-Disposition: form-data; name=\"" + std::string(name) + "\"", content);
}

// A table that is uploaded under any type: columns by its first line. What has a type of its own is read by
// that.
void tables_by_file_name(void**) {
  const std::string head = "Content-Disposition: form-data; name=f; filename=";
  const std::string table = "name,card_number,cvv\r\nA,4111111111111111,739\r\n";
  const std::string masked = "name,card_number,cvv\r\nA," + Rig::get().token(kVisa) + ",***\r\n";
  const std::string swept = "name,card_number,cvv\r\nA," + Rig::get().token(kVisa) + ",739\r\n";
  for (const char* line :
       {"\"cards.csv\"\r\nContent-Type: application/vnd.ms-excel",
        "cards.CSV\r\nContent-Type: application/octet-stream", "cards.csv\r\nContent-Type: text/plain",
        "cards.csv", "x; filename*=UTF-8''cards%20.csv"}) {
    check(line, masking_policy(), "b", part(head + line, table), part(head + line, masked), 2);
  }
  for (const char* line : {"cards.xls\r\nContent-Type: application/vnd.ms-excel", "csv", "a.csv.gz"}) {
    check(line, masking_policy(), "b", part(head + line, table), part(head + line, swept), 1);
  }
  const std::string json = R"({"cvv":"739"})";
  check("JSON", masking_policy(), "b", part(head + "a.csv\r\nContent-Type: application/json", json),
        part(head + "a.csv\r\nContent-Type: application/json", R"({"cvv":"***"})"), 1);
}

// Bodies as clients send them: '@' is a card number, '~' a code; the boundary is the first line that begins
// with "--".
void vectors(void**) {
  const std::string token = Rig::get().token(kVisa);
  DIR* folder = opendir(std::string(kFolder).c_str());
  assert_non_null(folder);
  size_t count = 0;
  while (dirent* entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (!name.ends_with(".body")) continue;
    ++count;
    std::ifstream file(std::string(kFolder) + name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const std::string body = text.str();
    size_t begin = body.starts_with("--") ? 2 : body.find("\n--") + 3;
    const std::string boundary = body.substr(begin, body.find_first_of("\r\n", begin) - begin);
    const size_t findings = static_cast<size_t>(std::count(body.begin(), body.end(), '@') +
                                                std::count(body.begin(), body.end(), '~'));
    assert_true(findings > 0);
    check(name, masking_policy(), boundary, filled(filled(body, '@', kVisa), '~', "123"),
          filled(filled(body, '@', token), '~', "***"), findings);
    // The same without anything to find.
    std::string clean = filled(filled(body, '@', ""), '~', "");
    check(name + ", nothing", masking_policy(), boundary, clean, clean, 0);
  }
  closedir(folder);
  assert_true(count >= 7);
}

void cases(void**) {
  const std::string t = Rig::get().token(kVisa);
  const std::string v(kVisa);
  const std::string wide = script(v, "\xEF\xBC\x90");
  const std::string wide_token = script(t, "\xEF\xBC\x90");
  const std::string mixed = "Content-Disposition: form-data; name=x; filename=y\r\nContent-Type: ";
  const struct {
    const char* name;
    std::string in;
    std::string out;
    size_t findings;
  } table[] = {
      {"a form in a field", field("formdata", "a=b%20c&card%5Bcvv%5D=739"),
       field("formdata", "a=b%20c&card%5Bcvv%5D=***"), 1},
      {"empty field", field("cvv", ""), field("cvv", ""), 0},
      {"groups", field("card-number", grouped(v, " ")), field("card-number", grouped(t, " ")), 1},
      {"full width, named", field("card_number", wide), field("card_number", wide_token), 1},
      {"full width, swept", field("note", wide + "!"), field("note", wide_token + "!"), 1},
      {"full width, one digit", field("expiry_month", "\xEF\xBC\x95"), field("expiry_month", "\xEF\xBC\x95"),
       0},
      {"number as name", field(v, "1"), field(t, "1"), 1},
      {"number as extended file name",
       part("Content-Disposition: form-data; name=a; filename*=UTF-8''" + each(v, "%3"), "1"),
       part("Content-Disposition: form-data; name=a; filename*=UTF-8''" + each(t, "%3"), "1"), 1},
      {"extended name", part("Content-Disposition: form-data; name*=UTF-8''c%76v", "123"),
       part("Content-Disposition: form-data; name*=UTF-8''c%76v", "***"), 1},
      {"quotes in a name", part("Content-Disposition: form-data; x=\"; name=y\"; name=\"c\\vv\"", "123"),
       part("Content-Disposition: form-data; x=\"; name=y\"; name=\"c\\vv\"", "***"), 1},
      {"named like a card, sent as a file",
       part("Content-Disposition: form-data; name=cvv; filename=c", "123"),
       part("Content-Disposition: form-data; name=cvv; filename=c", "***"), 1},
      {"a name behind an escaped quote",
       part(R"(Content-Disposition: form-data; filename="a\"; name=x; y="; name=cvv; z=")", "123"),
       part(R"(Content-Disposition: form-data; filename="a\"; name=x; y="; name=cvv; z=")", "***"), 1},
      {"a code in a file of JSON",
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: application/json", "123"),
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: application/json", "***"),
       1},
      {"a code in a file of bytes, quoted-printable",
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: image/png\r\n"
            "Content-Transfer-Encoding: quoted-printable",
            "=31=32=33"),
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: image/png\r\n"
            "Content-Transfer-Encoding: quoted-printable",
            "=2a=2a=2a"),
       1},
      {"a code in a file without a name",
       part("Content-Disposition: form-data; name=cvv; filename=\"\"\r\nContent-Type: image/png", "123"),
       part("Content-Disposition: form-data; name=cvv; filename=\"\"\r\nContent-Type: image/png", "***"), 1},
      {"a picture that is called like a card",
       part("Content-Disposition: form-data; name=card_number; filename=x\r\nContent-Type: image/png",
            "\x89PNG " + std::string(60, 'x') + " " + v + " "),
       part("Content-Disposition: form-data; name=card_number; filename=x\r\nContent-Type: image/png",
            "\x89PNG " + std::string(60, 'x') + " " + t + " "),
       1},
      {"a file of JSON that is called like a code",
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: application/json",
            "{\"a\":\"" + std::string(60, 'x') + "\",\"cvv\":\"123\"}"),
       part("Content-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: application/json",
            "{\"a\":\"" + std::string(60, 'x') + "\",\"cvv\":\"***\"}"),
       1},
      {"file names with quotes and backslashes",
       part("Content-Disposition: form-data; name=x; filename=\"a\\\"b; my name=y \\\\.txt\"", v),
       part("Content-Disposition: form-data; name=x; filename=\"a\\\"b; my name=y \\\\.txt\"", t), 1},
      {"json field", field("p", "{\"cvv\":\"123\"}"), field("p", "{\"cvv\":\"***\"}"), 1},
      {"json file", part(mixed + "application/json", "{\"cvv\":123}"),
       part(mixed + "application/json", "{\"cvv\":999}"), 1},
      {"form part", part(mixed + "application/x-www-form-urlencoded", "cvv=%31%32%33"),
       part(mixed + "application/x-www-form-urlencoded", "cvv=%2a%2a%2a"), 1},
      {"quoted-printable digits",
       part("Content-Disposition: form-data; name=card_number\r\nContent-Transfer-Encoding: quoted-printable",
            each(v, "=3")),
       part("Content-Disposition: form-data; name=card_number\r\nContent-Transfer-Encoding: quoted-printable",
            each(t, "=3")),
       1},
      {"quoted-printable, line breaks in the number",
       part("Content-Transfer-Encoding: quoted-printable", grouped(v, "=\r\n")),
       part("Content-Transfer-Encoding: quoted-printable", grouped(t, "=\r\n")), 1},
      {"quoted-printable, not quite",
       part("Content-Transfer-Encoding: quoted-printable", "=4 =\r=ZZ= " + v + " ="),
       part("Content-Transfer-Encoding: quoted-printable", "=4 =\r=ZZ= " + t + " ="), 1},
      {"base64, nothing in it", part("Content-Transfer-Encoding: base64", "aGVsbG8gd29y\r\nbGQ="),
       part("Content-Transfer-Encoding: base64", "aGVsbG8gd29y\r\nbGQ="), 0},
      {"looks like a delimiter", field("a", "\r\n--c\r\n--\r\n\r\n-b\r\n-- b--\r\n-- b x\r\n" + v),
       field("a", "\r\n--c\r\n--\r\n\r\n-b\r\n-- b--\r\n-- b x\r\n" + t), 1},
      {"a code that is called JSON",
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: application/json", "123"),
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: application/json", "***"), 1},
      {"a code that is called bytes",
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: application/octet-stream", "123"),
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: application/octet-stream", "***"), 1},
      {"code that calls itself multipart",
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: multipart/mixed; boundary=c", "123"),
       part("Content-Disposition: form-data; name=cvv\r\nContent-Type: multipart/mixed; boundary=c", "***"),
       1},
      {"a card of JSON",
       part("Content-Disposition: form-data; name=card\r\nContent-Type: application/json",
            "{\"number\":\"" + v + "\",\"cvv\":\"123\"}"),
       part("Content-Disposition: form-data; name=card\r\nContent-Type: application/json",
            "{\"number\":\"" + t + "\",\"cvv\":\"***\"}"),
       2},
      {"carriage returns", field("a", "\r\r\r\n\r\r" + v + "\r\r"), field("a", "\r\r\r\n\r\r" + t + "\r\r"),
       1},
      {"padding behind a boundary", "--b \t\r\n\r\n" + v + "\r\n--b-- \r\n",
       "--b \t\r\n\r\n" + t + "\r\n--b-- \r\n", 1},
      {"no terminator", "--b\r\n\r\n" + v, "--b\r\n\r\n" + t, 1},
      {"no delimiter at all", "x " + v, "x " + t, 1},
      {"head only", "--b\r\nX: " + v, "--b\r\nX: " + t, 1},
      {"head without empty line",
       "--b\r\nX: " + v + "\r\n--b\r\nContent-Disposition: form-data; name=cvv\r\n\r\n123\r\n--b--",
       "--b\r\nX: " + t + "\r\n--b\r\nContent-Disposition: form-data; name=cvv\r\n\r\n***\r\n--b--", 2},
      {"nothing", "", "", 0},
      {"binary", part(mixed + "application/pdf", std::string("\x00\xFF\x01", 3) + v + std::string("\x00", 1)),
       part(mixed + "application/pdf", std::string("\x00\xFF\x01", 3) + t + std::string("\x00", 1)), 1},
  };
  for (const auto& c : table) check(c.name, masking_policy(), "b", c.in, c.out, c.findings);
}

// Findings begin with the first byte of an escape, whatever the pieces.
void places(void**) {
  const std::string head =
      "--b\r\nContent-Disposition: form-data; name=card_number\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n";
  const std::string wanted = "pan visa tokenize " + std::to_string(head.size()) + "+20 card_number";
  for (size_t chunk : kChunkSizes) {
    const testing::Run run = testing::run_body(Rig::get().policy(), "multipart/form-data; boundary=b",
                                               head + "=34=31" + "11111111111111\r\n--b--", chunk);
    assert_int_equal(run.events.size(), 1);
    assert_string_equal(run.events[0].c_str(), wanted.c_str());
  }
}

void refusals(void**) {
  const std::string disposition = "Content-Disposition: form-data; name=card_number\r\n";
  // What applications take for another field, and read.
  const std::string cvv = "\r\nContent-Disposition: form-data; name=cvv\r\n\r\n123\r\n--b--\r\n";
  const auto between = [&](const std::string& line) { return "--b\r\n\r\nx\r\n" + line + cvv.substr(2); };
  const struct {
    const char* name;
    std::string in;
    Reason reason;
  } table[] = {
      {"luhn", field("card_number", "4111111111111112"), Reason::kPanLuhn},
      {"a name that some read: no end of a quote",
       part(R"x(Content-Disposition: form-data; x="a; name=cvv)x", "123"), Reason::kBodyMalformed},
      {"a name that some read: a backslash that is none",
       part(R"x(Content-Disposition: form-data; filename="a\"; name="cvv")x", "123"), Reason::kBodyMalformed},
      {"a name that some read: in quotes",
       part(R"x(Content-Disposition: form-data; x="; name=cvv; y="; name=x)x", "123"),
       Reason::kBodyMalformed},
      {"a name that some read: in a file name",
       part(R"x(Content-Disposition: form-data; filename="name=cvv"; name="x")x", "123"),
       Reason::kBodyMalformed},
      {"a name that some read: more behind it",
       part(R"x(Content-Disposition: form-data; name=cvv x)x", "123"), Reason::kBodyMalformed},
      {"a name that some read: a quote in it",
       part(R"x(Content-Disposition: form-data; name="cvv\"; x=")x", "123"), Reason::kBodyMalformed},
      {"a name that some read: a quote in front of it",
       part(R"x(Content-Disposition: form-data; x=a"; name=cvv; y="b"; name=x)x", "123"),
       Reason::kBodyMalformed},
      {"a name that some read: extended, without a charset",
       part(R"x(Content-Disposition: form-data; filename*=utf-8''a; y="; name*=%63vv)x", "123"),
       Reason::kBodyMalformed},
      {"a name that some read: another name in front of it",
       part(R"x(Content-Disposition: form-data; x-name=cvv; name=x)x", "123"), Reason::kBodyMalformed},
      {"a name that some read: white space",
       part(R"x(Content-Disposition: form-data; name=x; y="; NAME 	= cvv)x", "123"),
       Reason::kBodyMalformed},
      {"a name that some read: an encoded word",
       part(R"x(Content-Disposition: form-data; name="=?utf-8?q?cvv?=")x", "123"), Reason::kBodyMalformed},
      {"a name that some read: nothing in front of it", part("Content-Disposition: name=cvv", "123"),
       Reason::kBodyMalformed},
      {"two names", part("Content-Disposition: form-data; name=x; name=cvv", "123"), Reason::kBodyMalformed},
      {"two names, one extended", part("Content-Disposition: form-data; name=x; name*=UTF-8''cvv", "123"),
       Reason::kBodyMalformed},
      {"two dispositions",
       part("Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=cvv", "123"),
       Reason::kBodyMalformed},
      {"two types", part(disposition + "Content-Type: text/plain\r\nContent-Type: application/json", "{}"),
       Reason::kBodyMalformed},
      {"base64, named", part(disposition + "Content-Transfer-Encoding: base64", "NDExMTExMTExMTExMTExMQ=="),
       Reason::kPanWrapped},
      {"base64, swept", part("Content-Transfer-Encoding: base64", "YSA0MTEx\r\nMTExMTExMTExMTExIGI="),
       Reason::kPanWrapped},
      {"base64 in name only", part("Content-Transfer-Encoding: base64", "4111 1111 1111 1111"),
       Reason::kPanWrapped},
      {"not base64", part("Content-Transfer-Encoding: base64", "a@b"), Reason::kBodyEncoding},
      {"unknown coding", part("Content-Transfer-Encoding: x-uuencode", "a"), Reason::kBodyEncoding},
      {"character set", part(disposition + "Content-Type: text/plain; charset=utf-16", "a"),
       Reason::kBodyCharset},
      {"line of the head ends in CR alone", part("X: y\rContent-Disposition: form-data; name=cvv", "123"),
       Reason::kBodyMalformed},
      {"a field that is folded", part("X: y\r\n Content-Disposition: form-data; name=cvv", "123"),
       Reason::kBodyMalformed},
      {"a field behind white space", part(" content-disposition: form-data; name=cvv", "123"),
       Reason::kBodyMalformed},
      {"a control character", part("Content-Disposition: form-data;\vname=cvv", "123"),
       Reason::kBodyMalformed},
      {"a name in pieces", part("Content-Disposition: form-data; name*0=c; name*1=vv", "123"),
       Reason::kBodyMalformed},
      {"a name in encoded pieces",
       part("Content-Disposition: form-data; name*0*=utf-8''%63; name*1=vv", "123"), Reason::kBodyMalformed},
      {"a name in UTF-16", part("Content-Disposition: form-data; name*=utf-16le''c%00v%00v%00", "123"),
       Reason::kBodyMalformed},
      {"CR alone behind a boundary", between("--b\r"), Reason::kBodyMalformed},
      {"CR alone in front of a boundary", "--b\r\n\r\nx\r--b" + cvv, Reason::kBodyMalformed},
      {"much white space behind a boundary", between("--b" + std::string(65, ' ') + "\r\n"),
       Reason::kLimitSize},
      {"a boundary within a line", "--b\r\n\r\nx --b" + cvv, Reason::kBodyMalformed},
      {"a boundary within a line of the preamble", "x --b" + cvv, Reason::kBodyMalformed},
      {"more behind a boundary", between("--bx\r\n"), Reason::kBodyMalformed},
      {"more behind the first boundary", "--bx" + cvv, Reason::kBodyMalformed},
      {"another boundary", "--c" + cvv, Reason::kBodyMalformed},
      {"a part behind the end", "--b\r\n\r\nx\r\n--b--\r\n--b" + cvv, Reason::kBodyMalformed},
      {"a head behind the end", "--b\r\n\r\nx\r\n--b--" + cvv, Reason::kBodyMalformed},
      {"more behind the end", "--b\r\n\r\nx\r\n--b--x\r\n--b" + cvv, Reason::kBodyMalformed},
      {"two empty lines", "--b\r\n" + cvv, Reason::kBodyMalformed},
      {"an empty line of LF alone", "--b\r\nX: y\r\n\n" + cvv.substr(2), Reason::kBodyMalformed},
      {"an empty line of CR LF behind LF alone", "--b\nX: y\n" + cvv, Reason::kBodyMalformed},
      {"an empty line of CR LF in a part whose head has LF alone", "--b\nX: y\n\nz" + cvv,
       Reason::kBodyMalformed},
      {"head too long", "--b\r\nX: " + std::string(9000, 'x') + "\r\n\r\n\r\n--b--", Reason::kLimitSize},
  };
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      Run refused = run(Rig::get().policy(), "b", c.in, chunk);
      if (!refused.verdict.refused() || refused.verdict.problems()[0].reason != c.reason) {
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, refused.verdict.problem_json().c_str());
      }
    }
  }
}

void malformed_bodies(void**) {
  const struct {
    const char* name;
    std::string_view in;
    int64_t offset;  // -1: well-formed
  } table[] = {
      {"well-formed", "--b\r\n\r\nx\r\n--b--\r\n", -1},
      {"no terminator", "--b\r\n\r\nx\r\n--b", 13},
      {"no delimiter", "hello", 5},
      {"empty", "", 0},
      {"no empty line", "--b\r\nX: y\r\n--b--", 11},
  };
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  for (const auto& c : table) {
    for (size_t chunk : kChunkSizes) {
      Run result = run(policy, "b", c.in, chunk);
      int64_t offset = -1;
      for (const Problem& problem : result.verdict.problems()) {
        if (problem.reason == Reason::kBodyMalformed) offset = problem.offset;
      }
      if (offset != c.offset)
        fail_msg("case: %s, pieces of %zu: %lld", c.name, chunk, static_cast<long long>(offset));
    }
  }
}

void boundaries(void**) {
  assert_null(make_multipart_filter("", 0).get());
  assert_null(make_multipart_filter("ends in a space ", 0).get());
  assert_null(make_multipart_filter(std::string(201, 'x'), 0).get());
  const std::string t = Rig::get().token(kVisa);
  for (std::string boundary :
       {std::string("b"), std::string("-"), std::string("--"), std::string("aaaa"), std::string(200, '-'),
        std::string("a'()+_,-./:=? z"), std::string("\xFF\x80")}) {
    const std::string front = "--" + boundary + "\r\nContent-Disposition: form-data; name=cvv\r\n\r\n";
    const std::string back = "\r\n--" + boundary + "\r\n\r\n";
    const std::string close = "\r\n--" + boundary + "--";
    const std::string middle = "\r\n--" + boundary.substr(0, boundary.size() - 1) + "\r\n-" + boundary + "x";
    check("boundary " + boundary, masking_policy(), boundary,
          front + "123" + back + middle + " 4111111111111111" + close,
          front + "***" + back + middle + " " + t + close, 2);
  }
}

// However many lines a part has, and however much they look like a delimiter.
void lines_of_all_kinds(void**) {
  const std::string front = "--b0und\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
  const std::string back = "\r\n--b0und\r\nContent-Disposition: form-data; name=cvv\r\n\r\n";
  for (const char* line :
       {"\n", "\r\n", "\n-", "\n--", "\n--b0un", "\n--b0un\n--b0u", "x\n", "a longer line, of text\r\n",
        "no line at all, and again ", "--b0un", "d\n--b0unD"}) {
    for (size_t size : {size_t{0}, size_t{900}, size_t{5000}}) {
      std::string content = "x";
      while (content.size() < size) content += line;
      content += "x";
      check(std::string("lines of ") + line, masking_policy(), "b0und",
            front + content + back + "123\r\n--b0und--", front + content + back + "***\r\n--b0und--", 1);
    }
  }
}

void codes_belong_to_their_card(void**) {
  for (size_t chunk : kChunkSizes) {
    Rig::get().fresh_store();
    std::string in;
    for (auto [name, value] : {std::pair{"a[cvv]", "123"},
                               {"b[cvv]", "456"},
                               {"a[card_number]", "4111111111111111"},
                               {"b[card_number]", "5555555555554444"}}) {
      in += "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + value +
            "\r\n";
    }
    in += "--b--";
    Run result = run(Rig::get().policy(), "b", in, chunk);
    assert_false(result.verdict.refused());
    for (auto [code, pan] : {std::pair{"123", "4111111111111111"}, {"456", "5555555555554444"}}) {
      testing::assert_alias(code, Rig::get().token(pan), result.out.substr(in.find(code), 3), code);
    }
  }
}

void nesting_is_bounded(void**) {
  std::string in = "x";
  for (int i = 9; i >= 0; --i) {
    std::string b = "n" + std::to_string(i);
    in = "--" + b + "\r\nContent-Type: multipart/mixed; boundary=n" + std::to_string(i + 1) + "\r\n\r\n" +
         in + "\r\n--" + b + "--";
  }
  Run result = run(Rig::get().policy(), "n0", in, 0);
  assert_true(result.verdict.refused());
  assert_int_equal(static_cast<int>(result.verdict.problems()[0].reason),
                   static_cast<int>(Reason::kLimitLayers));
}

void memory_is_bounded(void**) {
  std::string binary;
  uint32_t state = 7;
  while (binary.size() < 500000) {
    state = state * 1664525 + 1013904223;
    binary += static_cast<char>(state >> 24);
  }
  for (int i = 0; i < 2000; ++i) binary += "\r\n--\r-\n-bx";
  Run result = run(Rig::get().policy(), "b",
                   part("Content-Type: application/zip", binary + " 4111111111111111 "), 1460);
  assert_int_equal(result.events.size(), 1);
  assert_true(result.largest_held < 1000);
}

void part_heads(void**) {
  const struct {
    std::string_view lines;
    std::string_view name;
    bool file;
    std::string_view type;
    TransferCoding coding;
  } table[] = {
      {"", "", false, "", TransferCoding::kIdentity},
      {"Content-Disposition: form-data; name=\"a\"\r\n", "a", false, "", TransferCoding::kIdentity},
      {"content-DISPOSITION:form-data;name=a;filename=b\nContent-Type:text/csv\n", "a", true, "text/csv",
       TransferCoding::kIdentity},
      {"Content-Disposition: form-data;\r\n\tname=\"a b\"\r\n", "a b", false, "", TransferCoding::kIdentity},
      {"Content-Transfer-Encoding: BASE64\r\nX-Name: name=z\r\n", "", false, "", TransferCoding::kBase64},
      {"Content-Transfer-Encoding: 8bit\r\n", "", false, "", TransferCoding::kIdentity},
      {"Content-Transfer-Encoding: uu\r\n", "", false, "", TransferCoding::kUnknown},
      {"Content-Disposition: form-data; name*=utf-8'en'%C3%A4\r\n", "\xC3\xA4", false, "",
       TransferCoding::kIdentity},
      {"no colon\r\n folded\r\n", "", false, "", TransferCoding::kIdentity},
  };
  for (const auto& c : table) {
    PartHead head = parse_part_head({reinterpret_cast<const uint8_t*>(c.lines.data()), c.lines.size()});
    if (head.name != c.name || head.file != c.file || head.content_type != c.type ||
        head.coding != c.coding || head.named != !c.name.empty()) {
      fail_msg("case: %s", std::string(c.lines).c_str());
    }
  }
}

void random_bodies(void**) {
  testing::Dice random(0xD1B54A32D192ED03u);
  constexpr std::string_view kBits[] = {"--b",
                                        "\r\n",
                                        "\n",
                                        "\r",
                                        "--b--",
                                        "--b\r\n",
                                        "\r\n\r\n",
                                        "Content-Disposition: form-data; name=",
                                        "cvv",
                                        "card_number\r\n\r\n",
                                        "4111111111111111",
                                        ", 5555 5555 5555 4444, ",
                                        "x",
                                        "-",
                                        "{",
                                        "Content-Transfer-Encoding: quoted-printable\r\n",
                                        "=34",
                                        "=\r\n",
                                        " ",
                                        "filename=y",
                                        "Content-Type: application/json\r\n",
                                        "\xEF\xBC\x94",
                                        "\r\n--b\r\n",
                                        "\r\n--b--"};
  Policy policy = masking_policy();
  policy.invalid = Action::kMask;
  for (int round = 0; round < 3000; ++round) {
    std::string in = random(2) == 0 ? "--b\r\n" : "";
    in += random.some_of(kBits, 30);
    testing::check_laws(in, 1 + random(9),
                        [&](std::string_view text, size_t chunk) { return run(policy, "b", text, chunk); });
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(tables_by_file_name),
      cmocka_unit_test(vectors),
      cmocka_unit_test(cases),
      cmocka_unit_test(places),
      cmocka_unit_test(refusals),
      cmocka_unit_test(malformed_bodies),
      cmocka_unit_test(boundaries),
      cmocka_unit_test(lines_of_all_kinds),
      cmocka_unit_test(codes_belong_to_their_card),
      cmocka_unit_test(nesting_is_bounded),
      cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(part_heads),
      cmocka_unit_test(random_bodies),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
