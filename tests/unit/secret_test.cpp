// Secret memory: what is given back was wiped, and the buffer behaves as one.
#include "src/secret.h"

#include <cstdlib>
#include <new>
#include <random>

#include "testing.h"

using namespace cardscrub;
using namespace cardscrub::testing;

// Every block that the buffer gives back is looked at just before it goes.
namespace {
size_t freed_with_content = 0;
size_t freed = 0;
bool watching = false;
constexpr size_t kHeader = 2 * sizeof(max_align_t);
}  // namespace

void* operator new(size_t size) {
  auto* block = static_cast<unsigned char*>(std::malloc(kHeader + size));
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, &size, sizeof size);
  return block + kHeader;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  auto* block = static_cast<unsigned char*>(memory) - kHeader;
  size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  if (watching) {
    ++freed;
    for (size_t i = 0; i < size; ++i) {
      if (block[kHeader + i] != 0) {
        ++freed_with_content;
        break;
      }
    }
  }
  std::free(block);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string_view view(const SecretBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

int start_watching(void**) {
  freed = freed_with_content = 0;
  watching = true;
  return 0;
}
int stop_watching(void**) {
  watching = false;
  return 0;
}

void test_wiped_when_released(void**) {
  {
    SecretBuffer buffer;
    for (int i = 0; i < 100; ++i) buffer.append(bytes_of("4111111111111111"));
    SecretBuffer moved = std::move(buffer);
    SecretBuffer assigned(10);
    assigned.append(bytes_of("5555555555554444"));
    assigned = std::move(moved);
    assigned.reserve(1 << 20);
    assigned.drop_front(100);
    assigned.resize(50);
  }
  assert_true(freed >= 6);  // it grew several times, was assigned to, and ended
  assert_int_equal(freed_with_content, 0);
}

void test_wiped_in_place(void**) {
  SecretBuffer buffer;
  buffer.append(bytes_of("0123456789abcdef"));
  const uint8_t* block = buffer.data();
  buffer.drop_front(6);
  assert_true(view(buffer) == "6789abcdef");
  for (size_t i = 10; i < 16; ++i) assert_int_equal(block[i], 0);
  buffer.resize(4);
  for (size_t i = 4; i < 16; ++i) assert_int_equal(block[i], 0);
  buffer.clear();
  for (size_t i = 0; i < 16; ++i) assert_int_equal(block[i], 0);
  assert_true(buffer.empty() && buffer.data() == block);
}

// Against a plain string, with random calls.
void test_like_a_string(void**) {
  watching = false;  // the strings of this test are no secrets
  std::mt19937 random(1);
  SecretBuffer buffer;
  std::string model;
  for (int i = 0; i < 20000; ++i) {
    const size_t n = random() % 40;
    switch (random() % 7) {
      case 0:
      case 1:
      case 2: {
        const std::string piece(n, static_cast<char>('a' + i % 26));
        buffer.append(bytes_of(piece));
        model += piece;
        break;
      }
      case 3:
        buffer.drop_front(n);
        model.erase(0, std::min(n, model.size()));
        break;
      case 4:
        buffer.resize(n * 3);
        model.resize(n * 3, '\0');
        break;
      case 5:
        buffer.reserve(n * 4);
        break;
      case 6:
        if (n != 0) break;
        buffer.clear();
        model.clear();
        break;
    }
    assert_true(view(buffer) == model);
    assert_true(buffer.capacity() >= buffer.size());
  }
}

void test_empty(void**) {
  SecretBuffer buffer;
  buffer.append({});
  buffer.drop_front(5);
  buffer.clear();
  buffer.resize(0);
  assert_true(buffer.empty() && buffer.span().empty() && buffer.data() == nullptr);
  SecretBuffer* self = &buffer;
  buffer.append(bytes_of("x"));
  buffer = std::move(*self);
  assert_int_equal(buffer.size(), 1);
  const uint8_t byte = 0;
  assert_int_equal(buffer.capacity(), 64);
  bool thrown = false;
  try {
    buffer.append({&byte, SIZE_MAX / 2});
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  assert_true(thrown);
}

void test_wipe(void**) {
  uint8_t block[5] = {1, 2, 3, 4, 5};
  wipe(block + 1, 3);
  const uint8_t want[5] = {1, 0, 0, 0, 5};
  assert_memory_equal(block, want, 5);
  wipe(nullptr, 0);
}

void test_digits(void**) {
  Digits digits;
  for (size_t i = 0; i < Digits::kMax; ++i) assert_true(digits.push(static_cast<uint8_t>(i % 10)));
  assert_false(digits.push(1));
  assert_int_equal(digits.size(), Digits::kMax);
  Digits same = digits;
  assert_true(same == digits);
  same[19] = 0;
  assert_false(same == digits);
  assert_false(digits_of("411") == digits_of("4111"));
  assert_true(digits_of("4111") == digits_of("4 1 1 1"));
  digits.clear();
  assert_true(digits.empty());
  for (size_t i = 0; i < Digits::kMax; ++i) assert_int_equal(digits[i], 0);

  alignas(Digits) uint8_t place[sizeof(Digits)];
  auto* there = new (place) Digits(same);
  there->~Digits();
  for (size_t i = 0; i < Digits::kMax; ++i) assert_int_equal(place[i], 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_wiped_when_released, start_watching, stop_watching),
      cmocka_unit_test_setup_teardown(test_wiped_in_place, start_watching, stop_watching),
      cmocka_unit_test(test_like_a_string),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_wipe),
      cmocka_unit_test(test_digits),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
