// JsonPath: frames.
#include "filters/json_path.h"

#include <algorithm>

#include "filters/long_name.h"

namespace cardscrub {

FieldMatch JsonPath::ask(const Key& key, Bytes name, Scrubber& scrubber) {
  open(scrubber);
  bool failed = false;
  const FieldMatch match = scrubber.match(name, &failed);
  latest_ = failed ? nullptr : places_->remember(key, place_, match);
  return match;
}

FieldMatch JsonPath::match(Bytes name, Scrubber& scrubber) {
  const size_t size = name.size();
  // A zero, written as an escape, would be taken for the end of the name.
  if (size < kShortName && (size == 0 || std::memchr(name.data(), 0, size) == nullptr)) {
    Key key{};
    if (size != 0) std::memcpy(key.data(), name.data(), size);
    return look_up(key, name, scrubber);
  }
  latest_ = nullptr;
  name = end_of_name(name);
  if (name.size() > limits::kNameMax) return {};
  open(scrubber);
  return scrubber.match(name);
}

void JsonPath::start(Scrubber& scrubber) {
  const Policy& policy = scrubber.policy();
  places_ = &scrubber.places();
  const bool root = scrubber.path().depth() == 0 && policy.fields != nullptr;
  place_ = root ? places_->root(*policy.fields, policy.response, scrubber.reads_pairs()) : places_->fresh();
  const size_t most = std::min(policy.max_depth, limits::kDepth);
  deepest_ = most - std::min(most, scrubber.path().depth());
}

bool JsonPath::push(Bytes name, bool object, FieldMatch match, Scrubber& scrubber) {
  if (depth_ == deepest_) {
    open(scrubber);
    return scrubber.open(name);  // which says no, and why
  }
  if (depth_ == frames_.size()) grow();
  Frame& frame = frames_[depth_];
  uint64_t inside = 0;
  if (latest_ == nullptr && name.empty()) {
    // An element of an array: all of them are one place.
    look_up({}, {}, scrubber);
  }
  if (latest_ != nullptr) {
    if (latest_->inside == 0) latest_->inside = places_->fresh();
    inside = latest_->inside;
    std::memcpy(frame.name.data(), latest_->name.data(), kShortName);
    frame.size = static_cast<uint8_t>(name.size());
    latest_ = nullptr;
  } else {
    inside = places_->fresh();
    name = end_of_name(name);
    frame.size = static_cast<uint8_t>(name.size());
    if (frame.size != 0) std::memcpy(frame.name.data(), name.data(), frame.size);
    secret_to_ = std::max(secret_to_, depth_ + 1);
  }
  frame.around = place_;
  frame.match = match;
  if (match.pair != Pair::kInValue) frame.match.pair = Pair::kNone;
  frame.in_object = object_;
  place_ = inside;
  object_ = object;
  ++depth_;
  return true;
}

void JsonPath::grow() {
  std::vector<Frame> more(2 * frames_.size() + 16);
  std::copy(frames_.begin(), frames_.end(), more.begin());
  wipe_names();
  frames_.swap(more);
}

uint64_t JsonPath::kinds() const {
  uint64_t kinds = object_ ? 1 : 0;
  for (size_t k = 1; k < std::min<size_t>(depth_, 64); ++k) {
    kinds |= uint64_t{frames_[depth_ - k].in_object} << k;
  }
  return kinds;
}

size_t JsonPath::listed_depth() const {
  size_t depth = depth_;
  bool object = object_;
  while (depth != 0 && (object || frames_[depth - 1].match.kind == Kind::kNone)) {
    object = frames_[--depth].in_object;
  }
  return depth;
}

void JsonPath::open_rest(Scrubber& scrubber) {
  for (; opened_ < depth_; ++opened_) {
    const Frame& frame = frames_[opened_];
    if (!scrubber.open({frame.name.data(), frame.size})) return;
  }
}

}  // namespace cardscrub
