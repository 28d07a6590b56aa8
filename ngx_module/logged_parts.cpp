// Variables by name: which parts of a request they show.
#include "logged_parts.h"

#include <algorithm>
#include <array>

#include "audit.h"
#include "filters/head_scan.h"
#include "header_lines.h"

namespace cardscrub {

namespace {

// Request line, URI and arguments are always looked at, and so is what the configuration made of them.
constexpr std::array<std::string_view, 15> kTarget{
    "request",       "request_uri",      "uri",          "document_uri", "args",       "query_string",
    "is_args",       "request_filename", "request_body", "proxy_host",   "proxy_port", "document_root",
    "realpath_root", "ssl_server_name",  "uid_reset"};

// Of these nginx, or OpenSSL, has a copy of its own of what the client sent.
constexpr std::array<std::string_view, 2> kCopied{"proxy_host", "ssl_server_name"};

// Made by nginx: times, sizes, addresses, names out of the configuration.
// clang-format off
constexpr std::array<std::string_view, 53> kHarmless{
    "binary_remote_addr", "body_bytes_sent", "bytes_sent", "connection", "connection_requests",
    "connection_time", "content_length", "grpc_internal_trailers", "hostname", "http2", "https",
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

// Headers that hold an address, with arguments perhaps: those of HTTP, and in which htmx, Turbolinks, IIS and
// proxies in front of this one repeat it.
constexpr std::array<std::string_view, 12> kAddresses{
    ":path",          "referer",          "location",
    "refresh",        "content-location", "destination",
    "hx-current-url", "x-original-url",   "x-original-uri",
    "x-rewrite-url",  "x-forwarded-uri",  "turbolinks-referrer"};
constexpr uint64_t kAddressLengths = [] {
  uint64_t lengths = 0;
  for (std::string_view address : kAddresses) lengths |= uint64_t{1} << address.size();
  return lengths;
}();

// Variables that show a header line which nginx points to.
struct Placed {
  std::string_view variable;
  std::string_view header;
  size_t place;
  bool by_data;  // the variable's `data` is that place, or the variable is another one
};
constexpr std::array<Placed, 5> kPlaced{
    {{"remote_user", "authorization", offsetof(ngx_http_request_t, headers_in.authorization), false},
     {"http_user_agent", "user-agent", offsetof(ngx_http_request_t, headers_in.user_agent), true},
     {"http_referer", "referer", offsetof(ngx_http_request_t, headers_in.referer), true},
     {"http_host", "host", offsetof(ngx_http_request_t, headers_in.host), true},
     {"content_type", "content-type", offsetof(ngx_http_request_t, headers_in.content_type), true}}};

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool starts_with_one_of(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

void learn(const ngx_http_variable_t& variable, const FieldNames& fields, LoggedParts* parts) {
  constexpr std::string_view kHttp = "http_";
  const std::string_view name = view(variable.name);
  const auto* placed = std::find_if(kPlaced.begin(), kPlaced.end(), [&](const Placed& p) {
    return p.variable == name && (!p.by_data || variable.data == p.place);
  });
  if (placed != kPlaced.end()) {
    parts->add_header(placed->header, fields, placed->place);
  } else if (name == "proxy_add_x_forwarded_for") {
    parts->add_header("x-forwarded-for", fields);
  } else if (name.starts_with(kHttp)) {
    parts->add_header(name.substr(kHttp.size()), fields);
  } else if (name.starts_with("cookie_")) {
    parts->add_header("cookie", fields);
  } else if (starts_with_one_of(name, {"sent_http_", "sent_trailer_"})) {
    parts->answer_headers = true;
  } else if (starts_with_one_of(name, {"upstream_http_", "upstream_cookie_", "upstream_trailer_"})) {
    parts->upstream_headers = true;
  } else if (!name.starts_with("arg_") && !name.starts_with("cardscrub_") && !is_one_of(name, kTarget)) {
    parts->everything = true;
  }
}

// Parts of the host that a regular expression of `server_name` captures point to where the host stands.
bool captures_host(const ngx_http_core_main_conf_t* core) {
  auto* const* servers = static_cast<ngx_http_core_srv_conf_t* const*>(core->servers.elts);
  return std::any_of(servers, servers + core->servers.nelts,
                     [](const ngx_http_core_srv_conf_t* server) { return server->captures != 0; });
}

bool announces(std::string_view variable, const FieldNames& fields) {
  const std::string_view field = field_of_variable(variable);
  bool failed = false;
  const FieldMatch match =
      fields.match(Path{}, {reinterpret_cast<const uint8_t*>(field.data()), field.size()}, &failed);
  return failed || (match.kind != Kind::kNone && !match.ambiguous);
}

// nginx, too, takes $http_user_agent for either spelling: `name` has '-' where the key may have '_'.
bool is_spelled(const ngx_str_t& key, std::string_view name) {
  return key.len == name.size() && std::equal(name.begin(), name.end(), key.data, [](char a, u_char b) {
           return a == (b == '_' ? '-' : static_cast<char>(ngx_tolower(b)));
         });
}

}  // namespace

HeadPart part_of(const ngx_str_t& name) {
  const auto is = [&name](std::string_view wanted) {
    return name.len == wanted.size() && ngx_strncasecmp(name.data, ngx_text(wanted).data, name.len) == 0;
  };
  if (is("cookie") || is("set-cookie")) return HeadPart::kCookie;
  if (name.len >= 64 || (kAddressLengths >> name.len & 1) == 0) return HeadPart::kHeader;
  return std::any_of(kAddresses.begin(), kAddresses.end(), is) ? HeadPart::kTarget : HeadPart::kHeader;
}

std::string_view field_of_variable(std::string_view name) {
  for (std::string_view prefix :
       {"arg_", "cookie_", "http_", "sent_http_", "upstream_http_", "upstream_cookie_"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

void LoggedParts::add_header(std::string_view name, const FieldNames& fields, size_t place) {
  LoggedHeader wanted{std::string(name), HeadPart::kHeader, false, name == "authorization", place};
  std::replace(wanted.name.begin(), wanted.name.end(), '_', '-');
  const auto same = [&](const LoggedHeader& known) { return known.name == wanted.name; };
  std::vector<LoggedHeader>& headers = place != 0 ? placed_headers : request_headers;
  if (std::any_of(headers.begin(), headers.end(), same)) return;
  wanted.part = part_of(ngx_text(wanted.name));
  wanted.announces = HeadScan(fields).announces_header(wanted.name);
  if (place == 0) header_lengths |= uint64_t{1} << length_bit(wanted.name.size());
  headers.push_back(std::move(wanted));
}

const LoggedHeader* LoggedParts::look_up(const ngx_table_elt_t& line) const {
  for (const LoggedHeader& wanted : request_headers) {
    if (is_named(line, wanted.name) || is_spelled(line.key, wanted.name)) return &wanted;
  }
  return nullptr;
}

LoggedParts learn_logged_parts(const ngx_http_core_main_conf_t* core, bool scripts,
                               const FieldNames& fields) {
  LoggedParts parts;
  parts.host = captures_host(core);
  const ngx_array_t& handlers = core->phases[NGX_HTTP_LOG_PHASE].handlers;
  const auto* handler = static_cast<const ngx_http_handler_pt*>(handlers.elts);
  const auto ours = std::count(handler, handler + handlers.nelts, on_audit_rest);
  // Besides, nginx's own log module has one; the one that redacts is not there yet.
  parts.everything = scripts || handlers.nelts > static_cast<ngx_uint_t>(ours) + 1;
  const auto* variables = static_cast<const ngx_http_variable_t*>(core->variables.elts);
  for (ngx_uint_t i = 0; i < core->variables.nelts; ++i) {
    const std::string_view name = view(variables[i].name);
    if (is_one_of(name, kHarmless)) continue;
    if (name == "host") {  // where the request has it
      parts.host = true;
      continue;
    }
    parts.variables.push_back({i, announces(name, fields), is_one_of(name, kCopied)});
    learn(variables[i], fields, &parts);
  }
  return parts;
}

}  // namespace cardscrub
