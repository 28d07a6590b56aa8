// KeyBlock on mmap. That a page cannot be locked is no reason to stop: swap may be encrypted, or off.
#include "key_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

namespace cardscrub {
namespace {

size_t page_size() {
  static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

KeyBlock::KeyBlock(std::span<const uint8_t, kSize> key) {
  void* page = mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  page_ = static_cast<uint8_t*>(page);
  madvise(page, page_size(), MADV_DONTDUMP);
  lock();
  std::memcpy(page_, key.data(), kSize);
}

bool KeyBlock::lock() const { return mlock(page_, page_size()) == 0; }

void KeyBlock::release() noexcept {
  if (page_ == nullptr) return;
  wipe(page_, kSize);
  munmap(page_, page_size());
  page_ = nullptr;
}

KeyBlock::~KeyBlock() { release(); }
KeyBlock::KeyBlock(KeyBlock&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}
KeyBlock& KeyBlock::operator=(KeyBlock&& other) noexcept {
  if (this != &other) {
    release();
    page_ = std::exchange(other.page_, nullptr);
  }
  return *this;
}

}  // namespace cardscrub
