// What of a request a log can show, by the variables that the configuration uses. The log phase looks at that
// and at nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nginx.h"

namespace cardscrub {

struct LoggedParts {
  // Somebody may ask for anything: a script, a module with a log handler of its own, a variable that is not
  // known here. The other members then do not count.
  bool everything = true;
  std::vector<std::string> request_headers;  // by name, in lower case
  bool answer_headers = false;               // $sent_http_...
  bool upstream_headers = false;             // $upstream_http_...
  // Indexed variables whose values may have been kept and may hold what a client sent: indexes, ascending.
  std::vector<ngx_uint_t> variables;

  bool shows_header(const ngx_str_t& name) const;
};

// scripts: a module is loaded that asks for variables by names that no configuration shows. To be called when
// every module has its handlers and all variables are known.
LoggedParts learn_logged_parts(const ngx_http_core_main_conf_t* core, bool scripts);

}  // namespace cardscrub
