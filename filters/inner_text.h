// What the text of a value is, besides text, by how it begins: the pairs of a form, or GraphQL.
#pragma once

#include <array>

#include "src/field_names.h"
#include "src/text.h"

namespace cardscrub {

// A pair inside of a value begins with a name of these characters, at least one and so many at most, the
// first of them no digit (a track begins with one), then '='. There may be an '&' in front of it.
inline constexpr size_t kPairNameMax = 256;
inline constexpr std::array<bool, 256> kPairName = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const uint8_t byte = static_cast<uint8_t>(c);
    table[c] = is_alpha(byte) || is_digit(byte);
  }
  // The last two: of names that are encoded themselves.
  for (char c : {'_', '-', '.', '[', ']', '$', ':', '%', '+'}) table[static_cast<uint8_t>(c)] = true;
  return table;
}();
inline bool is_in_pair_name(uint8_t c) { return kPairName[c]; }

enum class InnerText : uint8_t {
  kUnknown,  // more must come
  kPairs,
  kGraphql,
  kOther,
};

// Of what begins at text[from], no white space. query: it stands under is_query_name(). JSON is not told.
InnerText inner_text(const Text& text, size_t from, bool last, bool query);

// The same for those who look at JSON as it is on the wire and go closer only where they must; false
// positives cost time only. Whether the pairs of a form may begin in the string that has this '=', and no
// escapes in front of it. Does not look in front of `floor`. All of a string's '=' together cost what it is
// long.
bool may_end_pair_name(const uint8_t* equals, const uint8_t* floor);
// The same of a whole string, which may have escapes.
bool may_begin_pairs(Bytes string);
// Whether GraphQL may begin in the string whose first character is at `first`.
bool may_begin_graphql(const uint8_t* first, const uint8_t* end);

}  // namespace cardscrub
