// Scrubber, scopes: which code belongs to which PAN, and which ambiguous names count.
#include <algorithm>
#include <functional>

#include "scrubber.h"
#include "scrubber_scope.h"

namespace cardscrub {

namespace {
// A waiting expiry keeps no bytes back: it is validated, not replaced.
bool is_expiry(Kind kind) {
  return kind == Kind::kExpiry || kind == Kind::kExpiryMonth || kind == Kind::kExpiryYear;
}
}  // namespace

bool Scrubber::open(Bytes name) {
  if (path_.depth() >= policy_.max_depth || !path_.push(name)) {
    refuse(Reason::kLimitDepth);
    return false;
  }
  return true;
}

void Scrubber::close() {
  while (!scopes_.empty() && scopes_.back().depth == path_.depth()) close_scope(scopes_.size() - 1);
  while (!pairs_.empty() && pairs_.back().depth == path_.depth()) pairs_.pop_back();
  if (latest_pair_.depth >= path_.depth()) latest_pair_ = {};
  if (path_.depth() > 0) path_.pop();
}

void Scrubber::use_form_scope(Bytes prefix) {
  if (prefix.empty()) {
    form_key_ = 0;
    return;
  }
  std::string_view text(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  form_key_ = std::hash<std::string_view>{}(text) | 1u;
}

Scrubber::Scope* Scrubber::find_scope(size_t depth, uint64_t form_key) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend() && scope->depth >= depth; ++scope) {
    if (scope->depth == depth && scope->form_key == form_key) return &*scope;
  }
  return nullptr;
}

// Scopes are made when the first card field in them is met. They stand ordered by depth.
Scrubber::Scope& Scrubber::scope_at(size_t depth, uint64_t form_key) {
  if (Scope* found = find_scope(depth, form_key)) {
    // Whatever the pieces were, a field waits for no longer than the window is.
    if (position_ > limits::kWindow) resolve(*found, false, position_ - limits::kWindow);
    return *found;
  }
  if (form_key != 0) {
    size_t open = 0;
    size_t oldest = scopes_.size();
    for (size_t i = 0; i < scopes_.size(); ++i) {
      if (scopes_[i].depth != depth || scopes_[i].form_key == 0) continue;
      if (open++ == 0) oldest = i;
    }
    if (open >= limits::kFormScopes) close_scope(oldest);
  }
  Scope fresh;
  fresh.id = next_scope_++;
  fresh.depth = depth;
  fresh.form_key = form_key;
  return add_scope(std::move(fresh));
}

Scrubber::Scope& Scrubber::add_scope(Scope&& fresh) {
  auto place = std::upper_bound(scopes_.begin(), scopes_.end(), fresh.depth,
                                [](size_t depth, const Scope& scope) { return depth < scope.depth; });
  return *scopes_.insert(place, std::move(fresh));
}

void Scrubber::scope_has_pan(const Digits& token, Brand brand, bool strong, bool given) {
  Scope& here = scope();
  here.token = token;
  here.brand = brand;
  here.given = given;
  here.strong = here.strong || strong;
  resolve(here, false, 0);
}

// waited: nullptr: it is the value that is being read.
void Scrubber::take_expiry(Scope& scope, const Expiry& expiry, const Pending* waited) {
  if (expiry.month != 0) scope.expiry.month = expiry.month;
  if (expiry.year != 0) scope.expiry.year = expiry.year;
  valid_kinds_ |= 1u << static_cast<unsigned>(expiry.month != 0 && expiry.year != 0 ? Kind::kExpiry
                                              : expiry.month != 0                   ? Kind::kExpiryMonth
                                                                                    : Kind::kExpiryYear);
  if (scope.expiry.month == 0 || scope.expiry.year == 0) return;
  seen_kinds_ |= 1u << static_cast<unsigned>(Kind::kExpiry);
  valid_kinds_ |= 1u << static_cast<unsigned>(Kind::kExpiry);
  Reason reason = check_expiry(scope.expiry, worker_.now);
  if (reason == Reason::kNone) return;
  valid_kinds_ &= ~(1u << static_cast<unsigned>(Kind::kExpiry));
  if (changes() && policy_.invalid == Action::kReject) {
    verdict_.refuse(reason, waited != nullptr ? waited->field : field());
  }
  scope.expiry = {};  // said once
}

