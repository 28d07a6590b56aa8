// Reveal: what scrubbing made of a body becomes the body again, or the request is refused. And any bytes,
// shown to reveal directly, are left alone but for tokens.
//
// Input: bytes 0 type, 1 wishes, 2 pieces, then the body.
#include <map>

#include "tests/fuzz/bodies.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

namespace {

// Whether there is nothing in `in` that reveal may stumble over: no number that starts as a token does, in
// whatever form (9, &#57;, full-width, binary), no mask, and no code, which may lack its card.
bool is_simple(std::string_view type, const std::string& in, const Run& scrubbed) {
  for (std::string_view binary : {"grpc", "proto", "msgpack", "connect"}) {
    if (type.find(binary) != std::string_view::npos) return false;
  }
  return std::all_of(in.begin(), in.end(),
                     [](char c) { return c != '9' && c != '*' && static_cast<uint8_t>(c) < 0x80; }) &&
         in.find("57") == std::string::npos &&
         std::all_of(scrubbed.events.begin(), scrubbed.events.end(),
                     [](const std::string& event) { return !event.starts_with("code"); });
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string_view type = input.one_of(kTypes);
  const uint8_t wishes = input.byte();
  const uint8_t cuts = input.byte();
  const std::string in(input.rest());

  Policy scrubbing = Rig::get().policy();
  scrubbing.code = Action::kAlias;
  scrubbing.sweep = (wishes & 1) != 0 ? Action::kTokenize : Action::kNone;
  if ((wishes & 2) != 0) scrubbing.token_format = TokenFormat::kFull;
  const std::string_view name_space = (wishes & 4) != 0 ? "shop.example" : "";
  Policy revealing = scrubbing;
  revealing.direction = Direction::kReveal;
  revealing.reveal_sweep = (wishes & 8) != 0;
  revealing.reveal_wants_code = (wishes & 16) != 0;

  Rig::get().fresh_store();
  const Run scrubbed = run_body(scrubbing, type, in, 0, {.name_space = name_space});
  const bool made = !scrubbed.verdict.refused() && (wishes & 32) == 0;
  const std::string sent = made ? scrubbed.out : in;
  const Run revealed = run_pieces(revealing, type, sent, Cuts(cuts, sent.size()),
                                  {.separate_end = (wishes & 64) != 0, .name_space = name_space});
  if (revealed.verdict.refused()) {
    law(!made || revealing.reveal_wants_code || !is_simple(type, in, scrubbed),
        "reveal takes what scrubbing made");
    const Run whole = run_body(revealing, type, sent, 0, {.name_space = name_space});
    law(whole.verdict.refused(), "3, splits: verdict");
    law(whole.out.empty(), "5, closed: something of a refused body came out");
    return 0;
  }
  holds_in_place(revealed, sent, revealing);
  const std::vector<Place> back = places(revealed, sent.size());
  for (const Place& place : back) law(place.action == "reveal", "an accepted reveal does nothing else");
  if (!made) return 0;

  // Wherever both wrote, the bytes are what they were.
  std::map<size_t, size_t> written;
  for (const Place& place : places(scrubbed, in.size())) {
    if (place.action == "tokenize" || place.action == "alias") written[place.begin] = place.length;
  }
  std::string want = sent;
  for (const Place& place : back) {
    const auto found = written.find(place.begin);
    // A token or an alias that came in with the body stood for something before: nothing is known about it.
    const std::string& from = found != written.end() && found->second == place.length ? in : revealed.out;
    want.replace(place.begin, place.length, from, place.begin, place.length);
  }
  same_bytes(revealed.out, want, "reveal gives back what scrubbing took");
  return 0;
}
