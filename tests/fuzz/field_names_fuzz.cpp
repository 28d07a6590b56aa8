// Which names announce card data: FieldNames and Path against the rules of field_names.h, read plainly.
//
// Input: the operator's patterns, one a line, up to an empty line, each with a kind in front; then the names
// around the value, one a line, up to an empty line; then the leaf.
#include "src/field_names.h"

#include <algorithm>
#include <vector>

#include "src/limits.h"
#include "tests/fuzz/harness.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;

namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// Case, '-', '_' and ' ' do not count.
std::string normalised(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c != '-' && c != '_' && c != ' ') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

std::vector<std::string> cut_at(std::string_view name, std::string_view marks) {
  std::vector<std::string> out(1);
  for (char c : name) {
    if (marks.find(c) != std::string_view::npos) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

bool is_index(const std::string& name) { return name.find_first_not_of("0123456789") == std::string::npos; }

struct Pattern {
  Kind kind;
  bool ambiguous;
  std::vector<std::string> components;
};

bool fits(const Pattern& pattern, const std::vector<std::string>& name) {
  if (pattern.components.size() > name.size()) return false;
  return std::equal(pattern.components.rbegin(), pattern.components.rend(), name.rbegin(),
                    [](const std::string& want, const std::string& have) {
                      if (want == "*") return true;
                      if (have.size() > limits::kNameMax) return false;
                      return want[0] == '*' ? have.ends_with(want.substr(1)) : want == have;
                    });
}

// Whole last names before their ends, these before any.
int class_of(const Pattern& pattern) {
  const std::string& last = pattern.components.back();
  return last == "*" ? 2 : last[0] == '*' ? 1 : 0;
}

// More components before fewer, then the class, the earlier pattern before the later.
const Pattern* best_of(const std::vector<Pattern>& patterns, const std::vector<std::string>& name) {
  const Pattern* best = nullptr;
  for (const Pattern& pattern : patterns) {
    if (!fits(pattern, name)) continue;
    const size_t size = pattern.components.size();
    if (best == nullptr || size > best->components.size() ||
        (size == best->components.size() && class_of(pattern) < class_of(*best))) {
      best = &pattern;
    }
  }
  return best;
}

Pattern pattern_of(Kind kind, bool ambiguous, std::string_view text) {
  Pattern pattern{kind, ambiguous, cut_at(text, ".")};
  for (std::string& component : pattern.components) {
    if (component != "*") component = normalised(component);
  }
  return pattern;
}

const std::vector<Pattern>& listed_patterns() {
  static const std::vector<Pattern> kListed = [] {
    std::vector<Pattern> out;
    for (const DefaultField& field : default_fields()) {
      out.push_back(pattern_of(field.kind, field.ambiguous, field.pattern));
    }
    return out;
  }();
  return kListed;
}

// Names that hold the value of the name around them, and those that hold one when it is a code.
bool holds_value(const std::string& name, bool* perhaps) {
  static const std::vector<std::string> kSure{
      "value",      "@value",      "rawvalue", "stringvalue", "integervalue", "doublevalue",
      "$numberint", "$numberlong", "s",        "n",           "string"};
  static const std::vector<std::string> kPerhaps{"val", "raw", "text", "#text", "$t", "$", ""};
  if (std::find(kSure.begin(), kSure.end(), name) != kSure.end()) return true;
  if (std::find(kPerhaps.begin(), kPerhaps.end(), name) == kPerhaps.end()) return false;
  *perhaps = true;
  return true;
}

// Path gives back what went in, cut; and is as it was when what was pushed has been popped.
void holds_path(const std::vector<std::string>& names, Path* path) {
  for (const std::string& name : names) law(path->push(bytes_of(name)), "path: not deep yet");
  law(path->depth() == names.size(), "path: depth");
  if (path->push(bytes_of("more"))) path->pop();
  for (size_t i = 0; i < names.size(); ++i) {
    const Bytes got = path->name(i);
    law(std::string(got.begin(), got.end()) == names[i].substr(0, limits::kNameMax + 1), "path: a name");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  constexpr Kind kWished[] = {Kind::kPan, Kind::kCode, Kind::kExpiry, Kind::kIgnore};
  std::vector<FieldPattern> wishes;
  for (std::string_view line = input.until('\n'); !line.empty() && wishes.size() < 8;
       line = input.until('\n')) {
    const Kind kind = kWished[static_cast<uint8_t>(line[0]) % std::size(kWished)];
    // Expressions are PCRE2's to judge.
    if (line.size() > 1 && line[1] != '~') wishes.push_back({kind, std::string(line.substr(1))});
  }
  const Result<FieldNames> names = FieldNames::compile(wishes);
  if (!names) {
    law(!names.message().empty(), "a fault says something");
    wishes.clear();
  }
  static const Result<FieldNames> kDefaults = FieldNames::compile({});
  const FieldNames& fields = names ? *names : *kDefaults;

  std::vector<std::string> outer;
  for (std::string_view line = input.until('\n'); !line.empty() && outer.size() < 100;
       line = input.until('\n')) {
    outer.emplace_back(line);
  }
  const std::string leaf(input.rest());
  Path path;
  holds_path(outer, &path);

  std::vector<std::string> components;
  const auto add = [&](std::string_view name) {
    for (const std::string& component : cut_at(name, "[].")) {
      if (!is_index(component)) {
        components.push_back(component.size() <= limits::kNameMax ? normalised(component) : component);
      }
    }
  };
  for (const std::string& name : outer) {
    if (name.size() <= limits::kNameMax) {
      add(name);
    } else {
      components.push_back(name);  // matches nothing
    }
  }
  add(leaf);

  bool failed = false;
  const FieldMatch got = fields.match(path, bytes_of(leaf), &failed);
  std::vector<Pattern> operators;
  for (const FieldPattern& wish : wishes) operators.push_back(pattern_of(wish.kind, false, wish.pattern));
  const Pattern* best = leaf.empty() ? nullptr : best_of(operators, components);
  if (best == nullptr && !leaf.empty()) best = best_of(listed_patterns(), components);
  bool perhaps = false;
  for (int inside = 0; inside < 2 && best == nullptr && !leaf.empty() && !components.empty(); ++inside) {
    if (!holds_value(components.back(), &perhaps)) break;
    components.pop_back();
    best = best_of(operators, components);
    if (best == nullptr) best = best_of(listed_patterns(), components);
    if (best != nullptr && (best->ambiguous || (perhaps && best->kind != Kind::kCode))) {
      best = nullptr;
      break;
    }
  }
  const FieldMatch want = best == nullptr ? FieldMatch{} : FieldMatch{best->kind, best->ambiguous};
  law(!failed, "nothing fails without an expression");
  law(got.kind == want.kind && got.ambiguous == want.ambiguous, "a name means what the rules say");
  if (want.kind != Kind::kNone) law(fields.ends().may_match(bytes_of(leaf)), "may_match denies a match");
  return 0;
}
