// cardscrub keys: the key ring's file, made and kept.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "src/issuer.h"
#include "src/key_ring.h"

namespace cardscrub::cli {
namespace {

constexpr char kUse[] =
    "use: cardscrub keys new|rotate|list|check [--file F] [--brands b,b,...]\n"
    "     cardscrub keys retire <generation> [--file F]\n"
    "\n"
    "  new      makes a key ring with one key\n"
    "  rotate   adds a key that new tokens are made with; older tokens stay readable, up to three "
    "generations\n"
    "  retire   removes a generation: its tokens are never readable again\n"
    "  list     shows generations, states, dates and check values; never a key\n"
    "  check    says whether nginx would take the file\n"
    "\n"
    "  --file   /etc/nginx/cardscrub/keys.json unless given\n"
    "  --brands what the server accepts (cardscrub_brands): tokens then do not start with a digit of "
    "theirs\n";

int fail(const std::string& message) {
  std::fprintf(stderr, "cardscrub keys: %s\n", message.c_str());
  return kFailed;
}

// The digits that no accepted brand starts with; without a list all that the key ring knows.
Result<uint32_t> allowed_digits(const std::string& brands) {
  uint32_t accepted = 0;
  for (size_t at = 0; at < brands.size();) {
    const size_t comma = std::min(brands.find(',', at), brands.size());
    Brand brand = Brand::kUnknown;
    if (!brand_from_name(std::string_view(brands).substr(at, comma - at), &brand)) {
      return Fault{"\"" + brands.substr(at, comma - at) + "\" is no brand"};
    }
    accepted |= 1u << static_cast<unsigned>(brand);
    at = comma + 1;
  }
  uint32_t digits = 0;
  for (uint8_t digit : KeyRing::kGenerations) {
    if ((brands_starting_with(digit) & accepted) == 0) digits |= 1u << digit;
  }
  return digits;
}

void print(const KeyRing& ring) {
  std::printf("generation  state   created (UTC)         check value\n");
  for (const KeyRing::Entry& entry : ring.entries()) {
    const time_t seconds = static_cast<time_t>(entry.created);
    std::tm when{};
    std::array<char, 32> created{};
    if (gmtime_r(&seconds, &when) == nullptr ||
        std::strftime(created.data(), created.size(), "%Y-%m-%dT%H:%M:%SZ", &when) == 0) {
      created = {'?'};
    }
    std::printf("%-10u  %-6s  %-20s  %s\n", static_cast<unsigned>(entry.generation),
                entry.active ? "active" : "live", created.data(), entry.check_value.c_str());
  }
}

int make(const std::string& path, uint32_t digits) {
  const size_t slash = path.rfind('/');
  // The last folder only: a longer path that is missing is rather a typing mistake.
  if (slash != std::string::npos && slash > 0) mkdir(path.substr(0, slash).c_str(), 0700);
  Result<KeyRing> ring = KeyRing::generate(digits, std::time(nullptr));
  if (!ring) return fail(ring.message());
  Status saved = ring->save_new(path);
  if (!saved) return fail(saved.message());
  std::printf("made %s: keep a copy of it in a safe place; without it no token can be read\n", path.c_str());
  print(*ring);
  return kDone;
}

int change(Result<KeyRing> ring, const std::string& path, const char* what) {
  if (!ring) return fail(ring.message());
  Status saved = ring->save(path);
  if (!saved) return fail(saved.message());
  std::printf("%s %s: copy it to every host, then run: nginx -s reload\n", what, path.c_str());
  print(*ring);
  return kDone;
}

int rotate(const KeyRing& ring, uint32_t digits, const std::string& path) {
  Result<KeyRing> next = ring.rotate(digits, std::time(nullptr));
  std::string replaced;
  if (next && next->entries().size() == ring.entries().size()) {  // no digit was free: the oldest key is gone
    replaced = "the old key of generation " + std::to_string(next->active()) +
               " was replaced: its tokens cannot be read any more\n";
  }
  const int status = change(std::move(next), path, "rotated");
  if (status == kDone) std::fputs(replaced.c_str(), stderr);
  return status;
}

}  // namespace

int keys_command(int argc, char** argv) {
  Result<Arguments> arguments = Arguments::parse(argc, argv, {"file", "brands"}, {"help"});
  if (!arguments) return fail(arguments.message());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return kDone;
  }
  const std::vector<std::string>& operands = arguments->operands();
  const std::string verb = operands.empty() ? "" : operands[0];
  if (operands.size() != (verb == "retire" ? 2u : 1u)) {
    std::fputs(kUse, stderr);
    return kFailed;
  }
  const std::string path = arguments->value("file", kDefaultKeyFile);
  Result<uint32_t> digits = allowed_digits(arguments->value("brands", ""));
  if (!digits) return fail(digits.message());
  if (verb == "new") return make(path, *digits);
  if (verb != "rotate" && verb != "retire" && verb != "list" && verb != "check") {
    std::fputs(kUse, stderr);
    return kFailed;
  }

  Result<KeyRing> ring = KeyRing::load(path);
  if (!ring) return fail(ring.message());
  if (verb == "rotate") return rotate(*ring, *digits, path);
  if (verb == "retire") {
    const std::string& generation = operands[1];
    if (generation.size() != 1 || generation[0] < '0' || generation[0] > '9')
      return fail("a generation is one digit");
    return change(ring->retire(static_cast<uint8_t>(generation[0] - '0')), path, "changed");
  }
  if (verb == "list") {
    print(*ring);
    return kDone;
  }
  for (const KeyRing::Entry& entry : ring->entries()) {
    if ((*digits >> entry.generation & 1) == 0) {
      return fail(
          "generation " + std::to_string(entry.generation) +
          " starts with a digit of an accepted brand; run: cardscrub keys rotate --brands ..., and retire it "
          "when its tokens are gone");
    }
  }
  std::printf("%s is good: %zu key%s, generation %u is active\n", path.c_str(), ring->entries().size(),
              ring->entries().size() == 1 ? "" : "s", static_cast<unsigned>(ring->active()));
  return kDone;
}

}  // namespace cardscrub::cli
