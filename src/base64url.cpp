// base64url, without tables: a table's cache lines would tell of the key.
#include "base64url.h"

namespace cardscrub {
namespace {

uint8_t character_of(unsigned value) {
  if (value < 26) return static_cast<uint8_t>('A' + value);
  if (value < 52) return static_cast<uint8_t>('a' + (value - 26));
  if (value < 62) return static_cast<uint8_t>('0' + (value - 52));
  return value == 62 ? '-' : '_';
}

// 64: not a character of the alphabet.
unsigned value_of(uint8_t c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
  return c == '-' ? 62 : c == '_' ? 63 : 64;
}

}  // namespace

bool is_base64url(uint8_t c) { return value_of(c) < 64; }

void base64url_encode(Bytes bytes, SecretBuffer* out) {
  unsigned bits = 0, count = 0;
  for (uint8_t byte : bytes) {
    bits = (bits << 8 | byte) & 0xffff;
    for (count += 8; count >= 6; count -= 6) {
      const uint8_t c = character_of(bits >> (count - 6) & 63);
      out->append({&c, 1});
    }
  }
  if (count != 0) {
    const uint8_t c = character_of(bits << (6 - count) & 63);
    out->append({&c, 1});
  }
}

bool base64url_decode(Bytes text, SecretBuffer* out) {
  if (text.size() % 4 == 1) return false;
  SecretBuffer bytes(text.size());
  unsigned bits = 0, count = 0;
  for (uint8_t c : text) {
    const unsigned value = value_of(c);
    if (value > 63) return false;
    bits = (bits << 6 | value) & 0x3fff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      const uint8_t byte = static_cast<uint8_t>(bits >> count);
      bytes.append({&byte, 1});
    }
  }
  if ((bits & ((1u << count) - 1)) != 0) return false;
  out->append(bytes.span());
  return true;
}

}  // namespace cardscrub
