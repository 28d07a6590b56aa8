// Buffers of ours: free --take--> (filled) --append--> out --settle--> busy --sent--> free
#include "response_buffers.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cardscrub {

namespace {

constexpr size_t kLeast = 1024;

// The address alone marks our buffers.
char g_tag;
ngx_buf_tag_t tag() { return static_cast<ngx_buf_tag_t>(static_cast<void*>(&g_tag)); }

size_t size_of(const ngx_buf_t& b) { return static_cast<size_t>(b.last - b.pos); }

}  // namespace

bool ResponseBuffers::push(ngx_chain_t** list, ngx_buf_t* b) {
  ngx_chain_t* link = ngx_alloc_chain_link(pool_);
  if (link == nullptr) return false;
  *link = {b, *list};
  *list = link;
  return true;
}

ngx_buf_t* ResponseBuffers::take(size_t size) {
  for (ngx_chain_t** at = &free_; *at != nullptr; at = &(*at)->next) {
    ngx_chain_t* link = *at;
    ngx_buf_t* b = link->buf;
    if (static_cast<size_t>(b->end - b->start) < size) continue;
    *at = link->next;
    ngx_free_chain(pool_, link);
    u_char* start = b->start;
    u_char* end = b->end;
    *b = ngx_buf_t{};
    b->start = b->pos = b->last = start;
    b->end = end;
    b->temporary = 1;
    b->tag = tag();
    return b;
  }
  // Powers of two, so that what is allocated for one stretch serves the next.
  ngx_buf_t* b = ngx_create_temp_buf(pool_, std::bit_ceil(std::max(size, kLeast)));
  if (b != nullptr) b->tag = tag();
  return b;
}

void ResponseBuffers::give_back(ngx_buf_t* b) { (void)push(&free_, b); }

void ResponseBuffers::reclaim(ngx_buf_t* b) {
  if (b->tag == tag()) give_back(b);
}

bool ResponseBuffers::append(ngx_buf_t* b) {
  ngx_chain_t* link = ngx_alloc_chain_link(pool_);
  if (link == nullptr) return false;
  *link = {b, nullptr};
  *out_end_ = link;
  out_end_ = &link->next;
  if (b->tag == tag()) in_flight_ += size_of(*b);
  return true;
}

ngx_buf_t* ResponseBuffers::append_copy(Bytes bytes) {
  ngx_buf_t* b = take(bytes.size());
  if (b == nullptr) return nullptr;
  std::memcpy(b->pos, bytes.data(), bytes.size());
  b->last = b->pos + bytes.size();
  return append(b) ? b : nullptr;
}

void ResponseBuffers::settle() {
  while (out_ != nullptr) {
    ngx_chain_t* link = out_;
    out_ = link->next;
    if (link->buf->tag == tag()) {
      link->next = busy_;
      busy_ = link;
    } else {
      ngx_free_chain(pool_, link);
    }
  }
  out_end_ = &out_;
  in_flight_ = 0;
  for (ngx_chain_t** at = &busy_; *at != nullptr;) {
    ngx_chain_t* link = *at;
    size_t left = size_of(*link->buf);
    if (left != 0) {
      in_flight_ += left;
      at = &link->next;
      continue;
    }
    *at = link->next;
    link->next = free_;
    free_ = link;
  }
}

}  // namespace cardscrub
