// Texts to measure with: shaped like what servers get, made by a generator with a fixed seed, so that figures
// of two machines or two versions compare. None but those that say so holds card data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cardscrub::bench {

struct Corpus {
  std::string_view name;
  std::string_view content_type;
  std::string text;
};

// What real bodies look like, `size` bytes each; complete (brackets closed, values whole) but for a few
// bytes.
std::vector<Corpus> real_corpora(size_t size);

// The bodies of requests that `make bench` sends too: a checkout (one card number, one security code) and
// others that hold no card data.
std::vector<Corpus> request_bodies();

// Shapes that a slow state machine drowns in.
struct Shape {
  std::string_view name;
  std::string_view content_type;
  std::string (*make)(size_t size);
};
const std::vector<Shape>& shapes();

// A JSON list of `cards` objects, each with a card number that is Luhn valid (generated), security code and
// expiry.
std::string card_objects(size_t cards);
// A JSON list of texts with one card number in each, which no field name announces.
std::string card_texts(size_t cards);

}  // namespace cardscrub::bench
