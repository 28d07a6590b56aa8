// Scrubber, name/value pairs: {"name": "cvv", "value": "123"} stands for {"cvv": "123"}, in whatever
// encoding.
//
//   name --announces something--> noted for its scope --+
//   value ------------------------------- name known? --+--yes--> as if it stood under that name around the
//   pair
//     +-- no, and a code may be meant --> waits for the name --none comes--> dropped
#include <algorithm>

#include "scrubber.h"
#include "scrubber_scope.h"

namespace cardscrub {

namespace {

// What may be a security code: three or four digits, or the first ones of it.
constexpr size_t kCodeMost = 4;
bool is_short_number(Bytes value) {
  return value.size() <= kCodeMost && std::all_of(value.begin(), value.end(), is_digit);
}

bool is_white(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Bytes stripped(Bytes value) {
  while (!value.empty() && is_white(value.front())) value = value.subspan(1);
  while (!value.empty() && is_white(value.back())) value = value.first(value.size() - 1);
  return value;
}

}  // namespace

bool Scrubber::pair_matters(FieldMatch match, Bytes value) const {
  switch (match.pair) {
    case Pair::kNone:
      return false;
    case Pair::kName:
      value = stripped(value);
      return value.size() <= kLeafMax && policy_.fields->ends().value_may_match(value);
    default:
      return value.size() >= kCodeMost - 1 && is_short_number(value);
  }
}

size_t Scrubber::pair_depth(Pair part) const {
  return path_.depth() - (part == Pair::kInValue && path_.depth() != 0 ? 1 : 0);
}

const Scrubber::PairName* Scrubber::find_pair(Pair part) const {
  const size_t depth = pair_depth(part);
  for (auto known = pairs_.rbegin(); known != pairs_.rend() && known->depth >= depth; ++known) {
    if (known->depth == depth && known->form_key == form_key_) return &*known;
  }
  return nullptr;
}

FieldMatch Scrubber::with_pair(FieldMatch match) const {
  if (const PairName* known = find_pair(match.pair); known != nullptr) {
    match.kind = known->match.kind;
    match.ambiguous = known->match.ambiguous;
    match.tentative = known->match.tentative;
  }
  return match;
}

void Scrubber::next_in_pair(Bytes leaf, Pair part) {
  if (part == Pair::kNone) return;
  const size_t depth = pair_depth(part);
  PairParts& latest = latest_pair_;
  if (latest.depth != depth || latest.form_key != form_key_) latest = {depth, form_key_, 0, false, false};
  uint32_t word = 0;
  if (part == Pair::kName) {
    // The last letter but one differs: name, key, id, field, with or without a bracket behind.
    word = 1u << (leaf[leaf.size() - (leaf[leaf.size() - 1] == ']' ? 3 : 2)] & 31);
  }
  if (word != 0 ? latest.value && (latest.names & word) != 0 : latest.value_first && latest.names != 0) {
    latest = {depth, form_key_, 0, false, false};
    std::erase_if(pairs_,
                  [&](const PairName& known) { return known.depth == depth && known.form_key == form_key_; });
    if (Scope* here = find_scope(depth, form_key_); here != nullptr) {
      here->lost_pair = false;
      std::erase_if(pending_,
                    [&](const Pending& waiting) { return waiting.scope == here->id && waiting.by_pair; });
    }
  }
  latest.names |= word;
  if (word != 0) return;
  latest.value_first = latest.value_first || (!latest.value && latest.names == 0);
  latest.value = true;
}

FieldMatch Scrubber::pair_here(Bytes* name) const {
  const PairName* known = find_pair(Pair::kValue);
  if (known == nullptr) return {};
  *name = {known->name.data(), known->size};
  return {known->match.kind, known->match.ambiguous, known->match.tentative};
}

// The value is a field of the scope around the pair that stands there.
void Scrubber::belong(size_t depth, uint64_t form_key) {
  level_ = form_key != 0 || depth == 0 ? depth : depth - 1;
  key_ = 0;
}

// The value of a name, or one that comes before its name: nothing of it has been settled.
size_t Scrubber::pair_value(const Text& text, bool last) {
  const Bytes value{text.data, text.size};
  if (match_.pair != Pair::kName && is_short_number(value)) {
    if (!last) return 0;
    DigitsAt at;
    if (parse_code(text, &at) != Reason::kNone) return text.size;
    const uint32_t scope = scope_at(pair_depth(match_.pair), form_key_).id;
    if (Pending* waiting = new_pending(); waiting != nullptr) {
      describe(Kind::kCode, text, at, waiting);
      waiting->by_pair = true;
      waiting->scope = scope;
    }
    return text.size;
  }
  const size_t settled = sweep(text, last);
  untouched_ = settled == 0;
  if (match_.pair == Pair::kName && last && type_ == ValueType::kString) note_pair(text);
  return settled;
}

// What the whole value of a name says, outside of the pair.
void Scrubber::note_pair(const Text& text) {
  const Bytes name = stripped({text.data, text.size});
  if (!pair_matters(match_, name)) return;
  PairName pair{path_.depth(), form_key_, {}, name.size(), {}};
  if (pair.depth == 0 || form_key_ != 0) {
    pair.match = match(name);
  } else {
    const Bytes own = path_.name(pair.depth - 1);
    std::array<uint8_t, limits::kNameMax + 1> kept;
    std::copy(own.begin(), own.end(), kept.begin());
    path_.pop();
    pair.match = match(name);
    if (!path_.push({kept.data(), own.size()})) refuse(Reason::kLimitDepth);
  }
  if (pair.match.kind == Kind::kNone) return;
  std::copy(name.begin(), name.end(), pair.name.begin());
  // The latest name counts.
  std::erase_if(pairs_, [&](const PairName& other) {
    return other.depth == pair.depth && other.form_key == pair.form_key;
  });
  if (form_key_ != 0 && pairs_.size() >= limits::kFormScopes) return refuse(Reason::kLimitFindings);
  pairs_.push_back(pair);
  name_waiting_codes(pair);
}

// Values came before this name of theirs.
void Scrubber::name_waiting_codes(const PairName& pair) {
  if (find_scope(pair.depth, pair.form_key) == nullptr) return;
  const Scope& inner = scope_at(pair.depth, pair.form_key);  // lets go of what has waited for too long
  const uint32_t id = inner.id;
  const bool lost = inner.lost_pair;
  if (pair.match.kind != Kind::kCode) {
    std::erase_if(pending_, [&](const Pending& waiting) { return waiting.scope == id && waiting.by_pair; });
    return;
  }
  if (lost && changes()) refuse(Reason::kLimitWindow);
  belong(pair.depth, pair.form_key);
  leaf_size_ = pair.size;
  std::copy_n(pair.name.begin(), pair.size, leaf_.begin());
  leaf_most_ = std::max(leaf_most_, leaf_size_);
  Scope& outer = scope();
  for (Pending& waiting : pending_) {
    if (waiting.scope != id || !waiting.by_pair) continue;
    waiting.by_pair = false;
    waiting.ambiguous = pair.match.ambiguous;
    waiting.scope = outer.id;
    waiting.field = field();
    outer.strong = outer.strong || !waiting.ambiguous;
    if (!waiting.ambiguous) seen_kinds_ |= 1u << static_cast<unsigned>(Kind::kCode);
  }
  resolve(outer, false, 0);
}

}  // namespace cardscrub
