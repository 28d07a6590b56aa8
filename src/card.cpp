// The names of kinds, brands and reasons; they are stable interfaces (configuration, problem documents,
// audit).
#include "card.h"

#include <array>

namespace cardscrub {

namespace {

constexpr std::array<std::string_view, kKinds> kKindNames = {
    "none", "pan", "code", "expiry", "expiry_month", "expiry_year", "holder", "track", "ignore"};
static_assert(static_cast<size_t>(Kind::kIgnore) + 1 == kKinds);

constexpr std::array<std::string_view, kBrands> kBrandNames = {
    "unknown", "visa",    "mastercard", "amex",   "discover",  "diners", "jcb",   "unionpay",
    "maestro", "rupay",   "mir",        "elo",    "hipercard", "hiper",  "verve", "troy",
    "uatp",    "dankort", "borica",     "uzcard", "humo",      "napas"};
static_assert(static_cast<size_t>(Brand::kNapas) + 1 == kBrands);

struct ReasonRow {
  Reason reason;
  std::string_view name;
  int status;
  std::string_view text;
};

// 422: understood, and the data is wrong. 415, 413: RFC 9110. 503: ours, and passing.
constexpr std::array<ReasonRow, kReasonCount> kReasonRows = {{
    {Reason::kNone, "none", 200, "There is nothing to report."},
    {Reason::kPanFormat, "pan.format", 422,
     "The card number may only hold digits, with single spaces or hyphens between them."},
    {Reason::kPanLength, "pan.length", 422, "The card number has too few or too many digits."},
    {Reason::kPanLuhn, "pan.luhn", 422, "The card number is mistyped: its check digit does not fit."},
    {Reason::kPanBrand, "pan.brand", 422, "The card number belongs to no known card brand."},
    {Reason::kPanNotAccepted, "pan.not_accepted", 422, "Cards of this brand are not accepted."},
    {Reason::kPanForbidden, "pan.forbidden", 422, "A card number must not be sent here."},
    {Reason::kPanWrapped, "pan.wrapped", 422,
     "The card number is written in a way in which it cannot be replaced."},
    {Reason::kPanTestCard, "pan.test_card", 422, "Test card numbers are not accepted."},
    {Reason::kPanLiveCard, "pan.live_card", 422, "Only test card numbers are accepted."},
    {Reason::kCodeFormat, "code.format", 422, "The security code may only hold digits."},
    {Reason::kCodeLength, "code.length", 422,
     "The security code has the wrong number of digits for this card."},
    {Reason::kCodeForbidden, "code.forbidden", 422, "A security code must not be sent here."},
    {Reason::kCodeNumber, "code.number", 422,
     "The security code starts with zero and cannot stand in a number: send it as text."},
    {Reason::kExpiryFormat, "expiry.format", 422,
     "The expiry date must be a month and a year, such as MM/YY."},
    {Reason::kExpiryMonth, "expiry.month", 422, "The month of the expiry date must lie between 1 and 12."},
    {Reason::kExpiryPast, "expiry.past", 422, "The card has expired."},
    {Reason::kTrackForbidden, "track.forbidden", 422, "Magnetic stripe data must not be sent here."},
    {Reason::kFieldMissing, "field.missing", 422, "A required field is missing."},
    {Reason::kFieldType, "field.type", 422, "The field does not hold a text or a number."},
    {Reason::kFieldEncoding, "field.encoding", 422, "The field is encoded in a way that cannot be read."},
    {Reason::kBodyMalformed, "body.malformed", 400,
     "The body does not follow the rules of its content type."},
    {Reason::kBodyType, "body.type", 415, "The content type of the body is not supported here."},
    {Reason::kBodyCharset, "body.charset", 415, "The character set of the body is not supported."},
    {Reason::kBodyEncoding, "body.encoding", 415, "The content encoding of the body is not supported."},
    {Reason::kBodyTruncated, "body.truncated", 400, "The body ends too early."},
    {Reason::kLimitFindings, "limit.findings", 413, "The request holds too many card numbers."},
    {Reason::kLimitDepth, "limit.depth", 413, "The body is nested too deeply."},
    {Reason::kLimitLayers, "limit.layers", 413, "The body has too many documents inside one another."},
    {Reason::kLimitInflate, "limit.inflate", 413, "The body is too large once it is decompressed."},
    {Reason::kLimitWindow, "limit.window", 413,
     "A value or an object of the body is too large to be decided on."},
    {Reason::kLimitSize, "limit.size", 413, "A value, a name or a header of the request is too large."},
    {Reason::kLimitBody, "limit.body", 413, "The body is too large to be kept in memory as a whole."},
    {Reason::kLimitRate, "limit.rate", 429, "Too many card numbers are asked for; try again later."},
    {Reason::kTlsRequired, "tls.required", 403, "Card data may only be sent over TLS 1.2 or later."},
    {Reason::kUpgrade, "upgrade", 403, "Protocol upgrades are not allowed here."},
    {Reason::kResponseCardData, "response.card_data", 502,
     "The answer held card data and was not passed on."},
    {Reason::kResponseUnreadable, "response.unreadable", 502,
     "The answer could not be searched for card data and was not passed on."},
    {Reason::kStoreFull, "store.full", 503, "The security code cannot be kept right now; try again later."},
    {Reason::kStoreDown, "store.down", 503, "The security-code store is not available; try again later."},
    {Reason::kAuditDown, "audit.down", 503, "The audit log cannot be written right now; try again later."},
    {Reason::kFault, "fault", 500, "The request could not be made safe and was not forwarded."},
    {Reason::kTokenGeneration, "token.generation", 422,
     "The token was made with a key that is no longer in use."},
    {Reason::kTokenFormat, "token.format", 422,
     "The value is no token, or was made for another namespace or token format."},
    {Reason::kAliasUnknown, "alias.unknown", 422,
     "The value is no alias of a security code of this card, or the code has expired."},
    {Reason::kAliasUsed, "alias.used", 422, "The security code behind this alias has been used already."},
    {Reason::kRevealHost, "reveal.host", 403, "Card data must not be sent to this host."},
}};

constexpr bool rows_in_order() {
  for (size_t i = 0; i < kReasonRows.size(); ++i) {
    if (static_cast<size_t>(kReasonRows[i].reason) != i || kReasonRows[i].text.empty()) return false;
  }
  return true;
}
static_assert(rows_in_order());

const ReasonRow& row_of(Reason reason) {
  const auto i = static_cast<size_t>(reason);
  return kReasonRows[i < kReasonRows.size() ? i : static_cast<size_t>(Reason::kFault)];
}

}  // namespace

std::string_view kind_name(Kind kind) {
  const auto i = static_cast<size_t>(kind);
  return i < kKinds ? kKindNames[i] : kKindNames[0];
}

bool kind_from_name(std::string_view name, Kind* kind) {
  for (size_t i = 1; i < kKinds; ++i) {
    if (kKindNames[i] != name) continue;
    *kind = static_cast<Kind>(i);
    return true;
  }
  return false;
}

std::string_view brand_name(Brand brand) {
  const auto i = static_cast<size_t>(brand);
  return i < kBrands ? kBrandNames[i] : kBrandNames[0];
}

bool brand_from_name(std::string_view name, Brand* brand) {
  for (size_t i = 1; i < kBrands; ++i) {
    if (kBrandNames[i] != name) continue;
    *brand = static_cast<Brand>(i);
    return true;
  }
  return false;
}

std::string_view reason_name(Reason reason) { return row_of(reason).name; }
int reason_status(Reason reason) { return row_of(reason).status; }
std::string_view reason_text(Reason reason) { return row_of(reason).text; }

}  // namespace cardscrub
