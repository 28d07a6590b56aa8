// FieldNames: patterns by their last component in a hash table; a name is turned away by the letters at its
// ends before anything is copied. What is compared with many patterns is normalised and hashed once.
#include "field_names.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "limits.h"
#include "pcre2.h"
#include "text.h"

namespace cardscrub {

namespace {

// What a byte of a name is: bits, so that a name's bytes together tell what it is.
constexpr uint8_t kOther = 1, kNumeral = 2, kSplit = 4, kSkip = 8;  // kSkip: '-', '_', ' ' do not count
struct Character {
  char folded;  // letters without case
  uint8_t kind;
};
constexpr std::array<Character, 256> kCharacters = [] {
  std::array<Character, 256> table{};
  for (unsigned c = 0; c != table.size(); ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    table[c] = {static_cast<char>(upper ? c + 32 : c), is_digit(static_cast<uint8_t>(c)) ? kNumeral : kOther};
  }
  for (char c : std::string_view("[].")) table[static_cast<uint8_t>(c)].kind = kSplit;
  for (char c : std::string_view("-_ ")) table[static_cast<uint8_t>(c)].kind = kSkip;
  return table;
}();

bool splits(uint8_t c) { return kCharacters[c].kind == kSplit; }

// One component of a name, normalised: lower case, '-', '_' and ' ' left out.
struct Component {
  std::array<char, limits::kNameMax> bytes;
  size_t size;
  uint64_t hash;
  uint8_t kinds;  // of all bytes
  bool too_long;

  std::string_view view() const { return {bytes.data(), size}; }
  bool is(const std::string& name, uint64_t name_hash) const {
    return hash == name_hash && !too_long && view() == name;
  }
  bool ends_in(const std::string& ending) const { return !too_long && view().ends_with(ending); }
};

void normalise(Bytes name, Component* out) {
  size_t size = 0;
  uint64_t hash = 0;
  uint8_t kinds = 0;
  out->too_long = name.size() > limits::kNameMax;
  for (uint8_t c : name) {
    const Character character = kCharacters[c];
    kinds |= character.kind;
    if (character.kind == kSkip || out->too_long) continue;
    out->bytes[size++] = character.folded;
    hash = (hash ^ static_cast<uint8_t>(character.folded)) * 0x9E3779B97F4A7C15u;
  }
  out->size = size;
  out->hash = hash ^ hash >> 32;
  out->kinds = kinds;
}

// A component of a pattern, normalised.
struct Wanted {
  std::string name;
  uint64_t hash;
  bool any;  // '*'
};

struct Pattern {
  Kind kind;
  bool ambiguous;
  bool tentative;
  std::vector<Wanted> outer;  // the components before the last one, innermost first
  size_t rank;                // more components win; the operator's win over the defaults
};

bool ranks_higher(const Pattern& a, const Pattern& b) { return a.rank > b.rank; }

struct Expression {
  Kind kind;
  Pcre2 code;
};

// Walks the components of leaf and path from the innermost outwards, indexes passed over.
class Walker {
 public:
  Walker(const Path& path, Bytes leaf) : path_(path), level_(path.depth()), rest_(leaf) {}

  bool next(Component* out) {
    for (;;) {
      if (rest_.empty()) {
        if (level_ == 0) return false;
        rest_ = path_.name(--level_);
        several_ = false;
        cut_ = rest_.size() > limits::kNameMax;
        continue;
      }
      if (several_) {
        take_last(out);
      } else {
        normalise(rest_, out);
        several_ = (out->kinds & kSplit) != 0 && !cut_;
        if (several_) continue;
        rest_ = {};
      }
      const bool index = (out->kinds & ~kNumeral) == 0;  // also nothing at all
      if (!index) return true;
    }
  }

 private:
  // The last component of rest_, which splits.
  void take_last(Component* out) {
    size_t end = rest_.size();
    while (end > 0 && splits(rest_[end - 1])) --end;
    size_t begin = end;
    while (begin > 0 && !splits(rest_[begin - 1])) --begin;
    normalise(rest_.subspan(begin, end - begin), out);
    rest_ = rest_.first(begin);
  }

