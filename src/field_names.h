// Which names announce card data. The same for every encoding: card.number, card[number] and <card><number>
// are one path. A pattern matches a trailing run of path components; case, '-' and '_' do not count; '*' is
// one component; numeric components (list indexes) are passed over; '~' starts a PCRE2 expression over the
// dotted path.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "card.h"
#include "path.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

struct FieldPattern {
  Kind kind;
  std::string pattern;
};

struct FieldMatch {
  Kind kind = Kind::kNone;
  bool ambiguous = false;  // counts only beside another card field of the same scope
};

class FieldNames {
 public:
  // The operator's patterns come before the default list. Faults: empty pattern, component over kNameMax
  // bytes, bad expression.
  static Result<FieldNames> compile(std::span<const FieldPattern> patterns);

  // What `leaf` inside `path` is. The leaf may hold several components (card[number], card.number). Most
  // names are turned away by their first and last letter. kFault in *failed when a PCRE2 limit was reached.
  FieldMatch match(const Path& path, Bytes leaf, bool* failed) const;

  FieldNames(FieldNames&&) noexcept;
  FieldNames& operator=(FieldNames&&) noexcept;
  ~FieldNames();

 private:
  struct Table;
  explicit FieldNames(std::unique_ptr<Table> table);
  std::unique_ptr<Table> table_;
};

// The default list (field_defaults.cpp), for the documentation and the tests.
struct DefaultField {
  Kind kind;
  bool ambiguous;
  std::string_view pattern;
};
std::span<const DefaultField> default_fields();

}  // namespace cardscrub
