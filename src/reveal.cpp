// Codes of a request that is revealed.
#include "reveal.h"

#include <algorithm>

namespace cardscrub {

namespace {

Reason reason_of(StoreResult result) {
  switch (result) {
    case StoreResult::kOk:
      return Reason::kNone;
    case StoreResult::kUsed:
      return Reason::kAliasUsed;
    case StoreResult::kUnknown:
    case StoreResult::kExpired:
      return Reason::kAliasUnknown;
    default:
      return Reason::kFault;
  }
}

// The card of the request, when there is no other one.
const Digits* only_card(const Verdict& verdict) {
  const std::vector<RevealedCard>& cards = verdict.revealed;
  if (cards.empty()) return nullptr;
  const Digits& first = cards.front().token;
  bool one =
      std::all_of(cards.begin(), cards.end(), [&](const RevealedCard& card) { return card.token == first; });
  return one ? &first : nullptr;
}

bool has_code(const CodeErrands& errands, const Digits& token) {
  // From the back: a list of charges names card and code in turn.
  return std::any_of(errands.rbegin(), errands.rend(),
                     [&](const CodeErrand& errand) { return errand.token == token; });
}

}  // namespace

void bind_codes(const Policy& policy, CodeErrands* errands, Verdict* verdict) {
  if (verdict->refused()) return;  // a card may be missing for that reason
  for (CodeErrand& errand : *errands) {
    if (!errand.token.empty()) continue;
    const Digits* card = only_card(*verdict);
    if (card == nullptr) {
      verdict->refuse(Reason::kAliasUnknown, errand.field);
    } else {
      errand.token = *card;
    }
  }
  if (!policy.reveal_wants_code) return;
  for (const RevealedCard& card : verdict->revealed) {
    if (card.named && !has_code(*errands, card.token)) {
      verdict->refuse(Reason::kFieldMissing, kind_name(Kind::kCode));
      return;  // said once
    }
  }
}

void take_codes(const Policy& policy, Worker* worker, CodeErrands* errands, const RawView& view,
                Verdict* verdict) {
  for (size_t i = 0; i < errands->size() && !verdict->refused(); ++i) {
    CodeErrand& errand = (*errands)[i];
    // The same code twice in one request is taken once.
    const auto before = std::find_if(
        errands->begin(), errands->begin() + static_cast<std::ptrdiff_t>(i),
        [&](const CodeErrand& other) { return other.token == errand.token && other.asked == errand.alias; });
    Digits code;
    StoreResult result = StoreResult::kUnknown;
    if (before != errands->begin() + static_cast<std::ptrdiff_t>(i)) {
      code = before->code;
      result = StoreResult::kOk;
    } else if (worker->codes) {
      result = worker->codes->take(errand.token, errand.alias, worker->now, policy.code_grace, &code);
    }
    write_code(result, code, &errand, view, verdict);
  }
}

void write_code(StoreResult result, const Digits& code, CodeErrand* errand, const RawView& view,
                Verdict* verdict) {
  Reason bad = reason_of(result);
  if (bad == Reason::kNone && code.size() != errand->alias.size()) bad = Reason::kFault;
  // JSON numbers do not start with zero.
  if (bad == Reason::kNone && errand->number && code[0] == 0) bad = Reason::kCodeNumber;
  if (bad != Reason::kNone) return verdict->refuse(bad, errand->field);
  errand->code = code;
  errand->asked = errand->alias;
  errand->write(view, code);
}

}  // namespace cardscrub
