// The sweep's order of work: dense windows, the engine, the close look; and the rest of a text that is not
// complete.
#include "detector.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cardscrub {

namespace {

// What a candidate has: twelve digits with single spaces or hyphens, or two dots between digits. Neither
// pattern tells where a match starts (that costs up to 13 times as much), and the scan of a window ends at
// its first match: where digits are many, there would be one at each, and the close look needs no more than
// to know that there is something in the window.
constexpr HsPattern kPatterns[] = {
    {"[0-9](?:[ -]?[0-9]){11}", 0, 0},
    {"[0-9]\\.[0-9]{1,17}\\.[0-9]", 0, 1},
};

// Windows start small, because a finding ends the search, and grow while nothing is found.
constexpr size_t kFirstWindow = 4 * kBlock;
constexpr size_t kLargestWindow = 64 * kBlock;

int on_match(unsigned, unsigned long long, unsigned long long, unsigned, void*) { return 1; }

// Goes over the starts of groups in a text, each once and in order.
class Sweep {
 public:
  // Units that one look at the masks covers.
  static constexpr size_t kStride = 40;

  Sweep(const Text& text, size_t from, const Before& before, bool last, const DetectorOptions& options)
      : text_(text), before_(before.span()), look_(text, before_, last, options), at_(from), open_(!last) {}

  // Judges the groups that start in [begin, end) and were not passed by yet. True: `next` says what was
  // found.
  bool judge(size_t begin, size_t end, Detector::Next* next) {
    if (begin >= end) return false;
    at_ = std::max(at_, begin);
    while (at_ < end) {
      uint64_t starts = likely_starts();
      const size_t count = std::min(kStride, end - at_);
      starts &= (uint64_t{1} << count) - 1;
      for (; starts != 0; starts &= starts - 1) {
        const size_t start = at_ + static_cast<size_t>(std::countr_zero(starts));
        const CloseLook::Verdict verdict = look_.judge(start, &next->finding, &next->alone);
        if (verdict == CloseLook::Verdict::kNone) continue;
        const bool found = verdict == CloseLook::Verdict::kFound;
        next->outcome = found ? Detector::Outcome::kFound : Detector::Outcome::kClear;
        next->settled = found ? next->finding.end : start;
        return true;
      }
      at_ += count;
    }
    return false;
  }

 private:
  // Starts of groups among the next kStride units, less those that are seen at once to have no twelve digits
  // behind them, or one dot among them: with a single dot between its groups nothing is a candidate.
  uint64_t likely_starts() const {
    const LinkMasks masks = link_masks({text_.data, text_.size}, at_);
    const size_t rest = text_.size - at_;
    // What follows an open text may be anything.
    const uint64_t unknown = open_ && rest < kBlock ? ~uint64_t{0} << rest : 0;
    const uint64_t digits = masks.digits | unknown;
    const uint64_t joined = digits | (masks.joints & digits >> 1);
    const uint64_t dotted = digits | (masks.dots & digits >> 1);
    const uint64_t starts = masks.digits & ~(masks.digits << 1 | uint64_t{digit_in_front()});
    uint64_t likely = starts & runs_of_twelve(joined);
    for (uint64_t rare = starts & runs_of_twelve(dotted) & ~likely; rare != 0; rare &= rare - 1) {
      const int start = std::countr_zero(rare);
      const uint64_t run = dotted >> start;
      const uint64_t dots = (masks.dots | unknown) >> start & ~(run + 1) & run;
      if ((dots & (dots - 1)) != 0) likely |= uint64_t{1} << start;
    }
    return likely;
  }
  bool digit_in_front() const {
    if (at_ != 0) return is_digit(text_.data[at_ - 1]);
    return !before_.empty() && is_digit(before_.back());
  }

  // Twelve digits with two dots among them, at most 19 digits in all, show their second dot within 20 units.
  static_assert(kStride + limits::kPanMax + 2 < kBlock);

  const Text& text_;
  Bytes before_;
  CloseLook look_;
  size_t at_;
  bool open_;
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
  if (from >= text.size || (last && text.size - from < limits::kPanMin)) return next;
  const Bytes bytes{text.data, text.size};
  Sweep sweep(text, from, before, last, options);
  if (text.size - from <= Sweep::kStride) {  // one look tells as much as all that stands in front of it
    sweep.judge(from, text.size, &next);
    return next;
  }
  // Groups that start in front of `sure` are decided by what is here.
  const size_t sure = last ? text.size : text.size - std::min(text.size, CloseLook::kAhead);
  size_t most = kFirstWindow;
  for (size_t at = from; at < sure;) {
    const DenseWindow window = next_dense(bytes, at, most);
    if (window.begin >= sure) break;
    const hs_error_t status =
        hs_scan(database_.get(), reinterpret_cast<const char*>(text.data + window.begin),
                static_cast<unsigned>(window.end - window.begin), 0, scratch, on_match, nullptr);
    if (status != HS_SUCCESS && status != HS_SCAN_TERMINATED) {
      next.outcome = Outcome::kFault;
      next.settled = from;
      return next;
    }
    if (status == HS_SCAN_TERMINATED && sweep.judge(window.begin, std::min(window.end, sure), &next))
      return next;
    at = window.resume;
    most = std::min(2 * most, kLargestWindow);
  }
  // Near the end of an open text there may be groups whose twelfth digit is yet to come.
  if (!last) sweep.judge(sure, text.size, &next);
  return next;
}

bool Detector::overlaps(const Text& text, size_t begin, size_t end, const Before& before, bool last,
                        const DetectorOptions& options, hs_scratch_t* scratch) const {
  size_t from = run_start(text, begin);
  while (from < end) {
    const Next found = next(text, from, before, last, options, scratch);
    if (found.outcome != Outcome::kFound) return found.outcome == Outcome::kFault;
    if (found.finding.begin >= end) return false;
    if (found.finding.end > begin) return true;
    from = found.finding.end;
  }
  return false;
}

size_t Detector::run_start(const Text& text, size_t at) {
  constexpr size_t kReach = 2 * limits::kPanMax;
  size_t start = at;
  while (start > 0 && at - start < kReach) {
    const uint8_t c = text.data[start - 1];
    if (!is_digit(c) && c != ' ' && c != '-' && c != '.') break;
    --start;
  }
  return start;
}

}  // namespace cardscrub
