// The issuer table, its index (both built by the compiler, which also checks them), and the Luhn algorithm.
#include "issuer.h"

#include <array>

namespace cardscrub {

namespace {

constexpr uint32_t lengths_of(uint32_t from, uint32_t to) {
  uint32_t bits = 0;
  for (uint32_t n = from; n <= to; ++n) bits |= 1u << n;
  return bits;
}
constexpr uint32_t length_of(uint32_t n) { return 1u << n; }

constexpr uint32_t k14 = length_of(14);
constexpr uint32_t k15 = length_of(15);
constexpr uint32_t k16 = length_of(16);
constexpr uint32_t k19 = length_of(19);
constexpr uint32_t k14And16 = k14 | k16;
constexpr uint32_t k16And19 = k16 | k19;
constexpr uint32_t k12to19 = lengths_of(12, 19);
constexpr uint32_t k14to19 = lengths_of(14, 19);
constexpr uint32_t k16to19 = lengths_of(16, 19);
constexpr uint32_t k13And16And19 = length_of(13) | k16 | k19;
constexpr uint32_t k16And18And19 = k16 | length_of(18) | k19;

// Sources: ISO/IEC 7812-1 (structure, registration authority); the brands' public BIN and rules documents as
// named at each group. Rows are in no order; among rows that fit, the longest prefix wins.
constexpr IssuerRange kTable[] = {
    // Visa: Core Rules, 4; 13 digits (old) and 19 are issued, 16 is what people have.
    {4, 4, 1, Brand::kVisa, k13And16And19, k16, 3, true},

    // Mastercard: Transaction Processing Rules, 51-55 and the 2-series 222100-272099.
    {51, 55, 2, Brand::kMastercard, k16, k16, 3, true},
    {2221, 2720, 4, Brand::kMastercard, k16, k16, 3, true},

    // American Express: Global Codes & Information Guide, 34 and 37; four-digit code on the front.
    {34, 34, 2, Brand::kAmex, k15, k15, 4, true},
    {37, 37, 2, Brand::kAmex, k15, k15, 4, true},

    // Discover: Global Network IIN ranges; 622126-622925 are UnionPay cards that Discover acquires.
    {6011, 6011, 4, Brand::kDiscover, k16to19, k16, 3, true},
    {644, 649, 3, Brand::kDiscover, k16to19, k16, 3, true},
    {65, 65, 2, Brand::kDiscover, k16to19, k16, 3, true},
    {622126, 622925, 6, Brand::kDiscover, k16to19, k16And19, 3, true},

    // Diners Club International: Discover Global Network IIN ranges. 14 is what people have; some
    // have 16.
    {300, 305, 3, Brand::kDiners, k14to19, k14And16, 3, true},
    {3095, 3095, 4, Brand::kDiners, k14to19, k14And16, 3, true},
    {36, 36, 2, Brand::kDiners, k14to19, k14And16, 3, true},
    {38, 39, 2, Brand::kDiners, k14to19, k14And16, 3, true},

    // JCB: 3528-3589. RuPay cards of 353 and 356 are JCB's too (co-branded), and treated as JCB.
    {3528, 3589, 4, Brand::kJcb, k16to19, k16, 3, true},

    // UnionPay International: 62 and 8100-8171. Some old debit cards have no check digit; they are treated as
    // if they had one, because a token needs Luhn (it gives the first digit back) and without it every number
    // would be a card.
    {62, 62, 2, Brand::kUnionPay, k16to19, k16And19, 3, true},
    {8100, 8171, 4, Brand::kUnionPay, k16to19, k16And19, 3, true},

    // Maestro: Mastercard's quick reference of BIN ranges. Any length is issued, so none is common enough to
    // go without a card-like word. 5018, 5020, 5038, 5893, 6304, 6390, 6759, 6761-6763 lie in these.
    {50, 50, 2, Brand::kMaestro, k12to19, 0, 3, true},
    {56, 58, 2, Brand::kMaestro, k12to19, 0, 3, true},
    {6304, 6304, 4, Brand::kMaestro, k12to19, 0, 3, true},
    {639, 639, 3, Brand::kMaestro, k12to19, 0, 3, true},
    {67, 67, 2, Brand::kMaestro, k12to19, 0, 3, true},

    // Dankort (Nets): 5019. Those under 4571 are Visa's too (co-branded), and treated as Visa.
    {5019, 5019, 4, Brand::kDankort, k16, k16, 3, true},

    // RuPay (NPCI): 60, 6521-6522, 508, and 81-82 behind UnionPay's.
    {60, 60, 2, Brand::kRuPay, k16, k16, 3, true},
    {6521, 6522, 4, Brand::kRuPay, k16, k16, 3, true},
    {508, 508, 3, Brand::kRuPay, k16, k16, 3, true},
    {81, 82, 2, Brand::kRuPay, k16, k16, 3, true},

    // Mir (NSPK): 2200-2204.
    {2200, 2204, 4, Brand::kMir, k16to19, k16, 3, true},

    // BORICA (Bulgaria): 2205.
    {2205, 2205, 4, Brand::kBorica, k16, k16, 3, true},

    // Elo: the published BIN list.
    {401178, 401179, 6, Brand::kElo, k16, k16, 3, true},
    {431274, 431274, 6, Brand::kElo, k16, k16, 3, true},
    {438935, 438935, 6, Brand::kElo, k16, k16, 3, true},
    {451416, 451416, 6, Brand::kElo, k16, k16, 3, true},
    {457393, 457393, 6, Brand::kElo, k16, k16, 3, true},
    {457631, 457632, 6, Brand::kElo, k16, k16, 3, true},
    {504175, 504175, 6, Brand::kElo, k16, k16, 3, true},
    {506699, 506778, 6, Brand::kElo, k16, k16, 3, true},
    {509000, 509999, 6, Brand::kElo, k16, k16, 3, true},
    {627780, 627780, 6, Brand::kElo, k16, k16, 3, true},
    {636297, 636297, 6, Brand::kElo, k16, k16, 3, true},
    {636368, 636368, 6, Brand::kElo, k16, k16, 3, true},
    {650031, 650033, 6, Brand::kElo, k16, k16, 3, true},
    {650035, 650051, 6, Brand::kElo, k16, k16, 3, true},
    {650405, 650439, 6, Brand::kElo, k16, k16, 3, true},
    {650485, 650538, 6, Brand::kElo, k16, k16, 3, true},
    {650541, 650598, 6, Brand::kElo, k16, k16, 3, true},
    {650700, 650718, 6, Brand::kElo, k16, k16, 3, true},
    {650720, 650727, 6, Brand::kElo, k16, k16, 3, true},
    {650901, 650978, 6, Brand::kElo, k16, k16, 3, true},
    {651652, 651679, 6, Brand::kElo, k16, k16, 3, true},
    {655000, 655019, 6, Brand::kElo, k16, k16, 3, true},
    {655021, 655058, 6, Brand::kElo, k16, k16, 3, true},

    // Hipercard, Hiper (Itau): published BIN lists.
    {384100, 384100, 6, Brand::kHipercard, k13And16And19, k16, 3, true},
    {384140, 384140, 6, Brand::kHipercard, k13And16And19, k16, 3, true},
    {384160, 384160, 6, Brand::kHipercard, k13And16And19, k16, 3, true},
    {606282, 606282, 6, Brand::kHipercard, k13And16And19, k16, 3, true},
    {637095, 637095, 6, Brand::kHiper, k16, k16, 3, true},
    {637568, 637568, 6, Brand::kHiper, k16, k16, 3, true},
    {637599, 637599, 6, Brand::kHiper, k16, k16, 3, true},
    {637609, 637609, 6, Brand::kHiper, k16, k16, 3, true},
    {637612, 637612, 6, Brand::kHiper, k16, k16, 3, true},
    {63737423, 63737423, 8, Brand::kHiper, k16, k16, 3, true},
    {63743358, 63743358, 8, Brand::kHiper, k16, k16, 3, true},

    // Verve (Interswitch): published BIN ranges; each of its lengths is common.
    {506099, 506198, 6, Brand::kVerve, k16And18And19, k16And18And19, 3, true},
    {507865, 507964, 6, Brand::kVerve, k16And18And19, k16And18And19, 3, true},
    {650002, 650027, 6, Brand::kVerve, k16And18And19, k16And18And19, 3, true},

    // Troy (BKM): 9792. Its cards under 65 are Discover's too (co-branded), and treated as Discover.
    {9792, 9792, 4, Brand::kTroy, k16, k16, 3, true},

    // Uzcard: 8600. Humo (Uzbekistan, 860): 9860. NAPAS (Vietnam, 704): 9704. What begins with 9 and the
    // code of a country (ISO 3166-1) is given out there (ISO/IEC 7812-1), as Troy's is.
    {8600, 8600, 4, Brand::kUzcard, k16, k16, 3, true},
    {9860, 9860, 4, Brand::kHumo, k16, k16, 3, true},
    {9704, 9704, 4, Brand::kNapas, k16And19, k16And19, 3, true},

    // UATP: 1 (ISO/IEC 7812-1: airlines). Any 15-digit number with a 1 would do, so it needs a card-like
    // word.
    {1, 1, 1, Brand::kUatp, k15, 0, 3, true},
};
constexpr size_t kRows = std::size(kTable);

constexpr uint32_t power_of_ten(unsigned n) {
  constexpr uint32_t kPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  return kPowers[n];
}

// What the longest prefix wins by must be unambiguous: two ranges with prefixes of the same length share no
// number.
constexpr bool table_is_sound() {
  for (size_t i = 0; i < kRows; ++i) {
    const IssuerRange& row = kTable[i];
    if (row.prefix < 1 || row.prefix > 8 || row.first > row.last) return false;
    if (row.first < power_of_ten(row.prefix - 1u) || row.last >= power_of_ten(row.prefix)) return false;
    if ((row.common & ~row.lengths) != 0 || (row.lengths & ~k12to19) != 0 || row.lengths == 0) return false;
    if (row.code_length != (row.brand == Brand::kAmex ? 4 : 3)) return false;
    for (size_t j = i + 1; j < kRows; ++j) {
      const IssuerRange& other = kTable[j];
      if (row.prefix == other.prefix && row.first <= other.last && other.first <= row.last) return false;
    }
  }
  return true;
}
static_assert(table_is_sound());
static_assert(kRows < 255);

// The index: for each four first digits, the row with the longest prefix of up to four digits (row number +
// 1, 0: none), and the rows with longer prefixes that lie under them, as a stretch of a list.
constexpr unsigned kIndexDigits = 4;
constexpr size_t kSlots = 10000;
constexpr size_t kLongMax = 128;

struct Index {
  std::array<uint8_t, kSlots> row{};
  std::array<uint8_t, kSlots> long_begin{};
  std::array<uint8_t, kSlots> long_count{};
  std::array<uint8_t, kLongMax> long_rows{};
  std::array<uint32_t, 10> brands{};
  std::array<uint32_t, 100> lengths{};  // by the first two digits
  bool fits = true;
};

constexpr uint32_t first_four(uint32_t value, unsigned digits) {
  return value / power_of_ten(digits - kIndexDigits);
}

constexpr Index build_index() {
  Index index;
  for (unsigned prefix = 1; prefix <= kIndexDigits; ++prefix) {  // longer prefixes overwrite shorter ones
    const uint32_t width = power_of_ten(kIndexDigits - prefix);
    for (size_t i = 0; i < kRows; ++i) {
      if (kTable[i].prefix != prefix) continue;
      for (uint32_t slot = kTable[i].first * width; slot < (kTable[i].last + 1) * width; ++slot) {
        index.row[slot] = static_cast<uint8_t>(i + 1);
      }
    }
  }
  // A long row may reach over several slots; it is listed once a slot.
  std::array<uint32_t, kLongMax> slot_of{};
  size_t entries = 0;
  for (unsigned prefix = 8; prefix > kIndexDigits; --prefix) {  // longest first within a slot
    for (size_t i = 0; i < kRows; ++i) {
      if (kTable[i].prefix != prefix) continue;
      const uint32_t last = first_four(kTable[i].last, prefix);
      for (uint32_t slot = first_four(kTable[i].first, prefix); slot <= last; ++slot) {
        if (entries == kLongMax) {
          index.fits = false;
          return index;
        }
        size_t at = entries++;
        for (; at > 0 && slot_of[at - 1] > slot; --at) {  // insertion sort by slot; stable
          slot_of[at] = slot_of[at - 1];
          index.long_rows[at] = index.long_rows[at - 1];
        }
        slot_of[at] = slot;
        index.long_rows[at] = static_cast<uint8_t>(i);
      }
    }
  }
  for (size_t at = entries; at > 0; --at) {
    index.long_begin[slot_of[at - 1]] = static_cast<uint8_t>(at - 1);
    ++index.long_count[slot_of[at - 1]];
  }
  for (const IssuerRange& row : kTable) {
    const uint32_t width = power_of_ten(row.prefix - 1u);
    for (uint32_t digit = row.first / width; digit <= row.last / width; ++digit) {
      index.brands[digit] |= 1u << static_cast<unsigned>(row.brand);
    }
    // A prefix of one digit stands for ten of two.
    const uint32_t tens = row.prefix == 1 ? 1 : power_of_ten(row.prefix - 2u);
    const uint32_t from = row.prefix == 1 ? row.first * 10 : row.first / tens;
    const uint32_t to = row.prefix == 1 ? row.last * 10 + 9 : row.last / tens;
    for (uint32_t two = from; two <= to; ++two) index.lengths[two] |= row.lengths;
  }
  return index;
}
constexpr Index kIndex = build_index();
static_assert(kIndex.fits);

constexpr std::array<uint8_t, 10> kDoubled = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};

// The Luhn sum with every second digit doubled, counted from the right; `first` says whether the rightmost
// one is.
unsigned luhn_sum(Bytes digits, bool first) {
  unsigned sum = 0;
  size_t i = digits.size();
  if (first && i > 0) sum += kDoubled[digits[--i]];
  for (; i >= 2; i -= 2) sum += digits[i - 1] + unsigned{kDoubled[digits[i - 2]]};
  return i == 0 ? sum : sum + digits[0];
}

}  // namespace

