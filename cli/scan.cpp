// cardscrub scan: says where card data stands in files, standard input or a batch. Never prints a digit of
// it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/scan_process.h"
#include "filters/body.h"
#include "filters/head.h"

namespace cardscrub::cli {

namespace {

using nlohmann::json;

constexpr size_t kPiece = 65536;

// A file's name may be of any bytes.
std::string text_of(const json& row) { return row.dump(-1, ' ', false, json::error_handler_t::replace); }

constexpr char kUse[] =
    "use: cardscrub scan [--keys F] [--kek SOURCE ...] [--content-type T] [--json] [FILE...]\n"
    "     cardscrub scan --process [--again-after SECONDS] [--keys F] [--kek SOURCE ...] [--json] PID...\n"
    "     cardscrub scan --batch [--keys F] [--kek SOURCE ...]\n"
    "\n"
    "  Says where card data stands in files (none, or -: standard input) or in the memory of processes,\n"
    "  never a digit of it. Exit status 0: nothing found; 1: found; 2: something could not be read.\n"
    "\n"
    "  --keys         a key ring, whose tokens are then told from card numbers as nginx does\n"
    "  --kek          where the key-encryption key of a wrapped key ring is, as for cardscrub keys\n"
    "  --content-type what the files are, such as application/json: fields are known by their names then;\n"
    "                 text/plain unless given\n"
    "  --json         JSON lines, as always when the output is no terminal\n"
    "  --again-after  reads a second time and names only what is still in the same place\n"
    "  --batch        JSON lines in and out:\n"
    "                 {\"id\":any, \"ch\":\"body|url|header|log\", \"ct\":content type, \"b64\":bytes}\n";

// What `cardscrub on;` would do with it.
Action default_action(const FindingEvent& event) {
  if (event.reason != Reason::kNone) return Action::kReject;
  switch (event.kind) {
    case Kind::kPan:
      return Action::kTokenize;
    case Kind::kCode:
      return Action::kAlias;
    case Kind::kTrack:
      return Action::kMask;
    default:
      return Action::kNone;
  }
}

// A value under a card name that does not have the shape of card data is no finding.
bool shapeless(Reason reason) {
  return reason != Reason::kNone && reason != Reason::kPanLuhn && reason != Reason::kPanBrand &&
         reason != Reason::kPanNotAccepted && reason != Reason::kPanWrapped;
}

class Collector : public FindingObserver {
 public:
  void on_finding(const FindingEvent& event) override {
    if (shapeless(event.reason)) return;
    json row{{"offset", event.offset + shift_},
             {"length", event.length},
             {"kind", kind_name(event.kind)},
             {"brand", brand_name(event.brand)},
             {"field", event.field}};
    if (full_) row["action"] = action_name(default_action(event));
    if (event.kind == Kind::kPan || event.kind == Kind::kCode || event.kind == Kind::kTrack) found_ = true;
    rows_.push_back(std::move(row));
  }
  explicit Collector(bool full) : full_(full) {}
  void shift(uint64_t by) { shift_ = by; }
  std::vector<json> take() {
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const json& a, const json& b) { return a["offset"] < b["offset"]; });
    return std::move(rows_);
  }
  bool found() const { return found_; }

 private:
  bool full_;
  bool found_ = false;
  uint64_t shift_ = 0;
  std::vector<json> rows_;
};

Policy monitor_policy(const Engine& engine) {
  Policy policy;
  policy.mode = Mode::kMonitor;
  policy.fields = &engine.fields;
  policy.token_digits = engine.token_digits;
  return policy;
}

// Reads until the end; false with a message on standard error when reading fails, or a limit is reached.
bool scan_descriptor(int fd, const char* name, std::string_view type, Engine& engine, bool as_json,
                     bool* found) {
  Policy policy = monitor_policy(engine);
  Verdict verdict;
  Collector collector(true);
  Body body(policy, engine.worker, verdict, {}, &collector);
  if (Reason why = body.start(type, {}); why != Reason::kNone) {
    std::fprintf(stderr, "cardscrub: %s: %s\n", name, std::string(reason_text(why)).c_str());
    return false;
  }
  SecretBuffer piece(kPiece);
  for (;;) {
    piece.resize(kPiece);
    ssize_t got = read(fd, piece.data(), kPiece);
    if (got < 0) {
      std::fprintf(stderr, "cardscrub: %s: %s\n", name, std::strerror(errno));
      return false;
    }
    body.push(piece.span().first(static_cast<size_t>(got)), got == 0);
    if (got == 0) break;
  }
  *found = *found || collector.found();
  const bool read_all = verdict.unread == Reason::kNone;
  if (!read_all) {
    std::fprintf(stderr, "cardscrub: %s: not all of it could be looked at: %s\n", name,
                 std::string(reason_text(verdict.unread)).c_str());
  }
  for (json& row : collector.take()) {
    if (as_json) {
      if (std::strcmp(name, "-") != 0) row["file"] = name;
      std::cout << text_of(row) << '\n';
    } else {
      std::cout << name << ": offset " << row["offset"] << " length " << row["length"] << ' '
                << row["kind"].get<std::string>() << ' ' << row["brand"].get<std::string>() << " field \""
                << row["field"].get<std::string>() << "\" action " << row["action"].get<std::string>()
                << '\n';
    }
  }
  return read_all;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

bool base64_decode(const std::string& text, SecretBuffer* out) {
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=' || c == '\n' || c == '\r') continue;
    int value = base64_value(c);
    if (value < 0) return false;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      uint8_t byte = static_cast<uint8_t>(bits >> count);
      out->append({&byte, 1});
    }
  }
  return true;
}

