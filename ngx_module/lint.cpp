// The rules.
#include "lint.h"

extern "C" {
#include <ngx_http_ssl_module.h>
}

#include <algorithm>
#include <map>
#include <set>

#include "guard.h"
#include "location_conf.h"

namespace cardscrub {

namespace {

bool is_local(const sockaddr* address) {
  if (address->sa_family == AF_UNIX) return true;
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(in->sin_addr.s_addr) >> 24 == 127;
  }
  if (address->sa_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
    return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) != 0 ||
           (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) != 0 && in->sin6_addr.s6_addr[12] == 127);
  }
  return false;
}

// Where a *_pass directive leads.
struct Target {
  bool encrypted = false;
  bool variable = false;  // decided by each request: nothing is known
  std::string_view host;  // also the name of an upstream block
  in_port_t port = 0;     // 0: not written
};

bool take(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

Target target_of(const Written& pass) {
  Target out;
  std::string_view url = pass.words.empty() ? std::string_view{} : std::string_view(pass.words[0]);
  out.variable = url.find('$') != std::string_view::npos;
  for (std::string_view scheme : {"https://", "grpcs://", "suwsgi://"})
    out.encrypted = out.encrypted || take(&url, scheme);
  for (std::string_view scheme : {"http://", "grpc://", "uwsgi://"}) (void)take(&url, scheme);
  if (!url.starts_with("unix:")) url = url.substr(0, url.find('/'));
  const size_t bracket = url.find(']');
  const size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  out.host = url.substr(0, colon);
  if (colon != std::string_view::npos && !url.starts_with("unix:")) {
    ngx_str_t digits = ngx_text(url.substr(colon + 1));
    const ngx_int_t port = ngx_atoi(digits.data, digits.len);
    out.port = port > 0 && port < 65536 ? static_cast<in_port_t>(port) : in_port_t{0};
  }
  return out;
}

bool same(const ngx_str_t& a, std::string_view b) {
  return a.len == b.size() && ngx_strncasecmp(a.data, ngx_text(b).data, a.len) == 0;
}

class Linter {
 public:
  Linter(ngx_cycle_t* cycle, const MainConf& main, const ngx_http_core_main_conf_t* core)
      : cycle_(cycle), log_(log_of(*cycle)), main_(main), core_(core) {
    for (const Written& written : main.written) by_level_[written.level].push_back(&written);
  }

  void run() {
    for (const LocationConf* level : main_.scrubbed) {
      if (level->lint != 0) look_at_location(*level);
    }
    for (const Written& written : main_.written) look_at_require(written);
    auto* const* servers = static_cast<ngx_http_core_srv_conf_t* const*>(core_->servers.elts);
    for (size_t i = 0; i < core_->servers.nelts; ++i) look_at_server(*servers[i]);
    if (!main_.scrubbed.empty() && lint_of(http_context()->loc_conf) != 0) look_at_http();
  }

 private:
  // As nginx's own warnings, those of `nginx -t` and of a start reach the terminal when the error log that
  // was configured is of level error, which is the default.
  static ngx_log_t* log_of(const ngx_cycle_t& cycle) {
    const bool quiet = cycle.log->log_level < NGX_LOG_WARN;
    return quiet && ngx_is_init_cycle(cycle.old_cycle) ? cycle.old_cycle->log : cycle.log;
  }

  // ---- what is known
  const ngx_http_conf_ctx_t* http_context() const {
    return reinterpret_cast<const ngx_http_conf_ctx_t*>(cycle_->conf_ctx[ngx_http_module.index]);
  }
  static ngx_flag_t lint_of(void* const* loc_conf) {
    return static_cast<const LocationConf*>(loc_conf[ngx_http_cardscrub_module.ctx_index])->lint;
  }

  const Written* here(const LocationConf* level, std::string_view name) const {
    auto found = by_level_.find(level);
    if (found == by_level_.end()) return nullptr;
    for (const Written* written : found->second) {
      if (written->name == name) return written;
    }
    return nullptr;
  }
  // As nginx inherits it.
  const Written* in_force(const LocationConf* level, std::string_view name) const {
    for (; level != nullptr; level = level->around) {
      if (const Written* written = here(level, name)) return written;
    }
    return nullptr;
  }

  // The first address that `target` may lead to and that is not on this host; empty: none is known.
  std::string far_address(const Target& target) const {
    const auto* upstreams = static_cast<const ngx_http_upstream_main_conf_t*>(
        http_context()->main_conf[ngx_http_upstream_module.ctx_index]);
    auto* const* upstream = static_cast<ngx_http_upstream_srv_conf_t* const*>(upstreams->upstreams.elts);
    for (size_t i = 0; i < upstreams->upstreams.nelts; ++i) {
      const ngx_http_upstream_srv_conf_t& each = *upstream[i];
      if (!same(each.host, target.host)) continue;
      if (each.servers != nullptr) return far_server(*each.servers);
      if (target.port == 0 || each.port == 0 || each.port == target.port) return far_peer(each);
    }
    return {};
  }
  static std::string far_server(const ngx_array_t& servers) {
    const auto* server = static_cast<const ngx_http_upstream_server_t*>(servers.elts);
    for (size_t s = 0; s < servers.nelts; ++s) {
      for (size_t a = 0; a < server[s].naddrs; ++a) {
        if (!is_local(server[s].addrs[a].sockaddr)) return std::string(view(server[s].addrs[a].name));
      }
    }
    return {};
  }
  // Without an upstream block nginx balances by itself.
  static std::string far_peer(const ngx_http_upstream_srv_conf_t& upstream) {
    const auto* peers = static_cast<const ngx_http_upstream_rr_peers_t*>(upstream.peer.data);
    for (const ngx_http_upstream_rr_peer_t* peer = peers == nullptr ? nullptr : peers->peer; peer != nullptr;
         peer = peer->next) {
      if (!is_local(peer->sockaddr)) return std::string(view(peer->name));
    }
    return {};
  }

  // ---- what is said
  void warn(const Place& place, const std::string& message) {
    ngx_str_t text = ngx_text(message);
    if (place.known()) {
      ngx_log_error(NGX_LOG_WARN, log_, 0, "cardscrub: %V (in %V:%ui)", &text, &place.file, place.line);
    } else {
      ngx_log_error(NGX_LOG_WARN, log_, 0, "cardscrub: %V", &text);
    }
  }
  // Each directive once, however many locations it is in force in.
  bool first_time(const Written* written) { return said_.insert(written).second; }
  static std::string quoted(const Written& written) {
    std::string out = "\"" + std::string(written.name);
    for (const std::string& word : written.words) out += ' ' + word;
    return out + '"';
  }

  // ---- rules
  void look_at_location(const LocationConf& level) {
    for (std::string_view name : {"proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"})
      look_at_pass(here(&level, name));
    for (std::string_view name : {"proxy_store", "fastcgi_store", "uwsgi_store", "scgi_store"}) {
      const Written* store = in_force(&level, name);
      if (is_on(store) && first_time(store))
        warn(store->place, quoted(*store) +
                               " writes responses to disk as the application sent them, card data "
                               "included: take it out where cardscrub is on");
    }
    for (std::string_view name : {"proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache"}) {
      const Written* cache = in_force(&level, name);
      if (is_on(cache) && first_time(cache))
        warn(cache->place, quoted(*cache) +
                               " keeps responses on disk as the application sent them, card data "
                               "included: write \"" +
                               std::string(name) + " off;\" where cardscrub is on");
    }
    const Written* in_file = in_force(&level, "client_body_in_file_only");
    if (in_file != nullptr && !in_file->words.empty() && in_file->words[0] == "on" && first_time(in_file))
      warn(in_file->place, quoted(*in_file) +
                               " leaves every scrubbed body on disk, with names, dates and "
                               "tokens in it: write \"clean\" or \"off\"");
    look_at_mirror(level);
    look_at_untrusted(in_force(&level, "cardscrub"),
                      "switch cardscrub off: let something decide that the client cannot send, such as "
                      "\"geo\" by its address");
    look_at_untrusted(in_force(&level, "cardscrub_namespace"),
                      "choose in which namespace its tokens are made: pass the variable through a \"map\" "
                      "that lists what is allowed");
  }

  static bool is_on(const Written* written) {
    return written != nullptr && !written->words.empty() && written->words[0] != "off";
  }

  void look_at_pass(const Written* pass) {
    if (pass == nullptr || !first_time(pass)) return;
    const Target target = target_of(*pass);
    if (target.encrypted || target.variable) return;
    const std::string address = far_address(target);
    if (address.empty()) return;
    const bool tls = pass->name == "proxy_pass" || pass->name == "grpc_pass" || pass->name == "uwsgi_pass";
    const std::string scheme = pass->name == "proxy_pass"  ? "https://"
                               : pass->name == "grpc_pass" ? "grpcs://"
                                                           : "suwsgi://";
    warn(pass->place, quoted(*pass) + " sends requests to " + address +
                          " in clear: " + (tls ? "write \"" + scheme + "...\", or " : std::string()) +
                          "let the application listen on a unix socket or 127.0.0.1 of this host");
  }

  // The scrubbed body goes there too. When the place it is given to is known and on this host, all is well.
  void look_at_mirror(const LocationConf& level) {
    const Written* mirror = in_force(&level, "mirror");
    if (!is_on(mirror) || !first_time(mirror)) return;
    for (const Written& pass : main_.written) {
      if (!pass.name.ends_with("_pass") || view(pass.location) != mirror->words[0]) continue;
      const Target target = target_of(pass);
      if (!target.variable && far_address(target).empty()) return;
    }
    warn(mirror->place, quoted(*mirror) +
                            " gives a copy of every request to another host: take it out where "
                            "cardscrub is on, or let it lead to this host");
  }

  void look_at_untrusted(const Written* written, const std::string& power) {
    if (written == nullptr || written->words.empty()) return;
    for (std::string_view variable : {"$http_", "$arg_", "$cookie_", "$args", "$query_string", "$request_uri",
                                      "$uri", "$request_body", "${http_", "${arg_", "${cookie_"}) {
      if (written->words[0].find(variable) == std::string::npos || !first_time(written)) continue;
      warn(written->place, quoted(*written) + " lets the client " + power);
    }
  }

  void look_at_server(const ngx_http_core_srv_conf_t& server) {
    const auto* own =
        static_cast<const ServerConf*>(server.ctx->srv_conf[ngx_http_cardscrub_module.ctx_index]);
    const auto* ssl =
        static_cast<const ngx_http_ssl_srv_conf_t*>(server.ctx->srv_conf[ngx_http_ssl_module.ctx_index]);
    if (!own->scrubs || ssl == nullptr || ssl->ssl.ctx == nullptr || lint_of(server.ctx->loc_conf) == 0)
      return;
    const Place place{{std::strlen(reinterpret_cast<const char*>(server.file_name)), server.file_name},
                      server.line};
    const std::string weak = weak_cipher(ssl->ssl.ctx);
    if (!weak.empty())
      warn(place, "\"ssl_ciphers\" of this server allows " + weak +
                      ": write \"ssl_ciphers HIGH:!aNULL:!MD5;\" or stricter");
    look_at_tickets(place, *ssl);
  }

  static std::string weak_cipher(SSL_CTX* context) {
    constexpr int kStrong = 128;  // bits
    const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
      const std::string_view name = SSL_CIPHER_get_name(cipher);
      const bool weak =
          SSL_CIPHER_get_bits(cipher, nullptr) < kStrong ||
          SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null || name.find("RC4") != std::string_view::npos ||
          name.find("MD5") != std::string_view::npos || name.find("DES") != std::string_view::npos;
      if (weak) return std::string(name);
    }
    return {};
  }

  // A session ticket of TLS 1.2 is as secret as the key that it is sealed with; TLS 1.3 agrees on a fresh
  // one.
  void look_at_tickets(const Place& place, const ngx_http_ssl_srv_conf_t& ssl) {
    const bool old = (SSL_CTX_get_options(ssl.ssl.ctx) & SSL_OP_NO_TLSv1_2) == 0 &&
                     SSL_CTX_get_min_proto_version(ssl.ssl.ctx) <= TLS1_2_VERSION;
    if (!old || ssl.session_tickets == 0) return;
    if (ssl.session_ticket_keys != nullptr) {
      warn(place,
           "\"ssl_session_ticket_key\" of this server stays the same until its file is changed, and "
           "whoever gets it can read recorded TLS 1.2 sessions: change it daily and reload, or write "
           "\"ssl_session_tickets off;\"");
      return;
    }
    const bool rotates = nginx_version >= 1023002 && ssl.shm_zone != nullptr;
    if (!rotates) {
      warn(place, std::string("the key of TLS session tickets of this server stays the same until nginx is "
                              "reloaded, and whoever gets it can read recorded TLS 1.2 sessions: write "
                              "\"ssl_session_tickets off;\"") +
                      (nginx_version >= 1023002 ? " or \"ssl_session_cache shared:...\"" : ""));
    }
  }

  // Who requires a card somewhere believes that it is scrubbed there.
  void look_at_require(const Written& written) {
    const LocationConf& level = *written.level;
    if (written.name != "cardscrub_require" || level.lint == 0) return;
    if (level.mode != kWishOff || level.reveal != 0) return;
    warn(written.place, quoted(written) +
                            " requires nothing where cardscrub is off, and requests pass as they "
                            "come: write \"cardscrub on;\" there, or take it out");
  }

  void look_at_http() {
    if (main_.core_dumps != 0)
      warn({},
           "\"cardscrub_core_dumps on\" lets core dumps hold card data and keys: for debugging with test "
           "cards only");
    if (main_.redact_logs != 0) return;
    warn({},
         "\"cardscrub_redact_logs off\" lets card data of requests that are refused, or not scrubbed, into "
         "access and error logs: take it out");
    bool debug = (cycle_->log->log_level & NGX_LOG_DEBUG_ALL) != 0;
#if (NGX_DEBUG)
    const auto* events =
        static_cast<const ngx_event_conf_t*>(ngx_event_get_conf(cycle_->conf_ctx, ngx_event_core_module));
    debug = debug || events->debug_connection.nelts != 0;
#endif
    if (debug)
      warn({},
           "\"debug_connection\" or an error log of level debug writes heads of requests down, and nothing "
           "masks them with \"cardscrub_redact_logs off\": take one of them out");
  }

  ngx_cycle_t* cycle_;
  ngx_log_t* log_;
  const MainConf& main_;
  const ngx_http_core_main_conf_t* core_;
  std::map<const LocationConf*, std::vector<const Written*>> by_level_;
  std::set<const Written*> said_;
};

}  // namespace

void lint(ngx_cycle_t* cycle, const MainConf& main, const ngx_http_core_main_conf_t* core) {
  // A fault here is no reason not to start.
  (void)guarded(cycle->log, "looking at the configuration", [&] { Linter(cycle, main, core).run(); });
}

}  // namespace cardscrub
