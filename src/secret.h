// Memory that may hold card data: it is wiped before it is given back.
//
// std::string is never used for card bytes: its small buffer keeps up to 15 bytes after destruction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace cardscrub {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// Overwrites `size` bytes in a way the compiler may not remove: behind the barrier, memory may be read by
// anybody. Small things, and that is nearly all, are wiped in a few instructions.
void wipe_large(void* data, size_t size) noexcept;
inline void wipe(void* data, size_t size) noexcept {
  constexpr size_t kSmall = 256;
  if (size == 0) return;
  if (size > kSmall) return wipe_large(data, size);
  std::memset(data, 0, size);
  asm volatile("" : : "r"(data) : "memory");
}

// A growable byte buffer on the heap. Every byte it ever owned is wiped when it is released or moved
// to a larger block. Throws std::bad_alloc and nothing else. Not copyable.
class SecretBuffer {
 public:
  SecretBuffer() = default;
  explicit SecretBuffer(size_t capacity) { reserve(capacity); }
  ~SecretBuffer();
  SecretBuffer(SecretBuffer&& other) noexcept;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  MutableBytes span() { return {data_, size_}; }
  Bytes span() const { return {data_, size_}; }

  void reserve(size_t capacity);
  void append(Bytes bytes);       // `bytes` must not lie inside this buffer
  void resize(size_t size);       // new bytes are zero
  void drop_front(size_t count);  // moves the rest down and wipes what the move left behind
  void clear();                   // wipes what was in use; keeps the block

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Up to kMax decimal digits as values 0..9: a PAN, a token, a code. Lives on the stack; wiped.
class Digits {
 public:
  static constexpr size_t kMax = 20;

  Digits() = default;
  ~Digits() { wipe(value_.data(), value_.size()); }
  Digits(const Digits&) = default;
  Digits& operator=(const Digits&) = default;

  // False, and nothing added, when kMax digits are in already.
  [[nodiscard]] bool push(uint8_t digit) {
    if (size_ == kMax) return false;
    value_[size_++] = digit;
    return true;
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() {
    wipe(value_.data(), value_.size());
    size_ = 0;
  }
  uint8_t operator[](size_t i) const { return value_[i]; }
  uint8_t& operator[](size_t i) { return value_[i]; }
  Bytes span() const { return {value_.data(), size_}; }
  MutableBytes span() { return {value_.data(), size_}; }
  bool operator==(const Digits& other) const;

 private:
  std::array<uint8_t, kMax> value_{};
  size_t size_ = 0;
};

}  // namespace cardscrub
