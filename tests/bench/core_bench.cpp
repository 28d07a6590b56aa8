// `make bench-core`: what the library costs without any server around it. Figures are medians of processor
// time of one thread.
//
//   core_bench               every table: detector, tokens, bodies, linearity, memory
//   core_bench --cases       names of the cases whose instructions can be counted
//   core_bench --once NAME   runs one of them: only measured() is meant to be counted (callgrind
//   --toggle-collect); prints
//                            how many bytes and bodies it went over
//   core_bench --write DIR   writes the bodies that `make bench` sends
#include <malloc.h>
#include <time.h>

#include <cstdio>
#include <functional>

#include "src/pcre2.h"
#include "tests/bench/corpora.h"
#include "tests/rig.h"

namespace cardscrub::bench {

// The functions whose instructions callgrind counts, out of line and with names of their own.
[[gnu::noinline]] size_t measured(const std::function<size_t()>& work) { return work(); }

namespace {

using testing::Rig;

constexpr size_t kMega = size_t{1} << 20;
constexpr size_t kPieces[] = {0, 16384, 1460};  // 0: the whole body at once
constexpr size_t kSizes[] = {1024, 16384, 256 * 1024, 4 * kMega, 64 * kMega};
constexpr double kTooLong = 15;  // seconds that one run may be expected to take

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Seconds that one call of `work` takes: the median of several rounds; `prepare` is called before each and
// not counted.
double seconds_of(const std::function<void()>& prepare, const std::function<size_t()>& work) {
  std::vector<double> rounds;
  double spent = 0;
  while (rounds.size() < 3 || (rounds.size() < 41 && spent < 0.06)) {
    prepare();
    const double begin = cpu_seconds();
    measured(work);
    rounds.push_back(cpu_seconds() - begin);
    spent += rounds.back();
  }
  std::nth_element(rounds.begin(), rounds.begin() + static_cast<ptrdiff_t>(rounds.size() / 2), rounds.end());
  return rounds[rounds.size() / 2];
}

double gb_per_second(size_t bytes, double seconds) { return static_cast<double>(bytes) / seconds / 1e9; }
uint8_t* bytes_of(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

// ---- what is measured

// The whole of a text through the detector. Returns the number of findings.
size_t detect(std::string& text) {
  Worker& worker = Rig::get().worker();
  const Text all{bytes_of(text), text.size(), nullptr, 0};
  const Before before;
  DetectorOptions options;
  options.token_digits = 1u << 9;
  size_t findings = 0;
  for (size_t from = 0; from < text.size();) {
    const Detector::Next next = worker.detector->next(all, from, before, true, options, worker.scratch.get());
    if (next.outcome == Detector::Outcome::kFault) std::abort();
    findings += next.outcome == Detector::Outcome::kFound ? 1 : 0;
    from = next.settled;
  }
  return findings;
}

// The detector's own pattern, alone, by the other engine.
class Reference {
 public:
  Reference() {
    static constexpr char kPattern[] = "[0-9](?:[ -]?[0-9]){11}(?:[^0-9]|$)";
    int error = 0;
    size_t at = 0;
    code_ =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(kPattern), PCRE2_ZERO_TERMINATED, 0, &error, &at, nullptr);
    if (code_ == nullptr || pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE) != 0) std::abort();
    data_ = pcre2_match_data_create(1, nullptr);
  }
  ~Reference() {
    pcre2_match_data_free(data_);
    pcre2_code_free(code_);
  }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  size_t matches(std::string& text) {
    size_t count = 0;
    for (size_t from = 0; from < text.size(); ++count) {
      if (pcre2_jit_match(code_, bytes_of(text), text.size(), from, 0, data_, nullptr) < 0) break;
      from = pcre2_get_ovector_pointer(data_)[1];
    }
    return count;
  }

 private:
  pcre2_code* code_ = nullptr;
  pcre2_match_data* data_ = nullptr;
};

// As many copies of a body as make the clock's steps small, and their way through Body.
class Bodies {
 public:
  Bodies(std::string_view type, const std::string& body, size_t piece)
      : type_(type),
        body_(body),
        piece_(piece == 0 ? body.size() : piece),
        policy_(Rig::get().policy()),
        copies_(std::max<size_t>(1, 256 * 1024 / body.size())) {}

  size_t bytes() const { return body_.size() * copies_; }
  size_t copies() const { return copies_; }
  void refill() {
    arena_.clear();
    arena_.reserve(bytes());
    for (size_t i = 0; i < copies_; ++i) arena_ += body_;
    // A store of its own for every round, large enough for all codes: it must not be what is measured.
    if (findings_ != 0) Rig::get().fresh_store(256 * findings_ + 65536 + std::min(2 * bytes(), 4 * kMega));
  }
  size_t run() {
    findings_ = 0;
    for (size_t i = 0; i < copies_; ++i) findings_ += one(i, {});
    return findings_;
  }
  double seconds() {
    refill();
    run();  // to know how many findings there are
    return seconds_of([this] { refill(); }, [this] { return run(); });
  }
  // The most that a body makes the heap grow, in bytes.
  size_t heap() {
    refill();
    size_t most = 0;
    const size_t begin = mallinfo2().uordblks;
    one(0, [&] { most = std::max(most, static_cast<size_t>(mallinfo2().uordblks)); });
    return most - std::min(most, begin);
  }
  bool refused() const { return refused_; }

