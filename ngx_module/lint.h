// `nginx -t` and every start warn of what would leak around us where cardscrub is on: one line each, with
// file and line where they are known, and what to do. Nothing is refused.
//
// Most of it stands in other modules' settings, whose layout nobody but them knows. What is written in the
// configuration is known all the same: while the http block is read, the directives of interest are noted on
// their way to their own setters.
#pragma once

#include "main_conf.h"
#include "nginx.h"

namespace cardscrub {

// preconfiguration: from now on until the configuration has been read, directives are noted. False: no
// memory.
bool watch_directives(ngx_conf_t* cf);

// The master, when the whole configuration has been read and taken.
void lint(ngx_cycle_t* cycle, const MainConf& main, const ngx_http_core_main_conf_t* core);

}  // namespace cardscrub
