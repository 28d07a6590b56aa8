// The names of the objects, elements or parts that enclose a value, outermost first.
#pragma once

#include <cstdint>
#include <vector>

#include "secret.h"

namespace cardscrub {

// A bounded stack of names. A name longer than limits::kNameMax is kept cut to one byte more than that, by
// which it is seen to be too long to match a pattern.
class Path {
 public:
  // False: limits::kDepth is reached, nothing was pushed.
  [[nodiscard]] bool push(Bytes name);
  void pop();
  size_t depth() const { return begin_.size(); }
  Bytes name(size_t level) const;  // level < depth(), 0 is the outermost
  void clear();

 private:
  SecretBuffer names_;
  std::vector<uint32_t> begin_;
};

}  // namespace cardscrub
