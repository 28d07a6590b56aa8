// JsonSkim: what is rare in it, and its loop for each kind of processor.
#include "filters/json_skim.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "filters/decoded.h"
#include "filters/inner_text.h"
#include "filters/json_filter.h"
#include "filters/json_masks.h"
#include "src/issuer.h"

namespace cardscrub {

namespace {

// What stands in front of the first of the places.
uint64_t in_front(uint64_t trouble) { return trouble == 0 ? ~uint64_t{0} : (trouble & (0 - trouble)) - 1; }

// Behind a name's closing quote: where its value begins.
const uint8_t* pass_colon(const uint8_t* p, const uint8_t* end) {
  while (p != end && (is_white(*p) || *p == ':')) ++p;
  return p;
}

// Where a name ends that is known to have no escapes.
Bytes name_at(const uint8_t* begin) {
  const uint8_t* end = begin;
  while (*end != '"') ++end;
  return {begin, static_cast<size_t>(end - begin)};
}

bool is_ascii(Bytes text) { return find_non_ascii(text.data(), text.size()) == text.size(); }

// The name as the filter's own loop reads it.
Bytes normalised(Bytes name, Decoded* decoded) {
  if (is_ascii(name)) return name;
  SecretBuffer wire;
  wire.append(name);
  decode_utf8({wire.data(), wire.size(), nullptr, 0}, decoded);
  return {decoded->text().data, decoded->size()};
}

// Behind a value of an object: whether one of its other members may be called as the first part of a
// name/value pair is. One look, not far.
bool may_name_follow(const uint8_t* p, const uint8_t* end) {
  constexpr std::ptrdiff_t kFar = 256;
  if (end - p > kFar) end = p + kFar;
  while (p != end) {
    const uint8_t c = *p++;
    if (c == '}') return false;
    if (c == '{' || c == '[') return true;
    if (c != '"') continue;
    const uint8_t* const begin = p;
    while (p != end && *p != '"' && *p != '\\') ++p;
    if (p == end || *p != '"') return true;
    const Bytes text{begin, static_cast<size_t>(p - begin)};
    ++p;
    if (pair_part(text) == Pair::kName || !is_ascii(text)) return true;
  }
  return true;
}

}  // namespace

bool may_be_code(const uint8_t* p, const uint8_t* const end) {
  const bool quoted = p != end && *p == '"';
  const uint8_t* const begin = p + (quoted ? 1 : 0);
  p = begin;
  while (p != end && is_digit(*p) && p - begin <= 4) ++p;
  if (p == end || (quoted && *p >= 0x80)) return true;
  const bool code =
      p - begin >= 3 && p - begin <= 4 && (quoted ? *p == '"' : (kJsonClass[*p] & kJsonDelimiter) != 0);
  return code && may_name_follow(p + (quoted ? 1 : 0), end);
}

size_t JsonSkim::pass(Bytes text, size_t* at, JsonState* state, bool* trouble) {
  *trouble = true;
  const FieldNames* fields = scrubber_.policy().fields;
  if (fields == nullptr || blocks_ == nullptr) return *at + 1;
  ends_ = &fields->ends();
  const size_t depth = path_.depth();
  const bool in_object = path_.in_object();
  const bool may_begin =
      *state == JsonState::kEnd || in_object == (*state == JsonState::kFirstKey || *state == JsonState::kKey);
  if (ends_->any() || depth == 0 || depth >= kDepth || *at == 0 || !may_begin ||
      *state == JsonState::kColon || text.size() - *at < kLeast) {
    return *at + 1;
  }
  floor_ = static_cast<unsigned>(path_.listed_depth());
  if (floor_ == depth) return *at + 1;
  text_ = text;
  entry_ = at_ = text.data() + *at;
  stop_ = text.data() + text.size() - kLeast + 1;
  state_ = *state;
  marks_ = 0;
  string_block_ = entry_;
  strings_ = 0;
  all_lengths_ = scrubber_.sweeps_tokens();
  kinds_ = path_.kinds();
  depth_ = known_ = static_cast<unsigned>(depth);
  most_ = static_cast<unsigned>(std::min<size_t>(path_.deepest(), kDepth));
  (this->*blocks_)();
  *trouble = at_ < stop_;
  sync();
  path_.forget();
  if (marks_ != 0) {
    const uint8_t* const last = mark_ + (kBlock - 1 - static_cast<size_t>(std::countl_zero(marks_)));
    *at = static_cast<size_t>(last + 1 - text.data());
    *state = *last == ','   ? (path_.in_object() ? JsonState::kKey : JsonState::kValue)
             : *last == '{' ? JsonState::kFirstKey
             : *last == '[' ? JsonState::kFirstValue
                            : JsonState::kEnd;
  }
  return static_cast<size_t>(at_ - text.data()) + (*trouble ? 1 : 0);
}

// What a name of the text announces. One that is plain is read in place.
FieldMatch JsonSkim::announced(Bytes name) {
  if (!is_ascii(name)) {
    Decoded decoded;
    return path_.match(normalised(name, &decoded), scrubber_);
  }
  return name.size() < JsonPath::kShortName ? path_.match(name.data(), name.size(), scrubber_)
                                            : path_.match(name, scrubber_);
}

// The first of the names (`ends`: their closing quotes) that announces something. Takes the brackets in front
// of those that it looked at from *brackets.
uint64_t JsonSkim::find_names(const uint8_t* p, uint64_t ends, uint64_t opens, uint64_t* brackets) {
  for (; ends != 0; ends &= ends - 1) {
    const uint64_t bit = ends & (0 - ends);
    const uint8_t* const begin = string_in_front(p, bit, opens);
    const Bytes name(begin, static_cast<size_t>(p + std::countr_zero(ends) - begin));
    commit(p, *brackets & (bit - 1), opens);
    *brackets &= ~(bit - 1);
    sync();
    const FieldMatch match = announced(name);
    const uint8_t* const name_end = name.data() + name.size();
    if (match.kind != Kind::kNone || (match.pair == Pair::kValue && may_be_pair(name_end)) ||
        ((is_query_name(name) || !is_ascii(name)) && may_be_query(name_end))) {
      return bit;
    }
  }
  return 0;
}

// Whether the name of the member whose value, a string, begins here is one of Pair::kName.
bool JsonSkim::behind_pair_name(const uint8_t* value) const {
  constexpr std::ptrdiff_t kLongest = 6;
  const uint8_t* end = value - 1;
  while (end - text_.data() > kLongest && (is_white(end[-1]) || end[-1] == ':')) --end;
  // Near the beginning of the text the name cannot be read: it may be one.
  if (end - text_.data() <= kLongest) return is_white(end[-1]) || end[-1] == ':' || end[-1] == '"';
  if (end == value - 1 || end[-1] != '"') return false;
  const uint8_t* begin = --end;
  while (begin[-1] != '"' && end - begin < kLongest) --begin;
  const Bytes name{begin, static_cast<size_t>(end - begin)};
  return pair_part(name) == Pair::kName || !is_ascii(name);
}

// Behind a name that is the second part of a name/value pair: whether somebody has to look at its value.
bool JsonSkim::may_be_pair(const uint8_t* name_end) const {
  const uint8_t* const end = text_.data() + text_.size();
  return scrubber_.has_pairs() || may_be_code(pass_colon(name_end + 1, end), end);
}

// Behind a name: whether its value may be GraphQL.
bool JsonSkim::may_be_query(const uint8_t* name_end) const {
  const uint8_t* const end = text_.data() + text_.size();
  const uint8_t* const value = pass_colon(name_end + 1, end);
  return value == end || (*value == '"' && may_begin_graphql(value + 1, end));
}

// Which of the closing brackets stand behind anything but their opening one.
uint64_t JsonSkim::not_empty(const uint8_t* p, uint64_t closed) const {
  uint64_t bad = 0;
  for (; closed != 0; closed &= closed - 1) {
    const uint8_t* before = p + std::countr_zero(closed);
    while (before != entry_ && is_white(before[-1])) --before;
    const bool empty = before == entry_ ? state_ == JsonState::kFirstKey || state_ == JsonState::kFirstValue
                                        : before[-1] == '{' || before[-1] == '[';
    if (!empty) bad |= closed & (0 - closed);
  }
  return bad;
}

// As NameEnds::may_match(). Separators beyond ASCII count as well as others: such a name is looked at.
bool JsonSkim::may_be_listed(const uint8_t* begin, const uint8_t* end) const {
  const Bytes name{begin, static_cast<size_t>(end - begin)};
  return ends_->may_match(name) || !is_ascii(name);
}

bool JsonSkim::look_closely(const uint8_t* p, Suspects block) {
  uint64_t trouble = block.trouble;
  for (uint64_t rest = block.nested; rest != 0; rest &= rest - 1) {
    const uint8_t* const first = p + std::countr_zero(rest);
    if ((kJsonClass[*first] & kJsonMayNest) != 0 ||
        begins_with_separator(first, static_cast<size_t>(text_.data() + text_.size() - first))) {
      trouble |= rest & (0 - rest);
    }
  }
  if ((block.twelve &= in_front(trouble)) != 0)
    trouble |= find_numbers(text_, p, block.twelve, block.numeric, scrubber_);
  block.listed_names &= in_front(trouble);
  if ((trouble | block.listed_names) == 0) {
    if (block.brackets != 0) accept_brackets();
    return false;
  }
  if (block.brackets != 0) {
    for (; kept_from_ < depth_; ++kept_from_) names_[kept_from_] = kept_[kept_from_];
  }
  if (block.listed_names != 0) trouble |= find_names(p, block.listed_names, block.opens, &block.brackets);
  commit(p, block.brackets & in_front(trouble), block.opens);
  if (trouble == 0) return false;
  if ((block.structure & in_front(trouble)) != 0) mark(p, block.structure & in_front(trouble));
  at_ = p + std::countr_zero(trouble);
  return true;
}

void JsonSkim::commit(const uint8_t* p, uint64_t brackets, uint64_t opens) {
  for (; brackets != 0; brackets &= brackets - 1) {
    const uint8_t c = p[std::countr_zero(brackets)];
    if ((c & 2) != 0) {
      names_[depth_++] = (kinds_ & 1) != 0 ? string_in_front(p, brackets & (0 - brackets), opens) : nullptr;
      kinds_ = kinds_ << 1 | (c >> 5 & 1u);
    } else {
      kinds_ >>= 1;
      if (--depth_ < known_) forget_known(depth_);
    }
  }
}

void JsonSkim::forget_known(unsigned depth) {
  for (; known_ != depth; --known_) path_.pop(scrubber_);
}

// Tells the path of the containers that it does not know of yet, as the filter's loop would have.
void JsonSkim::sync() {
  for (; known_ < depth_; ++known_) {
    path_.forget();
    Bytes name;
    FieldMatch match;
    Decoded decoded;
    if (names_[known_] != nullptr) {
      name = name_at(names_[known_]);
      match = announced(name);
      name = normalised(name, &decoded);
    }
    const bool object = (kinds_ >> (depth_ - 1 - known_) & 1) != 0;
    if (!path_.push(name, object, match, scrubber_)) return;  // most_ prevents it
  }
}

#if defined(__x86_64__)
namespace {

// Control characters outside strings that are no white space.
uint64_t strange_controls(const uint8_t* p, uint64_t controls) {
  uint64_t bad = 0;
  for (; controls != 0; controls &= controls - 1) {
    if (!is_white(p[std::countr_zero(controls)])) bad |= controls & (0 - controls);
  }
  return bad;
}

constexpr uint32_t kTrue = 0x65757274, kNull = 0x6C6C756E, kFals = 0x736C6166;  // as the machine reads them
// Where six bytes lie that a neighbouring block may have six more of.
constexpr uint64_t kBorders = uint64_t{1} << 58 | 1;

// All bits are the top one.
inline uint64_t fill_from_top(uint64_t bits) { return 0 - (bits >> 63); }

// Places behind tokens, moved behind white space. *before: the tokens; its top bit is set when the white
// space reaches into the next block.
inline uint64_t pass_white(uint64_t at, uint64_t white, uint64_t* next) {
  uint64_t sum = 0;
  *next |= __builtin_add_overflow(at, white, &sum) ? 1u : 0u;
  return sum & ~white;
}

}  // namespace

// Of the `rest` characters behind the first 16: all or 0.
unsigned count_last_digits(const uint8_t* p, unsigned rest) {
  return std::all_of(p + 16, p + 16 + rest, is_digit) ? rest : 0;
}

// Whether the number or literal at p, bit `at` of the block, ends in this block (bits of scalars: from p on)
// and is seen at once to be of no interest.
inline bool JsonSkim::is_plain_scalar(const uint8_t* p, uint64_t scalars, unsigned at) const {
  const unsigned size = static_cast<unsigned>(std::countr_one(scalars));
  if (at + size >= kBlock) return false;
  const __m128i shifted = _mm_add_epi8(load16(p), _mm_set1_epi8(0x7F - '9'));
  const unsigned digits =
      static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpgt_epi8(shifted, _mm_set1_epi8(0x7F - 10))));
  unsigned count = static_cast<unsigned>(std::countr_one(digits));
  if (count == 16 && size > 16 && size <= 32) count += count_last_digits(p, size - 16);
  if (count == size) {
    if (*p == '0') return size == 1;
    return size < limits::kPanMin || size > limits::kPanMax ||
           (!all_lengths_ &&
            (issued_lengths(static_cast<unsigned>((p[0] - '0') * 10 + (p[1] - '0'))) >> size & 1u) == 0);
  }
  if (count == 0) {
    uint32_t word = 0;
    std::memcpy(&word, p, sizeof word);
    if (size == 4) return word == kTrue || word == kNull;
    return size == 5 && word == kFals && p[4] == 'e';
  }
  if (count >= limits::kPanMin || p[count] != '.' || (*p == '0' && count > 1)) return false;
  const unsigned fraction = static_cast<unsigned>(std::countr_one(digits >> count >> 1));
  return fraction != 0 && count + 1 + fraction == size;
}

