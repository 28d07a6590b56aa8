// What a line of the audit log says (PCI DSS 10.2.1, 10.2.2): the event, who asked for it and where, and what
// it was about. Never a digit of a card number, never a code: names are printable_field()s, a card is named
// by its token or its keyed fingerprint.
//
// {"v":1,"chain":"...","seq":42,"time":"2026-11-26T13:44:16.123456Z","host":"web1","pid":4711,
//  "event":"finding","outcome":"success","request":"...","client":"203.0.113.9","user":"","server":"shop.example",
//  "location":"/pay","field":"card_number","kind":"pan","brand":"visa","action":"tokenize","count":1,
//  "token":"9528014739601111","generation":9,"key":"9-A1B2C3","prev":"...","mac":"..."}
//
// The first three and the last three members are the chain's: audit_chain.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "verdict.h"

namespace cardscrub {

enum class AuditKind : uint8_t {
  kFinding,        // card data was found, and what became of it
  kRejection,      // a request was refused
  kReveal,         // a token was turned back into its card number, or a code was taken out of the store
  kKeyUse,         // a key was loaded
  kConfiguration,  // the configuration was read again
  kStart,          // first line of a chain: the server has started
  kStop,           // last line of a chain: the server has ended in good order
  kFault,          // something of ours failed
  kRotation,       // first line of a file that goes on with a chain
  kRecovery,       // what stands in front of it was not finished: a writer died, or the disk was full
};
std::string_view audit_kind_name(AuditKind kind);

struct AuditEvent {
  AuditKind event = AuditKind::kFinding;
  Kind kind = Kind::kNone;
  Brand brand = Brand::kUnknown;
  Action action = Action::kNone;
  Reason reason = Reason::kNone;  // other than kNone: it did not succeed
  uint8_t generation = 0;         // of the key that was used; 0: none
  uint32_t count = 1;             // equal events in a row of one request
  std::string field;              // printable_field()
  std::string token;
  std::optional<std::array<uint8_t, 16>> fingerprint;

  // Equal but for the count.
  bool same(const AuditEvent& other) const;
};

// Who wrote it, and when.
struct AuditOrigin {
  int64_t microseconds = 0;  // since 1970, UTC
  std::string_view host;
  int64_t pid = 0;
};

// What the events of one request have in common.
struct AuditRequest {
  std::string_view id;
  std::string_view client;
  std::string_view user;
  std::string_view server;
  std::string_view location;
  bool monitor = false;
};

// Members of a JSON object, each with a comma in front of it but for the first.
class JsonMembers {
 public:
  explicit JsonMembers(std::string* out) : out_(*out), first_(out->empty()) {}
  void text(std::string_view key, std::string_view value);  // escaped
  void number(std::string_view key, uint64_t value);
  void hex(std::string_view key, Bytes value);

 private:
  void name(std::string_view name);
  std::string& out_;
  bool first_;
};

// `time`, `host`, `pid` and `event`: what every line begins with, behind the chain's own members.
void put_origin(JsonMembers* out, const AuditOrigin& origin, AuditKind event);
void put_event(JsonMembers* out, const AuditEvent& event, const AuditRequest& request);

// Fit for a line: printable ASCII; of 12 digits or more, however they are written, only the first six remain.
std::string printable_audit_text(std::string_view text);

}  // namespace cardscrub
