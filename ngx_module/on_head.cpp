// The head of a request: URI, arguments, headers and cookies, swept in place as soon as the location is
// known, so that rewrites, upstreams, sub-requests and logs see the scrubbed head only.
//
//   location found --> rewrite phase --(the location's setting)--> swept
//
// A server with rewrite directives of its own is swept by the server's setting before those run. Sweeping
// twice is sweeping once: tokens and masks stay as they are.
#include "filters/head.h"

#include "filters/head_scan.h"
#include "guard.h"
#include "header_lines.h"
#include "http2.h"
#include "logged_parts.h"
#include "moments.h"
#include "process.h"
#include "redact.h"
#include "request_body.h"
#include "request_context.h"
#include "reveal_hold.h"
#include "src/limits.h"
#include "wipe.h"

namespace cardscrub {

namespace {

class HeadSweep {
 public:
  // observer: nullptr where the same has been looked at before.
  HeadSweep(const LocationConf& conf, Mode mode, Worker& own, RequestContext* context, Verdict* verdict,
            FindingObserver* observer)
      : policy_(conf.head_sweep(mode)),
        worker_(own),
        context_(context),
        verdict_(verdict),
        observer_(observer),
        scan_(*policy_.fields) {}

  // True when it was looked at closely, so that it may have changed.
  bool element(HeadPart part, std::string_view name, const ngx_str_t& text) {
    if (text.len == 0 || !scan_.may_hold_card_data(part, name, bytes(text))) return false;
    looked_ = true;
    scrub_head(part, name, bytes(text), policy_, worker_, *verdict_, context_->name_space, observer_);
    return true;
  }

  // The request's target stands up to four times in memory: in the request line, as the unparsed URI, its
  // arguments, and the path, which nginx decodes into memory of its own when it holds escapes.
  void target(ngx_http_request_t* r) {
    ngx_str_t& line = r->request_line;
    ngx_str_t& whole = r->unparsed_uri;
    size_t at = r->method_name.len + 1;
    // HTTP/2 and 3: nginx has put the line together from copies.
    bool copied = !lies_within(whole, line) && line.len >= at + whole.len && whole.len != 0 &&
                  std::memcmp(line.data + at, whole.data, whole.len) == 0;
    element(HeadPart::kTarget, {}, whole);
    if (copied) std::memcpy(line.data + at, whole.data, whole.len);
    if (!lies_within(r->args, whole)) element(HeadPart::kArguments, {}, r->args);
    if (!lies_within(r->uri, whole)) element(HeadPart::kPath, {}, r->uri);
  }

  void headers(ngx_http_request_t* r) {
    for_each_line(r->headers_in.headers, [&](ngx_table_elt_t& line) {
      if (name(line)) name_changed(r, line);
      value(line);
    });
    if (r->headers_in.server.len != 0) element(HeadPart::kHeader, {}, r->headers_in.server);
  }

  // False: nothing in the head looks like card data.
  bool looked() const { return looked_; }

  // Of a header. True: may have changed.
  bool name(const ngx_table_elt_t& header) {
    return header.key.len >= limits::kPanMin && element(HeadPart::kHeader, {}, header.key);
  }

  void value(const ngx_table_elt_t& header) {
    if (is_named(header, "content-length") || is_named(header, "transfer-encoding"))
      return;  // nginx has read them: framing
    // The boundary must stay what the body has; whatever else may stand there is swept.
    if (is_named(header, "content-type") && view(header.value).find("boundary") != std::string_view::npos)
      return;
    const HeadPart part = part_of(header.key);
    element(part, part == HeadPart::kHeader ? view(header.key) : std::string_view{}, header.value);
  }

