// cardscrub: the command line tool. Which command, and what all of them have in common.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <new>
#include <string_view>

#include "cli/commands.h"

namespace {

using namespace cardscrub::cli;

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* use;
};

constexpr Command kCommands[] = {
    {"keys", keys_command, "make, rotate, retire, wrap, list and check the keys of tokens"},
    {"token", token_command, "card numbers on standard input, one a line, to tokens"},
    {"untoken", untoken_command, "tokens on standard input, one a line, to card numbers"},
    {"retoken", retoken_command,
     "tokens of older keys, one a line or in CSV columns, to ones of the newest key"},
    {"scan", scan_command, "find card data in files, or in the memory of processes"},
    {"scrub", scrub_command, "take card data out of files"},
    {"audit", audit_command, "verify an audit log"},
    {"ff1", ff1_command, "FF1 for test vectors: JSON lines in and out"},
};

int usage(std::FILE* to, int status) {
  std::fputs("use: cardscrub <command> [options]\n\n", to);
  for (const Command& command : kCommands) std::fprintf(to, "  %-8s %s\n", command.name, command.use);
  std::fputs("\nCard numbers are read from standard input, never from arguments.\n", to);
  return status;
}

// Card numbers and keys pass through: no core dump may keep them.
void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__)  // the leak checker traces its own process
  prctl(PR_SET_DUMPABLE, 0);        // a core handler that is a pipe does not ask for RLIMIT_CORE
#endif
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  if (argc < 2) return usage(stderr, kFailed);
  const std::string_view name = argv[1];
  if (name == "help" || name == "--help" || name == "-h") return usage(stdout, kDone);
  if (name == "version" || name == "--version") {
    std::printf("cardscrub %s\n", kVersion);
    return kDone;
  }
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    try {
      return command.run(argc - 1, argv + 1);
    } catch (const std::bad_alloc&) {
      std::fputs("cardscrub: out of memory\n", stderr);
      return kFailed;
    }
  }
  std::fputs("cardscrub: no such command\n", stderr);
  return usage(stderr, kFailed);
}
