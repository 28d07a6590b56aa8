// Which names announce card data. The same for every encoding: card.number, card[number] and <card><number>
// are one path. A pattern matches a trailing run of path components; case, '-' and '_' do not count; '*' is
// one component, or the beginning of the last one (*cvv); numeric components (list indexes) are passed over;
// '~' starts a PCRE2 expression over the dotted path. What is inside of a name that a pattern matches and
// only holds its value ({"cvv":{"value":"123"}}, {"cvv":{"stringValue":"123"}}) is matched with it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "card.h"
#include "path.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

struct FieldPattern {
  Kind kind;
  std::string pattern;
};

// What a name is in {"name": "cvv", "value": "123"}, which many clients write where others have {"cvv":
// "123"}.
enum class Pair : uint8_t {
  kNone,
  kName,     // its value may be a name
  kValue,    // its value belongs to the name beside it
  kInValue,  // as kValue, of an element inside of the value
};
// False: the name that ends in these two letters is of Pair::kNone.
inline bool may_be_pair_part(uint8_t before, uint8_t last) {
  before |= 0x20;
  switch (last | 0x20) {
    case 'e':
      return before == 'm' || before == 'u';  // name, value
    case 'd':
      return before == 'i' || before == 'l';  // id, field
    case 'y':
      return before == 'e';  // key
    case 'l':
      return before == 'a';  // val
    default:
      return last == ']';
  }
}
Pair find_pair_part(Bytes leaf);
// By the last component of a leaf, if it has several; indexes are not passed over.
inline Pair pair_part(Bytes leaf) {
  if (leaf.size() < 2 || !may_be_pair_part(leaf[leaf.size() - 2], leaf[leaf.size() - 1])) return Pair::kNone;
  return find_pair_part(leaf);
}

// The member of a JSON object, or the field of a form, that holds a GraphQL document ("GraphQL over HTTP",
// GraphQL Foundation, 4.2).
inline constexpr std::string_view kQueryName = "query";
inline bool is_query_name(Bytes leaf) {
  return leaf.size() == kQueryName.size() &&
         std::memcmp(leaf.data(), kQueryName.data(), kQueryName.size()) == 0;
}

struct FieldMatch {
  Kind kind = Kind::kNone;
  bool ambiguous = false;  // counts only beside another card field of the same scope
  bool tentative = false;  // counts only for a value that is one of this kind
  bool guessed = false;    // the name stands in text that looks like a form: a value that cannot be of this
                           // kind is text, too
  Pair pair = Pair::kNone;
  // A value that is none of this kind is an error.
  bool certain() const { return !ambiguous && !tentative; }
};

// Which pairs of letters the last components of the patterns begin and end with: turns away nearly every name
// that matches nothing, whatever stands in front of it.
class NameEnds {
 public:
  NameEnds();
  // leaf: the last component of a pattern, normalised. any_begin: or the end of it, two letters or more.
  void add(std::string_view leaf, bool any_begin = false);
  // A pattern that may end in anything.
  void add_any() {
    any_ = true;
    pairs_.fill(~uint64_t{0});
    value_pairs_.fill(~uint64_t{0});
  }
  bool any() const { return any_; }
  // The same by the last two bytes alone, which may be anything, for those who look at very many names.
  // False: may_match() is false for each name that ends in them.
  bool may_end_in(const uint8_t* two) const {
    const size_t pair = two[0] | size_t{two[1]} << 8;
    return (pairs_[pair / 64] >> pair % 64 & 1) != 0;
  }
  // Of what may be a name although most of its kind is none, the value of {"name": "cvv"}: by its last two
  // bytes, and as a whole. What ends in punctuation but ']', '-' and '_' is none, nor is what ends in an
  // index.
  bool value_may_end_in(const uint8_t* two) const {
    const size_t pair = two[0] | size_t{two[1]} << 8;
    return (value_pairs_[pair / 64] >> pair % 64 & 1) != 0;
  }
  bool value_may_match(Bytes value) const {
    return value.size() >= 2 && value_may_end_in(value.data() + (value.size() - 2)) && may_match(value);
  }
  // As may_match(), by the last three letters alone.
  bool may_end_like(Bytes leaf) const {
    const size_t size = leaf.size();
    if (size < 2 || any_) return true;
    const size_t before = kLetter[leaf[size - 2]], last = kLetter[leaf[size - 1]];
    // What begins or ends in punctuation is left to the exact comparison.
    if (before == 0 || last == 0) return true;
    const size_t third = size == 2 ? kNoLetter : kLetter[leaf[size - 3]];
    return (thirds_[before * 32 + last] >> third & 1) != 0;
  }
  // False: no pattern ends in this leaf.
  bool may_match(Bytes leaf) const {
    const size_t size = leaf.size();
    if (size < 2 || any_) return size != 0 && (any_ || may_be_single(leaf[0]));
    if (!may_end_like(leaf)) return false;
    const size_t before = kLetter[leaf[size - 2]], last = kLetter[leaf[size - 1]];
    if (before == 0 || last == 0) return true;
    const size_t first = kLetter[leaf[0]], second = kLetter[leaf[1]];
    if (first == 0 || second == 0) return true;
    const uint64_t ends = ends_[before * 32 + last];
    if ((ends & begins_[first * 32 + second]) != 0) return true;
    // card.number begins with the letters of its first component, cards.10 ends in an index.
    return (ends != 0 || (before == kDigit && last == kDigit)) && splits(leaf);
  }

