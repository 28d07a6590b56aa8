// The body of a refused request: what has been read is dropped, what has not is not waited for.
#pragma once

#include "nginx.h"

namespace cardscrub {

// Takes the bytes that have been read so far away from whoever would forward them; they are wiped. The
// request has no body after that.
void drop_body(ngx_http_request_t* r);
// A sub-request shares the body of its request: from now on it has none, and the request's own stays as it
// is. False: no memory.
[[nodiscard]] bool hide_body(ngx_http_request_t* subrequest);
// As drop_body(), for a body that is not or not wholly read: the connection is closed after the answer unless
// all of it is there already.
void drop_unread_body(ngx_http_request_t* r);

// For a body that is forwarded inflated, at its end. False: no memory.
[[nodiscard]] bool set_body_length(ngx_http_request_t* r, off_t length);

}  // namespace cardscrub
