// application/x-www-form-urlencoded, query arguments (both WHATWG URL, 5), and cookies (RFC 6265).
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

struct FormSyntax {
  uint8_t separator = '&';  // ';' for cookies and matrix parameters
  bool plus_is_space = true;
  bool pairs_in_values = false;  // a value may be a form itself: formdata=number%3D4242...%26cvv%3D123
  bool guessed = false;          // it is one by how it begins: FieldMatch::guessed
};
std::unique_ptr<Filter> make_form_filter(unsigned layer, const FormSyntax& syntax);

}  // namespace cardscrub
