// XmlValue: one stretch of the input, or decoded text.
#include "filters/xml_value.h"

#include <algorithm>
#include <cstring>

#include "filters/xml_scan.h"

namespace cardscrub {

namespace {

constexpr size_t kStep = 4096;  // units decoded at a time: bounds the memory of a long value
constexpr size_t kBack = 12;    // a reference begins at most so far in front of what is written of it

}  // namespace

size_t in_sight_of(const Text& in, size_t cursor, uint64_t at) {
  size_t low = 0;
  for (size_t high = cursor; low < high;) {
    size_t middle = (low + high) / 2;
    if (in.unit(middle).at < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > kBack ? low - kBack : 0;
}

void decode_xml(const Text& stretch, bool single_byte, Decoded* out) {
  if (!single_byte) return decode_utf8(stretch, out);
  for (size_t i = 0; i < stretch.size; ++i) {
    uint8_t c = stretch.data[i];
    if (c < 0x80) {
      out->add(c, stretch.unit(i));
    } else {
      out->add(c == 0xA0 ? ' ' : c == 0xAD ? '-' : c, {stretch.unit(i).at, Form::kFixed});
    }
  }
}

void XmlValue::open(Bytes leaf, FieldMatch match, ValueType type, bool single_byte) {
  open_ = true;
  begun_ = false;
  decoding_ = false;
  single_byte_ = single_byte;
  blank_ = true;
  whole_ = match.kind != Kind::kNone;
  match_ = match;
  type_ = type;
  leaf_size_ = static_cast<uint8_t>(std::min(leaf.size(), leaf_.size()));
  if (leaf_size_ != 0) std::memcpy(leaf_.data(), leaf.data(), leaf_size_);
  from_ = to_ = shown_ = 0;
  since_digit_ = kGap;
  decoded_.clear();
}

void XmlValue::note_units(const uint8_t* data, size_t size) {
  if (blank_) {
    const uint8_t* first = std::find_if_not(data, data + size, is_xml_space);
    if (first != data + size) {
      blank_ = false;
      // White space beyond ASCII may stand in front of JSON, too.
      const bool separated = single_byte_
                                 ? *first == 0xA0
                                 : begins_with_separator(first, static_cast<size_t>(data + size - first));
      whole_ = whole_ || (type_ != ValueType::kKey && (*first == '{' || *first == '[' || separated));
    }
  }
  size_t gap = 0;
  while (gap < size && gap < kGap && !is_digit(data[size - 1 - gap]) && data[size - 1 - gap] < 0x80) ++gap;
  since_digit_ = std::min(gap == size ? since_digit_ + gap : gap, kGap);
}

void XmlValue::decode(const Text& in) {
  if (decoding_) return;
  decoding_ = true;
  shown_ = 0;
  decoded_.clear();
  decoded_.add_run(in.sub(from_, to_ - from_));
}

void XmlValue::adopt(Decoded* text) {
  decoding_ = true;
  decoded_.add_run(text->text());
  note_units(decoded_.text().data, decoded_.size());
  text->clear();
}

void XmlValue::add(const Text& in, size_t from, size_t to, Scrubber& scrubber) {
  const uint8_t* data = in.data + from;
  note_units(data, to - from);
  if (!decoding_) {
    if (from_ == to_) from_ = to_ = from;
    const bool wide =
        single_byte_ ? find_non_ascii(data, to - from) != to - from : needs_normalising(data, to - from);
    if (!wide && to_ == from) {
      to_ = to;
      return;
    }
    decode(in);
  }
  while (from < to) {
    size_t step = std::min(kStep, to - from);
    if (step < to - from) step -= open_utf8(in.data + from, step);
    decode_xml(in.sub(from, step), single_byte_, &decoded_);
    from += step;
    if (decoded_.size() >= shown_ + kStep) show(in, scrubber);
  }
}

void XmlValue::add_character(const Text& in, char32_t code_point, Unit unit) {
  decode(in);
  const size_t before = decoded_.size();
  add_code_point(&decoded_, code_point, unit);
  note_units(decoded_.text().data + before, decoded_.size() - before);
}

void XmlValue::begin(Scrubber& scrubber) {
  if (begun_) return;
  begun_ = true;
  reader_.begin({leaf_.data(), leaf_size_}, match_, type_, scrubber);
}

void XmlValue::show(const Text& in, Scrubber& scrubber) {
  if (!open_) return;
  begin(scrubber);
  if (!decoding_) {
    if (from_ != to_) from_ += reader_.text(in.sub(from_, to_ - from_), false, scrubber);
    return;
  }
  if (decoded_.empty()) return;
  decoded_.drop_front(reader_.text(decoded_.text(), false, scrubber));
  shown_ = decoded_.size();
}

bool XmlValue::nothing_to_find(const uint8_t* data, size_t size, const Scrubber& scrubber) const {
  if (begun_ || whole_) return false;
  return (size < limits::kPanMin || !may_hold_pan(data, size)) &&
         !scrubber.pair_matters(match_, {data, size});
}

void XmlValue::close(const Text& in, Scrubber& scrubber) {
  open_ = false;
  Text rest = decoding_ ? decoded_.text() : in.sub(from_, to_ - from_);
  if (!blank_ && !nothing_to_find(rest.data, rest.size, scrubber)) {
    begin(scrubber);
    reader_.text(rest, true, scrubber);
  }
  decoded_.clear();
}

size_t XmlValue::keep(const Text& in, size_t cursor) {
  if (!open_) return cursor;
  if (!decoding_) return from_ == to_ ? cursor : from_;
  if (decoded_.empty()) return cursor;
  return in_sight_of(in, cursor, decoded_.text().unit(0).at);
}

void XmlValue::shift(size_t count) {
  if (decoding_ || !open_) return;
  from_ = from_ > count ? from_ - count : 0;
  to_ = to_ > count ? to_ - count : 0;
}

}  // namespace cardscrub
