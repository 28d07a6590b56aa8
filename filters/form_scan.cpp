// Form scan: vectors, because most values of most forms meet nothing else.
#include "filters/form_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "filters/inner_text.h"
#include "filters/percent.h"
#include "src/detector.h"
#include "src/vector16.h"

namespace cardscrub {

namespace {

struct Marks {
  size_t size = 0;
  size_t digits = 0;
  bool percent = false;
  bool plus = false;
  bool semicolon = false;
  bool equals = false;
  bool high = false;  // bytes from 0x80 on
};

#if defined(__SSE2__)
unsigned bits(__m128i v) { return static_cast<unsigned>(_mm_movemask_epi8(v)); }

// What stands in front of the first of the delimiters (kDelimited), or all of it.
template <bool kDelimited>
Marks mark(Bytes raw, uint8_t a, uint8_t b) {
  const __m128i first = _mm_set1_epi8(static_cast<char>(a));
  const __m128i second = _mm_set1_epi8(static_cast<char>(b));
  const __m128i zero = _mm_setzero_si128();
  const __m128i lanes = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m128i digits = zero;  // two counts of 64 bits
  __m128i percent = zero;
  __m128i plus = zero;
  __m128i semicolon = zero;
  __m128i equals = zero;
  __m128i any = zero;
  size_t end = raw.size();
  auto look = [&](__m128i v, size_t at) {
    if (kDelimited) {
      const unsigned found = bits(_mm_or_si128(_mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, second)));
      if (found != 0) {
        const int lane = __builtin_ctz(found);
        end = at + static_cast<size_t>(lane);
        v = _mm_and_si128(v, _mm_cmplt_epi8(lanes, _mm_set1_epi8(static_cast<char>(lane))));
      }
    }
    const __m128i digit =
        _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
    digits = _mm_add_epi64(digits, _mm_sad_epu8(_mm_sub_epi8(zero, digit), zero));
    percent = _mm_or_si128(percent, _mm_cmpeq_epi8(v, _mm_set1_epi8('%')));
    plus = _mm_or_si128(plus, _mm_cmpeq_epi8(v, _mm_set1_epi8('+')));
    semicolon = _mm_or_si128(semicolon, _mm_cmpeq_epi8(v, _mm_set1_epi8(';')));
    equals = _mm_or_si128(equals, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
    any = _mm_or_si128(any, v);
  };
  const size_t whole = raw.size() & ~size_t{15};
  size_t i = 0;
  for (; i < whole && i < end; i += 16)
    look(_mm_loadu_si128(reinterpret_cast<const __m128i*>(raw.data() + i)), i);
  if (i < end) look(load_rest(raw.data() + i, raw.size() - i), i);
  digits = _mm_add_epi64(digits, _mm_unpackhi_epi64(digits, digits));
  return {end,
          static_cast<size_t>(_mm_cvtsi128_si64(digits)),
          bits(percent) != 0,
          bits(plus) != 0,
          bits(semicolon) != 0,
          bits(equals) != 0,
          bits(any) != 0};
}
#else
template <bool kDelimited>
Marks mark(Bytes raw, uint8_t a, uint8_t b) {
  Marks marks;
  for (; marks.size < raw.size(); ++marks.size) {
    const uint8_t c = raw[marks.size];
    if (kDelimited && (c == a || c == b)) break;
    marks.digits += is_digit(c) ? 1u : 0u;
    marks.percent = marks.percent || c == '%';
    marks.plus = marks.plus || c == '+';
    marks.semicolon = marks.semicolon || c == ';';
    marks.equals = marks.equals || c == '=';
    marks.high = marks.high || c >= 0x80;
  }
  return marks;
}
#endif

// A value that begins like this may be JSON, as it stands or once it is decoded.
constexpr std::array<bool, 256> kMayBeginJson = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = c <= 0x20 || c >= 0x80;
  for (char c : {'{', '[', '%', '+', '"'}) table[static_cast<uint8_t>(c)] = true;
  return table;
}();

// In a cookie JSON may have a mark of Express in front: j: or s:j:, as it stands or encoded.
bool may_begin_json(Bytes raw, const FormSyntax& syntax) {
  if (raw.empty()) return false;
  const bool marked = (raw[0] == 'j' || raw[0] == 's') && raw.size() > 1 && (raw[1] == ':' || raw[1] == '%');
  return kMayBeginJson[raw[0]] || (marked && syntax.separator == ';');
}

// Whether a name and '=' may stand at the beginning once it is decoded, however often it was encoded.
bool may_begin_encoded_pairs(Bytes raw) {
  bool first = true;
  for (size_t i = 0; i < raw.size(); ++i) {
    uint8_t c = raw[i];
    if (c == '%') {
      const int high = raw.size() - i < 3 ? -1 : hex_value(raw[i + 1]);
      const int low = high < 0 ? -1 : hex_value(raw[i + 2]);
      if (low < 0) return true;
      c = static_cast<uint8_t>(high * 16 + low);
      i += 2;
    }
    if (c == '=' || c == '%') return true;
    if (!is_in_pair_name(c) && !(first && c == '&')) return false;
    first = false;
  }
  return false;
}

bool may_be_more(Bytes raw, const Marks& marks, const FormSyntax& syntax) {
  return may_begin_json(raw, syntax) ||
         (syntax.pairs_in_values && (marks.percent || marks.equals) && may_begin_encoded_pairs(raw));
}

}  // namespace

