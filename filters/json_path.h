// Where the JSON filter stands: the containers that are open, and what the names in them announce.
//
// What FieldNames said of a name is remembered under the name and the place of its object (name_places.h),
// and the scrubber hears of a container only when something in it concerns it.
#pragma once

#include <array>
#include <cstring>
#include <vector>

#include "src/scrubber.h"

namespace cardscrub {

class JsonPath {
 public:
  // Names of fewer bytes are remembered.
  static constexpr size_t kShortName = NamePlaces::kNameSize;

  JsonPath() = default;
  ~JsonPath() { wipe_names(); }
  JsonPath(const JsonPath&) = delete;
  JsonPath& operator=(const JsonPath&) = delete;

  // Once, before anything else.
  void start(Scrubber& scrubber);
  bool empty() const { return depth_ == 0; }
  bool in_object() const { return object_; }
  size_t depth() const { return depth_; }
  size_t deepest() const { return deepest_; }  // no container can be opened at this depth
  // Of the innermost 64 containers, bit 0 the innermost: which are objects.
  uint64_t kinds() const;
  // The depth of the innermost array whose elements a name announces; 0: there is none.
  size_t listed_depth() const;
  // What announces the elements of the innermost container, an array: the nearest name around it.
  FieldMatch element_match() const { return frames_[depth_ - 1].match; }

  // What the name announces here. `short_name`: fewer than kShortName bytes, and that many are readable at
  // its start.
  FieldMatch match(const uint8_t* short_name, size_t size, Scrubber& scrubber);
  FieldMatch match(Bytes name, Scrubber& scrubber);
  // What follows has no name, or others use the places before it is read.
  void forget() { latest_ = nullptr; }
  // A container under the name that match() was asked for last (or without one). False: too deep; the fault
  // is noted.
  [[nodiscard]] bool push(Bytes name, bool object, FieldMatch match, Scrubber& scrubber);
  // The innermost container ends.
  void pop(Scrubber& scrubber) {
    latest_ = nullptr;
    const Frame& frame = frames_[depth_ - 1];
    place_ = frame.around;
    object_ = frame.in_object;
    if (opened_ == depth_--) {
      --opened_;
      scrubber.close();
    }
  }
  // Opens in the scrubber what is open here: before it hears of a name or a value.
  void open(Scrubber& scrubber) {
    if (opened_ != depth_) open_rest(scrubber);
  }

 private:
  struct Frame {
    uint64_t around;  // the place of the container around it
    FieldMatch match;
    bool in_object;  // what the container around it is
    uint8_t size;
    std::array<uint8_t, limits::kNameMax + 1> name;  // end_of_name()
  };
  using Key = NamePlaces::Key;
  FieldMatch look_up(const Key& key, Bytes name, Scrubber& scrubber) {
    latest_ = places_->recall(key, place_);
    return latest_ != nullptr ? latest_->match : ask(key, name, scrubber);
  }
  FieldMatch ask(const Key& key, Bytes name, Scrubber& scrubber);
  void open_rest(Scrubber& scrubber);
  void grow();
  // Those that are not remembered, for they may hold a number.
  void wipe_names() { wipe(frames_.data(), secret_to_ * sizeof(Frame)); }

  std::vector<Frame> frames_;  // depth_ of them are in use
  size_t secret_to_ = 0;       // so many have had names that are not remembered
  size_t depth_ = 0;
  size_t opened_ = 0;   // of these, the scrubber knows of so many, the outermost ones
  size_t deepest_ = 0;  // as many as the scrubber takes
  NamePlaces* places_ = nullptr;
  NamePlaces::Known* latest_ = nullptr;  // of the name to come; nullptr: not remembered
  bool object_ = false;                  // the innermost container is an object
  uint64_t place_ = 0;                   // of the innermost container
};

inline FieldMatch JsonPath::match(const uint8_t* short_name, size_t size, Scrubber& scrubber) {
  static constexpr std::array<uint8_t, kShortName + kShortName> kMask = [] {
    std::array<uint8_t, kShortName + kShortName> mask{};
    for (size_t i = 0; i < kShortName; ++i) mask[i] = 0xFF;
    return mask;
  }();
  Key name;
  Key mask;
  std::memcpy(name.data(), short_name, kShortName);
  std::memcpy(mask.data(), kMask.data() + (kShortName - size), kShortName);
  name[0] &= mask[0];
  name[1] &= mask[1];
  return look_up(name, {short_name, size}, scrubber);
}

}  // namespace cardscrub
