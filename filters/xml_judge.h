// Is a document well-formed? Expat says; nobody else's opinion is as close to that of Python applications.
//
// Only asked where the answer matters (fields are required, see Scrubber::malformed). Memory and time are
// bounded: the document is parsed in blocks, and expat is let go when a single token (a comment, an
// attribute) outgrows kTokenMax, since it keeps a token in memory, and reads it again with every block.
#pragma once

#include <cstdint>

#include "src/secret.h"

struct XML_ParserStruct;

namespace cardscrub {

class XmlJudge {
 public:
  static constexpr size_t kBlock = 4096;
  static constexpr size_t kTokenMax = 65536;
  static constexpr uint64_t kNone = ~uint64_t{0};

  XmlJudge() = default;
  ~XmlJudge();
  XmlJudge(const XmlJudge&) = delete;
  XmlJudge& operator=(const XmlJudge&) = delete;

  // The bytes are single-byte characters, not UTF-8. Before the first block is complete.
  void single_byte() { single_byte_ = true; }
  void push(Bytes bytes);
  // Nothing follows. The index of the byte at which the document ceases to be well-formed; kNone: it is, or
  // nobody can say.
  uint64_t finish();

 private:
  void parse(bool last);

  XML_ParserStruct* parser_ = nullptr;
  SecretBuffer block_;
  bool single_byte_ = false;
  bool done_ = false;
  uint64_t fed_ = 0;
  uint64_t error_ = kNone;
};

}  // namespace cardscrub
