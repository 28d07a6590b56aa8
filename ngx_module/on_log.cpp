// The log phase: before nginx's own log module looks at the request, what it could write down is masked. Runs
// for every request as soon as the module is loaded, also for those that never reached a location.
#include <cstring>

#include "filters/head_scan.h"
#include "guard.h"
#include "main_conf.h"
#include "moments.h"
#include "process.h"
#include "redact.h"
#include "request_context.h"
#include "reveal_hold.h"

namespace cardscrub {

namespace {

void redact_upstream(Redactor* redactor, ngx_http_request_t* r) {
  if (r->upstream == nullptr) return;
  redactor->headers(r->upstream->headers_in.headers, true);
  redactor->headers(r->upstream->headers_in.trailers, true);
  if (!lies_within(r->upstream->uri, r->request_line)) {
    redactor->element(HeadPart::kTarget, {}, bytes(r->upstream->uri));
  }
}

// Variables that were evaluated earlier (set, map, rewrite) remember what they saw. Their bytes may be the
// configuration's or the program's own: changed in a copy.
[[gnu::noinline]] void redact_variable(Redactor* redactor, ngx_http_request_t* r,
                                       const LoggedVariable& variable) {
  ngx_http_variable_value_t& value = r->variables[variable.index];
  auto* copy = static_cast<u_char*>(ngx_pnalloc(r->pool, value.len));
  if (copy == nullptr) {
    value.len = 0;
    return;
  }
  std::memcpy(copy, value.data, value.len);
  std::string_view field;
  if (variable.announces) {
    const auto* core =
        static_cast<const ngx_http_core_main_conf_t*>(ngx_http_get_module_main_conf(r, ngx_http_core_module));
    const auto* variables = static_cast<const ngx_http_variable_t*>(core->variables.elts);
    field = field_of_variable(view(variables[variable.index].name));
  }
  // A value in which names stand (a cached $request_uri, $args) and one that is named by its variable look
  // alike; both are tried.
  redactor->element(HeadPart::kTarget, {}, {copy, value.len});
  redactor->element(HeadPart::kHeader, field, {copy, value.len});
  value.data = copy;
}

void redact_variables(Redactor* redactor, ngx_http_request_t* r, const MainConf& main) {
  if (r->variables == nullptr) return;
  for (const LoggedVariable& variable : main.logged.variables) {
    ngx_http_variable_value_t& value = r->variables[variable.index];
    if (variable.copied) {
      (void)ngx_http_get_indexed_variable(r, variable.index);
      value.no_cacheable = 0;  // it would be made anew
    }
    if (!value.valid || value.not_found || value.len < 3) continue;
    if (variable.announces || redactor->scan().names_may_hold({value.data, value.len}))
      redact_variable(redactor, r, variable);
  }
}

void redact_all(ngx_http_request_t* r, const MainConf& main) {
  const LoggedParts& logged = main.logged;
  Redactor redactor(main.redact_policy);
  redactor.request(r, logged);
  if (logged.shows_answer()) {
    redactor.headers(r->headers_out.headers, true);
    // nginx has taken it out of the list when it wrote it with the server's name, and logs it all the same.
    if (r->headers_out.location != nullptr) redactor.header(*r->headers_out.location);
    redactor.headers(r->headers_out.trailers, true);
  }
  if (logged.shows_upstream()) redact_upstream(&redactor, r);
  if (r == r->main && main.request_body_logged) redactor.body(r);
  redact_variables(&redactor, r, main);
  redactor.count(main);
}

}  // namespace

ngx_int_t on_log(ngx_http_request_t* r) {
  const MainConf& main = *main_conf(r);
  if (main.wants.reveal) {
    RequestContext* context = find_context(r);
    if (context != nullptr && context->reveal != nullptr) context->reveal->withdraw();
  }
  if (main.redact_logs == 0) return NGX_OK;
  if (!guarded(r->connection->log, "redacting a request", [&] {
        redact_all(r, main);
        if (main.wants.scrub) redact_unswept(r);
      })) {
    // What could not be looked at is not logged.
    r->request_line.len = r->unparsed_uri.len = r->args.len = r->uri.len = 0;
    r->headers_in.headers.part.nelts = 0;
    r->headers_in.headers.part.next = nullptr;
  }
  return NGX_OK;
}

void put_log_handler_first(ngx_http_core_main_conf_t* core) {
  ngx_array_t& handlers = core->phases[NGX_HTTP_LOG_PHASE].handlers;
  auto* added = static_cast<ngx_http_handler_pt*>(ngx_array_push(&handlers));
  auto* first = static_cast<ngx_http_handler_pt*>(handlers.elts);
  if (added == nullptr) return;
  std::memmove(first + 1, first, (handlers.nelts - 1) * sizeof(*first));
  *first = on_log;
}

}  // namespace cardscrub