  const Path& path_;
  size_t level_;
  Bytes rest_;            // of the leaf, or of a name of the path
  bool several_ = false;  // rest_ is several components
  bool cut_ = false;      // rest_ is a name of the path that was too long to be kept whole
};

// A name that holds the value of the name around it: what form libraries make of what was typed
// ({"cvv":{"value":"123"}}), typed values of Firestore, DynamoDB, MongoDB, JSON-LD and Avro, and the text of
// an element that was XML.
enum class Holds : uint8_t {
  kNothing,
  kValue,    // nothing else is called so
  kPerhaps,  // a label may be called so: it counts when it is a code
};
struct Holder {
  std::string_view name;  // normalised
  Holds holds;
};
constexpr auto kHolders = std::to_array<Holder>({
    {"value", Holds::kValue},
    {"@value", Holds::kValue},
    {"rawvalue", Holds::kValue},
    {"stringvalue", Holds::kValue},
    {"integervalue", Holds::kValue},
    {"doublevalue", Holds::kValue},
    {"$numberint", Holds::kValue},
    {"$numberlong", Holds::kValue},
    {"s", Holds::kValue},
    {"n", Holds::kValue},
    {"string", Holds::kValue},
    {"val", Holds::kPerhaps},
    {"raw", Holds::kPerhaps},
    {"text", Holds::kPerhaps},
    {"#text", Holds::kPerhaps},
    {"$t", Holds::kPerhaps},
    {"$", Holds::kPerhaps},
    {"", Holds::kPerhaps},  // '_', which does not count
});
// One may hold another: {"cvv":{"value":{"raw":"123"}}}.
constexpr int kHoldersMost = 2;

Holds holds(const Component& name) {
  if (name.too_long) return Holds::kNothing;
  const auto found = std::find_if(kHolders.begin(), kHolders.end(),
                                  [&](const Holder& holder) { return holder.name == name.view(); });
  return found == kHolders.end() ? Holds::kNothing : found->holds;
}

}  // namespace

struct FieldNames::Table {
  // The patterns that end in this name, the highest ranks first.
  struct Leaf {
    Wanted last;
    std::vector<Pattern> patterns;
  };
  std::vector<Leaf> leaves;
  std::vector<uint32_t> slots;    // 1 + index of a leaf, by the hash's lowest bits; 0: free; a power of two
  std::vector<Pattern> any_leaf;  // patterns that end in the component '*'
  // Patterns whose last component is the end of a name; name: what stands behind '*'. The highest ranks
  // first.
  struct Ending {
    std::string name;
    Pattern pattern;
  };
  std::vector<Ending> endings;
  std::vector<Expression> expressions;
  NameEnds ends;

