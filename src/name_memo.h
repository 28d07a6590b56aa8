// What FieldNames said of the names that were asked about before: the fields of a site's requests have the
// same few names over and over, and comparing with all patterns takes several times as long as remembering.
#pragma once

#include <array>

#include "field_names.h"

namespace cardscrub {

// One object a worker. Names are compared byte by byte, so it never says anything else than FieldNames does.
// A name with more digits than kDigits could be part of a card number and is not remembered.
class NameMemo {
 public:
  // As FieldNames::match().
  FieldMatch match(const FieldNames& fields, const Path& path, Bytes leaf, bool* failed) {
    return fields.ends().may_match(leaf) ? recall(fields, path, leaf, failed) : FieldMatch{};
  }

 private:
  static constexpr size_t kDigits = 2;
  static constexpr unsigned kBits = 6;
  static constexpr size_t kWords = 4;

  // Each name with its length in front, outermost first; zeros behind them.
  struct Key {
    std::array<uint64_t, kWords> words{};
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key;
    uint64_t fields = 0;  // FieldNames::id(); 0: nothing is remembered here
    FieldMatch match;
  };

  static bool write_key(const Path& path, Bytes leaf, Key* key);
  static size_t slot(const Key& key);
  FieldMatch recall(const FieldNames& fields, const Path& path, Bytes leaf, bool* failed);

  std::array<Entry, 1u << kBits> entries_;
};

}  // namespace cardscrub
