// The sweep's order of work: dense windows, the engine, the close look; and the rest of a text that is not complete.
#include "detector.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cardscrub {

namespace {

// Neither pattern tells where a match starts (that costs up to 13 times as much): the close look walks over the groups that
// may belong to it. The first ends where a group of digits does, not at each digit; the second finds what has two dots.
constexpr HsPattern kPatterns[] = {
    {"[0-9](?:[ -]?[0-9]){11}(?:[^0-9]|$)", 0, 0},
    {"[0-9]\\.[0-9]{1,17}\\.[0-9]", 0, 1},
};

// A candidate, 19 digits with 18 separators, starts at most this far in front of the last byte of its match.
constexpr size_t kReach = 40;
static_assert(kReach >= 2 * limits::kPanMax);

// One bit of a mark a block, so a window has at most 64 of them. It starts small, because a finding ends the search.
constexpr size_t kFirstWindow = 4 * kBlock;
constexpr size_t kLargestWindow = 62 * kBlock;

// The blocks of a window in which matches end. Hyperscan does not promise an order among matches, and a long run of groups
// has one at each: a bit mask takes them all.
struct Marks {
  uint64_t blocks = 0;
};

int on_match(unsigned, unsigned long long, unsigned long long to, unsigned, void* context) {
  static_cast<Marks*>(context)->blocks |= uint64_t{1} << ((to - 1) / kBlock);
  return 0;
}

// Goes over the starts of groups in a text, each once and in order.
class Sweep {
 public:
  Sweep(const Text& text, size_t from, const Before& before, bool last, const DetectorOptions& options)
      : text_(text), before_(before.span()), look_(text, before_, last, options), at_(from) {}

  // Judges the groups that start in [begin, end) and were not passed by yet. True: `next` says what was found.
  bool judge(size_t begin, size_t end, Detector::Next* next) {
    at_ = std::max(at_, begin);
    while (at_ < end) {
      const uint64_t digits = digit_mask({text_.data, text_.size}, at_);
      uint64_t starts = digits & ~(digits << 1 | uint64_t{digit_in_front()});
      if (end - at_ < kBlock) starts &= (uint64_t{1} << (end - at_)) - 1;
      for (; starts != 0; starts &= starts - 1) {
        const size_t start = at_ + static_cast<size_t>(std::countr_zero(starts));
        const CloseLook::Verdict verdict = look_.judge(start, &next->finding, &next->alone);
        if (verdict == CloseLook::Verdict::kNone) continue;
        const bool found = verdict == CloseLook::Verdict::kFound;
        next->outcome = found ? Detector::Outcome::kFound : Detector::Outcome::kClear;
        next->settled = found ? next->finding.end : start;
        return true;
      }
      at_ += std::min(kBlock, end - at_);
    }
    return false;
  }

 private:
  bool digit_in_front() const {
    if (at_ != 0) return is_digit(text_.data[at_ - 1]);
    return !before_.empty() && is_digit(before_.back());
  }

  const Text& text_;
  Bytes before_;
  CloseLook look_;
  size_t at_;
};

}  // namespace

void Before::add(Bytes text) {
  const size_t added = std::min(text.size(), bytes_.size());
  if (added == 0) return;
  const size_t kept = std::min(size_, bytes_.size() - added);
  std::memmove(bytes_.data() + (bytes_.size() - added - kept), bytes_.data() + (bytes_.size() - kept), kept);
  std::memcpy(bytes_.data() + (bytes_.size() - added), text.data() + (text.size() - added), added);
  size_ = kept + added;
}

Result<Detector> Detector::compile() {
  Result<HsDatabase> database = hs_compile_block(kPatterns);
  if (!database) return Fault{database.message()};
  return Detector(std::move(*database));
}

Detector::Next Detector::next(const Text& text, size_t from, const Before& before, bool last,
                              const DetectorOptions& options, hs_scratch_t* scratch) const {
  Next next{Outcome::kClear, {}, text.size, false};
  if (from >= text.size) return next;
  const Bytes bytes{text.data, text.size};
  Sweep sweep(text, from, before, last, options);
  // Groups that start in front of `sure` are decided by what is here.
  const size_t sure = last ? text.size : text.size - std::min(text.size, CloseLook::kAhead);
  size_t most = kFirstWindow;
  for (size_t at = from; at < sure;) {
    const DenseWindow window = next_dense(bytes, at, most);
    if (window.begin >= sure) break;
    Marks marks;
    const size_t size = window.end - window.begin;
    if (hs_scan(database_.get(), reinterpret_cast<const char*>(text.data + window.begin), static_cast<unsigned>(size), 0,
                scratch, on_match, &marks) != HS_SUCCESS) {
      next.outcome = Outcome::kFault;
      next.settled = from;
      return next;
    }
    for (; marks.blocks != 0; marks.blocks &= marks.blocks - 1) {
      const size_t block = window.begin + static_cast<size_t>(std::countr_zero(marks.blocks)) * kBlock;
      const size_t end = std::min(block + kBlock, sure);
      if (sweep.judge(block - std::min(block, kReach), end, &next)) return next;
    }
    at = window.resume;
    most = std::min(2 * most, kLargestWindow);
  }
  // Near the end of an open text there may be groups whose twelfth digit is yet to come.
  if (!last) sweep.judge(sure, text.size, &next);
  return next;
}

}  // namespace cardscrub
