// `nginx -t`: a location that reveals lets in whom the operator names, and sends card data over verified TLS
// to whom the operator names.
//
// What other modules were told lies in structures of theirs. Of nginx's public ones
// (ngx_http_upstream_conf_t) only the place is not known: the directives' own rows say where their values
// are, and several of them must agree. Where they do not, this nginx is another one than we know, and the
// location is refused.
#include <optional>

#include "guard.h"
#include "location_conf.h"
#include "main_conf.h"
#include "reveal_hold.h"

extern "C" {
#include <ngx_http_ssl_module.h>
}

namespace cardscrub {

namespace {

const ngx_module_t* find_module(const ngx_conf_t* cf, std::string_view name) {
  for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
    if (std::string_view(cf->cycle->modules[i]->name) == name) return cf->cycle->modules[i];
  }
  return nullptr;
}

// Where in its location's configuration a directive's ready-made setter writes.
std::optional<size_t> offset_of(const ngx_module_t& module, std::string_view directive) {
  for (const ngx_command_t* row = module.commands; row != nullptr && row->name.len != 0; ++row) {
    if (view(row->name) == directive && row->conf == NGX_HTTP_LOC_CONF_OFFSET) return row->offset;
  }
  return std::nullopt;
}

template <typename T>
const T& at(const void* conf, size_t offset) {
  return *reinterpret_cast<const T*>(static_cast<const char*>(conf) + offset);
}

// ---- the way out

// The upstream's configuration within a proxying module's own; nullptr: not where we know it.
const ngx_http_upstream_conf_t* upstream_of(const ngx_module_t& module, std::string_view prefix,
                                            const void* conf) {
  struct Row {
    std::string_view name;
    size_t member;
  };
  constexpr Row kRows[] = {
      {"ssl_verify", offsetof(ngx_http_upstream_conf_t, ssl_verify)},
      {"ssl_server_name", offsetof(ngx_http_upstream_conf_t, ssl_server_name)},
      {"ssl_name", offsetof(ngx_http_upstream_conf_t, ssl_name)},
      {"connect_timeout", offsetof(ngx_http_upstream_conf_t, connect_timeout)},
      {"next_upstream_tries", offsetof(ngx_http_upstream_conf_t, next_upstream_tries)},
  };
  std::optional<size_t> base;
  for (const Row& row : kRows) {
    const std::optional<size_t> offset = offset_of(module, std::string(prefix) + std::string(row.name));
    if (!offset || *offset < row.member) return nullptr;
    const size_t here = *offset - row.member;
    if (base && *base != here) return nullptr;
    base = here;
  }
  return &at<ngx_http_upstream_conf_t>(conf, *base);
}

bool is_tls(const ngx_http_upstream_conf_t& upstream) {
  return upstream.ssl != nullptr && upstream.ssl->ctx != nullptr;
}

bool allows_old_tls(SSL_CTX* context) {
  constexpr uint64_t kNoOld = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  return (SSL_CTX_get_options(context) & kNoOld) != kNoOld &&
         SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION;
}

bool keeps_answers(const ngx_http_upstream_conf_t& upstream) {
#if (NGX_HTTP_CACHE)
  if (upstream.cache > 0) return true;
#endif
  return upstream.store > 0;
}

// What is wrong with the way to the provider; empty: nothing.
std::string upstream_fault(const ngx_conf_t* cf, const RevealPlace& reveal) {
  struct Way {
    std::string_view module, prefix, pass;
  };
  constexpr Way kWays[] = {{"ngx_http_proxy_module", "proxy_", "proxy_pass https://"},
                           {"ngx_http_grpc_module", "grpc_", "grpc_pass grpcs://"}};
  const ngx_http_upstream_conf_t* upstream = nullptr;
  Way way = kWays[0];
  for (const Way& candidate : kWays) {
    const ngx_module_t* module = find_module(cf, candidate.module);
    if (module == nullptr) continue;
    const auto* found = upstream_of(*module, candidate.prefix, reveal.loc_conf[module->ctx_index]);
    if (found == nullptr)
      return "this nginx lays out its " + std::string(candidate.prefix) +
             "* settings in another way than this module knows";
    // A fixed server, or one with variables: then nginx prepares for TLS.
    if (found->upstream == nullptr && !is_tls(*found)) continue;
    if (upstream != nullptr && found->upstream == nullptr) continue;
    upstream = found;
    way = candidate;
  }
  const std::string pass(way.pass);
  const std::string prefix(way.prefix);
  const auto* core =
      static_cast<const ngx_http_core_loc_conf_t*>(reveal.loc_conf[ngx_http_core_module.ctx_index]);
  if (upstream == nullptr || (core->handler == nullptr && !core->noname)) {
    return "the location has no \"proxy_pass https://...\" or \"grpc_pass grpcs://...\"";
  }
  if (!is_tls(*upstream)) return "the provider is reached in clear: write \"" + pass + "...\"";
  if (upstream->ssl_verify != 1) {
    return "the provider's certificate is not verified: write \"" + prefix + "ssl_verify on;\" and \"" +
           prefix + "ssl_trusted_certificate <file>;\"";
  }
  if (allows_old_tls(upstream->ssl->ctx)) {
    return "TLS older than 1.2 is allowed to the provider: write \"" + prefix +
           "ssl_protocols TLSv1.2 TLSv1.3;\"";
  }
  if (keeps_answers(*upstream)) {
    return "what the provider answers would be kept on disk as it came: write \"" + prefix +
           "cache off;\" and \"" + prefix + "store off;\"";
  }
  const bool variable_name = upstream->ssl_name != nullptr && upstream->ssl_name->lengths != nullptr;
  if ((upstream->upstream == nullptr || variable_name) && reveal.conf->reveal_hosts.empty()) {
    return "each request decides where card data is sent: write \"cardscrub_reveal_hosts <host> ...;\", or "
           "no variables "
           "in \"" +
           prefix + "pass\" and \"" + prefix + "ssl_name\"";
  }
  return {};
}

// ---- the way in

// nginx's access module: the IPv4 rules come first in its configuration, those for IPv6 behind them. "all" is
// a rule in both.
struct AccessRule {
  in_addr_t mask;
  in_addr_t address;
  ngx_uint_t deny;
  bool all() const { return mask == 0 && address == 0; }
};
struct AccessRule6 {
  in6_addr address;
  in6_addr mask;
  ngx_uint_t deny;
  bool all() const { return IN6_IS_ADDR_UNSPECIFIED(&mask) && IN6_IS_ADDR_UNSPECIFIED(&address); }
};

enum class Access { kNoRules, kAll, kSome };

template <typename Rule>
Access access_of(const ngx_array_t* rules) {
  if (rules == nullptr || rules->size != sizeof(Rule)) return Access::kNoRules;
  const auto* rule = static_cast<const Rule*>(rules->elts);
  for (size_t i = 0; i < rules->nelts; ++i) {
    if (rule[i].all()) return rule[i].deny != 0 ? Access::kSome : Access::kAll;
  }
  return Access::kAll;
}

// Whether its rules let everybody in. Rules of another shape than we know count as none.
Access access_rules(const ngx_conf_t* cf, void* const* loc_conf, int family) {
  const ngx_module_t* module = find_module(cf, "ngx_http_access_module");
  if (module == nullptr) return Access::kNoRules;
  const void* conf = loc_conf[module->ctx_index];
  return family == AF_INET6 ? access_of<AccessRule6>(at<const ngx_array_t*>(conf, sizeof(ngx_array_t*)))
                            : access_of<AccessRule>(at<const ngx_array_t*>(conf, 0));
}

bool asks_for_password(const ngx_conf_t* cf, void* const* loc_conf) {
  const ngx_module_t* module = find_module(cf, "ngx_http_auth_basic_module");
  const std::optional<size_t> offset = module == nullptr ? std::nullopt : offset_of(*module, "auth_basic");
  if (!offset) return false;
  const auto* realm = at<const ngx_http_complex_value_t*>(loc_conf[module->ctx_index], *offset);
  return realm != nullptr && realm != NGX_CONF_UNSET_PTR && realm->lengths == nullptr &&
         view(realm->value) != "off";
}

bool asks_elsewhere(const ngx_conf_t* cf, void* const* loc_conf) {
  const ngx_module_t* module = find_module(cf, "ngx_http_auth_request_module");
  return module != nullptr && at<ngx_str_t>(loc_conf[module->ctx_index], 0).len != 0;
}

bool wants_certificates(const RevealPlace& reveal) {
  const auto* ssl =
      static_cast<const ngx_http_ssl_srv_conf_t*>(reveal.srv_conf[ngx_http_ssl_module.ctx_index]);
  constexpr ngx_uint_t kOn = 1;
  return ssl != nullptr && ssl->verify == kOn;
}

bool lets_everybody_in(const ngx_conf_t* cf, const RevealPlace& reveal, int family) {
  if (wants_certificates(reveal)) return false;
  const Access access = access_rules(cf, reveal.loc_conf, family);
  const bool asks = asks_for_password(cf, reveal.loc_conf) || asks_elsewhere(cf, reveal.loc_conf);
  const auto* core =
      static_cast<const ngx_http_core_loc_conf_t*>(reveal.loc_conf[ngx_http_core_module.ctx_index]);
  if (core->satisfy == NGX_HTTP_SATISFY_ANY && access == Access::kAll) return true;
  return access != Access::kSome && !asks;
}

bool is_local(const sockaddr* address) {
  if (address->sa_family == AF_UNIX) return true;
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(static_cast<const void*>(address));
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(static_cast<const void*>(address));
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
  }
  return false;
}

