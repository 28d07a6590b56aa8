// JSON, the quick way: a loop that passes over everything that can hold no card data.
#include <algorithm>
#include <array>
#include <cstring>

#include "filters/inner_text.h"
#include "filters/json_filter.h"
#include "src/issuer.h"

namespace cardscrub {

namespace {

// pass_plain() works where so many bytes are still to come, and looks no further ahead.
constexpr size_t kAhead = kJsonAhead;

// For less than this JsonSkim takes longer to begin than pass_plain() to go over it.
constexpr size_t kSkimLeast = 512;
static_assert(kSkimLeast >= JsonSkim::kLeast);

// Behind white space.
const uint8_t* pass_space(const uint8_t* p, const uint8_t* end) {
  for (;;) {
    if (*p == ' ') {
      ++p;
      if (*p == ' ' && p < end) p += skip_spaces(p, static_cast<size_t>(end - p));
    } else if (*p == '\n' || *p == '\r' || *p == '\t') {
      ++p;
    } else {
      return p;
    }
    if (*p > ' ' || p >= end) return p;
  }
}

}  // namespace

bool JsonFilter::passes(const StringScan& scan, const uint8_t* data) const {
  if (scan.flawed) return false;
  if ((scan.equals || scan.escapes) && may_begin_pairs({data, scan.size})) return false;
  if (is_query_name(name_) && may_begin_graphql(data, data + scan.size)) return false;
  // Decoded, it is white space, and JSON may follow.
  if (scan.high != 0 && begins_with_separator(data, scan.size)) return false;
  if (match_.pair != Pair::kNone &&
      (scan.escapes || scan.high != 0 || scrubber_->pair_matters(match_, {data, scan.size}))) {
    return false;
  }
  size_t digits = scan.digits;
  if (digits < limits::kPanMin && digits + scan.high / 2 >= limits::kPanMin) {
    digits += look_for_foreign(data, scan.size).digits;
  }
  if (digits < limits::kPanMin) return true;
  if (scan.escapes || scan.high != 0) return false;
  return scan.digits == scan.size ? !may_be_issued(data, scan.size, *scrubber_)
                                  : !linked_digits(data, scan.size);
}

// Whether the value at p, of a name/value pair's part, is seen at once to be of no interest.
bool JsonFilter::is_plain_pair(const uint8_t* p, const uint8_t* end) const {
  if (match_.pair != Pair::kName) return !scrubber_->has_pairs() && !may_be_code(p, end);
  if (*p != '"') return true;
  const size_t length = scan_short(p + 1);
  return length != kShort && !scrubber_->pair_matters(match_, {p + 1, length});
}

// Leaves what it can to JsonSkim, which knows no GraphQL, as pass_plain() does not. Where that meets trouble
// at once again and again (text in other scripts, escapes in each string) it is left alone for longer and
// longer.
void JsonFilter::skim() {
  constexpr size_t kPauseMax = 1024;
  if (graphql_ || at_ < skim_from_ || text_.size - at_ < kSkimLeast || path_.empty()) return;
  const size_t begin = at_;
  JsonSkim skim(path_, *scrubber_);
  bool trouble = false;
  skim_from_ = skim.pass({text_.data, text_.size}, &at_, &state_, &trouble);
  if (!trouble) skim_from_ = std::max(skim_from_, skim_end(skim));
  if (trouble && at_ - begin < JsonSkim::kLeast) {
    pause_ = std::min(2 * pause_ + JsonSkim::kLeast, kPauseMax);
    skim_from_ = std::max(skim_from_, at_ + pause_);
  } else {
    pause_ = 0;
  }
  if (at_ == begin) return;
  name_ = {};
  match_ = state_ == State::kValue ? path_.element_match() : FieldMatch{};
}

// The last bytes of a text: as if there was white space behind them. What they end in is not passed over.
size_t JsonFilter::skim_end(JsonSkim& skim) {
  constexpr size_t kFront = 2;
  const size_t rest = text_.size - at_;
  if (at_ < kFront || rest >= JsonSkim::kLeast) return at_ + 1;
  std::array<uint8_t, kFront + 2 * JsonSkim::kLeast> copy;
  std::memcpy(copy.data(), text_.data + at_ - kFront, kFront + rest);
  std::memset(copy.data() + kFront + rest, ' ', copy.size() - kFront - rest);
  size_t at = kFront;
  bool trouble = false;
  const size_t end = skim.pass(copy, &at, &state_, &trouble) + at_ - kFront;
  at_ += at - kFront;
  wipe(copy.data(), kFront + rest);
  return end;
}

// Passes over what nobody needs to look at: names that are short, strings and numbers with few digits, what
// is between them. Stops at the first character of anything else, at the root, and near the end of the text.
// Most of a body meets nothing but this, so it is written for few instructions: where it is in the diagram is
// where it is in the code.
void JsonFilter::pass_plain() {
  if (graphql_ || text_.size - at_ <= kAhead || path_.empty()) return;
  const uint8_t* p = text_.data + at_;
  // Up to where skim() goes on, when there is enough for it.
  const uint8_t* end = text_.data + text_.size - kAhead;
  if (text_.size - at_ >= kSkimLeast)
    end = std::min<const uint8_t*>(end, text_.data + std::max(skim_from_, at_ + 1));
  const auto spaces = [end](const uint8_t* at) {
    if (*at == ' ') ++at;
    return *at <= ' ' ? pass_space(at, end) : at;
  };
  State state = state_;
  switch (state) {
    case State::kFirstValue:
    case State::kValue:
      goto at_value;
    case State::kFirstKey:
    case State::kKey:
      goto at_key;
    case State::kEnd:
      goto at_end;
    default:
      return;
  }

at_key:
  p = spaces(p);
  if (p >= end) goto out;
  if (*p == '"') {
    const size_t length = scan_short(p + 1);
    if (length == kShort) goto out;
    name_ = {p + 1, length};
    match_ = path_.match(p + 1, length, *scrubber_);
    p += length + 2;
    state = State::kColon;
    if (*p != ':') goto out;
    ++p;
    state = State::kValue;
    goto at_value;
  }
  if (*p == '}' && state == State::kFirstKey) goto at_close;
  goto out;

at_value:
  p = spaces(p);
  if (p >= end || (match_.pair != Pair::kNone && !is_plain_pair(p, end))) goto out;
  if (match_.kind == Kind::kNone) {
    if (*p == '"') {
      if ((kJsonClass[p[1]] & kJsonMayNest) != 0 || is_query_name(name_)) goto out;
      const size_t length = scan_short(p + 1);
      if (length != kShort) {
        p += length + 2;
        goto at_end;
      }
      const StringScan scan = scan_string(p + 1, kAhead + static_cast<size_t>(end - p - 1));
      if (!scan.closed || !passes(scan, p + 1)) goto out;
      p += scan.size + 2;
      state = State::kEnd;
      if (p >= end) goto out;
      goto at_end;
    }
    if (*p != '{' && *p != '[') {
      const uint8_t* const behind = *p < 'A' ? pass_number(p) : pass_literal(p);
      if (behind == p) goto out;
      p = behind;
      goto at_end;
    }
  } else if (*p != '{' && *p != '[') {
    goto out;
  }
  if (!path_.push(name_, *p == '{', match_, *scrubber_)) {
    done_ = true;
    goto out;
  }
  name_ = {};
  ++p;
  if (path_.in_object()) {
    state = State::kFirstKey;
    goto at_key;
  }
  state = State::kFirstValue;
  p = spaces(p);
  if (p >= end) goto out;
  if (*p == ']') goto at_close;
  goto at_value;

at_end:
  state = State::kEnd;
  if (*p <= ' ') p = pass_space(p, end);
  if (*p == ',') {
    ++p;
    if (path_.in_object()) {
      state = State::kKey;
      goto at_key;
    }
    name_ = {};
    match_ = path_.element_match();
    state = State::kValue;
    goto at_value;
  }
  if (path_.in_object() ? *p != '}' : *p != ']') goto out;

at_close:
  ++p;
  state = State::kEnd;
  path_.pop(*scrubber_);
  if (path_.empty() || p >= end) goto out;
  goto at_end;

out:
  at_ = static_cast<size_t>(p - text_.data);
  state_ = state;
}

}  // namespace cardscrub
