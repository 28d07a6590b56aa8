// What a location says: read, inherited (http > server > location), and made into immutable policies.
#pragma once

#include <vector>

#include "main_conf.h"
#include "nginx.h"
#include "src/policy.h"
#include "src/rate.h"

namespace cardscrub {

// `cardscrub` as written: one of the modes, or a value that each request decides.
enum ModeWish : ngx_uint_t { kWishOff, kWishOn, kWishMonitor, kWishDynamic };
enum MissingCodeWish : ngx_uint_t { kMissingCodeOmit, kMissingCodeReject };
enum EncodedWish : ngx_uint_t { kEncodedInflate, kEncodedReject };

struct FieldWish {
  Kind kind;
  ngx_str_t pattern;
};

enum ResponseWish : ngx_uint_t { kResponseOff, kResponseMask, kResponseReject };

// What becomes of card data in the answers of a location.
struct ResponsePlan {
  Policy policy;         // mode kOn
  Policy monitor;        // the same wishes, mode kMonitor
  Policy page;           // for a page in place of an answer that was refused: never refuses again
  bool rejects = false;  // the head is kept back until the beginning of the body has been searched
};

// Card numbers that may be revealed for one client, and for all together.
struct RevealRate {
  Rate client;
  Rate total;
};

struct LocationConf {
  // as written; unset values are inherited
  ngx_uint_t mode = NGX_CONF_UNSET_UINT;  // ModeWish
  ngx_http_complex_value_t* mode_value = nullptr;
  Place mode_place{};
  ngx_array_t* fields = nullptr;  // FieldWish
  Place fields_place{};
  ngx_uint_t pan = NGX_CONF_UNSET_UINT;      // Action
  ngx_uint_t code = NGX_CONF_UNSET_UINT;     // Action
  ngx_uint_t sweep = NGX_CONF_UNSET_UINT;    // Action
  ngx_uint_t head = NGX_CONF_UNSET_UINT;     // Action
  ngx_uint_t invalid = NGX_CONF_UNSET_UINT;  // Action
  ngx_uint_t token_format = NGX_CONF_UNSET_UINT;
  ngx_uint_t encoded = NGX_CONF_UNSET_UINT;
  ngx_uint_t response = NGX_CONF_UNSET_UINT;  // ResponseWish
  ngx_uint_t test_cards = NGX_CONF_UNSET_UINT;
  ngx_uint_t brands = NGX_CONF_UNSET_UINT;  // bit b: Brand b
  Place brands_place{};
  ngx_uint_t require = NGX_CONF_UNSET_UINT;  // bit k: Kind k
  ngx_http_complex_value_t* name_space = nullptr;
  ngx_http_complex_value_t* audit_user = nullptr;
  ngx_flag_t lint = NGX_CONF_UNSET;
  ngx_flag_t require_tls = NGX_CONF_UNSET;
  ngx_flag_t upgrade = NGX_CONF_UNSET;  // allowed
  time_t code_ttl = NGX_CONF_UNSET;
  ngx_uint_t max_findings = NGX_CONF_UNSET_UINT;
  ngx_uint_t max_depth = NGX_CONF_UNSET_UINT;
  size_t max_inflate = NGX_CONF_UNSET_SIZE;
  ngx_flag_t reveal = NGX_CONF_UNSET;
  Place reveal_place{};
  ngx_flag_t reveal_sweep = NGX_CONF_UNSET;
  ngx_uint_t reveal_missing_code = NGX_CONF_UNSET_UINT;  // MissingCodeWish
  size_t reveal_max_body = NGX_CONF_UNSET_SIZE;
  std::vector<ngx_str_t> reveal_hosts;
  RevealRate reveal_rate;
  bool reveal_rate_set = false;
  time_t code_grace = NGX_CONF_UNSET;

  // made by the merge
  const LocationConf* around = nullptr;  // the block around this one
  const FieldNames* names = nullptr;
  Policy body;          // mode kOn
  Policy body_monitor;  // the same wishes, mode kMonitor
  Policy reveal_policy;
  Policy head_policy;
  Policy head_monitor;
  bool head_off = false;
  const ResponsePlan* response_plan = nullptr;  // nullptr: answers pass as they are
  ResponsePlan response_wishes;                 // what it points to
  // Locations that say nothing themselves share the one that they inherit from: equal origins, equal wishes.
  const LocationConf* origin = nullptr;

  const Policy& body_policy(Mode m) const { return m == Mode::kMonitor ? body_monitor : body; }
  const Policy& head_sweep(Mode m) const { return m == Mode::kMonitor ? head_monitor : head_policy; }
  // Whether and how this request is scrubbed here. A value that is none of off, on, monitor counts as on.
  Mode mode_of(ngx_http_request_t* r) const;
};

void* create_location_conf(ngx_conf_t* cf);
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child);
const LocationConf* location_conf(const ngx_http_request_t* r);

struct ServerConf {
  // for the TLS check; filled by merge_location_conf
  bool scrubs_over_tls = false;  // some location scrubs (or may) and wants TLS
  Place place{};                 // where that `cardscrub` stands

  bool scrubs = false;  // some location scrubs, monitors, or may

  // Something of the server's own (set, rewrite, if, a script) looks at the head before the location is
  // known.
  bool rewrites = false;
};

void* create_server_conf(ngx_conf_t* cf);
const ServerConf* server_conf(const ngx_http_request_t* r);
// Finds the servers that rewrite; once all modules have their handlers.
void find_rewriting_servers(ngx_cycle_t* cycle, const ngx_http_core_main_conf_t* core);

}  // namespace cardscrub
