// The vector pass: from bit masks to dense windows, and the filter over undecoded bytes.
#include "digit_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "limits.h"
#include "text.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace cardscrub {

namespace {

static_assert(limits::kPanMin == 12, "runs_of_twelve() counts to twelve");
constexpr unsigned kRun = limits::kPanMin;

const MaskKernel kMasks = mask_kernels().front().kernel;

// The last block of a text, which has fewer than 64 bytes. The copy is wiped: it may hold card data.
BlockMasks masks_of_rest(const uint8_t* data, size_t size) {
  std::array<uint8_t, kBlock> block{};
  std::memcpy(block.data(), data, size);
  BlockMasks masks;
  kMasks(block.data(), 1, &masks);
  wipe(block.data(), size);
  return masks;
}

// Gives the masks of a text block by block; the kernel works on several at once.
class MaskReader {
 public:
  MaskReader(const uint8_t* data, size_t size, size_t from)
      : data_(data), size_(size), at_(from), filled_(from) {}

  bool done() const { return at_ >= size_; }
  size_t at() const { return at_; }
  BlockMasks next() {
    if (at_ == filled_) fill();
    const BlockMasks masks = batch_[used_++];
    at_ += kBlock;
    return masks;
  }

 private:
  void fill() {
    const size_t blocks = std::min((size_ - at_) / kBlock, wanted_);
    used_ = 0;
    if (blocks == 0) {
      batch_[0] = masks_of_rest(data_ + at_, size_ - at_);
      filled_ += kBlock;
      return;
    }
    kMasks(data_ + at_, blocks, batch_.data());
    filled_ += blocks * kBlock;
    wanted_ = batch_.size();
  }

  const uint8_t* data_;
  size_t size_;
  size_t at_;
  size_t filled_;
  size_t used_ = 0;
  size_t wanted_ = 4;  // little at first: a search often ends soon
  std::array<BlockMasks, 32> batch_;
};

// Bytes of a block that are `c`.
uint64_t mask_of(const uint8_t* block, uint8_t c) {
#if defined(__x86_64__)
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(c));
  uint64_t mask = 0;
  for (unsigned i = 0; i < kBlock; i += 16) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(block + i)));
    mask |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)))} << i;
  }
  return mask;
#else
  uint64_t mask = 0;
  for (unsigned i = 0; i < kBlock; ++i) mask |= uint64_t{block[i] == c} << i;
  return mask;
#endif
}

LinkMasks links_of_block(const uint8_t* block) {
  BlockMasks masks;
  kMasks(block, 1, &masks);
  return {masks.digits, mask_of(block, ' ') | mask_of(block, '-'), mask_of(block, '.')};
}

// Twelve digits and single separators in a row, complete in the block at `at`.
bool linked_run(Bytes text, size_t at) {
  // A run that becomes twelve long in the block begins at most eleven bytes in front of it. Two looks cover
  // the block and those.
  constexpr size_t kBack = kRun;
  const size_t first = at - std::min(at, kBack);
  for (const size_t begin : {first, first + kBlock - kBack}) {
    if (begin >= text.size()) break;
    const LinkMasks masks = link_masks(text, begin);
    const uint64_t between =
        (masks.joints | masks.dots) & masks.digits << 1 & (masks.digits >> 1 | uint64_t{1} << 63);
    if (runs_of_twelve(masks.digits | between) != 0) return true;
  }
  return false;
}

// The first `count` bits.
uint64_t low_bits(unsigned count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }

// Says of each block, in order, whether twelve digits with at most one byte between two of them are complete
// in it.
class Density {
 public:
  bool dense(uint64_t digits) {
    if (digits == 0) {
      before_ = 0;
      after_digit_ = 0;
      return false;
    }
    const uint64_t filled = digits | digits << 1 | after_digit_;
    const auto head = static_cast<unsigned>(std::countr_one(filled));
    const uint64_t two = filled & filled >> 1;
    bool is_dense = false;
    if ((two & two >> 2) != 0 || before_ > kRun - 4) {  // most blocks of a binary file have no run of four
      is_dense = (runs_of_twelve(filled) != 0 || (head != 0 && before_ + head >= kRun)) &&
                 has_twelve_digits(filled, digits, head);
    }
    digits_before_ = digits;
    before_ = head == kBlock ? unsigned{kBlock} : static_cast<unsigned>(std::countl_one(filled));
    after_digit_ = digits >> 63;
    return is_dense;
  }

 private:
  // Whether so many of the bits of one run are digits: those of an address or a date are too few. `head`: the
  // bits of the run that the block begins with.
  bool has_twelve_digits(uint64_t filled, uint64_t digits, unsigned head) const {
    unsigned count = static_cast<unsigned>(std::popcount(digits & low_bits(head)));
    if (head != 0 && before_ != 0) {
      if (before_ >= kBlock) return true;  // how much longer is not known here
      count += static_cast<unsigned>(std::popcount(digits_before_ >> (kBlock - before_)));
    }
    if (count >= kRun) return true;
    for (uint64_t rest = filled & ~low_bits(head); rest != 0;) {
      const auto begin = static_cast<unsigned>(std::countr_zero(rest));
      const uint64_t run = low_bits(static_cast<unsigned>(std::countr_one(rest >> begin))) << begin;
      if (static_cast<unsigned>(std::popcount(digits & run)) >= kRun) return true;
      rest &= ~run;
    }
    return false;
  }

  unsigned before_ = 0;  // bits of that block in the run that it ended in; kBlock: all, and perhaps more
  uint64_t digits_before_ = 0;  // of that block, when before_ is not 0
  uint64_t after_digit_ = 0;    // 1: the byte before this block is a digit
};

