// Check values by OpenSSL.
#include "check_value.h"

#include <openssl/evp.h>

#include <array>

#include "hmac.h"

namespace cardscrub {
namespace {

std::string three_bytes(Bytes hash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (uint8_t byte : hash.first(3)) {
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

}  // namespace

std::string key_check_value(Bytes key) {
  std::array<uint8_t, 16> mac{};
  return cmac_of_zeros(key, mac) ? three_bytes(mac) : std::string{};
}

std::string public_key_check_value(Bytes info) {
  std::array<uint8_t, 32> hash{};
  size_t size = 0;
  const bool good =
      EVP_Q_digest(nullptr, "SHA256", nullptr, info.data(), info.size(), hash.data(), &size) == 1;
  return good && size == hash.size() ? three_bytes(hash) : std::string{};
}

}  // namespace cardscrub
