// Header lines.
#include "header_lines.h"

#include <new>

namespace cardscrub {

namespace {

// A list's elements never move, for others point at them: a line in the middle splits its part in two. No
// part but the first may be empty, for nginx's loops do not expect that; and the last one's room is `nalloc`.
// False: no memory.
bool drop_line(ngx_list_t* list, ngx_list_part_t* before, ngx_list_part_t* part, ngx_uint_t i) {
  auto* lines = static_cast<ngx_table_elt_t*>(part->elts);
  const bool is_last = list->last == part;
  if (i + 1 == part->nelts) {
    part->nelts = i;
    if (i != 0 || before == nullptr) return true;
    before->next = part->next;
    if (is_last) {
      list->last = before;
      list->nalloc = before->nelts != 0 ? before->nelts : 1;  // the next line gets a part of its own
    }
    return true;
  }
  if (i == 0) {
    part->elts = lines + 1;
    --part->nelts;
    if (is_last) --list->nalloc;
    return true;
  }
  auto* rest = static_cast<ngx_list_part_t*>(ngx_palloc(list->pool, sizeof(ngx_list_part_t)));
  if (rest == nullptr) return false;
  *rest = {lines + i + 1, part->nelts - i - 1, part->next};
  part->nelts = i;
  part->next = rest;
  if (is_last) {
    list->last = rest;
    list->nalloc -= i + 1;
  }
  return true;
}

}  // namespace

void name_changed(ngx_http_request_t* r, ngx_table_elt_t& line) {
  if (line.lowcase_key != line.key.data) {  // HTTP/2 and 3: one string
    bool as_read = false;
    for_head_buffers(r->main, [&](const ngx_buf_t* buffer) {
      as_read = as_read || (line.key.data >= buffer->start && line.key.data < buffer->end);
    });
    if (!as_read) {  // another module's line
      line.lowcase_key = static_cast<u_char*>(ngx_pnalloc(r->pool, line.key.len));
      if (line.lowcase_key == nullptr) throw std::bad_alloc();
    }
    ngx_strlow(line.lowcase_key, line.key.data, line.key.len);
  }
  if (line.hash != 0) line.hash = ngx_hash_key(line.lowcase_key, line.key.len);
}

bool drop_request_lines(ngx_http_request_t* r, std::string_view name) {
  ngx_list_t* list = &r->headers_in.headers;
  ngx_list_part_t* before = nullptr;
  for (ngx_list_part_t* part = &list->part; part != nullptr;) {
    const auto* lines = static_cast<const ngx_table_elt_t*>(part->elts);
    ngx_uint_t i = 0;
    while (i < part->nelts && !is_named(lines[i], name)) ++i;
    if (i < part->nelts) {
      if (!drop_line(list, before, part, i)) return false;
      if (part->nelts != 0 || before == nullptr) continue;  // the same part again
      part = before->next;
      continue;
    }
    before = part;
    part = part->next;
  }
  return true;
}

}  // namespace cardscrub
