// Dropping bodies.
#include "request_body.h"

namespace cardscrub {

namespace {

// Upstream modules take the length from these, the uwsgi and fastcgi parameters from the header line.
void claim_no_body(ngx_http_request_t* r) {
  r->headers_in.content_length_n = 0;
  r->headers_in.chunked = 0;
  if (r->headers_in.content_length != nullptr) r->headers_in.content_length->value = ngx_text("0");
}

void close_after_answer(ngx_http_request_t* r) {
  r->keepalive = 0;
  r->lingering_close = 1;  // read the rest and throw it away, so that the client gets to see the answer
}

void consume(ngx_buf_t* b) {
  if (b->in_file) {
    b->file_pos = b->file_last;
  }
  if (ngx_buf_in_memory(b)) {
    wipe(b->pos, static_cast<size_t>(b->last - b->pos));
    b->pos = b->last;
  }
}

}  // namespace

void drop_body(ngx_http_request_t* r) {
  if (r->request_body != nullptr) {
    for (ngx_chain_t* cl = r->request_body->bufs; cl != nullptr; cl = cl->next) consume(cl->buf);
    r->request_body->bufs = nullptr;
  }
  claim_no_body(r);
}

bool hide_body(ngx_http_request_t* subrequest) {
  void* empty = ngx_pcalloc(subrequest->pool, sizeof(ngx_http_request_body_t));
  if (empty == nullptr) return false;
  subrequest->request_body = static_cast<ngx_http_request_body_t*>(empty);
  subrequest->headers_in.content_length_n = 0;
  subrequest->headers_in.chunked = 0;
  subrequest->headers_in.content_length = nullptr;  // the line itself is the request's, too
  return true;
}

bool set_body_length(ngx_http_request_t* r, off_t length) {
  r->headers_in.content_length_n = length;
  r->request_body->received = length;
  if (r->headers_in.content_length == nullptr) return true;
  auto* text = static_cast<u_char*>(ngx_pnalloc(r->pool, NGX_OFF_T_LEN));
  if (text == nullptr) return false;
  ngx_str_t* value = &r->headers_in.content_length->value;
  value->data = text;
  value->len = static_cast<size_t>(ngx_sprintf(text, "%O", length) - text);
  return true;
}

void drop_unread_body(ngx_http_request_t* r) {
  ngx_http_request_body_t* body = r->request_body;
  if (r != r->main) return;
  r->expect_tested = 1;  // "100 Continue" would invite what is not wanted any more
#if (NGX_HTTP_V2)
  if (r->stream != nullptr) {
    r->stream->skip_data = 1;
    drop_body(r);
    return;
  }
#endif
  if (body != nullptr) {
    // A chunked body may be read beyond its end; nginx would lose the start of the next request there.
    bool ended = body->rest == 0;
    bool beyond = body->buf != nullptr && body->buf->pos != body->buf->last && r->headers_in.chunked;
    if (!ended || beyond) close_after_answer(r);
  } else if (r->headers_in.chunked) {
    close_after_answer(r);
  } else if (r->headers_in.content_length_n > 0) {
    off_t there = r->header_in->last - r->header_in->pos;
    if (there < r->headers_in.content_length_n) {
      close_after_answer(r);
    } else {
      auto size = static_cast<size_t>(r->headers_in.content_length_n);
      wipe(r->header_in->pos, size);
      r->header_in->pos += size;
    }
  }
  drop_body(r);
}

}  // namespace cardscrub
