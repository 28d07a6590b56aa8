// Hyperscan with allocators that wipe: its scratch space may hold pieces of what was scanned.
#include "hyperscan.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "secret.h"

namespace cardscrub {

namespace {

// Each block is preceded by its size; the header keeps the alignment that malloc gives.
constexpr size_t kHeader = alignof(std::max_align_t);
static_assert(kHeader >= sizeof(size_t));

void* allocate(size_t size) {
  if (size > std::numeric_limits<size_t>::max() - kHeader) return nullptr;
  auto* block = static_cast<uint8_t*>(std::malloc(kHeader + size));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<size_t*>(block) = size;
  return block + kHeader;
}

void release(void* memory) {
  if (memory == nullptr) return;
  uint8_t* block = static_cast<uint8_t*>(memory) - kHeader;
  const size_t size = *reinterpret_cast<size_t*>(block);
  wipe(block, kHeader + size);
  std::free(block);
}

// Hyperscan refuses what was allocated by other allocators than the current ones, so they are set before
// anything is made.
bool set_allocators() {
  static const bool done = hs_set_allocator(allocate, release) == HS_SUCCESS;
  return done;
}

}  // namespace

Result<HsDatabase> hs_compile_block(std::span<const HsPattern> patterns) {
  if (hs_valid_platform() != HS_SUCCESS) {
    return Fault{"Hyperscan does not run on this processor (it needs SSSE3, or install Vectorscan)"};
  }
  if (!set_allocators()) return Fault{"Hyperscan refused the allocators"};
  std::vector<const char*> expressions;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (const HsPattern& pattern : patterns) {
    expressions.push_back(pattern.expression);
    flags.push_back(pattern.flags);
    ids.push_back(pattern.id);
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t status =
      hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(patterns.size()),
                       HS_MODE_BLOCK, nullptr, &database, &error);
  if (status == HS_SUCCESS) return HsDatabase(database);
  std::string message = "Hyperscan cannot compile ";
  if (error != nullptr && error->expression >= 0 &&
      static_cast<size_t>(error->expression) < patterns.size()) {
    message += '"';
    message += patterns[static_cast<size_t>(error->expression)].expression;
    message += '"';
  } else {
    message += "the patterns";
  }
  if (error != nullptr) {
    message += ": ";
    message += error->message;
    hs_free_compile_error(error);
  }
  return Fault{std::move(message)};
}

Result<HsScratch> hs_make_scratch(const hs_database_t* database) {
  if (!set_allocators()) return Fault{"Hyperscan refused the allocators"};
  hs_scratch_t* scratch = nullptr;
  const hs_error_t status = hs_alloc_scratch(database, &scratch);
  if (status == HS_SUCCESS) return HsScratch(scratch);
  return Fault{status == HS_NOMEM ? "no memory for Hyperscan's scratch space"
                                  : "Hyperscan cannot make its scratch space"};
}

}  // namespace cardscrub
