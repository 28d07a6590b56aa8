// Wiping nginx's own buffers.
#include "wipe.h"

#if (NGX_HTTP_V2)
extern "C" {
#include <ngx_http_v2_module.h>
}
#endif

#include <algorithm>

#include "request_context.h"

namespace cardscrub {

namespace {

void wipe_range(u_char* begin, u_char* end) {
  if (begin < end) wipe(begin, static_cast<size_t>(end - begin));
}

void wipe_chain(ngx_chain_t* chain) {
  for (; chain != nullptr; chain = chain->next) wipe_range(chain->buf->start, chain->buf->end);
}

// Chunks are moved together in place, so bytes of a body may stand where no buffer points to any more.
void wipe_body(ngx_http_request_t* r, const RequestContext& context) {
  wipe_range(context.preread_begin, context.preread_end);
  const ngx_http_request_body_t* body = r->request_body;
  if (body == nullptr || body->buf == nullptr || !context.body_begun) return;
  const ngx_buf_t* head = r->header_in;
  bool shares_head = head != nullptr && body->buf->start >= head->start && body->buf->start < head->end;
  // In the head's buffer, what follows the body may be the next request.
  wipe_range(body->buf->start, shares_head ? body->buf->last : body->buf->end);
}

#if (NGX_HTTP_V2)

// What goes over the wire of a request besides its body, with room for other streams' frames.
constexpr size_t kFrameRoom = 16384;
constexpr size_t kHeaderTable = 4096;  // RFC 7541, 6.5.2: nginx keeps the default size

ngx_event_t g_receive_event;
size_t g_dirty = 0;  // at least this many bytes of the receive buffer may be card data

void on_receive_buffer(ngx_event_t* event) {
  auto* main = static_cast<ngx_http_v2_main_conf_t*>(event->data);
  if (main->recv_buffer != nullptr)
    wipe(main->recv_buffer, std::min(main->recv_buffer_size, g_dirty + kFrameRoom));
  g_dirty = 0;
}

// One buffer serves all connections of a worker; it may be in use right now (this can run inside the loop
// over its frames), so it is wiped when the event has been dealt with.
void wipe_receive_buffer_soon(ngx_http_request_t* r, const RequestContext& context) {
  g_dirty += static_cast<size_t>(context.body_bytes) + 4096;
  g_receive_event.handler = on_receive_buffer;
  g_receive_event.data = ngx_http_get_module_main_conf(r, ngx_http_v2_module);
  g_receive_event.log = ngx_cycle->log;
  if (!g_receive_event.posted) {
    ngx_post_event(&g_receive_event, &ngx_posted_events);
  }
}

void on_connection_end(void* data) {
  const auto* connection = static_cast<const ngx_http_v2_connection_t*>(data);
  if (connection->hpack.storage != nullptr) wipe(connection->hpack.storage, kHeaderTable);
}

#endif

#ifdef SSL_OP_CLEANSE_PLAINTEXT

// With SSL_OP_CLEANSE_PLAINTEXT OpenSSL wipes what it has decrypted when it is read, which is what we want,
// and wipes the whole of its 17 KB buffer once more when it gives that back, which nginx makes it do after
// every read (SSL_MODE_RELEASE_BUFFERS): twice as many instructions as all of a small request takes here. So
// the buffer stays while there is something to read, and is given back, unwiped and clean, when the socket
// has run empty.
long on_tls_bytes(BIO* bio, int operation, const char*, size_t, int, long, int result, size_t*) {
  auto* tls = reinterpret_cast<SSL*>(BIO_get_callback_arg(bio));
  if (operation == (BIO_CB_READ | BIO_CB_RETURN)) {
    if (result > 0) {
      SSL_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
      SSL_clear_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    } else {
      SSL_clear_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
      SSL_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    }
  } else if (operation == BIO_CB_WRITE) {
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

void wipe_request(ngx_http_request_t* r, const RequestContext& context) {
  wipe_chain(context.free);
  wipe_chain(context.busy);
  wipe_body(r, context);
#if (NGX_HTTP_V2)
  if (r->stream != nullptr) {
    wipe_receive_buffer_soon(r, context);
    return;
  }
#endif
  // What follows `pos` is the next request's.
  if (r->header_in != nullptr) wipe_range(r->header_in->start, r->header_in->pos);
}

void wipe_with_connection(ngx_http_request_t* r) {
#ifdef SSL_OP_CLEANSE_PLAINTEXT
  cleanse_once(r->connection);
#endif
#if (NGX_HTTP_V2)
  if (r->stream == nullptr) return;
  ngx_http_v2_connection_t* connection = r->stream->connection;
  ngx_pool_t* pool = connection->connection->pool;
  for (const ngx_pool_cleanup_t* c = pool->cleanup; c != nullptr; c = c->next) {
    if (c->handler == on_connection_end) return;
  }
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, 0);
  if (cleanup == nullptr) return;
  cleanup->handler = on_connection_end;
  cleanup->data = connection;
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
