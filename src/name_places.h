// Places of names in JSON: what FieldNames said of a name inside these objects, remembered under a number
// that stands for the objects. Real JSON is the same few objects over and over, in a body and from request to
// request.
//
//   {"card":{"number": ...     "card" at place 1: announces something, inside of it is place 2
//                              "number" at place 2: announces something
//
// A number is never used twice for different paths, and names are compared byte by byte, so that remembering
// cannot confuse two paths.
#pragma once

#include <array>

#include "field_names.h"

namespace cardscrub {

// One object a worker. Names with more digits than kDigits, which could be part of a card number, and longer
// ones than a Key holds are not remembered.
class NamePlaces {
 public:
  static constexpr size_t kDigits = 2;
  // A name of fewer bytes than this, padded with zeros, which stand in no name. All zeros: an element of an
  // array.
  static constexpr size_t kNameSize = 16;
  using Key = std::array<uint64_t, kNameSize / sizeof(uint64_t)>;
  struct Known {
    Key name{};
    uint64_t place = 0;   // of the object; 0: nothing is known
    uint64_t inside = 0;  // of the container of this name; 0: none was met
    FieldMatch match;
  };

  // Of the outermost object where these names count; response, pairs: as the scrubber has them.
  uint64_t root(const FieldNames& fields, bool response, bool pairs);
  // That nothing is known of.
  uint64_t fresh() { return ++latest_; }

  // Good until the next remember(). nullptr: not known.
  Known* recall(const Key& name, uint64_t place) {
    const size_t at = slot(name, place);
    for (Known* known : {&known_[at], &known_[at ^ 1]}) {
      if (known->place == place && known->name == name) return known;
    }
    return nullptr;
  }
  // nullptr: not to be remembered.
  Known* remember(const Key& name, uint64_t place, FieldMatch match);

 private:
  static constexpr unsigned kBits = 9;

  static size_t slot(const Key& name, uint64_t place) {
    return ((name[0] ^ name[1]) + place * 8) * 0x9E3779B97F4A7C15u >> (64 - kBits);
  }

  struct Root {
    uint64_t fields = 0;  // FieldNames::id()
    bool response = false;
    bool pairs = false;
    uint64_t place = 0;
  };
  std::array<Root, 8> roots_;
  size_t next_root_ = 0;
  uint64_t latest_ = 0;
  std::array<Known, 1u << kBits> known_;
};

}  // namespace cardscrub
