// A string, a name or a stretch of no JSON on its way to the scrubber, in pieces: escapes undone, bounded
// memory.
#pragma once

#include <array>

#include "filters/decoded.h"
#include "filters/long_name.h"
#include "filters/value_reader.h"

namespace cardscrub {

// Shows the wire as it is as long as it says what it means; from the first escape or character that needs
// normalising on it shows decoded text, of which only what the scrubber did not settle is kept.
class JsonString {
 public:
  // What ends it.
  enum class End : uint8_t {
    kQuote,        // the closing quote, which is passed over
    kApostrophe,   // the same with '; a line feed ends it too, and stays
    kStructure,    // any of " { } [ ] , : which stays
    kName,         // as kStructure, and ( ) #
    kScalar,       // as kStructure, and white space
    kArgument,     // as kScalar, and ( ) #
    kLine,         // a line feed or a carriage return: a // or # comment
    kComment,      // */, which is passed over
    kBlockString,  // """, which is passed over: a block string of GraphQL
  };

  explicit JsonString(unsigned layer) : reader_(layer, ValueForms::kPairs), layer_(layer) {}
  ~JsonString() { wipe(name_.data(), name_.size()); }
  JsonString(const JsonString&) = delete;
  JsonString& operator=(const JsonString&) = delete;

  // The value's first character is text[at] of the text that the next read() is given.
  void begin(size_t at, End end, Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber);
  bool reading() const { return reading_; }
  // Reads on. True: the value is complete; cursor() is behind it.
  bool read(const Text& text, bool last, Scrubber& scrubber);
  // A value that is complete and says what it means: shown as it is.
  void whole(const Text& value, Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber);
  size_t cursor() const { return cursor_; }
  // Not in double quotes.
  bool bare() const { return end_ != End::kQuote && end_ != End::kBlockString; }
  bool is_key() const { return key_; }
  // The end of the text came before the end of a value.
  bool cut() const { return cut_; }
  // How many leading units of `text` will not be needed again.
  size_t settled(const Text& text);
  // The text of the next read() begins `count` units later.
  void moved(size_t count) {
    cursor_ -= count;
    from_ -= count;
  }
  // After a value of type kKey: end_of_name() of the name, as it is on the wire now.
  Bytes name() const { return end_of_name({name_.data(), name_size_}); }

 private:
  size_t block_escape(const Text& text, bool last);
  bool at_end(const Text& text, bool last, size_t* pass);
  size_t escape(const Text& text, bool last, Scrubber& scrubber);
  size_t beyond_ascii(const Text& text, bool last);
  void add_byte(const Text& text, size_t at);
  void start_decoding(const Text& text);
  void show(const Text& text, bool ended, Scrubber& scrubber);
  void keep_name(const Text& text);
  void malformed(const Text& text, size_t at, Scrubber& scrubber) const {
    if (layer_ == 0) scrubber.malformed(text.unit(at).at);
  }

  ValueReader reader_;
  unsigned layer_;
  End end_ = End::kQuote;
  bool reading_ = false;
  bool decoding_ = false;
  bool key_ = false;
  bool cut_ = false;
  uint8_t name_size_ = 0;
  size_t cursor_ = 0;  // units in front of it are read
  size_t from_ = 0;    // the first unit that is not settled; while decoding: not later than that
  size_t shown_ = 0;   // units of decoded_ that have been shown
  Decoded decoded_;
  std::array<uint8_t, limits::kNameMax + 1> name_{};
};

}  // namespace cardscrub
