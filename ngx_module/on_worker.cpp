// The life of a process: the master before it forks, a worker when it starts and ends.
#include <sys/prctl.h>

#include <memory>
#include <optional>

#include "audit.h"
#include "guard.h"
#include "lint.h"
#include "location_conf.h"
#include "main_conf.h"
#include "moments.h"
#include "process.h"
#include "remote_codes.h"
#include "src/kek_source.h"
#include "zone.h"

namespace cardscrub {

namespace {

constexpr ngx_msec_t kSweepEvery = 1000;  // ms
constexpr size_t kSweepSlots = 2048;      // 8 MB of slots are gone through in about half a minute

std::optional<Worker> g_worker;
std::unique_ptr<RemoteStore> g_remote_store;
ngx_event_t g_sweep_timer;
ngx_connection_t g_sweep_connection;  // nginx's timers want one to name in debug lines

void on_sweep(ngx_event_t* timer) {
  (void)guarded(timer->log, "sweeping the code store", [] {
    Worker* own = worker();
    if (own != nullptr && own->codes) own->codes->sweep(own->now, kSweepSlots);
  });
  if (const MainConf* main = main_conf(const_cast<ngx_cycle_t*>(ngx_cycle))) audit_due(*main);
  if (!ngx_exiting && !ngx_terminate) ngx_add_timer(timer, kSweepEvery);
}

void start_sweeping(ngx_log_t* log) {
  g_sweep_connection.fd = static_cast<ngx_socket_t>(-1);
  g_sweep_timer.handler = on_sweep;
  g_sweep_timer.data = &g_sweep_connection;
  g_sweep_timer.log = log;
  g_sweep_timer.cancelable = 1;  // never keeps a worker from ending
  ngx_add_timer(&g_sweep_timer, kSweepEvery);
}

bool fail(ngx_log_t* log, const std::string& message) {
  ngx_str_t text = ngx_text(message);
  ngx_log_error(NGX_LOG_EMERG, log, 0, "cardscrub: %V; scrubbed requests are refused", &text);
  return false;
}

// The worker ends up with no engines, and so refuses what it should scrub, rather than nginx without a
// worker.
bool build_worker(const MainConf& main, ngx_log_t* log) {
  const Detector* detector = shared_detector(log);
  if (detector == nullptr) return false;
  Worker& own = g_worker.emplace();
  own.detector = detector;
  own.fingerprints = main.fingerprint_used;
  own.field_names = main.fields_used;
  Result<HsScratch> scratch = detector->make_scratch();
  if (!scratch) return fail(log, scratch.message());
  own.scratch = std::move(*scratch);
  if (main.ring == nullptr) return true;
  (void)main.ring->lock_memory();  // as far as the limits allow; the pages are left out of dumps in any case
  Result<TokenVault> vault = TokenVault::create(*main.ring);
  if (!vault) return fail(log, vault.message());
  own.vault.emplace(std::move(*vault));
  Zone& zone = *main.zone;
  Result<CodeStore> codes = CodeStore::open(*main.ring, zone.store(), zone.store_size(), zone.lock());
  if (!codes) return fail(log, codes.message());
  own.codes.emplace(std::move(*codes));
  return true;
}

// Without it scrubbed bodies are refused (law 5).
void connect_store(const MainConf& main, ngx_log_t* log) {
  Result<std::unique_ptr<RemoteStore>> store = RemoteStore::create(*main.ring, *main.redis, log);
  if (store) {
    g_remote_store = std::move(*store);
  } else {
    (void)fail(log, store.message());
  }
}

bool wants_core_dumps(const MainConf* main) {
#if defined(__SANITIZE_ADDRESS__)
  (void)main;
  return true;  // the sanitizer's leak check traces its own process
#else
  return main->core_dumps != 0;
#endif
}

}  // namespace

template <typename T>
const T* made_once(std::unique_ptr<const T>* kept, Result<T> made, ngx_log_t* log) {
  if (!made) {
    ngx_str_t text = ngx_text(made.message());
    ngx_log_error(NGX_LOG_EMERG, log, 0, "cardscrub: %V", &text);
    return nullptr;
  }
  *kept = std::make_unique<const T>(std::move(*made));
  return kept->get();
}

const Detector* shared_detector(ngx_log_t* log) {
  static std::unique_ptr<const Detector> detector;
  return detector != nullptr ? detector.get() : made_once(&detector, Detector::compile(), log);
}

const FieldNames* shared_default_fields(ngx_log_t* log) {
  static std::unique_ptr<const FieldNames> names;
  return names != nullptr ? names.get() : made_once(&names, FieldNames::compile({}), log);
}

Worker* worker() {
  if (!g_worker) return nullptr;
  g_worker->now = ngx_time();
  return &*g_worker;
}

bool make_worker(const MainConf& main, ngx_log_t* log) {
  bool made = guard(log, "starting", false, [&] { return build_worker(main, log); });
  if (!made) g_worker.reset();
  return made;
}

void drop_worker() {
  g_remote_store.reset();
  g_worker.reset();
}

RemoteStore* remote_store() { return g_remote_store.get(); }

ngx_int_t on_master_start(ngx_cycle_t* cycle) {
  return guard(cycle->log, "starting", ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    MainConf* main = main_conf(cycle);
    if (main == nullptr) return NGX_OK;
    if (shared_detector(cycle->log) == nullptr) return NGX_ERROR;
    auto* http = reinterpret_cast<ngx_http_conf_ctx_t*>(cycle->conf_ctx[ngx_http_module.index]);
    auto* core = static_cast<ngx_http_core_main_conf_t*>(http->main_conf[ngx_http_core_module.ctx_index]);
    learn_variables(cycle, main, core);
    find_rewriting_servers(cycle, core);
    lint(cycle, *main, core);
    if (main->redact_logs != 0 || !main->reveals.empty()) put_log_handler_first(core);
    if (main->redact_logs != 0) redact_error_logs(cycle, *main);
    return start_audit(cycle, *main) ? NGX_OK : NGX_ERROR;
  });
}

ngx_int_t on_worker_start(ngx_cycle_t* cycle) {
  const MainConf* main = main_conf(cycle);
  if (main == nullptr) return NGX_OK;
  // A process of one reads the configuration again itself; else only the master does.
  if (ngx_process != NGX_PROCESS_SINGLE) forget_environment_keys();
  // nginx has just allowed core dumps again after changing the user; a dump would hold card data and keys.
  if (!wants_core_dumps(main)) prctl(PR_SET_DUMPABLE, 0);
  const bool made = make_worker(*main, cycle->log);
  if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return NGX_OK;
  if (made && g_worker->codes) start_sweeping(cycle->log);
  audit_due(*main);
  if (made && main->ring != nullptr && main->redis != nullptr) {
    (void)guarded(cycle->log, "starting the code store", [&] { connect_store(*main, cycle->log); });
  }
  return NGX_OK;
}

void on_worker_end(ngx_cycle_t*) { drop_worker(); }

}  // namespace cardscrub
