// Bodies of answers: whatever an application sends goes out, in place and masked. So filters that cannot go
// on hand over to the one for plain text (filters/fallback), in random pieces.
//
// Input: bytes 0 type, 1 policy, 2 pieces, then the body.
#include <limits>

#include "tests/fuzz/bodies.h"
#include "tests/plain_detector.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

namespace {

// As response_policy_of() of the module has it.
Policy policy_of(uint8_t wishes) {
  Policy policy = Rig::get().policy();
  policy.response = true;
  constexpr Action kFound[] = {Action::kMask, Action::kMask, Action::kTokenize, Action::kReject};
  policy.pan = policy.sweep = kFound[wishes & 3];
  policy.code = policy.pan == Action::kReject ? Action::kReject : Action::kMask;
  policy.invalid = Action::kMask;
  policy.max_findings = std::numeric_limits<size_t>::max();
  if ((wishes & 12) == 12) policy.mode = Mode::kMonitor;
  if ((wishes & 8) != 0) policy.max_depth = 3;
  return policy;
}

// Reasons that mean card data.
bool is_card_data(Reason reason) {
  return reason == Reason::kPanForbidden || reason == Reason::kCodeForbidden ||
         reason == Reason::kTrackForbidden || reason == Reason::kPanWrapped;
}

// Whether the filter of this type comes to a place where it cannot go on. What it has dealt with by then and
// is still in memory is read once more as plain text, in which there may be more to find, so that the result
// may depend on the pieces.
bool gives_up(const Policy& policy, std::string_view type, const std::string& in) {
  Policy request = policy;
  request.response = false;
  request.pan = request.sweep = request.code = Action::kMask;
  request.mode = Mode::kOn;
  return run_body(request, type, in, 0).verdict.refused();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string_view type = input.one_of(kTypes);
  const Policy policy = policy_of(input.byte());
  const uint8_t cuts = input.byte();
  const std::string in(input.rest());

  const Run whole = run_body(policy, type, in, 0);
  const Run cut = run_pieces(policy, type, in, Cuts(cuts, in.size()));
  const bool in_one_go = !gives_up(policy, type, in);
  if (in_one_go) same_verdict(whole, cut);
  for (const Run* run : {&whole, &cut}) {
    if (!run->verdict.refused()) continue;
    law(policy.mode == Mode::kOn && is_card_data(run->verdict.problems().front().reason),
        "an answer is refused for card data only");
    law(run == &cut || run->out.empty(), "5, closed: something of a refused body came out");
  }
  if (whole.verdict.refused() || cut.verdict.refused()) return 0;
  if (in_one_go) {
    same_findings(whole, cut, "3, splits: findings");
    same_bytes(whole.out, cut.out, "3, splits: bytes");
  }
  holds_in_place(cut, in, policy);
  holds_in_place(whole, in, policy);
  if (policy.mode == Mode::kMonitor) {
    law(whole.out == in && cut.out == in, "monitor changes nothing");
    return 0;
  }
  // A mask may be what lets the filter go on the next time.
  if (!in_one_go || has_binary_framing(type)) return 0;
  const Run twice = run_body(policy, type, whole.out, 0);
  is_accepted(twice);
  same_bytes(twice.out, whole.out, "4, clean: twice is not once");
  return 0;
}
