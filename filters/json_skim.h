// JSON, the quickest way: blocks of 64 bytes as bit masks. Where nothing in a block can be card data and its
// grammar is right, no token of it is looked at.
//
//   64 bytes --> masks: quotes, structure, spaces, digits --> inside strings?     prefix sum of the quotes
//                                                        --> who follows whom?   masks shifted, carried over
//                                                                                 white space by an addition
//                                                        --> names               by their last two letters
//                                                        --> digits              runs of twelve
//
// It is sound, not complete: whatever it does not know to be harmless and well-formed (escapes, a listed
// name, twelve digits, a string that may hold JSON, any error) ends it in front of the member or element that
// has it, and the filter's own loop looks there. So the two agree by construction, and the tests hold them
// against each other.
#pragma once

#include <array>
#include <bit>
#include <span>
#include <string_view>

#include "filters/json_numbers.h"
#include "filters/json_path.h"
#include "src/field_names.h"

namespace cardscrub {

// What stands next in the text; the states of json.cpp.
enum class JsonState : uint8_t { kFirstValue, kValue, kFirstKey, kKey, kColon, kEnd };

// Whether the string or number at p, without escapes, may be a security code: three or four digits, and
// behind it a member whose value may be its name (Pair::kName). Reads in front of `end` only; what ends there
// may be.
bool may_be_code(const uint8_t* p, const uint8_t* end);

class JsonSkim {
 public:
  JsonSkim(JsonPath& path, Scrubber& scrubber) : path_(path), scrubber_(scrubber) {}

  // Reads on from text[*at] as far as it can, when it is inside a container and in front of a name, of an
  // element or behind a value. In the end *at is in front of a name or an element, or behind a value or a
  // bracket, *state says which, and the path is the one of that place. Returns how far it has read; *trouble:
  // there is something that it does not know.
  size_t pass(Bytes text, size_t* at, JsonState* state, bool* trouble);

  // For tests: another kind of processor ("avx2", "sse2"). False: this one is none; nothing is passed then.
  static bool use(std::string_view name);

  // A pass needs so many bytes, and one in front of them.
  static constexpr size_t kLeast = 64 + kJsonAhead;

 private:
  static constexpr size_t kBlock = 64;
  static constexpr uint64_t kTop = uint64_t{1} << 63;
  // Containers that may be open while it works; deeper ones are left to the filter.
  static constexpr unsigned kDepth = 60;

  // json_skim_blocks.h: reads blocks from at_ to stop_, up to trouble; then at_ is where that is.
  using Blocks = void (JsonSkim::*)();
  struct Named {
    std::string_view name;
    Blocks blocks;
  };
  void blocks_avx2();
  void blocks_sse2();
  static std::span<const Named> kinds_of_blocks();  // those that run on this processor, fastest first
  static Blocks blocks_;                            // nullptr: on this processor there is no quickest way

  // What the brackets of a block say, and where they are wrong. What is noted of the containers is not in
  // force before accept_brackets().
  struct Brackets {
    uint64_t objects;  // where the innermost container is one
    uint64_t opened, opened_objects, closed;
    uint64_t trouble;
  };
  Brackets read_brackets(const uint8_t* p, uint64_t brackets, uint64_t opens);
  void accept_brackets() {
    kinds_ = next_kinds_;
    depth_ = next_depth_;
    if (lowest_ < known_) forget_known(lowest_);
  }
  // A block that has something that needs a closer look. True: trouble, all that is in front of it is in
  // force.
  struct Suspects {
    uint64_t trouble, twelve, listed_names, nested;
    uint64_t numeric, structure, brackets, opens;
  };
  bool look_closely(const uint8_t* p, Suspects block);
  FieldMatch announced(Bytes name);
  bool may_be_listed(const uint8_t* begin, const uint8_t* end) const;
  uint64_t find_names(const uint8_t* p, uint64_t ends, uint64_t opens, uint64_t* brackets);
  bool behind_pair_name(const uint8_t* value) const;
  bool may_be_pair(const uint8_t* name_end) const;
  bool may_be_query(const uint8_t* name_end) const;
  uint64_t not_empty(const uint8_t* p, uint64_t closed) const;
  void commit(const uint8_t* p, uint64_t brackets, uint64_t opens);
  // The first character of the latest string that begins in front of `bit`.
  const uint8_t* string_in_front(const uint8_t* p, uint64_t bit, uint64_t opens) const {
    opens &= bit - 1;
    return opens != 0 ? p + (kBlock - static_cast<size_t>(std::countl_zero(opens)))
                      : string_block_ + (kBlock - static_cast<size_t>(std::countl_zero(strings_)));
  }
  void forget_known(unsigned depth);
  bool is_plain_scalar(const uint8_t* p, uint64_t scalars, unsigned at) const;
  void mark(const uint8_t* p, uint64_t structure) {
    mark_ = p;
    marks_ = structure;
  }
  void sync();

  JsonPath& path_;
  Scrubber& scrubber_;
  const NameEnds* ends_ = nullptr;

  Bytes text_;
  const uint8_t* at_ = nullptr;
  const uint8_t* stop_ = nullptr;
  const uint8_t* entry_ = nullptr;  // where it began, in this state
  JsonState state_ = JsonState::kEnd;
  // The latest block with commas or brackets, and which bytes of it they are.
  const uint8_t* mark_ = nullptr;
  uint64_t marks_ = 0;
  // The same for opening quotes.
  const uint8_t* string_block_ = nullptr;
  uint64_t strings_ = 0;

  // The containers around: bit k of kinds_: the k-th from within is an object. The path does not know of the
  // innermost ones yet; of each, where its name begins (nullptr: it has none).
  uint64_t kinds_ = 0;
  unsigned depth_ = 0;
  unsigned known_ = 0;  // to the path
  unsigned floor_ = 0;  // the outermost containers that are left alone: up to an array with a listed name
  unsigned most_ = 0;
  std::array<const uint8_t*, kDepth> names_;
  // Of the block that is being read: the same for its end, the fewest containers on the way, and the names of
  // those that gave their places to others.
  uint64_t next_kinds_ = 0;
  unsigned next_depth_ = 0;
  unsigned lowest_ = 0;
  unsigned kept_from_ = 0;
  std::array<const uint8_t*, kDepth> kept_;
  bool all_lengths_ = false;  // a number of any brand or none must be shown
};

}  // namespace cardscrub
