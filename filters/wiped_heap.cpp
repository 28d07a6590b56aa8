// Wiped heap: each block is preceded by its size.
#include "filters/wiped_heap.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "src/secret.h"

namespace cardscrub {

namespace {

// Keeps the alignment that malloc gives.
constexpr size_t kHeader = alignof(std::max_align_t);
static_assert(kHeader >= sizeof(size_t));

uint8_t* block_of(void* memory) { return static_cast<uint8_t*>(memory) - kHeader; }

size_t size_of(void* memory) {
  size_t size = 0;
  std::memcpy(&size, block_of(memory), sizeof(size));
  return size;
}

}  // namespace

void* wiped_malloc(size_t size) noexcept {
  if (size > std::numeric_limits<size_t>::max() - kHeader) return nullptr;
  auto* block = static_cast<uint8_t*>(std::malloc(kHeader + size));
  if (block == nullptr) return nullptr;
  std::memcpy(block, &size, sizeof(size));
  return block + kHeader;
}

void* wiped_realloc(void* memory, size_t size) noexcept {
  if (memory == nullptr) return wiped_malloc(size);
  void* larger = wiped_malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, std::min(size, size_of(memory)));
  wiped_free(memory);
  return larger;
}

void wiped_free(void* memory) noexcept {
  if (memory == nullptr) return;
  uint8_t* block = block_of(memory);
  wipe(block, kHeader + size_of(memory));
  std::free(block);
}

}  // namespace cardscrub