void Scrubber::describe(Kind kind, const Text& text, const DigitsAt& at, Pending* out) const {
  Pending& value = *out;
  value.kind = kind;
  value.ambiguous = match_.ambiguous;
  value.number = type_ == ValueType::kNumber;
  value.digits = at.digits;
  for (size_t i = 0; i < at.digits.size(); ++i) value.units[i] = text.unit(at.where[i]);
  value.begin = text.size == 0 ? 0 : wire_begin(text, 0);
  value.end = text.size == 0 ? 0 : text.unit(text.size - 1).at + 1;
  value.field = field();
}

void Scrubber::wait(Kind kind, const Text& text, const DigitsAt& at, Reason bad, const Expiry& expiry) {
  Scope& here = scope();
  if (!match_.ambiguous) here.strong = true;
  Pending* const made = new_pending();
  if (made == nullptr) return;
  Pending& waiting = *made;
  describe(kind, text, at, &waiting);
  waiting.scope = here.id;
  waiting.bad = bad;
  waiting.expiry = expiry;
  resolve(here, false, 0);
}

// nullptr: too many wait; that is refused.
Scrubber::Pending* Scrubber::new_pending() {
  if (pending_.size() >= limits::kPending) release_all();
  if (pending_.size() < limits::kPending) return &pending_.emplace_back();
  refuse(Reason::kLimitFindings);
  return nullptr;
}

void Scrubber::release_all() {
  for (Scope& open : scopes_) resolve(open, false, ~uint64_t{0});
}

uint64_t Scrubber::hold() const {
  uint64_t lowest = kNoHold;
  for (const Pending& waiting : pending_) {
    if (!waiting.written && !is_expiry(waiting.kind)) lowest = std::min(lowest, waiting.begin);
  }
  for (const CodeErrand& errand : own_errands_) lowest = std::min(lowest, errand.begin());
  return lowest;
}

void Scrubber::release_holds() {
  if (pending_.empty() || view_.end() <= limits::kWindow) return;
  for (Scope& open : scopes_) resolve(open, false, view_.end() - limits::kWindow);
}

