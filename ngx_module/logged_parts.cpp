// Variables by name: which parts of a request they show.
#include "logged_parts.h"

#include <algorithm>
#include <array>

namespace cardscrub {

namespace {

// Request line, URI and arguments are always looked at, and so is what the configuration made of them.
constexpr std::array<std::string_view, 15> kTarget{
    "request",       "request_uri",      "uri",          "document_uri", "args",       "query_string",
    "is_args",       "request_filename", "request_body", "proxy_host",   "proxy_port", "document_root",
    "realpath_root", "ssl_server_name",  "uid_reset"};

// Made by nginx: times, sizes, addresses, names out of the configuration, and the host, which is always
// looked at.
// clang-format off
constexpr std::array<std::string_view, 54> kHarmless{
    "binary_remote_addr", "body_bytes_sent", "bytes_sent", "connection", "connection_requests",
    "connection_time", "content_length", "grpc_internal_trailers", "host", "hostname", "http2", "https",
    "limit_rate", "msec", "nginx_version", "pid", "pipe", "proxy_internal_body_length",
    "proxy_internal_chunked", "proxy_internal_connection", "proxy_protocol_addr", "proxy_protocol_port",
    "proxy_protocol_server_addr", "proxy_protocol_server_port", "remote_addr", "remote_port",
    "request_completion", "request_id", "request_length", "request_method", "request_time", "scheme",
    "server_addr", "server_name", "server_port", "server_protocol", "ssl_cipher", "ssl_protocol",
    "ssl_session_reused", "status", "tcpinfo_rcv_space", "tcpinfo_rtt", "tcpinfo_rttvar", "tcpinfo_snd_cwnd",
    "time_iso8601", "time_local", "upstream_addr", "upstream_bytes_received", "upstream_bytes_sent",
    "upstream_cache_status", "upstream_connect_time", "upstream_header_time", "upstream_response_time",
    "upstream_status"};
// clang-format on

struct ByHeader {
  std::string_view variable;
  std::string_view header;
};
constexpr std::array<ByHeader, 3> kByHeader{{{"remote_user", "authorization"},
                                             {"content_type", "content-type"},
                                             {"proxy_add_x_forwarded_for", "x-forwarded-for"}}};

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool starts_with_one_of(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

void learn(std::string_view name, LoggedParts* parts) {
  constexpr std::string_view kHttp = "http_";
  const auto* header =
      std::find_if(kByHeader.begin(), kByHeader.end(), [&](const ByHeader& h) { return h.variable == name; });
  if (header != kByHeader.end()) {
    parts->request_headers.emplace_back(header->header);
  } else if (name.starts_with(kHttp)) {
    parts->request_headers.emplace_back(name.substr(kHttp.size()));
  } else if (name.starts_with("cookie_")) {
    parts->request_headers.emplace_back("cookie");
  } else if (starts_with_one_of(name, {"sent_http_", "sent_trailer_"})) {
    parts->answer_headers = true;
  } else if (starts_with_one_of(name, {"upstream_http_", "upstream_cookie_", "upstream_trailer_"})) {
    parts->upstream_headers = true;
  } else if (!name.starts_with("arg_") && !name.starts_with("cardscrub_") && !is_one_of(name, kTarget)) {
    parts->everything = true;
  }
}

}  // namespace

bool LoggedParts::shows_header(const ngx_str_t& name) const {
  if (everything) return true;
  return std::any_of(request_headers.begin(), request_headers.end(), [&](const std::string& wanted) {
    if (wanted.size() != name.len) return false;
    // nginx, too, takes $http_user_agent for either spelling.
    return std::equal(wanted.begin(), wanted.end(), name.data, [](char a, u_char b) {
      const auto plain = [](char c) { return c == '_' ? '-' : c; };
      return plain(a) == plain(static_cast<char>(ngx_tolower(b)));
    });
  });
}

LoggedParts learn_logged_parts(const ngx_http_core_main_conf_t* core, bool scripts) {
  LoggedParts parts;
  // nginx's own log module has the only handler; ours is not there yet.
  parts.everything = scripts || core->phases[NGX_HTTP_LOG_PHASE].handlers.nelts > 1;
  const auto* variables = static_cast<const ngx_http_variable_t*>(core->variables.elts);
  for (ngx_uint_t i = 0; i < core->variables.nelts; ++i) {
    const std::string_view name = view(variables[i].name);
    if (is_one_of(name, kHarmless)) continue;
    parts.variables.push_back(i);
    learn(name, &parts);
  }
  return parts;
}

}  // namespace cardscrub
