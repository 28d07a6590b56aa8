// The detector against its rules, written down a second time as plainly as possible: every start and every
// end of every random text is tried, with no engine, no vectors and no streaming. And the same texts in
// pieces of all sizes (law 3).
#include "src/detector.h"

#include <algorithm>
#include <random>

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int kTexts = 40000;
#else
constexpr int kTexts = 250000;
#endif

bool digit(char c) { return c >= '0' && c <= '9'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool alpha(char c) { return upper(c) || lower(c); }
bool alnum(char c) { return digit(c) || alpha(c); }

// ---- the rules, over a whole text

class Rules {
 public:
  Rules(const std::string& text, const DetectorOptions& options) : text_(text), options_(options) {}

  std::vector<Finding> findings() const {
    std::vector<Finding> out;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (!digit(at(i)) || digit(at(i - 1))) continue;
      Finding finding;
      if (!track1(i, &finding) && !track2(i, &finding) && !number(i, &finding)) continue;
      out.push_back(finding);
      i = finding.end - 1;
    }
    return out;
  }

 private:
  // Positions wrap below zero to beyond the end, where there is nothing.
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  static const IssuerRange* issuer_of(const std::string& number) {
    const IssuerRange* best = nullptr;
    for (const IssuerRange& row : issuer_table()) {
      const unsigned long prefix = std::stoul(number.substr(0, row.prefix));
      if (prefix >= row.first && prefix <= row.last && (best == nullptr || row.prefix > best->prefix))
        best = &row;
    }
    return best;
  }
  static bool luhn(const std::string& number) {
    int sum = 0;
    for (size_t i = 0; i < number.size(); ++i) {
      int value = number[number.size() - 1 - i] - '0';
      if (i % 2 == 1) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
      sum += value;
    }
    return sum % 10 == 0;
  }
  // The issuer when the digits are a number of a brand that is looked for.
  const IssuerRange* issued(const std::string& number) const {
    if (number.size() < 12 || number.size() > 19) return nullptr;
    if ((options_.token_digits >> (number[0] - '0') & 1u) != 0) return nullptr;
    const IssuerRange* issuer = issuer_of(number);
    if (issuer == nullptr || (options_.brands >> static_cast<unsigned>(issuer->brand) & 1u) == 0)
      return nullptr;
    return (issuer->lengths >> number.size() & 1u) != 0 && luhn(number) ? issuer : nullptr;
  }
  std::string digits_from(size_t i) const {
    std::string out;
    while (digit(at(i))) out += at(i++);
    return out;
  }
  static bool separator(char c) { return c == ' ' || c == '-' || c == '.'; }
  bool touched_in_front(size_t i) const { return alpha(at(i - 1)) || (at(i - 1) == '.' && digit(at(i - 2))); }

  bool track1(size_t i, Finding* finding) const {
    if (options_.number || (at(i - 1) != 'B' && at(i - 1) != 'b') || alnum(at(i - 2))) return false;
    const std::string number = digits_from(i);
    const IssuerRange* issuer = issued(number);
    if (issuer == nullptr || at(i + number.size()) != '^') return false;
    const size_t name = i + number.size() + 1;
    size_t j = name;
    while (at(j) >= ' ' && at(j) <= '~' && at(j) != '^' && at(j) != '?' && at(j) != '%') ++j;
    if (at(j) != '^' || j - name < 2 || j - name > 26) return false;
    ++j;
    if (at(j) == '^') {
      ++j;
    } else {
      for (int k = 0; k < 4; ++k) {
        if (!digit(at(j++))) return false;
      }
    }
    const size_t limit = i - 1 + 76;  // 79 without '%', '?' and the redundancy character
    size_t end = j;
    while (end < limit && at(end) >= ' ' && at(end) <= '_' && at(end) != '?' && at(end) != '%') ++end;
    if (at(end) != '?') {
      end = j;
      while (end < limit && (digit(at(end)) || upper(at(end)) || at(end) == ' ' || at(end) == '^')) ++end;
    }
    *finding = {i, end, Kind::kTrack, issuer->brand};
    return true;
  }

  bool track2(size_t i, Finding* finding) const {
    if (options_.number || touched_in_front(i)) return false;
    const std::string number = digits_from(i);
    const IssuerRange* issuer = issued(number);
    const size_t middle = i + number.size();
    const bool emv = at(middle) == 'D' || at(middle) == 'd';
    if (issuer == nullptr || (at(middle) != '=' && !emv)) return false;
    size_t end = middle + 1;
    while (digit(at(end)) && end - i < 37) ++end;  // 40 without ';', '?' and the redundancy character
    if (end - middle - 1 < 7) return false;
    if (emv && alnum(at(at(end) == 'F' || at(end) == 'f' ? end + 1 : end))) return false;
    *finding = {i, end, Kind::kTrack, issuer->brand};
    return true;
  }

  bool number(size_t i, Finding* finding) const {
    if (touched_in_front(i)) return false;
    if (options_.number && (at(i - 1) == '.' || ((at(i - 1) == '-' || at(i - 1) == '+') && alpha(at(i - 2)))))
      return false;
    for (size_t end = std::min(text_.size(), i + 37); end > i; --end) {
      const IssuerRange* issuer = candidate(i, end);
      if (issuer == nullptr) continue;
      *finding = {i, end, Kind::kPan, issuer->brand};
      return true;
    }
    return false;
  }

  const IssuerRange* candidate(size_t begin, size_t end) const {
    if (!digit(at(end - 1)) || digit(at(end)) || alpha(at(end))) return nullptr;
    const bool zero = at(end) == '.' && at(end + 1) == '0' && !alnum(at(end + 2)) && at(end + 2) != '.';
    if (at(end) == '.' && (digit(at(end + 1)) || options_.number) && !zero) return nullptr;
    std::string number;
    size_t dots = 0, others = 0;
    for (size_t i = begin; i < end; ++i) {
      if (digit(at(i))) {
        number += at(i);
        continue;
      }
      if (!separator(at(i)) || !digit(at(i - 1)) || options_.number) return nullptr;
      ++(at(i) == '.' ? dots : others);
    }
    if (dots != 0 && (others != 0 || dots < 2 || zero)) return nullptr;
    const IssuerRange* issuer = issued(number);
    if (issuer == nullptr) return nullptr;
    if ((issuer->common >> number.size() & 1u) == 0 && (beside(begin, end) || !word(begin))) return nullptr;
    if (phone(begin, number.size()) || uuid(begin, end) || iban(begin)) return nullptr;
    return issuer;
  }

  bool beside(size_t begin, size_t end) const {
    const auto other = [](char c) { return digit(c) || c == '*'; };
    return at(begin - 1) == '*' || (separator(at(begin - 1)) && other(at(begin - 2))) || at(end) == '*' ||
           (separator(at(end)) && other(at(end + 1)));
  }

  bool boundary(size_t i) const {  // between i - 1 and i
    const char a = at(i - 1), b = at(i);
    return !alpha(a) || !alpha(b) || (upper(b) && (lower(a) || lower(at(i + 1))));
  }
  bool word(size_t begin) const {
    static const char* const kWords[] = {
        "amex",      "bankcard",   "bankkarte", "card",         "cards",   "cardno",     "cardnr",
        "cardnum",   "cardnumber", "carta",     "cartao",       "carte",   "cartes",     "cc",
        "ccno",      "ccnr",       "ccnum",     "ccnumber",     "credit",  "creditcard", "debit",
        "debitcard", "diners",     "hipercard", "jcb",          "kaart",   "kart",       "karta",
        "karte",     "karten",     "kartennr",  "kartennummer", "kort",    "kredit",     "kreditkarte",
        "maestro",   "mastercard", "pan",       "rupay",        "tarjeta", "tarjetas",   "uatp",
        "unionpay",  "verve",      "visa"};
    for (size_t i = begin > 63 ? begin - 63 : 0; i < begin; ++i) {
      for (const std::string_view word : kWords) {
        if (i + word.size() > begin || !boundary(i) || !boundary(i + word.size())) continue;
        bool same = true;
        for (size_t k = 0; k < word.size(); ++k) {
          const char c = at(i + k);
          same = same && (upper(c) ? c + 32 : c) == word[k] && (k == 0 || !boundary(i + k));
        }
        if (same) return true;
      }
    }
    return false;
  }

  bool phone(size_t begin, size_t digits) const {
    size_t i = begin;
    while (true) {
      if (at(i - 1) == '+') return digits <= 15;
      if (digit(at(i - 1))) {
        ++digits;
      } else if (!separator(at(i - 1)) || !digit(at(i - 2))) {
        return false;
      }
      --i;
    }
  }

  bool uuid(size_t begin, size_t end) const {
    for (size_t i = begin > 35 ? begin - 35 : 0; i < end; ++i) {
      if (alnum(at(i - 1)) || alnum(at(i + 36))) continue;
      bool same = true;
      for (size_t k = 0; k < 36; ++k) {
        const char c = at(i + k);
        const bool hyphen = k == 8 || k == 13 || k == 18 || k == 23;
        same = same && (hyphen ? c == '-' : digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
      }
      if (same) return true;
    }
    return false;
  }

  // Every place in front of `begin` where an IBAN may start, cut into groups up to every possible end.
  bool iban(size_t begin) const {
    for (size_t i = begin > 45 ? begin - 45 : 0; i < begin; ++i) {
      if (alnum(at(i - 1)) || !alpha(at(i)) || !alpha(at(i + 1)) || !digit(at(i + 2)) || !digit(at(i + 3)))
        continue;
      if ((begin - i) % 5 != 0) continue;
      std::string characters = text_.substr(i, 4);
      size_t j = i + 4;
      while (at(j) == ' ' || at(j) == '-') {
        size_t size = 0;
        while (alnum(at(j + 1 + size))) ++size;
        if (size == 0 || size > 4) break;
        characters += text_.substr(j + 1, size);
        j += 1 + size;
        if (characters.size() > 34) break;
        if (j > begin && characters.size() >= 15 && mod97(characters) == 1) return true;
        if (size < 4) break;
      }
    }
    return false;
  }
  static int mod97(const std::string& iban) {
    int rest = 0;
    for (const char c : iban.substr(4) + iban.substr(0, 4)) {
      const int value = digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
      rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
    }
    return rest;
  }

  const std::string& text_;
  const DetectorOptions& options_;
};

// ---- random texts that look like trouble

class Writer {
 public:
  explicit Writer(uint64_t seed) : random_(seed) {}

  std::string text() {
    std::string out;
    for (size_t parts = 1 + below(12); parts > 0; --parts) part(&out);
    if (below(8) == 0) out.insert(below(out.size() + 1), 1, "^=D.-+ *x"[below(9)]);
    return out;
  }
  size_t below(size_t bound) { return static_cast<size_t>(random_() % bound); }

 private:
  std::string digits(size_t count) {
    std::string out;
    for (; count > 0; --count) out += static_cast<char>('0' + below(10));
    return out;
  }
  // A number that is right, most of the time.
  std::string pan() {
    const std::span<const IssuerRange> table = issuer_table();
    const IssuerRange& row = table[below(3) == 0 ? below(table.size()) : below(24)];
    std::string number = std::to_string(row.first + below(row.last - row.first + 1));
    size_t length = 12 + below(8);
    while ((row.lengths >> length & 1u) == 0) length = 12 + below(8);
    number += digits(length - 1 - number.size());
    Digits body = digits_of(number);
    number += static_cast<char>('0' + luhn_check_digit(body.span()));
    if (below(12) == 0) number[below(number.size())] = static_cast<char>('0' + below(10));
    if (below(20) == 0) number.pop_back();
    return number;
  }
  std::string grouped(const std::string& number) {
    const size_t style = below(8);
    std::string out;
    size_t left = style == 6 ? 1 : 4;
    for (const char c : number) {
      if (left == 0) {
        out += style == 7 ? " -"[below(2)] : " -. - "[style % 6];
        left = style == 6 ? 1 : style == 7 ? 1 + below(6) : out.size() == 5 && style == 5 ? 6 : 4;
      }
      out += c;
      --left;
    }
    return style < 2 ? number : out;
  }
  std::string hex(size_t count) {
    std::string out;
    for (; count > 0; --count) out += "0123456789012345abcdefAB"[below(24)];
    return out;
  }
  std::string iban() {
    std::string body = below(2) == 0 ? digits(11 + below(20)) : pan() + digits(below(4));
    std::string country = {static_cast<char>('A' + below(26)), static_cast<char>('A' + below(26))};
    int rest = 0;
    for (const char c : body + country + "00") {
      const int value = digit(c) ? c - '0' : c - 'A' + 10;
      rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
    }
    const int check = below(6) == 0 ? 42 : 98 - rest;
    const std::string whole =
        country + static_cast<char>('0' + check / 10) + static_cast<char>('0' + check % 10) + body;
    std::string out;
    for (size_t i = 0; i < whole.size(); ++i) {
      if (i != 0 && i % 4 == 0) out += ' ';
      out += whole[i];
    }
    return out;
  }
  void part(std::string* out) {
    static const char* const kBits[] = {" ", "-", ".", ", ", ":", "\"", "+",  "*",        "_",
                                        "x", "B", "^", "=",  "?", "%",  "\n", "\xc3\xa9", "  "};
    static const char* const kWords[] = {
        "card",          "Card ",  "discard", "company ", "PAN:", "ccNum=",      "my_visa_",
        "cardNumber\":", "XCard ", "word",    "a",        "eCC ", "kreditkarte "};
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        *out += grouped(pan());
        break;
      case 4:
        *out += digits(1 + below(6));
        break;
      case 5:
        *out += digits(4) + " " + digits(4);
        break;
      case 6:
        *out += digits(1 + below(30));
        break;
      case 7:
        *out += kWords[below(std::size(kWords))];
        break;
      case 8:
        *out += "%B" + pan() + "^" + std::string(below(30), 'N') + "^" + digits(below(9)) +
                (below(2) == 0 ? "X 7?" : "#") + digits(below(40));
        break;
      case 9:
        *out += ";" + pan() + "=D d"[below(4)] + digits(below(12) + below(2) * 20) + "?FfA,"[below(5)];
        break;
      case 10:
        *out +=
            hex(8) + "-" + hex(4) + "-" + hex(4) + "-" + hex(4) + "-" + (below(4) == 0 ? hex(11) : hex(12));
        break;
      case 11:
        *out += iban();
        break;
      case 12:
        *out += "+" + grouped(below(2) == 0 ? pan() : digits(2 + below(8)));
        break;
      default:
        *out += kBits[below(std::size(kBits))];
        break;
    }
    if (below(3) == 0) *out += " -"[below(2)];
  }

  std::mt19937_64 random_;
};

