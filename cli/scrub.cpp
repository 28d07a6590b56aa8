// cardscrub scrub: standard input to standard output with card data replaced: tokens with a key ring, masks
// without. Cleans old logs and dumps.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "filters/body.h"
#include "src/descriptor.h"

namespace cardscrub::cli {

namespace {

constexpr size_t kPiece = 65536;

constexpr char kUse[] =
    "use: cardscrub scrub [--keys F] [--kek SOURCE ...] [--namespace N] [--format last4|full]\n"
    "                     [--content-type T] <old >clean\n"
    "\n"
    "  Card numbers become tokens with a key ring (--keys), masks without; security codes and track data\n"
    "  become masks.\n"
    "  Exit status 0: all is clean; 2: it could not be done: throw the output away.\n"
    "\n"
    "  --kek          where the key-encryption key of a wrapped key ring is, as for cardscrub keys\n"
    "  --namespace, --format\n"
    "                 of the tokens, as cardscrub_namespace and cardscrub_token_format\n"
    "  --content-type what comes in, such as application/json: fields are known by their names then;\n"
    "                 text/plain unless given\n";

int fail(const char* what) {
  std::fprintf(stderr, "cardscrub scrub: %s\n", what);
  return 2;
}

}  // namespace

int scrub_command(int argc, char** argv) {
  Result<Arguments> arguments =
      Arguments::parse(argc, argv, {"content-type", "keys", "kek", "namespace", "format"}, {"help"});
  if (!arguments) return fail(arguments.message().c_str());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return 0;
  }
  if (!arguments->operands().empty())
    return fail("what to clean comes on standard input, not as an argument");
  const std::string type = arguments->value("content-type", "text/plain");
  const std::string keys = arguments->value("keys", "");
  const std::string name_space = arguments->value("namespace", "");
  const std::string format = arguments->value("format", "last4");
  if (format != "last4" && format != "full") return fail("--format must be last4 or full");
  Result<std::unique_ptr<Engine>> engine = Engine::create(keys, arguments->values("kek"));
  if (!engine) return fail(engine.message().c_str());
  Policy policy;
  // Codes cannot be turned back without a server's store, and an invalid number is not worth stopping for.
  policy.mode = Mode::kOn;
  policy.fields = &(*engine)->fields;
  policy.code = policy.invalid = policy.wrapped = Action::kMask;
  policy.max_findings = ~size_t{0};
  if (keys.empty()) {
    policy.pan = policy.sweep = Action::kMask;
  } else {
    policy.token_digits = (*engine)->token_digits;
    policy.token_format = format == "full" ? TokenFormat::kFull : TokenFormat::kLast4;
  }

  Verdict verdict;
  Body body(policy, (*engine)->worker, verdict, name_space);
  if (Reason why = body.start(type, {}); why != Reason::kNone)
    return fail(std::string(reason_text(why)).c_str());
  SecretBuffer piece(kPiece);
  for (bool last = false; !last;) {
    piece.resize(kPiece);
    ssize_t got = read(STDIN_FILENO, piece.data(), kPiece);
    if (got < 0) return fail(std::strerror(errno));
    last = got == 0;
    Body::Output out = body.push(piece.span().first(static_cast<size_t>(got)), last);
    if (verdict.refused()) return fail(std::string(reason_text(verdict.problems().front().reason)).c_str());
    if (!write_fully(STDOUT_FILENO, out.held) || !write_fully(STDOUT_FILENO, out.piece))
      return fail(std::strerror(errno));
  }
  return 0;
}

}  // namespace cardscrub::cli