[[gnu::always_inline]] inline JsonSkim::Brackets JsonSkim::read_brackets(const uint8_t* p, uint64_t brackets,
                                                                         uint64_t opens) {
  uint64_t kinds = kinds_;
  unsigned depth = depth_;
  unsigned lowest = depth;
  unsigned kept = depth;
  Brackets seen{0 - (kinds & 1), 0, 0, 0, 0};
  for (; brackets != 0; brackets &= brackets - 1) {
    const uint64_t bit = brackets & (0 - brackets);
    const uint8_t c = p[std::countr_zero(brackets)];
    const uint64_t object = c >> 5 & 1;
    const uint64_t outer = kinds & 1;
    if ((c & 6) == 2) {
      if (depth == most_) {
        seen.trouble = bit;
        break;
      }
      for (; kept > depth; --kept) kept_[kept - 1] = names_[kept - 1];
      names_[depth++] = outer != 0 ? string_in_front(p, bit, opens) : nullptr;
      kinds = kinds << 1 | object;
      seen.opened |= bit;
      if (object != 0) seen.opened_objects |= bit;
    } else {
      if ((c & 6) != 4 || outer != object || depth == floor_ + 1) {
        seen.trouble = bit;
        break;
      }
      lowest = std::min(lowest, --depth);
      kinds >>= 1;
      seen.closed |= bit;
    }
    // The bytes behind this one have another container around them.
    if ((kinds & 1) != outer) seen.objects ^= 0 - 2 * bit;
  }
  next_kinds_ = kinds;
  next_depth_ = depth;
  lowest_ = lowest;
  kept_from_ = kept;
  return seen;
}

