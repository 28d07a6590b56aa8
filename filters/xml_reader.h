// The XML filter's tokenizer. Internal to xml*.cpp.
#pragma once

#include <string_view>

#include "filters/filter.h"
#include "filters/xml_judge.h"
#include "filters/xml_value.h"

namespace cardscrub {

class XmlReader : public Filter {
 public:
  static constexpr size_t kAsideMax = 4096;  // units of comments inside a value, and of the value after them

  explicit XmlReader(unsigned layer) : value_(layer) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override;

 private:
  enum class State : uint8_t {
    kText,
    kCdata,
    kComment,
    kInstruction,
    kDoctype,
    kName,
    kTag,
    kAttributeName,
    kEquals,
    kValueStart,
    kValue,
    kJunk,
    kEndName,
    kEndTag,
  };

  // Inside <!DOCTYPE ... >.
  enum class Dtd : uint8_t { kPlain, kQuoted, kComment, kInstruction };

  // Each takes a step at cursor_; false: it needs to see more.
  bool step();
  bool text();
  bool markup();
  bool cdata();
  bool aside(uint8_t mark, std::string_view end);
  bool doctype();
  bool doctype_markup();
  bool name();
  bool tag();
  bool equals();
  bool value_start();
  bool value();
  bool junk();
  bool end_tag();
  bool reference();
  bool byte_order_mark();

  enum class Seen : uint8_t { kNo, kYes, kMore };
  // Whether `token` stands at the cursor (ASCII, the case of letters does not count).
  Seen at(std::string_view token) const;
  bool take(size_t end);
  bool take_aside(size_t end);
  void begin_aside(State state, size_t skip);
  void end_aside(size_t skip);
  void aside_is_large();
  void end_value();
  void open_text();
  bool inside_pair_value() const;
  void open_element();
  void start_element(size_t end);
  void end_element();
  void named(size_t end);
  Seen goes_on() const;
  void begin_junk(size_t from);
  void begin_name(State state, size_t skip);
  void finish();
  size_t settle();
  bool in_name() const {
    return state_ == State::kName || state_ == State::kAttributeName || state_ == State::kEndName;
  }
  uint64_t wire_at(size_t index) const { return index < size() ? in_->unit(index).at : end_at_; }
  void malformed(size_t index) {
    if (malformed_at_ == XmlJudge::kNone) malformed_at_ = wire_at(index);
  }
  void refuse(Reason reason, size_t index) {
    scrubber_->refuse(reason, static_cast<int64_t>(wire_at(index)));
  }
  size_t size() const { return in_->size; }
  uint8_t byte(size_t i) const { return in_->data[i]; }

  // During feed().
  const Text* in_ = nullptr;
  Scrubber* scrubber_ = nullptr;
  bool last_ = false;
  size_t cursor_ = 0;  // leading units of the (next) text that have been read

  State state_ = State::kText;
  Dtd dtd_ = Dtd::kPlain;
  size_t brackets_ = 0;
  uint8_t quote_ = 0;  // 0: a value without quotes
  size_t begin_ = 0;   // of the name that is being read
  bool long_name_ = false;
  size_t name_end_ = 0;        // its end, in kEquals
  uint64_t construct_at_ = 0;  // where the comment, section or declaration begins

  XmlValue value_;
  bool single_byte_ = false;
  // Comments that stand inside an open value, searched when it ends.
  Decoded aside_;
  bool inside_value_ = false;
  size_t since_aside_ = 0;

  // The open elements: the innermost `deep_` of those that have a scope were too deep for one; `leaf_` says
  // that the last one has no scope, because nothing but text has been seen in it.
  size_t depth_ = 0;
  size_t deep_ = 0;
  bool leaf_ = false;
  SecretBuffer element_;    // the name of the last one while it is a leaf
  SecretBuffer attribute_;  // the name of the attribute that is being read

  bool begun_ = false;  // the byte order mark has been looked for
  bool root_seen_ = false;
  bool declaration_ = false;  // the declaration is being read
  SecretBuffer declared_;

  uint64_t malformed_at_ = XmlJudge::kNone;
  XmlJudge judge_;
  bool judging_ = false;
  size_t judged_ = 0;
  bool wire_ = true;
  uint64_t first_at_ = XmlJudge::kNone;
  uint64_t end_at_ = 0;  // of the last unit that was shown
};

}  // namespace cardscrub
