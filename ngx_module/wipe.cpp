// Wiping nginx's own buffers.
#include "wipe.h"

#include <algorithm>

#include "header_lines.h"
#include "http2.h"
#include "request_context.h"

namespace cardscrub {

namespace {

void wipe_range(u_char* begin, u_char* end) {
  if (begin < end) wipe(begin, static_cast<size_t>(end - begin));
}

void wipe_chain(ngx_chain_t* chain) {
  for (; chain != nullptr; chain = chain->next) wipe_range(chain->buf->start, chain->buf->end);
}

bool holds(const ngx_buf_t* buffer, const u_char* at) {
  return buffer != nullptr && at >= buffer->start && at < buffer->end;
}

// Chunks are moved together in place, so bytes of a body may stand where no buffer points to any more.
void wipe_body(ngx_http_request_t* r, const RequestContext& context) {
  wipe_range(context.preread_begin, context.preread_end);
  const ngx_http_request_body_t* body = r->request_body;
  if (body == nullptr || body->buf == nullptr || !context.body_begun) return;
  // In the head's buffer, what follows the body may be the next request.
  wipe_range(body->buf->start, holds(r->header_in, body->buf->start) ? body->buf->last : body->buf->end);
}

// What stands behind the last line that a string of the request points to. nginx copies a line that does not
// fit to a larger buffer, and leaves its beginning where it was.
void wipe_behind_lines(ngx_http_request_t* r, ngx_buf_t* buffer) {
  u_char* used = buffer->start;
  auto use = [&](const ngx_str_t& text) {
    if (holds(buffer, text.data)) used = std::max(used, text.data + text.len);
  };
  use(r->request_line);
  for_each_line(r->headers_in.headers, [&](const ngx_table_elt_t& line) { use(line.value); });
  wipe_range(used, buffer->last);
}

constexpr size_t kStack = 16384;  // nginx's own functions take less than half of it for a read

[[gnu::noinline]] void wipe_stack(ngx_event_t*) {
  uint8_t below[kStack];
  wipe(below, sizeof below);
}

ngx_event_t g_stack_event;

struct Kept {
  ngx_connection_t* connection;
  ngx_http_connection_t* http;
};

void on_connection_end(void* data) {
  const auto* kept = static_cast<const Kept*>(data);
  const ngx_buf_t* buffer = kept->connection->buffer;
  if (buffer != nullptr && buffer->pos != nullptr) wipe_range(buffer->start, buffer->end);
  wipe_chain(kept->http->busy);
  wipe_chain(kept->http->free);
}

#ifdef SSL_OP_CLEANSE_PLAINTEXT

// With SSL_OP_CLEANSE_PLAINTEXT OpenSSL wipes what it has decrypted when it is read, which is what we want,
// and wipes the whole of its 17 KB buffer once more when it gives that back, which nginx makes it do after
// every read (SSL_MODE_RELEASE_BUFFERS): twice as many instructions as all of a small request takes here. So
// the buffer stays while there is something to read, and is given back, unwiped and clean, when the socket
// has run empty.
long on_tls_bytes(BIO* bio, int operation, const char*, size_t, int, long, int result, size_t*) {
  constexpr int kHasRead = BIO_CB_READ | BIO_CB_RETURN;
  if (operation != kHasRead && operation != BIO_CB_WRITE) return result;  // most calls
  auto* tls = reinterpret_cast<SSL*>(BIO_get_callback_arg(bio));
  if (operation == kHasRead) {
    if (result > 0) {
      SSL_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
      SSL_clear_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    } else {
      SSL_clear_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
      SSL_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    }
  } else {
    SSL_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);  // of the buffer that is written, which is not wiped
  }
  return result;
}

void cleanse_once(const ngx_connection_t* connection) {
  if (connection->ssl == nullptr) return;
  SSL* tls = connection->ssl->connection;
  BIO* bio = SSL_get_rbio(tls);
  if (bio == nullptr || bio != SSL_get_wbio(tls) || BIO_get_callback_ex(bio) != nullptr) return;
  if ((SSL_get_mode(tls) & SSL_MODE_RELEASE_BUFFERS) == 0 ||
      (SSL_get_options(tls) & SSL_OP_CLEANSE_PLAINTEXT) == 0)
    return;
  BIO_set_callback_arg(bio, reinterpret_cast<char*>(tls));
  BIO_set_callback_ex(bio, on_tls_bytes);
}

#endif

}  // namespace

void wipe_copies_of_head(ngx_http_request_t* r) {
  if (is_http2(r)) {
    wipe_left_overs(r);
    wipe_receive_buffer_soon(r, 0);
    return;
  }
  for_head_buffers(r, [r](ngx_buf_t* buffer) {
    if (buffer != r->header_in) wipe_behind_lines(r, buffer);
  });
}

