// Path: one arena of name bytes, one offset a level.
#include "path.h"

#include <algorithm>

#include "limits.h"

namespace cardscrub {

bool Path::push(Bytes name) {
  if (begin_.size() >= limits::kDepth) return false;
  constexpr size_t kUsual = 16;
  if (begin_.capacity() == 0) begin_.reserve(kUsual);
  begin_.push_back(static_cast<uint32_t>(names_.size()));
  names_.append(name.first(std::min(name.size(), limits::kNameMax + 1)));
  return true;
}

void Path::pop() {
  names_.resize(begin_.back());
  begin_.pop_back();
}

Bytes Path::name(size_t level) const {
  size_t end = level + 1 < begin_.size() ? begin_[level + 1] : names_.size();
  return names_.span().subspan(begin_[level], end - begin_[level]);
}

void Path::clear() {
  names_.clear();
  begin_.clear();
}

}  // namespace cardscrub
