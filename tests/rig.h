// A worker with everything a server's worker has, and a body run through it in pieces of any size.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "filters/body.h"
#include "tests/blocks.h"

namespace cardscrub::testing {

class NoLock : public StoreLock {
 public:
  void lock() override {}
  void unlock() override {}
};

// Compiled once a test program.
class Rig {
 public:
  static Rig& get() {
    static Rig rig;
    return rig;
  }

  Policy policy() const {
    Policy policy;
    policy.mode = Mode::kOn;
    policy.fields = &*fields_;
    policy.token_digits = ring_->generation_digits();
    return policy;
  }

  Worker& worker() { return worker_; }
  const FieldNames& fields() const { return *fields_; }
  // An empty code store, with `size` bytes.
  void fresh_store(size_t size = 65536) {
    store_.assign(size / 64 + 1, {});
    code_store_format(store_.data(), size);
    Result<CodeStore> codes = CodeStore::open(*ring_, store_.data(), size, &lock_);
    if (!codes) std::abort();
    worker_.codes.emplace(std::move(*codes));
  }

  // The PAN's token as text, under a namespace.
  std::string token(std::string_view pan, std::string_view name_space = {}) {
    Digits digits = digits_of(pan);
    if (!worker_.vault->tokenize(&digits, TokenFormat::kLast4, name_space)) std::abort();
    return text_of(digits);
  }

 private:
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  Rig() {
    Result<Detector> detector = Detector::compile();
    if (!detector) std::abort();
    detector_.emplace(std::move(*detector));
    Result<FieldNames> fields = FieldNames::compile({});
    if (!fields) std::abort();
    fields_.emplace(std::move(*fields));
    // A fixed key, so that what a fuzzer finds can be found again.
    constexpr std::string_view kRing =
        R"({"keys":[{"kty":"oct","kid":"9","use":"enc","alg":"A256KW","generation":9,"state":"active",)"
        R"("iat":1760000000,"k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]})";
    Result<KeyRing> ring = KeyRing::parse({reinterpret_cast<const uint8_t*>(kRing.data()), kRing.size()});
    if (!ring) std::abort();
    ring_.emplace(std::move(*ring));
    Result<TokenVault> vault = TokenVault::create(*ring_);
    Result<HsScratch> scratch = detector_->make_scratch();
    if (!vault || !scratch) std::abort();
    worker_.detector = &*detector_;
    worker_.scratch = std::move(*scratch);
    worker_.vault.emplace(std::move(*vault));
    worker_.now = 1790000000;  // 2026-09-21
    fresh_store();
  }

  std::optional<Detector> detector_;
  std::optional<FieldNames> fields_;
  std::optional<KeyRing> ring_;
  std::vector<Line> store_;
  NoLock lock_;
  Worker worker_;
};

struct Run {
  std::string out;
  Verdict verdict;
  std::vector<std::string> events;  // "pan visa tokenize 12+16 card.number"
  size_t largest_held = 0;
};

class EventLog : public FindingObserver {
 public:
  explicit EventLog(std::vector<std::string>* events) : events_(events) {}
  void on_finding(const FindingEvent& event) override {
    std::string line(kind_name(event.kind));
    line += ' ';
    line += brand_name(event.brand);
    line += ' ';
    line += action_name(event.action);
    if (event.reason != Reason::kNone) {
      line += ' ';
      line += reason_name(event.reason);
    }
    line += ' ' + std::to_string(event.offset) + '+' + std::to_string(event.length) + ' ';
    line += event.field;
    events_->push_back(std::move(line));
  }

 private:
  std::vector<std::string>* events_;
};

// What else there is about a body.
struct Wire {
  bool separate_end = false;  // the last push is empty
  bool gathered = false;
  std::string_view name_space{};
  std::string_view encoding{};
  CodeErrands* errands = nullptr;
};

// next_piece() says how long each piece is (0: the rest). Pieces lie in heap blocks of exactly their size.
template <typename NextPiece>
Run run_pieces(const Policy& policy, std::string_view type, std::string_view in, NextPiece&& next_piece,
               const Wire& wire = {}) {
  Run run;
  EventLog log(&run.events);
  Body body(policy, Rig::get().worker(), run.verdict, wire.name_space, &log, wire.errands);
  if (body.start(type, wire.encoding) != Reason::kNone) return run;
  if (wire.gathered) body.gather();
  size_t at = 0;
  bool last = false;
  while (!last) {
    const size_t piece = next_piece();
    const size_t n = piece == 0 ? in.size() - at : std::min(piece, in.size() - at);
    auto block = exact_block(in.substr(at, n));
    at += n;
    last = wire.separate_end ? n == 0 : at == in.size();
    Body::Output out{{}, {}, true};
    for (MutableBytes pushed{block.get(), n}; out.more; pushed = {}) {
      out = body.push(pushed, last);
      run.out.append(out.held.begin(), out.held.end());
      run.out.append(out.piece.begin(), out.piece.end());
    }
    if (!body.inflates()) run.largest_held = std::max(run.largest_held, at - run.out.size());
  }
  return run;
}

// Pieces of `chunk` bytes (0: the whole).
inline Run run_body(const Policy& policy, std::string_view type, std::string_view in, size_t chunk,
                    const Wire& wire = {}) {
  return run_pieces(
      policy, type, in, [=] { return chunk; }, wire);
}

}  // namespace cardscrub::testing
