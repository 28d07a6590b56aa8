// A text in pieces through the detector as the scrubber does it: what is settled is dropped, what is not is
// shown again with what comes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/rig.h"

namespace cardscrub::testing {

// next_piece() says how long each piece is (0: the rest). Findings in indexes of the whole text. Aborts
// where the detector does not keep what detector.h promises.
template <typename NextPiece>
std::vector<Finding> sweep_pieces(std::string_view text, NextPiece&& next_piece,
                                  const DetectorOptions& options) {
  Worker& worker = Rig::get().worker();
  std::vector<Finding> out;
  Before before;
  size_t base = 0;
  size_t end = 0;
  for (bool last = false; !last;) {
    const size_t piece = next_piece();
    end = piece == 0 ? text.size() : std::min(text.size(), end + piece);
    last = end == text.size();
    const auto block = exact_block(text.substr(base, end - base));
    const Text held{block.get(), end - base, nullptr, base};
    size_t from = 0;
    while (true) {
      const Detector::Next next =
          worker.detector->next(held, from, before, last, options, worker.scratch.get());
      if (next.outcome == Detector::Outcome::kFault || next.settled < from) std::abort();
      const size_t begin = std::exchange(from, next.settled);
      if (next.outcome != Detector::Outcome::kFound) break;
      const Finding& found = next.finding;
      if (found.begin < begin || found.end <= found.begin || found.end != next.settled) std::abort();
      out.push_back({found.begin + base, found.end + base, found.kind, found.brand});
    }
    if (last ? from != held.size : held.size - from > CloseLook::kAhead) std::abort();
    before.add({block.get(), from});
    base += from;
  }
  return out;
}

// Pieces of `piece` bytes (0: the whole).
inline std::vector<Finding> sweep_text(std::string_view text, size_t piece, const DetectorOptions& options) {
  return sweep_pieces(
      text, [=] { return piece; }, options);
}

// "pan visa 3..19; "
inline std::string describe(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& f : findings) {
    out += std::string(kind_name(f.kind)) + " " + std::string(brand_name(f.brand)) + " " +
           std::to_string(f.begin) + ".." + std::to_string(f.end) + "; ";
  }
  return out;
}

}  // namespace cardscrub::testing
