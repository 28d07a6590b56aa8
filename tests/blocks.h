// Small shapes that unit tests, fuzzers and benchmarks share: digits from text, bytes in exactly sized
// blocks.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "src/secret.h"

namespace cardscrub::testing {

inline Digits digits_of(std::string_view text) {
  Digits out;
  for (char c : text) {
    if (c >= '0' && c <= '9' && !out.push(static_cast<uint8_t>(c - '0'))) std::abort();
  }
  return out;
}

inline std::string text_of(const Digits& digits) {
  std::string out;
  for (uint8_t d : digits.span()) out.push_back(static_cast<char>('0' + d));
  return out;
}

// A copy of `bytes` in a heap block of exactly that size, so that a sanitizer sees a read past its end.
inline std::unique_ptr<uint8_t[]> exact_block(std::string_view bytes) {
  auto block = std::make_unique<uint8_t[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
  return block;
}

// The sizes that every streaming case is cut into; 0 is the whole.
inline constexpr size_t kChunkSizes[] = {1, 2, 3, 5, 7, 16, 17, 64, 0};

}  // namespace cardscrub::testing
