// Card data in base64: JSON Web Tokens, Basic credentials, data: URLs, attachments, encoded fields. What is
// found there cannot be replaced (a signature or a length would break), so it is refused: pan.wrapped.
//
//   wire --(base64_scan.h: digit quads)--> stretch --(decoded with what stands around it)--> text -->
//   Detector
//
// Works on the bytes of the wire, beside the content filters: an encoded number looks the same in JSON, a
// form, a header or a mail. Both alphabets are read, whatever its padding; inside an encoded text line breaks
// and the escapes that JSON and forms have for '+' and '/' are passed over. Base64 is undone once, and the
// sweep's rules hold for what comes out (candidate.h). What a stretch says depends only on kFront bytes in
// front of it and kBehind bytes behind it, so that pieces do not matter (law 3).
#pragma once

#include <vector>

#include "detector.h"

namespace cardscrub {

class WrappedFinder {
 public:
  static constexpr uint64_t kNoHold = ~uint64_t{0};

  struct Found {
    Kind kind;
    Brand brand;
    uint64_t offset;  // on the wire, of the first encoded character
    uint64_t length;
  };

  // What findings are judged with; outlives the finder.
  WrappedFinder(const Detector& detector, hs_scratch_t* scratch, const DetectorOptions& options)
      : detector_(detector), scratch_(scratch), options_(options) {}

  // The bytes at the absolute offset `at`, right behind those of the call before. last: nothing follows.
  void feed(Bytes fresh, uint64_t at, bool last);
  // Bytes from here on may be part of a number that is not decided yet.
  uint64_t hold() const { return hold_; }
  // What was found since clear(), in order. Once the engine has failed, nothing can be vouched for.
  const std::vector<Found>& found() const { return found_; }
  void clear() { found_.clear(); }
  bool failed() const { return failed_; }

 private:
  struct Window;

  void look(Bytes data, uint64_t base, bool last);
  void judge(Bytes data, uint64_t base, size_t begin, size_t end);
  void keep(Bytes data, uint64_t base);

  const Detector& detector_;
  hs_scratch_t* scratch_;
  DetectorOptions options_;
  SecretBuffer carry_;  // the end of what was fed: context, and what is not decided
  uint64_t carry_at_ = 0;
  uint64_t scan_at_ = 0;  // stretches that begin in front of it have been judged
  uint64_t told_to_ = 0;  // behind the latest finding
  uint64_t hold_ = kNoHold;
  std::vector<Found> found_;
  bool failed_ = false;
};

// Whether the bytes may hold card data in base64. Never false for those that do.
bool may_hold_wrapped(Bytes bytes);

}  // namespace cardscrub
