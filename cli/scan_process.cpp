// The bytes of each area as they are, and once more without the zeros among them, as which UTF-16 and UTF-32
// are plain text. Addresses of the second look are those of a page.
#include "cli/scan_process.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
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

// Knows where in the process the bytes of the stream come from.
class Places : public FindingObserver {
 public:
  Places(pid_t process, std::string area, std::set<Place>* out)
      : process_(process), area_(std::move(area)), out_(out) {}
  void page(uint64_t offset, uint64_t address) { pages_.emplace_back(offset, address); }
  void exact(bool exact) { exact_ = exact; }

  void on_finding(const FindingEvent& event) override {
    if (event.reason != Reason::kNone || (event.kind != Kind::kPan && event.kind != Kind::kTrack)) return;
    auto page = std::upper_bound(pages_.begin(), pages_.end(), std::pair{event.offset, ~uint64_t{0}});
    uint64_t address = page == pages_.begin() ? 0 : std::prev(page)->second;
    if (exact_ && address != 0) address += event.offset - std::prev(page)->first;
    out_->insert({process_, area_, address, event.kind, event.brand, event.length});
  }

 private:
  pid_t process_;
  std::string area_;
  std::set<Place>* out_;
  std::vector<std::pair<uint64_t, uint64_t>> pages_;  // offset in the stream, address
  bool exact_ = true;
};

// Returns the number of bytes read.
uint64_t scan_area(const Process& process, const Process::Area& area, bool keep_zeros, Places* places,
                   Engine& engine) {
  Policy policy;
  policy.mode = Mode::kMonitor;
  policy.fields = &engine.fields;
  policy.token_digits = engine.token_digits;
  Verdict verdict;
  Body body(policy, engine.worker, verdict, {}, places);
  if (body.start("text/plain", {}) != Reason::kNone) return 0;
  places->exact(keep_zeros);
  SecretBuffer page(kPage);
  uint64_t offset = 0;
  uint64_t total = 0;
  for (uint64_t at = area.begin; at < area.end; at += kPage) {
    page.resize(kPage);
    size_t got = process.read(at, page.span());
    page.resize(got);
    total += got;
    MutableBytes bytes = page.span();
    if (!keep_zeros) {
      auto end = std::remove(bytes.begin(), bytes.end(), uint8_t{0});
      bytes = bytes.first(static_cast<size_t>(end - bytes.begin()));
    }
    places->page(offset, at);
    offset += bytes.size();
    body.push(bytes, at + kPage >= area.end);
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
    for (bool keep_zeros : {true, false}) {
      Places places(pid, area.name, out);
      total += scan_area(*process, area, keep_zeros, &places, engine);
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
                     .dump()
              << '\n';
  } else {
    std::cout << "process " << place.process << ": " << place.area << ' ' << address << " length "
              << place.length << ' ' << kind_name(place.kind) << ' ' << brand_name(place.brand) << '\n';
  }
}

bool parse_pid(const char* text, pid_t* pid) {
  auto [end, error] = std::from_chars(text, text + std::strlen(text), *pid);
  return error == std::errc() && *end == '\0' && *pid > 0;
}

}  // namespace

int scan_processes(const std::vector<const char*>& pids, unsigned seconds, bool as_json, Engine& engine) {
  bool good = !pids.empty();
  if (!good) std::fputs("cardscrub scan: --process needs process ids\n", stderr);
  std::set<Place> found;
  auto scan_all = [&](std::set<Place>* out) {
    for (const char* text : pids) {
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
