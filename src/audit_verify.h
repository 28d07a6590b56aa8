// Verifies an audit log: every line's MAC, and that each chain in it is whole, in order and closed. What
// cannot be vouched for is a problem with its place; what is only worth knowing is a note.
//
//   line --no line of the log--> suspect: excused when the next good line says that so many were torn
//        --MAC does not fit----> changed
//        --good---> its chain: next in order | gap: missing, unless filled later: moved | there already:
//        doubled
//
// Trusts nothing but lines whose MAC fits; so whatever the files hold, memory is bounded by them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit_chain.h"

namespace cardscrub {

struct AuditPlace {
  size_t file = 0;    // index into AuditReport::files
  uint64_t line = 0;  // from 1
};

enum class AuditProblemKind : uint8_t {
  kChanged,     // the MAC does not fit
  kNoLine,      // not of a line's form: changed beyond that, inserted
  kCutOff,      // the file ends within a line
  kMissing,     // lines that must stand in front of this one are not there
  kMoved,       // stands behind a line that was written later
  kDoubled,     // its number has been there
  kForked,      // fits, but does not follow the line in front of it
  kUnknownKey,  // cannot be checked: its key is in no key ring that was given
  kNotClosed,   // the chain ends here without a stop line, and the server was started again
  kHead,        // the line that was asked for is not there
};

struct AuditProblem {
  AuditProblemKind kind;
  AuditPlace place;
  std::string message;  // for a person; begins with the kind
};

struct AuditReport {
  std::vector<std::string> files;
  std::vector<AuditProblem> problems;  // by place; at most kMost
  uint64_t problem_count = 0;
  std::vector<std::string> notes;
  uint64_t lines = 0;  // that are good

  struct Chain {
    AuditHead head;  // its last line
    uint64_t first = 0;
    bool closed = false;
  };
  std::vector<Chain> chains;  // in the order of their first lines

  static constexpr size_t kMost = 1000;
  bool intact() const { return problem_count == 0; }
};

class AuditVerifier {
 public:
  // prefixed: a line may have something in front of it, as syslog writes it.
  explicit AuditVerifier(std::vector<AuditKey> keys, bool prefixed = false)
      : keys_(std::move(keys)), prefixed_(prefixed) {}

  // A line that must be there: the head that the status page showed, or that an earlier verification ended
  // with.
  void expect(const AuditHead& head) { expected_ = head; }

  // Files in the order in which they were written; each in pieces of any size.
  void begin_file(std::string name);
  void push(std::string_view piece);
  void end_file();
  AuditReport finish();

 private:
  struct Gap {
    uint64_t from, to;
    AuditPlace place;  // of the line behind it
  };
  struct Chain {
    AuditHead last;
    uint64_t first = 0;
    AuditPlace place;  // of the last line
    bool stopped = false;
    bool succeeded = false;  // another chain has begun after it
    std::vector<Gap> gaps;
  };
  struct Suspect {
    AuditPlace place;
    bool cut_off;
  };

  void take_line(std::string_view text);
  void good_line(const AuditLine& line);
  void begin_chain(const AuditLine& line, std::string_view event, bool first_of_all);
  void check_predecessor(const AuditLine& line, bool first_of_all);
  void follow_chain(Chain* chain, const AuditLine& line, std::string_view event);
  void behind(Chain* chain, const AuditLine& line);
  void settle_suspects(const AuditLine* next);
  void problem(AuditProblemKind kind, const AuditPlace& place, std::string message);
  void note(std::string message);
  void note_losses(const AuditLine& line, std::string_view event);
  AuditKey* key(std::string_view name);
  Chain* find(uint64_t chain);

  std::vector<AuditKey> keys_;
  bool prefixed_;
  std::optional<AuditHead> expected_;
  bool expected_found_ = false;
  AuditReport report_;
  std::vector<Chain> chains_;
  std::vector<Suspect> suspects_;  // since the last good line
  uint64_t suspect_count_ = 0;     // as many as there are; not all are kept
  uint64_t bad_ = 0;               // lines since the last good one that are changed or no lines
  std::vector<std::string> unknown_keys_;
  std::string partial_;
  bool too_long_ = false;
  uint64_t line_ = 0;  // of the file
};

}  // namespace cardscrub
