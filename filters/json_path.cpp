// JsonPath: frames, and the table of names that were met before.
#include "filters/json_path.h"

#include <algorithm>

namespace cardscrub {

// Two neighbours share their slots; the name that was not met for longer makes room for a new one.
JsonPath::Known& JsonPath::find(const std::array<uint64_t, 2>& key, Bytes name, Scrubber& scrubber) {
  const size_t at = slot(key, place_);
  Known& first = known_[at];
  Known& second = known_[at ^ 1];
  const auto is = [&](const Known& known) { return known.place == place_ && known.name == key; };
  if (is(first)) return first;
  if (is(second)) return second;
  open(scrubber);
  if (first.place != 0) second = first;
  first = {key, place_, 0, scrubber.match(name)};
  return first;
}

FieldMatch JsonPath::match(Bytes name, Scrubber& scrubber) {
  latest_ = nullptr;
  if (name.size() > limits::kNameMax) return {};
  open(scrubber);
  return scrubber.match(name);
}

void JsonPath::start(const Scrubber& scrubber) {
  const size_t most = std::min(scrubber.policy().max_depth, limits::kDepth);
  deepest_ = most - std::min(most, scrubber.path().depth());
}

bool JsonPath::push(Bytes name, bool object, FieldMatch match, Scrubber& scrubber) {
  if (depth_ == deepest_) {
    open(scrubber);
    return scrubber.open(name);  // which says no, and why
  }
  if (depth_ == frames_.size()) frames_.resize(depth_ + 16);
  Frame& frame = frames_[depth_];
  uint64_t inside = 0;
  if (latest_ == nullptr && name.empty()) {
    // An element of an array: all of them are one place.
    static constexpr std::array<uint64_t, 2> kNone{};
    latest_ = &find(kNone, {}, scrubber);
  }
  if (latest_ != nullptr) {
    if (latest_->inside == 0) latest_->inside = next_++;
    inside = latest_->inside;
    std::memcpy(frame.name.data(), latest_->name.data(), kShortName);
    frame.size = static_cast<uint8_t>(name.size());
    latest_ = nullptr;
  } else {
    inside = next_++;
    frame.size = static_cast<uint8_t>(std::min(name.size(), frame.name.size()));
    std::memcpy(frame.name.data(), name.data(), frame.size);
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
