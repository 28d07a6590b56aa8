// Which connections can be reset, and how.
#include "upstream.h"

#include <sys/socket.h>

namespace cardscrub {

namespace {

bool is_unix(const sockaddr* address) { return address != nullptr && address->sa_family == AF_UNIX; }

bool holds_unix(const ngx_http_upstream_srv_conf_t* group) {
  if (group == nullptr || group->servers == nullptr) return false;
  const auto* servers = static_cast<const ngx_http_upstream_server_t*>(group->servers->elts);
  for (ngx_uint_t s = 0; s < group->servers->nelts; ++s) {
    for (ngx_uint_t a = 0; a < servers[s].naddrs; ++a) {
      if (is_unix(servers[s].addrs[a].sockaddr)) return true;
    }
  }
  return false;
}

// A name that was put together from variables may be the name of a group.
bool names_unix_group(const ngx_http_request_t* r, const ngx_str_t& name) {
  const auto* main = static_cast<const ngx_http_upstream_main_conf_t*>(
      ngx_http_get_module_main_conf(r, ngx_http_upstream_module));
  auto* const* groups = static_cast<ngx_http_upstream_srv_conf_t* const*>(main->upstreams.elts);
  for (ngx_uint_t g = 0; g < main->upstreams.nelts; ++g) {
    const ngx_str_t& host = groups[g]->host;
    if (host.len == name.len && ngx_strncasecmp(host.data, name.data, name.len) == 0 && holds_unix(groups[g]))
      return true;
  }
  return false;
}

}  // namespace

bool part_may_pass_for_whole(const ngx_http_request_t* r) {
  const ngx_http_upstream_t* upstream = r->upstream;
  // Chunks have an end of their own (nginx counts their bytes as content_length_n).
  if (upstream == nullptr || upstream->conf == nullptr || r->headers_in.chunked) return false;
  // These mark the end of a body themselves.
  const std::string_view protocol = view(upstream->conf->module);
  if (protocol == "fastcgi" || protocol == "grpc") return false;
  // nginx gives the length of what it has read so far here.
  if (protocol == "scgi") return true;
#if (NGX_HTTP_SSL)
  if (upstream->ssl) return true;
#endif
  if (upstream->resolved == nullptr) return holds_unix(upstream->conf->upstream);
  return is_unix(upstream->resolved->sockaddr) || names_unix_group(r, upstream->resolved->host);
}

void reset_upstream(const ngx_http_request_t* r) {
  ngx_connection_t* connection = r->upstream == nullptr ? nullptr : r->upstream->peer.connection;
  if (connection == nullptr) return;
  const linger at_once{1, 0};
  // Without effect on a unix socket, see part_may_pass_for_whole().
  (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace cardscrub
