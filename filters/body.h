// A body on its way through: pieces in, scrubbed pieces out, in place, with a window for what cannot be
// decided yet.
//
//   push(piece) --> [ held | first bytes of the piece ] joined in the window until nothing of `held` is open
//   any more,
//                   then the rest of the piece in place; its open tail is held for the next push.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

class Body {
 public:
  Body(const Policy& policy, Worker& worker, Verdict& verdict, std::string_view name_space,
       FindingObserver* observer = nullptr, CodeErrands* errands = nullptr);
  ~Body();

  // Chooses the content filter. content_type and content_encoding as in the header, empty when absent. kNone,
  // kBodyType, kBodyCharset, kBodyEncoding (415). Noted in the verdict too.
  Reason start(std::string_view content_type, std::string_view content_encoding);

  // Nobody waits for the first bytes of this body: as long as there are no more of them than limits::kGather,
  // they are kept, and looked at together. After start(), before the first push.
  void gather();

  // Two stretches to forward, in this order: `held` lies in memory of this object and is valid until the next
  // push (the caller copies it and may wipe it); `piece` is the leading part of the piece itself. Everything
  // else of the piece has been wiped.
  struct Output {
    MutableBytes held;
    MutableBytes piece;
    bool more = false;  // compressed bodies: push an empty piece (with the same `last`) for what comes next
  };
  // With last, everything comes out. Once the verdict is refused, nothing comes out any more and the piece is
  // wiped. May throw std::bad_alloc.
  Output push(MutableBytes piece, bool last);

  // The body is forwarded inflated: its length changes, and Content-Encoding no longer holds.
  bool inflates() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cardscrub
