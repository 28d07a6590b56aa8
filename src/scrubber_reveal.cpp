// Scrubber, the other way round (Direction::kReveal): tokens and aliases in named fields become what they
// stand for, in place; tokens elsewhere only where the policy wants that. Everything else stays as it came.
//
//   token of a named field --> detokenize, brand accepted? --yes--> digits written, the scope has its card
//                                                          --no---> refused
//   token under a name with other meanings --> waits, as its code does, for a card field beside it
//   alias --> waits for the token of its scope --> errand: the code is taken when all has been read
//   (reveal.h)
#include "reveal.h"

#include <algorithm>

#include "card_words.h"
#include "issuer.h"
#include "scrubber.h"
#include "scrubber_scope.h"

namespace cardscrub {

namespace {

// Units that the decision about a group of digits depends on at most: CloseLook's, for what is looked at is
// the same.
constexpr size_t kAhead = CloseLook::kAhead;

// Digits on which tokens of some key ring start (DESIGN 6).
bool is_generation_digit(uint8_t digit) { return digit == 9 || digit == 7 || digit == 1; }

bool pan_length(size_t digits) { return digits >= limits::kPanMin && digits <= limits::kPanMax; }

constexpr uint32_t bit(Kind kind) { return 1u << static_cast<unsigned>(kind); }

}  // namespace

// ---- named fields

void Scrubber::reveal_named(const Text& text) {
  switch (match_.kind) {
    case Kind::kPan:
      return reveal_named_pan(text);
    case Kind::kCode:
      return reveal_named_code(text);
    case Kind::kTrack:
      sweep(text, true);
      return;
    default:
      break;
  }
  // An expiry date says that there is a card; whether it has passed is the provider's to say.
  Expiry expiry;
  const Reason bad = parse_expiry(match_.kind, text, &expiry);
  if (match_.ambiguous) {
    sweep(text, true);
    if (bad == Reason::kNone) wait(match_.kind, text, {}, bad, expiry);
    return;
  }
  seen_kinds_ |= bit(match_.kind);
  if (bad == Reason::kNone) valid_kinds_ |= bit(match_.kind);
  scope().strong = true;
  resolve(scope(), false, 0);
}

void Scrubber::reveal_named_pan(const Text& text) {
  if (!match_.ambiguous) seen_kinds_ |= bit(Kind::kPan);
  DigitsAt at;
  Reason bad = parse_pan(text, &at) == Reason::kNone ? token_fault(at.digits) : Reason::kTokenFormat;
  Brand brand = Brand::kUnknown;
  Pending token;
  if (match_.ambiguous) {
    Digits pan;
    if (bad == Reason::kNone) bad = turn_back(at.digits, &pan, &brand);
    if (bad == Reason::kNone && policy_.reveal_sweep) {
      // All of the value before its parts.
      describe(Kind::kPan, text, at, &token);
      if (reveal_pan(token, false, &brand)) scope_has_pan(at.digits, brand, false, true);
      return;
    }
    const size_t revealed = verdict_.revealed.size();
    sweep(text, true);
    if (verdict_.revealed.size() != revealed || !pan_length(at.digits.size())) return;
    wait(Kind::kPan, text, at, bad, {});
    return;
  }
  scope().strong = true;
  if (bad == Reason::kNone) describe(Kind::kPan, text, at, &token);
  if (bad == Reason::kNone && reveal_pan(token, true, &brand)) {
    scope_has_pan(at.digits, brand, true, true);
    return;
  }
  if (bad != Reason::kNone) {
    note(Kind::kPan, brand, Action::kReject, bad, text, 0, text.size);
    verdict_.refuse(bad, field());
  }
  resolve(scope(), false, 0);
}

void Scrubber::reveal_named_code(const Text& text) {
  if (match_.certain()) seen_kinds_ |= bit(Kind::kCode);
  DigitsAt at;
  if (parse_code(text, &at) == Reason::kNone) {
    if (!match_.ambiguous) seen_kinds_ |= bit(Kind::kCode);
    return wait(Kind::kCode, text, at, Reason::kNone, {});
  }
  if (!match_.certain()) {
    sweep(text, true);
    return;
  }
  scope().strong = true;
  note(Kind::kCode, Brand::kUnknown, Action::kReject, Reason::kAliasUnknown, text, 0, text.size);
  verdict_.refuse(Reason::kAliasUnknown, field());
  resolve(scope(), false, 0);
}

// Fields with names of several meanings that stand together and fit each other are a card: a token, and
// something that looks like a code or an expiry date.
bool Scrubber::is_card(const Scope& scope) const {
  bool token = false;
  bool other = false;
  for (const Pending& waiting : pending_) {
    if (waiting.scope != scope.id || waiting.bad != Reason::kNone || waiting.by_pair) continue;
    (waiting.kind == Kind::kPan ? token : other) = true;
  }
  return token && other;
}

// ---- tokens elsewhere

// As the sweep for card numbers: groups of digits with a space, hyphen or dot between two, which neither
// letters nor more digits touch.
size_t Scrubber::reveal_elsewhere(const Text& text, bool last) {
  if (!policy_.reveal_sweep) return text.size;
  const Surroundings around(text, before_.span(), last);
  size_t at = 0;
  while (at < text.size) {
    const bool starts = is_digit(text.data[at]) && !around.digit(static_cast<ptrdiff_t>(at) - 1);
    if (!starts) {
      ++at;
      continue;
    }
    if (!last && text.size - at < kAhead) break;
    if ((policy_.token_digits >> (text.data[at] - '0') & 1u) != 0) {
      if (const size_t end = reveal_token_at(text, around, at); end != 0) {
        at = end;
        continue;
      }
    }
    while (at < text.size && is_digit(text.data[at])) ++at;
  }
  before_.add({text.data, at});
  return at;
}

// One past the token that begins at `start`, which has been turned back or refused; 0: none does.
size_t Scrubber::reveal_token_at(const Text& text, const Surroundings& around, size_t start) {
  const auto begin = static_cast<ptrdiff_t>(start);
  const int front = around.at(begin - 1);
  const bool number = type_ == ValueType::kNumber;
  const bool sign = number && (front == '-' || front == '+');
  if (around.alpha(begin - 1) || (front == '.' && (number || around.digit(begin - 2)))) return 0;
  if (sign && around.alpha(begin - 2)) return 0;  // an exponent

  DigitsAt at;
  DigitsAt found;
  size_t end = 0;
  size_t fitting = 0;
  ptrdiff_t i = begin;
  while (true) {
    while (around.digit(i) && at.digits.size() < limits::kPanMax) {
      at.where[at.digits.size()] = static_cast<uint32_t>(i);
      if (!at.digits.push(static_cast<uint8_t>(around.at(i++) - '0'))) return 0;
    }
    if (around.digit(i)) break;  // longer than any token
    const bool joined = around.separator(i) && around.digit(i + 1);
    const bool touched = around.alpha(i) || (around.at(i) == '.' && (joined || number));
    Digits pan;
    Brand brand = Brand::kUnknown;
    // As candidate.h has it: what has a length that is not common stands alone, with a card-like word in
    // front.
    const auto may_stand_here = [&] {
      return (find_issuer(pan.span())->common >> pan.size() & 1u) != 0 ||
             (!around.group_in_front(begin) && !around.group_behind(i) && card_word_in_front(around, begin));
    };
    if (pan_length(at.digits.size()) && !touched && !is_phone(around, begin, at.digits.size()) &&
        turn_back(at.digits, &pan, &brand) == Reason::kNone && may_stand_here()) {
      found = at;
      end = static_cast<size_t>(i);
      ++fitting;
    }
    if (!joined || number) break;
    ++i;
  }
  if (fitting == 0 || in_uuid(around, begin, static_cast<ptrdiff_t>(end)) || in_iban(around, begin)) return 0;
  if (fitting > 1) {
    // Groups of a token and of something else; both readings would be a card.
    verdict_.refuse(Reason::kTokenFormat, field());
    return end;
  }
  Brand brand = Brand::kUnknown;
  Pending token;
  describe(Kind::kPan, text, found, &token);
  if (reveal_pan(token, false, &brand)) {
    scope_has_pan(found.digits, brand, false, true);
  }
  return end;
}

// ---- what is done

// Why these digits are no token of a live key, before anything is computed.
Reason Scrubber::token_fault(const Digits& token) const {
  if (!pan_length(token.size())) return Reason::kTokenFormat;
  if ((policy_.token_digits >> token[0] & 1u) != 0) return Reason::kNone;
  Brand brand = Brand::kUnknown;
  return is_generation_digit(token[0]) && check_pan(token, &brand) != Reason::kNone ? Reason::kTokenGeneration
                                                                                    : Reason::kTokenFormat;
}

// Every number that starts with a live generation's digit decrypts to some number that satisfies Luhn. Most
// of those that were made in another namespace or format, or mistyped, belong to no brand then.
Reason Scrubber::turn_back(const Digits& token, Digits* pan, Brand* brand) {
  *pan = token;
  if (!worker_.vault || !worker_.vault->detokenize(pan, policy_.token_format, name_space_)) {
    return Reason::kFault;
  }
  if (check_pan(*pan, brand) != Reason::kNone) return Reason::kTokenFormat;
  Reason bad = Reason::kNone;
  accept(*pan, *brand, &bad);
  return bad == Reason::kPanNotAccepted ? Reason::kTokenFormat : bad;
}

// False: refused.
bool Scrubber::reveal_pan(const Pending& token, bool is_named, Brand* brand) {
  Digits pan;
  Reason bad = turn_back(token.digits, &pan, brand);
  if (bad == Reason::kNone && verdict_.findings() >= policy_.max_findings) bad = Reason::kLimitFindings;
  for (size_t i = 0; i < token.digits.size(); ++i) {
    if (bad == Reason::kNone && !writable(token.units[i], false)) bad = Reason::kPanWrapped;
  }
  if (bad != Reason::kNone) {
    note(Kind::kPan, *brand, Action::kReject, bad, token.begin, token.end - token.begin, token.field);
    verdict_.refuse(bad, token.field);
    return false;
  }
  for (size_t i = 0; i < pan.size(); ++i) write_digit(view_, token.units[i], token.digits[i], pan[i]);
  valid_kinds_ |= bit(Kind::kPan);
  note(Kind::kPan, *brand, Action::kReveal, Reason::kNone, token.begin, token.end - token.begin, token.field);
  remember_first(pan, *brand, &token.digits);
  verdict_.revealed.push_back({token.digits, *brand, is_named, token.field});
  return true;
}

// token empty: of no card in here.
void Scrubber::reveal_code(const Pending& code, const Digits& token) {
  for (size_t i = 0; i < code.digits.size(); ++i) {
    if (!writable(code.units[i], false)) return verdict_.refuse(Reason::kFieldEncoding, code.field);
  }
  valid_kinds_ |= bit(Kind::kCode);
  note(Kind::kCode, Brand::kUnknown, Action::kReveal, Reason::kNone, code.begin, code.end - code.begin,
       code.field);
  CodeErrands& errands = errands_ != nullptr ? *errands_ : own_errands_;
  errands.push_back(
      {CodeErrand::Task::kTake, token, code.digits, {}, code.units, code.field, code.number, {}});
}

void Scrubber::finish_reveal() {
  if (errands_ != nullptr) return;
  bind_codes(policy_, &own_errands_, &verdict_);
  take_codes(policy_, &worker_, &own_errands_, view_, &verdict_);
}

}  // namespace cardscrub
