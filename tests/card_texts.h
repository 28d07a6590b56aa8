// Random texts that look like trouble: numbers in all their groups, tracks, UUIDs, IBANs, telephone numbers,
// words, and the punctuation that decides about them.
#pragma once

#include <random>
#include <string>

#include "src/issuer.h"
#include "tests/blocks.h"

namespace cardscrub::testing {

class CardTexts {
 public:
  explicit CardTexts(uint64_t seed) : random_(seed) {}

  // A few parts, one behind the other.
  std::string text() {
    std::string out;
    for (size_t parts = 1 + below(12); parts > 0; --parts) part(&out);
    if (below(8) == 0) out.insert(below(out.size() + 1), 1, "^=D.-+ *x"[below(9)]);
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
        *out += std::string(below(3) == 0 ? "" : "%B") + pan() + "^" + std::string(below(30), 'N') + "^" +
                digits(below(9)) + (below(2) == 0 ? "X 7?" : "#") + digits(below(40));
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
        *out += (below(4) == 0 ? "a+" : "+") + grouped(below(2) == 0 ? pan() : digits(2 + below(8)));
        break;
      default:
        *out += kBits[below(std::size(kBits))];
        break;
    }
    if (below(3) == 0) *out += " -"[below(2)];
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
      const int value = c <= '9' ? c - '0' : c - 'A' + 10;
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
  std::mt19937_64 random_;
};

}  // namespace cardscrub::testing
