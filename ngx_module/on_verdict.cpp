// The answer to a refused request, and in place of a refused response: an RFC 9457 problem document in place
// of nginx's page, unless the operator's error_page has another.
#include <cstring>

#include "guard.h"
#include "moments.h"
#include "process.h"
#include "redact.h"
#include "request_body.h"
#include "request_context.h"
#include "upstream.h"
#include "wipe.h"

namespace cardscrub {

namespace {

ngx_http_output_header_filter_pt g_next_header_filter = nullptr;
ngx_http_output_body_filter_pt g_next_body_filter = nullptr;

bool is_our_status(const ngx_http_request_t* r, const RequestContext* context) {
  return context != nullptr && context->refusal != nullptr && r == r->main &&
         r->headers_out.status == static_cast<ngx_uint_t>(context->refusal->status());
}

bool add_header(ngx_http_request_t* r, std::string_view key, const ngx_str_t& value) {
  auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
  if (header == nullptr) return false;
  *header = ngx_table_elt_t{};
  header->hash = 1;
  header->key = ngx_text(key);
  header->value = value;
  return true;
}

// RFC 9110, 10.2.3: when a client that was refused for want of a store, or for asking too much, may come
// again.
bool add_retry_after(ngx_http_request_t* r, const RequestContext& context) {
  unsigned seconds = context.retry_after;
  if (context.refusal->status() == NGX_HTTP_SERVICE_UNAVAILABLE) {
    const RemoteStore* store = remote_store();
    seconds = store == nullptr ? 1 : store->pool().retry_after();
  }
  if (seconds == 0) return true;
  auto* text = static_cast<u_char*>(ngx_pnalloc(r->pool, NGX_INT_T_LEN));
  if (text == nullptr) return false;
  const u_char* end = ngx_sprintf(text, "%ud", seconds);
  return add_header(r, "Retry-After", {static_cast<size_t>(end - text), text});
}

ngx_int_t write_problem_header(ngx_http_request_t* r, RequestContext* context) {
  std::string json = context->refusal->problem_json();
  auto* copy = static_cast<u_char*>(ngx_pnalloc(r->pool, json.size()));
  if (copy == nullptr || !add_header(r, "Cache-Control", ngx_text("no-store"))) return NGX_ERROR;
  if (!add_retry_after(r, *context)) return NGX_ERROR;
  // A text of nginx has no end mark. NOLINTNEXTLINE(bugprone-not-null-terminated-result)
  std::memcpy(copy, json.data(), json.size());
  context->answer = {json.size(), copy};

  r->headers_out.content_type = ngx_text("application/problem+json");
  r->headers_out.content_type_len = r->headers_out.content_type.len;
  r->headers_out.content_type_lowcase = nullptr;
  ngx_str_null(&r->headers_out.charset);
  ngx_http_clear_content_length(r);
  ngx_http_clear_accept_ranges(r);
  ngx_http_clear_last_modified(r);
  r->headers_out.content_length_n = static_cast<off_t>(json.size());
  return NGX_OK;
}

// A request that nginx has refused: its connection may stay open for long after the answer.
void clear_failed_request(ngx_http_request_t* r, const RequestContext* context) {
  if (context == nullptr) {
    (void)guarded(r->connection->log, "redacting a request", [r] { redact_unswept(r); });
  } else if (context->mode == Mode::kOn && !context->body_begun && !r->keepalive) {
    wipe_unread(r);
  }
}

ngx_int_t on_answer_header(ngx_http_request_t* r) {
  RequestContext* context = find_context(r);
  if (r->headers_out.status >= 400 && r == r->main) clear_failed_request(r, context);
  if (!is_our_status(r, context)) return g_next_header_filter(r);
  if (r->headers_out.status == 422 && r->headers_out.status_line.len == 0) {
    r->headers_out.status_line = ngx_text("422 Unprocessable Content");  // nginx does not know this one
  }
  // After an internal redirect this is the operator's own page.
  if (r->uri_changes == context->redirects_left) {
    ngx_int_t rc = guard(r->connection->log, "writing an answer", ngx_int_t{NGX_ERROR},
                         [&] { return write_problem_header(r, context); });
    if (rc != NGX_OK) return NGX_ERROR;
  }
  return g_next_header_filter(r);
}

ngx_int_t on_answer_body(ngx_http_request_t* r, ngx_chain_t* in) {
  RequestContext* context = find_context(r);
  if (context == nullptr || context->answer.data == nullptr || r != r->main) return g_next_body_filter(r, in);
  for (ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
    cl->buf->pos = cl->buf->last;
    cl->buf->file_pos = cl->buf->file_last;
  }
  if (context->answer_sent) return g_next_body_filter(r, nullptr);
  context->answer_sent = true;
  auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
  if (b == nullptr) return NGX_ERROR;
  b->pos = b->start = context->answer.data;
  b->last = b->end = context->answer.data + context->answer.len;
  b->memory = 1;
  b->last_buf = 1;
  b->last_in_chain = 1;
  ngx_chain_t out{b, nullptr};
  return g_next_body_filter(r, &out);
}

}  // namespace

ngx_int_t refuse_request(ngx_http_request_t* r, RequestContext* context) {
  audit_refusal(r, context);
  if (r != r->main)
    return context->verdict.status();  // a sub-request fails alone; its parent decides what that means
  context->answered = true;
  context->refuse(r, context->verdict);
  reset_upstream(r);
  drop_unread_body(r);
  context->tally();
  return context->verdict.status();
}

void install_answer_filters() {
  g_next_header_filter = ngx_http_top_header_filter;
  ngx_http_top_header_filter = on_answer_header;
  g_next_body_filter = ngx_http_top_body_filter;
  ngx_http_top_body_filter = on_answer_body;
}

}  // namespace cardscrub
