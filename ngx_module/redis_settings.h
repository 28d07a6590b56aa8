// `cardscrub_code_store`: where security codes are kept, as the configuration says it.
#pragma once

#include "main_conf.h"
#include "src/result.h"

namespace cardscrub {

// A Redis (7 or later) or Valkey server. Texts live as long as the cycle and end in a zero byte.
struct RedisSettings {
  ngx_str_t name{};               // as written, without a password: for messages
  const char* path = nullptr;     // of a unix socket; nullptr: TCP
  const char* address = nullptr;  // numeric
  int port = 0;
  const char* user = nullptr;  // nullptr: the default user
  SecretBuffer password;       // empty: no AUTH
  unsigned database = 0;
  ngx_uint_t connections = 2;  // a worker
  ngx_msec_t timeout = 500;    // for a connection, and for every answer
};

// The setter of the directive:
//   cardscrub_code_store zone;
//   cardscrub_code_store redis://[user[:password]@]host[:port][/database] [password_file=F] [connections=N]
//   [timeout=T]; cardscrub_code_store redis+unix:/path [user=U] [password_file=F] [database=N]
//   [connections=N] [timeout=T];
// TLS to the server is refused in plain words: Debian 12's hiredis has none.
char* set_code_store(ngx_conf_t* cf, ngx_command_t* command, void* conf);

}  // namespace cardscrub
