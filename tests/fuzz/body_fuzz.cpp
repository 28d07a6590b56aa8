// The whole body scrubber under the laws: random bytes as a body of some type, under some policy, in some
// pieces.
//
// Input: byte 0 content type, byte 1 policy, byte 2 size of the pieces, then the body.
#include <cstdio>

#include "src/issuer.h"
#include "tests/rig.h"

namespace {

using namespace cardscrub;
using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr std::string_view kTypes[] = {"application/json",
                                       "application/x-www-form-urlencoded",
                                       "text/plain",
                                       "application/x-ndjson",
                                       "application/octet-stream",
                                       "multipart/form-data; boundary=b",
                                       "text/xml",
                                       "text/csv",
                                       "application/json; charset=utf-16le",
                                       "application/msgpack",
                                       "application/x-protobuf",
                                       "application/grpc",
                                       "application/grpc+json",
                                       "application/graphql",
                                       "text/plain; charset=utf-32be"};

void law(bool holds, const char* name) {
  if (holds) return;
  std::fprintf(stderr, "law broken: %s\n", name);
  std::abort();
}

bool may_change(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '*' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  std::string_view type = kTypes[data[0] % std::size(kTypes)];
  Policy policy = Rig::get().policy();
  // Aliases are random: codes are masked so that runs can be compared.
  policy.code = Action::kMask;
  policy.pan = (data[1] & 1) != 0 ? Action::kMask : Action::kTokenize;
  policy.sweep = (data[1] & 2) != 0 ? Action::kMask : Action::kTokenize;
  policy.invalid = (data[1] & 4) != 0 ? Action::kMask : Action::kReject;
  policy.require = (data[1] & 8) != 0 ? 1u << static_cast<unsigned>(Kind::kPan) : 0;
  policy.mode = (data[1] & 48) == 48 ? Mode::kMonitor : Mode::kOn;
  std::string_view in(reinterpret_cast<const char*>(data + 3), size - 3);

  Run whole = run_body(policy, type, in, 0);
  Run cut = run_body(policy, type, in, data[2] == 0 ? 1 : data[2], (data[1] & 64) != 0);
  law(whole.verdict.refused() == cut.verdict.refused(), "3, splits: verdict");
  if (whole.verdict.refused()) {
    law(policy.mode == Mode::kOn, "monitor refuses nothing");
    law(whole.out.empty(), "5, closed: something of a refused body came out");
    return 0;
  }
  law(whole.out == cut.out, "3, splits: bytes");
  law(whole.events == cut.events, "3, splits: findings");
  law(whole.out.size() == in.size(), "1, in place: length");
  for (size_t i = 0; i < in.size(); ++i) {
    if (whole.out[i] == in[i]) continue;
    law(policy.mode == Mode::kOn, "monitor changes nothing");
    law(may_change(in[i]), "2, elsewhere: a byte changed that carries no digit");
  }
  if (policy.mode != Mode::kOn) return 0;
  Run twice = run_body(policy, type, whole.out, 0);
  law(!twice.verdict.refused(), "4, clean: what was accepted once is refused");
  law(twice.out == whole.out, "4, clean: twice is not once");
  return 0;
}
