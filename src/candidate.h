// The close look: is the group of digits that starts here the start of a card number, or of a track?
//
//   group      digits in a row                                     4111
//   run        groups with one ' ', '-' or '.' between two         12 4111-1111 1111-1111 0926
//   candidate  groups of one run, 12 to 19 digits; it starts and ends where groups do; the separators inside
//              are spaces and hyphens, or at least two dots and nothing else
//
// A candidate is a card number when
//   * nothing touches it: an ASCII letter at either end, or a dot with a digit on its other side (a float,
//   but
//     for one that ends in ".0");
//   * the longest prefix in the issuer table gives it a brand that is looked for, the length is issued, and
//     Luhn is right;
//   * the length is common, or else no other group stands beside it and a card-like word in front of it
//     (card_words.h);
//   * it is no phone number (ITU-T E.164: a '+' that touches nothing in front of its run, and at most 15
//     digits from there to its end), and lies in no UUID (RFC 9562, 8-4-4-4-12) and no IBAN (ISO 13616:
//     printed in groups of four, check digits right).
// Of several lengths at one start the longest wins. A number in a JSON document or the like is one group: it
// has a sign, but no separators, and with a fraction (but .0) or an exponent it is no card number.
//
// Track 1 (ISO/IEC 7813): 'B' or no letter, a number, '^', a name of 2..26, '^', four digits of expiry or
// '^', and the rest, up to '?' or as far as it looks like a track. Track 2: a number, '=' or 'D', seven
// digits or more.
// The number has a known brand, any issued length, Luhn right. The finding goes from the number's first digit
// to the last character of data; sentinels are outside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "finding.h"
#include "issuer.h"
#include "limits.h"
#include "secret.h"
#include "text.h"

namespace cardscrub {

struct DetectorOptions {
  uint32_t brands = ~0u;      // bit b: numbers of Brand b are findings
  uint32_t token_digits = 0;  // bit d: a number that starts with digit d is a token, never a finding
  bool number = false;        // the text is a JSON number or the like: no separators inside
};

// A text with what preceded it, by index: negative ones lie in front. Remembers when someone looked past its
// end although more may follow: then what was concluded is not safe.
class Surroundings {
 public:
  static constexpr int kNothing = -1;

  Surroundings(const Text& text, Bytes before, bool last) : text_(text), before_(before), last_(last) {}

  int at(ptrdiff_t i) const {
    if (i < 0) {
      const size_t back = static_cast<size_t>(-i);
      return back <= before_.size() ? before_[before_.size() - back] : kNothing;
    }
    if (static_cast<size_t>(i) < text_.size) return text_.data[i];
    if (!last_) open_ = true;
    return kNothing;
  }
  bool digit(ptrdiff_t i) const { return unsigned(at(i)) - unsigned{'0'} < 10; }
  bool alpha(ptrdiff_t i) const { return (unsigned(at(i)) | 0x20u) - unsigned{'a'} < 26; }
  bool alnum(ptrdiff_t i) const { return digit(i) || alpha(i); }
  bool separator(ptrdiff_t i) const { return at(i) == ' ' || at(i) == '-' || at(i) == '.'; }

  // Another group, or one that was masked, stands beside the digits that begin or end there.
  bool group_in_front(ptrdiff_t start) const {
    if (at(start - 1) == '*') return true;
    return separator(start - 1) && (digit(start - 2) || at(start - 2) == '*');
  }
  bool group_behind(ptrdiff_t end) const {
    if (at(end) == '*') return true;
    return separator(end) && (digit(end + 1) || at(end + 1) == '*');
  }

  bool open() const { return open_; }
  void close() { open_ = false; }

  bool reaches(size_t i) const { return i <= text_.size; }
  const uint8_t* data() const { return text_.data; }

 private:
  const Text& text_;
  Bytes before_;
  bool last_;
  mutable bool open_ = false;
};

class CloseLook {
 public:
  enum class Verdict : uint8_t { kNone, kFound, kOpen };  // kOpen: what follows the text decides

  // Units that a verdict depends on at most, from the start of the group on.
  static constexpr size_t kAhead = 96;

  CloseLook(const Text& text, Bytes before, bool last, const DetectorOptions& options);
  ~CloseLook() { wipe(digits_.data(), digits_.size()); }
  CloseLook(const CloseLook&) = delete;
  CloseLook& operator=(const CloseLook&) = delete;

  // `start`: a digit of the text with no digit in front of it. kFound: *finding, and whether its run holds
  // nothing else, nor could when other digits stood in its place.
  Verdict judge(size_t start, Finding* finding, bool* alone);

 private:
  struct End {
    size_t digits;
    size_t at;  // one past the last digit
  };

  bool may_start_with(int digit) const;
  bool read(size_t start);
  template <typename Units>
  bool read_groups(const Units& units, size_t start);
  bool is_issued(size_t digits) const;
  bool touched_in_front(ptrdiff_t start) const;
  size_t track1_end(size_t start, size_t caret) const;
  size_t track2_end(size_t equals) const;

  Surroundings around_;
  DetectorOptions options_;
  std::array<uint8_t, limits::kPanMax> digits_{};
  size_t first_group_ = 0;  // digits of the first group
  const IssuerRange* issuer_ = nullptr;
  std::array<End, limits::kPanMax> ends_;  // the first end_count_ are filled
  size_t end_count_ = 0;
};

}  // namespace cardscrub