// ---- the detector, whole and in pieces

class Sweeper {
 public:
  Sweeper() : detector_(Detector::compile()), scratch_(detector_->make_scratch()) {}

  // `size` 0: the whole.
  std::vector<Finding> findings(const std::string& text, size_t size, const DetectorOptions& options) {
    std::vector<Finding> out;
    Before before;
    size_t base = 0;
    for (size_t end = 0; end < text.size() || end == 0;) {
      end = size == 0 ? text.size() : std::min(text.size(), end + size);
      const std::string_view held = std::string_view(text).substr(base, end - base);
      const auto block = exact_block(held);
      const Text part{block.get(), held.size(), nullptr, 0};
      const bool last = end == text.size();
      Detector::Next next{};
      size_t from = 0;
      do {
        next = detector_->next(part, from, before, last, options, scratch_->get());
        assert_true(next.outcome != Detector::Outcome::kFault && next.settled >= from);
        from = next.settled;
        if (next.outcome != Detector::Outcome::kFound) continue;
        out.push_back(next.finding);
        out.back().begin += base;
        out.back().end += base;
      } while (next.outcome == Detector::Outcome::kFound);
      assert_true(last ? from == held.size() : held.size() - from <= CloseLook::kAhead);
      before.add({block.get(), from});
      base += from;
      if (text.empty()) break;
    }
    return out;
  }

