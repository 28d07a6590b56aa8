// Error logs of stream and mail servers. Both are modules of their own that may not be loaded, so they are
// found by name, and nothing of theirs is linked.
#include "other_error_logs.h"

#if __has_include(<ngx_stream.h>) && __has_include(<ngx_mail.h>)

extern "C" {
#include <ngx_mail.h>
#include <ngx_stream.h>
}

namespace cardscrub {

namespace {

const ngx_module_t* find_module(const ngx_cycle_t* cycle, std::string_view name) {
  for (ngx_uint_t i = 0; cycle->modules[i] != nullptr; ++i) {
    if (cycle->modules[i]->name == name) return cycle->modules[i];
  }
  return nullptr;
}

// `block` is the module of the block, `core` the one whose configuration lists the servers.
template <typename Context, typename Main, typename Server>
void add_logs(const ngx_cycle_t* cycle, std::string_view block, std::string_view core,
              std::vector<ngx_log_t*>* logs) {
  const ngx_module_t* block_module = find_module(cycle, block);
  const ngx_module_t* core_module = find_module(cycle, core);
  if (block_module == nullptr || core_module == nullptr) return;
  const auto* context = reinterpret_cast<const Context*>(cycle->conf_ctx[block_module->index]);
  if (context == nullptr) return;  // no such block
  const auto* main = static_cast<const Main*>(context->main_conf[core_module->ctx_index]);
  auto* const* servers = static_cast<Server* const*>(main->servers.elts);
  for (ngx_uint_t i = 0; i < main->servers.nelts; ++i) {
    if (servers[i]->error_log != nullptr) logs->push_back(servers[i]->error_log);
  }
}

}  // namespace

std::vector<ngx_log_t*> other_error_logs(const ngx_cycle_t* cycle) {
  std::vector<ngx_log_t*> logs;
  add_logs<ngx_stream_conf_ctx_t, ngx_stream_core_main_conf_t, ngx_stream_core_srv_conf_t>(
      cycle, "ngx_stream_module", "ngx_stream_core_module", &logs);
  add_logs<ngx_mail_conf_ctx_t, ngx_mail_core_main_conf_t, ngx_mail_core_srv_conf_t>(
      cycle, "ngx_mail_module", "ngx_mail_core_module", &logs);
  return logs;
}

}  // namespace cardscrub

#else

namespace cardscrub {

std::vector<ngx_log_t*> other_error_logs(const ngx_cycle_t*) { return {}; }

}  // namespace cardscrub

#endif
