// Answers on their way out: header and body filter, and what is asked of upstreams so that their answers can
// be searched. Where cardscrub_response is off, that is the test of a pointer.
#include "guard.h"
#include "header_lines.h"
#include "moments.h"
#include "owned.h"
#include "request_context.h"
#include "response_stream.h"

namespace cardscrub {

namespace {

ResponseStream::Next g_next;

ngx_int_t begin(ngx_http_request_t* r, const LocationConf& conf) {
  RequestContext* context = find_or_make_context(r);
  if (context == nullptr) return NGX_ERROR;
  if (context->response == nullptr) {
    context->response = make_in_pool<ResponseStream>(r->pool, r, context, main_conf(r)->zone, g_next);
    if (context->response == nullptr) return NGX_ERROR;
  }
  return context->response->head(conf, conf.mode_of(r));
}

ResponseStream* stream_of(const ngx_http_request_t* main) {
  auto* context = static_cast<RequestContext*>(ngx_http_get_module_ctx(main, ngx_http_cardscrub_module));
  return context == nullptr ? nullptr : context->response;
}

// A sub-request's answer becomes a part of the main one, whose location decides.
void include(ngx_http_request_t* r) {
  if (stream_of(r->main) == nullptr) return;
  r->filter_need_in_memory = 1;
  keep_answer_off_disk(r);
}

ngx_int_t on_response_header(ngx_http_request_t* r) {
  if (r != r->main) {
    include(r);
    return g_next.header(r);
  }
  const LocationConf& conf = *location_conf(r);
  if (conf.response_plan == nullptr) return g_next.header(r);
  return guard(r->connection->log, "reading the head of a response", ngx_int_t{NGX_ERROR},
               [&] { return begin(r, conf); });
}

ngx_int_t on_response_body(ngx_http_request_t* r, ngx_chain_t* in) {
  ResponseStream* stream = stream_of(r->main);
  if (stream == nullptr) return g_next.body(r, in);
  ngx_int_t rc = NGX_ERROR;
  if (guarded(r->connection->log, "reading a response", [&] { rc = stream->body(in); })) return rc;
  return guard(r->connection->log, "refusing a response", ngx_int_t{NGX_ERROR},
               [&] { return stream->fail(); });
}

// So that an upstream answers with the whole, and not compressed; nginx's own gzip knows all the same what
// the client takes.
bool ask_for_plain(ngx_http_request_t* r) {
#if (NGX_HTTP_GZIP)
  // Without a handler of its own a location serves files; what lies there compressed is inflated.
  if (r->headers_in.accept_encoding != nullptr && r->content_handler != nullptr) {
    // Once: after an internal redirect the line no longer says what the client said.
    if (!r->main->gzip_tested) (void)ngx_http_gzip_ok(r->main);
    for_each_line(r->headers_in.headers, [](ngx_table_elt_t& line) {
      if (is_named(line, "accept-encoding")) line.value = ngx_text("identity");
    });
  }
#endif
  if (r->headers_in.range == nullptr) return true;
  r->headers_in.range = nullptr;
  r->headers_in.if_range = nullptr;
  return drop_request_lines(r, "range") && drop_request_lines(r, "if-range");
}

}  // namespace

ngx_int_t on_content(ngx_http_request_t* r) {
  const LocationConf& conf = *location_conf(r);
  if (conf.response_plan == nullptr || conf.mode_of(r) == Mode::kMonitor) return NGX_DECLINED;
  return ask_for_plain(r) ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void install_response_filters() {
  g_next = {ngx_http_top_header_filter, ngx_http_top_body_filter};
  ngx_http_top_header_filter = on_response_header;
  ngx_http_top_body_filter = on_response_body;
}

}  // namespace cardscrub
