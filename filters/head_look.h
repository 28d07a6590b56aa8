// The vector pass over one element of a head: all that most elements ever meet. It tells of the few things
// that could make more of the element than text.
#pragma once

#include <cstdint>
#include <span>

#include "src/field_names.h"

namespace cardscrub {

// Bits of what a pass tells.
enum HeadSign : unsigned {
  kOddSign = 1,      // '{', or what is not ASCII; perhaps |, }, ~ or DEL
  kDigitsSign = 2,   // twelve digits or more
  kQuadsSign = 4,    // two bytes, four apart, that what stands for a number in base64 begins with
  kPercentSign = 8,  // '%'; only where there are names
  kNameSign = 16,    // '=' behind two bytes that a name that announces card data may end in
};

// Of 1 to kHeadLookMost bytes. names: nullptr: there are none. hasty: twelve digits are enough to know, the
// other signs may then be missing. One for each kind of processor; the fastest that runs here is used.
inline constexpr size_t kHeadLookMost = 2048;
using HeadLook = unsigned (*)(const uint8_t* data, size_t size, const NameEnds* names, bool hasty);
struct NamedHeadLook {
  const char* name;
  HeadLook look;
};
std::span<const NamedHeadLook> head_looks();  // those that run on this processor, fastest first
extern const HeadLook kHeadLook;              // the fastest

}  // namespace cardscrub
