// FieldNames: patterns by their last component in a hash table; a name is turned away by the letters at its
// ends before anything is copied. What is compared with many patterns is normalised and hashed once.
#include "field_names.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "limits.h"
#include "pcre2.h"
#include "text.h"

namespace cardscrub {

namespace {

// How a name's byte is compared: letters without case; 0: passed over.
constexpr std::array<uint8_t, 256> kFold = [] {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0; c < table.size(); ++c) table[c] = static_cast<uint8_t>(c);
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = static_cast<uint8_t>(c + 32);
  for (char c : std::string_view("-_ ")) table[static_cast<uint8_t>(c)] = 0;
  return table;
}();

uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

// One component of a name, normalised: lower case, '-', '_' and ' ' left out.
struct Component {
  std::array<char, limits::kNameMax> bytes;
  size_t size = 0;
  bool too_long = false;
  std::string_view view() const { return {bytes.data(), size}; }
};

void normalise(Bytes name, Component* out) {
  size_t size = 0;
  out->too_long = false;
  if (name.size() <= out->bytes.size()) {
    for (uint8_t c : name) {
      out->bytes[size] = static_cast<char>(kFold[c]);
      size += kFold[c] != 0 || c == 0 ? 1u : 0u;
    }
    out->size = size;
    return;
  }
  for (uint8_t c : name) {
    if (kFold[c] == 0 && c != 0) continue;
    if (size == out->bytes.size()) {
      out->too_long = true;
      break;
    }
    out->bytes[size++] = static_cast<char>(kFold[c]);
  }
  out->size = size;
}

bool is_index(Bytes name) {
  return std::all_of(name.begin(), name.end(), [](uint8_t c) { return is_digit(c); });
}

bool splits(uint8_t c) { return c == '[' || c == ']' || c == '.'; }

struct Pattern {
  Kind kind;
  bool ambiguous;
  std::vector<std::string> outer;  // the components before the last one, innermost first; "*" is any
  uint64_t outer_hash;             // of outer[0]
  size_t rank;                     // more components win; the operator's win over the defaults
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

  bool next(Bytes* out) {
    for (;;) {
      Bytes component;
      if (in_leaf_) {
        size_t end = rest_.size();
        while (end > 0 && splits(rest_[end - 1])) --end;
        if (end == 0) {
          in_leaf_ = false;
          continue;
        }
        size_t begin = end;
        while (begin > 0 && !splits(rest_[begin - 1])) --begin;
        component = rest_.subspan(begin, end - begin);
        rest_ = rest_.first(begin);
      } else {
        if (level_ == 0) return false;
        Bytes name = path_.name(--level_);
        if (std::any_of(name.begin(), name.end(), splits)) {
          rest_ = name;
          in_leaf_ = true;
          continue;
        }
        component = name;
      }
      if (is_index(component)) continue;  // also the empty name of an element without one
      *out = component;
      return true;
    }
  }

 private:
  const Path& path_;
  size_t level_;
  Bytes rest_;
  bool in_leaf_ = true;
};

}  // namespace

struct FieldNames::Table {
  // The patterns that end in this name, the highest ranks first.
  struct Leaf {
    std::string name;
    uint64_t hash;
    std::vector<Pattern> patterns;
  };
  std::vector<Leaf> leaves;
  std::vector<uint32_t> slots;    // 1 + index of a leaf, by the hash's lowest bits; 0: free; a power of two
  std::vector<Pattern> any_leaf;  // patterns that end in '*'
  std::vector<Expression> expressions;
  NameEnds ends;

