// Scrubber: named values, the sweep of everything else, and what is written in place of what is found.
#include "scrubber.h"

#include <algorithm>

#include "issuer.h"
#include "masks.h"
#include "scrubber_scope.h"

namespace cardscrub {

namespace {

bool is_blank(const Text& text) { return std::all_of(text.data, text.data + text.size, is_white); }

// Digits as many as a card number has, and nothing but them and separators.
bool is_mistyped_pan(Reason reason, const Text& text) {
  auto digits = static_cast<size_t>(std::count_if(text.data, text.data + text.size, is_digit));
  return reason != Reason::kPanFormat && digits >= limits::kPanMin && digits <= limits::kPanMax;
}

// Whether a value that stands in text cannot be of this kind: what becomes of it when it has a code or a
// number at its beginning (cvv=123 exp=12/30), quoted or not, is not known.
bool cannot_be(Kind kind, const Text& text) {
  size_t i = 0;
  while (i < text.size && !is_digit(text.data[i]) && !is_alpha(text.data[i])) ++i;
  size_t digits = 0;
  if (kind == Kind::kCode) {
    for (; i < text.size && is_digit(text.data[i]); ++i) ++digits;
    return digits < 3 || digits > 4 || (i < text.size && is_alpha(text.data[i]));
  }
  if (kind == Kind::kPan) {
    for (; i < text.size && !is_alpha(text.data[i]); ++i) digits += is_digit(text.data[i]) ? 1u : 0u;
    return digits < limits::kPanMin;
  }
  Expiry expiry;
  return kind != Kind::kTrack && parse_expiry(kind, text, &expiry) != Reason::kNone;
}

}  // namespace

Scrubber::Scrubber(const Policy& policy, Worker& worker, Verdict& verdict, std::string_view name_space,
                   FindingObserver* observer, CodeErrands* errands)
    : policy_(policy),
      worker_(worker),
      verdict_(verdict),
      name_space_(name_space),
      observer_(observer),
      errands_(errands) {}

Scrubber::~Scrubber() { wipe(leaf_.data(), leaf_most_); }

FieldMatch Scrubber::match(Bytes leaf, bool* failed) {
  FieldMatch match;
  if (policy_.fields != nullptr) match = worker_.names.match(*policy_.fields, path_, leaf, failed);
  if (*failed) refuse(Reason::kFault);
  if (match.ambiguous && policy_.response) match = {};
  if (!reads_pairs_ || policy_.fields == nullptr) return match;
  if (match.kind == Kind::kNone || match.kind == Kind::kHolder) match.pair = pair_part(leaf);
  if (match.kind == Kind::kHolder && match.pair != Pair::kName) match.pair = Pair::kNone;  // card.name
  return match;
}

Want Scrubber::begin(Bytes leaf, FieldMatch match, ValueType type) {
  level_ = path_.depth();
  key_ = form_key_;
  if (const PairName* pair = match.pair < Pair::kValue ? nullptr : find_pair(match.pair); pair != nullptr) {
    match = with_pair(match);
    leaf = {pair->name.data(), pair->size};
    belong(pair->depth, pair->form_key);
  }
  leaf_size_ = std::min(leaf.size(), kLeafMax);
  if (leaf_size_ != 0) std::memcpy(leaf_.data(), leaf.data(), leaf_size_);
  leaf_most_ = std::max(leaf_most_, leaf_size_);
  match_ = match;
  type_ = type;
  too_long_ = false;
  untouched_ = true;
  before_.clear();
  judged_ = 0;
  switch (match.kind) {
    case Kind::kNone:
      if (match.pair == Pair::kName && type == ValueType::kString) return Want::kWhole;
      return type == ValueType::kLiteral ? Want::kSkip : Want::kStream;
    case Kind::kIgnore:
      return Want::kSkip;
    case Kind::kHolder:
      return match.pair == Pair::kName && type == ValueType::kString ? Want::kWhole : Want::kStream;
    default:
      return Want::kWhole;
  }
}

size_t Scrubber::text(const Text& text, bool last) {
  if (gave_up_) return text.size;
  if (text.size != 0) position_ = text.unit(0).at;
  if (match_.kind == Kind::kIgnore) {
    ignored(text);
    return text.size;
  }
  if (match_.kind == Kind::kNone || match_.kind == Kind::kHolder) {
    if (match_.kind == Kind::kHolder && !is_blank(text)) {
      seen_kinds_ |= 1u << static_cast<unsigned>(Kind::kHolder);
      valid_kinds_ |= 1u << static_cast<unsigned>(Kind::kHolder);
    }
    if (match_.pair != Pair::kNone && untouched_) return pair_value(text, last);
    return sweep(text, last);
  }
  if (!last || too_long_ || text.size > limits::kNamedValueMax) {
    if (!match_.certain() || policy_.response ||
        (match_.guessed && !too_long_ &&
         cannot_be(match_.kind, text))) {  // too long to be what the name may mean
      match_ = {};
      return sweep(text, last);
    }
    named_too_long(text);
    return text.size;
  }
  named(text);
  return text.size;
}

void Scrubber::malformed(uint64_t offset) {
  if (malformed_) return;
  malformed_ = true;
  if (policy_.mode == Mode::kOn && policy_.require != 0) {
    verdict_.refuse(Reason::kBodyMalformed, {}, static_cast<int64_t>(offset));
  }
}

void Scrubber::refuse(Reason reason, int64_t offset) {
  if (forgives_ && reason != Reason::kFault) {
    gave_up_ = true;
    return;
  }
  if (policy_.mode == Mode::kMonitor) {
    if (verdict_.unread == Reason::kNone) verdict_.unread = reason;
    return;
  }
  verdict_.refuse(reason, {}, offset);
}

// ---- the sweep

size_t Scrubber::sweep(const Text& text, bool last) {
  if (reveals()) return reveal_elsewhere(text, last);
  if (policy_.sweep == Action::kNone) return text.size;
  DetectorOptions options = sweep_options(policy_);
  options.number = type_ == ValueType::kNumber;
  size_t from = std::min(judged_, text.size);
  // What stands in front of the run at `next` need not be shown again.
  const auto keep_from = [&](size_t next) {
    size_t settled = last ? text.size : Detector::run_start(text, next);
    judged_ = last ? 0 : std::max(from, next) - settled;
    before_.add({text.data, settled});
    return settled;
  };
  for (;;) {
    Detector::Next next = worker_.detector->next(text, from, before_, last, options, worker_.scratch.get());
    if (next.outcome == Detector::Outcome::kFault) {
      refuse(Reason::kFault);
      return text.size;
    }
    bool found = next.outcome == Detector::Outcome::kFound;
    // Whether what is written makes a number together with its neighbours can only be told when these are
    // here.
    if (found && !next.alone && !last && text.size - next.finding.end < CloseLook::kAhead) {
      next.settled = next.finding.begin;
      found = false;
    }
    if (!found) return keep_from(next.settled);
    if (!next.alone) {
      // Two numbers may share a group, and either may be the one that was meant: neither leaves anything
      // behind.
      Detector::Next other =
          worker_.detector->next(text, next.finding.begin + 1, before_, last, options, worker_.scratch.get());
      if (other.outcome == Detector::Outcome::kFound && other.finding.begin < next.finding.end) {
        if (!last && text.size - other.finding.end < CloseLook::kAhead) return keep_from(next.finding.begin);
        swept_together(text, next.finding, other.finding, last);
        from = std::max(next.finding.end, other.finding.end);
        continue;
      }
    }
    from = next.finding.end;
    swept(text, next.finding, next.alone, last);
  }
}

bool Scrubber::would_find(const Text& text) const {
  const Detector::Next next =
      worker_.detector->next(text, 0, Before{}, true, sweep_options(policy_), worker_.scratch.get());
  return next.outcome != Detector::Outcome::kClear;
}

void Scrubber::swept_together(const Text& text, const Finding& first, const Finding& second, bool last) {
  const Action action = !changes()                         ? Action::kNone
                        : policy_.sweep == Action::kReject ? Action::kReject
                                                           : Action::kMask;
  for (const Finding& finding : {first, second}) {
    note(finding.kind, finding.brand, action, Reason::kNone, text, finding.begin, finding.end);
  }
  if (action == Action::kReject) verdict_.refuse(Reason::kPanForbidden, field());
  if (action == Action::kMask) mask_among(text, first.begin, std::max(first.end, second.end), false, last);
}

bool Scrubber::overlaps_a_finding(const Text& text, size_t begin, size_t end, bool last) {
  DetectorOptions options = sweep_options(policy_);
  options.number = type_ == ValueType::kNumber;
  return worker_.detector->overlaps(text, begin, end, before_, last, options, worker_.scratch.get());
}

// Masks what other groups stand beside. What would make a number together with them is not left: neither the
// ends of the number, nor (where '*' cannot stand) that digit.
void Scrubber::mask_among(const Text& text, size_t begin, size_t end, bool keep_ends, bool last) {
  mask(text, begin, end, keep_ends);
  for (int fill = 0; fill <= 9 && overlaps_a_finding(text, begin, end, last); ++fill) {
    mask(text, begin, end, false, fill);
  }
}

void Scrubber::swept(const Text& text, const Finding& finding, bool alone, bool last) {
  if (finding.kind == Kind::kTrack) {
    Action action = !changes()                         ? Action::kNone
                    : policy_.sweep == Action::kReject ? Action::kReject
                                                       : Action::kMask;
    note(Kind::kTrack, finding.brand, action, Reason::kNone, text, finding.begin, finding.end);
    if (action == Action::kReject) verdict_.refuse(Reason::kTrackForbidden, field());
    if (action == Action::kMask) mask(text, finding.begin, finding.end, false);
    return;
  }
  DigitsAt at;
  for (size_t i = finding.begin; i < finding.end; ++i) {
    if (!is_digit(text.data[i])) continue;
    at.where[at.digits.size()] = static_cast<uint32_t>(i);
    if (!at.digits.push(static_cast<uint8_t>(text.data[i] - '0'))) return refuse(Reason::kFault);
  }
  act_on_pan(text, at, finding.brand, policy_.sweep, false, alone, last);
}

// ---- card data in base64

void Scrubber::ignored(const Text& text) {
  constexpr uint64_t kReach = 4096;  // of what is found, no more is in front of the bytes in memory
  constexpr uint64_t kEscape = 12;   // a unit is told by the last byte of its escape
  if (text.size == 0) return;
  const Stretch now{text.unit(0).at, text.unit(text.size - 1).at + 1};
  if (!ignored_.empty() && now.begin <= ignored_.back().end + kEscape && now.begin >= ignored_.back().begin) {
    ignored_.back().end = std::max(ignored_.back().end, now.end);
    return;
  }
  // What is found is told when all that is in memory has been read.
  const auto told = [this](const Stretch& old) { return old.end + kReach < view_.base; };
  if (!ignored_.empty() && told(ignored_.front())) std::erase_if(ignored_, told);
  ignored_.push_back(now);
}

void Scrubber::wrapped(Kind kind, Brand brand, uint64_t offset, uint64_t length) {
  for (const Stretch& stretch : ignored_) {
    if (offset < stretch.end && offset + length > stretch.begin) return;
  }
  const Action action = changes() ? policy_.wrapped : Action::kNone;
  note(kind, brand, action, Reason::kPanWrapped, offset, length, {});
  if (action == Action::kReject) {
    verdict_.refuse(Reason::kPanWrapped, {}, static_cast<int64_t>(offset));
  } else if (action == Action::kMask) {
    for (uint64_t at = offset; at < offset + length; ++at) {
      if (view_.holds(at)) view_.byte(at) = '*';
    }
  }
}

// ---- named values

void Scrubber::named(const Text& text) {
  if (type_ == ValueType::kLiteral) {
    // null is an absent field; true and false are no card data, and no field of the right type.
    static constexpr uint8_t kNull[] = {'n', 'u', 'l', 'l'};
    if (std::equal(text.data, text.data + text.size, std::begin(kNull), std::end(kNull))) return;
    if (match_.certain() && match_.pair == Pair::kNone)
      invalid(Reason::kFieldType, text, match_.kind, Brand::kUnknown);
    return;
  }
  if (is_blank(text)) return;
  // Labels and settings are kept in pairs too: {"key": "cvv", "value": "Security code"}.
  if (match_.pair != Pair::kNone && std::none_of(text.data, text.data + text.size, is_digit)) return;
  if (match_.guessed && cannot_be(match_.kind, text)) {
    sweep(text, true);
    return;
  }
  if (reveals()) return reveal_named(text);
  switch (match_.kind) {
    case Kind::kPan:
      return named_pan(text);
    case Kind::kCode:
      return named_code(text);
    case Kind::kTrack:
      return named_track(text);
    default:
      return named_expiry(text);
  }
}

void Scrubber::named_pan(const Text& text) {
  constexpr uint32_t kPanBit = 1u << static_cast<unsigned>(Kind::kPan);
  if (!match_.ambiguous) seen_kinds_ |= kPanBit;
  // What a number became, whatever the name, is as good as the number where one is wanted.
  if (is_masked_pan(text)) {
    valid_kinds_ |= kPanBit;
    return;
  }
  DigitsAt at;
  Reason bad = parse_pan(text, &at);
  Brand brand = Brand::kUnknown;
  if (bad == Reason::kNone && policy_.is_token(at.digits)) {
    // A token already: it stays, and codes beside it belong to its card.
    valid_kinds_ |= kPanBit;
    scope_has_pan(at.digits, Brand::kUnknown, !match_.ambiguous, true);
    return;
  }
  if (bad == Reason::kNone && is_masked_pan(at.digits)) {
    valid_kinds_ |= kPanBit;
    return;
  }
  if (bad == Reason::kNone) bad = check_pan(at.digits, &brand);
  if (bad == Reason::kNone) accept(at.digits, brand, &bad);
  if (bad == Reason::kNone) {
    valid_kinds_ |= kPanBit;
    const bool alone = at.where[at.digits.size() - 1] - at.where[0] + 1 == at.digits.size();
    act_on_pan(text, at, brand, policy_.pan, true, alone, true);
    return;
  }
  if (!match_.ambiguous) return named_invalid(bad, text, brand);
  // Perhaps a field of another meaning that holds a number. What has the shape of one waits for a card field
  // beside it.
  sweep(text, true);
  DigitsAt swept_digits;
  if (parse_pan(text, &swept_digits) == Reason::kNone) wait(Kind::kPan, text, swept_digits, bad, {});
}

void Scrubber::named_code(const Text& text) {
  const auto seen = [this] { seen_kinds_ |= 1u << static_cast<unsigned>(Kind::kCode); };
  if (match_.certain()) seen();
  if (is_masked_code(text)) return;
  // What an issuer answered about a code: M, N, P, S, U.
  if (const Text answer = trimmed(text); answer.size == 1 && is_alpha(answer.data[0])) return;
  DigitsAt at;
  Reason bad = parse_code(text, &at);
  if (bad == Reason::kNone) bad = check_code(at.digits, Brand::kUnknown);
  if (bad != Reason::kNone) {
    // Not a code. Under such a name that is nothing to complain about, but it may hold a number.
    if (match_.certain()) return named_invalid(bad, text, Brand::kUnknown);
    sweep(text, true);
    return;
  }
  if (!match_.ambiguous) seen();
  wait(Kind::kCode, text, at, bad, {});
}

void Scrubber::named_expiry(const Text& text) {
  if (!match_.ambiguous) seen_kinds_ |= 1u << static_cast<unsigned>(match_.kind);
  Expiry expiry;
  Reason bad = parse_expiry(match_.kind, text, &expiry);
  if (match_.ambiguous) {
    sweep(text, true);
    wait(match_.kind, text, {}, bad, expiry);
    return;
  }
  Scope& here = scope();
  here.strong = true;
  if (bad != Reason::kNone) {
    invalid(bad, text, match_.kind, Brand::kUnknown);
  } else {
    note(match_.kind, Brand::kUnknown, Action::kNone, Reason::kNone, text, 0, text.size);
    take_expiry(here, expiry, nullptr);
  }
  resolve(here, false, 0);
}

void Scrubber::named_track(const Text& text) {
  seen_kinds_ |= 1u << static_cast<unsigned>(Kind::kTrack);
  bool digits = std::any_of(text.data, text.data + text.size, is_digit);
  if (!digits) return;
  valid_kinds_ |= 1u << static_cast<unsigned>(Kind::kTrack);
  Action action = !changes()                       ? Action::kNone
                  : policy_.pan == Action::kReject ? Action::kReject
                                                   : Action::kMask;
  note(Kind::kTrack, Brand::kUnknown, action, Reason::kNone, text, 0, text.size);
  if (action == Action::kReject) verdict_.refuse(Reason::kTrackForbidden, field());
  if (action == Action::kMask) mask(text, 0, text.size, false);
}

// A value under a card name that is longer than any card data: refused, or every digit of it masked.
void Scrubber::named_too_long(const Text& text) {
  const bool begins = !too_long_;
  if (begins) {
    too_long_ = true;
    seen_kinds_ |= 1u << static_cast<unsigned>(match_.kind);
    Reason reason = match_.kind == Kind::kCode  ? Reason::kCodeLength
                    : match_.kind == Kind::kPan ? Reason::kPanLength
                                                : Reason::kFieldType;
    if (reveals() && match_.kind == Kind::kCode) reason = Reason::kAliasUnknown;
    if (reveals() && match_.kind == Kind::kPan) reason = Reason::kTokenFormat;
    if (changes() && policy_.invalid == Action::kReject) verdict_.refuse(reason, field());
  }
  // How it is cut must not show: only its first digit is the first one.
  if (changes() && policy_.invalid == Action::kMask) mask(text, 0, text.size, false, 0, begins);
}

// ---- what is done

// Whether the operator takes this card here.
bool Scrubber::accept(const Digits& pan, Brand brand, Reason* reason) const {
  if ((policy_.brands >> static_cast<unsigned>(brand) & 1u) == 0) {
    *reason = Reason::kPanNotAccepted;
  } else if (policy_.test_cards == TestCards::kReject && is_test_pan(pan.span())) {
    *reason = Reason::kPanTestCard;
  } else if (policy_.test_cards == TestCards::kOnly && !is_test_pan(pan.span())) {
    *reason = Reason::kPanLiveCard;
  }
  return *reason == Reason::kNone;
}

bool Scrubber::tokenize(const Digits& pan, Digits* token) {
  *token = pan;
  return worker_.vault && worker_.vault->tokenize(token, policy_.token_format, name_space_);
}

void Scrubber::act_on_pan(const Text& text, const DigitsAt& at, Brand brand, Action action, bool strong,
                          bool alone, bool last) {
  size_t begin = at.where[0];
  size_t end = at.where[at.digits.size() - 1] + size_t{1};
  if (!changes()) {
    note(Kind::kPan, brand, Action::kNone, Reason::kNone, text, begin, end, {&at.digits});
    remember_first(at.digits, brand, nullptr);
    scope_has_pan(at.digits, brand, strong, false);
    return;
  }
  Reason refusal = Reason::kNone;
  if (!strong && policy_.test_cards != TestCards::kAccept) {
    accept(at.digits, brand, &refusal);
    if (refusal == Reason::kPanNotAccepted) refusal = Reason::kNone;
  }
  if (action == Action::kReject) refusal = Reason::kPanForbidden;
  if (refusal != Reason::kNone) {
    note(Kind::kPan, brand, Action::kReject, refusal, text, begin, end, {&at.digits});
    verdict_.refuse(refusal, field());
    scope().strong = scope().strong || strong;
    return;
  }
  if (verdict_.findings() >= policy_.max_findings) return refuse(Reason::kLimitFindings);
  bool all = true;
  for (size_t i = 0; i < at.digits.size(); ++i) all = all && writable(text.unit(at.where[i]), false);
  if (!all) {
    verdict_.refuse(Reason::kPanWrapped, field());
    return;
  }
  Digits token;
  if (action == Action::kTokenize) {
    if (!tokenize(at.digits, &token)) return refuse(Reason::kFault);
    put(text, at, token);
    if (!alone && overlaps_a_finding(text, begin, end, last)) {
      put(text, at, at.digits);
      // Under a name, groups of such a kind are no way to write a number.
      if (strong && !match_.ambiguous) return named_invalid(Reason::kPanFormat, text, brand);
      action = Action::kMask;
    }
  }
  note(Kind::kPan, brand, action, Reason::kNone, text, begin, end,
       {&at.digits, action == Action::kTokenize ? &token : nullptr});
  remember_first(at.digits, brand, action == Action::kTokenize ? &token : nullptr);
  if (action == Action::kMask) {
    if (alone) {
      mask(text, begin, end, true);
    } else {
      mask_among(text, begin, end, true, last);
    }
    scope().strong = scope().strong || strong;
    return;
  }
  scope_has_pan(token, brand, strong, false);
}

// The value of an unambiguous name is no number, or no code.
void Scrubber::named_invalid(Reason reason, const Text& text, Brand brand) {
  scope().strong = true;
  invalid(reason, text, match_.kind, brand);
  resolve(scope(), false, 0);
}

void Scrubber::invalid(Reason reason, const Text& text, Kind kind, Brand brand) {
  if (policy_.response && !(kind == Kind::kPan && is_mistyped_pan(reason, text))) {
    sweep(text, true);  // a label, the last four digits, an identifier
    return;
  }
  note(kind, brand, changes() ? policy_.invalid : Action::kNone, reason, text, 0, text.size);
  if (!changes()) return;
  if (policy_.invalid == Action::kReject) return verdict_.refuse(reason, field());
  // BIN and last four stay of a number only: other text may hold anything, a code too.
  const bool number = kind == Kind::kPan && reason != Reason::kPanFormat && reason != Reason::kPanLength;
  if (kind == Kind::kPan || kind == Kind::kCode) return mask(text, 0, text.size, number);
  sweep(text, true);  // no date: a card number in the wrong field, for example
}

void Scrubber::put(const Text& text, const DigitsAt& at, const Digits& now) {
  for (size_t i = 0; i < now.size(); ++i) {
    size_t k = at.where[i];
    write_digit(view_, text.unit(k), text.data[k] - '0', now[i]);
    text.data[k] = static_cast<uint8_t>('0' + now[i]);
  }
}

// Masks the digits of a stretch; keep_ends leaves BIN and last four in clear when there are 12 digits or
// more. Where '*' cannot stand (a JSON number, the name of a tag, a script without one) `fill` is written,
// and digits that never satisfy Luhn together with the rest; with keep_ends that is so for all when it is so
// for one, so that the mask is known again. begins: false: what is masked goes on here.
void Scrubber::mask(const Text& text, size_t begin, size_t end, bool keep_ends, int fill, bool begins) {
  size_t count = 0;
  for (size_t i = begin; i < end; ++i) count += is_digit(text.data[i]) || text.data[i] == '*' ? 1u : 0u;
  bool keep = keep_ends && count >= limits::kPanMin;
  bool star = type_ != ValueType::kNumber && type_ != ValueType::kMarkup;
  const auto kept = [&](size_t index) { return keep && (index < kBin || index >= count - kLast); };
  size_t seen = 0;
  for (size_t i = begin; keep && i < end; ++i) {
    if (text.data[i] == '*') ++seen;
    if (is_digit(text.data[i]) && !kept(seen++)) star = star && writable(text.unit(i), true);
  }
  seen = 0;
  size_t last_masked = end;
  Digits result;
  for (size_t i = begin; i < end; ++i) {
    if (!is_digit(text.data[i])) {
      // Masked before: it keeps its place among the digits.
      if (star_at(text, i) != 0) result.clear();
      if (text.data[i] == '*') ++seen;
      continue;
    }
    size_t index = seen++;
    uint8_t old = static_cast<uint8_t>(text.data[i] - '0');
    if (kept(index)) {
      if (!result.push(old)) result.clear();
      continue;
    }
    Unit unit = text.unit(i);
    if (!writable(unit, false)) {
      verdict_.refuse(Reason::kFieldEncoding, field());
      return;
    }
    int now = star && writable(unit, true) ? kStar : begins && !keep && last_masked == end ? 9 : fill;
    write_digit(view_, unit, old, now);
    text.data[i] = static_cast<uint8_t>('0' + now);
    if (now == kStar) {
      result.clear();
    } else {
      if (!result.push(static_cast<uint8_t>(now))) result.clear();
      last_masked = i;
    }
  }
  if (begins && last_masked != end && result.size() >= limits::kPanMin && luhn_valid(result.span())) {
    const int other = (fill + 1) % 10;
    write_digit(view_, text.unit(last_masked), text.data[last_masked] - '0', other);
    text.data[last_masked] = static_cast<uint8_t>('0' + other);
  }
}

// ---- what is said about it

void Scrubber::remember_first(const Digits& pan, Brand brand, const Digits* token) {
  if (verdict_.has_first || pan.size() < kBin + kLast) return;
  verdict_.has_first = true;
  verdict_.first_brand = brand;
  for (size_t i = 0; i < kBin; ++i) verdict_.first_bin[i] = static_cast<char>('0' + pan[i]);
  for (size_t i = 0; i < kLast; ++i) {
    verdict_.first_last4[i] = static_cast<char>('0' + pan[pan.size() - kLast + i]);
  }
  if (token != nullptr) verdict_.first_token = *token;
  if (worker_.fingerprints && worker_.vault && !worker_.vault->fingerprint(pan, verdict_.first_fingerprint))
    refuse(Reason::kFault);
}

// Where on the wire the character of unit i begins: its Unit tells where it ends. What stands in front of it
// in the text does not count, for how much of that is shown depends on the pieces.
uint64_t Scrubber::wire_begin(const Text& text, size_t i) const {
  constexpr uint64_t kLongest = 12;  // of an escape: \ud835\udfce
  Unit unit = text.unit(i);
  if (wide_) return unit.at - std::min<uint64_t>(unit.at, *wide_);
  uint8_t c = view_.byte(unit.at);
  const bool plain = unit.form == Form::kByte || unit.form == Form::kFixed;
  if (text.units == nullptr || (plain && c == text.data[i])) return unit.at;
  if (c == '+') return unit.at;  // a form's space
  const bool utf8 = c >= 0x80;
  for (uint64_t back = 0; back <= kLongest && unit.at >= back && view_.holds(unit.at - back); ++back) {
    c = view_.byte(unit.at - back);
    const bool quoted = c == '=' && back == 2;  // quoted-printable
    if (utf8 ? (c & 0xC0) != 0x80 : c == '%' || c == '\\' || c == '&' || quoted) return unit.at - back;
  }
  return unit.at;
}

void Scrubber::note(Kind kind, Brand brand, Action action, Reason reason, const Text& text, size_t begin,
                    size_t end, NotedCard card) {
  uint64_t from = begin < end ? wire_begin(text, begin) : 0;
  const std::string name = names_matter() ? field() : std::string();
  note(kind, brand, action, reason, from, begin < end ? text.unit(end - 1).at + 1 - from : 0, name, card);
}

void Scrubber::note(Kind kind, Brand brand, Action action, Reason reason, uint64_t offset, uint64_t length,
                    const std::string& name, NotedCard card) {
  verdict_.count(kind, brand, action);
  constexpr size_t kFieldsMax = 256;
  if (worker_.field_names && !name.empty() && verdict_.fields.size() + name.size() < kFieldsMax) {
    if (!verdict_.fields.empty()) verdict_.fields += ',';
    verdict_.fields += name;
  }
  if (observer_ == nullptr) return;
  FindingEvent event{kind, brand, action, reason, offset, length, name};
  if (card.token != nullptr && !card.token->empty()) event.token = card.token;
  std::array<uint8_t, 16> fingerprint{};
  if (card.pan != nullptr && worker_.vault && observer_->wants_fingerprints()) {
    if (worker_.vault->fingerprint(*card.pan, fingerprint)) {
      event.fingerprint = fingerprint;
    } else {
      refuse(Reason::kFault);
    }
  }
  observer_->on_finding(event);
}

// The outermost names and the value's own; ".." stands for those between that there is no room for. However
// deep a body nests, an answer or a line of a log has room for it.
std::string Scrubber::field() const {
  std::string out;
  const Bytes leaf = Bytes(leaf_).first(leaf_size_);
  const size_t depth = std::min(level_, path_.depth());
  // What it grows out of would keep a number that is masked in the end only.
  if (depth != 0 || leaf.size() > out.capacity()) out.reserve(kFieldMax + kLeafMax);
  for (size_t level = 0; level < depth; ++level) {
    const Bytes name = path_.name(level);
    if (out.size() + 1 + name.size() + 2 + leaf.size() > kFieldMax) {
      if (!out.empty()) out += '.';
      break;
    }
    add_printable(name, &out);
  }
  add_printable(leaf, &out);
  mask_digit_runs(&out);
  return out;
}

}  // namespace cardscrub
