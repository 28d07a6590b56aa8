// Notes directives while they are read: their setters are exchanged for one of ours, which calls them. They
// are put back when nginx has finished with this configuration, taken or refused: so long lives its temporary
// pool.
#include <algorithm>

#include "guard.h"
#include "lint.h"

namespace cardscrub {

namespace {

constexpr std::string_view kWatched[] = {
    "cardscrub",     "cardscrub_namespace", "cardscrub_require", "mirror",     "client_body_in_file_only",
    "proxy_pass",    "grpc_pass",           "fastcgi_pass",      "uwsgi_pass", "scgi_pass",
    "proxy_store",   "fastcgi_store",       "uwsgi_store",       "scgi_store", "proxy_cache",
    "fastcgi_cache", "uwsgi_cache",         "scgi_cache",        "ssi",
};

using Setter = char* (*)(ngx_conf_t*, ngx_command_t*, void*);

struct Exchanged {
  ngx_command_t* command;
  Setter set;
};
std::vector<Exchanged> g_exchanged;

void note(ngx_conf_t* cf, const ngx_command_t* command) {
  const auto* words = static_cast<const ngx_str_t*>(cf->args->elts);
  Written written;
  written.name = view(command->name);
  for (size_t i = 1; i < cf->args->nelts; ++i) written.words.emplace_back(view(words[i]));
  written.place = Place::here(cf);
  written.level =
      static_cast<const LocationConf*>(ngx_http_conf_get_module_loc_conf(cf, ngx_http_cardscrub_module));
  const auto* core = static_cast<const ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  written.location = core->name;
  main_conf(cf)->written.push_back(std::move(written));
}

char* on_directive(ngx_conf_t* cf, ngx_command_t* command, void* conf) {
  auto found = std::find_if(g_exchanged.begin(), g_exchanged.end(),
                            [command](const Exchanged& each) { return each.command == command; });
  if (found == g_exchanged.end()) return static_cast<char*>(NGX_CONF_ERROR);  // cannot be
  (void)guarded(cf->log, "noting a directive", [&] { note(cf, command); });
  return found->set(cf, command, conf);
}

void put_back(void*) {
  for (const Exchanged& each : g_exchanged) each.command->set = each.set;
  g_exchanged.clear();
}

void exchange(const ngx_module_t& module) {
  if (module.type != NGX_HTTP_MODULE) return;
  for (ngx_command_t* command = module.commands; command != nullptr && command->name.len != 0; ++command) {
    if (std::find(std::begin(kWatched), std::end(kWatched), view(command->name)) == std::end(kWatched))
      continue;
    g_exchanged.push_back({command, command->set});
    command->set = on_directive;
  }
}

}  // namespace

bool watch_directives(ngx_conf_t* cf) {
  put_back(nullptr);
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(cf->temp_pool, 0);
  if (cleanup == nullptr) return false;
  cleanup->handler = put_back;
  for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) exchange(*cf->cycle->modules[i]);
  return true;
}

}  // namespace cardscrub
