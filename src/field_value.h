// Validation of named fields: what a PAN, a code, an expiry must look like (DESIGN 5).
#pragma once

#include <cstdint>

#include "card.h"
#include "secret.h"
#include "text.h"

namespace cardscrub {

// The digits of a value and where they stand. Index into the text: digit i is text unit where[i].
struct DigitsAt {
  Digits digits;
  uint32_t where[Digits::kMax];
};

// A value without the white space around it.
Text trimmed(const Text& value);

// Digits with at most one space or hyphen between two of them; white space around the whole is allowed.
// kPanFormat when something else stands in it or it is empty, kPanLength when there are more than
// Digits::kMax digits. Brand and check digit are not looked at. *out is meaningful after kNone only.
Reason parse_pan(const Text& text, DigitsAt* out);

// kNone, kPanLength, kPanBrand or kPanLuhn. *brand is set as soon as the prefix tells it (kUnknown
// otherwise). A length outside 12..19 comes first, then an unknown brand, then a length that the brand does
// not issue, then the check digit.
Reason check_pan(const Digits& digits, Brand* brand);

// Only digits, white space around allowed; 3 or 4 of them (kCodeFormat, kCodeLength).
Reason parse_code(const Text& text, DigitsAt* out);
// The length that the brand's cards have (kUnknown: 3 or 4).
Reason check_code(const Digits& code, Brand brand);

// A month and a year; month 0: absent; year 0: absent, otherwise four digits.
struct Expiry {
  uint8_t month = 0;
  uint16_t year = 0;
};
// Kind kExpiry: MM/YY MM/YYYY MM-YY MM-YYYY "MM / YY" MMYY MMYYYY YYYY-MM YYYY/MM, also with spaces around
// the separator, a single space as the separator, or a month of one digit in front of a separator.
// kExpiryMonth: 1..12, with or without zero; kExpiryYear: two or four digits. Two digits mean 2000 + n; the
// year 0000 is none. kExpiryFormat, kExpiryMonth.
Reason parse_expiry(Kind kind, const Text& text, Expiry* out);
// kExpiryPast when the last day of the month lies before `now` (seconds since 1970, UTC; one day of grace for
// time zones), otherwise kNone. Needs both parts: kNone when one is absent.
Reason check_expiry(const Expiry& expiry, int64_t now);

}  // namespace cardscrub
