// cardscrub keys: the key ring's file, made and kept.
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/ring.h"
#include "cli/token_use.h"
#include "src/base64url.h"
#include "src/check_value.h"
#include "src/descriptor.h"
#include "src/issuer.h"
#include "src/key_file.h"
#include "src/key_ring.h"

namespace cardscrub::cli {
namespace {

constexpr char kUse[] =
    "use: cardscrub keys new|rotate|list|check [--file F] [--kek SOURCE ...] [--brands b,b,...]\n"
    "     cardscrub keys activate <generation> [--file F] [--kek SOURCE ...]\n"
    "     cardscrub keys retire <generation> [--file F] [--kek SOURCE ...]\n"
    "                    --tokens FILE ... --audit FILE ... | --force\n"
    "     cardscrub keys wrap [--from SOURCE ...] --kek SOURCE ... [--file F]\n"
    "     cardscrub keys unwrap --kek SOURCE ... [--file F]\n"
    "     cardscrub keys kek FILE\n"
    "\n"
    "  new      makes a key ring with one key\n"
    "  rotate   adds a key that new tokens are made with; older tokens stay readable, up to three "
    "generations;\n"
    "           a fourth takes the place of the oldest one, under the conditions of retire;\n"
    "           --prepare: the key only reads until it is activated, for several hosts\n"
    "  activate lets new tokens be made with this generation's key\n"
    "  retire   destroys a generation's key: its tokens are never readable again; refuses while the files "
    "still "
    "show\n"
    "           such tokens (--tokens: exports of what is stored; --audit: audit logs), unless forced\n"
    "  list     shows generations, states, dates and check values; never a key\n"
    "  check    says whether nginx would take the file\n"
    "  wrap     encrypts the file with a key-encryption key; --from: it is wrapped with that one so far\n"
    "  unwrap   undoes it\n"
    "  kek      makes a key-encryption key, or one custodian's component of it\n"
    "\n"
    "  --file   /etc/nginx/cardscrub/keys.json unless given\n"
    "  --kek    where the key-encryption key of a wrapped file is: file:/path, credential:NAME (systemd), "
    "env:NAME,\n"
    "           'command:/path arguments' or 'pkcs11:...'; given twice: the two custodians' components\n"
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
    const auto seconds = static_cast<time_t>(entry.created);
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

// Key-encryption keys are compared by their check values, aloud or on paper.
void print(const std::optional<Kek>& kek) {
  if (!kek) return;
  std::printf("wrapped by %s\n", kek->text().c_str());
}

int make(const std::string& path, uint32_t digits, const std::optional<Kek>& kek) {
  const size_t slash = path.rfind('/');
  // The last folder only: a longer path that is missing is rather a typing mistake.
  if (slash != std::string::npos && slash > 0) mkdir(path.substr(0, slash).c_str(), 0700);
  Result<KeyRing> ring = KeyRing::generate(digits, std::time(nullptr));
  if (!ring) return fail(ring.message());
  Status saved = ring->save_new(path, pointer(kek));
  if (!saved) return fail(saved.message());
  std::printf("made %s: keep a copy of it in a safe place; without it no token can be read\n", path.c_str());
  print(kek);
  print(*ring);
  return kDone;
}

int save(const KeyRing& ring, const std::string& path, const std::optional<Kek>& kek, const char* what) {
  Status saved = ring.save(path, pointer(kek));
  if (!saved) return fail(saved.message());
  std::printf("%s %s: copy it to every host, then run: nginx -s reload\n", what, path.c_str());
  print(kek);
  print(ring);
  return kDone;
}

// When new tokens stopped to be made with any other key.
int64_t active_since(const KeyRing& ring) {
  int64_t since = 0;
  for (const KeyRing::Entry& entry : ring.entries()) {
    if (entry.active) since = entry.created;
  }
  return since;
}

// What stands against retiring a generation; empty: nothing.
Result<std::string> objection(const Arguments& arguments, const KeyRing& ring, uint8_t generation) {
  const std::vector<std::string> lists = arguments.values("tokens"), logs = arguments.values("audit");
  const std::string name = "generation " + std::to_string(generation);
  if (lists.empty() && logs.empty()) {
    return "to retire " + name +
           " say what shows that its tokens are gone: --tokens FILE (an export of what is stored; several "
           "times "
           "for several) or --audit FILE (the audit log); or --force";
  }
  TokenUse stored, audited;
  for (const std::string& path : lists) {
    Status read = find_tokens(path, generation, &stored);
    if (!read) return Fault{read.message()};
  }
  for (const std::string& path : logs) {
    Status read = find_audited(path, generation, active_since(ring), &audited);
    if (!read) return Fault{read.message()};
  }
  std::string out;
  if (stored.count != 0) {
    out = "tokens of " + name + " are still stored: " + std::to_string(stored.count) + ", the first at " +
          stored.first + "; run: cardscrub retoken";
  }
  if (!logs.empty() && audited.lines == 0 && audited.unreadable == 0) {
    out += (out.empty() ? "" : "; ") + ("no line of an audit log is there to tell of " + name);
  }
  if (audited.count != 0) {
    out += (out.empty() ? "" : "; ") + ("tokens of " + name + " were used since the active key was made: ") +
           std::to_string(audited.count) + " in the audit log, the first at " + audited.first;
  }
  if (audited.unreadable != 0) {
    out += (out.empty() ? "" : "; ") + ("lines that are torn or of no audit log may have told of " + name) +
           ": " + std::to_string(audited.unreadable) + ", the first at " + audited.first_unreadable + " (" +
           std::to_string(audited.lines) + " others were read" +
           (audited.count == 0 ? " and tell of no use; if that is enough: --force)" : ")");
  }
  return out;
}

int rotate(const Arguments& arguments, const KeyRing& ring, uint32_t digits, const std::string& path,
           const std::optional<Kek>& kek) {
  Result<KeyRing> next = ring.rotate(digits, std::time(nullptr), !arguments.has("prepare"));
  if (!next) return fail(next.message());
  // No digit was free: the oldest key goes, which is to retire it.
  const bool replaces = next->entries().size() == ring.entries().size();
  const uint8_t added = next->entries().back().generation;
  if (replaces && !arguments.has("force")) {
    Result<std::string> against = objection(arguments, ring, added);
    if (!against) return fail(against.message());
    if (!against->empty()) return fail("this would take the place of the oldest key: " + *against);
  }
  const int status = save(*next, path, kek, "rotated");
  if (status == kDone && replaces) {
    std::fprintf(stderr, "the old key of generation %u was replaced: its tokens cannot be read any more\n",
                 static_cast<unsigned>(added));
  }
  return status;
}

int activate(uint8_t generation, const KeyRing& ring, const std::string& path,
             const std::optional<Kek>& kek) {
  Result<KeyRing> next = ring.activate(generation);
  return next ? save(*next, path, kek, "changed") : fail(next.message());
}

int retire(const Arguments& arguments, uint8_t generation, const KeyRing& ring, const std::string& path,
           const std::optional<Kek>& kek) {
  Result<KeyRing> left = ring.retire(generation);
  if (!left) return fail(left.message());
  if (!arguments.has("force")) {
    Result<std::string> against = objection(arguments, ring, generation);
    if (!against) return fail(against.message());
    if (!against->empty()) return fail(*against);
  }
  return save(*left, path, kek, "retired a generation in");
}

int wrap(const Arguments& arguments, const std::string& path) {
  if (!arguments.has("kek"))
    return fail("wrap needs a key-encryption key: --kek SOURCE; run: cardscrub keys kek FILE");
  Result<std::optional<Kek>> from = open_kek(arguments, "from");
  if (!from) return fail(from.message());
  Result<KeyRing> ring = KeyRing::load(path, pointer(*from));
  if (!ring) return fail(ring.message());
  Result<std::optional<Kek>> kek = open_kek(arguments);
  if (!kek) return fail(kek.message());
  Status saved = ring->save(path, pointer(*kek));
  if (!saved) return fail(saved.message());
  std::printf("wrapped %s; write to nginx.conf: cardscrub_kek", path.c_str());
  for (const std::string& word : arguments.values("kek")) std::printf(" \"%s\"", word.c_str());
  std::printf(";\n");
  print(*kek);
  return kDone;
}

int unwrap(const KeyRing& ring, const std::string& path, const std::optional<Kek>& kek) {
  if (!kek) return fail("unwrap needs the key-encryption key: --kek SOURCE");
  Status saved = ring.save(path);
  if (!saved) return fail(saved.message());
  std::printf("unwrapped %s; take cardscrub_kek out of nginx.conf\n", path.c_str());
  return kDone;
}

int make_kek(const std::string& path) {
  SecretBuffer key, text;
  key.resize(KeyBlock::kSize);
  if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    return fail("OpenSSL has no random numbers to make a key of");
  }
  base64url_encode(key.span(), &text);
  constexpr uint8_t kNewline = '\n';
  text.append({&kNewline, 1});
  Status saved = write_key_file(path, text.span(), false, kKekFile);
  if (!saved) return fail(saved.message());
  std::printf("made %s, check value %s\n", path.c_str(), key_check_value(key.span()).c_str());
  return kDone;
}

int check(const KeyRing& ring, uint32_t digits, const std::string& path, const std::optional<Kek>& kek) {
  for (const KeyRing::Entry& entry : ring.entries()) {
    if ((digits >> entry.generation & 1) == 0) {
      return fail(
          "generation " + std::to_string(entry.generation) +
          " starts with a digit of an accepted brand; run: cardscrub keys rotate --brands ..., and retire it "
          "when its tokens are gone");
    }
  }
  std::printf("%s is good: %zu key%s, generation %u is active\n", path.c_str(), ring.entries().size(),
              ring.entries().size() == 1 ? "" : "s", static_cast<unsigned>(ring.active()));
  print(kek);
  return kDone;
}

struct Verb {
  std::string_view name;
  size_t operands;  // with the verb itself
};
constexpr Verb kVerbs[] = {{"new", 1},  {"rotate", 1}, {"retire", 2}, {"list", 1},    {"check", 1},
                           {"wrap", 1}, {"unwrap", 1}, {"kek", 2},    {"activate", 2}};

bool is_verb(const std::vector<std::string>& operands) {
  return std::any_of(std::begin(kVerbs), std::end(kVerbs), [&operands](const Verb& verb) {
    return operands.size() == verb.operands && operands[0] == verb.name;
  });
}

bool changes_ring(std::string_view verb) {
  return verb == "rotate" || verb == "retire" || verb == "activate" || verb == "wrap" || verb == "unwrap";
}

// From reading a ring to writing it: of two that change what they have read at the same time the second would
// write over the first one's key. A folder that cannot be locked (of some network file systems) stands in
// nobody's way.
bool is_taken(const Descriptor& folder) {
  return flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace

int keys_command(int argc, char** argv) {
  Result<Arguments> arguments = Arguments::parse(
      argc, argv, {"file", "brands", "kek", "from", "tokens", "audit"}, {"force", "prepare", "help"});
  if (!arguments) return fail(arguments.message());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return kDone;
  }
  const std::vector<std::string>& operands = arguments->operands();
  if (!is_verb(operands)) {
    std::fputs(kUse, stderr);
    return kFailed;
  }
  const std::string& verb = operands[0];
  const std::string path = arguments->value("file", kDefaultKeyFile);
  Result<uint32_t> digits = allowed_digits(arguments->value("brands", ""));
  if (!digits) return fail(digits.message());
  if (verb == "kek") return make_kek(operands[1]);
  const Descriptor folder(open_key_folder(path));
  if (changes_ring(verb) && is_taken(folder)) {
    return fail("another \"cardscrub keys\" is changing \"" + path +
                "\" or a file beside it; look at what it has done, then run this again");
  }
  if (verb == "wrap") return wrap(*arguments, path);

  Result<std::optional<Kek>> kek = open_kek(*arguments);
  if (!kek) return fail(kek.message());
  if (verb == "new") return make(path, *digits, *kek);
  Result<KeyRing> ring = KeyRing::load(path, pointer(*kek));
  if (!ring) return fail(ring.message());
  if (verb == "rotate") return rotate(*arguments, *ring, *digits, path, *kek);
  if (verb == "retire" || verb == "activate") {
    const std::string& digit = operands[1];
    if (digit.size() != 1 || digit[0] < '0' || digit[0] > '9') return fail("a generation is one digit");
    const auto generation = static_cast<uint8_t>(digit[0] - '0');
    return verb == "retire" ? retire(*arguments, generation, *ring, path, *kek)
                            : activate(generation, *ring, path, *kek);
  }
  if (verb == "unwrap") return unwrap(*ring, path, *kek);
  if (verb == "check") return check(*ring, *digits, path, *kek);
  print(*kek);
  print(*ring);
  return kDone;
}

}  // namespace cardscrub::cli
