// The vector pass: from bit masks to dense windows, and the filter over undecoded bytes.
#include "digit_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "limits.h"
#include "text.h"

namespace cardscrub {

namespace {

static_assert(limits::kPanMin == 12, "has_run() and Density count to twelve");
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
  MaskReader(const uint8_t* data, size_t size, size_t from) : data_(data), size_(size), at_(from), filled_(from) {}

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

bool has_run(uint64_t bits) {
  const uint64_t two = bits & bits >> 1;
  const uint64_t four = two & two >> 2;
  return (four & four >> 4 & four >> 8) != 0;
}

// Says of each block, in order, whether twelve digits with at most one byte between two of them are complete in it.
class Density {
 public:
  bool dense(uint64_t digits) {
    if (digits == 0) {
      before_ = 0;
      after_digit_ = 0;
      return false;
    }
    const uint64_t filled = digits | digits << 1 | after_digit_;
    const unsigned head = static_cast<unsigned>(std::countr_one(filled));
    const bool is_dense = has_run(filled) || (head != 0 && before_ + head >= kRun);
    before_ = head == kBlock ? std::min(before_ + head, kRun) : static_cast<unsigned>(std::countl_one(filled));
    after_digit_ = digits >> 63;
    return is_dense;
  }

 private:
  unsigned before_ = 0;       // bits of the run that the block before ended in
  uint64_t after_digit_ = 0;  // 1: the byte before this block is a digit
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

// True when a UTF-8 decimal digit (Unicode category Nd) beyond ASCII begins at p. Errs to true where a script has little else,
// and where the character is cut off.
bool foreign_digit(const uint8_t* p, const uint8_t* end) {
  const uint8_t lead = *p;
  if (end - p < 2) return true;
  const uint8_t second = p[1];
  switch (lead) {
    case 0xD9: return second >= 0xA0 && second <= 0xA9;  // Arabic-Indic
    case 0xDB: return second >= 0xB0 && second <= 0xB9;  // Eastern Arabic-Indic
    case 0xDF: return second >= 0x80 && second <= 0x89;  // NKo
    case 0xE1: return second >= 0x81 && second <= 0xB1;  // Myanmar .. Ol Chiki
    case 0xEA: return second < 0xB0;                     // Vai .. Meetei Mayek, not Hangul
    case 0xF0: break;
    default: break;
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

bool may_lead_digit(uint8_t c) {
  switch (c) {
    case 0xD9: case 0xDB: case 0xDF: case 0xE0: case 0xE1: case 0xEA: case 0xEF: case 0xF0:
      return true;
    default:
      return false;
  }
}

bool holds_foreign_digit(const uint8_t* data, size_t begin, size_t end, size_t size) {
  for (size_t i = begin; i < end; ++i) {
    if (may_lead_digit(data[i]) && foreign_digit(data + i, data + size)) return true;
  }
  return false;
}

}  // namespace

uint64_t digit_mask(Bytes text, size_t at) {
  const size_t rest = text.size() - at;
  if (rest < kBlock) return masks_of_rest(text.data() + at, rest).digits;
  BlockMasks masks;
  kMasks(text.data() + at, 1, &masks);
  return masks.digits;
}

DenseWindow next_dense(Bytes text, size_t from, size_t most) {
  MaskReader reader(text.data(), text.size(), from);
  Density density;
  while (true) {
    if (reader.done()) return {text.size(), text.size(), text.size()};
    const size_t at = reader.at();
    if (!density.dense(reader.next().digits)) continue;
    // The run of digits that becomes twelve here began at most 23 bytes before this block.
    DenseWindow window{at - std::min(at - from, kBlock), 0, 0};
    while (true) {
      window.end = std::min(reader.at(), text.size());
      window.resume = window.end;
      if (reader.done()) return window;
      if (window.end - window.begin >= most) {
        window.resume = window.end - kBlock;  // for what lies across the cut
        return window;
      }
      if (!density.dense(reader.next().digits)) return window;
    }
  }
}

bool may_hold_pan(const uint8_t* data, size_t size) {
  if (size < kRun) return holds_foreign_digit(data, 0, size, size);
  MaskReader reader(data, size, 0);
  Density density;
  LinkedDigits linked;
  size_t looked = 0;  // bytes before this one went through `linked`
  BlockMasks before{0, 0};
  while (!reader.done()) {
    const size_t at = reader.at();
    const BlockMasks masks = reader.next();
    const size_t end = std::min(at + kBlock, size);
    bool look = density.dense(masks.digits);
    if ((masks.high | before.high) != 0) {
      if (masks.high != 0 && holds_foreign_digit(data, at, end, size)) return true;
      look = look || static_cast<unsigned>(std::popcount(masks.digits) + std::popcount(before.digits)) >= kRun;
    }
    before = masks;
    if (!look) continue;
    if (at - std::min(at, kBlock) > looked) {
      looked = at - kBlock;
      linked.reset();
    }
    for (; looked < end; ++looked) {
      if (linked.add(data[looked])) return true;
    }
  }
  return false;
}

}  // namespace cardscrub
