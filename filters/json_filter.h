// The state of the JSON filter, shared by json.cpp (every token) and json_plain.cpp (the quick ways over most
// of them).
#pragma once

#include <array>
#include <string_view>

#include "filters/filter.h"
#include "filters/json_path.h"
#include "filters/json_scan.h"
#include "filters/json_skim.h"
#include "filters/json_string.h"

namespace cardscrub {

inline constexpr uint8_t kJsonSpace = 1;      // white space
inline constexpr uint8_t kJsonDelimiter = 2;  // may follow a number or a literal
inline constexpr uint8_t kJsonMayNest = 4;    // as the first character of a string: there may be JSON inside

inline constexpr std::array<uint8_t, 256> kJsonClass = [] {
  std::array<uint8_t, 256> table{};
  auto note = [&table](std::string_view set, uint8_t what) {
    for (char c : set) table[static_cast<uint8_t>(c)] = what;
  };
  note(" \t\n\r", kJsonSpace | kJsonDelimiter | kJsonMayNest);
  note("\"}],:", kJsonDelimiter);
  note("{[", kJsonDelimiter | kJsonMayNest);
  table['\\'] = kJsonMayNest;
  return table;
}();

class JsonFilter final : public Filter {
 public:
  JsonFilter(unsigned layer, bool many, bool graphql)
      : string_(layer), layer_(layer), many_(many), graphql_(graphql) {}
  ~JsonFilter() override { wipe(kept_.data(), kept_.size()); }
  JsonFilter(const JsonFilter&) = delete;
  JsonFilter& operator=(const JsonFilter&) = delete;
  size_t feed(const Text& text, bool last, Scrubber& scrubber) override;

 private:
  using State = JsonState;
  // What a step did: read on, or wait for more text.
  enum class Step : uint8_t { kOn, kMore };

  Step tokens();
  void skim();
  size_t skim_end(JsonSkim& skim);
  void pass_plain();
  // Whether an unnamed string need not be shown to the scrubber.
  bool passes(const StringScan& scan, const uint8_t* data) const;
  bool is_plain_pair(const uint8_t* p, const uint8_t* end) const;
  // The match of a name/value pair's part, with what the name announces.
  void pair();
  Step value(uint8_t c);
  Step key(uint8_t c);
  void end(uint8_t c);
  Step string_value();
  Step number();
  Step literal();
  Step no_json(bool flawed = true);
  Step comment(JsonString::End end, size_t at);
  // Whether a number or a literal may end in front of it.
  bool delimits(uint8_t c) const {
    return (kJsonClass[c] & kJsonDelimiter) != 0 || (graphql_ && (c == ')' || c == '(' || c == '#'));
  }
  Step string(JsonString::End end, size_t at, ValueType type);
  void ended();
  void close(bool object);
  void comma();
  void malformed(size_t at) {
    if (layer_ == 0) scrubber_->malformed(text_.unit(at).at);
  }
  void unnamed() {
    name_ = {};
    match_ = {};
    path_.forget();
  }
  void named(Bytes name) {
    name_ = name;
    match_ = path_.match(name, *scrubber_);
  }
  void whole(size_t begin, size_t end, ValueType type) {
    path_.open(*scrubber_);
    string_.whole(text_.sub(begin, end - begin), name_, match_, type, *scrubber_);
  }
  void finish();

  // What one feed() works on.
  Text text_;
  bool last_ = false;
  Scrubber* scrubber_ = nullptr;

  JsonString string_;
  unsigned layer_;
  bool many_;
  bool graphql_;
  bool begun_ = false;  // a byte order mark is no longer possible
  bool any_ = false;    // a value has begun at the root
  bool done_ = false;   // there is nothing in it, or it is nested too deep: the request is refused
  State state_ = State::kValue;
  State after_ = State::kEnd;  // where to go behind the string being read
  FieldMatch match_;           // of the value to come
  size_t at_ = 0;              // the next unit to read
  size_t skim_from_ = 0;       // units in front of it are not for skim()
  size_t pause_ = 0;           // units that skim() is to leave alone when it meets trouble at once
  uint64_t end_at_ = 0;        // on the wire, behind the last unit seen
  Bytes name_;                 // of the value to come; in the text or in kept_
  std::array<uint8_t, limits::kNameMax + 1> kept_{};
  JsonPath path_;
};

}  // namespace cardscrub
