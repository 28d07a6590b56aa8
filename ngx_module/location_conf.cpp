// Inheritance of the location settings, and the policies that are made of them.
#include "location_conf.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "owned.h"
#include "src/issuer.h"

namespace cardscrub {

namespace {

constexpr size_t kRevealMaxBody = 64 << 10;  // any charge; what is in clear is small, and in memory

bool says_nothing_of_reveal(const LocationConf& conf) {
  const LocationConf unset;
  return conf.reveal == unset.reveal && conf.reveal_sweep == unset.reveal_sweep &&
         conf.reveal_missing_code == unset.reveal_missing_code &&
         conf.reveal_max_body == unset.reveal_max_body && conf.reveal_hosts.empty() &&
         !conf.reveal_rate_set && conf.code_grace == unset.code_grace;
}

// True when nothing is written here: the parent's policies serve as they are.
bool says_nothing(const LocationConf& conf) {
  const LocationConf unset;
  return conf.mode == unset.mode && conf.fields == nullptr && conf.pan == unset.pan &&
         conf.code == unset.code && conf.sweep == unset.sweep && conf.head == unset.head &&
         conf.invalid == unset.invalid && conf.token_format == unset.token_format &&
         conf.encoded == unset.encoded && conf.response == unset.response &&
         conf.test_cards == unset.test_cards && conf.brands == unset.brands &&
         conf.require == unset.require && conf.name_space == nullptr &&
         conf.require_tls == unset.require_tls && conf.upgrade == unset.upgrade &&
         conf.code_ttl == unset.code_ttl && says_nothing_of_reveal(conf) &&
         conf.max_findings == unset.max_findings && conf.max_inflate == unset.max_inflate &&
         conf.max_depth == unset.max_depth;
}

template <typename T>
void inherit(T* value, T parent, T unset, T fallback) {
  if (*value == unset) *value = parent == unset ? fallback : parent;
}

void inherit(ngx_uint_t* value, ngx_uint_t parent, ngx_uint_t fallback) {
  inherit(value, parent, ngx_uint_t{NGX_CONF_UNSET_UINT}, fallback);
}

void inherit(ngx_uint_t* value, ngx_uint_t parent, Action fallback) {
  inherit(value, parent, static_cast<ngx_uint_t>(fallback));
}

Action action_of(ngx_uint_t value) { return static_cast<Action>(value); }

// The head cannot wait for anything, so a code in it is masked, never given an alias: the URI, its decoded
// copy and the request line must agree, and an alias is drawn at random.
Policy head_policy_of(const Policy& body, Action head) {
  Policy policy = body;
  policy.require = 0;
  policy.sweep = head;
  if (policy.pan == Action::kTokenize || head == Action::kReject) policy.pan = head;
  if (policy.code == Action::kAlias) policy.code = Action::kMask;
  if (head == Action::kReject) policy.code = Action::kReject;
  return policy;
}

// An answer is not refused for what it is, only for what it holds; its length does not matter, for nothing
// of it is kept. `found`: kMask, kReject, kTokenize (named numbers and others alike; a code has no token).
Policy response_policy_of(const Policy& body, uint32_t all_brands, Action found) {
  Policy policy = body;
  policy.response = true;
  policy.pan = policy.sweep = found;
  policy.code = found == Action::kReject ? Action::kReject : Action::kMask;
  policy.invalid = Action::kMask;
  policy.require = 0;
  policy.brands = all_brands;
  policy.test_cards = TestCards::kAccept;
  policy.inflate = true;
  policy.max_inflate = std::numeric_limits<uint64_t>::max() / 2;
  policy.max_findings = std::numeric_limits<size_t>::max();
  return policy;
}

ResponsePlan response_plan_of(const Policy& body, uint32_t all_brands, Action found) {
  ResponsePlan plan;
  plan.policy = response_policy_of(body, all_brands, found);
  plan.monitor = plan.policy;
  plan.monitor.mode = Mode::kMonitor;
  plan.page = response_policy_of(body, all_brands, Action::kMask);
  plan.rejects = found == Action::kReject;
  return plan;
}

char* check_brands(ngx_conf_t* cf, const LocationConf& conf, const KeyRing& ring) {
  for (uint8_t digit = 0; digit < 10; ++digit) {
    if ((ring.generation_digits() >> digit & 1) == 0) continue;
    uint32_t clash = brands_starting_with(digit) & static_cast<uint32_t>(conf.brands);
    for (size_t b = 0; b < kBrands; ++b) {
      if ((clash >> b & 1) == 0) continue;
      std::string message =
          "\"cardscrub_brands\" accepts \"" + std::string(brand_name(static_cast<Brand>(b))) +
          "\", whose card numbers start with " + std::to_string(digit) +
          " as the tokens of a key of the key ring do; take the brand out, or use a key ring "
          "without generation " +
          std::to_string(digit);
      return refuse_configuration(cf, conf.brands_place, message);
    }
  }
  return NGX_CONF_OK;
}

char* compile_names(ngx_conf_t* cf, LocationConf* conf) {
  std::vector<FieldPattern> patterns;
  const auto* wishes = static_cast<const FieldWish*>(conf->fields->elts);
  for (size_t i = 0; i < conf->fields->nelts; ++i) {
    patterns.push_back({wishes[i].kind, std::string(view(wishes[i].pattern))});
  }
  Result<FieldNames> names = FieldNames::compile(patterns);
  if (!names) return refuse_configuration(cf, conf->fields_place, names.message());
  conf->names = make_in_pool<FieldNames>(cf->pool, std::move(*names));
  return conf->names != nullptr ? NGX_CONF_OK : static_cast<char*>(NGX_CONF_ERROR);
}

void build_policies(const MainConf& main, LocationConf* conf) {
  Policy policy;
  policy.mode = Mode::kOn;
  policy.pan = action_of(conf->pan);
  policy.code = action_of(conf->code);
  policy.sweep = action_of(conf->sweep);
  policy.invalid = action_of(conf->invalid);
  policy.require = static_cast<uint32_t>(conf->require);
  policy.brands =
      conf->brands == NGX_CONF_UNSET_UINT ? main.default_brands : static_cast<uint32_t>(conf->brands);
  policy.token_digits = main.ring != nullptr ? main.ring->generation_digits() : 0;
  policy.token_format = static_cast<TokenFormat>(conf->token_format);
  policy.test_cards = static_cast<TestCards>(conf->test_cards);
  policy.fields = conf->names;
  policy.max_findings = conf->max_findings;
  policy.max_depth = conf->max_depth;
  policy.inflate = conf->encoded == kEncodedInflate;
  policy.max_inflate = conf->max_inflate;
  policy.code_ttl = static_cast<uint32_t>(conf->code_ttl);
  conf->body = policy;
  conf->reveal_policy = policy;
  conf->reveal_policy.direction = Direction::kReveal;
  conf->reveal_policy.code = Action::kAlias;
  conf->reveal_policy.invalid = Action::kReject;
  conf->reveal_policy.inflate = false;  // what comes from our own application is not compressed
  conf->reveal_policy.reveal_sweep = conf->reveal_sweep != 0;
  conf->reveal_policy.reveal_wants_code = conf->reveal_missing_code == kMissingCodeReject;
  conf->reveal_policy.code_grace = static_cast<uint32_t>(conf->code_grace);
  conf->head_off = action_of(conf->head) == Action::kNone;
  conf->head_policy = head_policy_of(policy, action_of(conf->head));
  conf->body_monitor = conf->body;
  conf->body_monitor.mode = Mode::kMonitor;
  conf->head_monitor = conf->head_policy;
  conf->head_monitor.mode = Mode::kMonitor;
  if (conf->reveal != 0) {
    // What the provider says back: a card is a token again.
    conf->response_wishes = response_plan_of(
        policy, main.default_brands, conf->response == kResponseReject ? Action::kReject : Action::kTokenize);
    conf->response_plan = &conf->response_wishes;
    return;
  }
  if (conf->response == kResponseOff) return;
  conf->response_wishes = response_plan_of(
      policy, main.default_brands, conf->response == kResponseReject ? Action::kReject : Action::kMask);
  conf->response_plan = &conf->response_wishes;
}

// nginx's core module is merged before us and has resolved where this location's error log goes.
void note_error_log(ngx_conf_t* cf, MainConf* main) {
  auto* core =
      static_cast<ngx_http_core_loc_conf_t*>(ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  ngx_log_t* log = core->error_log;
  if (log == nullptr || log == &cf->cycle->new_log) return;
  std::vector<ngx_log_t*>& logs = main->error_logs;
  if (std::find(logs.begin(), logs.end(), log) == logs.end()) logs.push_back(log);
}

char* merge(ngx_conf_t* cf, LocationConf* prev, LocationConf* conf) {
  const MainConf& main = *main_conf(cf);
  note_error_log(cf, main_conf(cf));
  // A parent that was never merged itself is the http block: its own unset values stand for the defaults.
  conf->origin = says_nothing(*conf) && prev->origin != nullptr ? prev->origin : conf;

  if (conf->mode == NGX_CONF_UNSET_UINT) {
    conf->mode_value = prev->mode_value;
    conf->mode_place = prev->mode_place;
  }
  inherit(&conf->mode, prev->mode, ngx_uint_t{kWishOff});
  inherit(&conf->pan, prev->pan, Action::kTokenize);
  inherit(&conf->code, prev->code, Action::kAlias);
  inherit(&conf->sweep, prev->sweep, Action::kTokenize);
  inherit(&conf->head, prev->head, Action::kTokenize);
  inherit(&conf->invalid, prev->invalid, Action::kReject);
  inherit(&conf->token_format, prev->token_format, static_cast<ngx_uint_t>(TokenFormat::kLast4));
  inherit(&conf->encoded, prev->encoded, ngx_uint_t{kEncodedInflate});
  inherit(&conf->response, prev->response, ngx_uint_t{kResponseOff});
  inherit(&conf->test_cards, prev->test_cards, static_cast<ngx_uint_t>(TestCards::kAccept));
  inherit(&conf->require, prev->require, ngx_uint_t{0});
  inherit(&conf->max_findings, prev->max_findings, ngx_uint_t{limits::kFindings});
  inherit(&conf->max_inflate, prev->max_inflate, ngx_uint_t{limits::kInflate});
  inherit(&conf->max_depth, prev->max_depth, ngx_uint_t{limits::kDepth});
  inherit(&conf->require_tls, prev->require_tls, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{1});
  inherit(&conf->upgrade, prev->upgrade, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
  inherit(&conf->code_ttl, prev->code_ttl, time_t{NGX_CONF_UNSET}, time_t{900});
  if (conf->name_space == nullptr) conf->name_space = prev->name_space;
  if (conf->audit_user == nullptr) conf->audit_user = prev->audit_user;
  if (conf->reveal == NGX_CONF_UNSET) conf->reveal_place = prev->reveal_place;
  inherit(&conf->reveal, prev->reveal, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
  inherit(&conf->reveal_sweep, prev->reveal_sweep, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{0});
  inherit(&conf->reveal_missing_code, prev->reveal_missing_code, ngx_uint_t{kMissingCodeOmit});
  inherit(&conf->reveal_max_body, prev->reveal_max_body, size_t{NGX_CONF_UNSET_SIZE}, kRevealMaxBody);
  inherit(&conf->code_grace, prev->code_grace, time_t{NGX_CONF_UNSET}, time_t{0});
  if (conf->reveal_hosts.empty()) conf->reveal_hosts = prev->reveal_hosts;
  if (!conf->reveal_rate_set) {
    conf->reveal_rate_set = prev->reveal_rate_set;
    conf->reveal_rate = prev->reveal_rate;
  }
  conf->around = prev;
  inherit(&conf->lint, prev->lint, ngx_flag_t{NGX_CONF_UNSET}, ngx_flag_t{1});

  if (conf->brands == NGX_CONF_UNSET_UINT) {
    conf->brands = prev->brands;
    conf->brands_place = prev->brands_place;
  }
  if (conf->brands != NGX_CONF_UNSET_UINT && main.ring != nullptr) {
    char* checked = check_brands(cf, *conf, *main.ring);
    if (checked != NGX_CONF_OK) return checked;
  }

  if (conf->fields == nullptr) {
    conf->fields = prev->fields;
    conf->fields_place = prev->fields_place;
    conf->names = prev->names;
  }
  if (conf->names == nullptr) {
    conf->names = main.default_fields;
    if (conf->fields != nullptr) {
      char* compiled = compile_names(cf, conf);
      if (compiled != NGX_CONF_OK) return compiled;
    }
  }
  build_policies(main, conf);

  auto* server = static_cast<ServerConf*>(ngx_http_conf_get_module_srv_conf(cf, ngx_http_cardscrub_module));
  if (conf->reveal != 0) {
    auto* context = static_cast<ngx_http_conf_ctx_t*>(cf->ctx);
    main_conf(cf)->reveals.push_back({conf, context->loc_conf, context->srv_conf});
  }
  const bool scrubs = conf->mode != kWishOff || conf->reveal != 0;
  server->scrubs = server->scrubs || scrubs;
  Wants& wants = main_conf(cf)->wants;
  wants.scrub = wants.scrub || conf->mode != kWishOff;
  wants.required = wants.required || (scrubs && conf->require != 0);
  wants.reveal = wants.reveal || conf->reveal != 0;
  wants.response = wants.response || conf->response_plan != nullptr;
  if (conf->mode == kWishOn || conf->mode == kWishDynamic || conf->reveal != 0)
    main_conf(cf)->scrubbed.push_back(conf);
  // Tokens may come in clear; who may send them is check_reveal()'s question.
  bool wants_tls =
      (conf->mode == kWishOn || conf->mode == kWishDynamic) && conf->require_tls != 0 && conf->reveal == 0;
  if (wants_tls && !server->scrubs_over_tls) {
    server->scrubs_over_tls = true;
    server->place = conf->mode_place;
  }
  return NGX_CONF_OK;
}

}  // namespace

Mode LocationConf::mode_of(ngx_http_request_t* r) const {
  if (reveal != 0) return Mode::kOn;
  if (mode != kWishDynamic) {
    return mode == kWishOff ? Mode::kOff : mode == kWishOn ? Mode::kOn : Mode::kMonitor;
  }
  ngx_str_t value;
  if (ngx_http_complex_value(r, mode_value, &value) != NGX_OK) return Mode::kOn;
  std::string_view wish = view(value);
  if (wish == "off" || wish == "0" || wish.empty()) return Mode::kOff;
  return wish == "monitor" ? Mode::kMonitor : Mode::kOn;
}

void* create_location_conf(ngx_conf_t* cf) { return make_in_pool<LocationConf>(cf->pool); }
void* create_server_conf(ngx_conf_t* cf) { return make_in_pool<ServerConf>(cf->pool); }

const ServerConf* server_conf(const ngx_http_request_t* r) {
  return static_cast<const ServerConf*>(ngx_http_get_module_srv_conf(r, ngx_http_cardscrub_module));
}

void find_rewriting_servers(ngx_cycle_t* cycle, const ngx_http_core_main_conf_t* core) {
  const ngx_module_t* rewrite = nullptr;
  for (ngx_uint_t i = 0; cycle->modules[i] != nullptr; ++i) {
    if (std::string_view(cycle->modules[i]->name) == "ngx_http_rewrite_module") rewrite = cycle->modules[i];
  }
  // Ours and the rewrite module's: whoever else is there, we cannot know what he looks at.
  constexpr ngx_uint_t kKnown = 2;
  bool others = core->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers.nelts > kKnown;
  auto* const* servers = static_cast<ngx_http_core_srv_conf_t* const*>(core->servers.elts);
  for (ngx_uint_t s = 0; s < core->servers.nelts; ++s) {
    const ngx_http_conf_ctx_t& context = *servers[s]->ctx;
    auto* own = static_cast<ServerConf*>(context.srv_conf[ngx_http_cardscrub_module.ctx_index]);
    // The script of a level is the first member of that module's configuration; null where nothing is
    // written.
    own->rewrites = others || rewrite == nullptr ||
                    *static_cast<void* const*>(context.loc_conf[rewrite->ctx_index]) != nullptr;
  }
}

char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) {
  return merge(cf, static_cast<LocationConf*>(parent), static_cast<LocationConf*>(child));
}

const LocationConf* location_conf(const ngx_http_request_t* r) {
  return static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_http_cardscrub_module));
}

}  // namespace cardscrub
