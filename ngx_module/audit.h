// The audit log, as the rest of the module sees it: what happens in a request is collected in its AuditTrail,
// and written in one go before anything that depends on it leaves this server (PCI DSS 10.2, 10.7).
//
//   findings --(FindingObserver)--> AuditTrail --audit_commit()--> AuditLog: one write()
//   refusals, reveals, key uses --add()-->  /
#pragma once

#include <vector>

#include "nginx.h"
#include "src/audit_line.h"

namespace cardscrub {

class AuditLog;
class RequestContext;

// What of a card a line says: named by the operator, for the hash and the last four of one number side by
// side make it easier to find (PCI DSS 3.5.1).
enum AuditCard : unsigned { kAuditToken = 1, kAuditFingerprint = 2 };

// The events of one request that have not been written yet.
class AuditTrail : public FindingObserver {
 public:
  explicit AuditTrail(AuditLog* log) : log_(log) {}

  void on_finding(const FindingEvent& event) override;
  bool wants_fingerprints() const override;
  // Equal events in a row become one with a count. Beyond kMost different ones only the count of those that
  // are left out grows: a line of its own says it.
  void add(AuditEvent event);

  bool empty() const { return events_.empty(); }
  const std::vector<AuditEvent>& events() const { return events_; }
  void clear() { events_.clear(); }
  AuditLog* log() const { return log_; }

  static constexpr size_t kMost = 1000;
  size_t told = 0;  // of the verdict's problems: those that have been added

 private:
  AuditLog* log_;
  std::vector<AuditEvent> events_;
};

// Writes what the request's trail holds; a request without one, or with an empty one, costs a test or two.
// False: it could not be written and the operator wants such requests refused: the caller refuses with
// Reason::kAuditDown. Call it before bytes are handed on that the events are about.
[[nodiscard]] bool audit_commit(ngx_http_request_t* r, RequestContext* context);
// Adds what refused the request and writes; for requests that are refused whatever becomes of it.
void audit_refusal(ngx_http_request_t* r, RequestContext* context);
// log phase: what a request leaves that came to no end (the client went away).
ngx_int_t on_audit_rest(ngx_http_request_t* r);

// ---- configuration and process life
struct MainConf;

// The directive's arguments: a path or "syslog:...", then what a line says of a card.
char* configure_audit(ngx_conf_t* cf, MainConf* main);
// When the http block has been read: asks for shared memory and $request_id. False: refused.
bool prepare_audit(ngx_conf_t* cf, MainConf* main);
// The master, when the configuration has been taken: lines for the start, or for what has changed. False: the
// audit log has no key.
bool start_audit(ngx_cycle_t* cycle, const MainConf& main);
// A worker, when it starts and now and then: what is due and could not be written yet.
void audit_due(const MainConf& main);
// exit_master: the chain's last line.
void on_master_end(ngx_cycle_t* cycle);

}  // namespace cardscrub
