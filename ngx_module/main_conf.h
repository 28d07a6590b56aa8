// What the http block says once: key ring, shared memory, log redaction. Lives as long as the cycle.
#pragma once

#include <vector>

#include "logged_parts.h"
#include "nginx.h"
#include "src/field_names.h"
#include "src/key_ring.h"
#include "src/policy.h"

namespace cardscrub {

class AuditLog;
class Zone;
struct LocationConf;
struct RedisSettings;

// Where a directive stands, so that a fault found later can still name file and line.
struct Place {
  ngx_str_t file;
  ngx_uint_t line;

  static Place here(const ngx_conf_t* cf) { return {cf->conf_file->file.name, cf->conf_file->line}; }
  bool known() const { return file.len != 0; }
};

// A directive of another module as it was written, for the linter.
struct Written {
  std::string_view name;
  std::vector<std::string> words;  // behind the name
  Place place;
  const LocationConf* level;  // the block that it stands in
  ngx_str_t location;         // that block's name; empty: a server or the http block
};

// Logs "cardscrub: <message> (in <file>:<line>)" at level emerg; always NGX_CONF_ERROR.
char* refuse_configuration(ngx_conf_t* cf, const Place& place, std::string_view message);

enum AuditFailure : ngx_uint_t { kAuditReject, kAuditContinue };

// A location with cardscrub_reveal, and what all modules were told there and in its server.
struct RevealPlace {
  const LocationConf* conf;
  void** loc_conf;
  void** srv_conf;
};

struct MainConf {
  ngx_str_t keys_path{};  // absolute
  Place keys_place{};
  std::vector<std::string> kek;  // sources of the key-encryption key: none, one, or two components
  Place kek_place{};
  Place wanted_place{};  // the first `cardscrub` that is not off: a key ring is needed
  size_t zone_size = NGX_CONF_UNSET_SIZE;
  ngx_flag_t redact_logs = NGX_CONF_UNSET;
  ngx_flag_t core_dumps = NGX_CONF_UNSET;
  Place code_store_place{};
  const RedisSettings* redis = nullptr;  // nullptr: security codes are kept in the zone
  AuditLog* audit = nullptr;             // nullptr: no audit log
  ngx_uint_t audit_failure = NGX_CONF_UNSET_UINT;

  // made when the block has been read
  const KeyRing* ring = nullptr;  // nullptr: not needed, not read
  const FieldNames* default_fields = nullptr;
  uint32_t default_brands = ~0u;  // all that start on no generation digit
  Policy redact_policy;           // masks whatever is card data, for logs
  Zone* zone = nullptr;

  std::vector<ngx_log_t*>
      error_logs;  // that http, servers and locations write to, apart from the cycle's own

  std::vector<RevealPlace> reveals;
  // for the linter
  std::vector<Written> written;
  std::vector<const LocationConf*> scrubbed;  // blocks in which `cardscrub` is on, or may be

  // made when all variables are known: what the name of each indexed variable announces
  std::vector<Kind> variable_kinds;
  LoggedParts logged;
  bool fingerprint_used = false;     // as below, of $cardscrub_fingerprint
  bool fields_used = false;          // and of $cardscrub_fields
  bool request_body_logged = false;  // some log format, map or script uses $request_body, or may
  bool time_used = false;            // $cardscrub_time is used
};

void* create_main_conf(ngx_conf_t* cf);
// Reads the key ring, still as the user that started nginx.
char* init_main_conf(ngx_conf_t* cf, void* conf);
// Looks through the variables that the configuration uses.
void learn_variables(const ngx_cycle_t* cycle, MainConf* main, const ngx_http_core_main_conf_t* core);

// The part of a variable's name that names a field: cvv of arg_cvv and cookie_cvv, x_card_number of
// http_x_card_number.
std::string_view field_of_variable(std::string_view name);

MainConf* main_conf(const ngx_http_request_t* r);
MainConf* main_conf(const ngx_conf_t* cf);
MainConf* main_conf(ngx_cycle_t* cycle);  // nullptr: no http block

}  // namespace cardscrub
