// What can be told of a form's names and values without decoding them.
#pragma once

#include "filters/form.h"

namespace cardscrub {

// The index of the first such byte from `from` on, or `size`.
size_t find_byte(const uint8_t* data, size_t size, size_t from, uint8_t a);
size_t find_either(const uint8_t* data, size_t size, size_t from, uint8_t a, uint8_t b);

struct FormScan {
  static constexpr size_t kNone = ~size_t{0};

  size_t size = 0;               // of the name or value
  bool encoded = false;          // decoding would change it
  bool semicolon = false;        // there is one in it
  bool may_hold_digits = false;  // may hold a card number, whatever is encoded
  bool may_matter =
      false;  // that, or it may be JSON or pairs: it must be shown to the scrubber, name or no name
  size_t bad_escape = kNone;  // index of the first '%' that begins no escape
};

// Of a complete encoded name or value. False positives cost time only.
FormScan scan_value(Bytes raw, const FormSyntax& syntax);
// The same of what stands in front of the first of two delimiters (`size` tells where), in one pass.
FormScan scan_until(Bytes raw, uint8_t a, uint8_t b, const FormSyntax& syntax);

// Forms: tells the scrubber which fields belong together: what stands in front of the last component of a
// decoded name
// ("card" for card[number] and card.number, "cards[0]" for cards[0][number], "[0]" for number[0]). scratch:
// reused.
void form_scope_of(Bytes name, SecretBuffer* scratch, Scrubber& scrubber);

}  // namespace cardscrub
