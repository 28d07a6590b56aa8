// Random JSON with whatever the filter has a word about in it: listed names, card numbers, digits that are
// none, JSON in strings, escapes, other scripts, white space of several styles.
#pragma once

#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace cardscrub::testing {

class Generator {
 public:
  // rarity: how many times as seldom as often something stands in it that matters.
  explicit Generator(uint32_t seed, size_t rarity = 1) : random_(seed), rarity_(rarity) {
    style_ = below(4);
    rich_ = below(3) == 0;
  }
  size_t below(size_t bound) { return random_() % bound; }

  std::string body(size_t size) {
    out_.clear();
    put("[");
    for (bool first = true; out_.size() < size; first = false) {
      if (!first) put(",");
      space(1);
      value(1);
    }
    space(0);
    put("]");
    return out_;
  }

  // One to three bytes of it changed.
  void spoil(std::string* text) {
    static constexpr std::string_view kBytes = "\"\"\"\\{}[],,::'/*\n\t\x01\xC3 ue0-._Yy(";
    for (size_t i = 1 + below(3); i != 0 && !text->empty(); --i) {
      const size_t at = below(text->size());
      switch (below(5)) {
        case 0:
          text->erase(at, 1 + below(3));
          break;
        case 1:
          text->insert(at, 1, (*text)[below(text->size())]);
          break;
        case 2:
          text->insert(at, 1, kBytes[below(kBytes.size())]);
          break;
        case 3:
          (*text)[at] = kBytes[below(kBytes.size())];
          break;
        default:
          if (below(4) == 0) text->resize(at);
          break;
      }
    }
  }