 private:
  size_t one(size_t copy, const std::function<void()>& after_push) {
    uint8_t* data = bytes_of(arena_) + copy * body_.size();
    // A card number has at most 900 aliases of three digits, so every copy must be another shop's.
    const std::string_view shop(reinterpret_cast<const char*>(&copy), sizeof copy);
    Verdict verdict;
    Body body(policy_, Rig::get().worker(), verdict, shop);
    if (body.start(type_, {}) != Reason::kNone) std::abort();
    for (size_t at = 0; at < body_.size();) {
      const size_t size = std::min(piece_, body_.size() - at);
      body.push({data + at, size}, at + size == body_.size());
      at += size;
      if (after_push) after_push();
    }
    refused_ = verdict.refused();
    return verdict.findings();
  }

  std::string_view type_;
  const std::string& body_;
  size_t piece_;
  Policy policy_;
  size_t copies_;
  std::string arena_;
  size_t findings_ = 1;
  bool refused_ = false;
};

// ---- tables

void detector_table() {
  Reference reference;
  std::printf(
      "\nDetector, 1 MB texts, GB/s (at least 5 on real JSON, never below 0.5)\n  %-22s %9s %11s %8s %9s\n",
      "", "detector", "PCRE2 (JIT)", "memcpy", "findings");
  for (Corpus& corpus : real_corpora(kMega)) {
    std::string copy(corpus.text.size(), ' ');
    const double detector = seconds_of([] {}, [&] { return detect(corpus.text); });
    const double pcre2 = seconds_of([] {}, [&] { return reference.matches(corpus.text); });
    const double copying =
        seconds_of([] {},
                   [&] {
                     std::memcpy(copy.data(), corpus.text.data(), copy.size());
                     return static_cast<size_t>(static_cast<unsigned char>(copy[copy.size() / 2]));
                   });
    const double speed = gb_per_second(corpus.text.size(), detector);
    const bool real = corpus.name == "JSON, orders" || corpus.name == "JSON, indented";
    std::printf("  %-22.*s %9.2f %11.2f %8.1f %9zu  %s\n", static_cast<int>(corpus.name.size()),
                corpus.name.data(), speed, gb_per_second(corpus.text.size(), pcre2),
                gb_per_second(copy.size(), copying), detect(corpus.text),
                speed >= (real ? 5 : 0.5) ? "pass" : "MISS");
  }
}

void token_table() {
  constexpr size_t kTimes = 20000;
  const Digits pan = testing::digits_of("4111111111111111");
  TokenVault& vault = *Rig::get().worker().vault;
  for (TokenFormat format : {TokenFormat::kLast4, TokenFormat::kFull}) {
    const double seconds = seconds_of([] {},
                                      [&] {
                                        Digits digits;
                                        for (size_t i = 0; i < kTimes; ++i) {
                                          digits = pan;
                                          if (!vault.tokenize(&digits, format, "shop")) std::abort();
                                        }
                                        return digits.size();
                                      });
    const double millions = kTimes / seconds / 1e6;
    std::printf("  %-22s %9.2f M tokens/s %s\n", format == TokenFormat::kLast4 ? "last4" : "full", millions,
                millions >= 3 ? "pass" : "MISS");
  }
}

void body_table() {
  std::printf("\nBodies through their content filter, 1 MB, GB/s\n  %-22s %9s %9s %9s\n", "", "whole",
              "16 KB", "1460 B");
  for (const Corpus& corpus : real_corpora(kMega)) {
    std::printf("  %-22.*s", static_cast<int>(corpus.name.size()), corpus.name.data());
    bool refused = false;
    for (size_t piece : kPieces) {
      Bodies bodies(corpus.content_type, corpus.text, piece);
      std::printf(" %9.2f", gb_per_second(bodies.bytes(), bodies.seconds()));
      refused = refused || bodies.refused();
    }
    std::printf("%s\n", refused ? "  REFUSED" : "");
  }
  std::printf("\nBodies of requests, us each, pieces of 16 KB\n");
  for (const Corpus& corpus : request_bodies()) {
    Bodies bodies(corpus.content_type, corpus.text, 16384);
    const double each = bodies.seconds() / static_cast<double>(bodies.copies()) * 1e6;
    std::printf("  %-22.*s %9.2f us, %zu bytes%s\n", static_cast<int>(corpus.name.size()), corpus.name.data(),
                each, corpus.text.size(), bodies.refused() ? "  REFUSED" : "");
  }
}

// "pass" when the slowest of the larger sizes costs at most three times the cheapest: caches explain that
// much.
const char* flat(double least, double most) { return most <= 3 * least ? "pass" : "MISS"; }

void linearity_table() {
  std::printf(
      "\nLinearity: ns a byte in pieces of 16 KB, by the size of the body; and the most heap at 4 MB\n  "
      "%-20s",
      "");
  for (size_t size : kSizes) std::printf(" %7zu K", size / 1024);
  std::printf("  from 16 K on    heap\n");
  for (const Shape& shape : shapes()) {
    std::printf("  %-20.*s", static_cast<int>(shape.name.size()), shape.name.data());
    double least = 1e9, most = 0, last = 0;
    size_t heap = 0;
    for (size_t size : kSizes) {
      if (last * static_cast<double>(size) * 1e-9 > kTooLong) {
        std::printf("  too long");
        most = 1e9;
        continue;
      }
      const std::string text = shape.make(size);
      Bodies bodies(shape.content_type, text, 16384);
      last = bodies.seconds() / static_cast<double>(bodies.bytes()) * 1e9;
      if (size == 4 * kMega) heap = bodies.heap();
      if (bodies.refused()) {
        std::printf("   refused");
        continue;
      }
      std::printf(" %9.3f", last);
      std::fflush(stdout);
      if (size < 16384) continue;
      least = std::min(least, last);
      most = std::max(most, last);
    }
    if (most == 0) {
      std::printf("                  %5zu K\n", heap / 1024);
    } else {
      std::printf("  %4.1f times %s %5zu K\n", most / least, flat(least, most), heap / 1024);
    }
  }
}

void cards_table() {
  std::printf("\nCards: us a card, whole bodies, by the number of cards in the body\n  %-20s", "");
  constexpr size_t kCounts[] = {1, 10, 100, 1000, 5000, 10000};
  for (size_t count : kCounts) std::printf(" %9zu", count);
  std::printf("\n");
  struct Kind {
    const char* name;
    std::string (*make)(size_t);
    size_t findings;  // a card; the limit is on findings
  };
  for (const Kind& kind : {Kind{"objects, with codes", card_objects, 2}, Kind{"texts", card_texts, 1}}) {
    std::printf("  %-20s", kind.name);
    double least = 1e9, most = 0;
    for (size_t count : kCounts) {
      if (count * kind.findings > limits::kFindings) continue;
      const std::string text = kind.make(count);
      Bodies bodies("application/json", text, 16384);
      const double each = bodies.seconds() / static_cast<double>(bodies.copies() * count) * 1e6;
      std::printf(" %9.3f%s", each, bodies.refused() ? " REFUSED" : "");
      if (count < 10) continue;  // a body has costs of its own
      least = std::min(least, each);
      most = std::max(most, each);
    }
    std::printf("  %4.1f times %s\n", most / least, flat(least, most));
  }
}

// ---- instructions

struct Case {
  std::string name;
  std::string type;  // empty: the detector alone
  std::string text;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Corpus& body : request_bodies()) {
    all.push_back({"body-" + std::string(body.name), std::string(body.content_type), body.text});
  }
  for (const Corpus& corpus : real_corpora(kMega)) {
    std::string name;
    for (char c : corpus.name) {
      if (c != ',') name += c == ' ' ? '-' : c;
    }
    all.push_back({"filter-" + name, std::string(corpus.content_type), corpus.text});
    all.push_back({"detector-" + name, {}, corpus.text});
  }
  return all;
}

