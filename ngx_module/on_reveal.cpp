// Requests in locations that reveal: who is let in, and what must not get out of there.
#include "filters/chooser.h"
#include "guard.h"
#include "moments.h"
#include "request_body.h"
#include "request_context.h"
#include "reveal_hold.h"

namespace cardscrub {

namespace {

bool comes_with_body(const ngx_http_request_t* r) {
  return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}

Reason forbidden(ngx_http_request_t* r, const LocationConf& conf) {
  if (r->headers_in.upgrade != nullptr) return Reason::kUpgrade;
  if (r->request_body != nullptr) return Reason::kFault;  // somebody has read it before us
  if (comes_with_body(r)) return Reason::kNone;
  // Nothing is revealed without a body, and no alias or token goes to the provider for what it is not.
  std::vector<ngx_table_elt_t*> headers;
  return find_named_headers(r, *conf.body.fields, &headers) ? Reason::kBodyType : Reason::kNone;
}

ngx_int_t let_in(ngx_http_request_t* r, const LocationConf& conf) {
  RequestContext* context = enter_location(r, &conf, Mode::kOn);
  if (context == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  if (context->answered) return NGX_DECLINED;
  const Reason reason = forbidden(r, conf);
  if (reason != Reason::kNone) {
    context->verdict.refuse(reason, {});
    return refuse_request(r, context);
  }
  context->reveal = std::make_unique<RevealHold>(r, &conf);
  return NGX_DECLINED;
}

}  // namespace

ngx_int_t on_reveal(ngx_http_request_t* r) {
  const LocationConf& conf = *location_conf(r);
  if (conf.reveal == 0) return NGX_DECLINED;
  if (r != r->main) {
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "cardscrub: a sub-request cannot be revealed");
    return NGX_HTTP_FORBIDDEN;
  }
  return guard(r->connection->log, "letting a request in", ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
               [&] { return let_in(r, conf); });
}

ngx_int_t keep_revealed_in(ngx_http_request_t* r) {
  if (r == r->main && !r->internal) return NGX_DECLINED;
  RequestContext* context = find_context(r);
  if (context == nullptr || context->reveal == nullptr) return NGX_DECLINED;
  if (r != r->main) {
    if (!context->reveal->revealed()) return NGX_DECLINED;
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "cardscrub: a revealed request has no sub-requests (mirror, SSI and the like)");
    return NGX_HTTP_FORBIDDEN;
  }
  if (context->reveal->revealed()) {
    // What comes now, an error page say, gets neither the body nor the headers as the provider got them.
    context->reveal->withdraw();
    drop_body(r);
  }
  return NGX_DECLINED;
}

}  // namespace cardscrub
