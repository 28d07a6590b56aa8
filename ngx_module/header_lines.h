// Header lines by name: found, and taken out of a request.
#pragma once

#include "nginx.h"

namespace cardscrub {

// Upper and lower case do not count; `name` is in lower case. For headers of both directions: lines of an
// answer need not have a lowcase_key.
inline bool is_named(const ngx_table_elt_t& line, std::string_view name) {
  const size_t size = name.size();
  if (line.key.len != size) return false;
  // Eight characters at a time, with the bit set that makes a letter small. Others than letters that differ
  // in this bit alone are no two characters of a header's name.
  constexpr uint64_t kSmall = 0x2020202020202020;
  constexpr size_t kStep = sizeof kSmall;
  const auto differ = [&](size_t at) {
    uint64_t key;
    uint64_t wanted;
    std::memcpy(&key, line.key.data + at, kStep);
    std::memcpy(&wanted, name.data() + at, kStep);
    return (key | kSmall) != (wanted | kSmall);
  };
  if (size < kStep) return ngx_strncasecmp(line.key.data, ngx_text(name).data, size) == 0;
  for (size_t at = 0; at + kStep < size; at += kStep) {
    if (differ(at)) return false;
  }
  return !differ(size - kStep);
}

// Calls visit(line) for every line of a list.
template <typename Visit>
void for_each_line(const ngx_list_t& list, Visit&& visit) {
  for (const ngx_list_part_t* part = &list.part; part != nullptr; part = part->next) {
    auto* lines = static_cast<ngx_table_elt_t*>(part->elts);
    // A request that died early has a list without elements.
    for (size_t i = 0; lines != nullptr && i < part->nelts; ++i) visit(lines[i]);
  }
}

// Takes every line of this name out of the request, so that no upstream gets it. False: no memory.
[[nodiscard]] bool drop_request_lines(ngx_http_request_t* r, std::string_view name);

}  // namespace cardscrub