 private:
  void put(std::string_view text) { out_ += text; }
  std::string_view pick(std::span<const std::string_view> from) { return from[below(from.size())]; }
  std::string_view pick(std::initializer_list<std::string_view> from) {
    return from.begin()[below(from.size())];
  }
  std::string digits(size_t count) {
    std::string text;
    while (count-- != 0) text += static_cast<char>('0' + below(10));
    return text;
  }
  void space(unsigned depth) {
    if (style_ == 1) put("\n" + std::string(2 * depth, ' '));
    if (style_ == 2) put("\r\n" + std::string(depth, '\t'));
    if (style_ == 3 && below(12) == 0)
      put(pick({" ", "  ", "\n", "\t ", "                                     "}));
  }
  void name() {
    static constexpr std::string_view kPlain[] = {
        "id",         "uuid",
        "created_at", "customer",
        "first_name", "last_name",
        "total",      "a",
        "",           "sku",
        "quantity",   "title",
        "list",       "amount",
        "x1",         "n12",
        "items",      "date",
        "etag",       "a_very_long_name_of_a_member_that_nobody_has_put_on_any_list_before_or_after",
        "state",      "zz",
        "query",      "Query"};
    static constexpr std::string_view kListed[] = {
        "card",    "card_number", "cvv",          "number", "exp_month",   "holder", "code",  "yy",
        "Card-No", "cards.10",    "card[number]", "track1", "stringValue", "S",      "#text", "cvv.raw"};
    static constexpr std::string_view kOdd[] = {
        "\\u0063vv", "na\\me", "\xC3\xA9t\xC3\xA9", "4111111111111111", "x 4111 1111 1111 1111", "[",
        "cvv ",      "-"};
    static constexpr std::string_view kPair[] = {"name", "key",   "value",     "value",
                                                 "val",  "Value", "n\\u0061me"};
    put("\"");
    put(below(6 * rarity_) == 0             ? pick(kPair)
        : below(12 * rarity_) == 0          ? pick(kListed)
        : rich_ && below(25 * rarity_) == 0 ? pick(kOdd)
                                            : pick(kPlain));
    put("\"");
  }
  void number() {
    static constexpr std::string_view kPans[] = {"4111111111111111", "5555555555554444", "378282246310005",
                                                 "4012888888881881", "6304000000000000"};
    if (below(14 * rarity_) == 0) return put(pick(kPans));
    switch (1 + below(13)) {
      case 1:
        return put("17" + digits(11));
      case 2:
        return put("1" + digits(16 + below(4)));
      case 3:
        return put("3" + digits(11 + below(12)));
      case 4:
        return put("-" + std::to_string(below(180)) + "." + digits(1 + below(18)));
      case 5:
        return put(
            pick({"0", "-0", "0.5", "1e5", "2.5E-3", "-1", "12.0", "4111111111111111.0", "00", "1.", "-"}));
      default:
        return put(std::to_string(below(2) == 0 ? below(10) : below(100000)));
    }
  }
  void text() {
    static constexpr std::string_view kWords[] = {
        "lorem ", "ipsum ",  "dolor", " sit", "amet,", "{x}", "[1]", ": ", "2026-11-23", "T12:30:00.123Z",
        "12",     " 7 8 9 ", "(",     ")",    "_",     "yes", "=",   "-",  "/",          "+33 6 12 34 56 78 ",
        "A"};
    static constexpr std::string_view kOdd[] = {"\\n",
                                                "\\\"",
                                                "\\\\",
                                                "\\u00e9",
                                                "\xC3\xA9",
                                                "\xE4\xB8\xAD\xE6\x96\x87",
                                                "\xC2\xA0",
                                                "\xD0\xBF\xD1\x80\xD0\xB8",
                                                "\xEF\xBC\x94",
                                                "\xE2\x80\x93",
                                                "\\ud83d\\ude00",
                                                "a=",
                                                "&cvv=",
                                                "\x7F"};
    put("\"");
    if (below(12 * rarity_) == 0)
      put(pick({"{\\\"a\\\":1}", "[4111111111111111]", " {\"", "[", "{", "\\u005b"}));
    if (below(40 * rarity_) == 0) {
      put(pick({"a=1&cvv=739", "cvv=739", " card[number]=4111111111111111&x=", "c\\u0076v=123",
                "cvc\\u003d1234", "n=%3411111111111111", "x=1;cvv=739", "name=cvv&value=739",
                "{pay(cvv: 739)}", "mutation {pay(cvv: \\\"739\\\")}",
                "query($n: Int){pay(cvv:739,number:4111111111111111)}", "queryx", "# cvv\\n{a(cvv:123)}"}));
    }
    for (size_t i = below(below(6) == 0 ? 40 : 6); i != 0; --i) {
      if (below(14 * rarity_) == 0) {
        put(pick({"4111111111111111", " 4111 1111 1111 1111 ", "4111-1111-1111-1111", "411111111111",
                  "1234567890", "5555.5555.5555.4444",
                  " 4111\xC2\xA0"
                  "1111 1111 1111 "}));
      } else if (rich_ && below(10 * rarity_) == 0) {
        put(pick(kOdd));
      } else if (below(12) == 0) {
        put(digits(1 + below(20)));
      } else {
        put(pick(kWords));
      }
    }
    put("\"");
  }
  void value(unsigned depth) {
    switch (below(depth > 6 ? 6 : 9)) {
      case 0:
        return put(pick({"true", "false", "null"}));
      case 1:
      case 2:
        return number();
      case 3:
        if (below(5 * rarity_) == 0) return put("\"4111111111111111\"");
        return put(pick({"\"\"", "\"123\"", "\"y\"", "\"12/30\"", "\"cvv\"", "\"card_number\"", "\"number\"",
                         "\"5678\"", "\"c\\u0076v\"", "\"code\"", "456"}));
      case 4:
      case 5:
        return text();
      case 6:
        put("[");
        for (size_t i = below(6); i != 0; --i) {
          space(depth + 1);
          value(depth + 1);
          if (i != 1) put(",");
        }
        space(depth);
        return put("]");
      default:
        put("{");
        for (size_t i = below(9); i != 0; --i) {
          space(depth + 1);
          name();
          put(style_ == 3 && below(20) == 0 ? " :" : ":");
          if (style_ != 0) put(" ");
          value(depth + 1);
          if (i != 1) put(",");
        }
        space(depth);
        return put("}");
    }
  }

  std::minstd_rand random_;
  size_t rarity_;
  std::string out_;
  size_t style_;  // 0: no white space
  bool rich_;
};

}  // namespace cardscrub::testing
