// The kernels of the vector pass: bit masks of digits and of bytes beyond ASCII, 64 bytes at a time.
#include <bit>
#include <cstring>

#include "digit_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace cardscrub {

namespace {

constexpr uint64_t repeated(uint8_t byte) { return byte * 0x0101010101010101ull; }

// Eight bytes in a word: collects the top bits of the bytes, the first byte's as bit 0.
uint64_t top_bits(uint64_t word) { return (word & repeated(0x80)) / 0x80 * 0x0102040810204080ull >> 56; }

uint64_t load_word(const uint8_t* data) {
  uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i)
    word |= uint64_t{data[i]} << (8 * i);  // one load where the machine is little-endian
  return word;
}

void masks_plain(const uint8_t* data, size_t blocks, BlockMasks* out) {
  for (; blocks != 0; --blocks, data += kBlock, ++out) {
    BlockMasks masks{0, 0};
    for (unsigned i = 0; i < kBlock; i += 8) {
      const uint64_t word = load_word(data + i);
      const uint64_t off = word ^ repeated('0');                                    // a digit becomes 0..9
      const uint64_t other = ((off & repeated(0x7f)) + repeated(0x80 - 10)) | off;  // top bit: 10 or more
      masks.digits |= top_bits(~other) << i;
      masks.high |= top_bits(word) << i;
    }
    *out = masks;
  }
}

#if defined(__x86_64__)

// '9' + kShift is the largest signed byte, so one signed comparison finds '0'..'9'.
constexpr char kShift = 127 - '9';
constexpr char kBelow = 127 - 10;

void masks_sse2(const uint8_t* data, size_t blocks, BlockMasks* out) {
  const __m128i shift = _mm_set1_epi8(kShift);
  const __m128i below = _mm_set1_epi8(kBelow);
  for (; blocks != 0; --blocks, data += kBlock, ++out) {
    BlockMasks masks{0, 0};
    for (unsigned i = 0; i < kBlock; i += 16) {
      const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(data + i)));
      const __m128i digits = _mm_cmpgt_epi8(_mm_add_epi8(bytes, shift), below);
      masks.digits |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(digits))} << i;
      masks.high |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(bytes))} << i;
    }
    *out = masks;
  }
}

__attribute__((target("avx2"))) void masks_avx2(const uint8_t* data, size_t blocks, BlockMasks* out) {
  const __m256i shift = _mm256_set1_epi8(kShift);
  const __m256i below = _mm256_set1_epi8(kBelow);
  for (; blocks != 0; --blocks, data += kBlock, ++out) {
    const __m256i low = _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(data)));
    const __m256i top = _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(data + 32)));
    const __m256i low_digits = _mm256_cmpgt_epi8(_mm256_add_epi8(low, shift), below);
    const __m256i top_digits = _mm256_cmpgt_epi8(_mm256_add_epi8(top, shift), below);
    out->digits = static_cast<uint32_t>(_mm256_movemask_epi8(low_digits)) |
                  uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(top_digits))} << 32;
    out->high = static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
                uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(top))} << 32;
  }
}

constexpr NamedKernel kKernels[] = {{"avx2", masks_avx2}, {"sse2", masks_sse2}, {"plain", masks_plain}};

std::span<const NamedKernel> kernels_here() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") ? std::span(kKernels) : std::span(kKernels).subspan(1);
}

#elif defined(__aarch64__) && defined(__ARM_NEON)

// One bit of each of 64 bytes (all ones or all zeros each): weights, then pairwise sums.
uint64_t bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
  static const uint8_t kWeights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t weights = vld1q_u8(kWeights);
  const uint8x16_t ab = vpaddq_u8(vandq_u8(a, weights), vandq_u8(b, weights));
  const uint8x16_t cd = vpaddq_u8(vandq_u8(c, weights), vandq_u8(d, weights));
  const uint8x16_t all = vpaddq_u8(ab, cd);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

void masks_neon(const uint8_t* data, size_t blocks, BlockMasks* out) {
  const uint8x16_t zero = vdupq_n_u8('0');
  const uint8x16_t ten = vdupq_n_u8(10);
  const uint8x16_t ascii = vdupq_n_u8(0x7f);
  for (; blocks != 0; --blocks, data += kBlock, ++out) {
    const uint8x16_t a = vld1q_u8(data), b = vld1q_u8(data + 16), c = vld1q_u8(data + 32),
                     d = vld1q_u8(data + 48);
    out->digits = bits_of(vcltq_u8(vsubq_u8(a, zero), ten), vcltq_u8(vsubq_u8(b, zero), ten),
                          vcltq_u8(vsubq_u8(c, zero), ten), vcltq_u8(vsubq_u8(d, zero), ten));
    out->high = bits_of(vcgtq_u8(a, ascii), vcgtq_u8(b, ascii), vcgtq_u8(c, ascii), vcgtq_u8(d, ascii));
  }
}

constexpr NamedKernel kKernels[] = {{"neon", masks_neon}, {"plain", masks_plain}};
std::span<const NamedKernel> kernels_here() { return kKernels; }

#else

constexpr NamedKernel kKernels[] = {{"plain", masks_plain}};
std::span<const NamedKernel> kernels_here() { return kKernels; }

#endif

}  // namespace

std::span<const NamedKernel> mask_kernels() {
  static const std::span<const NamedKernel> here = kernels_here();
  return here;
}

}  // namespace cardscrub
