// What this process owns: the worker's engines, and a second set for log lines, which may be written at any
// time.
#pragma once

#include "nginx.h"
#include "src/field_names.h"
#include "src/worker.h"

namespace cardscrub {

struct MainConf;
class RemoteStore;

// The detector is compiled once in the life of the program and never changes; all workers share its pages.
// nullptr: it could not be compiled; `log` has the reason.
const Detector* shared_detector(ngx_log_t* log);

// The default field names, likewise.
const FieldNames* shared_default_fields(ngx_log_t* log);

// The engines of this process; nullptr: they could not be made, and whatever needs them is refused (law 5).
// Brings the worker's clock up to date.
Worker* worker();

// This worker's way to the shared code store; nullptr: codes are kept in the zone, or there is no way.
RemoteStore* remote_store();

// Makes the engines. Without a key ring there are no vault and no code store. False: not made; `log` has the
// reason.
bool make_worker(const MainConf& main, ngx_log_t* log);
void drop_worker();

// nginx's moments
ngx_int_t on_master_start(ngx_cycle_t* cycle);  // init_module
ngx_int_t on_worker_start(ngx_cycle_t* cycle);  // init_process
void on_worker_end(ngx_cycle_t* cycle);         // exit_process

}  // namespace cardscrub
