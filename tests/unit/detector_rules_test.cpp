// The detector against its rules as tests/plain_detector.h has them, over random texts, whole and in pieces
// of all sizes (law 3).
#include "src/detector.h"

#include "testing.h"
#include "tests/card_texts.h"
#include "tests/plain_detector.h"
#include "tests/rig.h"
#include "tests/sweep_text.h"

using namespace cardscrub;
using namespace cardscrub::testing;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int kTexts = 40000;
#else
constexpr int kTexts = 250000;
#endif

void test_rules(void**) {
  CardTexts texts(20261123);
  size_t found = 0, tracks = 0;
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = texts.text();
    DetectorOptions options;
    if (i % 16 == 1) options.brands = static_cast<uint32_t>(texts.below(1u << kBrands));
    if (i % 16 == 2) options.number = true;
    if (i % 16 == 3) options.token_digits = 1u << 9 | 1u << 4;
    const std::vector<Finding> expected = PlainDetector(text, options).findings();
    const std::string want = describe(expected);
    found += expected.size();
    for (const Finding& f : expected) tracks += f.kind == Kind::kTrack;
    const std::string got = describe(sweep_text(text, 0, options));
    if (got != want) fail_msg("text %d \"%s\"\n got %s\nwant %s", i, text.c_str(), got.c_str(), want.c_str());
    if (!expected.empty() && !may_hold_pan(reinterpret_cast<const uint8_t*>(text.data()), text.size())) {
      fail_msg("may_hold_pan denies \"%s\"", text.c_str());
    }
    const size_t size = 1 + texts.below(100);
    const std::string pieces = describe(sweep_text(text, size, options));
    if (pieces != want)
      fail_msg("text %d \"%s\" by %zu\n got %s\nwant %s", i, text.c_str(), size, pieces.c_str(),
               want.c_str());
  }
  // The texts must be ones in which there is something to be wrong about.
  assert_true(found > static_cast<size_t>(kTexts) / 2 && tracks > static_cast<size_t>(kTexts) / 50);
}

// Long texts, so that windows of all sizes and their seams are met.
void test_long_texts(void**) {
  CardTexts texts(7);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const size_t size = 1000 + texts.below(20000);
    while (text.size() < size) {
      text += texts.text();
      if (texts.below(4) == 0) text += std::string(texts.below(400), " 7.-a"[texts.below(5)]);
    }
    const std::string want = describe(PlainDetector(text, {}).findings());
    for (const size_t cut : {size_t{0}, size_t{1000}, size_t{4096}, 1 + texts.below(600)}) {
      const std::string got = describe(sweep_text(text, cut, {}));
      if (got != want) fail_msg("long text %d by %zu", i, cut);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_long_texts)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
