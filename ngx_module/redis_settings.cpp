// Reads `cardscrub_code_store`.
#include "redis_settings.h"

#include <string>

#include "guard.h"
#include "owned.h"
#include "src/key_file.h"

namespace cardscrub {

namespace {

constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kTls = "rediss://";
constexpr std::string_view kUnix = "redis+unix:";
constexpr in_port_t kPort = 6379;
constexpr ngx_int_t kConnectionsMost = 64;
constexpr ngx_int_t kDatabaseMost = 65535;

char* const kError = static_cast<char*>(NGX_CONF_ERROR);

char* refuse(ngx_conf_t* cf, std::string_view what, std::string_view choice) {
  std::string message = "cardscrub_code_store: ";
  message += what;
  message += "; ";
  message += choice;
  return refuse_configuration(cf, Place::here(cf), message);
}

// A zero-terminated copy in the cycle's pool; nullptr: no memory.
const char* keep(ngx_conf_t* cf, std::string_view text) {
  auto* copy = static_cast<u_char*>(ngx_pnalloc(cf->pool, text.size() + 1));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return reinterpret_cast<const char*>(copy);
}

bool number_of(std::string_view text, ngx_int_t least, ngx_int_t most, ngx_int_t* out) {
  ngx_str_t digits = ngx_text(text);
  *out = ngx_atoi(digits.data, digits.len);
  return *out != NGX_ERROR && *out >= least && *out <= most;
}

void take_password(RedisSettings* redis, std::string_view text) {
  redis->password.clear();
  redis->password.append({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// host[:port], looked up now: a worker never waits for a name server.
char* take_host(ngx_conf_t* cf, RedisSettings* redis, std::string_view host) {
  ngx_url_t url{};
  url.url = ngx_text(host);
  url.default_port = kPort;
  if (host.empty() || ngx_parse_url(cf->pool, &url) != NGX_OK || url.naddrs == 0) {
    return refuse(cf, "the host of the server cannot be found",
                  "write redis://host:port with a host that has an address");
  }
  u_char text[NGX_SOCKADDR_STRLEN];
  const ngx_addr_t& address = url.addrs[0];
  size_t size = ngx_sock_ntop(address.sockaddr, address.socklen, text, sizeof text, 0);
  std::string_view numeric(reinterpret_cast<char*>(text), size);
  if (numeric.starts_with('[')) numeric = numeric.substr(1, numeric.size() - 2);
  redis->address = keep(cf, numeric);
  redis->port = ngx_inet_get_port(address.sockaddr);
  return redis->address != nullptr ? NGX_CONF_OK : kError;
}

// [user[:password]@]host[:port][/database], as redis-cli -u takes it.
char* take_url(ngx_conf_t* cf, RedisSettings* redis, std::string_view url) {
  size_t at = url.rfind('@');
  if (at != std::string_view::npos) {
    std::string_view user = url.substr(0, at);
    url.remove_prefix(at + 1);
    size_t colon = user.find(':');
    if (colon != std::string_view::npos) {
      take_password(redis, user.substr(colon + 1));
      user = user.substr(0, colon);
    }
    if (!user.empty() && (redis->user = keep(cf, user)) == nullptr) return kError;
  }
  size_t slash = url.find('/');
  std::string_view database = slash == std::string_view::npos ? "" : url.substr(slash + 1);
  url = url.substr(0, slash);
  ngx_int_t number = 0;
  if (!database.empty() && !number_of(database, 0, kDatabaseMost, &number)) {
    return refuse(cf, "the database is no number", "write redis://host:port/0");
  }
  redis->database = static_cast<unsigned>(number);
  std::string name(kTcp);
  name += url;
  const char* kept = keep(cf, name);
  if (kept == nullptr) return kError;
  redis->name = ngx_text({kept, name.size()});
  return take_host(cf, redis, url);
}

char* take_path(ngx_conf_t* cf, RedisSettings* redis, std::string_view path, const ngx_str_t& whole) {
  if (!path.starts_with('/'))
    return refuse(cf, "the path of the socket is not absolute", "write redis+unix:/run/redis/redis.sock");
  redis->path = keep(cf, path);
  redis->name = whole;
  return redis->path != nullptr ? NGX_CONF_OK : kError;
}

char* take_password_file(ngx_conf_t* cf, RedisSettings* redis, std::string_view path) {
  ngx_str_t full = ngx_text(path);
  if (ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK) return kError;
  Result<SecretBuffer> content = read_key_file(std::string(view(full)), kPasswordFile);
  if (!content)
    return refuse(cf, content.message(), "the file holds the password of the server, nothing else");
  size_t size = content->size();
  while (size != 0 && (content->data()[size - 1] == '\n' || content->data()[size - 1] == '\r')) --size;
  if (size == 0)
    return refuse(cf, "the password file is empty",
                  "the file holds the password of the server, nothing else");
  redis->password.clear();
  redis->password.append(content->span().first(size));
  return NGX_CONF_OK;
}

char* take_option(ngx_conf_t* cf, RedisSettings* redis, std::string_view option) {
  size_t equals = option.find('=');
  std::string_view name = option.substr(0, equals);
  std::string_view value = equals == std::string_view::npos ? "" : option.substr(equals + 1);
  ngx_int_t number = 0;
  if (name == "password_file" && !value.empty()) return take_password_file(cf, redis, value);
  if (name == "user" && !value.empty()) {
    redis->user = keep(cf, value);
    return redis->user != nullptr ? NGX_CONF_OK : kError;
  }
  if (name == "database" && number_of(value, 0, kDatabaseMost, &number)) {
    redis->database = static_cast<unsigned>(number);
    return NGX_CONF_OK;
  }
  if (name == "connections" && number_of(value, 1, kConnectionsMost, &number)) {
    redis->connections = static_cast<ngx_uint_t>(number);
    return NGX_CONF_OK;
  }
  if (name == "timeout") {
    ngx_str_t text = ngx_text(value);
    number = ngx_parse_time(&text, 0);
    if (number != NGX_ERROR && number >= 1) {
      redis->timeout = static_cast<ngx_msec_t>(number);
      return NGX_CONF_OK;
    }
  }
  return refuse(
      cf, "\"" + std::string(name) + "\" is no option, or has a bad value",
      "the options are user=NAME, password_file=FILE, database=0..65535, connections=1..64, timeout=TIME");
}

char* read_code_store(ngx_conf_t* cf, MainConf* main) {
  const auto* words = static_cast<const ngx_str_t*>(cf->args->elts);
  std::string_view where = view(words[1]);
  main->code_store_place = Place::here(cf);
  if (where == "zone" && cf->args->nelts == 2) return NGX_CONF_OK;
  auto* redis = make_in_pool<RedisSettings>(cf->pool);
  if (redis == nullptr) return kError;
  char* rc = NGX_CONF_OK;
  if (where.starts_with(kTcp)) {
    rc = take_url(cf, redis, where.substr(kTcp.size()));
  } else if (where.starts_with(kUnix)) {
    rc = take_path(cf, redis, where.substr(kUnix.size()), words[1]);
  } else if (where.starts_with(kTls)) {
    return refuse(cf, "this build talks to Redis without TLS",
                  "use redis+unix: or redis:// to a TLS tunnel on this host; codes are encrypted before they "
                  "leave nginx");
  } else {
    return refuse(cf, "unknown store", "it must be zone, redis://host:port or redis+unix:/path");
  }
  for (size_t i = 2; rc == NGX_CONF_OK && i < cf->args->nelts; ++i)
    rc = take_option(cf, redis, view(words[i]));
  main->redis = redis;
  return rc;
}

}  // namespace

char* set_code_store(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->code_store_place.known()) return const_cast<char*>("is duplicate");
  return guard(cf->log, "reading cardscrub_code_store", kError, [&] { return read_code_store(cf, main); });
}

}  // namespace cardscrub
