// Shared memory: made at the first start, found again at a reload.
#include "zone.h"

#include <sys/mman.h>

#include "guard.h"
#include "owned.h"

namespace cardscrub {

// What stands in the memory, after nginx's own header. Offsets only: every process may map it elsewhere.
struct Zone::Layout {
  static constexpr uint64_t kMagic =
      0x6361726473637235;  // "cardscr5"; the last byte is the version of this layout

  uint64_t magic;
  uint64_t store_size;
  Tally tally;
  RateTable rates;

  static constexpr size_t kStoreAlign = 64;
  // 64 bytes are a cache line, and what code_store_format() asks for.
  uint8_t* store() {
    auto* end = reinterpret_cast<uint8_t*>(this + 1);
    return end + (-reinterpret_cast<uintptr_t>(end) & (kStoreAlign - 1));
  }
};

void Tally::add_verdict(const Verdict& verdict) {
  if (!verdict.counted() && !verdict.refused()) return;
  for (size_t i = 1; i < kinds.size(); ++i) add(&kinds[i], verdict.found(static_cast<Kind>(i)));
  for (size_t i = 0; i < brands.size(); ++i) add(&brands[i], verdict.found_brand(static_cast<Brand>(i)));
  for (size_t i = 1; i < actions.size(); ++i) add(&actions[i], verdict.acted(static_cast<Action>(i)));
  bool fault = false;
  for (const Problem& problem : verdict.problems()) {
    add(&reasons[static_cast<size_t>(problem.reason)], 1);
    fault = fault || problem.reason == Reason::kFault;
  }
  if (fault) add(&faults, 1);
}

Tally* Zone::tally() const { return layout_ == nullptr ? nullptr : &layout_->tally; }
RateTable* Zone::rates() const { return layout_ == nullptr ? nullptr : &layout_->rates; }
void* Zone::store() const { return layout_ == nullptr ? nullptr : layout_->store(); }
size_t Zone::store_size() const { return layout_ == nullptr ? 0 : layout_->store_size; }

ngx_int_t Zone::attach(ngx_shm_zone_t* shm, const Zone* previous) {
  auto* pool = reinterpret_cast<ngx_slab_pool_t*>(shm->shm.addr);
  lock_.mutex_ = &pool->mutex;
  if (previous != nullptr || shm->shm.exists) {
    layout_ = previous != nullptr ? previous->layout_ : static_cast<Layout*>(pool->data);
    if (layout_ != nullptr && layout_->magic == Layout::kMagic) return NGX_OK;
    ngx_log_error(
        NGX_LOG_EMERG, shm->shm.log, 0,
        "cardscrub: the shared memory zone was laid out by another version of this module; restart nginx");
    return NGX_ERROR;
  }
  // Both are inherited or hold for the pages themselves, so the master does it for all. Without the right to
  // lock memory codes may go to swap space; they are encrypted.
  madvise(shm->shm.addr, shm->shm.size, MADV_DONTDUMP);
  (void)mlock(shm->shm.addr, shm->shm.size);
  // All pages in one block: the store does its own bookkeeping.
  size_t size = pool->pfree * ngx_pagesize;
  auto* memory = size > sizeof(Layout) ? static_cast<uint8_t*>(ngx_slab_calloc(pool, size)) : nullptr;
  if (memory == nullptr) {
    ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0, "cardscrub: \"cardscrub_zone\" is too small");
    return NGX_ERROR;
  }
  layout_ = new (memory) Layout{};
  layout_->store_size = static_cast<size_t>(memory + size - layout_->store());
  code_store_format(layout_->store(), layout_->store_size);
  layout_->magic = Layout::kMagic;
  pool->data = layout_;
  pool->log_nomem = 0;
  return NGX_OK;
}

ngx_int_t Zone::on_memory(ngx_shm_zone_t* shm, void* previous) {
  return guard(shm->shm.log, "preparing shared memory", ngx_int_t{NGX_ERROR}, [&] {
    return static_cast<Zone*>(shm->data)->attach(shm, static_cast<const Zone*>(previous));
  });
}

Zone* add_zone(ngx_conf_t* cf, size_t size) {
  ngx_str_t name = ngx_text("cardscrub");
  ngx_shm_zone_t* shm = ngx_shared_memory_add(cf, &name, size, &ngx_http_cardscrub_module);
  Zone* zone = make_in_pool<Zone>(cf->pool);
  if (shm == nullptr || zone == nullptr) return nullptr;
  shm->init = Zone::on_memory;
  shm->data = zone;
  return zone;
}

}  // namespace cardscrub
