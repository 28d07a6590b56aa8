// What a request body filter hands on: a chain of nginx's buffers and of copies of our own.
#pragma once

#include "nginx.h"

namespace cardscrub {

// Lives during one call of the filter; the copies belong to the request, which gives them back when the next
// filters have consumed them.
class Outgoing {
 public:
  // free, busy: the request's own buffers, between the calls.
  Outgoing(ngx_pool_t* pool, ngx_chain_t** free, ngx_chain_t** busy)
      : pool_(pool), free_(free), busy_(busy) {}

  // All add...(): false: no memory.

  // A copy; the bytes themselves are wiped by whoever owns them. `source`: whose flush it inherits.
  bool add_copy(Bytes held, const ngx_buf_t& source, bool last);
  bool add(ngx_buf_t* b);
  // Memory that outlives the request's body, and ends it; empty: only the mark of the end.
  bool add_block(MutableBytes block);

  // Wipes all bytes.
  void discard();
  // Moves all bytes to `bytes`; they are wiped here. True: the end of the body was among them.
  bool move_to(SecretBuffer* bytes);
  uint64_t size() const;

  ngx_chain_t* chain() { return head_; }
  // Gives back what the next filters have consumed.
  void settle();

 private:
  ngx_chain_t* take_free(size_t size);
  void append(ngx_chain_t* link);

  ngx_pool_t* pool_;
  ngx_chain_t** free_;
  ngx_chain_t** busy_;
  ngx_chain_t* head_ = nullptr;
  ngx_chain_t** tail_ = &head_;
};

}  // namespace cardscrub
