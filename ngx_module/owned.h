// C++ objects in nginx's memory pools: destroyed when the pool is.
#pragma once

#include <new>
#include <utility>

#include "nginx.h"

namespace cardscrub {

// Makes a T in the pool's memory; its destructor runs as a cleanup of the pool. nullptr: no memory. T's
// constructor may throw; then nothing is left behind but unused pool memory.
template <typename T, typename... Arguments>
T* make_in_pool(ngx_pool_t* pool, Arguments&&... arguments) {
  // With the object as the cleanup's data, find_in_pool() can find it again.
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, sizeof(T));
  if (cleanup == nullptr) return nullptr;
  static_assert(alignof(T) <= NGX_ALIGNMENT);
  T* object = new (cleanup->data) T(std::forward<Arguments>(arguments)...);
  cleanup->handler = [](void* data) { static_cast<T*>(data)->~T(); };
  return object;
}

}  // namespace cardscrub
