// The application's side of a request whose body is forwarded while it is read (proxy_request_buffering off).
//
// A refusal may come when a part of the body has gone. HTTP/1.1 with Content-Length, SCGI and uwsgi know the
// end of a body by its length only, and applications (Gunicorn's among them) take an early end of the
// connection for the end of the body.
#pragma once

#include "nginx.h"

namespace cardscrub {

// True when the application could take a part of the body for the whole of it: its length stands in the head,
// and a reset would not reach the application (unix sockets know none; Python's TLS hands it on as an end).
bool part_may_pass_for_whole(const ngx_http_request_t* r);

// Lets the connection to the application, if there is one, end with a reset instead of an orderly close:
// reading the rest of the body fails there.
void reset_upstream(const ngx_http_request_t* r);

}  // namespace cardscrub