#define SKIM_TARGET SKIM_AVX2
#define SKIM_BLOCKS blocks_avx2
#define SKIM_ISA json_avx2
#include "filters/json_skim_blocks.h"
#undef SKIM_TARGET
#undef SKIM_BLOCKS
#undef SKIM_ISA

#define SKIM_TARGET
#define SKIM_BLOCKS blocks_sse2
#define SKIM_ISA json_sse2
#include "filters/json_skim_blocks.h"

std::span<const JsonSkim::Named> JsonSkim::kinds_of_blocks() {
  static constexpr Named kAll[] = {{"avx2", &JsonSkim::blocks_avx2}, {"sse2", &JsonSkim::blocks_sse2}};
  __builtin_cpu_init();
  const bool all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
                   __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                   __builtin_cpu_supports("popcnt");
  return std::span(kAll).subspan(all ? 0 : 1);
}

JsonSkim::Blocks JsonSkim::blocks_ = kinds_of_blocks().front().blocks;

#else

std::span<const JsonSkim::Named> JsonSkim::kinds_of_blocks() { return {}; }

JsonSkim::Blocks JsonSkim::blocks_ = nullptr;

#endif

bool JsonSkim::use(std::string_view name) {
  blocks_ = nullptr;
  for (const Named& one : kinds_of_blocks()) {
    if (one.name == name) blocks_ = one.blocks;
  }
  return blocks_ != nullptr;
}

}  // namespace cardscrub
