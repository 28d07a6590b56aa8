// Binary numbers: 20 digits at most.
#include "filters/number_value.h"

#include <array>

namespace cardscrub {

void show_number(uint64_t number, uint64_t at, Bytes leaf, FieldMatch match, Scrubber& scrubber) {
  constexpr uint64_t kLeast = 100'000'000'000;  // limits::kPanMin digits
  if (number < kLeast && match.kind == Kind::kNone && match.pair == Pair::kNone) return;
  constexpr size_t kMost = 20;
  std::array<uint8_t, kMost> digits{};
  std::array<Unit, kMost> units;
  units.fill({at, Form::kFixed});
  size_t first = kMost;
  do {
    digits[--first] = static_cast<uint8_t>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  scrubber.begin(leaf, match, ValueType::kNumber);
  scrubber.text({digits.data() + first, kMost - first, units.data() + first, at}, true);
  wipe(digits.data(), digits.size());
}

}  // namespace cardscrub
