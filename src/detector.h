// The sweep: card numbers and track data in text that no field name announces (DESIGN 7).
//
//   text --(digit_scan.h: where are 12 digits close together?)--> windows --(Hyperscan)--> candidates
//        --(candidate.h: boundaries, brand, length, Luhn, what stands around)--> findings
//
// The fate of a group of digits depends only on the text from kContext units in front of it to
// CloseLook::kAhead units behind its start, and findings are taken from left to right. So a text can be
// looked at in overlapping stretches and the result is the same (law 3). The rules themselves stand in
// candidate.h.
#pragma once

#include <array>

#include "candidate.h"
#include "digit_scan.h"
#include "finding.h"
#include "hyperscan.h"
#include "limits.h"
#include "result.h"
#include "secret.h"
#include "text.h"

namespace cardscrub {

// The last units in front of a text, so that a stretch can be judged by what stood before it.
class Before {
 public:
  Before() = default;
  ~Before() { clear(); }
  Before(const Before&) = default;
  Before& operator=(const Before&) = default;
  void clear() {
    wipe(bytes_.data(), bytes_.size());
    size_ = 0;
  }
  void add(Bytes text);  // keeps the last kContext bytes
  Bytes span() const { return {bytes_.data() + (limits::kContext - size_), size_}; }  // newest byte last

 private:
  std::array<uint8_t, limits::kContext> bytes_{};
  size_t size_ = 0;
};

// Immutable; compiled once before fork, shared by all workers.
class Detector {
 public:
  static Result<Detector> compile();
  Result<HsScratch> make_scratch() const { return hs_make_scratch(database_.get()); }

  enum class Outcome : uint8_t { kClear, kFound, kFault };
  struct Next {
    Outcome outcome;
    Finding finding;  // kFound: the first one at or after `from`; in indexes of `text`
    size_t settled;   // text before this index holds no further finding, whatever follows. kFound: the
                      // finding's end; kClear: text.size when last, otherwise at most CloseLook::kAhead less
    bool alone = false;  // kFound: no other digits stand in the finding's run, so that nothing written in its
                         // place can become a finding together with them
  };

  // Looks for the first finding that begins at or after `from` in `text`. `before` is what preceded text[0].
  // `last`: nothing follows. When !last, a finding whose right side is not decided yet is not reported;
  // `settled` stops in front of it. The caller goes on with `from` = settled, or drops the text in front of
  // settled into `before` and comes back with more behind. Does not allocate. kFault: the engine failed.
  [[nodiscard]] Next next(const Text& text, size_t from, const Before& before, bool last,
                          const DetectorOptions& options, hs_scratch_t* scratch) const;
  // True when the text, after something was written at [begin, end), holds a finding that runs into it:
  // digits of a token, or what a mask left, together with a group beside it (law 4). When !last,
  // CloseLook::kAhead units behind `end` must be there.
  [[nodiscard]] bool overlaps(const Text& text, size_t begin, size_t end, const Before& before, bool last,
                              const DetectorOptions& options, hs_scratch_t* scratch) const;
  // Where the run of groups that goes on at `at` begins, at most as far in front as a number can reach.
  static size_t run_start(const Text& text, size_t at);

 private:
  explicit Detector(HsDatabase database) : database_(std::move(database)) {}
  HsDatabase database_;
};

}  // namespace cardscrub
