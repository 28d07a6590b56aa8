// The key ring: master keys by generation, in a JWK Set file (RFC 7517), and the working keys derived from
// them.
//
// {"keys":[{"kty":"oct","kid":"9","use":"enc","alg":"A256KW","k":"<base64url, 32
// bytes>","iat":1760000000,"generation":9,"state":"active"}]} `generation` is the digit that tokens of this
// key start with: 9, 7 or 1. `state` is "active" (writes and reads; exactly one) or "live" (reads only).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "key_block.h"
#include "result.h"
#include "secret.h"

namespace cardscrub {

// HKDF-SHA-256 labels (RFC 5869); a working key serves one purpose only.
enum class KeyPurpose : uint8_t { kToken, kCodeStore, kFingerprint, kAudit };

class Kek;

class KeyRing {
 public:
  // The digits that may start a token, in the order in which they are taken.
  static constexpr std::array<uint8_t, 3> kGenerations = {9, 7, 1};

  // Reads a file. The fault says which line or member is wrong and which command mends it: no file, symbolic
  // link, mode other than 0600 (or 0400), owner other than root or the caller, not JSON, key not 32 bytes,
  // generation unknown or twice, none or two active.
  // With a key-encryption key the file must be wrapped with it, without one it must not be wrapped.
  static Result<KeyRing> load(const std::string& path, const Kek* kek = nullptr);
  static Result<KeyRing> parse(Bytes json);

  uint8_t active() const { return active_; }  // generation digit that new tokens carry
  bool has(uint8_t generation) const;
  uint32_t generation_digits() const;  // bit d: digit d starts a token of this ring
  // 32 bytes, derived; the generation must be in the ring. Empty when the engine failed.
  SecretBuffer derive(uint8_t generation, KeyPurpose purpose) const;
  // Locks the keys in memory again: a worker calls it after fork(), which does not inherit locks. False: the
  // limits forbid it.
  bool lock_memory() const;

  struct Entry {
    uint8_t generation;
    bool active;
    int64_t created;          // seconds since 1970
    std::string check_value;  // key check value: first 3 bytes of CMAC over zeros, hex; safe to print
    KeyBlock key;             // 32 bytes, locked in memory where the limits allow
  };
  const std::vector<Entry>& entries() const { return entries_; }

  // For the command line tool: a new ring with one fresh key; a ring with the next generation active (order
  // 9, 7, 1, the oldest is replaced when all allowed digits are live; digits outside `allowed` are skipped;
  // the generation that was active stays live). `now`: seconds since 1970. Without `activate` the new key is
  // live only, so that all hosts can read its tokens before one writes them.
  static Result<KeyRing> generate(uint32_t allowed_digits, int64_t now);
  Result<KeyRing> rotate(uint32_t allowed_digits, int64_t now, bool activate = true) const;
  Result<KeyRing> activate(uint8_t generation) const;
  // A ring without a generation; never without the active one.
  Result<KeyRing> retire(uint8_t generation) const;
  // Writes atomically (temporary file in the same folder, mode 0600, fsync, rename), wrapped when there is a
  // key-encryption key, and overwrites the bytes of the file that was there. save_new: a file that exists is
  // a fault.
  Status save(const std::string& path, const Kek* kek = nullptr) const;
  Status save_new(const std::string& path, const Kek* kek = nullptr) const;

 private:
  KeyRing() = default;
  Status add(uint8_t generation, bool active, int64_t created, Bytes key);
  Status add_fresh(uint8_t generation, int64_t now);
  Status copy_from(const KeyRing& other, uint8_t without);
  void set_active(uint8_t generation);
  SecretBuffer json() const;
  Status write(const std::string& path, const Kek* kek, bool replace) const;

  std::vector<Entry> entries_;
  uint8_t active_ = 0;
};

}  // namespace cardscrub
