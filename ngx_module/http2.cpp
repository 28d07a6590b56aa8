// nginx's HTTP/2 connection from inside.
#include "http2.h"

#if (NGX_HTTP_V2)

extern "C" {
#include <ngx_http_v2_module.h>
}

#include <algorithm>

#include "wipe.h"

namespace cardscrub {

namespace {

// What comes over the wire of a request besides its body, with room for other streams' frames.
constexpr size_t kFrameRoom = 16384;
constexpr size_t kTableSize = 4096;    // RFC 7541, 6.5.2: nginx keeps the default
constexpr ngx_msec_t kOnItsWay = 500;  // what a client sends before it has seen that nobody reads it

ngx_event_t g_receive_event;
size_t g_dirty = 0;  // at least this many bytes of the receive buffer may be card data

void on_receive_buffer(ngx_event_t* event) {
  auto* main = static_cast<ngx_http_v2_main_conf_t*>(event->data);
  if (main->recv_buffer != nullptr)
    wipe(main->recv_buffer, std::min(main->recv_buffer_size, g_dirty + kFrameRoom));
  g_dirty = 0;
}

void wipe_soon(ngx_http_v2_main_conf_t* main, size_t size) {
  g_dirty = std::min(g_dirty, main->recv_buffer_size) + std::min(size, main->recv_buffer_size);
  if (g_receive_event.posted) return;
  g_receive_event.handler = on_receive_buffer;
  g_receive_event.data = main;
  g_receive_event.log = ngx_cycle->log;
  ngx_post_event(&g_receive_event, &ngx_posted_events);
}

ngx_event_t g_later;
ngx_connection_t g_later_connection;  // nginx's timers want one to name in debug lines
bool g_once_more = false;             // asked for while the timer runs

void on_later(ngx_event_t* timer) {
  auto* main = static_cast<ngx_http_v2_main_conf_t*>(g_later_connection.data);
  wipe_soon(main, main->recv_buffer_size);
  if (g_once_more) ngx_add_timer(timer, kOnItsWay);
  g_once_more = false;
}

void wipe_later(ngx_http_v2_main_conf_t* main) {
  g_once_more = g_later.timer_set != 0;
  if (g_once_more) return;
  g_later_connection.fd = static_cast<ngx_socket_t>(-1);
  g_later_connection.data = main;
  g_later.handler = on_later;
  g_later.data = &g_later_connection;
  g_later.log = ngx_cycle->log;
  g_later.cancelable = 1;  // never keeps a worker from ending
  ngx_add_timer(&g_later, kOnItsWay);
}

// A string of the table: it may go on at the start of the storage.
class Ring {
 public:
  explicit Ring(u_char* storage) : storage_(storage) {}
  void get(const ngx_str_t& text, SecretBuffer* out) const {
    size_t first = first_part(text);
    out->clear();
    out->append({text.data, first});
    out->append({storage_, text.len - first});
  }
  void put(Bytes bytes, const ngx_str_t& text) {
    size_t first = first_part(text);
    std::copy_n(bytes.data(), first, text.data);
    std::copy_n(bytes.data() + first, text.len - first, storage_);
  }

 private:
  size_t first_part(const ngx_str_t& text) const {
    return std::min(text.len, static_cast<size_t>(storage_ + kTableSize - text.data));
  }