void wipe_unread(ngx_http_request_t* r) {
  if (is_http2(r)) return wipe_unread_stream(r);
  wipe_stack_soon();
  for_head_buffers(r, [r](ngx_buf_t* buffer) { wipe_behind_lines(r, buffer); });
}

void wipe_between(ngx_http_request_t* r, const RequestContext& context, const ngx_chain_t* in) {
  if (is_http2(r)) {
    size_t size = 0;
    for (const ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
      size += static_cast<size_t>(cl->buf->last - cl->buf->pos);
      if (cl->buf->last_buf) wipe_range(context.preread_begin, context.preread_end);
    }
    if (size != 0) wipe_receive_buffer_soon(r, size);
    return;
  }
  if (!r->headers_in.chunked || in == nullptr) return;
  const ngx_buf_t* source = holds(r->header_in, in->buf->pos) ? r->header_in : r->request_body->buf;
  u_char* begin = nullptr;
  for (; in != nullptr; in = in->next) {
    if (!holds(source, in->buf->pos)) continue;
    if (begin != nullptr) wipe_range(begin, in->buf->pos);
    begin = in->buf->last;
  }
  if (begin != nullptr) wipe_range(begin, source->pos);
}

void wipe_request(ngx_http_request_t* r, const RequestContext& context) {
  wipe_chain(context.free);
  wipe_chain(context.busy);
  wipe_body(r, context);
  if (is_http2(r)) {
    const bool monitored = context.body_begun && context.body_mode == Mode::kMonitor;
    if (context.entered && !context.body_ended && !monitored) wipe_unread_stream(r);
    return;
  }
  // nginx counts the length down while it throws a body away; the line stays.
  const bool came = r->headers_in.content_length != nullptr || r->headers_in.chunked || context.answered;
  if (context.entered && came && !context.body_ended) wipe_stack_soon();
  // What follows `pos` in the last one is the next request's.
  for_head_buffers(r, [r](ngx_buf_t* buffer) {
    wipe_range(buffer->start, buffer == r->header_in ? buffer->pos : buffer->last);
  });
}

void wipe_stack_soon() {
  if (g_stack_event.posted) return;
  g_stack_event.handler = wipe_stack;
  g_stack_event.log = ngx_cycle->log;
  ngx_post_event(&g_stack_event, &ngx_posted_events);
}

void wipe_with_connection(ngx_http_request_t* r) {
#ifdef SSL_OP_CLEANSE_PLAINTEXT
  cleanse_once(r->connection);
#endif
  ngx_connection_t* connection = is_http2(r) ? http2_connection(r) : r->connection;
  for (const ngx_pool_cleanup_t* c = connection->pool->cleanup; c != nullptr; c = c->next) {
    if (c->handler == on_connection_end) return;
  }
  if (is_http2(r)) wipe_header_table_at_end(r);
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(connection->pool, sizeof(Kept));
  if (cleanup == nullptr) return;
  cleanup->handler = on_connection_end;
  *static_cast<Kept*>(cleanup->data) = {connection, r->http_connection};
}

void wipe_registers() {
#if defined(__x86_64__)
  static const bool avx = __builtin_cpu_supports("avx") != 0;
  static const bool avx512 = __builtin_cpu_supports("avx512vl") != 0;
  if (avx) {
    asm volatile("vzeroall"
                 :
                 :
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  }
  if (avx512) {  // the C library copies by these, so that it need not clean up
    asm volatile(
        "vpxorq %xmm16, %xmm16, %xmm16; vpxorq %xmm17, %xmm17, %xmm17; vpxorq %xmm18, %xmm18, %xmm18;"
        "vpxorq %xmm19, %xmm19, %xmm19; vpxorq %xmm20, %xmm20, %xmm20; vpxorq %xmm21, %xmm21, %xmm21;"
        "vpxorq %xmm22, %xmm22, %xmm22; vpxorq %xmm23, %xmm23, %xmm23; vpxorq %xmm24, %xmm24, %xmm24;"
        "vpxorq %xmm25, %xmm25, %xmm25; vpxorq %xmm26, %xmm26, %xmm26; vpxorq %xmm27, %xmm27, %xmm27;"
        "vpxorq %xmm28, %xmm28, %xmm28; vpxorq %xmm29, %xmm29, %xmm29; vpxorq %xmm30, %xmm30, %xmm30;"
        "vpxorq %xmm31, %xmm31, %xmm31");
  }
#endif
}

void cleanse_tls(SSL_CTX* tls) {
#ifdef SSL_OP_CLEANSE_PLAINTEXT
  SSL_CTX_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
#else
  (void)tls;
#endif
}

}  // namespace cardscrub
