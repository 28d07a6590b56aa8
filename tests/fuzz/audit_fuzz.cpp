// The audit log's verifier: any bytes, in pieces, are a report; the pieces do not show in it; and nothing
// without a right MAC is called good.
#include "src/audit_verify.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace cardscrub;

// A ring of fixed keys: what the corpus was made with.
const KeyRing& ring() {
  static const KeyRing kRing = [] {
    static constexpr std::string_view kJson =
        R"({"keys":[{"kty":"oct","kid":"9","use":"enc","alg":"A256KW","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",)"
        R"("iat":1760000000,"generation":9,"state":"active"}]})";
    auto parsed = KeyRing::parse({reinterpret_cast<const uint8_t*>(kJson.data()), kJson.size()});
    if (!parsed) std::abort();
    return std::move(*parsed);
  }();
  return kRing;
}

AuditReport verify(std::string_view text, size_t piece) {
  std::vector<AuditKey> keys;
  auto key = AuditKey::active(ring());
  if (!key) std::abort();
  keys.push_back(std::move(*key));
  AuditVerifier verifier(std::move(keys));
  // A NUL byte ends a file and begins the next one.
  while (true) {
    const size_t end = std::min(text.find('\0'), text.size());
    verifier.begin_file("f");
    for (size_t at = 0; at < end; at += piece) verifier.push(text.substr(at, std::min(piece, end - at)));
    verifier.end_file();
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  return verifier.finish();
}

uint64_t good_lines(std::string_view text) {
  auto key = AuditKey::active(ring());
  uint64_t good = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find_first_of(std::string_view("\n\0", 2), at);
    if (end == std::string_view::npos) break;
    AuditLine line;
    AuditMac mac;
    if (text[end] == '\n' && parse_audit_line(text.substr(at, end - at), &line) && line.key == key->name() &&
        key->mac(line.covered, &mac) && mac == line.head.mac) {
      ++good;
    }
    at = end + 1;
  }
  return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const AuditReport whole = verify(text, size + 1);
  if (whole.lines != good_lines(text)) std::abort();
  if (whole.problems.size() != std::min<uint64_t>(whole.problem_count, AuditReport::kMost)) std::abort();
  for (size_t piece : {size_t{1}, size_t{7}, size_t{64}}) {
    const AuditReport again = verify(text, piece);
    if (again.lines != whole.lines || again.problem_count != whole.problem_count ||
        again.notes != whole.notes || again.chains.size() != whole.chains.size()) {
      std::abort();
    }
    for (size_t i = 0; i < whole.problems.size(); ++i) {
      if (again.problems[i].message != whole.problems[i].message) std::abort();
    }
  }
  return 0;
}
