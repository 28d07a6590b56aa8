// base64url without padding (RFC 4648, section 5), for key material: in and out of secret memory only.
#pragma once

#include "secret.h"

namespace cardscrub {

void base64url_encode(Bytes bytes, SecretBuffer* out);  // appends

// Appends to `out`. Strict: no padding, no white space, unused bits zero. False: nothing appended.
[[nodiscard]] bool base64url_decode(Bytes text, SecretBuffer* out);

bool is_base64url(uint8_t c);

}  // namespace cardscrub