// An address that others than this machine can reach, of IPv6 where that is asked for; empty: there is none.
std::string public_address(const ngx_http_core_main_conf_t& core, void* const* srv_conf, int family) {
  if (core.ports == nullptr) return {};
  const auto* port = static_cast<const ngx_http_conf_port_t*>(core.ports->elts);
  for (size_t p = 0; p < core.ports->nelts; ++p) {
    const auto* address = static_cast<const ngx_http_conf_addr_t*>(port[p].addrs.elts);
    for (size_t a = 0; a < port[p].addrs.nelts; ++a) {
      if (family == AF_INET6 && address[a].opt.sockaddr->sa_family != AF_INET6) continue;
      const auto* servers = static_cast<ngx_http_core_srv_conf_t* const*>(address[a].servers.elts);
      for (size_t s = 0; s < address[a].servers.nelts; ++s) {
        if (servers[s]->ctx->srv_conf == srv_conf && !is_local(address[a].opt.sockaddr)) {
          return std::string(view(address[a].opt.addr_text));
        }
      }
    }
  }
  return {};
}

ngx_int_t check(ngx_conf_t* cf, const ngx_http_core_main_conf_t& core, const RevealPlace& reveal) {
  std::string fault = upstream_fault(cf, reveal);
  // Those of IPv4 count for every address: clients of IPv4 may come to one of IPv6, too.
  for (int family : {AF_INET, AF_INET6}) {
    if (!fault.empty() || !lets_everybody_in(cf, reveal, family)) continue;
    const std::string address = public_address(core, reveal.srv_conf, family);
    if (!address.empty()) {
      fault = "everybody who reaches " + address +
              " may have card data sent: write \"allow <your application>; deny all;\", ask for client "
              "certificates "
              "(\"ssl_verify_client on;\"), or listen on 127.0.0.1 or a unix socket";
    }
  }
  if (fault.empty()) return NGX_OK;
  (void)refuse_configuration(cf, reveal.conf->reveal_place, "cardscrub_reveal is on, but " + fault);
  return NGX_ERROR;
}

}  // namespace

ngx_int_t check_reveal(ngx_conf_t* cf) {
  return guard(cf->log, "checking what is revealed", ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    const auto* core =
        static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    for (const RevealPlace& reveal : main_conf(cf)->reveals) {
      if (check(cf, *core, reveal) != NGX_OK) return NGX_ERROR;
    }
    return NGX_OK;
  });
}

}  // namespace cardscrub
