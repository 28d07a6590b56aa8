// The short way: the part is cut into values, which are collected first and masked when all of them are
// simple.
#include "filters/head_mask.h"

#include <algorithm>
#include <array>
#include <bit>

#include "filters/form_scan.h"
#include "filters/head_look.h"
#include "src/issuer.h"
#include "src/masks.h"
#include "src/vector16.h"
#include "src/wrapped.h"

namespace cardscrub {

namespace {

// Bytes; shorter than any name or value that is too long for the long way.
constexpr size_t kMost = kHeadCutMost;

// A value that is named, or may hold a number.
struct Value {
  uint8_t* data;
  size_t size;
  Kind kind;  // kNone: to be swept
};

// Where '=' and the separator of pairs stand: bit i of the words is byte i.
class Delimiters {
 public:
  // False: the long way. Nothing may be an escape, JSON, base64 of a number, a cookie in quotes, or belong to
  // a fragment or a parameter of a path.
  bool read(Bytes bytes, bool semicolons) {
    const unsigned signs = kHeadKernel.cut(bytes.data(), bytes.size(), semicolons, words_.data());
    return (signs & kIntricateSign) == 0 && ((signs & kQuadsSign) == 0 || !may_hold_wrapped(bytes));
  }
  // The first one in [from, size), or size.
  size_t next(size_t from, size_t size) const {
    size_t word = from / 64;
    if (from >= size) return size;
    uint64_t marks = words_[word] & ~uint64_t{0} << from % 64;
    while (marks == 0) {
      if (++word * 64 >= size) return size;
      marks = words_[word];
    }
    return std::min(size, word * 64 + static_cast<size_t>(std::countr_zero(marks)));
  }

 private:
  std::array<uint64_t, kMost / 64> words_;
};

bool has_twelve_digits(Bytes bytes) {
#if defined(__SSE2__)
  __m128i count = _mm_setzero_si128();  // in each lane: at most kMost / 16
  for (size_t at = 0; at < bytes.size(); at += 16)
    count = _mm_sub_epi8(count, digits_of(load_16(bytes.data() + at, bytes.size() - at)));
  const __m128i sums = _mm_sad_epu8(count, _mm_setzero_si128());
  return _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums)) >=
         static_cast<int64_t>(limits::kPanMin);
#else
  return std::count_if(bytes.begin(), bytes.end(), is_digit) >= static_cast<std::ptrdiff_t>(limits::kPanMin);
#endif
}

inline bool has_number(Bytes bytes) { return bytes.size() >= limits::kPanMin && has_twelve_digits(bytes); }

// Values of 12 to 19 characters, if they are digits.
bool read_digits(Bytes bytes, uint8_t* digits) {
  const size_t size = bytes.size();
#if defined(__SSE2__)
  const __m128i zeros = _mm_set1_epi8('0');
  const __m128i first = load_16(bytes.data(), size);
  const unsigned found = static_cast<unsigned>(_mm_movemask_epi8(digits_of(first)));
  if (size < 16) {
    if (found != (1u << size) - 1) return false;
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(digits)), _mm_sub_epi8(first, zeros));
    return true;
  }
  const __m128i last = load_16(bytes.data() + size - 16, 16);
  if ((found & static_cast<unsigned>(_mm_movemask_epi8(digits_of(last)))) != 0xFFFF) return false;
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(digits)), _mm_sub_epi8(first, zeros));
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(digits + size - 16)), _mm_sub_epi8(last, zeros));
  return true;
#else
  for (size_t i = 0; i < size; ++i) digits[i] = static_cast<uint8_t>(bytes[i] - '0');
  return std::all_of(bytes.begin(), bytes.end(), is_digit);
#endif
}

bool is_blank(Bytes bytes) { return std::all_of(bytes.begin(), bytes.end(), is_white); }

class HeadMasker {
 public:
  HeadMasker(const Policy& policy, const Worker& worker, const Delimiters& delimiters)
      : policy_(policy), worker_(worker), delimiters_(delimiters) {}

  // False: the long way. Nothing has been written then.
  bool part(HeadPart part, std::string_view name, MutableBytes bytes) {
    switch (part) {
      case HeadPart::kHeader:
        return header(name, bytes);
      case HeadPart::kPath:
        return text(bytes);
      case HeadPart::kCookie:
        return pairs(bytes, 0, ';');
      case HeadPart::kArguments:
        return pairs(bytes, 0, '&');
      case HeadPart::kTarget:
        break;
    }
    const size_t question = find_byte(bytes.data(), bytes.size(), 0, '?');
    if (bytes[0] != '/' || !text(bytes.first(question))) return false;
    return question == bytes.size() || pairs(bytes, question + 1, '&');
  }

  // Of what was collected.
  Masked mask(bool* numbers_left) {
    for (size_t i = 0; i < count_; ++i) {
      const MutableBytes bytes{values_[i].data, values_[i].size};
      const bool found = values_[i].kind == Kind::kNone ? sweep(bytes) : named(values_[i].kind, bytes);
      found_ = found_ || found;
      numbers_left_ = numbers_left_ || has_number(bytes);
    }
    *numbers_left = numbers_left_;
    return failed_ ? Masked::kUnknown : found_ ? Masked::kSomething : Masked::kNothing;
  }

 private:
  bool add(MutableBytes bytes, Kind kind) {
    if (count_ == values_.size()) return false;
    values_[count_++] = {bytes.data(), bytes.size(), kind};
    return true;
  }

  bool text(MutableBytes bytes) { return !has_number(bytes) || add(bytes, Kind::kNone); }

