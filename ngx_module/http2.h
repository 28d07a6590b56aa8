// What HTTP/2 keeps of a request beside the request: crumbs of cookies, the receive buffer of the worker, and
// the connection's table of headers (RFC 7541), in which later requests may refer to what this one said.
#pragma once

#include <functional>

#include "nginx.h"

namespace cardscrub {

#if (NGX_HTTP_V2)

inline bool is_http2(const ngx_http_request_t* r) { return r->stream != nullptr; }
ngx_connection_t* http2_connection(ngx_http_request_t* r);

// The values of all cookie headers, once nginx has joined them to one, a header that ends in its middle, and
// what has been driven out of the table.
void wipe_left_overs(ngx_http_request_t* r);
// One buffer serves all connections of a worker; it may be in use right now, so it is wiped when the present
// event has been dealt with. `size`: bytes of bodies in it; those of the connection's other streams are
// added.
void wipe_receive_buffer_soon(ngx_http_request_t* r, size_t size);
// Of a body that nobody reads: what has come of it, and soon after that, and when the connection ends, what
// was on its way. Costs nothing when the request came without one.
void wipe_unread_stream(ngx_http_request_t* r);
// What came of a body before somebody read it lies in memory that nginx gives back as it is. Before it is
// read: keeps that memory for as long as the request lives, and says where the bytes stand. Nothing
// otherwise.
void keep_early_body(ngx_http_request_t* r, u_char** begin, u_char** end);
// Shows every header that later requests may refer to, its name in lower case; what is written to its value,
// whose length stays, is what they get.
void rewrite_header_table(ngx_http_request_t* r,
                          const std::function<void(const ngx_table_elt_t& header)>& rewrite);
void wipe_header_table_at_end(ngx_http_request_t* r);

#else

inline bool is_http2(const ngx_http_request_t*) { return false; }
inline ngx_connection_t* http2_connection(ngx_http_request_t* r) { return r->connection; }
inline void wipe_left_overs(ngx_http_request_t*) {}
inline void wipe_receive_buffer_soon(ngx_http_request_t*, size_t) {}
inline void wipe_unread_stream(ngx_http_request_t*) {}
inline void keep_early_body(ngx_http_request_t*, u_char**, u_char**) {}
inline void rewrite_header_table(ngx_http_request_t*, const std::function<void(const ngx_table_elt_t&)>&) {}
inline void wipe_header_table_at_end(ngx_http_request_t*) {}

#endif

}  // namespace cardscrub