// One line of a batch: {"id","ch","ct","b64"}.
json scan_item(const json& item, Engine& engine, bool* found) {
  json answer{{"id", item.value("id", json())}, {"findings", json::array()}};
  SecretBuffer bytes;
  const auto held = item.find("b64");
  if (held == item.end() || !held->is_string() ||
      !base64_decode(held->get_ref<const std::string&>(), &bytes)) {
    answer["error"] = "b64 is missing or is not base64";
    return answer;
  }
  const json channel = item.value("ch", json("body"));
  std::string type =
      item.contains("ct") && item["ct"].is_string() ? item["ct"].get<std::string>() : std::string();
  Policy policy = monitor_policy(engine);
  Verdict verdict;
  Collector collector(false);
  if (channel == "url") {
    scrub_head(HeadPart::kTarget, {}, bytes.span(), policy, engine.worker, verdict, {}, &collector);
  } else if (channel == "header") {
    // "Name: value", or a value alone.
    Bytes all = bytes.span();
    auto colon = std::find(all.begin(), all.end(), uint8_t{':'});
    bool named = colon != all.end() && std::all_of(all.begin(), colon, [](uint8_t c) {
                   return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
                 });
    size_t skip = named ? static_cast<size_t>(colon - all.begin()) + 1 : 0;
    while (named && skip < all.size() && all[skip] == ' ') ++skip;
    SecretBuffer name;
    if (named) name.append(all.first(static_cast<size_t>(colon - all.begin())));
    std::string_view key(reinterpret_cast<const char*>(name.data()), name.size());
    auto is = [&](std::string_view want) {
      return key.size() == want.size() &&
             std::equal(key.begin(), key.end(), want.begin(), [](char a, char b) { return (a | 0x20) == b; });
    };
    HeadPart part = is("cookie") || is("set-cookie")  ? HeadPart::kCookie
                    : is("referer") || is("location") ? HeadPart::kTarget
                                                      : HeadPart::kHeader;
    collector.shift(skip);
    scrub_head(part, key, bytes.span().subspan(skip), policy, engine.worker, verdict, {}, &collector);
  } else if (channel == "log") {
    scrub_head(HeadPart::kHeader, {}, bytes.span(), policy, engine.worker, verdict, {}, &collector);
  } else if (channel == "body") {
    Body body(policy, engine.worker, verdict, {}, &collector);
    if (Reason why = body.start(type, {}); why != Reason::kNone) {
      answer["error"] = reason_name(why);
      return answer;
    }
    body.push(bytes.span(), true);
  } else {
    answer["error"] = "ch is none of body, url, header, log";
    return answer;
  }
  *found = *found || collector.found();
  answer["findings"] = collector.take();
  if (verdict.unread != Reason::kNone) answer["error"] = reason_name(verdict.unread);
  return answer;
}

int scan_batch(Engine& engine) {
  bool found = false;
  bool bad = false;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    json item = json::parse(line, nullptr, false);
    wipe(line.data(), line.size());
    if (!item.is_object()) {
      std::cout << json{{"error", "not a JSON object"}}.dump() << '\n';
      bad = true;
      continue;
    }
    json answer = scan_item(item, engine, &found);
    bad = bad || answer.contains("error");
    if (auto held = item.find("b64"); held != item.end() && held->is_string()) {
      std::string& secret = held->get_ref<std::string&>();
      wipe(secret.data(), secret.size());
    }
    std::cout << answer.dump() << '\n' << std::flush;
  }
  return bad ? 2 : found ? 1 : 0;
}

int scan(int argc, char** argv) {
  Result<Arguments> arguments = Arguments::parse(argc, argv, {"content-type", "keys", "kek", "again-after"},
                                                 {"json", "batch", "process", "help"});
  if (!arguments) {
    std::fprintf(stderr, "cardscrub scan: %s\n", arguments.message().c_str());
    return 2;
  }
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return 0;
  }
  unsigned again_after = 0;  // seconds
  const std::string seconds = arguments->value("again-after", "0");
  const auto [end, error] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), again_after);
  if (error != std::errc() || end != seconds.data() + seconds.size()) {
    std::fputs("cardscrub scan: --again-after needs a number of seconds\n", stderr);
    return 2;
  }
  const std::string type = arguments->value("content-type", "text/plain");
  std::vector<std::string> files = arguments->operands();
  Result<std::unique_ptr<Engine>> engine =
      Engine::create(arguments->value("keys", ""), arguments->values("kek"));
  if (!engine) {
    std::fprintf(stderr, "cardscrub: %s\n", engine.message().c_str());
    return 2;
  }
  std::ios::sync_with_stdio(false);
  if (arguments->has("batch")) return scan_batch(**engine);
  // For a person at a terminal lines of words; for a program JSON.
  const bool as_json = arguments->has("json") || isatty(STDOUT_FILENO) == 0;
  if (arguments->has("process")) return scan_processes(files, again_after, as_json, **engine);
  bool found = false;
  bool good = true;
  if (files.empty()) files.emplace_back("-");
  for (const std::string& name : files) {
    int fd = name == "-" ? STDIN_FILENO : open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      std::fprintf(stderr, "cardscrub: %s: %s\n", name.c_str(), std::strerror(errno));
      good = false;
      continue;
    }
    good = scan_descriptor(fd, name.c_str(), type, **engine, as_json, &found) && good;
    if (fd != STDIN_FILENO) close(fd);
  }
  return !good ? 2 : found ? 1 : 0;
}

}  // namespace

int scan_command(int argc, char** argv) {
  const int status = scan(argc, argv);
  if (std::cout.flush()) return status;
  std::fputs("cardscrub scan: cannot write all that was found\n", stderr);
  return 2;
}

}  // namespace cardscrub::cli
