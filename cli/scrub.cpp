// cardscrub scrub: standard input to standard output with card data replaced: tokens with a key ring, masks
// without. Cleans old logs and dumps.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine.h"
#include "filters/body.h"
#include "src/descriptor.h"

namespace cardscrub::cli {

namespace {

constexpr size_t kPiece = 65536;

int fail(const char* what) {
  std::fprintf(stderr, "cardscrub scrub: %s\n", what);
  return 2;
}

}  // namespace

int scrub_command(int argc, char** argv) {
  std::string_view type = "text/plain";
  std::string keys;
  std::vector<std::string> kek;
  std::string name_space;
  Policy policy;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--content-type" && i + 1 < argc) {
      type = argv[++i];
    } else if (word == "--keys" && i + 1 < argc) {
      keys = argv[++i];
    } else if (word == "--kek" && i + 1 < argc) {
      kek.emplace_back(argv[++i]);
    } else if (word == "--namespace" && i + 1 < argc) {
      name_space = argv[++i];
    } else if (word == "--format" && i + 1 < argc) {
      std::string_view format = argv[++i];
      if (format != "last4" && format != "full") return fail("--format is last4 or full");
      policy.token_format = format == "full" ? TokenFormat::kFull : TokenFormat::kLast4;
    } else {
      // Not the argument itself: what somebody typed may be a card number.
      std::fprintf(stderr, "cardscrub scrub: argument %d is no option of this command\n", i);
      return 2;
    }
  }
  Result<std::unique_ptr<Engine>> engine = Engine::create(keys, kek);
  if (!engine) return fail(engine.message().c_str());
  // Codes cannot be turned back without a server's store, and an invalid number is not worth stopping for.
  policy.mode = Mode::kOn;
  policy.fields = &(*engine)->fields;
  policy.code = policy.invalid = policy.wrapped = Action::kMask;
  policy.max_findings = ~size_t{0};
  if (keys.empty()) {
    policy.pan = policy.sweep = Action::kMask;
  } else {
    policy.token_digits = (*engine)->token_digits;
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
