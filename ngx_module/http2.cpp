// nginx's HTTP/2 connection from inside.
#include "http2.h"

#if (NGX_HTTP_V2)

extern "C" {
#include <ngx_http_v2_module.h>
}

#include <algorithm>

namespace cardscrub {

namespace {

// What comes over the wire of a request besides its body, with room for other streams' frames.
constexpr size_t kFrameRoom = 16384;
constexpr size_t kTableSize = 4096;  // RFC 7541, 6.5.2: nginx keeps the default

ngx_event_t g_receive_event;
size_t g_dirty = 0;  // at least this many bytes of the receive buffer may be card data

void on_receive_buffer(ngx_event_t* event) {
  auto* main = static_cast<ngx_http_v2_main_conf_t*>(event->data);
  if (main->recv_buffer != nullptr)
    wipe(main->recv_buffer, std::min(main->recv_buffer_size, g_dirty + kFrameRoom));
  g_dirty = 0;
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

void on_connection_end(void* data) {
  const auto* connection = static_cast<const ngx_http_v2_connection_t*>(data);
  if (connection->hpack.storage != nullptr) wipe(connection->hpack.storage, kTableSize);
}

}  // namespace

ngx_connection_t* http2_connection(ngx_http_request_t* r) { return r->stream->connection->connection; }

void wipe_left_overs(ngx_http_request_t* r) {
  if (r->stream->cookies != nullptr) {
    const auto* crumbs = static_cast<const ngx_str_t*>(r->stream->cookies->elts);
    for (ngx_uint_t i = 0; i < r->stream->cookies->nelts; ++i) wipe(crumbs[i].data, crumbs[i].len);
  }
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
  g_dirty += size;
  if (g_receive_event.posted) return;
  g_receive_event.handler = on_receive_buffer;
  g_receive_event.data = ngx_http_get_module_main_conf(r, ngx_http_v2_module);
  g_receive_event.log = ngx_cycle->log;
  ngx_post_event(&g_receive_event, &ngx_posted_events);
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
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(http2_connection(r)->pool, 0);
  if (cleanup == nullptr) return;
  cleanup->handler = on_connection_end;
  cleanup->data = r->stream->connection;
}

}  // namespace cardscrub

#endif
