// The whole body scrubber under the laws: random bytes as a body of some type, under some policy, in random
// pieces.
//
// Input: bytes 0 type, 1 and 2 policy, 3 pieces, then the body.
#include "tests/fuzz/bodies.h"
#include "tests/plain_detector.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

namespace {

// Names of an operator's beside the list.
const FieldNames& wished_names() {
  static const Result<FieldNames> kNames = FieldNames::compile(std::vector<FieldPattern>{
      {Kind::kIgnore, "note"}, {Kind::kPan, "vault.*"}, {Kind::kTrack, "swipe"}, {Kind::kCode, "~^x"}});
  law(static_cast<bool>(kNames), "the harness' names");
  return *kNames;
}

Policy policy_of(uint8_t actions, uint8_t wishes) {
  constexpr Action kPan[] = {Action::kTokenize, Action::kTokenize, Action::kMask, Action::kReject};
  constexpr Action kSweep[] = {Action::kTokenize, Action::kMask, Action::kNone, Action::kReject};
  Policy policy = Rig::get().policy();
  policy.pan = kPan[actions & 3];
  policy.sweep = kSweep[actions >> 2 & 3];
  policy.invalid = (actions & 16) != 0 ? Action::kMask : Action::kReject;
  policy.code = (actions & 32) != 0 ? Action::kAlias : Action::kMask;
  if ((actions & 64) != 0) policy.fields = &wished_names();
  if ((actions & 192) == 192) policy.mode = Mode::kMonitor;
  if ((wishes & 1) != 0) policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  if ((wishes & 2) != 0) policy.token_format = TokenFormat::kFull;
  if ((wishes & 8) != 0) policy.test_cards = TestCards::kReject;
  if ((wishes & 16) != 0) policy.brands = 1u << static_cast<unsigned>(Brand::kVisa);
  if ((wishes & 32) != 0) policy.max_findings = 3;
  if ((wishes & 64) != 0) policy.max_depth = 4;
  return policy;
}

// Codes that wait for a store on another host: their aliases stand on the wire, and what is written late goes
// where the code stood. With the codes put back nothing is left of the aliases.
void holds_errands(const std::string& in, const Run& run, CodeErrands errands) {
  std::string back = run.out;
  const RawView view{reinterpret_cast<uint8_t*>(back.data()), 0, back.size()};
  for (CodeErrand& errand : errands) {
    law(errand.task != CodeErrand::Task::kTake, "no code is taken");
    law(errand.end() <= back.size(), "an errand lies in the body");
    if (errand.task == CodeErrand::Task::kPut) errand.write(view, errand.code);
  }
  for (const CodeErrand& errand : errands) {
    const size_t begin = errand.begin();
    const size_t length = errand.end() - begin;
    // Where one hexadecimal letter stands for another, only its case may differ.
    for (size_t i = begin; i < begin + length; ++i) {
      law((back[i] | 0x20) == (in[i] | 0x20), "an errand knows where its code stood");
    }
  }
}

// Nothing that a reader who knows the rules, but none of our code, would take for card data.
void is_clean(std::string_view type, const Policy& policy, const std::string& out) {
  if (policy.sweep == Action::kNone || type != "application/octet-stream") return;
  if (std::any_of(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return;
  // What begins like JSON is read as such: a number ends where its value does, words of other values do not
  // stand in front of it, and what escapes stand for counts.
  const size_t first = out.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (out[first] == '{' || out[first] == '[')) return;
  law(PlainDetector(out, sweep_options(policy)).findings().empty(), "4, clean: the output holds a number");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string_view type = input.one_of(kTypes);
  const uint8_t actions = input.byte();
  const uint8_t wishes = input.byte();
  const Policy policy = policy_of(actions, wishes);
  const std::string_view name_space = (wishes & 4) != 0 ? "shop.example" : "";
  const uint8_t cuts = input.byte();
  const std::string in(input.rest());

  // The code store is here, or (for the pieces) on another host.
  const bool later = (actions & 224) == 160;
  CodeErrands errands;
  if (policy.code == Action::kAlias) Rig::get().fresh_store();
  const Run whole = run_body(policy, type, in, 0, {.name_space = name_space});
  // A code may be what the first run drew for an alias, and be left as such.
  if (policy.code == Action::kAlias) Rig::get().fresh_store();
  const Run cut = run_pieces(policy, type, in, Cuts(cuts, in.size()),
                             {.separate_end = (wishes & 128) != 0,
                              .gathered = cuts % 16 == 7,
                              .name_space = name_space,
                              .errands = later ? &errands : nullptr});
  same_verdict(whole, cut, type.starts_with("text/xml"));
  if (whole.verdict.refused()) {
    law(policy.mode == Mode::kOn, "monitor refuses nothing");
    law(whole.out.empty(), "5, closed: something of a refused body came out");
    return 0;
  }
  // What stands beside a token may be its alias: another host is asked first, and what becomes of it comes
  // later.
  const bool asked = std::any_of(errands.begin(), errands.end(), [](const CodeErrand& errand) {
    return errand.task == CodeErrand::Task::kKeep;
  });
  if (!asked) {
    same_findings(whole, cut, "3, splits: findings");
    same_bytes(without_aliases(whole), without_aliases(cut), "3, splits: bytes");
  }
  holds_in_place(cut, in, policy);
  if (policy.mode == Mode::kMonitor) {
    law(whole.out == in && cut.out == in, "monitor changes nothing");
    return 0;
  }
  is_clean(type, policy, whole.out);
  holds_errands(in, cut, std::move(errands));
  if (asked || has_binary_framing(type)) return 0;
  // An alias that belongs to no card is drawn anew each time.
  const Run twice = run_body(policy, type, cut.out, 0, {.name_space = name_space});
  // Where digits become stars, base64 behind them may be read from another place on.
  const bool stars = policy.invalid == Action::kMask ||
                     std::any_of(cut.events.begin(), cut.events.end(), [](const std::string& event) {
                       return event.find(" mask ") != std::string::npos;
                     });
  const bool unwrapped =
      stars && twice.verdict.refused() && twice.verdict.problems().front().reason == Reason::kPanWrapped;
  if (unwrapped) return 0;
  is_accepted(twice);
  const std::string once_bytes = without_aliases(cut, twice);
  const std::string twice_bytes = without_aliases(twice, cut);
  if (twice_bytes != once_bytes) tell_findings(twice);
  same_bytes(twice_bytes, once_bytes, "4, clean: twice is not once");
  return 0;
}