  Status add(Kind kind, bool ambiguous, std::string_view text, size_t rank) {
    std::vector<Wanted> parts;
    size_t begin = 0;
    if (text.find_first_of("[]") != std::string_view::npos) {
      return Fault{"field pattern \"" + std::string(text) +
                   "\" would match no name: write card.number where a form has card[number]"};
    }
    for (;;) {
      size_t dot = text.find('.', begin);
      std::string_view part = text.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
      Component component;
      normalise({reinterpret_cast<const uint8_t*>(part.data()), part.size()}, &component);
      const bool any = part == "*";
      const bool is_ending = component.size > 2 && part[0] == '*' && dot == std::string_view::npos;
      if (component.too_long) {
        return Fault{"field pattern \"" + std::string(text) + "\" has a component of more than " +
                     std::to_string(limits::kNameMax) + " characters"};
      }
      if (component.size == 0 && !any) {
        return Fault{"field pattern \"" + std::string(text) + "\" has an empty component"};
      }
      if (!any && part.find('*', is_ending ? 1 : 0) != std::string_view::npos) {
        return Fault{
            "field pattern \"" + std::string(text) +
            "\": '*' stands for one whole component, or for the beginning of the last one (*cvv); use "
            "'~' and an expression for other parts of a name"};
      }
      parts.push_back({std::string(component.view()), component.hash, any});
      if (dot == std::string_view::npos) break;
      begin = dot + 1;
    }
    const Wanted& last = parts.back();
    const bool is_ending = !last.any && last.name[0] == '*';
    // The default list cannot know every name that ends so.
    Pattern pattern{
        kind, ambiguous, is_ending && rank == 0, {parts.rbegin() + 1, parts.rend()}, rank + parts.size()};
    if (last.any) {
      any_leaf.push_back(std::move(pattern));
      ends.add_any();
      return Done{};
    }
    if (is_ending) {
      const std::string ending = last.name.substr(1);
      ends.add(ending, true);
      endings.push_back({ending, std::move(pattern)});
      return Done{};
    }
    ends.add(last.name);
    auto place =
        std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& at) { return at.last.name == last.name; });
    if (place == leaves.end()) place = leaves.insert(place, Leaf{last, {}});
    place->patterns.push_back(std::move(pattern));
    return Done{};
  }

  // When all patterns are here.
  void finish() {
    // Of equal ranks the first one wins.
    std::stable_sort(any_leaf.begin(), any_leaf.end(), ranks_higher);
    std::stable_sort(endings.begin(), endings.end(),
                     [](const Ending& a, const Ending& b) { return ranks_higher(a.pattern, b.pattern); });
    slots.resize(std::bit_ceil(4 * leaves.size()));
    for (size_t i = 0; i < leaves.size(); ++i) {
      std::stable_sort(leaves[i].patterns.begin(), leaves[i].patterns.end(), ranks_higher);
      size_t at = leaves[i].last.hash & (slots.size() - 1);
      while (slots[at] != 0) at = (at + 1) & (slots.size() - 1);
      slots[at] = static_cast<uint32_t>(i + 1);
    }
  }

  // Whether a pattern ends in this name.
  bool ends_in(const Component& last) const {
    return find(last) != nullptr || !any_leaf.empty() || !expressions.empty() ||
           std::any_of(endings.begin(), endings.end(),
                       [&](const Ending& ending) { return last.ends_in(ending.name); });
  }

  // The pattern of the highest rank that fits; nullptr: none. walker: behind `last`.
  const Pattern* best_of(const Component& last, Walker walker) const;

  const Leaf* find(const Component& last) const {
    for (size_t at = last.hash & (slots.size() - 1); slots[at] != 0; at = (at + 1) & (slots.size() - 1)) {
      const Leaf& leaf = leaves[slots[at] - 1];
      if (last.is(leaf.last.name, leaf.last.hash)) return &leaf;
    }
    return nullptr;
  }
};

// Punctuation is left to the exact comparison, and so are indexes (cards.10).
NameEnds::NameEnds() {
  thirds_.fill(1);
  thirds_[kDigit * 32 + kDigit] = ~uint32_t{0};
  for (unsigned before = 0; before < 256; ++before) {
    for (unsigned last = 0; last < 256; ++last) {
      const bool kept = kLetter[before] == 0 || kLetter[last] == 0 ||
                        (kLetter[before] == kDigit && kLetter[last] == kDigit);
      const unsigned pair = before | last << 8;
      if (kept) pairs_[pair / 64] |= uint64_t{1} << pair % 64;
      if (last == ']') value_pairs_[pair / 64] |= uint64_t{1} << pair % 64;
    }
  }
}

void NameEnds::add_pairs(uint8_t before, uint8_t last) {
  // cv-v, cvv_: what does not count may stand in front of the last letter or behind it.
  for (unsigned l = 0; l < 256; ++l) {
    if (last == 0 || kLetter[l] != last) continue;
    for (unsigned skipped : {0x2Du, 0x5Fu}) {  // - _
      for (unsigned pair : {skipped | l << 8, l | skipped << 8})
        value_pairs_[pair / 64] |= uint64_t{1} << pair % 64;
    }
  }
  for (unsigned b = 0; b < 256; ++b) {
    if (kLetter[b] != before) continue;
    for (unsigned l = 0; l < 256; ++l) {
      const unsigned pair = b | l << 8;
      if (kLetter[l] != last) continue;
      pairs_[pair / 64] |= uint64_t{1} << pair % 64;
      value_pairs_[pair / 64] |= uint64_t{1} << pair % 64;
    }
  }
}

