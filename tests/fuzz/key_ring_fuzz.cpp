// The key ring's parser: any bytes are a ring or a fault that says something.
#include "src/key_ring.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto ring = cardscrub::KeyRing::parse({data, size});
  if (!ring) {
    if (ring.message().empty()) std::abort();
    return 0;
  }
  if (!ring->has(ring->active()) || ring->entries().empty() || ring->entries().size() > 3) std::abort();
  return 0;
}