  u_char* storage_;
};

// What we know of a connection, until it ends.
struct Kept {
  const ngx_http_v2_connection_t* connection;
  ngx_http_v2_main_conf_t* main;
  off_t seen;   // of its bytes of bodies, all streams together
  bool unread;  // bytes of a body that nobody read may have come, or still come
};

void on_connection_end(void* data) {
  const auto* kept = static_cast<const Kept*>(data);
  u_char* storage = kept->connection->hpack.storage;
  if (storage != nullptr) wipe(storage, kTableSize);
  if (!kept->unread) return;
  wipe_soon(kept->main, kept->main->recv_buffer_size);
  wipe_stack_soon();
}

Kept* kept_of(ngx_http_request_t* r) {
  for (const ngx_pool_cleanup_t* c = http2_connection(r)->pool->cleanup; c != nullptr; c = c->next) {
    if (c->handler == on_connection_end) return static_cast<Kept*>(c->data);
  }
  return nullptr;
}

ngx_http_v2_main_conf_t* http2_conf(const ngx_http_request_t* r) {
  return static_cast<ngx_http_v2_main_conf_t*>(ngx_http_get_module_main_conf(r, ngx_http_v2_module));
}

// What came of a body before somebody read it, as long as nginx has not taken it out of there, and given the
// memory back; nullptr: nothing, or it has been kept.
ngx_buf_t* early_body(const ngx_http_request_t* r) {
  ngx_buf_t* early = r->stream->preread;
  if (early == nullptr || (r->request_body != nullptr && r->request_body->buf != nullptr)) return nullptr;
  return early->start == nullptr ? nullptr : early;
}

bool is_of(const ngx_pool_t* pool, const u_char* at) {
  for (const ngx_pool_t* p = pool; p != nullptr; p = p->d.next) {
    if (at >= reinterpret_cast<const u_char*>(p) && at < p->d.end) return true;
  }
  for (const ngx_pool_large_t* large = pool->large; large != nullptr; large = large->next) {
    if (large->alloc == at) return true;
  }
  return false;
}

// The client has gone, or made a mistake, in the middle of a name or a value: what has been read of it.
void wipe_half_string(const ngx_http_v2_stream_t& stream) {
  const auto& state = stream.connection->state;
  if (state.pool == nullptr || state.pool != stream.pool || state.field_rest == 0) return;
  // nginx skips a string that it does not want, and leaves these as the one before left them.
  if (state.field_end <= state.field_start || !is_of(stream.pool, state.field_start)) return;
  wipe(state.field_start, static_cast<size_t>(state.field_end - state.field_start));
}

}  // namespace

ngx_connection_t* http2_connection(ngx_http_request_t* r) { return r->stream->connection->connection; }

void wipe_left_overs(ngx_http_request_t* r) {
  if (r->stream->cookies != nullptr) {
    const auto* crumbs = static_cast<const ngx_str_t*>(r->stream->cookies->elts);
    for (ngx_uint_t i = 0; i < r->stream->cookies->nelts; ++i) wipe(crumbs[i].data, crumbs[i].len);
  }
  wipe_half_string(*r->stream);
  const ngx_http_v2_hpack_t& table = r->stream->connection->hpack;
  if (table.storage == nullptr) return;
  // What is in use stands in one piece in front of `pos`, if need be from the end of the storage on.
  size_t used = 0;
  for (ngx_uint_t i = table.deleted; i != table.added; ++i) {
    const ngx_http_v2_header_t* header = table.entries[i % table.allocated];
    used += header->name.len + header->value.len;
  }
  size_t begin = static_cast<size_t>(table.pos - table.storage);
  size_t unused = kTableSize - std::min(used, kTableSize);
  size_t first = std::min(unused, kTableSize - begin);
  wipe(table.pos, first);
  wipe(table.storage, unused - first);
}

void wipe_receive_buffer_soon(ngx_http_request_t* r, size_t size) {
  if (Kept* kept = kept_of(r)) {
    const off_t all = r->stream->connection->payload_bytes;
    size = std::max(size, static_cast<size_t>(all - kept->seen));
    kept->seen = all;
  }
  wipe_soon(http2_conf(r), size);
}

void wipe_unread_stream(ngx_http_request_t* r) {
  if (r->stream->preread == nullptr && r->stream->in_closed && r->headers_in.content_length_n <= 0 &&
      !r->headers_in.chunked)
    return;
  if (const ngx_buf_t* early = early_body(r)) {
    wipe(early->start, static_cast<size_t>(early->last - early->start));
  }
  if (Kept* kept = kept_of(r)) kept->unread = true;
  ngx_http_v2_main_conf_t* main = http2_conf(r);
  wipe_soon(main, main->recv_buffer_size);
  wipe_later(main);
}

void keep_early_body(ngx_http_request_t* r, u_char** begin, u_char** end) {
  ngx_buf_t* early = early_body(r);
  if (early == nullptr) return;
  *begin = early->start;
  *end = early->last;
  early->start = nullptr;  // only nginx's giving back uses it
}

void rewrite_header_table(ngx_http_request_t* r,
                          const std::function<void(const ngx_table_elt_t& header)>& rewrite) {
  const ngx_http_v2_hpack_t& table = r->stream->connection->hpack;
  if (table.storage == nullptr) return;
  Ring ring(table.storage);
  SecretBuffer name;
  SecretBuffer value;
  for (ngx_uint_t i = table.deleted; i != table.added; ++i) {
    const ngx_http_v2_header_t* header = table.entries[i % table.allocated];
    ring.get(header->name, &name);
    ring.get(header->value, &value);
    ngx_table_elt_t line{};
    line.key = {name.size(), name.data()};
    line.lowcase_key = name.data();
    line.value = {value.size(), value.data()};
    rewrite(line);
    ring.put(value.span(), header->value);
  }
}

void wipe_header_table_at_end(ngx_http_request_t* r) {
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(http2_connection(r)->pool, sizeof(Kept));
  if (cleanup == nullptr) return;
  cleanup->handler = on_connection_end;
  *static_cast<Kept*>(cleanup->data) = {r->stream->connection, http2_conf(r), 0, false};
}

}  // namespace cardscrub

#endif