void NameEnds::add(std::string_view leaf, bool any_begin) {
  const auto letter = [&](size_t i) { return size_t{kLetter[static_cast<uint8_t>(leaf[i])]}; };
  const size_t size = leaf.size();
  if (size == 1) singles_ |= uint32_t{1} << letter(0);
  // Every name with punctuation at its ends has the long way.
  if (size < 2) return;
  // Those that may begin in any way have a group to themselves.
  constexpr unsigned kAnyBegin = 63;
  const uint64_t group =
      uint64_t{1} << (any_begin ? kAnyBegin : std::hash<std::string_view>{}(leaf) % kAnyBegin);
  const size_t end = letter(size - 2) * 32 + letter(size - 1);
  ends_[end] |= group;
  if (any_begin) {
    for (uint64_t& begin : begins_) begin |= group;
  } else {
    begins_[letter(0) * 32 + letter(1)] |= group;
  }
  thirds_[end] |= size > 2 ? 1u << letter(size - 3) : any_begin ? ~0u : 1u << kNoLetter;
  add_pairs(static_cast<uint8_t>(letter(size - 2)), static_cast<uint8_t>(letter(size - 1)));
}

bool NameEnds::splits(Bytes leaf) {
  uint8_t kinds = 0;
  for (uint8_t c : leaf) kinds |= kCharacters[c].kind;
  return (kinds & kSplit) != 0 || kinds == kNumeral;
}

namespace {
uint64_t next_id() {
  static std::atomic<uint64_t> latest{0};
  return latest.fetch_add(1) + 1;
}
}  // namespace

FieldNames::FieldNames(std::unique_ptr<Table> table)
    : table_(std::move(table)), ends_(&table_->ends), id_(next_id()) {}
FieldNames::FieldNames(FieldNames&&) noexcept = default;
FieldNames& FieldNames::operator=(FieldNames&&) noexcept = default;
FieldNames::~FieldNames() = default;

Result<FieldNames> FieldNames::compile(std::span<const FieldPattern> patterns) {
  constexpr size_t kOperator = 1000;  // ranks above every default
  auto table = std::make_unique<Table>();
  for (const FieldPattern& field : patterns) {
    if (field.pattern.empty()) return Fault{"a field pattern is empty"};
    if (field.pattern[0] == '~') {
      bool caseless = field.pattern.size() > 1 && field.pattern[1] == '*';
      Result<Pcre2> code = Pcre2::compile(field.pattern.substr(caseless ? 2 : 1), caseless);
      if (!code) return Fault{code.message()};
      table->expressions.push_back({field.kind, std::move(*code)});
      table->ends.add_any();
      continue;
    }
    Status added = table->add(field.kind, false, field.pattern, kOperator);
    if (!added) return Fault{added.message()};
  }
  for (const DefaultField& field : default_fields()) {
    Status added = table->add(field.kind, field.ambiguous, field.pattern, 0);
    if (!added) return Fault{added.message()};
  }
  for (const Holder& holder : kHolders) table->ends.add(holder.name);
  table->ends.add(kQueryName);
  table->finish();
  return FieldNames(std::move(table));
}

