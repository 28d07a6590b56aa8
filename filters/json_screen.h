// A look at the whole of a JSON text before it is read: most bodies have neither digits for a card number nor
// a name that announces anything, and then nobody needs to know their grammar.
#pragma once

#include "src/scrubber.h"

namespace cardscrub {

// True: whatever the grammar of `text` is, JsonFilter has nothing to show the scrubber in it that matters:
//
//   digits    no twelve of them that may be a number outside of strings, nothing that the sweep finds in one
//   names     none that a pattern may end in, or that is the second part of a name/value pair: of every
//   string
//             that something else follows than , ] or }
//   strings   no escapes, no JSON inside
//   the rest  outside of strings only what JSON has there: no quotes of other kinds, comments, words
//   depth     fewer brackets than may be open at a time
//
// Sound, not complete. False always where more is asked of a body than that it has no card data, and on
// processors without AVX2. `text`: all of a body.
bool json_is_harmless(const Text& text, const Scrubber& scrubber);

// For tests: with or without it. Whether it is on now; on processors without AVX2 it never is.
bool use_json_screen(bool on);

}  // namespace cardscrub
