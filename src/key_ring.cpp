// The key ring in memory: its rules, derivation, rotation. How the file's text is read is in
// key_ring_json.cpp.
#include "key_ring.h"

#include <openssl/rand.h>

#include <algorithm>

#include "base64url.h"
#include "check_value.h"
#include "hmac.h"
#include "kek.h"
#include "key_file.h"

namespace cardscrub {
namespace {

// Changing a label changes every token: version 1 is for good.
std::string_view label_of(KeyPurpose purpose) {
  switch (purpose) {
    case KeyPurpose::kToken:
      return "cardscrub v1 token";
    case KeyPurpose::kCodeStore:
      return "cardscrub v1 code store";
    case KeyPurpose::kFingerprint:
      return "cardscrub v1 fingerprint";
    case KeyPurpose::kAudit:
      return "cardscrub v1 audit";
  }
  return {};
}

bool allows(uint32_t digits, uint8_t generation) { return (digits >> generation & 1) != 0; }

void append(SecretBuffer* out, std::string_view text) {
  out->append({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Fault no_digit() {
  return Fault{
      "no digit is left for tokens to start with: the accepted brands use 9, 7 and 1; accept fewer brands "
      "(--brands)"};
}

Fault in_clear(const std::string& path) {
  return Fault{
      "the key ring \"" + path +
      "\" is not wrapped, though a key-encryption key is given; run: cardscrub keys wrap --kek SOURCE "
      "--file " +
      path};
}

}  // namespace

bool KeyRing::has(uint8_t generation) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [generation](const Entry& entry) { return entry.generation == generation; });
}

uint32_t KeyRing::generation_digits() const {
  uint32_t digits = 0;
  for (const Entry& entry : entries_) digits |= 1u << entry.generation;
  return digits;
}

SecretBuffer KeyRing::derive(uint8_t generation, KeyPurpose purpose) const {
  SecretBuffer out;
  for (const Entry& entry : entries_) {
    if (entry.generation != generation) continue;
    out.resize(KeyBlock::kSize);
    if (!hkdf_sha256(entry.key.span(), label_of(purpose), out.span())) out.resize(0);
  }
  return out;
}

bool KeyRing::lock_memory() const {
  bool all = true;
  for (const Entry& entry : entries_) all = entry.key.lock() && all;
  return all;
}

Status KeyRing::add(uint8_t generation, bool active, int64_t created, Bytes key) {
  const std::string name = std::to_string(generation);
  if (std::find(kGenerations.begin(), kGenerations.end(), generation) == kGenerations.end()) {
    return Fault{"member \"generation\" must be 9, 7 or 1"};
  }
  if (has(generation)) return Fault{"generation " + name + " is there twice"};
  if (active && active_ != 0) {
    return Fault{"generations " + std::to_string(active_) + " and " + name +
                 " are both \"active\"; set one of them to \"live\""};
  }
  if (key.size() != KeyBlock::kSize)
    return Fault{"member \"k\" must be 32 bytes in base64url (43 characters, no padding)"};
  if (std::all_of(key.begin(), key.end(), [&key](uint8_t byte) { return byte == key[0]; })) {
    return Fault{"member \"k\" is no random key"};
  }
  for (const Entry& entry : entries_) {
    if (std::equal(key.begin(), key.end(), entry.key.span().begin())) {
      return Fault{"generations " + std::to_string(entry.generation) + " and " + name + " have the same key"};
    }
  }
  std::string check_value = key_check_value(key);
  if (check_value.empty()) return Fault{"OpenSSL does not provide CMAC with AES-256"};
  entries_.push_back(
      {generation, active, created, std::move(check_value), KeyBlock(key.first<KeyBlock::kSize>())});
  if (active) active_ = generation;
  return Done{};
}

Status KeyRing::add_fresh(uint8_t generation, int64_t now) {
  SecretBuffer key;
  key.resize(KeyBlock::kSize);
  if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    return Fault{"OpenSSL has no random numbers to make a key of"};
  }
  return add(generation, true, now, key.span());
}

// The other ring's keys but one, all of them live only.
Status KeyRing::copy_from(const KeyRing& other, uint8_t without) {
  for (const Entry& entry : other.entries_) {
    if (entry.generation == without) continue;
    Status added = add(entry.generation, false, entry.created, entry.key.span());
    if (!added) return added;
  }
  return Done{};
}

Result<KeyRing> KeyRing::generate(uint32_t allowed_digits, int64_t now) {
  for (uint8_t generation : kGenerations) {
    if (!allows(allowed_digits, generation)) continue;
    KeyRing ring;
    Status added = ring.add_fresh(generation, now);
    if (!added) return Fault{added.message()};
    return ring;
  }
  return no_digit();
}

void KeyRing::set_active(uint8_t generation) {
  for (Entry& entry : entries_) entry.active = entry.generation == generation;
  active_ = generation;
}

Result<KeyRing> KeyRing::rotate(uint32_t allowed_digits, int64_t now, bool activate) const {
  uint8_t next = 0;
  for (uint8_t generation : kGenerations) {
    if (next == 0 && allows(allowed_digits, generation) && !has(generation)) next = generation;
  }
  if (next == 0) {  // all allowed digits are live: the oldest goes, but never the one that still writes
    const Entry* oldest = nullptr;
    for (const Entry& entry : entries_) {
      if (entry.active || !allows(allowed_digits, entry.generation)) continue;
      if (oldest == nullptr || entry.created < oldest->created) oldest = &entry;
    }
    if (oldest == nullptr) {
      if ((generation_digits() & allowed_digits) == 0) return no_digit();
      return Fault{
          "the active generation has the only digit that is allowed; accept fewer brands (--brands) to free "
          "another"};
    }
    next = oldest->generation;
  }
  KeyRing ring;
  Status added = ring.copy_from(*this, next);
  if (added) added = ring.add_fresh(next, now);
  if (!added) return Fault{added.message()};
  if (!activate) ring.set_active(active_);
  return ring;
}

Result<KeyRing> KeyRing::activate(uint8_t generation) const {
  if (!has(generation)) {
    return Fault{"generation " + std::to_string(generation) +
                 " is not in the key ring; run: cardscrub keys rotate"};
  }
  KeyRing ring;
  Status added = ring.copy_from(*this, 0);
  if (!added) return Fault{added.message()};
  ring.set_active(generation);
  return ring;
}

Result<KeyRing> KeyRing::retire(uint8_t generation) const {
  const std::string name = std::to_string(generation);
  if (!has(generation)) return Fault{"generation " + name + " is not in the key ring"};
  if (generation == active_) {
    return Fault{"generation " + name + " is active; run: cardscrub keys rotate, or keys activate"};
  }
  KeyRing ring;
  Status added = ring.copy_from(*this, generation);
  if (!added) return Fault{added.message()};
  ring.set_active(active_);
  return ring;
}

// Written by hand, a key a line: the only strings in it are ours, and the keys stay in secret memory.
SecretBuffer KeyRing::json() const {
  SecretBuffer out;
  append(&out, "{\"keys\":[\n");
  for (size_t i = 0; i < entries_.size(); i++) {
    const Entry& entry = entries_[i];
    const std::string generation = std::to_string(entry.generation);
    append(&out, R"({"kty":"oct","kid":")" + generation + R"(","use":"enc","alg":"A256KW","k":")");
    base64url_encode(entry.key.span(), &out);
    append(&out, R"(","iat":)" + std::to_string(entry.created) + R"(,"generation":)" + generation +
                     R"(,"state":")" + (entry.active ? "active" : "live") + "\"}" +
                     (i + 1 < entries_.size() ? ",\n" : "\n"));
  }
  append(&out, "]}\n");
  return out;
}