 private:
  // A leaf of one character: an index, punctuation that other characters stand around, or a letter.
  bool may_be_single(uint8_t c) const {
    const uint32_t letter = kLetter[c];
    return letter == 0 || letter == kDigit || (singles_ >> letter & 1) != 0;
  }
  static constexpr uint8_t kDigit = 27;
  static constexpr uint8_t kNoLetter = 28;  // there is none
  // 1..26 letters of either case, 27 digits, 0 anything else.
  static constexpr std::array<uint8_t, 256> kLetter = [] {
    std::array<uint8_t, 256> table{};
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = static_cast<uint8_t>(c - 'a' + 1);
    for (unsigned c = '0'; c <= '9'; ++c) table[c] = kDigit;
    return table;
  }();
  // Or is an index, so that what is in front of it counts.
  static bool splits(Bytes leaf);
  void add_pairs(uint8_t before, uint8_t last);

  // By two letters: the patterns, in 64 groups, that begin or end with them.
  std::array<uint64_t, 1 << 10> begins_{};
  std::array<uint64_t, 1 << 10> ends_{};
  std::array<uint32_t, 1 << 10> thirds_;  // by the last two letters: which may be in front of them
  std::array<uint64_t, 65536 / 64> value_pairs_{};
  std::array<uint64_t, 65536 / 64> pairs_{};  // by two bytes as they are: a bit each
  uint32_t singles_ = 0;                      // bit k: a pattern ends in letter k alone
  bool any_ = false;
};

class FieldNames {
 public:
  // The operator's patterns come before the default list. Faults: empty pattern, component over kNameMax
  // bytes, bad expression.
  static Result<FieldNames> compile(std::span<const FieldPattern> patterns);

  // What `leaf` inside `path` is. The leaf may hold several components (card[number], card.number); an empty
  // one is no name and announces nothing. Most
  // names are turned away by the letters at their ends. kFault in *failed when a PCRE2 limit was reached.
  FieldMatch match(const Path& path, Bytes leaf, bool* failed) const {
    return ends_->may_match(leaf) ? find(path, leaf, failed) : FieldMatch{};
  }
  // They know value and val, the names of the second part of a name/value pair, and kQueryName, too.
  const NameEnds& ends() const { return *ends_; }
  // Whether a pattern ends in the leaf's last component, whatever it is inside of: false when the leaf
  // announces nothing anywhere but inside of a name for which it is true. For a leaf that is an index it is
  // false: what that is, the names around it tell.
  bool ends_a_pattern(Bytes leaf) const;
  // Never 0, and never that of another one in this process.
  uint64_t id() const { return id_; }

  FieldNames(FieldNames&&) noexcept;
  FieldNames& operator=(FieldNames&&) noexcept;
  ~FieldNames();

 private:
  struct Table;
  explicit FieldNames(std::unique_ptr<Table> table);
  FieldMatch find(const Path& path, Bytes leaf, bool* failed) const;
  std::unique_ptr<Table> table_;
  const NameEnds* ends_;  // the table's
  uint64_t id_;
};

// The default list (field_defaults.cpp), for the documentation and the tests.
struct DefaultField {
  Kind kind;
  bool ambiguous;
  std::string_view pattern;
};
std::span<const DefaultField> default_fields();

}  // namespace cardscrub