  Status add(Kind kind, bool ambiguous, std::string_view text, size_t rank) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (;;) {
      size_t dot = text.find('.', begin);
      std::string_view part = text.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
      Component component;
      normalise({reinterpret_cast<const uint8_t*>(part.data()), part.size()}, &component);
      if (component.size == 0 && part != "*") {
        return Fault{"field pattern \"" + std::string(text) + "\" has an empty component"};
      }
      if (component.too_long) {
        return Fault{"field pattern \"" + std::string(text) + "\" has a component of more than " +
                     std::to_string(limits::kNameMax) + " characters"};
      }
      if (part != "*" && part.find('*') != std::string_view::npos) {
        return Fault{"field pattern \"" + std::string(text) +
                     "\": '*' stands for one whole component; use '~' and an expression for parts of a name"};
      }
      parts.push_back(part == "*" ? "*" : std::string(component.view()));
      if (dot == std::string_view::npos) break;
      begin = dot + 1;
    }
    Pattern pattern{kind, ambiguous, {parts.rbegin() + 1, parts.rend()}, 0, rank + parts.size()};
    if (!pattern.outer.empty()) pattern.outer_hash = hash_of(pattern.outer[0]);
    if (parts.back() == "*") {
      any_leaf.push_back(std::move(pattern));
      ends.add_any();
      return Done{};
    }
    const std::string& leaf = parts.back();
    ends.add(leaf);
    auto place = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& at) { return at.name == leaf; });
    if (place == leaves.end()) place = leaves.insert(place, Leaf{leaf, hash_of(leaf), {}});
    place->patterns.push_back(std::move(pattern));
    return Done{};
  }

  // When all patterns are here.
  void finish() {
    // Of equal ranks the first one wins.
    std::stable_sort(any_leaf.begin(), any_leaf.end(), ranks_higher);
    slots.resize(std::bit_ceil(4 * leaves.size()));
    for (size_t i = 0; i < leaves.size(); ++i) {
      std::stable_sort(leaves[i].patterns.begin(), leaves[i].patterns.end(), ranks_higher);
      size_t at = leaves[i].hash & (slots.size() - 1);
      while (slots[at] != 0) at = (at + 1) & (slots.size() - 1);
      slots[at] = static_cast<uint32_t>(i + 1);
    }
  }

  const Leaf* find(std::string_view name) const {
    const uint64_t hash = hash_of(name);
    for (size_t at = hash & (slots.size() - 1); slots[at] != 0; at = (at + 1) & (slots.size() - 1)) {
      const Leaf& leaf = leaves[slots[at] - 1];
      if (leaf.hash == hash && leaf.name == name) return &leaf;
    }
    return nullptr;
  }
};

void NameEnds::add(std::string_view leaf) {
  const auto letter = [&](size_t i) { return size_t{kLetter[static_cast<uint8_t>(leaf[i])]}; };
  const size_t size = leaf.size();
  // A name of one character has the long way anyway, and so has every name with punctuation at its ends.
  if (size < 2) return;
  const uint64_t group = uint64_t{1} << (std::hash<std::string_view>{}(leaf) % 64);
  begins_[letter(0) * 32 + letter(1)] |= group;
  ends_[letter(size - 2) * 32 + letter(size - 1)] |= group;
}

bool NameEnds::splits(Bytes leaf) {
  return std::any_of(leaf.begin(), leaf.end(), [](uint8_t c) { return cardscrub::splits(c); });
}

FieldNames::FieldNames(std::unique_ptr<Table> table) : table_(std::move(table)) {}
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
    if (field.ambiguous) continue;
    // Form libraries wrap what was typed: {"cvv":{"value":"123"}}.
    added = table->add(field.kind, false, std::string(field.pattern) + ".value", 0);
    if (!added) return Fault{added.message()};
  }
  table->finish();
  return FieldNames(std::move(table));
}

const NameEnds& FieldNames::ends() const { return table_->ends; }

FieldMatch FieldNames::match(const Path& path, Bytes leaf, bool* failed) const {
  if (!table_->ends.may_match(leaf)) return {};

  Walker walker(path, leaf);
  Bytes name;
  if (!walker.next(&name)) return {};
  Component last;
  normalise(name, &last);

  // The component in front of the last one, which most patterns ask for: looked at when it is asked for.
  Walker further = walker;
  Component before;
  uint64_t before_hash = 0;
  bool has_before = false;
  bool looked = false;
  const auto fits = [&](const Pattern& pattern) {
    if (pattern.outer.empty()) return true;
    if (!looked) {
      looked = true;
      Bytes at;
      has_before = further.next(&at);
      if (has_before) normalise(at, &before);
      if (has_before) before_hash = hash_of(before.view());
    }
    if (!has_before) return false;
    if (pattern.outer[0] != "*" &&
        (pattern.outer_hash != before_hash || before.too_long || before.view() != pattern.outer[0])) {
      return false;
    }
    Walker outer = further;
    Component component;
    return std::all_of(pattern.outer.begin() + 1, pattern.outer.end(), [&](const std::string& want) {
      Bytes at;
      if (!outer.next(&at)) return false;
      if (want == "*") return true;
      normalise(at, &component);
      return !component.too_long && component.view() == want;
    });
  };
  const Pattern* best = nullptr;
  const auto consider = [&](const std::vector<Pattern>& candidates) {
    for (const Pattern& pattern : candidates) {
      if (best != nullptr && best->rank >= pattern.rank) return;
      if (fits(pattern)) best = &pattern;
    }
  };
  if (!last.too_long) {
    if (const Table::Leaf* found = table_->find(last.view()); found != nullptr) consider(found->patterns);
  }
  consider(table_->any_leaf);

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
      if (match == Pcre2::Match::kYes) return {expression.kind, false};
      if (match == Pcre2::Match::kFault) *failed = true;
    }
  }
  return best == nullptr ? FieldMatch{} : FieldMatch{best->kind, best->ambiguous};
}

}  // namespace cardscrub
