// ValueReader: whole, stream or JSON inside.
#include "filters/value_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "filters/form.h"
#include "filters/inner_text.h"
#include "filters/json.h"

namespace cardscrub {

ValueReader::~ValueReader() { wipe(leaf_.data(), leaf_.size()); }

void ValueReader::begin(Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber) {
  inner_.reset();
  opened_ = false;
  match = scrubber.paired(match);
  const bool certain =
      match.kind != Kind::kNone && match.kind != Kind::kHolder && match.certain() && !match.guessed;
  decided_ = certain || (type != ValueType::kString && type != ValueType::kFree);
  if (decided_) {
    want_ = scrubber.begin(leaf, match, type);
    return;
  }
  type_ = type;
  match_ = match;
  leaf_size_ = static_cast<uint8_t>(std::min(leaf.size(), leaf_.size()));
  if (leaf_size_ != 0) std::memcpy(leaf_.data(), leaf.data(), leaf_size_);
}

// Behind j: or s:j: in front of JSON; text.size: that cannot be told yet.
size_t ValueReader::pass_express(const Text& text, size_t from, bool last) const {
  if (forms_ != ValueForms::kExpress || from == text.size) return from;
  for (std::string_view mark : {"j:", "s:j:"}) {
    const size_t size = std::min(mark.size(), text.size - from);
    if (!std::equal(mark.begin(), mark.begin() + static_cast<std::ptrdiff_t>(size), text.data + from))
      continue;
    const size_t behind = from + size;
    if (behind == text.size) return last ? from : behind;
    if (text.data[behind] == '{' || text.data[behind] == '[') return behind;
  }
  return from;
}

// Returns how many leading units are settled: white space, or a mark, that nobody needs to see.
size_t ValueReader::decide(const Text& text, bool last, Scrubber& scrubber) {
  const bool named = match_.kind != Kind::kNone;
  size_t space = 0;
  while (space < text.size && is_white(text.data[space])) ++space;
  const size_t white = space;
  space = pass_express(text, space, last);
  // What is named is shown as it stands, when it is known to be no JSON.
  if (space == text.size && space <= limits::kNamedValueMax) return named || space != white ? 0 : space;
  decided_ = true;
  Bytes leaf{leaf_.data(), leaf_size_};
  const bool query = forms_ == ValueForms::kPairs && is_query_name(leaf);
  uint8_t c = space < text.size ? text.data[space] : uint8_t{0};
  if (c == '"' && layer_ < limits::kLayers) {  // JSON in a string of JSON, which was written twice
    size_t first = space + 1;
    while (first < text.size && is_white(text.data[first])) ++first;
    if (first == text.size && !last && first <= limits::kNamedValueMax) {
      decided_ = false;
      return named ? 0 : white;
    }
    if (first < text.size && (text.data[first] == '{' || text.data[first] == '['))
      return read_inside(make_json_filter(layer_ + 1, true), space, scrubber);
  }
  if (c == '{' || c == '[') {
    if (layer_ >= limits::kLayers) {
      if (!scrubber.policy().response)
        scrubber.refuse(Reason::kLimitLayers, static_cast<int64_t>(text.unit(space).at));
    } else {
      return read_inside(make_json_filter(layer_ + 1, true, query), space, scrubber);
    }
  } else if (forms_ == ValueForms::kPairs && layer_ < limits::kLayers) {
    const InnerText inner = inner_text(text, space, last, query);
    decided_ = inner != InnerText::kUnknown;
    if (!decided_) return named ? 0 : white;
    if (inner == InnerText::kPairs) {
      FormSyntax syntax;
      syntax.guessed = true;
      return read_inside(make_form_filter(layer_ + 1, syntax), space, scrubber);
    }
    if (inner == InnerText::kGraphql)
      return read_inside(make_json_filter(layer_ + 1, true, true), space, scrubber);
  }
  want_ = scrubber.begin(leaf, match_, type_);
  return named ? 0 : white;
}

size_t ValueReader::read_inside(std::unique_ptr<Filter> filter, size_t from, Scrubber& scrubber) {
  opened_ = scrubber.open({leaf_.data(), leaf_size_});
  inner_ = std::move(filter);
  return from;
}

size_t ValueReader::text(const Text& text, bool last, Scrubber& scrubber) {
  size_t begin = decided_ ? 0 : decide(text, last, scrubber);
  if (!decided_) return last ? text.size : begin;
  if (inner_ != nullptr) {
    size_t settled = inner_->feed(text.sub(begin, text.size - begin), last, scrubber);
    if (last) {
      inner_.reset();
      if (opened_) scrubber.close();
      opened_ = false;
    }
    return begin + settled;
  }
  switch (want_) {
    case Want::kSkip:
      scrubber.ignored(text);
      return text.size;
    case Want::kWhole:
      if (text.size > limits::kNamedValueMax) {
        // One unit more than may be, however much has come: the outcome must not depend on the pieces.
        size_t head = scrubber.text(text.sub(0, limits::kNamedValueMax + 1), false);
        want_ = Want::kStream;
        return head + scrubber.text(text.sub(head, text.size - head), last);
      }
      if (!last) return 0;
      return scrubber.text(text, true);
    default:
      return begin + scrubber.text(text.sub(begin, text.size - begin), last);
  }
}

}  // namespace cardscrub
