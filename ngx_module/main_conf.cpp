// The http block's own settings, and what is made of them once it has been read.
#include "main_conf.h"

#include <algorithm>

#include "audit.h"
#include "owned.h"
#include "process.h"
#include "src/issuer.h"
#include "src/kek.h"
#include "zone.h"

namespace cardscrub {

namespace {

constexpr size_t kDefaultZone = 8 << 20;

// Scripts ask for variables by names that no configuration shows.
bool has_script_module(const ngx_cycle_t* cycle) {
  for (ngx_uint_t i = 0; cycle->modules[i] != nullptr; ++i) {
    std::string_view name = cycle->modules[i]->name;
    for (std::string_view script : {"_lua_", "_js_", "_perl_"}) {
      if (name.find(script) != std::string_view::npos) return true;
    }
  }
  return false;
}

// As pages with server side includes do.
bool has_includes(const MainConf& main) {
  return std::any_of(main.written.begin(), main.written.end(), [](const Written& written) {
    return written.name == "ssi" && written.words[0] != "off";
  });
}

// Once for each reading of the configuration: what a source gives may have changed.
Result<KeyRing> load_ring(const MainConf& main) {
  const std::string path(view(main.keys_path));
  if (main.kek.empty()) return KeyRing::load(path);
  Result<Kek> kek = Kek::open(main.kek);
  if (!kek) return Fault{kek.message()};
  return KeyRing::load(path, &*kek);
}

}  // namespace

char* refuse_configuration(ngx_conf_t* cf, const Place& place, std::string_view message) {
  ngx_str_t text = ngx_text(message);
  if (place.known()) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "cardscrub: %V (in %V:%ui)", &text, &place.file, place.line);
  } else {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "cardscrub: %V", &text);
  }
  return static_cast<char*>(NGX_CONF_ERROR);
}

MainConf* main_conf(const ngx_http_request_t* r) {
  return static_cast<MainConf*>(ngx_http_get_module_main_conf(r, ngx_http_cardscrub_module));
}

MainConf* main_conf(const ngx_conf_t* cf) {
  return static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_cardscrub_module));
}

MainConf* main_conf(ngx_cycle_t* cycle) {
  return static_cast<MainConf*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_http_cardscrub_module));
}

void* create_main_conf(ngx_conf_t* cf) { return make_in_pool<MainConf>(cf->pool); }

char* init_main_conf(ngx_conf_t* cf, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  ngx_conf_init_size_value(main->zone_size, kDefaultZone);
  ngx_conf_init_value(main->redact_logs, 1);
  ngx_conf_init_value(main->core_dumps, 0);
  ngx_conf_init_uint_value(main->audit_failure, kAuditReject);

  main->default_fields = shared_default_fields(cf->log);
  if (main->default_fields == nullptr) return static_cast<char*>(NGX_CONF_ERROR);

  uint32_t token_digits = 0;
  if (main->wanted_place.known()) {
    if (main->keys_path.len == 0) {
      main->keys_path = ngx_text("cardscrub/keys.json");
      if (ngx_conf_full_name(cf->cycle, &main->keys_path, 1) != NGX_OK)
        return static_cast<char*>(NGX_CONF_ERROR);
    }
    const Place& place = main->keys_place.known() ? main->keys_place : main->wanted_place;
    Result<KeyRing> ring = load_ring(*main);
    if (!ring)
      return refuse_configuration(cf, main->kek_place.known() ? main->kek_place : place, ring.message());
    main->ring = make_in_pool<KeyRing>(cf->pool, std::move(*ring));
    if (main->ring == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
    token_digits = main->ring->generation_digits();
    for (uint8_t digit = 0; digit < 10; ++digit) {
      if ((token_digits >> digit & 1) != 0) main->default_brands &= ~brands_starting_with(digit);
    }
  }

  Policy& redact = main->redact_policy;
  redact.mode = Mode::kOn;
  redact.pan = redact.code = redact.sweep = redact.invalid = redact.wrapped = Action::kMask;
  redact.brands = main->default_brands;
  redact.token_digits = token_digits;
  redact.fields = main->default_fields;

  if (!prepare_audit(cf, main)) return static_cast<char*>(NGX_CONF_ERROR);
  main->zone = add_zone(cf, main->zone_size);
  return main->zone != nullptr ? NGX_CONF_OK : static_cast<char*>(NGX_CONF_ERROR);
}

void learn_variables(const ngx_cycle_t* cycle, MainConf* main, const ngx_http_core_main_conf_t* core) {
  main->request_body_logged = has_script_module(cycle);
  main->fingerprint_used = main->fields_used = main->request_body_logged || has_includes(*main);
  main->logged = learn_logged_parts(core, main->request_body_logged, *main->default_fields);
  const auto* variables = static_cast<const ngx_http_variable_t*>(core->variables.elts);
  for (size_t i = 0; i < core->variables.nelts; ++i) {
    std::string_view name = view(variables[i].name);
    if (name == "request_body") main->request_body_logged = true;
    if (name == "cardscrub_fingerprint") main->fingerprint_used = true;
    if (name == "cardscrub_fields") main->fields_used = true;
    if (name == "cardscrub_time") main->time_used = true;
  }
}

}  // namespace cardscrub
