// The way to the provider, looked at when it has been chosen and before anything is in clear; and what nginx
// keeps of it.
#include <unordered_map>

#include "guard.h"
#include "request_context.h"
#include "reveal_hold.h"

namespace cardscrub {

namespace {

bool is_old_tls(SSL_CTX* context) {
  constexpr uint64_t kNoOld = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  return (SSL_CTX_get_options(context) & kNoOld) != kNoOld &&
         SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION;
}

// nginx checks chain and name when `ssl_verify` is on, whatever the name was made of.
bool is_verified_tls(const ngx_http_upstream_t& upstream) {
  const ngx_http_upstream_conf_t* conf = upstream.conf;
  return upstream.ssl && conf != nullptr && conf->ssl != nullptr && conf->ssl->ctx != nullptr &&
         conf->ssl_verify == 1 && !is_old_tls(conf->ssl->ctx);
}

bool is_one_of(const std::vector<ngx_str_t>& hosts, const ngx_str_t& name) {
  for (const ngx_str_t& host : hosts) {
    const bool suffix = host.data[0] == '.';
    if (suffix ? name.len <= host.len : name.len != host.len) continue;
    if (ngx_strncasecmp(name.data + name.len - host.len, host.data, host.len) == 0) return true;
  }
  return false;
}

struct Watched {
  ngx_event_free_peer_pt free;  // the original function
  const ngx_http_request_t* request;
};

// The peers that are watched; few at a time.
std::unordered_map<ngx_peer_connection_t*, Watched>& watched() {
  static std::unordered_map<ngx_peer_connection_t*, Watched> peers;
  return peers;
}

// What was written to the connection and gathered into a record's worth of bytes first.
void wipe_connection(const ngx_connection_t* c) {
  if (c == nullptr || c->ssl == nullptr || c->ssl->buf == nullptr) return;
  const ngx_buf_t* b = c->ssl->buf;
  if (b->start < b->end) wipe(b->start, static_cast<size_t>(b->end - b->start));
}

// nginx calls this before it closes the connection or keeps it for another request.
void on_peer_done(ngx_peer_connection_t* peer, void* data, ngx_uint_t state) {
  wipe_connection(peer->connection);
  const auto found = watched().find(peer);
  if (found != watched().end()) found->second.free(peer, data, state);
}

}  // namespace

bool check_upstream(ngx_http_request_t* r, const LocationConf& conf, RequestContext* context) {
  const ngx_http_upstream_t* upstream = r->upstream;
  if (upstream == nullptr || !is_verified_tls(*upstream)) {
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "cardscrub: not revealed, for the upstream is not reached over verified TLS 1.2 or later");
    context->verdict.refuse(Reason::kFault, {});
    return false;
  }
  // A name that was evaluated for this request.
  const ngx_http_complex_value_t* name = upstream->conf->ssl_name;
  const bool named = name != nullptr && name->lengths != nullptr;
  ngx_str_t checked{};
  if (named && ngx_http_complex_value(r, upstream->conf->ssl_name, &checked) != NGX_OK) {
    context->verdict.refuse(Reason::kFault, {});
    return false;
  }
  if ((upstream->resolved != nullptr && !is_one_of(conf.reveal_hosts, upstream->resolved->host)) ||
      (named && !conf.reveal_hosts.empty() && !is_one_of(conf.reveal_hosts, checked))) {
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "cardscrub: not revealed, for the upstream is none of \"cardscrub_reveal_hosts\"");
    context->verdict.refuse(Reason::kRevealHost, {});
    return false;
  }
  return true;
}

bool watch_peer(ngx_http_request_t* r) {
  if (r->upstream == nullptr) return true;
  ngx_peer_connection_t* peer = &r->upstream->peer;
  if (peer->free == nullptr) return false;
  if (peer->free == on_peer_done) return true;
  const bool kept = guarded(r->connection->log, "watching an upstream connection", [&] {
    watched()[peer] = {peer->free, r};
  });
  if (kept) peer->free = on_peer_done;
  return true;
}

// Behind a redirect `r->upstream` is another one, and the one that was watched is still in the request's
// pool.
void forget_peer(const ngx_http_request_t* r) {
  for (auto at = watched().begin(); at != watched().end();) {
    if (at->second.request != r) {
      ++at;
      continue;
    }
    at->first->free = at->second.free;
    at = watched().erase(at);
  }
}

}  // namespace cardscrub
