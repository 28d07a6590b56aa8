// cardscrub token, cardscrub untoken: numbers on standard input, one a line, converted with the key ring.
//
// Spaces and hyphens stay where they are. A line that cannot be converted becomes an empty line, so that line
// n of the output belongs to line n of the input; the reason goes to standard error, without a digit of the
// line.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/ring.h"
#include "src/issuer.h"
#include "src/limits.h"
#include "src/text.h"
#include "src/token.h"

namespace cardscrub::cli {
namespace {

constexpr char kUse[] =
    "use: cardscrub token|untoken [--keys F] [--kek SOURCE ...] [--format last4|full] [--namespace N] "
    "<numbers "
    ">converted\n";

enum class Direction : uint8_t { kToken, kUntoken };

struct Job {
  Direction direction;
  TokenFormat format;
  std::string name_space;
};

// Why the line cannot be converted; nullptr: it was, in place.
const char* convert(TokenVault* vault, const Job& job, MutableBytes line) {
  Digits digits;
  const size_t end = !line.empty() && line.back() == '\r' ? line.size() - 1 : line.size();
  for (size_t i = 0; i < end; i++) {
    if (line[i] == ' ' || line[i] == '-') continue;
    if (!is_digit(line[i])) return "something else than digits, spaces and hyphens";
    if (!digits.push(static_cast<uint8_t>(line[i] - '0'))) return "more than 19 digits";
  }
  if (digits.empty()) return "no number";
  if (digits.size() < limits::kPanMin) return "less than 12 digits";
  if (digits.size() > limits::kPanMax) return "more than 19 digits";
  if (job.direction == Direction::kToken) {
    if (vault->is_token(digits)) return "starts with the digit of a key generation: a token already";
    if (!luhn_valid(digits.span())) return "the check digit is wrong";
    if (!vault->tokenize(&digits, job.format, job.name_space)) return "the encryption failed";
  } else {
    if (!vault->is_token(digits)) return "not a token of this key ring";
    if (!vault->detokenize(&digits, job.format, job.name_space)) return "the decryption failed";
  }
  size_t next = 0;
  for (size_t i = 0; i < end; i++) {
    if (is_digit(line[i])) line[i] = static_cast<uint8_t>('0' + digits[next++]);
  }
  return nullptr;
}

int run(const char* name, Direction direction, int argc, char** argv) {
  const auto fail = [name](const std::string& message) {
    std::fprintf(stderr, "cardscrub %s: %s\n", name, message.c_str());
    return kFailed;
  };
  Result<Arguments> arguments =
      Arguments::parse(argc, argv, {"keys", "kek", "format", "namespace"}, {"help"});
  if (!arguments) return fail(arguments.message());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return kDone;
  }
  if (!arguments->operands().empty()) return fail("numbers come on standard input, never as arguments");
  const std::string format = arguments->value("format", "last4");
  if (format != "last4" && format != "full") return fail("--format must be last4 or full");
  const Job job{direction, format == "full" ? TokenFormat::kFull : TokenFormat::kLast4,
                arguments->value("namespace", "")};
  Result<std::optional<Kek>> kek = open_kek(*arguments);
  if (!kek) return fail(kek.message());
  Result<KeyRing> ring = KeyRing::load(arguments->value("keys", kDefaultKeyFile), pointer(*kek));
  if (!ring) return fail(ring.message());
  Result<TokenVault> vault = TokenVault::create(*ring);
  if (!vault) return fail(vault.message());

  LineReader reader(STDIN_FILENO);
  LineWriter writer(STDOUT_FILENO);
  int status = kDone;
  MutableBytes line;
  for (size_t number = 1;; number++) {
    const LineReader::Got got = reader.next(&line);
    if (got == LineReader::Got::kEnd) break;
    if (got == LineReader::Got::kError)
      return fail(std::string("cannot read standard input: ") + std::strerror(errno));
    const char* reason =
        got == LineReader::Got::kTooLong ? "the line is too long" : convert(&*vault, job, line);
    if (reason != nullptr) {
      std::fprintf(stderr, "cardscrub %s: line %zu: %s\n", name, number, reason);
      status = kPartly;
    }
    if (!writer.line(reason == nullptr ? Bytes(line) : Bytes())) {
      return fail(std::string("cannot write: ") + std::strerror(errno));
    }
  }
  if (!writer.flush()) return fail(std::string("cannot write: ") + std::strerror(errno));
  return status;
}

}  // namespace

int token_command(int argc, char** argv) { return run("token", Direction::kToken, argc, argv); }
int untoken_command(int argc, char** argv) { return run("untoken", Direction::kUntoken, argc, argv); }

}  // namespace cardscrub::cli
