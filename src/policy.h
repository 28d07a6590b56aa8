// The immutable wishes of one location.
#pragma once

#include <cstdint>
#include <memory>

#include "candidate.h"
#include "field_names.h"
#include "finding.h"
#include "limits.h"
#include "token.h"

namespace cardscrub {

enum class Mode : uint8_t { kOff, kOn, kMonitor };
// kReveal: tokens and aliases are turned back into what they stand for (scrubber_reveal.cpp).
enum class Direction : uint8_t { kScrub, kReveal };
enum class TestCards : uint8_t { kAccept, kReject, kOnly };

struct Policy {
  Mode mode = Mode::kOff;
  Direction direction = Direction::kScrub;
  Action pan = Action::kTokenize;    // named PAN: kTokenize kMask kReject
  Action code = Action::kAlias;      // named code: kAlias kMask kReject
  Action sweep = Action::kTokenize;  // elsewhere: kTokenize kMask kReject kNone
  Action invalid = Action::kReject;  // named field, value not valid: kReject kMask
  Action wrapped = Action::kReject;  // card data in base64: kReject, or kMask where nobody reads it (logs)
  uint32_t require = 0;              // bit k: Kind k must be present and valid
  uint32_t brands = ~0u;             // bit b: Brand b is accepted
  uint32_t token_digits = 0;  // bit d: digit d starts a token of the key ring (KeyRing::generation_digits)
  TokenFormat token_format = TokenFormat::kLast4;
  TestCards test_cards = TestCards::kAccept;
  const FieldNames* fields = nullptr;  // outlives the policy
  bool inflate = true;                 // compressed bodies: false refuses them
  uint64_t max_inflate = limits::kInflate;
  size_t max_findings = limits::kFindings;
  size_t max_depth = limits::kDepth;
  uint32_t code_ttl = 900;
  // Direction::kReveal only
  bool reveal_sweep = false;       // tokens outside named fields too
  bool reveal_wants_code = false;  // a named card without a code is refused
  uint32_t code_grace = 0;         // seconds in which a code may be taken again
  // An answer on its way out, not a request. What an application sends is nobody's fault: a named value that
  // is no card data is text like any other (but a mistyped card number is masked), names that are used for
  // other things as well do not count, and a body that breaks the rules of its type is read on as text.
  bool response = false;

  // Has the shape of a token of the key ring.
  bool is_token(const Digits& digits) const {
    return digits.size() >= limits::kPanMin && digits.size() <= limits::kPanMax &&
           (token_digits >> digits[0] & 1u) != 0;
  }
};

// What a sweep under this policy looks for.
inline DetectorOptions sweep_options(const Policy& policy) {
  DetectorOptions options;
  options.token_digits = policy.token_digits;
  return options;
}

}  // namespace cardscrub
