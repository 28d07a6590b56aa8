// Header lines by name: found, changed, and taken out of a request.
//
// A line's lowcase_key is never read, and written only where nginx itself has made it: lines of an answer
// need not have one, and modules that add lines to a request may leave it as it was in memory.
#pragma once

#include "nginx.h"

namespace cardscrub {

// Whether the `size` characters, which fill a Word at least, are the same but for case: a Word of characters
// at a time, with the bit set in `small` that makes a letter small. Others than letters that differ in this
// bit alone are no two characters of a header's name.
template <typename Word>
bool same_in_words(const u_char* key, const char* name, size_t size, Word small) {
  const auto differ = [&](size_t at) {
    Word left;
    Word right;
    std::memcpy(&left, key + at, sizeof left);
    std::memcpy(&right, name + at, sizeof right);
    return (left | small) != (right | small);
  };
  for (size_t at = 0; at + sizeof small < size; at += sizeof small) {
    if (differ(at)) return false;
  }
  return !differ(size - sizeof small);
}

// Upper and lower case do not count; `name` is in lower case. For headers of both directions.
inline bool is_named(const ngx_table_elt_t& line, std::string_view name) {
  const ngx_str_t& key = line.key;
  const size_t size = name.size();
  if (key.len != size) return false;
  if (size >= sizeof(uint64_t))
    return same_in_words(key.data, name.data(), size, uint64_t{0x2020202020202020});
  if (size >= sizeof(uint32_t)) return same_in_words(key.data, name.data(), size, uint32_t{0x20202020});
  return ngx_strncasecmp(key.data, ngx_text(name).data, size) == 0;
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

// The next line of the same name, where nginx links them (since 1.23); nullptr: none.
template <typename Line>
const Line* next_of_name(const Line* line) {
  if constexpr (requires { line->next; }) {
    return line->next;
  } else {
    return nullptr;
  }
}

// The buffers that a request's head was read to: the connection's own, and larger ones for a long head. `pos`
// is nullptr when nginx has given the memory back. A sub-request has none of its own.
template <typename Visit>
void for_head_buffers(ngx_http_request_t* r, Visit&& visit) {
  if (r != r->main) return;
  ngx_buf_t* own = r->connection->buffer;
  if (own != nullptr && own->pos != nullptr) visit(own);
  for (const ngx_chain_t* chain : {r->http_connection->busy, r->http_connection->free}) {
    for (; chain != nullptr; chain = chain->next) visit(chain->buf);
  }
}

// To be called when the name of a line of the request has been changed in place: so is what nginx keeps of it
// beside it, in lower case and as a hash.
void name_changed(ngx_http_request_t* r, ngx_table_elt_t& line);

// Takes every line of this name out of the request, so that no upstream gets it. False: no memory.
[[nodiscard]] bool drop_request_lines(ngx_http_request_t* r, std::string_view name);

}  // namespace cardscrub
