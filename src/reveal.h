// Reveal: the second half of it, once the whole request has been read. The scrubber has turned tokens back
// and left an errand for each alias (scrubber_reveal.cpp); nothing has been taken out of the code store yet,
// so a request that is refused for anything costs no code.
//
//   read --> errands, Verdict::revealed --bind_codes()--> every errand has its card
//                                        --take_codes()--> a store that answers at once
//                                        --write_code()--> each answer of a store that answers later
#pragma once

#include "code_errands.h"
#include "code_store.h"
#include "policy.h"
#include "verdict.h"
#include "worker.h"

namespace cardscrub {

// Gives codes that stand apart from any card (a header, say) the only card of the request. Refuses what is
// left without one (kAliasUnknown), and cards without a code where the policy wants one (kFieldMissing).
void bind_codes(const Policy& policy, CodeErrands* errands, Verdict* verdict);

// Takes the codes out of the worker's own store and writes them. Stops at the first that refuses the request.
// view: holds all the digits of the errands.
void take_codes(const Policy& policy, Worker* worker, CodeErrands* errands, const RawView& view,
                Verdict* verdict);

// What a store said of one errand: writes `code` in place of the alias, or refuses the request. The code
// must have the alias' length: otherwise the store is at fault.
void write_code(StoreResult result, const Digits& code, CodeErrand* errand, const RawView& view,
                Verdict* verdict);

}  // namespace cardscrub
