// The XML filter: elements, attributes and everything that cuts a text up, at every cut; and random
// documents, with expat as the judge of what an application reads.
#include "filters/xml.h"

#include <fstream>

#include "filters/charset.h"
#include "src/issuer.h"
#include "tests/unit/filter_run.h"

namespace cardscrub {
namespace {

using testing::filled;
using testing::grouped;
using testing::kChunkSizes;
using testing::listed;
using testing::reasons;
using testing::Rig;
using testing::Run;
using testing::run_filter;
using testing::script;

constexpr std::string_view kVisa = "4111111111111111";

Run run_xml(const Policy& policy, std::string_view in, size_t chunk) {
  return run_filter(*make_xml_filter(0), policy, in, chunk);
}

// '@' in `text` is the number; `masked`: codes become stars.
struct Case {
  const char* name;
  std::string in;
  std::string out;     // empty: as it came, with tokens in place of numbers; "refused": refused with `events`
  std::string events;  // "pan visa tokenize card.number", one a line; or the reasons
};

std::string without_places(const std::vector<std::string>& events) {
  std::string out;
  for (const std::string& event : testing::without_places(events)) out += event + "\n";
  return out;
}

// "1111" -> "&#49;&#49;..." and the like.
std::string decimal(std::string_view digits, std::string_view zeros = "") {
  std::string out;
  for (char c : digits) out += "&#" + std::string(zeros) + std::to_string(static_cast<int>(c)) + ";";
  return out;
}
std::string hex(std::string_view digits) {
  std::string out;
  for (char c : digits) out += std::string("&#x3") + c + ";";
  return out;
}

using Encoder = std::string (*)(std::string_view);
struct Coding {
  const char* name;
  Encoder encode;
};
constexpr Coding kCodings[] = {
    {"plain", [](std::string_view d) { return std::string(d); }},
    {"spaces", [](std::string_view d) { return grouped(d, " "); }},
    {"hyphens", [](std::string_view d) { return grouped(d, "-"); }},
    {"decimal", [](std::string_view d) { return decimal(d); }},
    {"decimal with zeros", [](std::string_view d) { return decimal(d, "0000"); }},
    {"hexadecimal", [](std::string_view d) { return hex(d); }},
    {"one reference",
     [](std::string_view d) {
       return std::string(d.substr(0, 7)) + hex(d.substr(7, 1)) + std::string(d.substr(8));
     }},
    {"hyphens by reference", [](std::string_view d) { return grouped(d, "&#x2D;"); }},
    {"spaces by reference", [](std::string_view d) { return grouped(d, "&#32;"); }},
    {"no-break spaces", [](std::string_view d) { return grouped(d, "\xC2\xA0"); }},
    {"no-break spaces by reference", [](std::string_view d) { return grouped(d, "&#160;"); }},
    {"no-break spaces by name", [](std::string_view d) { return grouped(d, "&nbsp;"); }},
    {"full width", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }},
    {"full width by reference",
     [](std::string_view d) {
       std::string out;
       for (char c : d) out += std::string("&#xFF1") + c + ";";
       return out;
     }},
    {"Arabic-Indic", [](std::string_view d) { return script(d, "\xD9\xA0"); }},
};

// Ways to cut an element's text up; not to be had in attributes.
constexpr Coding kCuts[] = {
    {"CDATA", [](std::string_view d) { return "<![CDATA[" + std::string(d) + "]]>"; }},
    {"CDATA, spaces around", [](std::string_view d) { return "\n  <![CDATA[" + std::string(d) + "]]>\n"; }},
    {"CDATA in the middle",
     [](std::string_view d) {
       return std::string(d.substr(0, 4)) + "<![CDATA[" + std::string(d.substr(4, 4)) + "]]>" +
              std::string(d.substr(8));
     }},
    {"CDATA, two halves",
     [](std::string_view d) {
       return "<![CDATA[" + std::string(d.substr(0, 8)) + "]]><![CDATA[" + std::string(d.substr(8)) + "]]>";
     }},
    {"comment",
     [](std::string_view d) {
       return std::string(d.substr(0, 4)) + "<!-- x -->" + std::string(d.substr(4));
     }},
    {"comment in front", [](std::string_view d) { return "<!-- x -->" + std::string(d); }},
    {"comments everywhere", [](std::string_view d) { return testing::each(d, "<!---->") + "<!-- -->"; }},
    {"instruction",
     [](std::string_view d) { return std::string(d.substr(0, 9)) + "<?a b?>" + std::string(d.substr(9)); }},
    {"everything",
     [](std::string_view d) {
       return std::string(d.substr(0, 4)) + "<!--1-->" + hex(d.substr(4, 2)) + "<![CDATA[" +
              std::string(d.substr(6, 2)) + "]]>" + decimal(d.substr(8, 4)) + "<?p?>" +
              std::string(d.substr(12));
     }},
};

struct Template {
  const char* name;
  std::string_view text;
  std::string_view field;
  bool attribute;
};
constexpr Template kTemplates[] = {
    {"element", "<pay><card><number>@</number><exp>12/40</exp></card></pay>", "pay.card.number", false},
    {"root element", "<card_number>@</card_number>", "card_number", false},
    {"prefix",
     "<s:Envelope xmlns:s=\"u\"><s:Body><c:card><c:number>@</c:number></c:card></s:Body></s:Envelope>",
     "Envelope.Body.card.number", false},
    {"attribute of the element", "<card><number type=\"pan\">@</number></card>", "card.number", false},
    {"behind an element", "<card><number><a/>@</number></card>", "card.number", false},
    {"declared",
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!DOCTYPE a SYSTEM \"b>\" [<!ELEMENT a (b)> <!-- ' > "
     "-->]>\n"
     "<a><cardNumber>\r\n @ \r\n</cardNumber></a>\n",
     "a.cardNumber", false},
    {"swept", "<order><note>paid with @, thanks</note></order>", "order.note", false},
    {"mixed", "<p>a <b>bold</b> number @ <i>x</i></p>", "p", false},
    {"attribute", "<card number=\"@\" x='1'/>", "card.number", true},
    {"attribute, apostrophes", "<pay><card\n a='\"'  number = '@' ></card></pay>", "pay.card.number", true},
    {"attribute, prefix", "<c:card c:number='@'/>", "card.number", true},
    {"swept attribute", "<order note=\"> paid with @. ]]>\"/>", "order.note", true},
};

void check(const std::string& name, const Policy& policy, const std::string& in, const std::string& out,
           const std::string& events) {
  Run whole = run_xml(policy, in, 0);
  const bool refused = out == "refused";
  if (refused != whole.verdict.refused())
    fail_msg("case: %s: %s", name.c_str(), whole.verdict.problem_json().c_str());
  std::string seen = refused ? reasons(whole.verdict) : without_places(whole.events);
  if (seen != events) fail_msg("case: %s: %s\ninstead of %s", name.c_str(), seen.c_str(), events.c_str());
  if (!refused && whole.out != out)
    fail_msg("case: %s:\n%s\nbecame\n%s", name.c_str(), in.c_str(), whole.out.c_str());
  for (size_t chunk : kChunkSizes) {
    Run cut = run_xml(policy, in, chunk);
    if (reasons(cut.verdict) != reasons(whole.verdict)) {
      fail_msg("case: %s, chunk %zu: %s", name.c_str(), chunk, reasons(cut.verdict).c_str());
    }
    if (refused) continue;
    if (cut.out != whole.out) fail_msg("case: %s, chunk %zu:\n%s", name.c_str(), chunk, cut.out.c_str());
    if (without_places(cut.events) != seen)
      fail_msg("case: %s, chunk %zu: %s", name.c_str(), chunk, listed(cut.events).c_str());
  }
  if (refused) return;
  Run again = run_xml(policy, out, 7);
  if (again.verdict.refused() || again.out != out)
    fail_msg("case: %s, a second time: %s", name.c_str(), again.out.c_str());
}

void encodings(void**) {
  const Policy policy = Rig::get().policy();
  const std::string token = Rig::get().token(kVisa);
  for (const Template& t : kTemplates) {
    std::string event = "pan visa tokenize " + std::string(t.field) + "\n";
    for (const Coding& c : kCodings) {
      std::string name = std::string(t.name) + ", " + c.name;
      std::string events = event;
      check(name, policy, filled(t.text, '@', c.encode(kVisa)), filled(t.text, '@', c.encode(token)),
            t.name == std::string("element") ? events + "expiry unknown none pay.card.exp\n" : events);
    }
    if (t.attribute) continue;
    for (const Coding& c : kCuts) {
      check(std::string(t.name) + ", " + c.name, policy, filled(t.text, '@', c.encode(kVisa)),
            filled(t.text, '@', c.encode(token)),
            t.name == std::string("element") ? event + "expiry unknown none pay.card.exp\n" : event);
    }
  }
}

void documents(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string v(kVisa);
  const std::string t = Rig::get().token(kVisa);
  const std::string pan = "pan visa tokenize ";
  const std::string code = "code unknown mask ";
  const std::string decimal_digits = "&#1635;";  // Arabic-Indic 3: no room for every digit
  const Case cases[] = {
      {"empty", "", "", ""},
      {"only white space", " \n", " \n", ""},
      {"only a root", "<a/>", "<a/>", ""},
      {"code beside it", "<card><number>" + v + "</number><cvc>123</cvc></card>",
       "<card><number>" + t + "</number><cvc>***</cvc></card>",
       pan + "card.number\n" + "code visa mask card.cvc\n"},
      {"code by reference", "<card><number>" + v + "</number><cvc>&#49;&#x32;<!-- x -->3</cvc></card>",
       "<card><number>" + t + "</number><cvc>&#42;&#x2a;<!-- x -->*</cvc></card>",
       pan + "card.number\n" + "code visa mask card.cvc\n"},
      {"attributes", "<card number=\"" + v + "\" cvc='123'><x/></card>",
       "<card number=\"" + t + "\" cvc='***'><x/></card>",
       pan + "card.number\n" + "code visa mask card.cvc\n"},
      {"line ends in an attribute", "<a b=\"4111\t1111\r\n1111\n1111\"/>",
       "<a b=\"" + t.substr(0, 4) + "\t" + t.substr(4, 4) + "\r\n" + t.substr(8, 4) + "\n" + t.substr(12) +
           "\"/>",
       pan + "a.b\n"},
      {"line ends in a text", "<a>4111\n1111\n1111\n1111</a>", "<a>4111\n1111\n1111\n1111</a>", ""},
      {"elements do not join", "<a><b>41111111</b><b>11111111</b></a>",
       "<a><b>41111111</b><b>11111111</b></a>", ""},
      {"an element cuts a text", "<a>41111111<b/>11111111</a>", "<a>41111111<b/>11111111</a>", ""},
      {"attributes do not join", "<a b='41111111' c='11111111'/>", "<a b='41111111' c='11111111'/>", ""},
      {"in a comment", "<a><!-- " + v + " --></a>", "<a><!-- " + t + " --></a>", pan + "\n"},
      {"in a comment, hyphens", "<a><!-- 4111-1111-1111-1111--></a>",
       "<a><!-- " + grouped(t, "-") + "--></a>", pan + "\n"},
      {"in a comment, no reference", "<a><!-- 4111111111111&#49;11 --></a>",
       "<a><!-- 4111111111111&#49;11 --></a>", ""},
      {"in a comment inside a text", "<a>4111<!-- " + v + " -->111111111111</a>",
       "<a>" + t.substr(0, 4) + "<!-- " + t + " -->" + t.substr(4) + "</a>", pan + "a\n" + pan + "\n"},
      {"in two comments inside a text", "<a>x<!-- " + v + " --><!--" + v + "-->y<?p " + v + "?></a>",
       "<a>x<!-- " + t + " --><!--" + t + "-->y<?p " + t + "?></a>", pan + "\n" + pan + "\n" + pan + "\n"},
      {"halves in two comments", "<a>x<!--41111111--><!--11111111--></a>",
       "<a>x<!--41111111--><!--11111111--></a>", ""},
      {"in an instruction", "<?p n=\"" + v + "\"?><a/>", "<?p n=\"" + t + "\"?><a/>", pan + "\n"},
      {"in front of the root", "<!--" + v + "--><a/><!--" + v + "-->", "<!--" + t + "--><a/><!--" + t + "-->",
       pan + "\n" + pan + "\n"},
      {"in a document type", "<!DOCTYPE a [<!NOTATION n PUBLIC \"4111&#49;11111111111\">]><a/>",
       "<!DOCTYPE a [<!NOTATION n PUBLIC \"" + t.substr(0, 4) + "&#" +
           std::to_string(static_cast<int>(t[4])) + ";" + t.substr(5) + "\">]><a/>",
       pan + "\n"},
      {"in names", "<b m-" + v + "='1'><n-" + v + "></n-" + v + "></b>",
       "<b m-" + t + "='1'><n-" + t + "></n-" + t + "></b>", pan + "\n" + pan + "b\n" + pan + "b\n"},
      {"a number that begins in a name", "<_4111 1111 1111 1111></_4111 1111 1111 1111><_4111 a='1'/>",
       "<_" + grouped(t, " ") + "></_" + grouped(t, " ") + "><_4111 a='1'/>", pan + "\n" + pan + "\n"},
      {"a track that begins in a name", "<B" + v + "^DOE/J^2512101?>", "<B****************^DOE/J^*******?>",
       "track visa mask \n"},
      {"JSON in a CDATA section", "<a><![CDATA[{\"card_number\":\"" + v + "\"}]]></a>",
       "<a><![CDATA[{\"card_number\":\"" + t + "\"}]]></a>", pan + "a.card_number\n"},
      {"JSON with references", "<a>{&quot;cvv&quot;: &quot;1&#50;3&quot;}</a>",
       "<a>{&quot;cvv&quot;: &quot;*&#42;*&quot;}</a>", code + "a.cvv\n"},
      {"JSON behind a space of another script", "<a>\xC2\xA0{\"cvv\":\"123\"}</a>",
       "<a>\xC2\xA0{\"cvv\":\"***\"}</a>", code + "a.cvv\n"},
      {"JSON, a comment inside", "<a>{\"cvv\": \"1<!-- " + v + " -->23\"}</a>",
       "<a>{\"cvv\": \"*<!-- " + t + " -->**\"}</a>", code + "a.cvv\n" + pan + "\n"},
      {"SOAP",
       "<?xml version='1.0'?><soap:Envelope "
       "xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Header/><soap:Body>"
       "<m:Pay xmlns:m='urn:x'><m:CreditCard><m:Number>" +
           v +
           "</m:Number><m:CVV2>123</m:CVV2></m:CreditCard></m:Pay>"
           "</soap:Body></soap:Envelope>",
       "<?xml version='1.0'?><soap:Envelope "
       "xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Header/><soap:Body>"
       "<m:Pay xmlns:m='urn:x'><m:CreditCard><m:Number>" +
           t +
           "</m:Number><m:CVV2>***</m:CVV2></m:CreditCard></m:Pay>"
           "</soap:Body></soap:Envelope>",
       pan + "Envelope.Body.Pay.CreditCard.Number\n" + "code visa mask Envelope.Body.Pay.CreditCard.CVV2\n"},
      {"two cards",
       "<r><card><number>" + v + "</number><cvc>123</cvc></card><card cvc='456' number='" + v + "'/></r>",
       "<r><card><number>" + t + "</number><cvc>***</cvc></card><card cvc='***' number='" + t + "'/></r>",
       pan + "r.card.number\n" + "code visa mask r.card.cvc\n" + code + "r.card.cvc\n" + pan +
           "r.card.number\n"},
      {"text and elements", "<card>x<number>" + v + "</number>y<cvc>123</cvc>z</card>",
       "<card>x<number>" + t + "</number>y<cvc>***</cvc>z</card>",
       pan + "card.number\n" + code + "card.cvc\n"},
      {"brackets in CDATA", "<a><![CDATA[]] ]]]] > ]>" + v + "]]]]></a>",
       "<a><![CDATA[]] ]]]] > ]>" + t + "]]]]></a>", pan + "a\n"},
      {"markup in CDATA", "<a><![CDATA[<cvv>123</cvv>&#49;<!--]]></a>",
       "<a><![CDATA[<cvv>123</cvv>&#49;<!--]]></a>", ""},
      {"byte order mark", "\xEF\xBB\xBF<cvv>123</cvv>", "\xEF\xBB\xBF<cvv>***</cvv>", code + "cvv\n"},
      {"Latin-1, no-break spaces",
       "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9 4111\xA0"
       "1111\xA0"
       "1111\xA0"
       "1111</a>",
       "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9 " + grouped(t, "\xA0") + "</a>", pan + "a\n"},
      // ---- not well-formed: read as the most curious of readers would
      {"end tags missing", "<card><number>" + v + "<cvc>123", "<card><number>" + t + "<cvc>***",
       pan + "card.number\n" + code + "card.number.cvc\n"},
      {"wrong end tag", "<card><number>" + v + "</card><cvc>123</cvc>",
       "<card><number>" + t + "</card><cvc>***</cvc>", pan + "card.number\n" + "code visa mask card.cvc\n"},
      {"too many end tags", "</a></b><cvv>123</cvv></c>", "</a></b><cvv>***</cvv></c>", code + "cvv\n"},
      {"several roots", "<cvv>123</cvv><cvv>456</cvv>", "<cvv>***</cvv><cvv>***</cvv>",
       code + "cvv\n" + code + "cvv\n"},
      {"no quotes", "<card number=" + v + " cvc=123/>", "<card number=" + t + " cvc=123/>", "refused"},
      {"no quotes, end", "<card number=" + v + ">", "<card number=" + t + ">", pan + "card.number\n"},
      {"no value", "<a b " + v + " c>x</a>", "<a b " + t + " c>x</a>", pan + "\n"},
      {"number as a name", "<a 4111 1111 1111 1111>", "<a " + grouped(t, " ") + ">", pan + "\n"},
      {"a '<' in a value", "<a b=\"<cvv>123</cvv>\"/>", "<a b=\"<cvv>***</cvv>\"/>", code + "a.cvv\n"},
      {"a '<' in a text", "<a>3 < 4 <" + v + " <</a>", "<a>3 < 4 <" + t + " <</a>", pan + "a\n"},
      {"bare ampersands", "<a>& &; &#; &#x; &a b; &#4a; " + v + "&</a>",
       "<a>& &; &#; &#x; &a b; &#4a; " + t + "&</a>", pan + "a\n"},
      {"a number as an entity", "<a>&n-" + v + ";</a>", "<a>&n-" + t + ";</a>", pan + "a\n"},
      {"references to nothing", "<a>&#0;&#xFFFFFFFFFF;&#xD800;" + v + "</a>",
       "<a>&#0;&#xFFFFFFFFFF;&#xD800;" + t + "</a>", pan + "a\n"},
      {"text outside", v + "<a/>" + v, t + "<a/>" + t, pan + "\n" + pan + "\n"},
      {"not XML", "{\"cvv\":\"123\"}", "{\"cvv\":\"***\"}", code + "cvv\n"},
      {"cut in a tag", "<a b='" + v, "<a b='" + t, pan + "a.b\n"},
      {"cut in a name", "<a b-" + v, "<a b-" + t, pan + "\n"},
      {"cut in an end name", "<a></b-" + v, "<a></b-" + t, pan + "\n"},
      {"cut in a reference", "<a>" + v + " &#4", "<a>" + t + " &#4", pan + "a\n"},
      {"cut behind '<'", "<a>" + v + "<", "<a>" + t + "<", pan + "a\n"},
      {"cut in \"<!\"", "<a>" + v + "<!-", "<a>" + t + "<!-", pan + "a\n"},
      {"junk in an end tag", "<a></a " + v + ">", "<a></a " + t + ">", pan + "\n"},
      // ---- refused
      {"a declared entity", "<!DOCTYPE a [<!ENTITY n \"" + v + "\">]><a>&n;</a>", "refused",
       "body.malformed"},
      {"a parameter entity", "<!DOCTYPE a [ <!ENTITY % n SYSTEM \"x\"> ]><a/>", "refused", "body.malformed"},
      {"an attribute by default", "<!DOCTYPE a [<!ATTLIST a cvv CDATA \"123\">]><a/>", "refused",
       "body.malformed"},
      {"EBCDIC without a word", "\x4C\x6F\xA7\x94\x93\x40", "refused", "body.charset"},
      {"an entity in small letters", "<!DOCTYPE a [<!entity n \"\">]><a/>", "refused", "body.malformed"},
      {"a comment without an end", "<a><!-- <cvv>123</cvv>", "refused", "body.malformed"},
      {"a section without an end", "<a><![CDATA[<cvv>123</cvv>]]", "refused", "body.malformed"},
      {"an instruction without an end", "<a><? <cvv>123</cvv>", "refused", "body.malformed"},
      {"a document type without an end", "<!DOCTYPE a [ ' ]><a><cvv>123</cvv></a>", "refused",
       "body.malformed"},
      {"a reference without an end", "<a>&#" + std::string(80, '0') + "52;</a>", "refused", "body.malformed"},
      {"unknown encoding", "<?xml version='1.0' encoding='UTF-7'?><a/>", "refused", "body.charset"},
      {"EBCDIC", "<?xml version='1.0' encoding=\"IBM037\"?><a/>", "refused", "body.charset"},
      {"wrong number", "<card><number>4111111111111112</number></card>", "refused", "pan.luhn@card.number"},
      {"a field that is too long", "<cvv>" + std::string(3000, '1') + "</cvv>", "refused", "code.length@cvv"},
      {"no room for a digit", "<cvv>12" + decimal_digits + "</cvv>", "refused", "field.encoding@cvv"},
      {"a name without an end", "<a" + std::string(5000, 'b') + "/>", "refused", "limit.size"},
      {"an attribute name and space without an end", "<a b" + std::string(5000, ' ') + "='1'/>", "refused",
       "limit.size"},
  };
  for (const Case& c : cases) {
    if (std::string_view(c.name) == "no quotes") {
      // "123/" is no code.
      check(c.name, policy, c.in, "refused", "code.format@card.cvc");
      continue;
    }
    check(c.name, policy, c.in, c.out.empty() && !c.in.empty() ? c.in : c.out, c.events);
  }
}

// Comments inside a value, up to and beyond what is waited for.
// Where a number is masked in a name, the document stays well-formed.
void masked_names(void**) {
  Policy policy = Rig::get().policy();
  policy.sweep = Action::kMask;
  check("masked names", policy, "<n-4111111111111111 m-5555555555554444='1'></n-4111111111111111>",
        "<n-4111110000001111 m-5555550000004444='1'></n-4111110000001111>",
        "pan visa mask \npan mastercard mask \npan visa mask n-411111**********\n");
}

void long_asides(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = Rig::get().token(kVisa);
  const std::string v(kVisa);
  const std::string pan = "pan visa tokenize ";
  const std::string words = std::string(5000, 'x');
  check("long comment, nothing near", policy,
        "<a>hello, here is a text without digits <!--" + words + " " + v + "-->" + v + "</a>",
        "<a>hello, here is a text without digits <!--" + words + " " + t + "-->" + t + "</a>",
        pan + "\n" + pan + "a\n");
  check("long comment behind a digit", policy, "<a>41111111<!--" + words + "-->11111111</a>", "refused",
        "limit.window");
  check("long comment in a named value", policy, "<cvv>x1<!--" + words + "-->123</cvv>", "refused",
        "limit.window code.format@cvv");
  check("long comment in front of a named value", policy, "<cvv> <!--" + words + "-->123</cvv>",
        "<cvv> <!--" + words + "-->***</cvv>", "code unknown mask cvv\n");
  check("long text behind a comment without a number", policy, "<a>x<!-- 1 -->" + words + " " + v + "</a>",
        "<a>x<!-- 1 -->" + words + " " + t + "</a>", pan + "a\n");
  check("long text behind a comment with a number", policy, "<a>x<!-- " + v + " -->" + words + "</a>",
        "refused", "limit.window");
}

void depth(void**) {
  Policy policy = Rig::get().policy();
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  Run run = run_xml(policy, deep, 16384);
  assert_string_equal(reasons(run.verdict).substr(0, 11).c_str(), "limit.depth");
  policy.mode = Mode::kMonitor;
  deep += "<card_number>" + std::string(kVisa) + "</card_number>";
  for (int i = 0; i < 100000; ++i) deep += "</a>";
  deep += "<card_number>" + std::string(kVisa) + "</card_number>";
  run = run_xml(policy, deep, 16384);
  assert_false(run.verdict.refused());
  assert_true(run.out == deep);
  assert_int_equal(run.events.size(), 2);
  assert_string_equal(testing::without_places(run.events)[1].c_str(), "pan visa none card_number");
}

// Where fields are required, expat is asked whether the document is well-formed.
void judged(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  const std::string card = "<card><number>" + std::string(kVisa) + "</number></card>";
  const struct {
    const char* name;
    std::string in;
    int64_t offset;  // -1: well-formed
  } cases[] = {
      {"well-formed", card, -1},
      {"declared", "<?xml version='1.0' encoding='UTF-8'?>\n" + card, -1},
      {"Latin-1", "<?xml version='1.0' encoding='latin1'?><a>\xE9" + card + "</a>", -1},
      {"not UTF-8", "<a>" + card + "\xE9</a>", 49},
      {"no end", "<a>" + card, 49},
      {"wrong end", "<a>" + card + "</b>", 51},
      {"the same attribute twice", card.substr(0, card.size() - 7) + "<x a='1' a='2'/></card>", 48},
      {"a character that XML has not", "<a>\x01" + card + "</a>", 3},
      {"late", "<a>" + card + std::string(10000, ' ') + "<1></a>", 10050},
      {"garbage behind", card + "x", 46},
      {"long attribute", "<a b='" + std::string(100000, 'x') + "'>" + card + "</a>", -1},
  };
  for (const auto& c : cases) {
    for (size_t chunk : kChunkSizes) {
      Run run = run_xml(policy, c.in, chunk);
      if (run.verdict.refused() != (c.offset >= 0))
        fail_msg("case: %s: %s", c.name, run.verdict.problem_json().c_str());
      if (c.offset < 0) continue;
      assert_string_equal(reasons(run.verdict).c_str(), "body.malformed");
      if (run.verdict.problems()[0].offset != c.offset) {
        fail_msg("case: %s, chunk %zu: %d", c.name, chunk,
                 static_cast<int>(run.verdict.problems()[0].offset));
      }
    }
  }
}

// ---- UTF-16

std::string wide(std::string_view ascii, bool little) {
  std::string out = little ? "\xFF\xFE" : "\xFE\xFF";
  for (char c : ascii) {
    out += little ? c : '\0';
    out += little ? '\0' : c;
  }
  return out;
}

void utf16(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = Rig::get().token(kVisa);
  const std::string head = "<?xml version='1.0' encoding='UTF-16'?>";
  const struct {
    const char* name;
    std::string in;
    std::string out;  // empty: refused
  } cases[] = {
      {"element", head + "<card><number>" + std::string(kVisa) + "</number><cvc>123</cvc></card>",
       head + "<card><number>" + t + "</number><cvc>***</cvc></card>"},
      {"attribute", "<card number='" + std::string(kVisa) + "'/>", "<card number='" + t + "'/>"},
      {"cut up", "<a>4111<!--x--><![CDATA[1111]]>11111111</a>",
       "<a>" + t.substr(0, 4) + "<!--x--><![CDATA[" + t.substr(4, 4) + "]]>" + t.substr(8) + "</a>"},
      {"hexadecimal", "<a>" + hex(kVisa) + "</a>", "<a>" + hex(t) + "</a>"},
      {"decimal: two characters that do not lie side by side", "<a>" + decimal(kVisa) + "</a>", ""},
  };
  for (const auto& c : cases) {
    for (bool little : {true, false}) {
      for (size_t chunk : kChunkSizes) {
        auto filter = make_charset_filter(Charset::kDetect, make_xml_filter(0));
        Run run = run_filter(*filter, policy, wide(c.in, little), chunk);
        if (run.verdict.refused() != c.out.empty())
          fail_msg("case: %s: %s", c.name, reasons(run.verdict).c_str());
        if (!c.out.empty() && run.out != wide(c.out, little)) fail_msg("case: %s, chunk %zu", c.name, chunk);
      }
    }
  }
}

// Files of tests/vectors/xml: NAME.xml is what comes in; where NAME.out is there it is what goes out ('T' for
// each digit of a token), otherwise the document leaves as it came.
void vectors(void**) {
  static constexpr std::string_view kNames[] = {"soap", "order", "mixed", "attributes", "plain"};
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  auto load = [](const std::string& name) {
    std::ifstream file("tests/vectors/xml/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  for (std::string_view name : kNames) {
    const std::string in = load(std::string(name) + ".xml");
    if (in.empty()) fail_msg("no vector %s", std::string(name).c_str());
    std::string want = load(std::string(name) + ".out");
    if (want.empty()) want = in;
    assert_int_equal(want.size(), in.size());
    for (size_t chunk : kChunkSizes) {
      Run run = run_xml(policy, in, chunk);
      if (run.verdict.refused())
        fail_msg("vector %s: %s", std::string(name).c_str(), reasons(run.verdict).c_str());
      std::string got = run.out;
      for (size_t i = 0; i < got.size(); ++i) {
        if (want[i] != 'T' || in[i] == 'T') continue;
        assert_true(is_digit(static_cast<uint8_t>(got[i])));
        got[i] = 'T';
      }
      if (got != want)
        fail_msg("vector %s, chunk %zu:\n%s", std::string(name).c_str(), chunk, run.out.c_str());
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(encodings),   cmocka_unit_test(documents), cmocka_unit_test(masked_names),
      cmocka_unit_test(long_asides), cmocka_unit_test(depth),     cmocka_unit_test(judged),
      cmocka_unit_test(utf16),       cmocka_unit_test(vectors),
  };
  return cmocka_run_group_tests_name("xml", tests, nullptr, nullptr);
}
