// The functions that nginx calls, one for each moment, and how they are hooked in.
#pragma once

#include "nginx.h"

namespace cardscrub {

class RequestContext;
struct MainConf;

// on_head.cpp: first in the rewrite phase, when the location is known
ngx_int_t on_head(ngx_http_request_t* r);
// on_head.cpp: first in the server rewrite phase, for servers whose own directives look at the head there
ngx_int_t on_server_head(ngx_http_request_t* r);
// on_head.cpp: before the content is made, after access has been granted: what must come with a body, and no
// body comes
ngx_int_t on_missing_body(ngx_http_request_t* r);

// on_request_body.cpp: a request body filter, in front of all others
void install_request_body_filter();

// on_verdict.cpp: header and body filter of the answer to a refused request
void install_answer_filters();
// Ends a refused request: gives the status that the phase handler or body filter returns. The rest of its
// body is never taken for the next request, and nobody (an error page of the operator's) is given a part of
// it.
ngx_int_t refuse_request(ngx_http_request_t* r, RequestContext* context);

// on_response.cpp: before the content is made, what is asked of whoever makes it
ngx_int_t on_content(ngx_http_request_t* r);
// on_response.cpp: header and body filter of every answer, in front of those of on_verdict.cpp
void install_response_filters();

// on_log.cpp: in the log phase, in front of nginx's own log module
ngx_int_t on_log(ngx_http_request_t* r);
void put_log_handler_first(ngx_http_core_main_conf_t* core);

// redact_error_log.cpp: from now on whatever is written to the error logs of this cycle passes our writer
// first
void redact_error_logs(ngx_cycle_t* cycle, const MainConf& main);

// status.cpp: content handler
ngx_int_t on_status(ngx_http_request_t* r);

// variables.cpp
ngx_int_t add_variables(ngx_conf_t* cf);

// tls_check.cpp: NGX_ERROR when a server that scrubs can be reached in clear
ngx_int_t check_tls(ngx_conf_t* cf);

// directives.cpp
extern ngx_command_t g_directives[];

}  // namespace cardscrub
