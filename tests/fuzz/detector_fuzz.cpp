// The streaming detector, in random pieces, against the rules read over the whole text at once; and the quick
// looks in front of it, which may not deny what it finds.
//
// Input: byte 0 options, byte 1 the pieces, then the text.
#include "src/digit_scan.h"
#include "tests/fuzz/harness.h"
#include "tests/plain_detector.h"
#include "tests/sweep_text.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;
using namespace cardscrub::testing;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t wishes = input.byte();
  DetectorOptions options;
  options.number = (wishes & 3) == 3;
  if ((wishes & 4) != 0) options.token_digits = 1u << 9 | 1u << 7;
  if ((wishes & 8) != 0) options.token_digits |= 1u << 4 | 1u;
  if ((wishes & 16) != 0) options.brands = ~(uint32_t{wishes} << 4);
  const uint8_t kind = input.byte();
  const std::string text(input.rest());

  const std::string want = describe(PlainDetector(text, options).findings());
  const std::string whole = describe(sweep_text(text, 0, options));
  const std::string pieces = describe(sweep_pieces(text, Cuts(kind, text.size()), options));
  if (whole != want || pieces != want) {
    std::fprintf(stderr, "rules: %s\nwhole: %s\npieces: %s\n", want.c_str(), whole.c_str(), pieces.c_str());
  }
  law(whole == want, "the detector finds what the rules say");
  law(pieces == want, "3, splits: findings");
  const auto block = exact_block(text);
  if (!want.empty()) {
    law(may_hold_pan(block.get(), text.size()), "may_hold_pan denies what is there");
  }
  return 0;
}