// What jQuery's serializeArray(), NameValuePair of .NET and Java, XML-RPC, Postman, HAR and form builders
// call the two.
Pair find_pair_part(Bytes leaf) {
  size_t end = leaf.size();
  if (end != 0 && leaf[end - 1] == ']') --end;
  size_t begin = end;
  while (begin > 0 && end - begin <= 5 && !splits(leaf[begin - 1])) --begin;
  const auto is = [&](std::string_view word) {
    return end - begin == word.size() &&
           std::equal(word.begin(), word.end(), leaf.begin() + static_cast<std::ptrdiff_t>(begin),
                      [](char a, uint8_t b) { return a == kCharacters[b].folded; });
  };
  switch (end - begin) {
    case 2:
      return is("id") ? Pair::kName : Pair::kNone;
    case 3:
      return is("key") ? Pair::kName : is("val") ? Pair::kValue : Pair::kNone;
    case 4:
      return is("name") ? Pair::kName : Pair::kNone;
    case 5:
      return is("field") ? Pair::kName : is("value") ? Pair::kValue : Pair::kNone;
    default:
      return Pair::kNone;
  }
}

bool FieldNames::ends_a_pattern(Bytes leaf) const {
  if (!ends_->may_match(leaf)) return false;
  const Path nowhere;
  Walker walker(nowhere, leaf);
  Component last;
  for (int inside = 0; inside <= kHoldersMost && walker.next(&last); ++inside) {
    if (table_->ends_in(last)) return true;
    if (holds(last) == Holds::kNothing) break;
  }
  return false;
}

const Pattern* FieldNames::Table::best_of(const Component& last, Walker walker) const {
  // The component in front of the last one, which most patterns ask for: looked at when it is asked for.
  Component before;
  bool has_before = false;
  bool looked = false;
  const auto fits = [&](const Pattern& pattern) {
    if (pattern.outer.empty()) return true;
    if (!looked) {
      looked = true;
      has_before = walker.next(&before);
    }
    const Wanted& nearest = pattern.outer[0];
    if (!has_before || !(nearest.any || before.is(nearest.name, nearest.hash))) return false;
    if (pattern.outer.size() == 1) return true;
    Walker outer = walker;
    Component component;
    return std::all_of(pattern.outer.begin() + 1, pattern.outer.end(), [&](const Wanted& wanted) {
      return outer.next(&component) && (wanted.any || component.is(wanted.name, wanted.hash));
    });
  };
  const Pattern* best = nullptr;
  const auto consider = [&](std::span<const Pattern> candidates) {
    for (const Pattern& pattern : candidates) {
      if (best != nullptr && best->rank >= pattern.rank) return;
      if (fits(pattern)) best = &pattern;
    }
  };
  if (const Leaf* found = find(last); found != nullptr) consider(found->patterns);
  for (const Ending& ending : endings) {
    if (last.ends_in(ending.name)) consider({&ending.pattern, 1});
  }
  consider(any_leaf);
  return best;
}

FieldMatch FieldNames::find(const Path& path, Bytes leaf, bool* failed) const {
  Walker walker(path, leaf);
  Component last;
  if (!walker.next(&last)) return {};
  const Pattern* best = table_->best_of(last, walker);

  if (!table_->expressions.empty() && (best == nullptr || best->rank < 1000)) {
    SecretBuffer dotted;
    for (size_t level = 0; level < path.depth(); ++level) {
      if (path.name(level).empty()) continue;
      dotted.append(path.name(level));
      dotted.append({reinterpret_cast<const uint8_t*>("."), 1});
    }
    dotted.append(leaf);
    for (const Expression& expression : table_->expressions) {
      Pcre2::Match match = expression.code.match(dotted.span());
      if (match == Pcre2::Match::kYes) return {expression.kind};
      if (match == Pcre2::Match::kFault) *failed = true;
    }
  }
  bool perhaps = false;
  for (int inside = 0; best == nullptr && inside < kHoldersMost; ++inside) {
    const Holds held = holds(last);
    if (held == Holds::kNothing || !walker.next(&last)) return {};
    perhaps = perhaps || held == Holds::kPerhaps;
    best = table_->best_of(last, walker);
    // The scope of what is held is not the one in which an ambiguous name counts.
    if (best != nullptr && (best->ambiguous || (perhaps && best->kind != Kind::kCode))) return {};
  }
  return best == nullptr ? FieldMatch{} : FieldMatch{best->kind, best->ambiguous, best->tentative || perhaps};
}

}  // namespace cardscrub