// Counts digits that belong together in bytes as they are on the wire.
class LinkedDigits {
 public:
  // True when this byte is the twelfth digit.
  bool add(uint8_t c) {
    if (is_digit(c)) {
      gap_ = 0;
      return ++count_ >= kRun;
    }
    if (c >= 0x80) {
      ++gap_;  // part of one character, at most four bytes
    } else {
      gap_ += c == ' ' || c == '-' || c == '.' ? kLongest : kLongest + 1;
    }
    if (gap_ > kLongest) count_ = 0;
    return false;
  }
  void reset() { count_ = 0; }

 private:
  static constexpr unsigned kLongest = 4;
  unsigned count_ = 0;
  unsigned gap_ = 0;
};
// Twelve digits, each but the last followed by a character of four bytes.
constexpr size_t kLinkedMax = kRun + (kRun - 1) * 4;
static_assert(kLinkedMax <= kBlock, "it must lie in two blocks");

// True when a UTF-8 decimal digit (Unicode category Nd) beyond ASCII begins at p. Errs to true where a script
// has little else, and where the character is cut off.
bool foreign_digit(const uint8_t* p, const uint8_t* end) {
  const uint8_t lead = *p;
  if (end - p < 2) return true;
  const uint8_t second = p[1];
  switch (lead) {
    case 0xD9:
      return second >= 0xA0 && second <= 0xA9;  // Arabic-Indic
    case 0xDB:
      return second >= 0xB0 && second <= 0xB9;  // Eastern Arabic-Indic
    case 0xDF:
      return second >= 0x80 && second <= 0x89;  // NKo
    case 0xE1:
      return second >= 0x81 && second <= 0xB1;  // Myanmar .. Ol Chiki
    case 0xEA:
      return second < 0xB0;  // Vai .. Meetei Mayek, not Hangul
    default:
      break;  // E0, EF, F0: below
  }
  if (lead == 0xF0 && second != 0x9F) return second <= 0x9E;  // Osmanya .. Adlam, mathematical
  if (end - p < 3) return true;
  const uint8_t third = p[2];
  if (lead == 0xF0) return third == 0xAF;  // segmented digits; the rest of 1F000 is emoji
  if (lead == 0xEF) return second == 0xBC && third >= 0x90 && third <= 0x99;  // full-width
  // E0: the Indic scripts, Thai and Lao, Tibetan.
  if (second == 0xB9 || second == 0xBB) return third >= 0x90 && third <= 0x99;
  if (second == 0xBC) return third >= 0xA0 && third <= 0xA9;
  return (second & 1) != 0 && second < 0xB9 && third >= 0xA6 && third <= 0xAF;
}

constexpr uint8_t kDigitLeads[] = {0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0};

// A decimal digit of another script begins in the block at `at`, or may do so in what is cut off.
bool foreign_digit_in_block(const uint8_t* data, size_t at, size_t size) {
  std::array<uint8_t, kBlock> rest{};
  const bool whole = size - at >= kBlock;
  if (!whole) std::memcpy(rest.data(), data + at, size - at);
  const uint8_t* block = whole ? data + at : rest.data();
  uint64_t leads = 0;
  for (const uint8_t lead : kDigitLeads) leads |= mask_of(block, lead);
  if (!whole) wipe(rest.data(), rest.size());
  for (; leads != 0; leads &= leads - 1) {
    if (foreign_digit(data + at + std::countr_zero(leads), data + size)) return true;
  }
  return false;
}

}  // namespace

LinkMasks link_masks(Bytes text, size_t at) {
  const size_t rest = text.size() - at;
  if (rest >= kBlock) return links_of_block(text.data() + at);
  std::array<uint8_t, kBlock> block{};
  std::memcpy(block.data(), text.data() + at, rest);
  const LinkMasks masks = links_of_block(block.data());
  wipe(block.data(), rest);
  return masks;
}

DenseWindow next_dense(Bytes text, size_t from, size_t most) {
  MaskReader reader(text.data(), text.size(), from);
  Density density;
  while (true) {
    if (reader.done()) return {text.size(), text.size(), text.size()};
    const size_t at = reader.at();
    if (!density.dense(reader.next().digits) || !linked_run(text, at)) continue;
    // The digits that become twelve here begin at most 23 bytes before this block.
    DenseWindow window{at - std::min(at - from, kBlock), 0, 0};
    while (true) {
      window.end = std::min(reader.at(), text.size());
      window.resume = window.end;
      if (reader.done()) return window;
      if (window.end - window.begin >= most) {
        window.resume = window.end - kBlock;  // for what lies across the cut
        return window;
      }
      if (!density.dense(reader.next().digits) || !linked_run(text, window.end)) return window;
    }
  }
}

bool may_hold_pan(const uint8_t* data, size_t size) {
  MaskReader reader(data, size, 0);
  Density density;
  LinkedDigits linked;
  size_t looked = 0;  // bytes before this one went through `linked`
  BlockMasks before{0, 0};
  while (!reader.done()) {
    const size_t at = reader.at();
    const BlockMasks masks = reader.next();
    bool look = density.dense(masks.digits) && linked_run({data, size}, at);
    if ((masks.high | before.high) != 0) {
      if (masks.high != 0 && foreign_digit_in_block(data, at, size)) return true;
      look =
          look || static_cast<unsigned>(std::popcount(masks.digits) + std::popcount(before.digits)) >= kRun;
    }
    before = masks;
    if (!look) continue;
    if (at - std::min(at, kBlock) > looked) {
      looked = at - kBlock;
      linked.reset();
    }
    for (const size_t end = std::min(at + kBlock, size); looked < end; ++looked) {
      if (linked.add(data[looked])) return true;
    }
  }
  return false;
}

}  // namespace cardscrub
