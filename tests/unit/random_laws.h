// Texts made of random bits, under the laws: the same at every cut, as long as it came, and the same once
// more.
#pragma once

#include <span>

#include "tests/unit/filter_run.h"

namespace cardscrub::testing {

// Xorshift: the same numbers in every run, whatever the library.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  // From 0 to below - 1.
  uint64_t operator()(uint64_t below) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % below;
  }

  // Fewer than `most` of the bits, one after the other.
  std::string some_of(std::span<const std::string_view> bits, uint64_t most) {
    std::string out;
    for (uint64_t n = (*this)(most); n > 0; --n) out += bits[(*this)(bits.size())];
    return out;
  }

 private:
  uint64_t state_;
};

// run(text, size of pieces, 0: whole) gives a Run. What is refused as a whole is not looked at.
template <typename RunText>
void check_laws(const std::string& in, size_t chunk, RunText run) {
  const Run whole = run(in, size_t{0});
  if (whole.verdict.refused()) return;
  assert_int_equal(whole.out.size(), in.size());
  const Run cut = run(in, chunk);
  if (cut.out != whole.out || cut.events != whole.events) {
    fail_msg("pieces of %zu: %s\n%s%s\n%s%s", chunk, in.c_str(), whole.out.c_str(),
             listed(whole.events).c_str(), cut.out.c_str(), listed(cut.events).c_str());
  }
  const Run twice = run(whole.out, size_t{0});
  if (twice.out != whole.out) {
    fail_msg("twice: %s -> %s -> %s", in.c_str(), whole.out.c_str(), twice.out.c_str());
  }
}

}  // namespace cardscrub::testing
