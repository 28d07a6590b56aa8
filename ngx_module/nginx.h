// nginx's headers, as C++ can take them, and the way between nginx's strings and ours.
#pragma once

// The C++ library first: nginx includes C headers that it wraps, which must not happen inside extern "C".
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
}

#include "src/secret.h"

extern "C" ngx_module_t ngx_http_cardscrub_module;

namespace cardscrub {

inline std::string_view view(const ngx_str_t& text) {
  return {reinterpret_cast<const char*>(text.data), text.len};
}
inline MutableBytes bytes(const ngx_str_t& text) { return {text.data, text.len}; }
// nginx never writes through a string that it only reads; its types do not say so.
inline ngx_str_t ngx_text(std::string_view text) {
  return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}
// True when `inner` lies inside the memory of `outer`: what is written to the one is written to the other. An
// empty one does; nginx may leave its `data` undefined (ngx_http_split_args()).
inline bool lies_within(const ngx_str_t& inner, const ngx_str_t& outer) {
  return inner.len == 0 || (inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len);
}

}  // namespace cardscrub
