// Card data: its kinds, the brands, and the reasons for which a value is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cardscrub {

// PCI DSS v4.0.1, table 2: account data. kIgnore: the operator says that a field is none.
enum class Kind : uint8_t {
  kNone,
  kPan,
  kCode,
  kExpiry,
  kExpiryMonth,
  kExpiryYear,
  kHolder,
  kTrack,
  kIgnore
};
inline constexpr size_t kKinds = 9;
std::string_view kind_name(Kind kind);                   // "pan", "code", "expiry_month" ...
bool kind_from_name(std::string_view name, Kind* kind);  // not "none"

enum class Brand : uint8_t {
  kUnknown,
  kVisa,
  kMastercard,
  kAmex,
  kDiscover,
  kDiners,
  kJcb,
  kUnionPay,
  kMaestro,
  kRuPay,
  kMir,
  kElo,
  kHipercard,
  kHiper,
  kVerve,
  kTroy,
  kUatp,
  kDankort,
  kBorica,
  kUzcard,
  kHumo,
  kNapas,
};
inline constexpr size_t kBrands = 22;
std::string_view brand_name(Brand brand);                   // "visa", "mastercard", "amex", "unionpay" ...
bool brand_from_name(std::string_view name, Brand* brand);  // not "unknown"

// Why a field or a request is refused. The name (reason_name) is a stable interface: "pan.luhn".
enum class Reason : uint8_t {
  kNone,
  kPanFormat,
  kPanLength,
  kPanLuhn,
  kPanBrand,
  kPanNotAccepted,
  kPanForbidden,
  kPanWrapped,
  kPanTestCard,
  kPanLiveCard,
  kCodeFormat,
  kCodeLength,
  kCodeForbidden,
  kCodeNumber,
  kExpiryFormat,
  kExpiryMonth,
  kExpiryPast,
  kTrackForbidden,
  kFieldMissing,
  kFieldType,
  kFieldEncoding,
  kBodyMalformed,
  kBodyType,
  kBodyCharset,
  kBodyEncoding,
  kBodyTruncated,
  kLimitFindings,
  kLimitDepth,
  kLimitLayers,
  kLimitInflate,
  kLimitWindow,
  kLimitSize,
  kLimitBody,
  kLimitRate,
  kTlsRequired,
  kUpgrade,
  kResponseCardData,
  kResponseUnreadable,
  kStoreFull,
  kStoreDown,
  kAuditDown,
  kFault,
  kTokenGeneration,
  kTokenFormat,
  kAliasUnknown,
  kAliasUsed,
  kRevealHost,
};
inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::kRevealHost) + 1;
std::string_view reason_name(Reason reason);
int reason_status(Reason reason);             // the HTTP status code that goes with it
std::string_view reason_text(Reason reason);  // one English sentence for a person; no data

}  // namespace cardscrub
