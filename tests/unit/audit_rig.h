// A key ring of fixed keys, and audit logs made with it.
#pragma once

#include <string>
#include <vector>

#include "src/audit_chain.h"

namespace cardscrub::testing {

inline KeyRing fixed_ring(std::string_view key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                          int generation = 9) {
  const std::string json = R"({"keys":[{"kty":"oct","kid":")" + std::to_string(generation) +
                           R"(","use":"enc","alg":"A256KW","k":")" + std::string(key) +
                           R"(","iat":1760000000,"generation":)" + std::to_string(generation) +
                           R"(,"state":"active"}]})";
  Result<KeyRing> ring = KeyRing::parse({reinterpret_cast<const uint8_t*>(json.data()), json.size()});
  return std::move(*ring);
}

inline AuditKey fixed_key() {
  Result<AuditKey> key = AuditKey::active(fixed_ring());
  return std::move(*key);
}

inline std::string event(std::string_view name, std::string_view more = "") {
  return R"("time":"2026-11-26T13:44:16.123456Z","event":")" + std::string(name) + '"' + std::string(more);
}

// Writes a chain, a line at a time.
class ChainWriter {
 public:
  explicit ChainWriter(uint64_t chain = 0x0123456789abcdef, AuditKey key = fixed_key())
      : key_(std::move(key)) {
    head.chain = chain;
  }
  // The line with its line feed.
  std::string line(const std::string& members) {
    std::string out;
    if (!append_audit_line(&key_, members, &head, &out)) return {};
    return out;
  }
  std::string lines(const std::vector<std::string>& members) {
    std::string out;
    for (const std::string& each : members) out += line(each);
    return out;
  }
  AuditHead head;

 private:
  AuditKey key_;
};

}  // namespace cardscrub::testing
