// malloc, realloc and free for libraries that take their allocators from outside: every block is wiped before
// it is given back.
#pragma once

#include <cstddef>

namespace cardscrub {

// As malloc and free of the standard library; nullptr when there is no memory.
void* wiped_malloc(size_t size) noexcept;
void* wiped_realloc(void* memory, size_t size) noexcept;
void wiped_free(void* memory) noexcept;

}  // namespace cardscrub
