// The bytes of each area as they are, and as UTF-16 and UTF-32 in both byte orders at every alignment.
#include "cli/scan_process.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "cli/process.h"
#include "filters/body.h"

namespace cardscrub::cli {

namespace {

constexpr size_t kPage = 4096;

struct Place {
  pid_t process;
  std::string area;
  uint64_t address;
  Kind kind;
  Brand brand;
  uint64_t length;
  auto key() const { return std::tie(process, address, kind, brand, length); }
  bool operator<(const Place& other) const { return key() < other.key(); }
};

// Memory as characters of `size` bytes; the first begins `phase` bytes into an area.
struct Look {
  size_t size;
  size_t phase;
};
constexpr Look kLooks[] = {{1, 0}, {2, 0}, {2, 1}, {4, 0}, {4, 1}, {4, 2}, {4, 3}};
constexpr size_t kAround = 3;  // bytes beside a character that say whether it is one

// Knows where in the process the bytes of the stream come from.
class Places : public FindingObserver {
 public:
  Places(pid_t process, const Process::Area& area, Look look, std::set<Place>* out)
      : process_(process), area_(area), look_(look), out_(out) {}

  void on_finding(const FindingEvent& event) override {
    if (event.reason != Reason::kNone || (event.kind != Kind::kPan && event.kind != Kind::kTrack)) return;
    const uint64_t address = area_.begin + look_.phase + event.offset * look_.size;
    out_->insert({process_, area_.name, address, event.kind, event.brand, event.length});
  }

 private:
  pid_t process_;
  const Process::Area& area_;
  Look look_;
  std::set<Place>* out_;
};

// The character of `size` bytes at `at`, which has kAround bytes on either side: one byte, the others being
// zero in front of it or behind it; else 0.
uint8_t character(const uint8_t* at, size_t size) {
  size_t before = 0, behind = 0;
  for (size_t i = 1; i < size; ++i) {
    before |= *(at - i);
    behind |= at[i];
  }
  return before == 0 || behind == 0 ? *at : 0;
}

// Returns the number of bytes read. What cannot be read is zeros.
uint64_t scan_area(const Process& process, const Process::Area& area, Look look, Places* places,
                   Engine& engine) {
  Policy policy;
  policy.mode = Mode::kMonitor;
  policy.fields = &engine.fields;
  policy.token_digits = engine.token_digits;
  Verdict verdict;
  Body body(policy, engine.worker, verdict, {}, places);
  if (body.start("text/plain", {}) != Reason::kNone) return 0;
  SecretBuffer memory, text;
  memory.resize(kAround + kPage + kAround);
  uint64_t total = 0;
  for (uint64_t at = area.begin; at < area.end; at += kPage) {
    std::copy_n(memory.data() + kPage, kAround, memory.data());  // the end of the page before
    const MutableBytes ahead = memory.span().subspan(kAround);
    const size_t got = process.read(at, ahead.first(std::min<uint64_t>(ahead.size(), area.end - at)));
    std::fill(ahead.begin() + static_cast<ptrdiff_t>(got), ahead.end(), uint8_t{0});
    total += std::min(got, kPage);
    text.resize(kPage / look.size);
    for (size_t i = 0; i < text.size(); ++i) {
      text.data()[i] = character(ahead.data() + look.phase + i * look.size, look.size);
    }
    body.push(text.span(), at + kPage >= area.end);
    if (verdict.refused()) break;
  }
  return total;
}

bool scan_process(pid_t pid, Engine& engine, std::set<Place>* out) {
  Result<Process> process = Process::open(pid);
  if (!process) {
    std::fprintf(stderr, "cardscrub: %s\n", process.message().c_str());
    return false;
  }
  uint64_t total = 0;
  for (const Process::Area& area : process->areas()) {
    for (const Look& look : kLooks) {
      Places places(pid, area, look, out);
      total += scan_area(*process, area, look, &places, engine);
    }
  }
  if (total == 0) std::fprintf(stderr, "cardscrub: nothing of process %d can be read\n", pid);
  return total != 0;
}

void print(const Place& place, bool as_json) {
  char address[24];
  std::snprintf(address, sizeof(address), "0x%llx", static_cast<unsigned long long>(place.address));
  if (as_json) {
    std::cout << nlohmann::json{{"process", place.process},
                                {"area", place.area},
                                {"address", address},
                                {"length", place.length},
                                {"kind", kind_name(place.kind)},
                                {"brand", brand_name(place.brand)}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << '\n';
  } else {
    std::cout << "process " << place.process << ": " << place.area << ' ' << address << " length "
              << place.length << ' ' << kind_name(place.kind) << ' ' << brand_name(place.brand) << '\n';
  }
}

bool parse_pid(const std::string& text, pid_t* pid) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *pid);
  return error == std::errc() && end == text.data() + text.size() && *pid > 0;
}

}  // namespace

int scan_processes(const std::vector<std::string>& pids, unsigned seconds, bool as_json, Engine& engine) {
  bool good = !pids.empty();
  if (!good) std::fputs("cardscrub scan: --process needs process ids\n", stderr);
  std::set<Place> found;
  auto scan_all = [&](std::set<Place>* out) {
    for (const std::string& text : pids) {
      pid_t pid = 0;
      if (!parse_pid(text, &pid)) {
        std::fputs("cardscrub scan: a process id is a number\n", stderr);
        good = false;
      } else {
        good = scan_process(pid, engine, out) && good;
      }
    }
  };
  scan_all(&found);
  if (seconds != 0 && !found.empty()) {
    sleep(seconds);
    std::set<Place> later;
    scan_all(&later);
    std::erase_if(found, [&](const Place& place) { return !later.contains(place); });
  }
  for (const Place& place : found) print(place, as_json);
  return !good ? 2 : found.empty() ? 0 : 1;
}

}  // namespace cardscrub::cli
