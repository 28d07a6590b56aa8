// JsonString: runs of plain characters are taken at once, escapes and what lies beyond ASCII one at a time.
#include "filters/json_string.h"

#include <algorithm>
#include <cstring>

#include "filters/json_scan.h"

namespace cardscrub {

namespace {

// Decoded text is shown in steps of this many units, so that a long string needs little memory.
constexpr size_t kStep = 4096;
// The wire behind one decoded unit: \uD835\uDFCE.
constexpr size_t kEscapeMax = 12;

// The value of a hexadecimal digit, or -1.
int hex_value(uint8_t c) {
  if (is_digit(c)) return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Reads the four digits of \uXXXX at data[0], as far as there are any: how many are good.
size_t hex_run(const uint8_t* data, size_t size, char32_t* value) {
  *value = 0;
  size_t i = 0;
  for (; i < 4 && i < size; ++i) {
    int digit = hex_value(data[i]);
    if (digit < 0) break;
    *value = *value << 4 | static_cast<char32_t>(digit);
  }
  return i;
}

// The control characters and signs of RFC 8259, 7; 0: unknown.
uint8_t simple_escape(uint8_t c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

constexpr std::array<uint8_t, 3> kQuotes = {'"', '"', '"'};

bool is_structure(uint8_t c) {
  return c == '"' || c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':';
}

}  // namespace

void JsonString::begin(size_t at, End end, Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber) {
  reader_.begin(leaf, match, type, scrubber);
  end_ = end;
  reading_ = true;
  decoding_ = false;
  key_ = type == ValueType::kKey;
  name_size_ = 0;
  cursor_ = from_ = at;
  shown_ = 0;
}

void JsonString::whole(const Text& value, Bytes leaf, FieldMatch match, ValueType type, Scrubber& scrubber) {
  reader_.begin(leaf, match, type, scrubber);
  reader_.text(value, true, scrubber);
}

bool JsonString::read(const Text& text, bool last, Scrubber& scrubber) {
  for (;;) {
    size_t stop = decoding_ ? std::min(text.size, cursor_ + kStep) : text.size;
    size_t run = 0;
    if (end_ == End::kQuote) {
      run = plain_run(text.data + cursor_, stop - cursor_);
      if (decoding_ && run != 0) decoded_.add_run(text.sub(cursor_, run));
      cursor_ += run;
    }
    if (cursor_ == text.size) {
      show(text, last, scrubber);
      if (!last) return false;
      cut_ = end_ == End::kQuote || end_ == End::kApostrophe || end_ == End::kComment ||
             end_ == End::kBlockString;
      reading_ = false;
      return true;
    }
    if (cursor_ < stop) {
      size_t pass = 0;
      if (at_end(text, last, &pass)) {
        show(text, true, scrubber);
        cursor_ += pass;
        reading_ = false;
        return true;
      }
      uint8_t c = text.data[cursor_];
      size_t used = 1;
      if (c == '\\') {
        used = end_ == End::kBlockString ? block_escape(text, last) : escape(text, last, scrubber);
      } else if (c >= 0x80) {
        used = beyond_ascii(text, last);
      } else if (pass == 0) {
        if (c < 0x20 && end_ == End::kQuote) malformed(text, cursor_, scrubber);
        if (decoding_) add_byte(text, cursor_);
      }
      if (used == 0 || pass != 0) {  // what is here cannot be told before more has come
        show(text, false, scrubber);
        return false;
      }
      cursor_ += used;
    }
    if (decoding_ && decoded_.size() >= shown_ + kStep) show(text, false, scrubber);
  }
}

// Whether the value ends at the cursor; *pass: the units of its end that go with it. False with *pass != 0:
// that depends on what is to come.
bool JsonString::at_end(const Text& text, bool last, size_t* pass) {
  uint8_t c = text.data[cursor_];
  switch (end_) {
    case End::kQuote:
      *pass = c == '"' ? 1 : 0;
      return c == '"';
    case End::kApostrophe:
      *pass = c == '\'' ? 1 : 0;
      return c == '\'' || c == '\n';
    case End::kStructure:
      return is_structure(c);
    case End::kScalar:
      return is_structure(c) || is_white(c);
    case End::kName:
      return is_structure(c) || c == '(' || c == ')' || c == '#';
    case End::kArgument:
      return is_structure(c) || is_white(c) || c == '(' || c == ')' || c == '#';
    case End::kBlockString: {
      const size_t size = std::min<size_t>(text.size - cursor_, kQuotes.size());
      if (!std::equal(kQuotes.begin(), kQuotes.begin() + size, text.data + cursor_)) return false;
      *pass = size == kQuotes.size() || !last ? size : 0;
      return size == kQuotes.size();
    }
    case End::kLine:
      return c == '\n' || c == '\r';
    default:
      if (c != '*') return false;
      if (cursor_ + 1 == text.size) {
        *pass = last ? 0 : 1;
        return false;
      }
      *pass = text.data[cursor_ + 1] == '/' ? 2 : 0;
      return *pass != 0;
  }
}

// Of a block string: \""" is the only escape there is (GraphQL specification, 2.9.4).
size_t JsonString::block_escape(const Text& text, bool last) {
  const size_t behind = cursor_ + 1;
  const size_t size = std::min<size_t>(text.size - behind, kQuotes.size());
  const bool quotes = std::equal(kQuotes.begin(), kQuotes.begin() + size, text.data + behind);
  if (quotes && size < kQuotes.size() && !last) return 0;
  const size_t used = quotes && size == kQuotes.size() ? 1 + size : 1;
  if (decoding_) {
    for (size_t i = 0; i < used; ++i) add_byte(text, cursor_ + i);
  }
  return used;
}

// Reads the escape at the cursor; how many units it has. 0: it is not complete.
size_t JsonString::escape(const Text& text, bool last, Scrubber& scrubber) {
  const uint8_t* data = text.data + cursor_;
  size_t size = text.size - cursor_;
  size_t used = 0;
  char32_t code_point = 0;
  if (size == 1) {
    if (!last) return 0;
  } else if (data[1] == 'u') {
    size_t good = hex_run(data + 2, size - 2, &code_point);
    if (good < 4 && good == size - 2 && !last) return 0;
    if (good == 4) used = 6;
  } else if (uint8_t c = simple_escape(data[1]); c != 0 || (data[1] == '\'' && end_ == End::kApostrophe)) {
    code_point = c != 0 ? c : U'\'';
    used = 2;
  }
  if (used == 0) {
    if (end_ == End::kQuote) malformed(text, cursor_, scrubber);
    if (decoding_) add_byte(text, cursor_);
    return 1;
  }
  if (used == 6 && code_point >= 0xD800 && code_point < 0xDC00) {
    bool more = (size < 7 || data[6] == '\\') && (size < 8 || data[7] == 'u');
    if (more && size < kEscapeMax && !last) return 0;
    char32_t low = 0;
    if (more && size >= kEscapeMax && hex_run(data + 8, 4, &low) == 4 && low >= 0xDC00 && low < 0xE000) {
      code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
      used = kEscapeMax;
    }
  }
  if (!decoding_) start_decoding(text);
  size_t end = cursor_ + used - 1;
  bool ascii = code_point >= '0' && code_point <= '9';
  Unit unit = used == 2 ? Unit{text.unit(end).at, Form::kFixed} : hex_unit(text, end, ascii);
  add_code_point(&decoded_, code_point, unit);
  return used;
}

// Reads the UTF-8 sequence at the cursor; how many units it has. 0: it is not complete.
size_t JsonString::beyond_ascii(const Text& text, bool last) {
  const uint8_t* data = text.data + cursor_;
  size_t size = text.size - cursor_;
  Utf8 next = next_utf8(data, size);
  if (next.size == 0 && !last) return 0;
  if (!next.valid) {
    if (decoding_) add_byte(text, cursor_);
    return 1;
  }
  if (!decoding_ && !needs_normalising(data, next.size)) return next.size;
  if (!decoding_) start_decoding(text);
  add_code_point(&decoded_, next.code_point, text.unit(cursor_ + next.size - 1));
  return next.size;
}

void JsonString::add_byte(const Text& text, size_t at) {
  Unit unit = text.unit(at);
  if (!is_digit(text.data[at])) unit.form = Form::kFixed;
  decoded_.add(text.data[at], unit);
}

void JsonString::start_decoding(const Text& text) {
  decoding_ = true;
  decoded_.clear();
  decoded_.add_run(text.sub(from_, cursor_ - from_));
  shown_ = 0;
}

void JsonString::show(const Text& text, bool ended, Scrubber& scrubber) {
  if (decoding_) {
    if (!ended && decoded_.size() == shown_) return;
    Text now = decoded_.text();
    size_t settled = reader_.text(now, ended, scrubber);
    if (key_) keep_name(now.sub(0, settled));
    decoded_.drop_front(settled);
    shown_ = decoded_.size();
    return;
  }
  if (!ended && cursor_ == from_) return;
  Text now = text.sub(from_, cursor_ - from_);
  size_t settled = reader_.text(now, ended, scrubber);
  if (key_) keep_name(now.sub(0, settled));
  from_ += settled;
}

// The last bytes are kept.
void JsonString::keep_name(const Text& text) {
  const size_t count = std::min(text.size, name_.size());
  if (count == 0) return;
  const size_t kept = std::min<size_t>(name_size_, name_.size() - count);
  std::memmove(name_.data(), name_.data() + (name_size_ - kept), kept);
  std::memcpy(name_.data() + kept, text.data + (text.size - count), count);
  name_size_ = static_cast<uint8_t>(kept + count);
}

size_t JsonString::settled(const Text& text) {
  if (!decoding_) return from_;
  if (decoded_.empty()) {
    from_ = cursor_;
    return from_;
  }
  // Where the oldest decoded unit stands: the places of a text never go back.
  uint64_t at = decoded_.first_at();
  size_t low = from_;
  size_t high = cursor_;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (text.unit(middle).at < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  // It may have begun that much earlier.
  if (low > from_ + kEscapeMax) from_ = low - kEscapeMax;
  return from_;
}

}  // namespace cardscrub