 private:
  Result<Detector> detector_;
  Result<HsScratch> scratch_;
};

std::string describe(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& f : findings) {
    out += std::string(kind_name(f.kind)) + " " + std::string(brand_name(f.brand)) + " " +
           std::to_string(f.begin) + ".." + std::to_string(f.end) + "; ";
  }
  return out;
}

void test_rules(void**) {
  Sweeper sweeper;
  Writer writer(20261123);
  size_t found = 0, tracks = 0;
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = writer.text();
    DetectorOptions options;
    if (i % 16 == 1) options.brands = static_cast<uint32_t>(writer.below(1u << kBrands));
    if (i % 16 == 2) options.number = true;
    if (i % 16 == 3) options.token_digits = 1u << 9 | 1u << 4;
    const std::vector<Finding> expected = Rules(text, options).findings();
    const std::string want = describe(expected);
    found += expected.size();
    for (const Finding& f : expected) tracks += f.kind == Kind::kTrack;
    const std::string got = describe(sweeper.findings(text, 0, options));
    if (got != want) fail_msg("text %d \"%s\"\n got %s\nwant %s", i, text.c_str(), got.c_str(), want.c_str());
    if (!expected.empty() && !may_hold_pan(reinterpret_cast<const uint8_t*>(text.data()), text.size())) {
      fail_msg("may_hold_pan denies \"%s\"", text.c_str());
    }
    const size_t size = 1 + writer.below(100);
    const std::string pieces = describe(sweeper.findings(text, size, options));
    if (pieces != want)
      fail_msg("text %d \"%s\" by %zu\n got %s\nwant %s", i, text.c_str(), size, pieces.c_str(),
               want.c_str());
  }
  // The texts must be ones in which there is something to be wrong about.
  assert_true(found > static_cast<size_t>(kTexts) / 2 && tracks > static_cast<size_t>(kTexts) / 50);
}

// Long texts, so that windows of all sizes and their seams are met.
void test_long_texts(void**) {
  Sweeper sweeper;
  Writer writer(7);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const size_t size = 1000 + writer.below(20000);
    while (text.size() < size) {
      text += writer.text();
      if (writer.below(4) == 0) text += std::string(writer.below(400), " 7.-a"[writer.below(5)]);
    }
    const std::string want = describe(Rules(text, {}).findings());
    for (const size_t cut : {size_t{0}, size_t{1000}, size_t{4096}, 1 + writer.below(600)}) {
      const std::string got = describe(sweeper.findings(text, cut, {}));
      if (got != want) fail_msg("long text %d by %zu", i, cut);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_long_texts)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
