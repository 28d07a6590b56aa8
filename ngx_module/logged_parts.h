// What of a request a log can show, by the variables that the configuration uses. The log phase looks at that
// and at nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/head.h"
#include "nginx.h"

namespace cardscrub {

// A request header that is shown, and what of it is known before it comes.
struct LoggedHeader {
  std::string name;  // in lower case, with '-' for '_'
  HeadPart part;
  bool announces;    // card data, by its name
  bool credentials;  // Authorization
  // Where in a request nginx has a pointer to the line that is shown; 0: whichever has the name.
  size_t place;

  // Of those that have a place: the first such line; nullptr: the request has none.
  const ngx_table_elt_t* in(const ngx_http_request_t* r) const {
    return *reinterpret_cast<const ngx_table_elt_t* const*>(reinterpret_cast<const char*>(r) + place);
  }
};

struct LoggedVariable {
  ngx_uint_t index;
  bool announces;
  bool copied;  // made of a copy of what the client sent: to be evaluated, so that there is a value to mask
};

struct LoggedParts {
  // Somebody may ask for anything: a script, a module with a log handler of its own, a variable that is not
  // known here. The other members then do not count.
  bool everything = true;
  std::vector<LoggedHeader> placed_headers;
  std::vector<LoggedHeader> request_headers;  // that have no place: to be looked for
  uint64_t header_lengths = 0;                // bit n: one of them has n characters; bit 63: or more
  bool host = false;                          // $host
  bool answer_headers = false;                // $sent_http_...
  bool upstream_headers = false;              // $upstream_http_...
  // Indexed variables whose values may have been kept and may hold what a client sent.
  std::vector<LoggedVariable> variables;

  bool shows_host() const { return everything || host; }
  bool shows_answer() const { return everything || answer_headers; }
  bool shows_upstream() const { return everything || upstream_headers; }
  // nullptr: not shown by name.
  const LoggedHeader* find(const ngx_table_elt_t& line) const {
    return (header_lengths >> length_bit(line.key.len) & 1) != 0 ? look_up(line) : nullptr;
  }
  void add_header(std::string_view name, const FieldNames& fields, size_t place = 0);

 private:
  static size_t length_bit(size_t length) { return length < 63 ? length : 63; }
  const LoggedHeader* look_up(const ngx_table_elt_t& line) const;
};

// The part of a header of either direction, by its name.
HeadPart part_of(const ngx_str_t& name);
// The part of a variable's name that names a field: cvv of arg_cvv and cookie_cvv, x_card_number of
// http_x_card_number.
std::string_view field_of_variable(std::string_view name);

// scripts: a module is loaded that asks for variables by names that no configuration shows. fields: the names
// that announce card data. To be called when every module has its handlers and all variables are known.
LoggedParts learn_logged_parts(const ngx_http_core_main_conf_t* core, bool scripts, const FieldNames& fields);

}  // namespace cardscrub