Status KeyRing::write(const std::string& path, const Kek* kek, bool replace) const {
  const SecretBuffer text = json();
  if (kek == nullptr) return write_key_file(path, text.span(), replace);
  Result<SecretBuffer> wrapped = kek->wrap(text.span());
  if (!wrapped) return Fault{wrapped.message()};
  return write_key_file(path, wrapped->span(), replace);
}

Status KeyRing::save(const std::string& path, const Kek* kek) const { return write(path, kek, true); }
Status KeyRing::save_new(const std::string& path, const Kek* kek) const { return write(path, kek, false); }

Result<KeyRing> KeyRing::load(const std::string& path, const Kek* kek) {
  Result<SecretBuffer> content = read_key_file(path);
  if (!content) return Fault{content.message()};
  const std::string name = "the key ring \"" + path + "\"";
  const bool wrapped = is_wrapped(content->span());
  if (wrapped && kek == nullptr) {
    return Fault{name + " is wrapped by a key-encryption key with check value " +
                 check_value_of_wrapped(content->span()) +
                 "; say where that key is, with cardscrub_kek in nginx.conf or --kek on the command line, or "
                 "run: cardscrub keys unwrap --kek SOURCE --file " +
                 path};
  }
  if (!wrapped && kek != nullptr && !content->empty() && content->data()[0] == '{') return in_clear(path);
  if (wrapped) {
    Result<SecretBuffer> text = kek->unwrap(content->span());
    if (!text) return Fault{"cannot unwrap " + name + ": " + text.message()};
    content = std::move(text);
  }
  Result<KeyRing> ring = parse(content->span());
  if (!ring) {
    return Fault{name + " is damaged: " + ring.message() +
                 "; put back a copy of it, or, to give up all tokens made so far, remove it and run: "
                 "cardscrub keys new --file " +
                 path};
  }
  if (!wrapped && kek != nullptr) return in_clear(path);  // with white space or a byte order mark in front
  return ring;
}

}  // namespace cardscrub
