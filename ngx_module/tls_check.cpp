// `nginx -t`: a server that scrubs must not be reachable in clear or by TLS older than 1.2 (PCI DSS 4.2.1).
#include "nginx.h"

extern "C" {
#include <ngx_http_ssl_module.h>
}

#include "guard.h"
#include "location_conf.h"
#include "moments.h"
#include "wipe.h"

namespace cardscrub {

namespace {

const ServerConf* server_conf(const ngx_http_core_srv_conf_t& server) {
  return static_cast<const ServerConf*>(server.ctx->srv_conf[ngx_http_cardscrub_module.ctx_index]);
}

std::string server_place(const ngx_http_core_srv_conf_t& server) {
  return "the server in " + std::string(reinterpret_cast<const char*>(server.file_name)) + ":" +
         std::to_string(server.line);
}

bool is_encrypted(const ngx_http_listen_opt_t& listen) {
#if (nginx_version >= 1025000)
  return listen.ssl != 0 || listen.quic != 0;
#else
  return listen.ssl != 0;
#endif
}

SSL_CTX* tls_of(const ngx_http_core_srv_conf_t& server) {
  const auto* ssl =
      static_cast<const ngx_http_ssl_srv_conf_t*>(server.ctx->srv_conf[ngx_http_ssl_module.ctx_index]);
  return ssl == nullptr ? nullptr : ssl->ssl.ctx;
}

bool allows_old_tls(const ngx_http_core_srv_conf_t& server) {
  SSL_CTX* context = tls_of(server);
  if (context == nullptr) return false;
  constexpr uint64_t kNoOld = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  return (SSL_CTX_get_options(context) & kNoOld) != kNoOld &&
         SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION;
}

// `asked_first`: TLS agrees on a version before the client's name for the server counts, so the address's
// default server says which ones there are.
ngx_int_t check_listen(ngx_conf_t* cf, const ngx_http_listen_opt_t& listen,
                       const ngx_http_core_srv_conf_t& asked_first, const ngx_http_core_srv_conf_t& server) {
  const ServerConf* wishes = server_conf(server);
  if (wishes != nullptr && wishes->scrubs && tls_of(server) != nullptr) cleanse_tls(tls_of(server));
  if (wishes == nullptr || !wishes->scrubs_over_tls) return NGX_OK;
  if (!is_encrypted(listen)) {
    (void)refuse_configuration(cf, wishes->place,
                               "cardscrub is on, but " + server_place(server) + " listens on " +
                                   std::string(view(listen.addr_text)) + " without TLS: write \"listen " +
                                   std::string(view(listen.addr_text)) +
                                   " ssl;\", or \"cardscrub off;\" in a server that needs no card data, or "
                                   "\"cardscrub_require_tls off;\" "
                                   "when TLS ends in front of this nginx");
    return NGX_ERROR;
  }
  for (const ngx_http_core_srv_conf_t* each : {&server, &asked_first}) {
    if (!allows_old_tls(*each)) continue;
    (void)refuse_configuration(cf, wishes->place,
                               "cardscrub is on, but " + server_place(*each) +
                                   (each == &server ? "" : ", the default server of its address,") +
                                   " allows TLS older than 1.2: write \"ssl_protocols TLSv1.2 TLSv1.3;\"");
    return NGX_ERROR;
  }
  return NGX_OK;
}

ngx_int_t check_ports(ngx_conf_t* cf, const ngx_array_t& ports) {
  const auto* port = static_cast<const ngx_http_conf_port_t*>(ports.elts);
  for (size_t p = 0; p < ports.nelts; ++p) {
    const auto* address = static_cast<const ngx_http_conf_addr_t*>(port[p].addrs.elts);
    for (size_t a = 0; a < port[p].addrs.nelts; ++a) {
      const auto* servers = static_cast<ngx_http_core_srv_conf_t* const*>(address[a].servers.elts);
      for (size_t s = 0; s < address[a].servers.nelts; ++s) {
        if (check_listen(cf, address[a].opt, *address[a].default_server, *servers[s]) != NGX_OK)
          return NGX_ERROR;
      }
    }
  }
  return NGX_OK;
}

}  // namespace

ngx_int_t check_tls(ngx_conf_t* cf) {
  return guard(cf->log, "checking TLS", ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    const auto* core =
        static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    return core->ports == nullptr ? NGX_OK : check_ports(cf, *core->ports);
  });
}

}  // namespace cardscrub
