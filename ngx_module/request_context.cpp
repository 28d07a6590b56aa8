// The context of a request: lives in the request's pool, findable through the pool's cleanups.
#include "request_context.h"

#include <ctime>

#include "owned.h"
#include "wipe.h"
#include "zone.h"

namespace cardscrub {

namespace {

// make_in_pool() gives every type its own cleanup function; ours is learnt at the first use.
ngx_pool_cleanup_pt g_cleanup = nullptr;

uint64_t monotonic_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void set_context(ngx_http_request_t* main, RequestContext* context) {
  main->ctx[ngx_http_cardscrub_module.ctx_index] = context;
}

RequestContext* make_context(ngx_http_request_t* main) {
  auto* context = make_in_pool<RequestContext>(main->pool, main, main_conf(main)->zone);
  if (context == nullptr) return nullptr;
  if (AuditLog* audit = main_conf(main)->audit; audit != nullptr) context->trail.emplace(audit);
  g_cleanup = main->pool->cleanup->handler;
  set_context(main, context);
  wipe_with_connection(main);
  return context;
}

}  // namespace

RequestContext::~RequestContext() {
  reveal.reset();
  tally();
  wipe_request(request_, *this);
}

void RequestContext::tally() {
  Tally* counts = zone_->tally();
  if (tallied_ || !entered || counts == nullptr) return;
  tallied_ = true;
  Tally::add(&counts->requests, 1);
  Tally::add(&counts->bodies, body_begun ? 1 : 0);
  Tally::add(&counts->bytes, body_bytes);
  Tally::add(&counts->rejected, answered ? 1 : 0);
  counts->add_verdict(verdict);
}

RequestContext* find_context(ngx_http_request_t* r) {
  ngx_http_request_t* main = r->main;
  auto* context = static_cast<RequestContext*>(ngx_http_get_module_ctx(main, ngx_http_cardscrub_module));
  if (context != nullptr || !(main->internal || main->filter_finalize) || g_cleanup == nullptr)
    return context;
  for (ngx_pool_cleanup_t* c = main->pool->cleanup; c != nullptr; c = c->next) {
    if (c->handler != g_cleanup) continue;
    context = static_cast<RequestContext*>(c->data);
    set_context(main, context);
    return context;
  }
  return nullptr;
}

RequestContext* find_or_make_context(ngx_http_request_t* r) {
  RequestContext* context = find_context(r);
  return context != nullptr ? context : make_context(r->main);
}

RequestContext* enter_location(ngx_http_request_t* r, const LocationConf* conf, Mode mode) {
  RequestContext* context = find_or_make_context(r);
  if (context == nullptr) return nullptr;
  context->mode = mode;
  context->entered = true;
  if (context->conf == conf) return context;
  context->conf = conf;
  return token_name_space(r, *conf, &context->name_space) ? context : nullptr;
}

bool token_name_space(ngx_http_request_t* r, const LocationConf& conf, std::string_view* name_space) {
  *name_space = {};
  if (conf.name_space == nullptr) return true;
  ngx_str_t value;
  if (ngx_http_complex_value(r, conf.name_space, &value) != NGX_OK) return false;
  *name_space = view(value);
  return true;
}

Stopwatch::Stopwatch(ngx_http_request_t* r, RequestContext* context)
    : context_(context != nullptr && main_conf(r)->time_used ? context : nullptr) {
  if (context_ != nullptr) begin_ = monotonic_nanoseconds();
}

Stopwatch::~Stopwatch() {
  if (context_ != nullptr) context_->nanoseconds += monotonic_nanoseconds() - begin_;
}

}  // namespace cardscrub
