// Header lines by name: found, and taken out of a request.
#pragma once

#include "nginx.h"

namespace cardscrub {

// Upper and lower case do not count; `name` is in lower case. For headers of both directions.
inline bool is_named(const ngx_table_elt_t& line, std::string_view name) {
  // The first letter turns most away. Lines of an answer need not have a lowcase_key.
  return line.key.len == name.size() && (name.empty() || (line.key.data[0] | 0x20) == (name[0] | 0x20)) &&
         ngx_strncasecmp(line.key.data, ngx_text(name).data, name.size()) == 0;
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
