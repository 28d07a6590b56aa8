// What came out of one request: failing fields with their reasons, counts by kind, brand and action.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "card.h"
#include "finding.h"
#include "limits.h"
#include "secret.h"

namespace cardscrub {

inline constexpr size_t kFieldMax = 128;  // characters of a field's name

struct Problem {
  Reason reason;
  std::string field;    // dotted path; printable ASCII, runs of digits masked, at most kFieldMax characters;
                        // may be empty
  int64_t offset = -1;  // byte offset for malformed bodies; -1: none
};

// What happened to one finding, for the audit log, the command line tool and the counters.
struct FindingEvent {
  Kind kind;
  Brand brand;
  Action action;
  Reason reason;    // kNone unless the value was refused
  uint64_t offset;  // of the first byte on the wire, absolute in the body or element
  uint64_t length;  // bytes on the wire
  std::string_view field;
  // Which card, where that is known: the token that was written or that the code was bound to; the keyed
  // fingerprint where the observer wants it (PCI DSS 3.5.1.1).
  const Digits* token = nullptr;
  Bytes fingerprint{};
};

// A token that was turned back into its card number.
struct RevealedCard {
  Digits token;
  Brand brand;
  bool named;         // by the field it stood in; false: found by the sweep
  std::string field;  // as Problem::field
};

class FindingObserver {
 public:
  virtual ~FindingObserver() = default;
  virtual void on_finding(const FindingEvent& event) = 0;
  virtual bool wants_fingerprints() const { return false; }
};

class Verdict {
 public:
  void refuse(Reason reason, std::string_view field, int64_t offset = -1);
  bool refused() const { return refused_count_ != 0; }
  size_t refused_count() const { return refused_count_; }
  const std::vector<Problem>& problems() const { return problems_; }
  // The status that goes with all problems together: 5xx before 429, 413, 415, 403, 400, before 422.
  int status() const;
  // RFC 9457 body:
  // {"type":"about:blank","title":...,"status":422,"errors":[{"field":"card.number","reason":"pan.luhn","detail":"..."}]}
  std::string problem_json() const;

  // Mode::kMonitor refuses nothing: why not all of it may have been looked at (the first reason); kNone: all
  // was.
  Reason unread = Reason::kNone;

  void count(Kind kind, Brand brand, Action action);
  bool counted() const { return counted_; }  // anything
  uint32_t found(Kind kind) const { return kinds_[static_cast<size_t>(kind)]; }
  // PANs, codes and tracks together.
  uint32_t findings() const { return findings_; }
  uint32_t found_brand(Brand brand) const { return brands_[static_cast<size_t>(brand)]; }
  uint32_t acted(Action action) const { return actions_[static_cast<size_t>(action)]; }

  // The first PAN of the request, for variables: nothing that may not be stored (PCI DSS 3.4.1, 3.5.1).
  Brand first_brand = Brand::kUnknown;
  std::array<char, 6> first_bin{};
  std::array<char, 4> first_last4{};
  bool has_first = false;
  Digits first_token;  // empty when it was masked
  std::array<uint8_t, 16> first_fingerprint{};
  std::vector<RevealedCard> revealed;  // Direction::kReveal
  // Names of the fields in which card data was, comma separated, bounded; kept where Worker::field_names.
  std::string fields;

 private:
  std::vector<Problem> problems_;
  size_t refused_count_ = 0;
  uint32_t findings_ = 0;
  bool counted_ = false;
  std::array<uint32_t, kKinds> kinds_{};
  std::array<uint32_t, kBrands> brands_{};
  std::array<uint32_t, 6> actions_{};
};

// Makes a name from the wire fit for an answer or a log (see Problem::field).
std::string printable_field(Bytes name);
// One component of such a name, with a dot in front of it when there is one before it; the caller masks the
// whole.
void add_printable(Bytes name, std::string* path);
// Masks the digits of a printable path beyond the sixth of a run; '.', '-', '_' and the like do not end a
// run, for a card number may be written with them.
void mask_digit_runs(std::string* path);

}  // namespace cardscrub
