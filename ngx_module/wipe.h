// Wiping what nginx itself keeps of a request that has gone: its buffers are given back as they are.
#pragma once

#include "nginx.h"

namespace cardscrub {

class RequestContext;

// At the end of a scrubbed request, when its strings and buffers are not needed any more: the head and the
// body as they were read, and soon after that HTTP/2's receive buffer.
void wipe_request(ngx_http_request_t* r, const RequestContext& context);
// When a scrubbed request begins: what its connection keeps beyond it (HTTP/2's header table) is wiped when
// that closes.
void wipe_with_connection(ngx_http_request_t* r);
// OpenSSL wipes what it has decrypted as soon as it has been read.
void cleanse_tls(SSL_CTX* tls);

}  // namespace cardscrub