// Settles what can be settled of the fields that wait in `scope`. Indexes, not iterators: a code may be
// erased on the way. What began in front of `full_before` waits no longer.
void Scrubber::resolve(Scope& scope, bool closing, uint64_t full_before) {
  if (reveals() && is_card(scope)) scope.strong = true;
  if (scope.strong && scope.lost_ambiguous) {
    scope.lost_ambiguous = false;
    if (changes()) refuse(Reason::kLimitWindow);
  }
  for (size_t i = 0; i < pending_.size();) {
    Pending& waiting = pending_[i];
    if (waiting.scope != scope.id) {
      ++i;
      continue;
    }
    bool done = false;
    const bool window_full = waiting.begin < full_before;
    if (waiting.by_pair) {
      done = closing || window_full;
      if (window_full && !closing) scope.lost_pair = true;
    } else if (waiting.ambiguous && !scope.strong) {
      done = closing || window_full;
      if (window_full && !closing && !is_expiry(waiting.kind)) scope.lost_ambiguous = true;
    } else if (waiting.kind == Kind::kPan && reveals()) {
      const Pending token = waiting;
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      if (token.bad != Reason::kNone) {
        verdict_.refuse(token.bad, token.field);
      } else if (reveal_pan(token, true, &scope.brand)) {
        scope.token = token.digits;
        scope.given = true;
        i = 0;  // codes in front of it have their card now
      }
      continue;
    } else if (waiting.kind == Kind::kPan) {
      // An ambiguous name beside a card field, and not a valid number: it was meant to be one.
      note(Kind::kPan, Brand::kUnknown, changes() ? policy_.invalid : Action::kNone, waiting.bad,
           waiting.begin, waiting.end - waiting.begin, waiting.field);
      if (changes() && policy_.invalid == Action::kReject) {
        verdict_.refuse(waiting.bad, waiting.field);
      } else if (changes()) {
        for (size_t k = 0; k < waiting.digits.size(); ++k) {
          bool star = !waiting.number && writable(waiting.units[k], true);
          if (writable(waiting.units[k], false)) {
            write_digit(view_, waiting.units[k], waiting.digits[k], star ? kStar : k == 0 ? 9 : 0);
          }
        }
      }
      done = true;
    } else if (is_expiry(waiting.kind)) {
      if (reveals()) {
        valid_kinds_ |= 1u << static_cast<unsigned>(waiting.kind);
      } else if (waiting.bad == Reason::kNone) {
        note(waiting.kind, Brand::kUnknown, Action::kNone, Reason::kNone, waiting.begin,
             waiting.end - waiting.begin, waiting.field);
        take_expiry(scope, waiting.expiry, &waiting);
      } else if (changes() && policy_.invalid == Action::kReject) {
        verdict_.refuse(waiting.bad, waiting.field);
      }
      done = true;
    } else {  // a code
      waiting.ambiguous = false;
      if (!scope.token.empty()) {
        resolve_code(waiting, scope.token, scope.brand, scope.given);
        done = true;
      } else if (closing && scope.children == 1) {
        resolve_code(waiting, scope.child_token, scope.child_brand, scope.child_given);
        done = true;
      } else if (policy_.code != Action::kAlias || !changes()) {
        resolve_code(waiting, {}, Brand::kUnknown, false);
        done = true;
      } else if (window_full && !waiting.written && !reveals()) {
        write_alias(waiting, {});
      }
    }
    if (done) {
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

// The code of a known PAN (token empty: of none). Brand tells the length it must have; given: the PAN came as
// a token.
void Scrubber::resolve_code(Pending& code, const Digits& token, Brand brand, bool given) {
  if (reveals()) return reveal_code(code, token);
  Reason bad = code.bad != Reason::kNone ? code.bad : check_code(code.digits, brand);
  if (bad != Reason::kNone) {
    note(Kind::kCode, brand, changes() ? policy_.invalid : Action::kNone, bad, code.begin,
         code.end - code.begin, code.field);
    if (!changes()) return;
    if (policy_.invalid == Action::kReject) verdict_.refuse(bad, code.field);
    if (policy_.invalid == Action::kReject || code.written) return;
  } else {
    valid_kinds_ |= 1u << static_cast<unsigned>(Kind::kCode);
  }
  if (!changes()) {
    note(Kind::kCode, brand, Action::kNone, Reason::kNone, code.begin, code.end - code.begin, code.field);
    return;
  }
  if (bad == Reason::kNone && policy_.code == Action::kReject) {
    note(Kind::kCode, brand, Action::kReject, Reason::kCodeForbidden, code.begin, code.end - code.begin,
         code.field, {nullptr, &token});
    verdict_.refuse(Reason::kCodeForbidden, code.field);
    return;
  }
  if (bad == Reason::kNone && policy_.code == Action::kAlias) {
    bool taken = false;
    if (code.written) {
      if (!bind(code, token, &taken) && taken) verdict_.refuse(Reason::kStoreFull, code.field);
      return;
    }
    // An alias that was given out for this card before comes back with the card's token, and is left as it
    // is.
    if (given && errands_ != nullptr) return leave_errand(CodeErrand::Task::kKeep, code, token, code.digits);
    if (given && worker_.codes && worker_.codes->has(token, code.digits, worker_.now)) return;
    write_alias(code, token);
    return;
  }
  bool star = !code.number;  // all or none: the mask is known again
  for (size_t k = 0; k < code.digits.size(); ++k) {
    if (!writable(code.units[k], false)) return verdict_.refuse(Reason::kFieldEncoding, code.field);
    star = star && writable(code.units[k], true);
  }
  for (size_t k = 0; k < code.digits.size(); ++k) {
    write_digit(view_, code.units[k], code.digits[k], star ? kStar : 9);
  }
  if (bad == Reason::kNone) {
    note(Kind::kCode, brand, Action::kMask, Reason::kNone, code.begin, code.end - code.begin, code.field,
         {nullptr, &token});
  }
}

void Scrubber::leave_errand(CodeErrand::Task task, const Pending& code, const Digits& token,
                            const Digits& alias) {
  errands_->push_back({task, token, alias, code.digits, code.units, code.field});
}

// Stores the code under its alias and the card's token; nothing to do without a card or a store. False:
// refused already, or *taken: another code of this card has that alias.
bool Scrubber::bind(const Pending& code, const Digits& token, bool* taken) {
  *taken = false;
  if (token.empty()) return true;
  if (errands_ != nullptr) {
    leave_errand(CodeErrand::Task::kPut, code, token, code.alias);
    return true;
  }
  if (!worker_.codes) return true;
  StoreResult result = worker_.codes->put(token, code.alias, code.digits, worker_.now, policy_.code_ttl);
  *taken = result == StoreResult::kTaken;
  if (result == StoreResult::kOk) return true;
  if (result == StoreResult::kFull) {
    verdict_.refuse(Reason::kStoreFull, code.field);
  } else if (!*taken) {
    verdict_.refuse(Reason::kFault, code.field);
  }
  return false;
}

// Draws an alias that does not stand for another live code of this card, and writes it.
void Scrubber::write_alias(Pending& code, const Digits& token) {
  for (size_t k = 0; k < code.digits.size(); ++k) {
    if (!writable(code.units[k], false)) return verdict_.refuse(Reason::kFieldEncoding, code.field);
  }
  constexpr int kTries = 64;
  bool taken = true;
  for (int i = 0; taken; ++i) {
    if (i == kTries) return verdict_.refuse(Reason::kStoreFull, code.field);
    if (!worker_.random.alias(code.digits, &code.alias)) return verdict_.refuse(Reason::kFault, code.field);
    if (!bind(code, token, &taken) && !taken) return;
  }
  for (size_t k = 0; k < code.digits.size(); ++k) {
    write_digit(view_, code.units[k], code.digits[k], code.alias[k]);
  }
  code.written = true;
  note(Kind::kCode, Brand::kUnknown, Action::kAlias, Reason::kNone, code.begin, code.end - code.begin,
       code.field, {nullptr, &token});
}

// What is left open moves to the scope around: codes without a PAN, and the PAN for codes without one.
void Scrubber::close_scope(size_t index) {
  resolve(scopes_[index], true, 0);
  const uint32_t id = scopes_[index].id;
  const bool root = scopes_[index].depth == 0 && scopes_[index].form_key == 0;
  const bool own = !scopes_[index].token.empty();
  const bool codes = std::any_of(pending_.begin(), pending_.end(),
                                 [&](const Pending& waiting) { return waiting.scope == id; });
  const auto closing = scopes_.begin() + static_cast<std::ptrdiff_t>(index);
  if (root || (!codes && !own && closing->children == 0)) {
    scopes_.erase(closing);
    if (!codes) return;
    // A code that no PAN came for: an alias that stands for nothing.
    for (Pending& waiting : pending_) {
      if (waiting.scope == id) resolve_code(waiting, {}, Brand::kUnknown, false);
    }
    std::erase_if(pending_, [&](const Pending& waiting) { return waiting.scope == id; });
    return;
  }
  const Scope closed = std::move(*closing);
  scopes_.erase(closing);
  size_t depth = closed.form_key != 0 ? closed.depth : closed.depth - 1;
  Scope* outer = find_scope(depth, 0);
  if (outer == nullptr) {
    Scope fresh;
    fresh.id = next_scope_++;
    fresh.depth = depth;
    outer = &add_scope(std::move(fresh));
  }
  for (Pending& waiting : pending_) {
    if (waiting.scope == closed.id) waiting.scope = outer->id;
  }
  if (own || closed.children == 1) {
    const Digits& token = own ? closed.token : closed.child_token;
    if (outer->children == 0 || !(outer->child_token == token)) ++outer->children;
    outer->child_token = token;
    outer->child_brand = own ? closed.brand : closed.child_brand;
    outer->child_given = own ? closed.given : closed.child_given;
  } else {
    outer->children += closed.children;
  }
  if (codes) {
    outer->strong = true;
    resolve(*outer, false, 0);
  }
}

void Scrubber::finish() {
  while (!scopes_.empty()) close_scope(scopes_.size() - 1);
  if (policy_.mode != Mode::kOn) return;
  if (reveals()) finish_reveal();
  for (unsigned k = 1; k < kKinds; ++k) {
    if ((policy_.require >> k & 1u) == 0 || (valid_kinds_ >> k & 1u) != 0) continue;
    // A field that is there but not valid has been named already.
    if ((seen_kinds_ >> k & 1u) == 0) verdict_.refuse(Reason::kFieldMissing, kind_name(static_cast<Kind>(k)));
  }
}

}  // namespace cardscrub
