// The header lines of one part of a multipart body.
#pragma once

#include <string>
#include <vector>

#include "src/secret.h"

namespace cardscrub {

enum class TransferCoding : uint8_t { kIdentity, kQuotedPrintable, kBase64, kUnknown };

struct PartHead {
  std::string name;  // of Content-Disposition; empty: none
  bool named = false;
  bool file = false;         // has a file name
  bool table = false;        // which ends in .csv or .tsv
  std::string content_type;  // empty: none, which is text/plain
  TransferCoding coding = TransferCoding::kIdentity;
  // Says two things: a field twice, two names, a name in pieces or of a charset that is not ASCII, control
  // characters, a folded line that looks like a field, or lines that end in a carriage return alone.
  // Applications do not agree on which one counts.
  bool ambiguous = false;
  // What other parsers may take for the name: those that know no quotes, or no backslashes in them, or that
  // look for "name=" anywhere in the line. Only of interest when one of them announces card data.
  std::vector<std::string> other_names;
};

// `lines`: the header lines of a part, without the empty line that ends them; lines may be folded (RFC
// 5322, 2.2.3).
PartHead parse_part_head(Bytes lines);

}  // namespace cardscrub