  bool value(FieldMatch match, MutableBytes bytes) {
    switch (match.kind) {
      case Kind::kNone:
      case Kind::kHolder:
        return text(bytes);
      case Kind::kPan:
      case Kind::kCode:
      case Kind::kTrack:
        return match.certain() && add(bytes, match.kind);
      case Kind::kExpiry:
      case Kind::kExpiryMonth:
      case Kind::kExpiryYear:
        return match.certain() && !has_number(bytes);  // a date is neither secret nor masked
      default:
        return false;
    }
  }

  bool header(std::string_view name, MutableBytes bytes) {
    return value(name.empty() ? FieldMatch{} : match_header(*policy_.fields, name), bytes);
  }

  // name=value pairs of arguments or cookies.
  bool pairs(MutableBytes bytes, size_t at, uint8_t separator) {
    static const Path root;
    const uint8_t* data = bytes.data();
    const size_t size = bytes.size();
    while (at < size) {
      while (separator == ';' && at < size && (data[at] == ' ' || data[at] == '\t')) ++at;
      size_t end = delimiters_.next(at, size);
      const MutableBytes name = bytes.subspan(at, end - at);
      if (!text(name)) return false;
      at = end + 1;
      if (end == size || data[end] != '=') continue;  // a name without a value
      end = delimiters_.next(at, size);
      while (end < size && data[end] != separator) end = delimiters_.next(end + 1, size);
      bool failed = false;
      const FieldMatch match = policy_.fields->match(root, name, &failed);
      if (failed || !value(match, bytes.subspan(at, end - at))) return false;
      at = end + 1;
    }
    return true;
  }

  bool named(Kind kind, MutableBytes bytes) {
    const Text text{bytes.data(), bytes.size(), nullptr, 0};
    if (kind == Kind::kPan) return plain_pan(bytes) || named_pan(text);
    if (is_blank(bytes)) return false;
    if (kind == Kind::kTrack && std::none_of(bytes.begin(), bytes.end(), is_digit)) return false;
    if (kind == Kind::kCode && is_masked_code(text)) return false;
    mask_digits(bytes, false);
    return true;
  }

  // As most are written: digits, and nothing but them. False: look again.
  bool plain_pan(MutableBytes bytes) {
    const size_t size = bytes.size();
    if (size < limits::kPanMin || size > limits::kPanMax) return false;
    std::array<uint8_t, limits::kPanMax> digits;
    if (!read_digits(bytes, digits.data())) return false;
    // Tokens, and what may be a mask of zeros, are rare.
    const bool masks = digits[kBin] != 0 && (policy_.token_digits >> digits[0] & 1u) == 0;
    if (masks) {
      const IssuerRange* issuer = find_issuer(Bytes{digits.data(), size});
      const bool keeps = issuer == nullptr || (issuer->lengths >> size & 1u) != 0;  // not Reason::kPanLength
      std::memset(bytes.data() + (keeps ? kBin : 0), '*', keeps ? size - kBin - kLast : size);
    }
    wipe(digits.data(), digits.size());
    return masks;
  }

  // What is valid keeps its BIN and last four; of what is not, a number does.
  bool named_pan(const Text& text) {
    if (is_blank({text.data, text.size}) || is_masked_pan(text)) return false;
    DigitsAt at;
    Reason bad = parse_pan(text, &at);
    if (bad == Reason::kNone) {
      if (policy_.is_token(at.digits) || is_masked_pan(at.digits)) return false;
      Brand brand;
      bad = check_pan(at.digits, &brand);
    }
    mask_digits({text.data, text.size}, bad != Reason::kPanFormat && bad != Reason::kPanLength);
    return true;
  }

  // As Scrubber::sweep() of a complete text.
  bool sweep(MutableBytes bytes) {
    const Text text{bytes.data(), bytes.size(), nullptr, 0};
    const DetectorOptions options = sweep_options(policy_);
    bool found = false;
    for (size_t from = 0;;) {
      const Detector::Next next = look(text, from, options);
      if (next.outcome != Detector::Outcome::kFound) return found;
      found = true;
      size_t end = next.finding.end;
      bool keeps = next.finding.kind != Kind::kTrack;
      if (!next.alone) {
        const Detector::Next other = look(text, next.finding.begin + 1, options);
        if (other.outcome == Detector::Outcome::kFound && other.finding.begin < next.finding.end) {
          end = std::max(end, other.finding.end);
          keeps = false;
        }
      }
      const MutableBytes number = bytes.subspan(next.finding.begin, end - next.finding.begin);
      mask_digits(number, keeps);
      if (keeps && !next.alone &&
          worker_.detector->overlaps(text, next.finding.begin, end, Before{}, true, options,
                                     worker_.scratch.get())) {
        mask_digits(number, false);
      }
      from = end;
    }
  }

  Detector::Next look(const Text& text, size_t from, const DetectorOptions& options) {
    const Detector::Next next =
        worker_.detector->next(text, from, Before{}, true, options, worker_.scratch.get());
    failed_ = failed_ || next.outcome == Detector::Outcome::kFault;
    return next;
  }

  const Policy& policy_;
  const Worker& worker_;
  const Delimiters& delimiters_;
  size_t count_ = 0;
  bool found_ = false;
  bool failed_ = false;
  bool numbers_left_ = false;
  std::array<Value, 16> values_;
};

}  // namespace

Masked mask_head(HeadPart part, std::string_view name, MutableBytes bytes, const Policy& policy,
                 const Worker& worker, bool* numbers_left) {
  const bool semicolons = part == HeadPart::kCookie || part == HeadPart::kHeader;
  Delimiters delimiters;
  if (bytes.empty() || bytes.size() > kMost || !delimiters.read(bytes, semicolons)) return Masked::kUnknown;
  HeadMasker masker(policy, worker, delimiters);
  return masker.part(part, name, bytes) ? masker.mask(numbers_left) : Masked::kUnknown;
}

}  // namespace cardscrub
