// Audit events of requests: collected, and written before anything is handed on.
#include "audit.h"

#include "audit_log.h"
#include "guard.h"
#include "location_conf.h"
#include "request_context.h"

namespace cardscrub {

namespace {

// Notes that nobody can use: dates and names are not what the audit log is about, unless they refuse a
// request.
bool worth_a_line(const FindingEvent& event) {
  return event.kind == Kind::kPan || event.kind == Kind::kCode || event.kind == Kind::kTrack ||
         event.reason != Reason::kNone;
}

bool is_ours(Reason reason) { return reason_status(reason) >= 500; }

AuditRequest describe(ngx_http_request_t* r, const RequestContext& context, const AuditLog& log) {
  AuditRequest out;
  if (log.wishes.request_id != NGX_ERROR) {
    const ngx_http_variable_value_t* id =
        ngx_http_get_indexed_variable(r, static_cast<ngx_uint_t>(log.wishes.request_id));
    if (id != nullptr && !id->not_found) out.id = {reinterpret_cast<const char*>(id->data), id->len};
  }
  out.client = view(r->connection->addr_text);
  if (context.conf != nullptr && context.conf->audit_user != nullptr) {
    ngx_str_t user;
    if (ngx_http_complex_value(r, context.conf->audit_user, &user) == NGX_OK) out.user = view(user);
  }
  const auto* server =
      static_cast<const ngx_http_core_srv_conf_t*>(ngx_http_get_module_srv_conf(r, ngx_http_core_module));
  out.server = view(server->server_name);
  const auto* location =
      static_cast<const ngx_http_core_loc_conf_t*>(ngx_http_get_module_loc_conf(r, ngx_http_core_module));
  out.location = view(location->name);
  out.monitor = context.mode == Mode::kMonitor;
  return out;
}

bool write(ngx_http_request_t* r, RequestContext* context) {
  AuditTrail& trail = *context->trail;
  bool good = guard(r->connection->log, "writing the audit log", false,
                    [&] { return trail.log()->write(trail.events(), describe(r, *context, *trail.log())); });
  trail.clear();
  return good;
}

}  // namespace

void AuditTrail::on_finding(const FindingEvent& event) {
  if (!worth_a_line(event)) return;
  AuditEvent line;
  line.event = event.action == Action::kReveal ? AuditKind::kReveal : AuditKind::kFinding;
  line.kind = event.kind;
  line.brand = event.brand;
  line.action = event.action;
  line.reason = event.reason;
  line.field = event.field;
  if (event.token != nullptr) {
    line.generation = (*event.token)[0];
    for (size_t i = 0; (log_->wishes.card & kAuditToken) != 0 && i < event.token->size(); ++i)
      line.token += static_cast<char>('0' + (*event.token)[i]);
  }
  if (event.fingerprint.size() == 16) {
    std::copy(event.fingerprint.begin(), event.fingerprint.end(), line.fingerprint.emplace().begin());
  }
  add(std::move(line));
}

bool AuditTrail::wants_fingerprints() const { return (log_->wishes.card & kAuditFingerprint) != 0; }

void AuditTrail::add(AuditEvent event) {
  if (events_.size() > kMost || (!events_.empty() && events_.back().same(event))) {
    events_.back().count += event.count;
    return;
  }
  if (events_.size() == kMost) {  // the line that stands for the rest
    AuditEvent rest;
    rest.event = event.event;
    rest.count = event.count;
    event = rest;
  }
  events_.push_back(std::move(event));
}

bool audit_commit(ngx_http_request_t* r, RequestContext* context) {
  if (!context->trail || context->trail->empty()) return true;
  const bool written = write(r, context);
  return written || context->mode == Mode::kMonitor || !context->trail->log()->wishes.reject;
}

void audit_refusal(ngx_http_request_t* r, RequestContext* context) {
  if (!context->trail) return;
  AuditTrail& trail = *context->trail;
  const std::vector<Problem>& problems = context->verdict.problems();
  for (; trail.told < problems.size(); ++trail.told) {
    const Problem& problem = problems[trail.told];
    if (problem.reason == Reason::kAuditDown) return;  // its events are counted as lost already
    AuditEvent line;
    line.event = is_ours(problem.reason) ? AuditKind::kFault : AuditKind::kRejection;
    line.reason = problem.reason;
    line.field = problem.field;
    trail.add(std::move(line));
  }
  if (!trail.empty()) (void)write(r, context);
}

ngx_int_t on_audit_rest(ngx_http_request_t* r) {
  RequestContext* context = r == r->main ? find_context(r) : nullptr;
  if (context != nullptr) (void)audit_commit(r, context);
  return NGX_OK;
}

}  // namespace cardscrub
