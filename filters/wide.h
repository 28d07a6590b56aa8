// Characters outside ASCII that take part in a number: digits of other scripts, no-break spaces, dashes
// (text.h).
//
// In raw text only those are normalised that stand next to a digit, or, being digits themselves, next to a
// separator: binary files and prose are full of the others, and they cannot belong to a card number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "filters/decoded.h"

namespace cardscrub {

class WideFinder {
 public:
  // A character is judged when this many bytes from its first on are known (its own and those of the next
  // one).
  static constexpr size_t kAhead = 8;
  static constexpr size_t kBehind = 4;

  struct Found {
    size_t at;    // index of the first byte; or where the search stopped
    size_t size;  // bytes of the character; 0: none found in front of `at`
    char32_t code;
  };

  // The first such character that begins in [from, size). When !last and too little is known to judge one,
  // stops there. Works on any bytes; what is not UTF-8 is passed over.
  Found next(const uint8_t* data, size_t size, size_t from, bool last);

  // The first `count` bytes are gone: data[count] will be data[0] of the next call.
  void drop_front(const uint8_t* data, size_t count);

 private:
  enum class Class : uint8_t { kOther, kDigit, kSeparator };
  struct Character {
    size_t size;  // 0: no character
    char32_t code;
    Class kind;
  };

  bool relevant(const uint8_t* data, size_t size, size_t at, const Character& character);
  Character character_at(const uint8_t* data, size_t size, std::ptrdiff_t at);
  Class class_at(const uint8_t* data, size_t size, std::ptrdiff_t at);
  Class class_before(const uint8_t* data, size_t size, std::ptrdiff_t at);
  int byte(const uint8_t* data, size_t size, std::ptrdiff_t at) const;

  std::array<uint8_t, kBehind> behind_{};  // the bytes in front of data[0], newest last; 0: none
  Decoded scratch_;
};

}  // namespace cardscrub
