// Elements of a head under the laws. Input: byte 0 the part and the header's name, byte 1 the policy, then
// the bytes.
#include "filters/head.h"
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
  law(!again.refused(), "4, clean: what was accepted once is refused");
  law(twice == once, "4, clean: twice is not once");
  return 0;
}
