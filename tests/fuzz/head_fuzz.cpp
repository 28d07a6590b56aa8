// Elements of a head under the laws; and the short ways in front of the scrubber, which come to the same.
// Input: byte 0 the part and the header's name, byte 1 the policy, then the bytes.
#include "filters/head.h"

#include "filters/head_mask.h"
#include "filters/head_scan.h"
#include "tests/fuzz/harness.h"
#include "tests/plain_detector.h"
#include "tests/rig.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

namespace {

constexpr HeadPart kParts[] = {HeadPart::kPath, HeadPart::kArguments, HeadPart::kTarget, HeadPart::kCookie,
                               HeadPart::kHeader};
constexpr std::string_view kNames[] = {"X-Note", "Card-Number", "X-CVV", "Number"};

// As the module's head policy: a code has no alias here.
Policy policy_of(uint8_t wishes) {
  Policy policy = Rig::get().policy();
  policy.code = policy.invalid = Action::kMask;
  if ((wishes & 1) != 0) policy.pan = policy.sweep = Action::kMask;
  if ((wishes & 2) != 0) policy.pan = policy.sweep = policy.code = Action::kReject;
  if ((wishes & 4) != 0) policy.sweep = Action::kNone;
  if ((wishes & 8) != 0) policy.invalid = Action::kReject;
  if ((wishes & 16) != 0) policy.token_format = TokenFormat::kFull;
  if ((wishes & 192) == 192) policy.mode = Mode::kMonitor;
  return policy;
}

// What the scrubber finds by any policy is not denied by the quick look.
void holds_quick_look(HeadPart part, std::string_view name, const std::string& in, const std::string& out,
                      bool refused) {
  const HeadScan scan(Rig::get().fields());
  const auto block = exact_block(in);
  const bool may_hold = scan.may_hold_card_data(part, name, {block.get(), in.size()});
  law(may_hold || (in == out && !refused), "the quick look denies what is there");
}

// The short way of the logs comes to what the long one does, by itself or followed by it; and when it says
// that no numbers are left, a look at the whole finds no more.
void holds_short_way(HeadPart part, std::string_view name, const std::string& in) {
  Policy policy = Rig::get().policy();
  policy.pan = policy.code = policy.sweep = policy.invalid = policy.wrapped = Action::kMask;
  const auto long_way = [&](HeadPart as, std::string_view called, const std::string& text) {
    const auto block = exact_block(text);
    Verdict verdict;
    scrub_head(as, called, {block.get(), text.size()}, policy, Rig::get().worker(), verdict, {});
    std::string out(reinterpret_cast<const char*>(block.get()), text.size());
    // JSON that is nested too deep: as the module does, no digit is left.
    if (verdict.refused()) {
      law(verdict.problems().front().reason == Reason::kLimitDepth, "logs refuse for limits only");
      std::replace_if(
          out.begin(), out.end(), [](char c) { return is_digit(static_cast<uint8_t>(c)); }, '*');
    }
    return out;
  };
  const auto block = exact_block(in);
  bool numbers_left = false;
  const Masked masked =
      mask_head(part, name, {block.get(), in.size()}, policy, Rig::get().worker(), &numbers_left);
  std::string got(reinterpret_cast<const char*>(block.get()), in.size());
  if (masked == Masked::kNothing) law(got == in, "nothing to mask, nothing changed");
  if (masked == Masked::kUnknown) got = long_way(part, name, got);
  const std::string want = long_way(part, name, in);
  if (got != want) std::fprintf(stderr, "short: %s\nlong:  %s\n", got.c_str(), want.c_str());
  law(got == want, "the short way comes to what the long one does");
  if (masked == Masked::kSomething && !numbers_left)
    law(long_way(HeadPart::kHeader, {}, got) == got, "no numbers are left");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t kind = input.byte();
  const HeadPart part = kParts[kind % std::size(kParts)];
  const std::string_view name = kNames[kind / std::size(kParts) % std::size(kNames)];
  const Policy policy = policy_of(input.byte());
  const std::string in(input.rest());
  const auto scrubbed = [&](const std::string& text, Verdict* verdict) {
    const auto block = exact_block(text);
    scrub_head(part, name, {block.get(), text.size()}, policy, Rig::get().worker(), *verdict, {});
    return std::string(reinterpret_cast<const char*>(block.get()), text.size());
  };

  Verdict verdict;
  const std::string once = scrubbed(in, &verdict);
  holds_quick_look(part, name, in, once, verdict.refused());
  holds_short_way(part, name, in);
  if (policy.mode == Mode::kMonitor) {
    law(!verdict.refused() && once == in, "monitor refuses and changes nothing");
    return 0;
  }
  if (verdict.refused()) return 0;
  for (size_t i = 0; i < in.size(); ++i) {
    law(in[i] == once[i] || may_carry_digit(in[i]), "2, elsewhere: a byte changed that carries no digit");
  }
  const bool plain = std::all_of(once.begin(), once.end(),
                                 [](char c) { return c != '%' && static_cast<uint8_t>(c) < 0x80; });
  if (part == HeadPart::kHeader && plain && policy.sweep != Action::kNone) {
    law(PlainDetector(once, sweep_options(policy)).findings().empty(), "4, clean: the output holds a number");
  }
  Verdict again;
  const std::string twice = scrubbed(once, &again);
  // Where digits become stars, base64 behind them may be read from another place on.
  if (again.refused() && again.problems().front().reason == Reason::kPanWrapped &&
      once.find('*') != std::string::npos)
    return 0;
  law(!again.refused(), "4, clean: what was accepted once is refused");
  law(twice == once, "4, clean: twice is not once");
  return 0;
}