std::span<const IssuerRange> issuer_table() { return kTable; }

const IssuerRange* find_issuer(Bytes digits) {
  if (digits.size() < 8) return nullptr;
  const uint32_t slot = digits[0] * 1000u + digits[1] * 100u + digits[2] * 10u + digits[3];
  if (const unsigned count = kIndex.long_count[slot]; count != 0) {
    const uint32_t eight = slot * 10000u + digits[4] * 1000u + digits[5] * 100u + digits[6] * 10u + digits[7];
    for (unsigned i = 0; i < count; ++i) {
      const IssuerRange& row = kTable[kIndex.long_rows[kIndex.long_begin[slot] + i]];
      const uint32_t prefix = eight / power_of_ten(8u - row.prefix);
      if (prefix >= row.first && prefix <= row.last) return &row;
    }
  }
  const uint8_t row = kIndex.row[slot];
  return row == 0 ? nullptr : &kTable[row - 1u];
}

constinit const std::array<uint32_t, 100> kIssuedLengths = kIndex.lengths;

uint32_t brands_starting_with(uint8_t digit) { return digit < 10 ? kIndex.brands[digit] : 0; }

bool luhn_valid(Bytes digits) { return !digits.empty() && luhn_sum(digits, false) % 10 == 0; }

uint8_t luhn_check_digit(Bytes digits) {
  return static_cast<uint8_t>((10 - luhn_sum(digits, true) % 10) % 10);
}

}  // namespace cardscrub
