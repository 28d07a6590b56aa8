// The chain of the audit log: every line carries the MAC of the line before it and its own.
//
//   {"v":1,"chain":"<16 hex>","seq":<n>, ... ,"key":"9-A1B2C3","prev":"<32 hex>","mac":"<32 hex>"}
//    \_______________________ what the MAC is over __________________________/
//
// A chain begins with the server's start and ends with its stop; `seq` counts from 1. `prev` is the `mac` of
// line seq - 1 (zeros at the start). `mac` is HMAC-SHA-256, cut to 128 bits (RFC 4868), under the audit key
// of a generation of the key ring; `key` names it: generation and check value, so that a digit that was given
// to a new key later is not taken for the old one.
//
// So a line that was changed fails by itself; one that is missing, doubled or moved shows in `seq` and
// `prev`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "hmac.h"
#include "key_ring.h"

namespace cardscrub {

using AuditMac = std::array<uint8_t, 16>;

// The last line of a chain.
struct AuditHead {
  uint64_t chain = 0;  // random; 0: no chain
  uint64_t seq = 0;
  AuditMac mac{};
};

class AuditKey {
 public:
  static Result<AuditKey> create(const KeyRing& ring, const KeyRing::Entry& entry);
  static Result<AuditKey> active(const KeyRing& ring);

  const std::string& name() const { return name_; }  // "9-A1B2C3"
  // False: the engine failed. Does not allocate.
  [[nodiscard]] bool mac(std::string_view text, AuditMac* out);

 private:
  AuditKey(std::string name, HmacSha256 hmac) : name_(std::move(name)), hmac_(std::move(hmac)) {}
  std::string name_;
  HmacSha256 hmac_;
};

// Appends the next line with its line feed to *out, and moves *head to it. members: without braces, see
// audit_line.h. False: the engine failed; nothing was changed.
[[nodiscard]] bool append_audit_line(AuditKey* key, std::string_view members, AuditHead* head,
                                     std::string* out);

// A line taken apart; the views lie in it.
struct AuditLine {
  AuditHead head;  // this line
  AuditMac prev{};
  std::string_view key;
  std::string_view covered;  // what the MAC is over
  std::string_view members;  // between the chain's own
};
inline constexpr size_t kAuditLineMax = 16384;  // bytes; written ones are far shorter

// line: without its line feed. False: not of the form that append_audit_line() writes. Nothing is believed
// yet: the MAC is the caller's to check.
bool parse_audit_line(std::string_view line, AuditLine* out);

// A member of AuditLine::members, at their top level; false: not there, or of the other type.
bool audit_text(std::string_view members, std::string_view name, std::string_view* value);
bool audit_number(std::string_view members, std::string_view name, uint64_t* value);
bool audit_mac(std::string_view members, std::string_view name, AuditMac* value);
// 16 hexadecimal digits.
bool audit_chain_id(std::string_view text, uint64_t* value);
std::string audit_chain_text(uint64_t chain);
// chain:seq:mac, as the status page shows it and the command line tool takes it.
std::string audit_head_text(const AuditHead& head);
bool parse_audit_head(std::string_view text, AuditHead* head);
std::string audit_mac_text(const AuditMac& mac);

}  // namespace cardscrub