 private:
  const Policy& policy_;
  Worker& worker_;
  RequestContext* context_;
  Verdict* verdict_;
  FindingObserver* observer_;
  HeadScan scan_;
  bool looked_ = false;
};

// What nginx keeps of the head beside the request. HTTP/2's table is swept as the request was: what a later
// request takes from there has become the same.
void sweep_copies(ngx_http_request_t* r, const LocationConf& conf, Worker& own, RequestContext* context) {
  wipe_copies_of_head(r);
  if (is_http2(r)) {
    Verdict counted_already;
    HeadSweep sweep(conf, Mode::kOn, own, context, &counted_already, nullptr);
    rewrite_header_table(r, [&](const ngx_table_elt_t& header) {
      if (view(header.key) == ":path") {
        sweep.element(HeadPart::kTarget, {}, header.value);
      } else {
        sweep.name(header);
        sweep.value(header);
      }
    });
  }
  wipe_registers();
}

bool is_upgrade(const ngx_http_request_t* r) {
#ifdef NGX_HTTP_CONNECT
  if (r->method == NGX_HTTP_CONNECT) return true;
#endif
  return r->headers_in.upgrade != nullptr;
}

bool has_body(const ngx_http_request_body_t* body) {
  return body != nullptr && (body->bufs != nullptr || body->temp_file != nullptr);
}

// A body that was read where cardscrub is off or monitors has come to a place where it is on (an error page,
// a mirror, a sub-request). An error page that is asked for with GET does not need it; nobody else may have
// it.
bool keep_body_out(ngx_http_request_t* r) {
  if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) return false;
  if (r != r->main) return hide_body(r);
  drop_body(r);
  return true;
}

// located: the location is known, and it is the location's word whether a request may upgrade.
Reason forbidden(const ngx_http_request_t* r, const LocationConf& conf, bool located) {
  if (conf.require_tls != 0 && r->connection->ssl == nullptr) return Reason::kTlsRequired;
  if (located && conf.upgrade == 0 && is_upgrade(r)) return Reason::kUpgrade;
  return Reason::kNone;
}

ngx_int_t refuse_head(ngx_http_request_t* r, RequestContext* context) {
  // What was refused must not get out through an error page of the operator's either.
  redact_request(r);
  redact_copies(r);
  if (r->connection->ssl == nullptr && context->conf->require_tls != 0 && context->mode == Mode::kOn) {
    // What was sent in clear is not read any further, and nothing more is taken from this connection.
    r->keepalive = 0;
    r->lingering_close = 1;
  }
  return refuse_request(r, context);
}

// A sub-request passes through a location of its own; the request itself stays where it is.
class Visit {
 public:
  explicit Visit(ngx_http_request_t* r) : request_(r == r->main ? nullptr : r) {
    const RequestContext* context = request_ == nullptr ? nullptr : find_context(r);
    if (context == nullptr) return;
    conf_ = context->conf;
    mode_ = context->mode;
    head_origin_ = context->head_origin;
    head_mode_ = context->head_mode;
    name_space_ = context->name_space;
  }
  ~Visit() {
    RequestContext* context = request_ == nullptr ? nullptr : find_context(request_);
    if (context == nullptr) return;
    context->conf = conf_;
    context->mode = mode_;
    context->head_origin = head_origin_;
    context->head_mode = head_mode_;
    context->name_space = name_space_;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  ngx_http_request_t* request_;  // nullptr: no sub-request
  const LocationConf* conf_ = nullptr;
  Mode mode_ = Mode::kOff;
  const LocationConf* head_origin_ = nullptr;
  Mode head_mode_ = Mode::kOff;
  std::string_view name_space_;
};

ngx_int_t sweep_head(ngx_http_request_t* r, const LocationConf& conf, Mode mode, bool located) {
  Visit visit(r);
  RequestContext* context = enter_location(r, &conf, mode);
  if (context == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  if (context->answered) return NGX_DECLINED;  // an error page for a request that has been refused already
  Stopwatch watch(r, context);

  Worker* own = worker();
  if (mode == Mode::kOn) {
    Reason reason = own == nullptr ? Reason::kFault : forbidden(r, conf, located);
    const bool scrubbed = context->body_begun && context->body_mode == Mode::kOn;
    if (reason == Reason::kNone && has_body(r->request_body) && !scrubbed && !keep_body_out(r)) {
      reason = Reason::kFault;
    }
    if (reason != Reason::kNone) {
      context->verdict.refuse(reason, {});
      return refuse_head(r, context);
    }
  }
  if (own == nullptr || conf.head_off) return NGX_DECLINED;

  // The mode may have changed since: what has been monitored has not been scrubbed.
  bool again =
      context->head_origin == conf.origin && (context->head_mode == mode || context->head_mode == Mode::kOn);
  if (again && !r->internal) return NGX_DECLINED;
  HeadSweep sweep(conf, mode, *own, context, &context->verdict, context->observer());
  sweep.target(r);
  if (!again) sweep.headers(r);
  context->head_origin = conf.origin;
  context->head_mode = again ? context->head_mode : mode;
  if (mode == Mode::kOn && context->verdict.refused()) return refuse_head(r, context);
  if (!audit_commit(r, context)) {
    context->verdict.refuse(Reason::kAuditDown, {});
    return refuse_head(r, context);
  }
  if (mode == Mode::kOn && sweep.looked()) sweep_copies(r, conf, *own, context);
  return NGX_DECLINED;
}

// The server scrubs, this location does not.
ngx_int_t leave(ngx_http_request_t* r, const LocationConf& conf) {
  RequestContext* context = r == r->main ? find_context(r) : nullptr;
  if (context != nullptr && !context->answered) {
    context->mode = Mode::kOff;
    context->conf = &conf;
  }
  return NGX_DECLINED;
}

ngx_int_t read_head(ngx_http_request_t* r, bool located) {
  const LocationConf& conf = *location_conf(r);
  if (const ngx_int_t rc = keep_revealed_in(r); rc != NGX_DECLINED) return rc;
  if (conf.reveal != 0) return NGX_DECLINED;  // on_reveal.cpp
  if (conf.mode == kWishOff) return leave(r, conf);
  return guard(r->connection->log, "reading the head of a request", ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
               [&]() -> ngx_int_t {
                 Mode mode = conf.mode_of(r);
                 return mode == Mode::kOff ? leave(r, conf) : sweep_head(r, conf, mode, located);
               });
}

}  // namespace

ngx_int_t on_head(ngx_http_request_t* r) { return read_head(r, true); }

ngx_int_t on_server_head(ngx_http_request_t* r) {
  return server_conf(r)->rewrites ? read_head(r, false) : ngx_int_t{NGX_DECLINED};
}

ngx_int_t on_missing_body(ngx_http_request_t* r) {
  const LocationConf& conf = *location_conf(r);
  if ((conf.mode == kWishOff && conf.reveal == 0) || conf.require == 0 || r != r->main) return NGX_DECLINED;
  if ((r->method & (NGX_HTTP_POST | NGX_HTTP_PUT | NGX_HTTP_PATCH)) == 0) return NGX_DECLINED;
  if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) return NGX_DECLINED;
  RequestContext* context = find_context(r);
  if (context == nullptr || context->answered || context->mode != Mode::kOn) return NGX_DECLINED;
  return guard(r->connection->log, "asking for required fields", ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
               [&] {
                 for (size_t k = 0; k < kKinds; ++k) {
                   if ((conf.require >> k & 1) != 0)
                     context->verdict.refuse(Reason::kFieldMissing, kind_name(static_cast<Kind>(k)));
                 }
                 return refuse_head(r, context);
               });
}

}  // namespace cardscrub
