// FieldNames: patterns by their last component in a hash table; a name is turned away by the letters at its
// ends before anything is copied.
#include "field_names.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <vector>

#include "limits.h"
#include "pcre2.h"
#include "text.h"

namespace cardscrub {

namespace {

// One component of a name, normalised: lower case, '-', '_' and ' ' left out.
struct Component {
  std::array<char, limits::kNameMax> bytes;
  size_t size = 0;
  bool too_long = false;
  std::string_view view() const { return {bytes.data(), size}; }
};

void normalise(Bytes name, Component* out) {
  out->size = 0;
  out->too_long = false;
  for (uint8_t c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    if (out->size == out->bytes.size()) {
      out->too_long = true;
      return;
    }
    out->bytes[out->size++] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
}

bool is_index(Bytes name) {
  return std::all_of(name.begin(), name.end(), [](uint8_t c) { return is_digit(c); });
}

constexpr bool splits(uint8_t c) { return c == '[' || c == ']' || c == '.'; }

struct Pattern {
  Kind kind;
  bool ambiguous;
  std::vector<std::string> outer;  // the components before the last one, innermost first; "*" is any
  size_t rank;                     // more components win; the operator's win over the defaults
};

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
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::unordered_map<std::string, std::vector<Pattern>, Hash, std::equal_to<>> by_leaf;
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
    Pattern pattern{kind, ambiguous, {parts.rbegin() + 1, parts.rend()}, rank + parts.size()};
    if (parts.back() == "*") {
      any_leaf.push_back(std::move(pattern));
      ends.add_any();
      return Done{};
    }
    const std::string& leaf = parts.back();
    ends.add(leaf);
    by_leaf[leaf].push_back(std::move(pattern));
    return Done{};
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
    }
  }
}

void NameEnds::add_pairs(uint8_t before, uint8_t last) {
  for (unsigned b = 0; b < 256; ++b) {
    if (kLetter[b] != before) continue;
    for (unsigned l = 0; l < 256; ++l) {
      const unsigned pair = b | l << 8;
      if (kLetter[l] == last) pairs_[pair / 64] |= uint64_t{1} << pair % 64;
    }
  }
}

void NameEnds::add(std::string_view leaf) {
  const auto letter = [&](size_t i) { return size_t{kLetter[static_cast<uint8_t>(leaf[i])]}; };
  const size_t size = leaf.size();
  // A name of one character has the long way anyway, and so has every name with punctuation at its ends.
  if (size < 2) return;
  const uint64_t group = uint64_t{1} << (std::hash<std::string_view>{}(leaf) % 64);
  begins_[letter(0) * 32 + letter(1)] |= group;
  ends_[letter(size - 2) * 32 + letter(size - 1)] |= group;
  thirds_[letter(size - 2) * 32 + letter(size - 1)] |= 1u
                                                       << (size == 2 ? size_t{kNoLetter} : letter(size - 3));
  add_pairs(static_cast<uint8_t>(letter(size - 2)), static_cast<uint8_t>(letter(size - 1)));
}

bool NameEnds::splits(Bytes leaf) {
  static constexpr std::array<uint8_t, 256> kSplits = [] {
    std::array<uint8_t, 256> table{};
    for (size_t c = 0; c < table.size(); ++c) table[c] = cardscrub::splits(static_cast<uint8_t>(c)) ? 1 : 0;
    return table;
  }();
  uint8_t any = 0;
  for (const uint8_t c : leaf) any |= kSplits[c];
  return any != 0;
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

  const Pattern* best = nullptr;
  auto consider = [&](const std::vector<Pattern>& candidates) {
    for (const Pattern& pattern : candidates) {
      if (best != nullptr && best->rank >= pattern.rank) continue;
      Walker outer = walker;
      Component component;
      bool all = std::all_of(pattern.outer.begin(), pattern.outer.end(), [&](const std::string& want) {
        Bytes at;
        if (!outer.next(&at)) return false;
        if (want == "*") return true;
        normalise(at, &component);
        return !component.too_long && component.view() == want;
      });
      if (all) best = &pattern;
    }
  };
  if (!last.too_long) {
    auto found = table_->by_leaf.find(last.view());
    if (found != table_->by_leaf.end()) consider(found->second);
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
