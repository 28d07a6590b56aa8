// cardscrub retoken: tokens on standard input, one a line or in columns of a CSV file, into ones of the
// active generation. Card numbers exist only in wiped memory on the way. What is no token passes untouched,
// is counted, and is reported on standard error by its place, without a digit.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/csv_column.h"
#include "cli/lines.h"
#include "cli/ring.h"
#include "src/descriptor.h"
#include "src/issuer.h"
#include "src/text.h"
#include "src/token.h"

namespace cardscrub::cli {
namespace {

constexpr char kUse[] =
    "use: cardscrub retoken [--keys F] [--kek SOURCE ...] [--namespace N] [--format last4|full]\n"
    "                       [--column NAME|N ... [--header] [--separator C]] <tokens >new-tokens\n"
    "\n"
    "  one token a line; with --column: CSV, tokens in the columns of these names (first row) or numbers "
    "(from "
    "1)\n"
    "  --header     with numbers only: the first row is no data\n"
    "  --separator  , unless given; ; or tab\n"
    "\n"
    "Exit status: 0 every token is of the active generation now; 2 some lines or cells hold something else "
    "and "
    "were\n"
    "left as they are; 1 it could not be done: throw the output away.\n";

constexpr size_t kBlock = 65536;
constexpr uint64_t kReports = 20;  // places that are named; all are counted

struct Job {
  TokenFormat format;
  std::string name_space;
};

// What became of one text.
enum class Retoken : uint8_t {
  kTurned,
  kActive,   // a token of the active generation already
  kEmpty,    // nothing, or blanks only
  kNoToken,  // something else; untouched
  kNoCard,   // has the shape of a token, but no card number of a known brand comes out; untouched
  kFailed,   // the engine failed; untouched
};

// Counts what became of texts, and tells of those that are no tokens.
class Report {
 public:
  void add(Retoken what, const std::string& place) {
    counts_[static_cast<size_t>(what)]++;
    const char* words = what == Retoken::kNoToken ? "no token of this key ring"
                        : what == Retoken::kNoCard
                            ? "no card number comes out: another --namespace or --format?"
                            : nullptr;
    if (words == nullptr || reported_++ >= kReports) return;
    std::fprintf(stderr, "cardscrub retoken: %s: %s\n", place.c_str(), words);
  }
  bool failed() const { return count(Retoken::kFailed) != 0; }
  int finish(uint8_t active) const {
    if (reported_ > kReports) {
      std::fprintf(stderr, "cardscrub retoken: and %llu more\n",
                   static_cast<unsigned long long>(reported_ - kReports));
    }
    std::fprintf(stderr,
                 "cardscrub retoken: %llu turned, %llu of generation %u already, %llu left as they are\n",
                 count(Retoken::kTurned), count(Retoken::kActive), static_cast<unsigned>(active),
                 count(Retoken::kNoToken) + count(Retoken::kNoCard));
    return reported_ == 0 ? kDone : kPartly;
  }

 private:
  unsigned long long count(Retoken what) const { return counts_[static_cast<size_t>(what)]; }
  std::array<unsigned long long, 6> counts_{};
  uint64_t reported_ = 0;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "cardscrub retoken: %s\n", message.c_str());
  return kFailed;
}

int fail_io(const char* what) { return fail(std::string(what) + ": " + std::strerror(errno)); }

bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

// `text`: a token as it stands in a list: digits, single spaces or hyphens between, blanks around it.
Retoken retoken(TokenVault* vault, uint8_t active, const Job& job, MutableBytes text) {
  while (!text.empty() && is_blank(text.front())) text = text.subspan(1);
  while (!text.empty() && is_blank(text.back())) text = text.first(text.size() - 1);
  if (text.empty()) return Retoken::kEmpty;
  Digits token;
  bool after_digit = false;
  for (uint8_t c : text) {
    const bool digit = is_digit(c);
    if (!digit && !(after_digit && (c == ' ' || c == '-'))) return Retoken::kNoToken;
    if (digit && !token.push(static_cast<uint8_t>(c - '0'))) return Retoken::kNoToken;
    after_digit = digit;
  }
  if (!after_digit || !vault->is_token(token)) return Retoken::kNoToken;
  if (token[0] == active) return Retoken::kActive;
  if (!vault->detokenize(&token, job.format, job.name_space)) return Retoken::kFailed;
  const IssuerRange* issuer = find_issuer(token.span());
  if (issuer == nullptr || (issuer->lengths >> token.size() & 1) == 0) return Retoken::kNoCard;
  if (!vault->tokenize(&token, job.format, job.name_space)) return Retoken::kFailed;
  size_t next = 0;
  for (uint8_t& c : text) {
    if (is_digit(c)) c = static_cast<uint8_t>('0' + token[next++]);
  }
  return Retoken::kTurned;
}

Result<CsvColumns::Choice> choice_of(const Arguments& arguments) {
  CsvColumns::Choice choice;
  choice.header = arguments.has("header");
  for (const std::string& column : arguments.values("column")) {
    size_t number = 0;
    const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), number);
    if (error == std::errc() && end == column.data() + column.size()) {
      if (number == 0) return Fault{"columns are counted from 1"};
      choice.numbers.push_back(number);
    } else {
      choice.names.push_back(column);
    }
  }
  const std::string separator = arguments.value("separator", ",");
  if (separator != "," && separator != ";" && separator != "tab" && separator != "\t") {
    return Fault{"--separator must be , or ; or tab"};
  }
  choice.separator = separator == "tab" ? '\t' : static_cast<uint8_t>(separator[0]);
  return choice;
}

