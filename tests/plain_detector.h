// The rules of the sweep (src/detector.h, src/candidate.h) written down a second time, as plainly as
// possible: every start and every end in a text that is there as a whole is tried, with no engine, no
// vectors, no streaming. What the detector is held against, by the unit tests and by the fuzzer.
//
// Of the library only the issuer table's rows are used; looking them up and Luhn are done here again.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "src/candidate.h"
#include "src/issuer.h"

namespace cardscrub::testing {

class PlainDetector {
 public:
  PlainDetector(const std::string& text, const DetectorOptions& options) : text_(text), options_(options) {}

  // From left to right, none inside another.
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
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  static bool upper(char c) { return c >= 'A' && c <= 'Z'; }
  static bool lower(char c) { return c >= 'a' && c <= 'z'; }
  static bool alpha(char c) { return upper(c) || lower(c); }
  static bool alnum(char c) { return digit(c) || alpha(c); }

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
    const bool format_code = (at(i - 1) == 'B' || at(i - 1) == 'b') && !alnum(at(i - 2));
    if (options_.number || (!format_code && touched_in_front(i))) return false;
    // In groups with spaces and hyphens, or with two dots or more.
    std::string number;
    size_t caret = i;
    size_t dots = 0;
    size_t others = 0;
    for (; digit(at(caret)) || (separator(at(caret)) && digit(at(caret + 1))); ++caret) {
      if (digit(at(caret))) {
        number += at(caret);
      } else {
        ++(at(caret) == '.' ? dots : others);
      }
    }
    const IssuerRange* issuer = issued(number);
    if (issuer == nullptr || at(caret) != '^' || dots == 1 || (dots != 0 && others != 0)) return false;
    const size_t name = caret + 1;
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
      if (at(i - 1) == '+') return digits <= 15 && !alnum(at(i - 2));
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

}  // namespace cardscrub::testing
