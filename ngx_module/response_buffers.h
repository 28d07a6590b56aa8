// The chain that a response filter hands on: others' buffers where they may be changed in place, buffers of
// ours for what was held back and for what is read-only. Ours are used again once they have been sent.
#pragma once

#include "nginx.h"

namespace cardscrub {

class ResponseBuffers {
 public:
  explicit ResponseBuffers(ngx_pool_t* pool) : pool_(pool) {}

  // An empty buffer with room for `size` bytes. Goes out with append(), or back with give_back(). nullptr: no
  // memory.
  ngx_buf_t* take(size_t size);
  void give_back(ngx_buf_t* b);
  // As give_back(), when it is one of ours.
  void reclaim(ngx_buf_t* b);
  // False: no memory.
  [[nodiscard]] bool append(ngx_buf_t* b);
  // A copy of `bytes`; nullptr: no memory.
  ngx_buf_t* append_copy(Bytes bytes);

  // What goes out next; nullptr: nothing.
  ngx_chain_t* chain() { return out_; }
  // After the next filters have seen it.
  void settle();
  // Bytes in buffers of ours that have not been sent.
  size_t in_flight() const { return in_flight_; }

 private:
  bool push(ngx_chain_t** list, ngx_buf_t* b);

  ngx_pool_t* pool_;
  ngx_chain_t* free_ = nullptr;
  ngx_chain_t* busy_ = nullptr;
  ngx_chain_t* out_ = nullptr;
  ngx_chain_t** out_end_ = &out_;
  size_t in_flight_ = 0;
};

}  // namespace cardscrub
