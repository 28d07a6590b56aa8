// Words, telephone numbers, UUIDs and IBANs around a candidate. Only a candidate whose brand, length and
// check digit are right gets here.
#include "card_words.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cardscrub {

namespace {

// Brand names that are common words of some language (discover, elo, mir, troy, hiper) are not among them.
constexpr std::string_view kWords[] = {
    "amex",      "bankcard",   "bankkarte", "card",         "cards",   "cardno",     "cardnr",
    "cardnum",   "cardnumber", "carta",     "cartao",       "carte",   "cartes",     "cc",
    "ccno",      "ccnr",       "ccnum",     "ccnumber",     "credit",  "creditcard", "debit",
    "debitcard", "diners",     "hipercard", "jcb",          "kaart",   "kart",       "karta",
    "karte",     "karten",     "kartennr",  "kartennummer", "kort",    "kredit",     "kreditkarte",
    "maestro",   "mastercard", "pan",       "rupay",        "tarjeta", "tarjetas",   "uatp",
    "unionpay",  "verve",      "visa",
};
constexpr size_t longest_word() {
  size_t longest = 0;
  for (const std::string_view word : kWords) longest = std::max(longest, word.size());
  return longest;
}
constexpr size_t kWordMax = longest_word();

constexpr size_t kPhoneMax = 15;  // ITU-T E.164
constexpr ptrdiff_t kUuid = 36;
constexpr ptrdiff_t kIbanMin = 15;  // ISO 13616: Norway
constexpr ptrdiff_t kIbanMax = 34;
constexpr ptrdiff_t kIbanGroup = 4;

bool is_upper(int c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(int c) { return c >= 'a' && c <= 'z'; }

// A word may begin at i: no letter in front of it, or camelCase.
bool word_begins(const Surroundings& around, ptrdiff_t i) {
  if (!around.alpha(i)) return false;
  if (!around.alpha(i - 1)) return true;
  return is_upper(around.at(i)) && (is_lower(around.at(i - 1)) || is_lower(around.at(i + 1)));
}

bool is_card_word(const Surroundings& around, ptrdiff_t begin, ptrdiff_t end) {
  std::array<char, kWordMax> word{};
  const size_t size = static_cast<size_t>(end - begin);
  if (size > word.size()) return false;
  for (size_t i = 0; i < size; ++i)
    word[i] = static_cast<char>(around.at(begin + static_cast<ptrdiff_t>(i)) | 0x20);
  return std::find(std::begin(kWords), std::end(kWords), std::string_view(word.data(), size)) !=
         std::end(kWords);
}

bool is_hex(const Surroundings& around, ptrdiff_t i) {
  const int c = around.at(i) | 0x20;
  return around.digit(i) || (around.alpha(i) && c <= 'f');
}

bool uuid_at(const Surroundings& around, ptrdiff_t begin) {
  if (around.alnum(begin - 1)) return false;
  for (ptrdiff_t i = 0; i < kUuid; ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? around.at(begin + i) != '-' : !is_hex(around, begin + i)) return false;
  }
  return !around.alnum(begin + kUuid);
}

// ISO 7064 MOD 97-10 over an IBAN whose first four characters count as its last. Fed one character at a time.
struct Mod97 {
  unsigned rest = 0;
  void add(int c) {
    const int letter = c | 0x20;
    if (letter >= 'a' && letter <= 'z') {
      rest = (rest * 100 + static_cast<unsigned>(letter - 'a' + 10)) % 97;
    } else {
      rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
    }
  }
};

bool between_groups(const Surroundings& around, ptrdiff_t i) {
  return around.at(i) == ' ' || around.at(i) == '-';
}

// True when an IBAN begins at `begin` (two letters, two digits) and some end of it that lies behind `past`
// has the right check digits. What follows it may look like one more group, so each end of a group is tried.
bool iban_covers(const Surroundings& around, ptrdiff_t begin, ptrdiff_t past) {
  Mod97 body;
  ptrdiff_t characters = kIbanGroup;
  ptrdiff_t i = begin + kIbanGroup;
  while (characters < kIbanMax && between_groups(around, i)) {
    ptrdiff_t size = 0;
    while (size <= kIbanGroup && around.alnum(i + 1 + size)) ++size;
    if (size == 0 || size > kIbanGroup || characters + size > kIbanMax) return false;
    for (ptrdiff_t k = 0; k < size; ++k) body.add(around.at(i + 1 + k));
    characters += size;
    i += 1 + size;
    if (characters >= kIbanMin && i > past) {
      Mod97 whole = body;
      for (ptrdiff_t k = 0; k < kIbanGroup; ++k) whole.add(around.at(begin + k));
      if (whole.rest == 1) return true;
    }
    if (size < kIbanGroup) return false;
  }
  return false;
}

}  // namespace

bool card_word_in_front(const Surroundings& around, ptrdiff_t start) {
  const ptrdiff_t first =
      start - static_cast<ptrdiff_t>(limits::kContext) + 1;  // the unit in front of it is known too
  for (ptrdiff_t i = first; i < start; ++i) {
    if (!word_begins(around, i)) continue;
    ptrdiff_t end = i + 1;
    while (end < start && around.alpha(end) && !word_begins(around, end)) ++end;
    if (is_card_word(around, i, end)) return true;
    i = end - 1;
  }
  return false;
}

bool is_phone(const Surroundings& around, ptrdiff_t start, size_t digits) {
  ptrdiff_t i = start - 1;
  while (digits <= kPhoneMax) {
    if (around.at(i) == '+') return !around.alnum(i - 1);  // otherwise a space of a query
    if (around.digit(i)) {
      ++digits;
    } else if (!around.separator(i) || !around.digit(i - 1)) {
      return false;
    }
    --i;
  }
  return false;
}

bool in_uuid(const Surroundings& around, ptrdiff_t begin, ptrdiff_t end) {
  for (const ptrdiff_t offset : {0, 9, 14, 19, 24}) {
    if (uuid_at(around, begin - offset)) return true;
  }
  for (ptrdiff_t i = begin + 1; i < end; ++i) {
    if (!around.digit(i - 1) && uuid_at(around, i)) return true;
  }
  return false;
}

bool in_iban(const Surroundings& around, ptrdiff_t start) {
  for (ptrdiff_t p = start; start - p < kIbanMax + kIbanMax / kIbanGroup; p -= kIbanGroup + 1) {
    if (!between_groups(around, p - 1)) return false;
    for (ptrdiff_t k = p - 1 - kIbanGroup; k < p - 1; ++k) {
      if (!around.alnum(k)) return false;
    }
    const ptrdiff_t begin = p - 1 - kIbanGroup;
    if (around.alnum(begin - 1)) return false;
    if (around.alpha(begin) && around.alpha(begin + 1) && around.digit(begin + 2) &&
        around.digit(begin + 3) && iban_covers(around, begin, start)) {
      return true;
    }
  }
  return false;
}

}  // namespace cardscrub
