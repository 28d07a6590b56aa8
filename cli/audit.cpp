// cardscrub audit verify: is an audit log as it was written?
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/ring.h"
#include "src/audit_verify.h"

namespace cardscrub::cli {

namespace {

constexpr int kIntact = 0, kNotIntact = 1, kNotVerified = 2;

constexpr char kUse[] =
    "use: cardscrub audit verify [--keys F]... [--kek SOURCE]... [--head H] [--syslog] [--quiet] [FILE...]\n"
    "\n"
    "  Files in the order in which they were written: audit.log.2 audit.log.1 audit.log; none, or -: "
    "standard\n"
    "  input. Exit status 0: intact; 1: not intact, each place is named; 2: could not be verified.\n"
    "\n"
    "  --keys    a key ring, /etc/nginx/cardscrub/keys.json unless given; again for each that was in use "
    "before\n"
    "  --kek     where the key-encryption key of wrapped key rings is, as for cardscrub keys\n"
    "  --head    a line that must be there, chain:number:MAC, as the status page and this command show it\n"
    "  --syslog  lines may have something in front of them\n"
    "  --quiet   problems only\n";

int fail(const std::string& message) {
  std::fprintf(stderr, "cardscrub audit: %s\n", message.c_str());
  return kNotVerified;
}

Status add_keys(const std::string& path, const Kek* kek, std::vector<AuditKey>* keys) {
  Result<KeyRing> ring = KeyRing::load(path, kek);
  if (!ring) return Fault{ring.message()};
  for (const KeyRing::Entry& entry : ring->entries()) {
    Result<AuditKey> key = AuditKey::create(*ring, entry);
    if (!key) return Fault{key.message()};
    keys->push_back(std::move(*key));
  }
  return Done{};
}

Status read_all(const std::string& path, AuditVerifier* verifier) {
  const bool standard = path == "-";
  const int fd = standard ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Fault{path + ": " + std::strerror(errno)};
  verifier->begin_file(standard ? "standard input" : path);
  std::vector<char> piece(65536);
  ssize_t got = 0;
  while ((got = read(fd, piece.data(), piece.size())) > 0)
    verifier->push({piece.data(), static_cast<size_t>(got)});
  const int error = errno;
  if (!standard) close(fd);
  if (got < 0) return Fault{path + ": " + std::strerror(error)};
  verifier->end_file();
  return Done{};
}

void print(const AuditReport& report, bool quiet) {
  for (const AuditProblem& problem : report.problems) {
    const std::string file = report.files.empty() ? "-" : report.files[problem.place.file];
    std::printf("%s:%llu: %s\n", file.c_str(), static_cast<unsigned long long>(problem.place.line),
                problem.message.c_str());
  }
  if (report.problem_count > report.problems.size()) {
    std::printf("... and %llu more\n",
                static_cast<unsigned long long>(report.problem_count - report.problems.size()));
  }
  if (quiet) return;
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  for (const AuditReport::Chain& chain : report.chains) {
    std::printf("chain %s: lines %llu to %llu, %s; head %s\n", audit_chain_text(chain.head.chain).c_str(),
                static_cast<unsigned long long>(chain.first), static_cast<unsigned long long>(chain.head.seq),
                chain.closed
                    ? "closed"
                    : "open: what was cut off behind its last line shows in the status page's head only",
                audit_head_text(chain.head).c_str());
  }
  std::printf("%s: %llu good lines, %llu problems\n", report.intact() ? "intact" : "NOT INTACT",
              static_cast<unsigned long long>(report.lines),
              static_cast<unsigned long long>(report.problem_count));
}

}  // namespace

int audit_command(int argc, char** argv) {
  Result<Arguments> arguments =
      Arguments::parse(argc, argv, {"keys", "kek", "head"}, {"help", "syslog", "quiet"});
  if (!arguments) return fail(arguments.message());
  if (arguments->has("help")) {
    std::fputs(kUse, stdout);
    return kIntact;
  }
  std::vector<std::string> files = arguments->operands();
  if (files.empty() || files[0] != "verify") {
    std::fputs(kUse, stderr);
    return kNotVerified;
  }
  files.erase(files.begin());
  if (files.empty()) files.emplace_back("-");
  std::vector<std::string> rings = arguments->values("keys");
  if (rings.empty()) rings.emplace_back(kDefaultKeyFile);

  Result<std::optional<Kek>> kek = open_kek(*arguments);
  if (!kek) return fail(kek.message());
  std::vector<AuditKey> keys;
  for (const std::string& ring : rings) {
    Status added = add_keys(ring, pointer(*kek), &keys);
    if (!added) return fail(added.message());
  }
  AuditVerifier verifier(std::move(keys), arguments->has("syslog"));
  if (arguments->has("head")) {
    AuditHead head;
    if (!parse_audit_head(arguments->value("head", ""), &head))
      return fail("--head is chain:number:MAC, as the status page shows it");
    verifier.expect(head);
  }
  for (const std::string& file : files) {
    Status read = read_all(file, &verifier);
    if (!read) return fail(read.message());
  }
  const AuditReport report = verifier.finish();
  print(report, arguments->has("quiet"));
  if (report.lines == 0 && report.intact()) return fail("no line of an audit log was found");
  return report.intact() ? kIntact : kNotIntact;
}

}  // namespace cardscrub::cli
