// The close look at one start of a group. Reads forward at most kAhead units and backward at most
// limits::kContext.
#include "candidate.h"

#include <bit>

#include "card_words.h"

namespace cardscrub {

namespace {

constexpr size_t kPrefix = 8;                         // digits that find_issuer() wants
constexpr size_t kReadMax = 2 * limits::kPanMax + 3;  // units that read() looks at

// The units of a text where none of those that are asked for lies outside it: what Surroundings does, without
// its care.
struct InText {
  const uint8_t* data;

  int at(ptrdiff_t i) const { return data[i]; }
  bool digit(ptrdiff_t i) const { return is_digit(data[i]); }
  bool alpha(ptrdiff_t i) const { return is_alpha(data[i]); }
};

// ISO/IEC 7813 lengths less the sentinels and the redundancy character behind the end sentinel.
constexpr size_t kTrack1Data = limits::kTrack1Max - 3;  // from 'B' on
constexpr size_t kTrack2Data = limits::kTrack2Max - 3;  // from the number on
constexpr size_t kNameMin = 2;
constexpr size_t kNameMax = 26;
constexpr size_t kExpiryDigits = 4;
constexpr size_t kTrack2Rest = 7;  // expiry and service code
// Of the lengths that need nothing more than a brand and Luhn (issuer.cpp).
constexpr size_t kShortestCommon = 14;

static_assert(kTrack1Data + 2 <= CloseLook::kAhead);
static_assert(2 * limits::kPanMax + 36 + 2 <= CloseLook::kAhead,
              "a UUID may start at the last group of a candidate");

// ".0" and nothing more: an integer that went through a floating-point column (spreadsheets, data frames).
template <typename Units>
bool no_fraction(const Units& units, ptrdiff_t point) {
  return units.at(point + 1) == '0' && !units.digit(point + 2) && !units.alpha(point + 2) &&
         units.at(point + 2) != '.';
}

bool in_name(int c) { return c >= ' ' && c <= '~' && c != '^' && c != '?' && c != '%'; }
// The six-bit alphabet of track 1, without its sentinels.
bool in_track1(int c) { return c >= ' ' && c <= '_' && c != '?' && c != '%'; }
// What the discretionary data of real cards is made of.
bool in_usual_track1(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == ' ' || c == '^';
}

}  // namespace

CloseLook::CloseLook(const Text& text, Bytes before, bool last, const DetectorOptions& options)
    : around_(text, before, last), options_(options) {}

// Whether a brand that is looked for starts with this digit.
bool CloseLook::may_start_with(int digit) const {
  return (options_.token_digits >> digit & 1u) == 0 &&
         (brands_starting_with(static_cast<uint8_t>(digit)) & options_.brands) != 0;
}

CloseLook::Verdict CloseLook::judge(size_t start, Finding* finding, bool* alone) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(start);
  around_.close();
  if (!may_start_with(around_.at(begin) - '0')) return Verdict::kNone;
  const int front = around_.at(begin - 1);
  const bool touched = touched_in_front(begin);
  const bool after_b = (front == 'B' || front == 'b') && !around_.alnum(begin - 2) && !options_.number;
  if ((touched && !after_b) || !read(start)) return Verdict::kNone;

  size_t end = 0;
  size_t digits = 0;
  Kind kind = Kind::kPan;
  // Some cards have their number in groups on track 1. Nothing is read behind a '^', so it is the last end.
  const End* caret = end_count_ == 0 || options_.number ? nullptr : &ends_[end_count_ - 1];
  if (caret != nullptr && around_.at(static_cast<ptrdiff_t>(caret->at)) == '^') {
    if (is_issued(caret->digits)) end = track1_end(start, caret->at);
  } else if (!after_b && first_group_ >= limits::kPanMin && !options_.number && is_issued(first_group_)) {
    end = track2_end(start + first_group_);
  }
  if (end != 0) kind = Kind::kTrack;
  for (size_t i = touched ? 0 : end_count_; i > 0 && end == 0; --i) {
    const End& candidate = ends_[i - 1];
    const ptrdiff_t past = static_cast<ptrdiff_t>(candidate.at);
    if (!is_issued(candidate.digits)) continue;
    const bool common = (issuer_->common >> candidate.digits & 1u) != 0;
    if (!common &&
        (around_.group_in_front(begin) || around_.group_behind(past) || !card_word_in_front(around_, begin)))
      continue;
    if (is_phone(around_, begin, candidate.digits) || in_uuid(around_, begin, past) ||
        in_iban(around_, begin))
      continue;
    end = candidate.at;
    digits = candidate.digits;
  }
  // What is written in the place of a number has groups where it had; one of them may begin another number.
  const bool holds_another = digits >= first_group_ + kShortestCommon;
  const bool single = end != 0 && !holds_another && !around_.group_in_front(begin) &&
                      !around_.group_behind(static_cast<ptrdiff_t>(end));
  if (around_.open()) return Verdict::kOpen;
  if (end == 0) return Verdict::kNone;
  *finding = Finding{start, end, kind, issuer_->brand};
  *alone = single;
  return Verdict::kFound;
}

