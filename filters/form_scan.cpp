// Form scan: vectors, because most values of most forms meet nothing else.
#include "filters/form_scan.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "src/detector.h"

namespace cardscrub {

namespace {

bool is_hex(uint8_t c) { return is_digit(c) || static_cast<uint8_t>((c | 0x20) - 'a') < 6; }

struct Marks {
  unsigned digits = 0;
  bool percent = false;
  bool plus = false;
  bool high = false;  // bytes from 0x80 on
};

Marks mark(Bytes raw) {
  Marks marks;
  size_t i = 0;
#if defined(__SSE2__)
  const __m128i percent = _mm_set1_epi8('%');
  const __m128i plus = _mm_set1_epi8('+');
  const __m128i below_zero = _mm_set1_epi8('0' - 1);
  const __m128i above_nine = _mm_set1_epi8('9' + 1);
  for (; raw.size() - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(raw.data() + i));
    __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, below_zero), _mm_cmplt_epi8(v, above_nine));
    marks.digits += static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(_mm_movemask_epi8(digit))));
    marks.percent = marks.percent || _mm_movemask_epi8(_mm_cmpeq_epi8(v, percent)) != 0;
    marks.plus = marks.plus || _mm_movemask_epi8(_mm_cmpeq_epi8(v, plus)) != 0;
    marks.high = marks.high || _mm_movemask_epi8(v) != 0;
  }
#endif
  for (; i < raw.size(); ++i) {
    uint8_t c = raw[i];
    marks.digits += is_digit(c) ? 1u : 0u;
    marks.percent = marks.percent || c == '%';
    marks.plus = marks.plus || c == '+';
    marks.high = marks.high || c >= 0x80;
  }
  return marks;
}

// A value that begins like this may be JSON once it is decoded.
bool may_begin_json(uint8_t c) {
  return c == '{' || c == '[' || c == '%' || c == '+' || c == '"' || c <= ' ' || c >= 0x80;
}

}  // namespace

size_t find_byte(const uint8_t* data, size_t size, size_t from, uint8_t a) {
  return find_either(data, size, from, a, a);
}

size_t find_either(const uint8_t* data, size_t size, size_t from, uint8_t a, uint8_t b) {
  size_t i = from;
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(static_cast<char>(a));
  const __m128i second = _mm_set1_epi8(static_cast<char>(b));
  for (; size - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
    int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, second)));
    if (mask != 0) return i + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
#endif
  while (i < size && data[i] != a && data[i] != b) ++i;
  return i;
}

FormScan scan_value(Bytes raw, const FormSyntax& syntax) {
  FormScan scan;
  const Marks marks = mark(raw);
  scan.encoded = marks.percent || marks.high || (marks.plus && syntax.plus_is_space);
  // An encoded ASCII digit is written with a digit at least, a digit of another script in UTF-8 with a byte from 0x80 on.
  bool high = marks.high;
  if (marks.percent) {
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '%') continue;
      if (raw.size() - i < 3 || !is_hex(raw[i + 1]) || !is_hex(raw[i + 2])) {
        scan.bad_escape = std::min(scan.bad_escape, i);
      } else if (raw[i + 1] >= '8') {
        high = true;
      }
    }
  }
  scan.may_hold_digits = high || marks.digits >= limits::kPanMin;
  scan.may_matter = scan.may_hold_digits || (!raw.empty() && may_begin_json(raw[0]));
  return scan;
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
