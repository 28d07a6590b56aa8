// Body: the window in front of the content filter.
#include "filters/body.h"

#include <algorithm>

#include "filters/chooser.h"
#include "src/limits.h"

namespace cardscrub {

struct Body::State {
  State(const Policy& policy, Worker& worker, Verdict& outcome, std::string_view name_space,
        FindingObserver* observer)
      : verdict(outcome), scrubber(policy, worker, outcome, name_space, observer) {}

  // Shows the filter what is in memory. Returns the offset up to which nothing is written to any more.
  uint64_t feed(const RawView& view, bool last) {
    scrubber.set_view(view);
    Text text = Text::plain(view, shown_from, view.end());
    shown_from += filter->feed(text, last, scrubber);
    if (last) {
      scrubber.finish();
      return view.end();
    }
    scrubber.release_holds();
    uint64_t settled = std::min(shown_from, scrubber.hold());
    if (view.end() - settled > limits::kWindow + limits::kJoinStep) scrubber.refuse(Reason::kLimitWindow);
    return settled;
  }

  Output push(MutableBytes piece, bool last);

  Verdict& verdict;
  Scrubber scrubber;
  std::unique_ptr<Filter> filter;
  SecretBuffer held;           // what is not settled, from held_base on
  SecretBuffer emitted;        // the Output's `held`
  uint64_t held_base = 0;
  uint64_t shown_from = 0;     // the filter has settled everything in front of this offset
};

Body::Body(const Policy& policy, Worker& worker, Verdict& verdict, std::string_view name_space,
           FindingObserver* observer)
    : state_(std::make_unique<State>(policy, worker, verdict, name_space, observer)) {}

Body::~Body() = default;

Reason Body::start(std::string_view content_type, std::string_view content_encoding) {
  Reason why = Reason::kNone;
  if (!content_encoding.empty() && content_encoding != "identity") {
    why = Reason::kBodyEncoding;
  } else {
    state_->filter = make_filter(content_type, 0, &why);
  }
  if (why != Reason::kNone) state_->scrubber.refuse(why);
  return why;
}

Body::Output Body::push(MutableBytes piece, bool last) { return state_->push(piece, last); }

Body::Output Body::State::push(MutableBytes piece, bool last) {
  emitted.clear();
  size_t joined = 0;  // bytes of the piece that the window has a copy of
  bool ended = false;
  uint64_t piece_base = held_base + held.size();

  while (!held.empty() && !ended && (joined < piece.size() || last)) {
    size_t step = std::min(limits::kJoinStep, piece.size() - joined);
    held.append(piece.subspan(joined, step));
    joined += step;
    ended = last && joined == piece.size();
    uint64_t settled = feed({held.data(), held_base, held.size()}, ended);
    if (verdict.refused()) break;
    if (settled >= piece_base) {
      // Everything of earlier pieces is settled: what the window has of this piece goes back to its place.
      size_t before = static_cast<size_t>(piece_base - held_base);
      emitted.append(held.span().first(before));
      std::copy_n(held.data() + before, joined, piece.data());
      held.clear();
      held_base = piece_base;
      break;
    }
    size_t done = static_cast<size_t>(settled - held_base);
    emitted.append(held.span().first(done));
    held.drop_front(done);
    held_base = settled;
  }

  size_t out = 0;
  if (held.empty() && !verdict.refused()) {
    // The rest of the piece, in place.
    uint64_t end = piece_base + piece.size();
    uint64_t settled = ended ? end : feed({piece.data(), piece_base, piece.size()}, last);
    out = static_cast<size_t>(settled - piece_base);
    held_base = settled;
    held.append(piece.subspan(out));
  }
  if (verdict.refused()) {
    held.clear();
    emitted.clear();
    wipe(piece.data(), piece.size());
    return {};
  }
  wipe(piece.data() + out, piece.size() - out);
  return {emitted.span(), piece.first(out)};
}

}  // namespace cardscrub