int run_lines(TokenVault* vault, uint8_t active, const Job& job) {
  LineReader reader(STDIN_FILENO);
  LineWriter writer(STDOUT_FILENO);
  Report report;
  MutableBytes line;
  for (uint64_t number = 1;; number++) {
    const LineReader::Got got = reader.next(&line);
    if (got == LineReader::Got::kEnd) break;
    if (got == LineReader::Got::kError) return fail_io("cannot read standard input");
    if (got == LineReader::Got::kTooLong) return fail("line " + std::to_string(number) + " is too long");
    const size_t end = !line.empty() && line.back() == '\r' ? line.size() - 1 : line.size();
    report.add(retoken(vault, active, job, line.first(end)), "line " + std::to_string(number));
    if (report.failed()) return fail("the encryption failed");
    if (!writer.line(line, reader.terminated())) return fail_io("cannot write");
  }
  if (!writer.flush()) return fail_io("cannot write");
  return report.finish(active);
}

int run_csv(TokenVault* vault, uint8_t active, const Job& job, CsvColumns::Choice choice) {
  Report report;
  CsvColumns columns(std::move(choice), [&](const CsvColumns::Cell& cell) {
    report.add(cell.readable ? retoken(vault, active, job, cell.text) : Retoken::kNoToken,
               "row " + std::to_string(cell.row) + ", column " + std::to_string(cell.column));
  });
  SecretBuffer block;
  block.resize(kBlock);
  for (bool last = false; !last;) {
    const ssize_t got = read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_io("cannot read standard input");
    last = got == 0;
    Status pushed = columns.push(block.span().first(static_cast<size_t>(got)), last);
    if (!pushed) return fail(pushed.message());
    if (report.failed()) return fail("the encryption failed");
    if (!write_fully(STDOUT_FILENO, columns.output())) return fail_io("cannot write");
    columns.drop_output();
  }
  return report.finish(active);
}

}  // namespace

int retoken_command(int argc, char** argv) {
  Result<Arguments> arguments = Arguments::parse(
      argc, argv, {"keys", "kek", "namespace", "format", "column", "separator"}, {"header", "help"});
  if (!arguments) return fail(arguments.message());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return kDone;
  }
  if (!arguments->operands().empty()) return fail("tokens come on standard input, never as arguments");
  const bool csv = arguments->has("column");
  if (!csv && (arguments->has("header") || arguments->has("separator"))) {
    return fail("--header and --separator are for CSV: name a --column");
  }
  const std::string format = arguments->value("format", "last4");
  if (format != "last4" && format != "full") return fail("--format must be last4 or full");
  Result<CsvColumns::Choice> choice = choice_of(*arguments);
  if (!choice) return fail(choice.message());

  Result<std::optional<Kek>> kek = open_kek(*arguments);
  if (!kek) return fail(kek.message());
  Result<KeyRing> ring = KeyRing::load(arguments->value("keys", kDefaultKeyFile), pointer(*kek));
  if (!ring) return fail(ring.message());
  Result<TokenVault> vault = TokenVault::create(*ring);
  if (!vault) return fail(vault.message());
  const Job job{format == "full" ? TokenFormat::kFull : TokenFormat::kLast4,
                arguments->value("namespace", "")};
  return csv ? run_csv(&*vault, ring->active(), job, std::move(*choice))
             : run_lines(&*vault, ring->active(), job);
}

}  // namespace cardscrub::cli
