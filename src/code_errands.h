// What the scrubber asks of a code store that answers later, one on another host. The scrubber writes what it
// can write at once and leaves an errand; whoever owns the bytes keeps them back until all errands of them
// are done, for an answer may want other digits in the same place (write()).
//
//   kPut    the alias stands on the wire: store the code under it. Taken: draw another alias, write it, put
//           again.
//   kKeep   an alias that came with its card's token was left as it came: see that it still stands for a
//           code. If not, it is a code itself: draw an alias, write it, put.
//   kTake   reveal: the alias stands on the wire: take the code out of the store and write it (reveal.h).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "secret.h"
#include "text.h"

namespace cardscrub {

struct CodeErrand {
  enum class Task : uint8_t { kPut, kKeep, kTake };

  Task task;
  Digits token;                          // of the card
  Digits alias;                          // what stands on the wire
  Digits code;                           // kTake: none until there is an answer
  std::array<Unit, Digits::kMax> units;  // where the digits stand, absolute in the body
  std::string field;                     // printable, for the answer to a refused request
  bool number = false;                   // they stand in a JSON number
  Digits asked{};                        // kTake, answered: the alias that stood there

  // The first and the last byte that are written (Form).
  uint64_t begin() const {
    const bool one = units[0].form == Form::kByte || units[0].form == Form::kByteDigit;
    return one ? units[0].at : units[0].at - 1;
  }
  uint64_t end() const { return units[alias.size() - 1].at + 1; }

  // Puts other digits, as many as there are, in the place of the alias. `raw` holds begin()..end().
  void write(const RawView& raw, const Digits& now) {
    for (size_t i = 0; i < alias.size(); ++i) write_digit(raw, units[i], alias[i], now[i]);
    alias = now;
  }
};

using CodeErrands = std::vector<CodeErrand>;

}  // namespace cardscrub
