// The loop of json_skim.h over blocks. Included by json_skim.cpp once for each kind of processor, which gives
// SKIM_TARGET (the function's attribute), SKIM_BLOCKS (its name) and SKIM_ISA (where its read_masks(),
// needs_care(), read_rare() and prefix_xor() are). No guard, therefore.

// NOLINTNEXTLINE(misc-definitions-in-headers)
SKIM_TARGET void JsonSkim::SKIM_BLOCKS() {
  const NameEnds& listed = *ends_;
  const uint8_t* p = at_;
  const uint8_t* const stop = stop_;
  // What reaches into a block from the one in front of it. The last byte or the white space behind it lets
  // one of these be next: 1.
  uint64_t key_next = state_ == JsonState::kFirstKey || state_ == JsonState::kKey ? 1 : 0;
  uint64_t value_next = state_ == JsonState::kFirstValue || state_ == JsonState::kValue ? 1 : 0;
  uint64_t end_next = state_ == JsonState::kEnd ? 1 : 0;
  uint64_t colon_next = 0;
  uint64_t in_string = 0;  // all bits
  uint64_t in_name = 0;    // 1
  // The last byte: 1.
  uint64_t after_scalar = 0, after_quote = 0;
  for (; p < stop; p += kBlock) {
    const JsonMasks masks = SKIM_ISA::read_masks(p);
    uint64_t trouble = 0;
    uint64_t blanks = masks.spaces;
    uint64_t controls = 0;
    if (SKIM_ISA::needs_care(p)) [[unlikely]] {
      const JsonRare rare = SKIM_ISA::read_rare(p);
      trouble = rare.escapes;
      controls = rare.controls;
      blanks |= controls;
    }
    // Six bytes below ':' in a row: of twelve that reach into another block so many are in one of the two.
    const uint64_t three = masks.numeric & masks.numeric >> 1 & masks.numeric >> 2;
    const uint64_t six = three & three >> 3;
    if ((masks.quotes | six | trouble | controls | after_quote | masks.equals) == 0 && in_string != 0)
      continue;  // text
    const uint64_t inside = SKIM_ISA::prefix_xor(masks.quotes) ^ in_string;
    in_string = fill_from_top(inside);
    const uint64_t opens = masks.quotes & inside;
    const uint64_t closes = masks.quotes & ~inside;
    const uint64_t commas = masks.commas & ~inside;
    const uint64_t colons = masks.colons & ~inside;
    const uint64_t brackets = masks.brackets & ~inside;
    const uint64_t white = blanks & ~inside;
    const uint64_t scalars = ~(inside | masks.quotes | masks.commas | masks.colons | masks.brackets | blanks);
    if (controls != 0) [[unlikely]]
      trouble |= (controls & inside) | strange_controls(p, controls & ~inside);

    for (uint64_t rest = masks.equals & inside; rest != 0; rest &= rest - 1) {
      if (may_end_pair_name(p + std::countr_zero(rest), text_.data())) trouble |= rest & (0 - rest);
    }

    // Where the innermost container is an object.
    Brackets seen{0 - (kinds_ & 1), 0, 0, 0, 0};
    if (brackets != 0) seen = read_brackets(p, brackets, opens);

    // Who follows whom. Each token follows one other: where that may not be, the grammar is wrong.
    const uint64_t for_key = (commas & seen.objects) | seen.opened_objects;
    const uint64_t for_value = colons | (commas & ~seen.objects) | (seen.opened ^ seen.opened_objects);
    uint64_t at_key = 2 * for_key + key_next;
    uint64_t at_value = 2 * for_value + value_next;
    key_next = for_key >> 63;
    value_next = for_value >> 63;
    if (white != 0) {
      at_key = pass_white(at_key, white, &key_next);
      at_value = pass_white(at_value, white, &value_next);
    }
    const uint64_t names = at_key & opens;
    uint64_t sum = 0;
    in_name = __builtin_add_overflow(names + in_name, inside, &sum) ? 1 : 0;
    const uint64_t name_ends = sum & ~inside;
    const uint64_t for_end = (closes ^ name_ends) | scalars | seen.closed;
    uint64_t at_colon = 2 * name_ends + colon_next;
    uint64_t at_end = 2 * for_end + end_next;
    colon_next = name_ends >> 63;
    end_next = for_end >> 63;
    if (white != 0) {
      at_colon = pass_white(at_colon, white, &colon_next);
      at_end = pass_white(at_end, white, &end_next);
    }
    const uint64_t scalar_begins = scalars & ~(2 * scalars + after_scalar);
    after_scalar = scalars >> 63;
    trouble |= seen.trouble | (opens & ~(at_key | at_value)) | ((scalar_begins | seen.opened) & ~at_value) |
               (colons & ~at_colon) | (commas & ~at_end);
    if (const uint64_t empty = seen.closed & ~at_end; empty != 0) [[unlikely]]
      trouble |= not_empty(p, empty);
    for (uint64_t rest = scalar_begins; rest != 0; rest &= rest - 1) {
      const unsigned i = static_cast<unsigned>(std::countr_zero(rest));
      if (is_plain_scalar(p + i, scalars >> i, i) || scalar_passes(p + i, scrubber_)) continue;
      trouble |= uint64_t{1} << i;
      break;
    }

    uint64_t twelve = 0;
    if (six != 0) twelve = six & (six >> 6 | kBorders) & inside;

    uint64_t listed_names = 0;
    for (uint64_t rest = name_ends; rest != 0; rest &= rest - 1) {
      const uint8_t* const end = p + std::countr_zero(rest);
      if (!listed.may_end_in(end - 2)) continue;
      const uint64_t bit = rest & (0 - rest);
      const uint8_t* const begin = string_in_front(p, bit, opens);
      if (may_be_listed(begin, end)) listed_names |= bit;
    }
    // Values may be names too: {"name": "cvv", "value": "123"}. White space behind them does not count, in
    // whatever script; what is dropped from them may stand between their last letters.
    for (uint64_t rest = closes ^ name_ends; rest != 0; rest &= rest - 1) {
      const uint8_t* const end = p + std::countr_zero(rest);
      const bool padded = end[-1] == ' ' || ((end[-1] | end[-2]) & 0x80) != 0;
      if (!padded && !listed.value_may_end_in(end - 2)) continue;
      const uint64_t bit = rest & (0 - rest);
      const uint8_t* const begin = string_in_front(p, bit, opens);
      // Nearly all stand plainly behind another name, or are elements.
      if (begin - text_.data() > 4 &&
          (begin[-2] == ':' ? begin[-3] == '"' && !may_be_pair_part(begin[-5], begin[-4])
                            : begin[-2] > ' ')) {
        continue;
      }
      const bool name = padded || may_be_listed(begin, end);
      if (name && behind_pair_name(begin)) trouble |= bit;
    }
    uint64_t nested = (2 * opens + after_quote) & (masks.brackets | blanks | masks.high);
    after_quote = opens >> 63;

    const uint64_t structure = commas | brackets;
    if ((trouble | twelve | listed_names | nested) != 0) [[unlikely]] {
      if (look_closely(p, {trouble, twelve, listed_names, nested, masks.numeric, structure, brackets, opens}))
        return;
    } else if (brackets != 0) {
      accept_brackets();
    }
    if (structure != 0) mark(p, structure);
    if (opens != 0) {
      string_block_ = p;
      strings_ = opens;
    }
  }
  at_ = p;
}
