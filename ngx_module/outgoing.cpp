// The outgoing chain.
#include "outgoing.h"

#include <cstring>

namespace cardscrub {

namespace {

// The address alone marks our own buffers.
char g_tag;
ngx_buf_tag_t tag() { return static_cast<ngx_buf_tag_t>(static_cast<void*>(&g_tag)); }

ngx_chain_t* ready(ngx_chain_t* link, u_char* start, u_char* end) {
  ngx_buf_t* b = link->buf;
  b->start = b->pos = b->last = start;
  b->end = end;
  b->temporary = 1;
  b->tag = tag();
  link->next = nullptr;
  return link;
}

}  // namespace

bool Outgoing::add_copy(Bytes held, const ngx_buf_t& source, bool last) {
  ngx_chain_t* link = take_free(held.size());
  if (link == nullptr) return false;
  ngx_buf_t* b = link->buf;
  std::memcpy(b->pos, held.data(), held.size());
  b->last = b->pos + held.size();
  b->flush = source.flush;
  b->last_buf = last;
  append(link);
  return true;
}

bool Outgoing::add(ngx_buf_t* b) {
  ngx_chain_t* link = ngx_alloc_chain_link(pool_);
  if (link == nullptr) return false;
  link->buf = b;
  append(link);
  return true;
}

bool Outgoing::add_block(MutableBytes block) {
  auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(pool_));
  if (b == nullptr) return false;
  b->start = b->pos = block.data();
  b->end = b->last = block.data() + block.size();
  b->temporary = block.empty() ? 0 : 1;
  b->last_buf = 1;
  return add(b);
}

void Outgoing::discard() {
  for (ngx_chain_t* cl = head_; cl != nullptr; cl = cl->next) {
    if (!ngx_buf_in_memory(cl->buf)) continue;
    wipe(cl->buf->pos, static_cast<size_t>(cl->buf->last - cl->buf->pos));
    cl->buf->pos = cl->buf->last;
  }
}

bool Outgoing::move_to(SecretBuffer* bytes) {
  bool last = false;
  for (ngx_chain_t* cl = head_; cl != nullptr; cl = cl->next) {
    ngx_buf_t* b = cl->buf;
    last = last || b->last_buf;
    bytes->append({b->pos, static_cast<size_t>(b->last - b->pos)});
  }
  discard();
  return last;
}

uint64_t Outgoing::size() const {
  uint64_t sum = 0;
  for (const ngx_chain_t* cl = head_; cl != nullptr; cl = cl->next) {
    sum += static_cast<uint64_t>(cl->buf->last - cl->buf->pos);
  }
  return sum;
}

void Outgoing::settle() { ngx_chain_update_chains(pool_, free_, busy_, &head_, tag()); }

ngx_chain_t* Outgoing::take_free(size_t size) {
  for (ngx_chain_t** at = free_; *at != nullptr; at = &(*at)->next) {
    ngx_chain_t* link = *at;
    if (static_cast<size_t>(link->buf->end - link->buf->start) < size) continue;
    *at = link->next;
    u_char* start = link->buf->start;
    u_char* end = link->buf->end;
    wipe(start, static_cast<size_t>(end - start));
    *link->buf = ngx_buf_t{};
    return ready(link, start, end);
  }
  ngx_chain_t* link = ngx_alloc_chain_link(pool_);
  if (link == nullptr) return nullptr;
  link->buf = ngx_create_temp_buf(pool_, size);
  return link->buf == nullptr ? nullptr : ready(link, link->buf->start, link->buf->end);
}

void Outgoing::append(ngx_chain_t* link) {
  link->next = nullptr;
  *tail_ = link;
  tail_ = &link->next;
}

}  // namespace cardscrub
