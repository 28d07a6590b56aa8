// The vector pass: where do digits stand close together? The only thing that most bytes of a body ever meet.
//
// Bytes are looked at in blocks of 64, each as a bit mask of its digits. Twelve digits with at most one byte
// between two of them leave a run of twelve bits in `mask | mask << 1`. Where such a run is complete, a
// second look at the block asks whether the bytes between the digits are separators at all; if so, it is
// dense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "secret.h"

namespace cardscrub {

inline constexpr size_t kBlock = 64;

// Bit b: byte b of a block is an ASCII digit; is 0x80 or more.
struct BlockMasks {
  uint64_t digits;
  uint64_t high;
};

// Masks of `blocks` whole blocks. One kernel for each kind of processor; the fastest that runs here is used.
using MaskKernel = void (*)(const uint8_t* data, size_t blocks, BlockMasks* out);
struct NamedKernel {
  const char* name;
  MaskKernel kernel;
};
std::span<const NamedKernel> mask_kernels();  // those that run on this processor, fastest first

// The up to 64 bytes at `at`: digits, and what may link two of them. Bits past the end are 0.
struct LinkMasks {
  uint64_t digits;
  uint64_t joints;  // ' ' and '-'
  uint64_t dots;
};
LinkMasks link_masks(Bytes text, size_t at);

// Bit i: twelve bits in a row are set from bit i on.
inline uint64_t runs_of_twelve(uint64_t bits) {
  const uint64_t two = bits & bits >> 1;
  const uint64_t four = two & two >> 2;
  return four & four >> 4 & four >> 8;
}

// A stretch that the engine must look at; begin == end: there is none. Text between `from` and begin holds no
// twelve digits that belong together; the search goes on at `resume`.
struct DenseWindow {
  size_t begin;
  size_t end;
  size_t resume;
};
// The first dense blocks at or after `from`, with the block in front of them. At most about `most` bytes (a
// multiple of kBlock, at least 4 of them).
DenseWindow next_dense(Bytes text, size_t from, size_t most);

// True when the bytes, as they are on the wire (no escape undone), may hold a finding: twelve ASCII digits
// with at most one separator (space, hyphen, dot, or a character beyond ASCII) between two of them, or a
// decimal digit of another script. Never false for a text that holds one; hardly ever true for text that does
// not look like it.
bool may_hold_pan(const uint8_t* data, size_t size);

}  // namespace cardscrub
