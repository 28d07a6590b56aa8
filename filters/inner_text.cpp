// Inner text: the beginnings.
#include "filters/inner_text.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace cardscrub {

namespace {

// Operations and fragments (GraphQL specification, 2.2); {...} alone is a query, too, and begins like JSON.
constexpr std::string_view kGraphqlWords[] = {"query", "mutation", "subscription", "fragment"};

// A word and what cannot belong to it, or a comment.
InnerText graphql(Bytes text, bool last) {
  if (!text.empty() && text[0] == '#') return InnerText::kGraphql;
  for (std::string_view word : kGraphqlWords) {
    const size_t size = std::min(word.size(), text.size());
    if (std::memcmp(text.data(), word.data(), size) != 0) continue;
    if (size == text.size()) return last ? InnerText::kOther : InnerText::kUnknown;
    const uint8_t next = text[size];
    return is_white(next) || next == '{' || next == '(' || next == '@' || next == '#' || next == ','
               ? InnerText::kGraphql
               : InnerText::kOther;
  }
  return InnerText::kOther;
}

InnerText pairs(Bytes text, bool last) {
  const size_t end = std::min(text.size(), kPairNameMax);
  const size_t from = !text.empty() && text[0] == '&' ? 1 : 0;  // of those who put it in front of each pair
  size_t i = from;
  while (i < end && is_in_pair_name(text[i]) && (i != from || !is_digit(text[i]))) ++i;
  if (i == text.size() && i != kPairNameMax && !last) return InnerText::kUnknown;
  return i != from && i < end && text[i] == '=' ? InnerText::kPairs : InnerText::kOther;
}

}  // namespace

InnerText inner_text(const Text& text, size_t from, bool last, bool query) {
  const Bytes rest{text.data + from, text.size - from};
  const InnerText found = query ? graphql(rest, last) : InnerText::kOther;
  return found == InnerText::kOther ? pairs(rest, last) : found;
}

bool may_end_pair_name(const uint8_t* equals, const uint8_t* floor) {
  const uint8_t* p = equals;
  // Decoded, what lies beyond ASCII may be a hyphen or nothing.
  while (p != floor && (is_in_pair_name(p[-1]) || p[-1] >= 0x80)) --p;
  if (p == equals) return false;
  if (p != floor && p[-1] == '&') --p;
  while (p != floor && is_white(p[-1])) --p;
  return p == floor || p[-1] == '"';
}

bool may_begin_pairs(Bytes string) {
  size_t i = !string.empty() && string[0] == '&' ? 1 : 0;
  while (i < string.size() && (is_in_pair_name(string[i]) || string[i] >= 0x80)) ++i;
  if (i == string.size()) return false;
  return string[i] == '=' || (string[i] == '\\' && i + 1 < string.size() && string[i + 1] == 'u');
}

bool may_begin_graphql(const uint8_t* first, const uint8_t* end) {
  while (first != end && is_white(*first)) ++first;
  if (first == end || *first == '{' || *first >= 0x80) return true;
  // An escape may be white space, or any letter of the word.
  const uint8_t* escape = first;
  while (escape != end && is_alpha(*escape)) ++escape;
  if (escape != end && *escape == '\\') return true;
  return graphql({first, static_cast<size_t>(end - first)}, false) != InnerText::kOther;
}

}  // namespace cardscrub
