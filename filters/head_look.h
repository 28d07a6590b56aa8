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
// other signs may then be missing.
inline constexpr size_t kHeadLookMost = 2048;
using HeadLook = unsigned (*)(const uint8_t* data, size_t size, const NameEnds* names, bool hasty);

// What a pass that cuts tells.
enum HeadCutSign : unsigned {
  kIntricateSign = 1,  // % + [ " # {, a semicolon that is no separator, what is not ASCII; perhaps | } ~ DEL
  // and kQuadsSign
};

// Where pairs of names and values are to be cut: bit i % 64 of word i / 64 is set where byte i is '=' or the
// separator: ';', or '&'. Of 1 to kHeadCutMost bytes.
inline constexpr size_t kHeadCutMost = 1024;
using HeadCut = unsigned (*)(const uint8_t* data, size_t size, bool semicolons, uint64_t* words);

// One for each kind of processor; the fastest that runs here is used.
struct HeadKernel {
  const char* name;
  HeadLook look;
  HeadCut cut;
};
std::span<const HeadKernel> head_kernels();  // those that run on this processor, fastest first
extern const HeadKernel kHeadKernel;         // the fastest

}  // namespace cardscrub
