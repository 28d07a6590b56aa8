// The module as nginx sees it: its moments of configuration and of process life.
#include "audit.h"
#include "guard.h"
#include "lint.h"
#include "location_conf.h"
#include "main_conf.h"
#include "moments.h"
#include "process.h"
#include "reveal_hold.h"

namespace cardscrub {

namespace {

struct Moment {
  bool wanted;
  ngx_http_phases phase;
  ngx_http_handler_pt handler;
};

bool add_handler(ngx_conf_t* cf, const Moment& moment) {
  if (!moment.wanted) return true;
  auto* core =
      static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto* slot = static_cast<ngx_http_handler_pt*>(ngx_array_push(&core->phases[moment.phase].handlers));
  if (slot == nullptr) return false;
  *slot = moment.handler;
  return true;
}

// What is pushed last runs first in its phase, and `config` puts this module behind all that have handlers
// there. What no location asks for costs a request nothing.
ngx_int_t on_configured(ngx_conf_t* cf) {
  if (check_tls(cf) != NGX_OK || check_reveal(cf) != NGX_OK) return NGX_ERROR;
  const Wants& wants = main_conf(cf)->wants;
  const bool scrubs = wants.scrub || wants.reveal;
  for (const Moment& moment : {Moment{scrubs, NGX_HTTP_SERVER_REWRITE_PHASE, on_server_head},
                               Moment{scrubs, NGX_HTTP_REWRITE_PHASE, on_head},
                               Moment{wants.required, NGX_HTTP_PRECONTENT_PHASE, on_missing_body},
                               Moment{wants.response, NGX_HTTP_PRECONTENT_PHASE, on_content},
                               Moment{wants.reveal, NGX_HTTP_PRECONTENT_PHASE, on_reveal},
                               Moment{main_conf(cf)->audit != nullptr, NGX_HTTP_LOG_PHASE, on_audit_rest}}) {
    if (!add_handler(cf, moment)) return NGX_ERROR;
  }
  if (scrubs) install_request_body_filter();
  if (wants.any()) install_answer_filters();
  if (wants.response) install_response_filters();
  return NGX_OK;
}

ngx_int_t before_configuration(ngx_conf_t* cf) {
  return guard(cf->log, "reading the configuration", ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    return watch_directives(cf) ? add_variables(cf) : ngx_int_t{NGX_ERROR};
  });
}

// nginx calls these through C tables: nothing may be thrown out of them.
void* make_main_conf(ngx_conf_t* cf) {
  return guard(cf->log, "reading the configuration", static_cast<void*>(nullptr),
               [&] { return create_main_conf(cf); });
}

char* finish_main_conf(ngx_conf_t* cf, void* conf) {
  return guard(cf->log, "reading the configuration", static_cast<char*>(NGX_CONF_ERROR),
               [&] { return init_main_conf(cf, conf); });
}

void* make_server_conf(ngx_conf_t* cf) {
  return guard(cf->log, "reading the configuration", static_cast<void*>(nullptr),
               [&] { return create_server_conf(cf); });
}

void* make_location_conf(ngx_conf_t* cf) {
  return guard(cf->log, "reading the configuration", static_cast<void*>(nullptr),
               [&] { return create_location_conf(cf); });
}

char* finish_location_conf(ngx_conf_t* cf, void* parent, void* child) {
  return guard(cf->log, "reading the configuration", static_cast<char*>(NGX_CONF_ERROR),
               [&] { return merge_location_conf(cf, parent, child); });
}

ngx_http_module_t g_moments = {
    before_configuration,  // preconfiguration
    on_configured,         // postconfiguration
    make_main_conf,        //
    finish_main_conf,      //
    make_server_conf,      //
    nullptr,               // merge server configuration: nothing is inherited
    make_location_conf,    //
    finish_location_conf,  //
};

}  // namespace

}  // namespace cardscrub

ngx_module_t ngx_http_cardscrub_module = {NGX_MODULE_V1,
                                          &cardscrub::g_moments,
                                          cardscrub::g_directives,
                                          NGX_HTTP_MODULE,
                                          nullptr,                     // init master
                                          cardscrub::on_master_start,  // init module
                                          cardscrub::on_worker_start,  // init process
                                          nullptr,                     // init thread
                                          nullptr,                     // exit thread
                                          cardscrub::on_worker_end,    // exit process
                                          cardscrub::on_master_end,    // exit master
                                          NGX_MODULE_V1_PADDING};
