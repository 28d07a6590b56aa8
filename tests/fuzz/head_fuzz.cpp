// Elements of a head under the laws. Input: byte 0 the part, byte 1 the policy, then the bytes.
#include <cstdio>

#include "filters/head.h"
#include "tests/rig.h"

namespace {

using namespace cardscrub;
using testing::Rig;

void law(bool holds, const char* name) {
  if (holds) return;
  std::fprintf(stderr, "law broken: %s\n", name);
  std::abort();
}

std::string scrubbed(HeadPart part, const std::string& in, const Policy& policy, Verdict* verdict) {
  auto block = testing::exact_block(in);
  scrub_head(part, "X-Note", {block.get(), in.size()}, policy, Rig::get().worker(), *verdict, {});
  return {reinterpret_cast<const char*>(block.get()), in.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  constexpr HeadPart kParts[] = {HeadPart::kPath, HeadPart::kArguments, HeadPart::kTarget, HeadPart::kCookie,
                                 HeadPart::kHeader};
  HeadPart part = kParts[data[0] % std::size(kParts)];
  Policy policy = Rig::get().policy();
  policy.code = policy.invalid = Action::kMask;
  if ((data[1] & 1) != 0) policy.pan = policy.sweep = Action::kMask;
  std::string in(reinterpret_cast<const char*>(data + 2), size - 2);

  Verdict verdict;
  std::string once = scrubbed(part, in, policy, &verdict);
  if (verdict.refused()) return 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (once[i] == in[i]) continue;
    unsigned char c = static_cast<unsigned char>(in[i]);
    law((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c >= 0x80,
        "2, elsewhere: a byte changed that carries no digit");
  }
  Verdict again;
  std::string twice = scrubbed(part, once, policy, &again);
  law(!again.refused(), "4, clean: what was accepted once is refused");
  law(twice == once, "4, clean: twice is not once");
  return 0;
}
