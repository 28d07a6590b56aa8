// Wiping what nginx itself keeps of a request: its buffers are given back as they are.
//
//   bytes read --> head swept --> body filtered --> request ends --> connection ends
//                  |              |                 |                +-- what nginx keeps with the connection
//                  |              |                 +-- head and body as they were read
//                  |              +-- what nginx leaves behind when it joins chunks; HTTP/2's receive buffer
//                  +-- copies that nginx left in smaller buffers; HTTP/2's cookies and receive buffer
#pragma once

#include "nginx.h"

namespace cardscrub {

class RequestContext;

// When the head has been swept and held something: copies of it that no string of the request points to.
void wipe_copies_of_head(ngx_http_request_t* r);
// Of a request that has failed before its head was swept, and whose connection is not used again (or is one
// of HTTP/2): also what nginx has not read of it.
void wipe_unread(ngx_http_request_t* r);
// For every chain of body buffers that nginx hands over: what is left of chunks between them, and soon after
// that HTTP/2's receive buffer, and, at the end of the body, what came of it before it was read.
void wipe_between(ngx_http_request_t* r, const RequestContext& context, const ngx_chain_t* in);
// At the end of a scrubbed request, when its strings and buffers are not needed any more.
void wipe_request(ngx_http_request_t* r, const RequestContext& context);
// What nobody wants of a body, nginx reads to memory on its stack, where it stays until that is used again:
// wiped when the present event has been dealt with.
void wipe_stack_soon();
// What nginx keeps beyond the request is wiped when the connection closes.
void wipe_with_connection(ngx_http_request_t* r);
// Copying and deciphering leave bytes in the vector registers until somebody needs those for something else.
void wipe_registers();
// OpenSSL wipes what it has decrypted as soon as it has been read.
void cleanse_tls(SSL_CTX* tls);

}  // namespace cardscrub
