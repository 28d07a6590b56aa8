// The chain's own members of a line: written, and taken apart.
#include "audit_chain.h"

#include <algorithm>
#include <charconv>

#include "text.h"

namespace cardscrub {

namespace {

constexpr std::string_view kBegin = "{\"v\":1,\"chain\":\"";
constexpr std::string_view kSeq = "\",\"seq\":";
constexpr std::string_view kKey = ",\"key\":\"";
constexpr std::string_view kPrev = "\",\"prev\":\"";
constexpr std::string_view kMac = "\",\"mac\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr size_t kKeySize = 8;  // 9-A1B2C3
constexpr size_t kChainHex = 16;
constexpr size_t kMacHex = 32;
constexpr std::string_view kHex = "0123456789abcdef";

// Takes `expected` off the front.
bool skip(std::string_view* text, std::string_view expected) {
  if (!text->starts_with(expected)) return false;
  text->remove_prefix(expected.size());
  return true;
}

// Takes `count` characters off the back.
std::string_view take_back(std::string_view* text, size_t count) {
  std::string_view back = text->substr(text->size() - count);
  text->remove_suffix(count);
  return back;
}

bool skip_back(std::string_view* text, std::string_view expected) {
  if (!text->ends_with(expected)) return false;
  text->remove_suffix(expected.size());
  return true;
}

bool read_hex(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    size_t high = kHex.find(text[2 * i]);
    size_t low = kHex.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

// Decimal digits at the front, at most 64 bits, no zeros in front.
bool read_number(std::string_view* text, uint64_t* value) {
  const char* begin = text->data();
  const auto [stop, error] = std::from_chars(begin, begin + text->size(), *value);
  if (error != std::errc() || (*begin == '0' && stop - begin > 1)) return false;
  text->remove_prefix(static_cast<size_t>(stop - begin));
  return true;
}

// A JSON string at the front, its quotes taken off; escapes stay as they are.
bool read_string(std::string_view* text, std::string_view* value) {
  if (!skip(text, "\"")) return false;
  size_t end = 0;
  while (end < text->size() && (*text)[end] != '"') end += (*text)[end] == '\\' ? 2u : 1u;
  if (end >= text->size()) return false;
  *value = text->substr(0, end);
  text->remove_prefix(end + 1);
  return true;
}

struct Member {
  std::string_view name;
  std::string_view value;
  bool string;
};

// The next member of a flat object; false: at the end, or something that is never written.
bool read_member(std::string_view* text, Member* out) {
  (void)skip(text, ",");
  if (!read_string(text, &out->name) || !skip(text, ":")) return false;
  out->string = text->starts_with('"');
  if (out->string) return read_string(text, &out->value);
  size_t end = std::min(text->find(','), text->size());
  out->value = text->substr(0, end);
  text->remove_prefix(end);
  return true;
}

bool find_member(std::string_view members, std::string_view name, bool string, std::string_view* value) {
  Member member;
  while (read_member(&members, &member)) {
    if (member.name != name) continue;
    *value = member.value;
    return member.string == string;
  }
  return false;
}

}  // namespace

Result<AuditKey> AuditKey::create(const KeyRing& ring, const KeyRing::Entry& entry) {
  SecretBuffer key = ring.derive(entry.generation, KeyPurpose::kAudit);
  if (key.empty()) return Fault{"OpenSSL could not derive the key of the audit log"};
  Result<HmacSha256> hmac = HmacSha256::create(key.span());
  if (!hmac) return Fault{hmac.message()};
  return AuditKey(std::to_string(entry.generation) + '-' + entry.check_value, std::move(*hmac));
}

Result<AuditKey> AuditKey::active(const KeyRing& ring) {
  for (const KeyRing::Entry& entry : ring.entries()) {
    if (entry.active) return create(ring, entry);
  }
  return Fault{"the key ring has no active key"};
}

bool AuditKey::mac(std::string_view text, AuditMac* out) {
  std::array<uint8_t, HmacSha256::kSize> whole{};
  if (!hmac_.compute({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, whole)) return false;
  std::copy_n(whole.begin(), out->size(), out->begin());
  return true;
}

bool append_audit_line(AuditKey* key, std::string_view members, AuditHead* head, std::string* out) {
  const size_t begin = out->size();
  *out += kBegin;
  *out += audit_chain_text(head->chain);
  *out += kSeq;
  *out += std::to_string(head->seq + 1);
  *out += ',';
  *out += members;
  *out += kKey;
  *out += key->name();
  *out += kPrev;
  *out += audit_mac_text(head->mac);
  AuditMac mac;
  if (!key->mac(std::string_view(*out).substr(begin), &mac)) {
    out->resize(begin);
    return false;
  }
  *out += kMac;
  *out += audit_mac_text(mac);
  *out += kEnd;
  *out += '\n';
  ++head->seq;
  head->mac = mac;
  return true;
}

bool parse_audit_line(std::string_view line, AuditLine* out) {
  constexpr size_t kTail =
      kKey.size() + kKeySize + kPrev.size() + kMacHex + kMac.size() + kMacHex + kEnd.size();
  if (line.size() > kAuditLineMax || line.size() < kTail) return false;
  std::string_view rest = line;
  if (!skip_back(&rest, kEnd) || !read_hex(take_back(&rest, kMacHex), out->head.mac) ||
      !skip_back(&rest, kMac)) {
    return false;
  }
  out->covered = rest;
  if (!read_hex(take_back(&rest, kMacHex), out->prev) || !skip_back(&rest, kPrev)) return false;
  out->key = take_back(&rest, kKeySize);
  if (!skip_back(&rest, kKey) || !skip(&rest, kBegin)) return false;
  if (rest.size() < kChainHex || !audit_chain_id(rest.substr(0, kChainHex), &out->head.chain)) return false;
  rest.remove_prefix(kChainHex);
  if (!skip(&rest, kSeq) || !read_number(&rest, &out->head.seq) || !skip(&rest, ",")) return false;
  out->members = rest;
  return true;
}

bool audit_text(std::string_view members, std::string_view name, std::string_view* value) {
  return find_member(members, name, true, value);
}

bool audit_number(std::string_view members, std::string_view name, uint64_t* value) {
  std::string_view text;
  return find_member(members, name, false, &text) && !text.empty() && read_number(&text, value) &&
         text.empty();
}

bool audit_mac(std::string_view members, std::string_view name, AuditMac* value) {
  std::string_view text;
  return find_member(members, name, true, &text) && read_hex(text, *value);
}

bool audit_chain_id(std::string_view text, uint64_t* value) {
  std::array<uint8_t, kChainHex / 2> bytes{};
  if (!read_hex(text, bytes)) return false;
  *value = 0;
  for (uint8_t byte : bytes) *value = *value << 8 | byte;
  return true;
}

std::string audit_chain_text(uint64_t chain) {
  std::string out(kChainHex, '0');
  for (size_t i = kChainHex; i-- > 0; chain >>= 4) out[i] = kHex[chain & 15];
  return out;
}

std::string audit_head_text(const AuditHead& head) {
  return audit_chain_text(head.chain) + ':' + std::to_string(head.seq) + ':' + audit_mac_text(head.mac);
}

bool parse_audit_head(std::string_view text, AuditHead* head) {
  if (text.size() < kChainHex || !audit_chain_id(text.substr(0, kChainHex), &head->chain)) return false;
  text.remove_prefix(kChainHex);
  return skip(&text, ":") && read_number(&text, &head->seq) && skip(&text, ":") && read_hex(text, head->mac);
}

std::string audit_mac_text(const AuditMac& mac) {
  std::string out;
  for (uint8_t byte : mac) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

}  // namespace cardscrub