// Reads the groups from `start` on and notes where a candidate may end. False: no brand that is looked for.
bool CloseLook::read(size_t start) {
  return around_.reaches(start + kReadMax) ? read_groups(InText{around_.data()}, start)
                                           : read_groups(around_, start);
}

template <typename Units>
bool CloseLook::read_groups(const Units& units, size_t start) {
  end_count_ = 0;
  first_group_ = 0;
  issuer_ = nullptr;
  size_t count = 0;
  size_t most = limits::kPanMax;
  unsigned dots = 0;
  bool spaced = false;
  ptrdiff_t i = static_cast<ptrdiff_t>(start);
  while (true) {
    int c = units.at(i);
    for (; c >= '0' && c <= '9'; c = units.at(++i)) {
      if (count == most) return true;  // the group goes on beyond every length
      digits_[count++] = static_cast<uint8_t>(c - '0');
      if (count != kPrefix) continue;
      issuer_ = find_issuer({digits_.data(), kPrefix});
      if (issuer_ == nullptr || (options_.brands >> static_cast<unsigned>(issuer_->brand) & 1u) == 0)
        return false;
      most = static_cast<size_t>(std::bit_width(issuer_->lengths)) - 1;
    }
    if (first_group_ == 0) first_group_ = count;
    const bool digit_next = (c == ' ' || c == '-' || c == '.') && units.digit(i + 1);
    const bool fraction =
        c == '.' && (digit_next || options_.number) && (dots != 0 || !no_fraction(units, i));
    const bool touched = units.alpha(i) || fraction;
    if (count >= limits::kPanMin && !touched && dots != 1)
      ends_[end_count_++] = {count, static_cast<size_t>(i)};
    if (!digit_next || options_.number || count == most) return true;
    if (c == '.' ? spaced : dots != 0) return true;
    if (c == '.') {
      ++dots;
    } else {
      spaced = true;
    }
    ++i;
  }
}

bool CloseLook::is_issued(size_t digits) const {
  return issuer_ != nullptr && (issuer_->lengths >> digits & 1u) != 0 &&
         (!issuer_->luhn || luhn_valid({digits_.data(), digits}));
}

bool CloseLook::touched_in_front(ptrdiff_t start) const {
  const int front = around_.at(start - 1);
  if (around_.alpha(start - 1)) return true;
  if (front == '.') return options_.number || around_.digit(start - 2);
  // The exponent of a JSON number.
  return options_.number && (front == '-' || front == '+') && around_.alpha(start - 2);
}

// `caret`: where a '^' stands behind the number that begins at `start`. 0: this is no track 1.
size_t CloseLook::track1_end(size_t start, size_t caret) const {
  const ptrdiff_t name = static_cast<ptrdiff_t>(caret) + 1;
  ptrdiff_t i = name;
  while (i - name <= static_cast<ptrdiff_t>(kNameMax) && in_name(around_.at(i))) ++i;
  const size_t size = static_cast<size_t>(i - name);
  if (size < kNameMin || size > kNameMax || around_.at(i) != '^') return 0;
  ++i;
  if (around_.at(i) == '^') {
    ++i;
  } else {
    for (size_t k = 0; k < kExpiryDigits; ++k, ++i) {
      if (!around_.digit(i)) return 0;
    }
  }
  const ptrdiff_t most = static_cast<ptrdiff_t>(start) - 1 + static_cast<ptrdiff_t>(kTrack1Data);
  ptrdiff_t end = i;
  while (end < most && in_track1(around_.at(end))) ++end;
  if (around_.at(end) == '?') return static_cast<size_t>(end);
  end = i;
  while (end < most && in_usual_track1(around_.at(end))) ++end;
  return static_cast<size_t>(end);
}

// `equals`: where the number ends. 0: this is no track 2.
size_t CloseLook::track2_end(size_t equals) const {
  ptrdiff_t i = static_cast<ptrdiff_t>(equals);
  const int c = around_.at(i);
  if (c != '=' && c != 'D' && c != 'd') return 0;
  ++i;
  const ptrdiff_t most = static_cast<ptrdiff_t>(equals - first_group_ + kTrack2Data);
  while (i < most && around_.digit(i)) ++i;
  if (i - static_cast<ptrdiff_t>(equals) - 1 < static_cast<ptrdiff_t>(kTrack2Rest)) return 0;
  if (c == '=') return static_cast<size_t>(i);
  // With 'D' (EMV tag 57, as hexadecimal) it may as well be a hash: it must end here, after a filler perhaps.
  const ptrdiff_t behind = around_.at(i) == 'F' || around_.at(i) == 'f' ? i + 1 : i;
  return around_.alnum(behind) ? 0 : static_cast<size_t>(i);
}

}  // namespace cardscrub
