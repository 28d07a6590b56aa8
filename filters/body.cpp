// Body: the window in front of the content filter.
#include "filters/body.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "filters/chooser.h"
#include "filters/inflate.h"
#include "src/limits.h"
#include "src/wrapped.h"

namespace cardscrub {

struct Body::State {
  State(const Policy& policy, Worker& worker, Verdict& outcome, std::string_view name_space,
        FindingObserver* observer, CodeErrands* errands)
      : verdict(outcome), scrubber(policy, worker, outcome, name_space, observer, errands) {
    if (policy.sweep != Action::kNone)
      wrapped.emplace(*worker.detector, worker.scratch.get(), sweep_options(policy));
  }

  // Shows the filter what is in memory. Returns the offset up to which nothing is written to any more.
  uint64_t feed(const RawView& view, bool last) {
    scrubber.set_view(view);
    if (wrapped) {
      // In front of the filter, which may write: new bytes are seen as they came.
      wrapped->feed({view.data + (seen - view.base), view.end() - seen}, seen, last);
      seen = view.end();
    }
    Text text = Text::plain(view, shown_from, view.end());
    shown_from += filter->feed(text, last, scrubber);
    if (wrapped) tell_wrapped();
    if (last) {
      scrubber.finish();
      return view.end();
    }
    scrubber.release_holds();
    uint64_t settled = std::min(shown_from, scrubber.hold());
    // Of two digit quads the first characters may have gone before the last ones came.
    if (wrapped) settled = std::min(settled, std::max(wrapped->hold(), view.base));
    if (view.end() - settled > limits::kWindow + limits::kJoinStep) scrubber.refuse(Reason::kLimitWindow);
    return settled;
  }

  void tell_wrapped() {
    for (const WrappedFinder::Found& found : wrapped->found()) {
      scrubber.wrapped(found.kind, found.brand, found.offset, found.length);
    }
    wrapped->clear();
    if (wrapped->failed()) scrubber.refuse(Reason::kFault);
  }

  Output push(MutableBytes piece, bool last);
  Output push_encoded(MutableBytes piece, bool last);

  Verdict& verdict;
  Scrubber scrubber;
  std::unique_ptr<Filter> filter;
  SecretBuffer held;     // what is not settled, from held_base on
  SecretBuffer emitted;  // the Output's `held`
  uint64_t held_base = 0;
  bool gathers = false;                  // `held` has not been shown to anybody yet
  std::optional<WrappedFinder> wrapped;  // none: the operator wants no sweep
  uint64_t seen = 0;                     // bytes in front of this offset went through `wrapped`
  uint64_t shown_from = 0;               // the filter has settled everything in front of this offset
  std::unique_ptr<Inflater> inflater;
  SecretBuffer packed;    // encoded bytes that have not been inflated yet
  SecretBuffer chunk;     // inflated bytes on their way through push()
  SecretBuffer unpacked;  // the Output's `held` of an encoded body
  bool inflated = false;  // its end has been pushed
};

Body::Body(const Policy& policy, Worker& worker, Verdict& verdict, std::string_view name_space,
           FindingObserver* observer, CodeErrands* errands)
    : state_(std::make_unique<State>(policy, worker, verdict, name_space, observer, errands)) {}

Body::~Body() = default;

Reason Body::start(std::string_view content_type, std::string_view content_encoding) {
  Reason why = Reason::kNone;
  const Policy& policy = state_->scrubber.policy();
  InflateLimits limits;
  limits.output_max = policy.max_inflate;
  // Deflate itself gets to 1,032. An answer goes on as it is inflated; how far does not matter.
  limits.ratio_max = policy.response ? std::numeric_limits<uint64_t>::max() : 1100;
  state_->inflater = make_inflater_chain(content_encoding, limits, &why);
  if (why == Reason::kNone && state_->inflater && (!policy.inflate || policy.mode == Mode::kMonitor)) {
    why = Reason::kBodyEncoding;
  }
  if (why == Reason::kNone) {
    state_->filter =
        policy.response ? make_response_filter(content_type) : make_filter(content_type, 0, &why);
  }
  if (why != Reason::kNone) state_->scrubber.refuse(why);
  return why;
}

void Body::gather() { state_->gathers = true; }

bool Body::inflates() const { return state_->inflater != nullptr; }

Body::Output Body::push(MutableBytes piece, bool last) {
  return state_->inflater ? state_->push_encoded(piece, last) : state_->push(piece, last);
}

Body::Output Body::State::push_encoded(MutableBytes piece, bool last) {
  unpacked.clear();
  packed.append(piece);
  wipe(piece.data(), piece.size());
  size_t read = 0;
  bool more = false;
  while (!inflated) {
    chunk.resize(limits::kInflateStep / 4);
    size_t consumed = 0;
    size_t produced = 0;
    InflateStatus status =
        inflater->push(packed.span().subspan(read), last, chunk.span(), &consumed, &produced);
    read += consumed;
    Reason why = inflate_reason(status);
    if (why != Reason::kNone) verdict.refuse(why, {});
    if (!verdict.refused() && (produced != 0 || status == InflateStatus::kEnd)) {
      inflated = status == InflateStatus::kEnd;
      Output out = push(chunk.span().first(produced), inflated);
      unpacked.append(out.held);
      unpacked.append(out.piece);
    }
    if (verdict.refused()) {
      unpacked.clear();
      packed.clear();
      return {};
    }
    if (status == InflateStatus::kMore) break;
    more = !inflated && unpacked.size() >= limits::kInflateStep;
    if (more) break;
  }
  packed.drop_front(read);
  return {unpacked.span(), {}, more};
}

Body::Output Body::State::push(MutableBytes piece, bool last) {
  emitted.clear();
  const bool fits = gathers && piece.size() <= limits::kGather - held.size();
  if (fits && !last) {
    held.append(piece);
    wipe(piece.data(), piece.size());
    return {};
  }
  gathers = false;
  const size_t most = fits ? piece.size() : limits::kJoinStep;
  size_t joined = 0;  // bytes of the piece that the window has a copy of
  bool ended = false;
  uint64_t piece_base = held_base + held.size();

  while (!held.empty() && !ended && (joined < piece.size() || last)) {
    size_t step = std::min(most, piece.size() - joined);
    held.append(piece.subspan(joined, step));
    joined += step;
    ended = last && joined == piece.size();
    uint64_t settled = feed({held.data(), held_base, held.size()}, ended);
    if (verdict.refused()) break;
    if (settled >= piece_base) {
      // Everything of earlier pieces is settled: what the window has of this piece goes back to its place.
      size_t before = static_cast<size_t>(piece_base - held_base);
      emitted.append(held.span().first(before));
      // Of most nothing was written to.
      const uint8_t* const copy = held.data() + before;
      if (joined != 0 && std::memcmp(copy, piece.data(), joined) != 0)
        std::copy_n(copy, joined, piece.data());
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
  return {emitted.span(), piece.first(out), false};
}

}  // namespace cardscrub
