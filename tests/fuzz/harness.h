// What the harnesses share: laws that end the program by their name, an input that is taken apart from the
// front, pieces of random sizes, and a mutator that knows how card data is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "src/limits.h"
#include "src/text.h"
#include "tests/card_texts.h"

extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed);
// Of libFuzzer; not there when inputs are only replayed.
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
}

namespace cardscrub::fuzz {

inline void law(bool holds, const char* name) {
  if (holds) return;
  std::fprintf(stderr, "law broken: %s\n", name);
  std::abort();
}

// An input, read from its front; zeros and empty stretches when there is no more.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  uint8_t byte() { return rest_.empty() ? uint8_t{0} : static_cast<uint8_t>(take(1)[0]); }
  template <typename T, size_t kCount>
  const T& one_of(const T (&choices)[kCount]) {
    return choices[byte() % kCount];
  }
  std::string_view take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the next `end`, which is dropped.
  std::string_view until(char end) {
    const std::string_view taken = take(std::min(rest_.find(end), rest_.size()));
    take(1);
    return taken;
  }
  std::string_view rest() { return take(rest_.size()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Sizes of pieces. Their kind, by the two highest bits: all the same, small ones, a few in between, very
// different ones. Long texts come in at most some hundred pieces, so that a run stays short.
class Cuts {
 public:
  Cuts(uint8_t kind, size_t size) : state_(kind * 2654435761u + 1u), kind_(kind), least_(size / 400) {}

  size_t operator()() {
    state_ = state_ * 1664525u + 1013904223u;
    const size_t random = state_ >> 16;
    switch (kind_ >> 6) {
      case 0:
        return least_ + 1 + kind_ % 64;
      case 1:
        return least_ + 1 + random % 4;
      case 2:
        return least_ + 1 + random % (2 + kind_ % 64);
      default:
        return least_ + 1 + (random % 3 == 0 ? 0 : random % 600);
    }
  }

 private:
  uint32_t state_;
  uint8_t kind_;
  size_t least_;
};

// Whether digits of ASCII, escapes or UTF-8 show in this byte. (Not those of UTF-16, and no digit in binary.)
inline bool may_carry_digit(char byte) {
  const auto c = static_cast<unsigned char>(byte);
  return is_digit(c) || (c | 0x20u) - 'a' < 6u || c == '*' || c >= 0x80;
}

// ---- the mutator

class Mutator {
 public:
  explicit Mutator(unsigned seed) : texts_(seed) {}

  size_t operator()(uint8_t* data, size_t size, size_t max_size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    switch (texts_.below(6)) {
      case 0:
      case 1:
        insert(&text);
        break;
      case 2:
        check_digit(&text);
        break;
      case 3:
        encode(&text);
        break;
      default:
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const size_t now = std::min(text.size(), max_size);
    if (now != 0) std::memcpy(data, text.data(), now);
    return now;
  }

 private:
  // A number, a track, a word ..., mostly in the place of another run of digits.
  void insert(std::string* text) {
    std::string part;
    texts_.part(&part);
    size_t at = texts_.below(text->size() + 1);
    size_t count = 0;
    if (texts_.below(2) == 0) {
      at = std::min(text->find_first_of("0123456789", at), text->size());
      count = std::min(text->find_first_not_of("0123456789 -", at), text->size()) - at;
    }
    text->replace(at, count, part);
  }

  // Makes a run of digits satisfy Luhn.
  void check_digit(std::string* text) {
    const size_t from = texts_.below(text->size() + 1);
    size_t last = 0;
    Digits digits;
    for (size_t i = from; i < text->size(); ++i) {
      const auto c = static_cast<uint8_t>((*text)[i]);
      if (is_digit(c)) {
        if (!digits.push(static_cast<uint8_t>(c - '0'))) digits.clear();
        last = i;
      } else if (c != ' ' && c != '-' && c != '.') {
        if (digits.size() >= limits::kPanMin) break;
        digits.clear();
      }
      if (digits.size() >= limits::kPanMin && texts_.below(4) == 0) break;
    }
    if (digits.size() < 2) return;
    const Bytes body = digits.span().first(digits.size() - 1);
    (*text)[last] = static_cast<char>('0' + luhn_check_digit(body));
  }

  // Writes a digit, or all of a run, in another form.
  void encode(std::string* text) {
    size_t at = text->find_first_of("0123456789", texts_.below(text->size() + 1));
    const size_t form = texts_.below(5);
    for (size_t count = texts_.below(2) == 0 ? 1 : 16; count > 0 && at < text->size(); --count) {
      const auto c = static_cast<uint8_t>((*text)[at]);
      if (!is_digit(c)) break;
      static const char* const kFronts[] = {"\\u003", "%3", "&#x3", "\xEF\xBC", "\\\\u003"};
      std::string now = kFronts[form];
      now += form == 3 ? static_cast<char>(0x90 + c - '0') : static_cast<char>(c);
      if (form == 2) now += ';';
      text->replace(at, 1, now);
      at += now.size();
    }
  }

  testing::CardTexts texts_;
};

}  // namespace cardscrub::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return cardscrub::fuzz::Mutator(seed)(data, size, max_size);
}