int once(std::string_view name) {
  Rig::get();  // its set-up is not counted
  for (Case& one : cases()) {
    if (one.name != name) continue;
    if (one.type.empty()) {
      measured([&] { return detect(one.text); });
      std::printf("%zu 1\n", one.text.size());
    } else {
      Bodies bodies(one.type, one.text, 16384);
      bodies.refill();
      measured([&] { return bodies.run(); });
      std::printf("%zu %zu\n", bodies.bytes(), bodies.copies());
    }
    return 0;
  }
  std::fprintf(stderr, "core_bench: no such case\n");
  return 2;
}

int write_bodies(const std::string& folder) {
  for (const Corpus& body : request_bodies()) {
    const std::string path = folder + "/" + std::string(body.name);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return 1;
    const bool written = std::fwrite(body.text.data(), 1, body.text.size(), file) == body.text.size();
    if (std::fclose(file) != 0 || !written) return 1;
    std::printf("%s\t%s\n", path.c_str(), std::string(body.content_type).c_str());
  }
  return 0;
}

}  // namespace

int run(int count, char** arguments) {
  const std::string_view mode = count > 1 ? arguments[1] : "";
  if (mode == "--cases") {
    for (const Case& one : cases()) std::printf("%s\n", one.name.c_str());
    return 0;
  }
  if (mode == "--once" && count == 3) return once(arguments[2]);
  if (mode == "--write" && count == 3) return write_bodies(arguments[2]);
  if (!mode.empty()) {
    std::fprintf(stderr, "use: core_bench [--cases | --once NAME | --write DIR]\n");
    return 2;
  }
  detector_table();
  std::printf("\nTokens of 16 digits by FF1-AES-256 (at least 3 M/s)\n");
  token_table();
  body_table();
  linearity_table();
  cards_table();
  return 0;
}

}  // namespace cardscrub::bench

int main(int count, char** arguments) { return cardscrub::bench::run(count, arguments); }
