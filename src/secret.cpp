// Memory that may hold card data: wiping, and the buffer that wipes itself.
#include "secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace cardscrub {

namespace {

constexpr size_t kSmallestBlock = 64;

// used: what is not has never held anything, or has been wiped when it went out of use.
void release(uint8_t* block, size_t used) noexcept {
  if (block == nullptr) return;
  wipe(block, used);
  ::operator delete(block);
}

// As wipe_large(), for the same reason.
void copy(uint8_t* to, const uint8_t* from, size_t size) noexcept {
  constexpr size_t kStep = 128;
  for (; size >= kStep; to += kStep, from += kStep, size -= kStep) std::memcpy(to, from, kStep);
  if (size != 0) std::memcpy(to, from, size);
}

}  // namespace

// Whole cache lines at a time; memset() of this size may be a string instruction, which costs more to begin
// and is no faster.
void wipe_large(void* data, size_t size) noexcept {
  constexpr size_t kStep = 128;
  auto* at = static_cast<uint8_t*>(data);
  for (; size >= kStep; at += kStep, size -= kStep) {
    std::memset(at, 0, kStep);
    asm volatile("" : : "r"(at) : "memory");
  }
  std::memset(at, 0, size);
  asm volatile("" : : "r"(at) : "memory");
}

SecretBuffer::~SecretBuffer() { release(data_, size_); }

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
  if (this != &other) {
    release(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void SecretBuffer::reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  auto* block = static_cast<uint8_t*>(::operator new(capacity));
  if (size_ != 0) std::memcpy(block, data_, size_);
  release(data_, size_);
  data_ = block;
  capacity_ = capacity;
}

void SecretBuffer::append(Bytes bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > std::numeric_limits<size_t>::max() / 2 - size_) throw std::bad_alloc();
  const size_t wanted = size_ + bytes.size();
  // Doubling keeps a sequence of appends linear.
  if (wanted > capacity_) reserve(std::max({wanted, 2 * capacity_, kSmallestBlock}));
  copy(data_ + size_, bytes.data(), bytes.size());
  size_ = wanted;
}

void SecretBuffer::resize(size_t size) {
  if (size < size_) {
    wipe(data_ + size, size_ - size);
  } else if (size > size_) {
    if (size > capacity_) reserve(std::max(size, kSmallestBlock));
    std::memset(data_ + size_, 0, size - size_);
  }
  size_ = size;
}

void SecretBuffer::drop_front(size_t count) {
  count = std::min(count, size_);
  if (count == 0) return;
  const size_t rest = size_ - count;
  if (rest != 0) std::memmove(data_, data_ + count, rest);
  wipe(data_ + rest, count);
  size_ = rest;
}

void SecretBuffer::clear() {
  wipe(data_, size_);
  size_ = 0;
}

bool Digits::operator==(const Digits& other) const {
  return size_ == other.size_ && CRYPTO_memcmp(value_.data(), other.value_.data(), size_) == 0;
}

}  // namespace cardscrub
