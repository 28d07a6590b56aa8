// Verification of audit logs.
#include "audit_verify.h"

#include <algorithm>

namespace cardscrub {

namespace {

std::string range(uint64_t from, uint64_t to) {
  return from == to ? "line " + std::to_string(from)
                    : "lines " + std::to_string(from) + " to " + std::to_string(to);
}

std::string of_chain(uint64_t chain) { return " of chain " + audit_chain_text(chain); }

std::string_view event_of(const AuditLine& line) {
  std::string_view event;
  (void)audit_text(line.members, "event", &event);
  return event;
}

}  // namespace

void AuditVerifier::begin_file(std::string name) {
  report_.files.push_back(std::move(name));
  line_ = 0;
  partial_.clear();
  too_long_ = false;
}

void AuditVerifier::push(std::string_view piece) {
  while (!piece.empty()) {
    const size_t feed = piece.find('\n');
    const std::string_view part = piece.substr(0, feed);
    if (partial_.size() + part.size() > kAuditLineMax) {
      too_long_ = true;
      partial_.clear();
    }
    if (feed == std::string_view::npos) {
      if (!too_long_) partial_ += part;
      return;
    }
    ++line_;
    if (too_long_) {
      take_line({});
    } else if (partial_.empty()) {
      take_line(part);
    } else {
      partial_ += part;
      take_line(partial_);
    }
    partial_.clear();
    too_long_ = false;
    piece.remove_prefix(feed + 1);
  }
}

void AuditVerifier::end_file() {
  if (partial_.empty() && !too_long_) return;
  ++line_;
  ++suspect_count_;
  ++bad_;
  if (suspects_.size() < AuditReport::kMost) suspects_.push_back({{report_.files.size() - 1, line_}, true});
  partial_.clear();
}

AuditKey* AuditVerifier::key(std::string_view name) {
  for (AuditKey& key : keys_) {
    if (key.name() == name) return &key;
  }
  return nullptr;
}

AuditVerifier::Chain* AuditVerifier::find(uint64_t chain) {
  for (Chain& known : chains_) {
    if (known.last.chain == chain) return &known;
  }
  return nullptr;
}

void AuditVerifier::problem(AuditProblemKind kind, const AuditPlace& place, std::string message) {
  ++report_.problem_count;
  if (report_.problems.size() < AuditReport::kMost)
    report_.problems.push_back({kind, place, std::move(message)});
}

void AuditVerifier::note(std::string message) {
  if (report_.notes.size() < AuditReport::kMost) report_.notes.push_back(std::move(message));
}

void AuditVerifier::take_line(std::string_view text) {
  const AuditPlace place{report_.files.size() - 1, line_};
  if (prefixed_) text.remove_prefix(std::min(text.find("{\"v\":"), text.size()));
  AuditLine line;
  if (!parse_audit_line(text, &line)) {
    ++suspect_count_;
    ++bad_;
    if (suspects_.size() < AuditReport::kMost) suspects_.push_back({place, false});
    return;
  }
  AuditKey* made_with = key(line.key);
  if (made_with == nullptr) {
    const std::string name(line.key);
    if (std::find(unknown_keys_.begin(), unknown_keys_.end(), name) == unknown_keys_.end()) {
      if (unknown_keys_.size() < AuditReport::kMost) unknown_keys_.push_back(name);
      const bool printable =
          std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
      problem(AuditProblemKind::kUnknownKey, place,
              "cannot be checked: made with key " + (printable ? name : std::string("?")) +
                  ", which is in no key ring that was given; give the one that was in use with --keys (said "
                  "once for all lines of this key)");
    }
    ++bad_;
    return;
  }
  AuditMac mac;
  if (!made_with->mac(line.covered, &mac) || mac != line.head.mac) {
    ++bad_;
    problem(AuditProblemKind::kChanged, place,
            "changed: its MAC does not fit (it says that it is line " + std::to_string(line.head.seq) +
                of_chain(line.head.chain) + ")");
    return;
  }
  good_line(line);
}

// Lines that are none: a line behind them may say that a writer left so many.
void AuditVerifier::settle_suspects(const AuditLine* next) {
  uint64_t torn = 0;
  if (next != nullptr) (void)audit_number(next->members, "torn", &torn);
  if (suspect_count_ != 0 && suspect_count_ <= torn) {
    note("what was not finished in front of line " + std::to_string(line_) + " of " + report_.files.back() +
         " is accounted for by that line");
    bad_ -= suspect_count_;
  } else {
    for (const Suspect& suspect : suspects_) {
      if (suspect.cut_off) {
        problem(AuditProblemKind::kCutOff, suspect.place, "cut off: the file ends within this line");
      } else {
        problem(AuditProblemKind::kNoLine, suspect.place, "no line of the audit log: changed or inserted");
      }
    }
    report_.problem_count += suspect_count_ - suspects_.size();
  }
  suspects_.clear();
  suspect_count_ = 0;
}

void AuditVerifier::good_line(const AuditLine& line) {
  const bool first_of_all = report_.lines == 0 && bad_ == 0;
  ++report_.lines;
  settle_suspects(&line);
  if (expected_ && expected_->chain == line.head.chain && expected_->seq == line.head.seq) {
    expected_found_ = expected_found_ || expected_->mac == line.head.mac;
  }
  const std::string_view event = event_of(line);
  note_losses(line, event);
  Chain* chain = find(line.head.chain);
  if (chain == nullptr) {
    begin_chain(line, event, first_of_all);
    chain = &chains_.back();
  } else if (line.head.seq > chain->last.seq) {
    follow_chain(chain, line, event);
    chain->last = line.head;
    chain->place = {report_.files.size() - 1, line_};
  } else {
    behind(chain, line);
  }
  chain->stopped = chain->stopped || event == "stop";
  bad_ = 0;
}

void AuditVerifier::note_losses(const AuditLine& line, std::string_view event) {
  std::string_view reason;
  uint64_t count = 0;
  if (event != "fault" || !audit_text(line.members, "reason", &reason) || reason != "audit.down" ||
      !audit_number(line.members, "count", &count)) {
    return;
  }
  note(std::to_string(count) + " events could not be written before line " + std::to_string(line_) + " of " +
       report_.files.back());
}

void AuditVerifier::begin_chain(const AuditLine& line, std::string_view event, bool first_of_all) {
  const AuditPlace place{report_.files.size() - 1, line_};
  if (line.head.seq == 1 && event == "start") {
    check_predecessor(line, first_of_all);
    for (Chain& older : chains_) older.succeeded = true;
  }
  Chain chain;
  chain.last = line.head;
  chain.first = line.head.seq;
  chain.place = place;
  if (line.head.seq != 1) {
    // A file that goes on with a chain says so in its first line.
    if (first_of_all && line_ == 1 && (event == "rotation" || event == "recovery")) {
      note(range(1, line.head.seq - 1) + of_chain(line.head.chain) +
           " stand in an older file that was not given");
    } else if (line.head.seq - 1 > bad_) {
      chain.gaps.push_back({1, line.head.seq - 1, place});
    }
  }
  chains_.push_back(std::move(chain));
}

// A start quotes the last line that it found in the file.
void AuditVerifier::check_predecessor(const AuditLine& line, bool first_of_all) {
  const AuditPlace place{report_.files.size() - 1, line_};
  std::string_view id;
  AuditHead quoted;
  if (!audit_text(line.members, "last_chain", &id) || !audit_chain_id(id, &quoted.chain) ||
      !audit_number(line.members, "last_seq", &quoted.seq) ||
      !audit_mac(line.members, "last_mac", &quoted.mac)) {
    return;
  }
  Chain* before = find(quoted.chain);
  if (before == nullptr) {
    if (first_of_all && line_ == 1) {
      note("this start followed " + range(quoted.seq, quoted.seq) + of_chain(quoted.chain) +
           ", which is in a file that was not given");
    } else {
      problem(AuditProblemKind::kMissing, place,
              "missing in front of it: " + range(1, quoted.seq) + of_chain(quoted.chain) +
                  ", whose end was there when the server started");
    }
  } else if (before->last.seq < quoted.seq) {
    problem(AuditProblemKind::kMissing, place,
            "missing in front of it: " + range(before->last.seq + 1, quoted.seq) + of_chain(quoted.chain) +
                ", whose end was there when the server started");
    before->last.seq = quoted.seq;
    before->last.mac = quoted.mac;
    before->stopped = true;  // said already
  } else if (before->last.seq == quoted.seq && before->last.mac != quoted.mac) {
    problem(AuditProblemKind::kForked, place,
            "does not follow: another " + range(quoted.seq, quoted.seq) + of_chain(quoted.chain) +
                " was there when the server started");
  }
}

void AuditVerifier::follow_chain(Chain* chain, const AuditLine& line, std::string_view event) {
  const AuditPlace place{report_.files.size() - 1, line_};
  const uint64_t next = chain->last.seq + 1;
  if (line.head.seq == next) {
    if (line.prev == chain->last.mac) return;
    problem(AuditProblemKind::kForked, place,
            "does not follow: it was written behind another " + range(next - 1, next - 1) +
                of_chain(line.head.chain));
    return;
  }
  uint64_t to = line.head.seq - 1;
  uint64_t after = 0;
  if (event == "recovery" && audit_number(line.members, "after", &after)) {
    // What the writer that died had begun may be there or not.
    if (std::max(after, chain->last.seq) < to) {
      note(range(std::max(after, chain->last.seq) + 1, to) + of_chain(line.head.chain) +
           " may not have been written: the process that wrote them died");
    }
    if (after <= chain->last.seq) return;
    to = after;
  }
  if (to - chain->last.seq > bad_) chain->gaps.push_back({next, to, place});
}

// A line whose number is not higher than the last one's.
void AuditVerifier::behind(Chain* chain, const AuditLine& line) {
  const AuditPlace place{report_.files.size() - 1, line_};
  const uint64_t seq = line.head.seq;
  for (size_t i = 0; i < chain->gaps.size(); ++i) {
    const Gap gap = chain->gaps[i];
    if (seq < gap.from || seq > gap.to) continue;
    chain->gaps.erase(chain->gaps.begin() + static_cast<ptrdiff_t>(i));
    if (seq > gap.from) chain->gaps.push_back({gap.from, seq - 1, gap.place});
    if (seq < gap.to) chain->gaps.push_back({seq + 1, gap.to, gap.place});
    problem(AuditProblemKind::kMoved, place,
            "moved: " + range(seq, seq) + of_chain(line.head.chain) + " stands behind line " +
                std::to_string(chain->last.seq));
    return;
  }
  problem(AuditProblemKind::kDoubled, place,
          "doubled: " + range(seq, seq) + of_chain(line.head.chain) + " has been there");
}

AuditReport AuditVerifier::finish() {
  settle_suspects(nullptr);
  for (const Chain& chain : chains_) {
    for (const Gap& gap : chain.gaps) {
      problem(AuditProblemKind::kMissing, gap.place,
              "missing in front of it: " + range(gap.from, gap.to) + of_chain(chain.last.chain));
    }
    if (chain.succeeded && !chain.stopped) {
      problem(
          AuditProblemKind::kNotClosed, chain.place,
          "not closed: chain " + audit_chain_text(chain.last.chain) +
              " ends here without a stop line; the server was killed, or lines behind this one are missing");
    }
    report_.chains.push_back({chain.last, chain.first, chain.stopped});
  }
  if (expected_ && !expected_found_) {
    problem(AuditProblemKind::kHead, {report_.files.empty() ? 0 : report_.files.size() - 1, line_},
            "missing: " + range(expected_->seq, expected_->seq) + of_chain(expected_->chain) +
                " with the MAC that was asked for");
  }
  std::stable_sort(
      report_.problems.begin(), report_.problems.end(), [](const AuditProblem& a, const AuditProblem& b) {
        return a.place.file != b.place.file ? a.place.file < b.place.file : a.place.line < b.place.line;
      });
  return std::move(report_);
}

}  // namespace cardscrub