size_t find_byte(const uint8_t* data, size_t size, size_t from, uint8_t a) {
  if (from == size) return size;
  const void* found = std::memchr(data + from, a, size - from);
  return found == nullptr ? size : static_cast<size_t>(static_cast<const uint8_t*>(found) - data);
}

size_t find_either(const uint8_t* data, size_t size, size_t from, uint8_t a, uint8_t b) {
  size_t i = from;
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(static_cast<char>(a));
  const __m128i second = _mm_set1_epi8(static_cast<char>(b));
  auto found = [&](__m128i v) {
    return bits(_mm_or_si128(_mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, second)));
  };
  for (; size - i >= 16; i += 16) {
    const unsigned mask = found(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i)));
    if (mask != 0) return i + static_cast<size_t>(__builtin_ctz(mask));
  }
  if (i == size) return size;
  const unsigned mask = found(load_rest(data + i, size - i));  // neither byte is 0
  return mask != 0 ? i + static_cast<size_t>(__builtin_ctz(mask)) : size;
#else
  while (i < size && data[i] != a && data[i] != b) ++i;
  return i;
#endif
}

namespace {

FormScan judge_closely(Bytes raw, const Marks& marks, const FormSyntax& syntax) {
  FormScan scan;
  scan.size = raw.size();
  scan.semicolon = marks.semicolon;
  scan.encoded = marks.percent || marks.high || (marks.plus && syntax.plus_is_space);
  if (!marks.percent && !marks.plus) {
    scan.may_hold_digits =
        (marks.high || marks.digits >= limits::kPanMin) && may_hold_pan(raw.data(), raw.size());
  } else {
    // An encoded ASCII digit is written with a digit at least, one of another script in UTF-8 with a byte
    // from 0x80 on.
    bool high = marks.high;
    if (marks.percent) {
      for (size_t i = 0; (i = find_byte(raw.data(), raw.size(), i, '%')) < raw.size(); ++i) {
        if (raw.size() - i < 3 || hex_value(raw[i + 1]) < 0 || hex_value(raw[i + 2]) < 0) {
          scan.bad_escape = std::min(scan.bad_escape, i);
        } else if (raw[i + 1] >= '8') {
          high = true;
        }
      }
    }
    scan.may_hold_digits = high || marks.digits >= limits::kPanMin;
  }
  scan.may_matter = scan.may_hold_digits || may_be_more(raw, marks, syntax);
  return scan;
}

inline FormScan judge(Bytes raw, const Marks& marks, const FormSyntax& syntax) {
  if (marks.percent || marks.plus || marks.high || marks.digits >= limits::kPanMin) {
    return judge_closely(raw, marks, syntax);
  }
  FormScan scan;
  scan.size = raw.size();
  scan.semicolon = marks.semicolon;
  scan.may_matter = may_be_more(raw, marks, syntax);
  return scan;
}

}  // namespace

FormScan scan_value(Bytes raw, const FormSyntax& syntax) {
  return judge(raw, mark<false>(raw, 0, 0), syntax);
}

FormScan scan_until(Bytes raw, uint8_t a, uint8_t b, const FormSyntax& syntax) {
  const Marks marks = mark<true>(raw, a, b);
  return judge(raw.first(marks.size), marks, syntax);
}

void form_scope_of(Bytes name, SecretBuffer* scratch, Scrubber& scrubber) {
  auto splits = [](uint8_t c) { return c == '[' || c == ']' || c == '.'; };
  size_t end = name.size();
  Bytes index;  // of parallel lists: number[0], cvv[0]
  for (;;) {
    while (end > 0 && splits(name[end - 1])) --end;
    size_t begin = end;
    while (begin > 0 && !splits(name[begin - 1])) --begin;
    Bytes component = name.subspan(begin, end - begin);
    end = begin;
    if (begin == 0 || !std::all_of(component.begin(), component.end(), is_digit)) break;
    index = component;
  }
  while (end > 0 && name[end - 1] != ']' && splits(name[end - 1])) --end;
  if (index.empty()) return scrubber.use_form_scope(name.first(end));
  scratch->clear();
  scratch->append(name.first(end));
  constexpr uint8_t kOpen = '[';
  constexpr uint8_t kClose = ']';
  scratch->append({&kOpen, 1});
  scratch->append(index);
  scratch->append({&kClose, 1});
  scrubber.use_form_scope(scratch->span());
}

}  // namespace cardscrub
