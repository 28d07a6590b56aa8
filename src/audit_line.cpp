// The members of a line of the audit log.
#include "audit_line.h"

#include <algorithm>
#include <ctime>

#include "text.h"

namespace cardscrub {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr size_t kTextMax = 256;  // of what a request or the configuration gives

void put_two(std::string* out, int value) {
  out->push_back(static_cast<char>('0' + value / 10 % 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

// 2026-11-26T13:44:16.123456Z
std::string timestamp(int64_t microseconds) {
  const time_t seconds = microseconds / 1'000'000;
  std::tm when{};
  gmtime_r(&seconds, &when);
  std::string out = std::to_string(when.tm_year + 1900) + '-';
  put_two(&out, when.tm_mon + 1);
  out += '-';
  put_two(&out, when.tm_mday);
  out += 'T';
  put_two(&out, when.tm_hour);
  out += ':';
  put_two(&out, when.tm_min);
  out += ':';
  put_two(&out, when.tm_sec);
  const std::string fraction = std::to_string(microseconds % 1'000'000);
  out += '.';
  out.append(6 - fraction.size(), '0');
  out += fraction;
  out += 'Z';
  return out;
}

}  // namespace

std::string_view audit_kind_name(AuditKind kind) {
  switch (kind) {
    case AuditKind::kFinding:
      return "finding";
    case AuditKind::kRejection:
      return "rejection";
    case AuditKind::kReveal:
      return "reveal";
    case AuditKind::kKeyUse:
      return "key_use";
    case AuditKind::kConfiguration:
      return "configuration";
    case AuditKind::kStart:
      return "start";
    case AuditKind::kStop:
      return "stop";
    case AuditKind::kFault:
      return "fault";
    case AuditKind::kRotation:
      return "rotation";
    case AuditKind::kRecovery:
      return "recovery";
  }
  return "fault";
}

bool AuditEvent::same(const AuditEvent& other) const {
  return event == other.event && kind == other.kind && brand == other.brand && action == other.action &&
         reason == other.reason && generation == other.generation && field == other.field &&
         token == other.token && fingerprint == other.fingerprint;
}

void JsonMembers::name(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

void JsonMembers::text(std::string_view key, std::string_view value) {
  name(key);
  out_ += '"';
  for (char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (byte < 0x20 || byte >= 0x7f) {  // whatever the file's reader takes for its character set
      out_ += "\\u00";
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

void JsonMembers::number(std::string_view key, uint64_t value) {
  name(key);
  out_ += std::to_string(value);
}

void JsonMembers::hex(std::string_view key, Bytes value) {
  name(key);
  out_ += '"';
  for (uint8_t byte : value) {
    out_ += kHex[byte >> 4];
    out_ += kHex[byte & 15];
  }
  out_ += '"';
}

void put_origin(JsonMembers* out, const AuditOrigin& origin, AuditKind event) {
  out->text("time", timestamp(origin.microseconds));
  out->text("host", origin.host);
  out->number("pid", static_cast<uint64_t>(origin.pid));
  out->text("event", audit_kind_name(event));
}

void put_event(JsonMembers* out, const AuditEvent& event, const AuditRequest& request) {
  const bool good = event.reason == Reason::kNone && event.action != Action::kReject;
  out->text("outcome", good ? "success" : "failure");
  const auto given = [out](std::string_view name, std::string_view value) {
    if (!value.empty()) out->text(name, value.substr(0, kTextMax));
  };
  given("request", request.id);
  given("client", request.client);
  given("user", printable_audit_text(request.user));
  given("server", request.server);
  given("location", request.location);
  if (request.monitor) out->text("mode", "monitor");
  if (!event.field.empty()) out->text("field", event.field);
  if (event.kind != Kind::kNone) out->text("kind", kind_name(event.kind));
  if (event.brand != Brand::kUnknown) out->text("brand", brand_name(event.brand));
  if (event.kind != Kind::kNone || event.action != Action::kNone)
    out->text("action", action_name(event.action));
  if (event.reason != Reason::kNone) out->text("reason", reason_name(event.reason));
  out->number("count", event.count);
  if (!event.token.empty()) out->text("token", event.token);
  if (event.fingerprint) out->hex("fingerprint", *event.fingerprint);
  if (event.generation != 0) out->number("generation", event.generation);
}

std::string printable_audit_text(std::string_view text) {
  constexpr size_t kBin = 6;
  std::string out(text.substr(0, kTextMax));
  const auto digit = [](char c) { return is_digit(static_cast<uint8_t>(c)); };
  const bool many = std::count_if(out.begin(), out.end(), digit) >= static_cast<ptrdiff_t>(limits::kPanMin);
  size_t digits = 0;
  for (char& c : out) {
    if (c < 0x20 || c >= 0x7f) c = '?';
    if (many && digit(c) && ++digits > kBin) c = '*';
  }
  return out;
}

}  // namespace cardscrub
