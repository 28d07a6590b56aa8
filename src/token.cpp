// PAN tokens and random aliases.
#include "token.h"

#include <openssl/evp.h>

#include <cstring>
#include <optional>

#include "hmac.h"
#include "issuer.h"
#include "limits.h"
#include "openssl_handles.h"

namespace cardscrub {
namespace {

constexpr size_t kKept = 4;           // digits that a last4 token keeps
constexpr size_t kNameSpaceMax = 32;  // bytes that go into the tweak as they are
constexpr size_t kSha256 = 32;

// Codes of the tweak's first byte; kHashed is added when the namespace stands as its SHA-256.
constexpr uint8_t kTweakLast4 = 1, kTweakFull = 2, kHashed = 0x80;
static_assert(4 + kNameSpaceMax <= Ff1::kTweakMax && kSha256 == kNameSpaceMax);

// A PAN's first digit, given the others: Luhn's doubling is a permutation of the digits at every position.
uint8_t first_digit(Bytes digits) {
  unsigned sum = 0;
  const size_t size = digits.size();
  for (size_t i = 1; i < size; i++) {
    const unsigned digit = digits[i];
    const bool doubled = (size - 1 - i) % 2 == 1;
    sum += !doubled ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit;
  }
  const unsigned missing = (10 - sum % 10) % 10;
  const bool doubled = (size - 1) % 2 == 1;
  if (!doubled) return static_cast<uint8_t>(missing);
  return static_cast<uint8_t>(missing % 2 == 0 ? missing / 2 : (missing + 9) / 2);
}

bool pan_length(size_t size) { return size >= limits::kPanMin && size <= limits::kPanMax; }

MutableBytes hidden_part(Digits* digits, TokenFormat format) {
  const size_t end = digits->size() - (format == TokenFormat::kLast4 ? kKept : 0);
  return digits->span().subspan(1, end - 1);
}

}  // namespace

struct TokenVault::State {
  std::array<std::optional<Ff1>, 10> ciphers;  // by generation digit
  uint8_t active = 0;
  std::optional<HmacSha256> fingerprints;
  Md sha256;
  MdCtx hash;

  // Which tweak belongs to a token; the same for a PAN and its token, as length and kept digits are the same:
  //   format | length | last four as a 16-bit number (0 for full) | namespace
  // Fixed widths before the namespace, so no two inputs have the same tweak. Sets size to 0 when the engine
  // failed.
  struct Tweak {
    std::array<uint8_t, 4 + kNameSpaceMax> bytes{};
    size_t size = 0;
    Bytes span() const { return Bytes(bytes).first(size); }
  };
  Tweak tweak_of(const Digits& digits, TokenFormat format, std::string_view name_space);
};

TokenVault::State::Tweak TokenVault::State::tweak_of(const Digits& digits, TokenFormat format,
                                                     std::string_view name_space) {
  Tweak out;
  const size_t size = digits.size();
  out.bytes[0] = format == TokenFormat::kLast4 ? kTweakLast4 : kTweakFull;
  out.bytes[1] = static_cast<uint8_t>(size);
  if (format == TokenFormat::kLast4) {
    unsigned kept = 0;
    for (size_t i = size - kKept; i < size; i++) kept = kept * 10 + digits[i];
    out.bytes[2] = static_cast<uint8_t>(kept >> 8);
    out.bytes[3] = static_cast<uint8_t>(kept);
  }
  if (name_space.size() <= kNameSpaceMax) {
    if (!name_space.empty()) std::memcpy(&out.bytes[4], name_space.data(), name_space.size());
    out.size = 4 + name_space.size();
    return out;
  }
  out.bytes[0] |= kHashed;
  unsigned hashed = 0;
  if (openssl_went(EVP_DigestInit_ex2(hash.get(), sha256.get(), nullptr) == 1 &&
                   EVP_DigestUpdate(hash.get(), name_space.data(), name_space.size()) == 1 &&
                   EVP_DigestFinal_ex(hash.get(), &out.bytes[4], &hashed) == 1 && hashed == kSha256)) {
    out.size = 4 + kSha256;
  }
  return out;
}

Result<TokenVault> TokenVault::create(const KeyRing& ring) {
  auto state = std::make_unique<State>();
  for (const KeyRing::Entry& entry : ring.entries()) {
    Result<Ff1> cipher = Ff1::create(ring.derive(entry.generation, KeyPurpose::kToken).span());
    if (!cipher) return Fault{cipher.message()};
    state->ciphers[entry.generation].emplace(std::move(*cipher));
  }
  state->active = ring.active();
  const SecretBuffer key = ring.derive(ring.active(), KeyPurpose::kFingerprint);
  Result<HmacSha256> fingerprints = HmacSha256::create(key.span());
  if (!fingerprints) return Fault{fingerprints.message()};
  state->fingerprints.emplace(std::move(*fingerprints));
  state->sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  state->hash.reset(EVP_MD_CTX_new());
  if (key.empty() || !state->sha256 || !state->hash || !state->ciphers[state->active]) {
    return Fault{"OpenSSL does not provide HKDF and SHA-256"};
  }
  return TokenVault(std::move(state));
}

TokenVault::TokenVault(std::unique_ptr<State> state) : state_(std::move(state)) {}
TokenVault::TokenVault(TokenVault&&) noexcept = default;
TokenVault& TokenVault::operator=(TokenVault&&) noexcept = default;
TokenVault::~TokenVault() = default;

bool TokenVault::tokenize(Digits* pan, TokenFormat format, std::string_view name_space) {
  if (!pan_length(pan->size()) || !luhn_valid(pan->span())) return false;
  const State::Tweak tweak = state_->tweak_of(*pan, format, name_space);
  if (tweak.size == 0 || !state_->ciphers[state_->active]->encrypt(hidden_part(pan, format), tweak.span())) {
    return false;
  }
  (*pan)[0] = state_->active;
  return true;
}

bool TokenVault::detokenize(Digits* token, TokenFormat format, std::string_view name_space) {
  if (!is_token(*token)) return false;
  const State::Tweak tweak = state_->tweak_of(*token, format, name_space);
  if (tweak.size == 0 || !state_->ciphers[(*token)[0]]->decrypt(hidden_part(token, format), tweak.span())) {
    return false;
  }
  (*token)[0] = first_digit(token->span());
  return true;
}

bool TokenVault::is_token(const Digits& digits) const {
  return pan_length(digits.size()) && digits[0] <= 9 && state_->ciphers[digits[0]].has_value();
}

bool TokenVault::fingerprint(const Digits& pan, std::span<uint8_t, 16> out) {
  if (!pan_length(pan.size())) return false;
  std::array<uint8_t, Digits::kMax> text{};
  for (size_t i = 0; i < pan.size(); i++) text[i] = static_cast<uint8_t>('0' + pan[i]);
  std::array<uint8_t, HmacSha256::kSize> mac{};
  const bool good = state_->fingerprints->compute(Bytes(text).first(pan.size()), mac);
  wipe(text.data(), text.size());
  if (good) std::memcpy(out.data(), mac.data(), out.size());
  return good;
}

}  // namespace cardscrub
