// Tokens, FF1 and parcels of codes: there and back, format, key generations; and what a code store may
// answer.
//
// Input: byte 0 wishes, 1 length of the namespace, the namespace, 20 bytes of digits, then what a store
// answered.
#include "src/token.h"

#include <algorithm>

#include "src/code_parcel.h"
#include "tests/fuzz/harness.h"

using namespace cardscrub;
using namespace cardscrub::fuzz;

namespace {

constexpr int64_t kNow = 1790000000;

// Generations 9 and 7; `active` writes.
KeyRing ring_of(int active) {
  const auto key = [&](int generation, const char* k) {
    return R"({"kty":"oct","kid":")" + std::to_string(generation) +
           R"(","use":"enc","alg":"A256KW","iat":1760000000,"generation":)" + std::to_string(generation) +
           R"(,"state":")" + (generation == active ? "active" : "live") + R"(","k":")" + k + "\"}";
  };
  const std::string json = R"({"keys":[)" + key(9, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") + "," +
                           key(7, "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") + "]}";
  Result<KeyRing> ring = KeyRing::parse({reinterpret_cast<const uint8_t*>(json.data()), json.size()});
  law(static_cast<bool>(ring), "the harness' key ring");
  return std::move(*ring);
}

// A host before and one after the rotation of keys.
struct Hosts {
  KeyRing old_ring = ring_of(9);
  KeyRing new_ring = ring_of(7);
  Result<TokenVault> before = TokenVault::create(old_ring);
  Result<TokenVault> after = TokenVault::create(new_ring);
  Result<CodeParcels> parcels = CodeParcels::create(old_ring);
  Result<Ff1> ff1 = Ff1::create(old_ring.derive(9, KeyPurpose::kToken).span());
};
Hosts& hosts() {
  static Hosts shared;
  law(shared.before && shared.after && shared.parcels && shared.ff1, "the harness' engines");
  return shared;
}

bool pan_length(size_t size) { return size >= limits::kPanMin && size <= limits::kPanMax; }

void holds_token(const Digits& pan, TokenFormat format, std::string_view name_space) {
  TokenVault& vault = *hosts().before;
  Digits token = pan;
  const bool made = vault.tokenize(&token, format, name_space);
  law(made == (pan_length(pan.size()) && luhn_valid(pan.span())),
      "numbers of 12 to 19 digits with Luhn have tokens");
  if (!made) {
    law(token == pan, "what has no token stays as it was");
    return;
  }
  law(token.size() == pan.size() && token[0] == 9 && vault.is_token(token), "1, in place: a token's form");
  if (format == TokenFormat::kLast4) {
    law(std::equal(pan.span().end() - 4, pan.span().end(), token.span().end() - 4), "the last four stay");
  }
  Digits again = pan;
  law(vault.tokenize(&again, format, name_space) && again == token, "the same card, the same token");
  Digits back = token;
  law(vault.detokenize(&back, format, name_space) && back == pan, "there and back");

  // Another host, with the next key: it reads the old token, and writes its own.
  TokenVault& other = *hosts().after;
  back = token;
  law(other.detokenize(&back, format, name_space) && back == pan, "an older token stays readable");
  Digits next = pan;
  law(other.tokenize(&next, format, name_space) && next[0] == 7, "retoken");
  law(vault.detokenize(&next, format, name_space) && next == pan, "retoken, and back");

  // Another namespace: a token that stands for another number, or, by chance, the same.
  back = token;
  law(vault.detokenize(&back, format, std::string(name_space) + "x") && luhn_valid(back.span()),
      "any token stands for some number");
}

// Any digits that start as a token does stand for exactly one number.
void holds_digits(const Digits& digits, TokenFormat format, std::string_view name_space) {
  TokenVault& vault = *hosts().before;
  const bool token = pan_length(digits.size()) && (digits[0] == 9 || digits[0] == 7);
  law(vault.is_token(digits) == token, "is_token");
  Digits pan = digits;
  law(vault.detokenize(&pan, format, name_space) == token, "tokens have numbers");
  if (!token) return;
  law(luhn_valid(pan.span()), "a token stands for a number with Luhn");
  TokenVault& writer = digits[0] == 9 ? vault : *hosts().after;
  law(writer.tokenize(&pan, format, name_space) && pan == digits, "and back to the token");
}

// The fast way of FF1 and the one by big numbers agree.
void holds_ff1(const Digits& digits, std::string_view tweak_text) {
  const Bytes tweak(reinterpret_cast<const uint8_t*>(tweak_text.data()),
                    std::min(tweak_text.size(), Ff1::kTweakMax));
  Ff1& ff1 = *hosts().ff1;
  Digits fast = digits;
  std::vector<uint16_t> slow(digits.span().begin(), digits.span().end());
  const bool good = ff1.encrypt(fast.span(), tweak);
  law(good == (digits.size() >= 6), "FF1: six digits or more");
  law(ff1.encrypt(10, slow, tweak) == good, "FF1: both ways or none");
  law(std::equal(slow.begin(), slow.end(), fast.span().begin(), fast.span().end()), "FF1: both ways agree");
  if (!good) return;
  law(ff1.decrypt(fast.span(), tweak) && fast == digits, "FF1: there and back");
}

void holds_parcel(const Digits& digits, std::string_view answer) {
  CodeParcels& parcels = *hosts().parcels;
  if (digits.size() < 16) return;
  Digits token;
  Digits alias;
  Digits code;
  for (size_t i = 0; i < digits.size(); ++i) {
    law((i < 12 ? token : i % 2 == 0 ? alias : code).push(i == 0 ? uint8_t{9} : digits[i]), "room");
  }
  ParcelKey key;
  ParcelValue value;
  law(parcels.seal(token, alias, code, kNow, 900, &key, &value) == ParcelResult::kOk, "a code is sealed");
  ParcelKey again;
  law(parcels.key_of(token, alias, &again) == ParcelResult::kOk && again == key, "and found by its key");
  Digits opened;
  law(parcels.open(token, alias, value, kNow + 899, &opened) == ParcelResult::kOk && opened == code,
      "a parcel opens");
  law(parcels.open(token, alias, value, kNow + 901, &opened) == ParcelResult::kExpired, "a parcel expires");
  law(parcels.open(alias, token, value, kNow, &opened) != ParcelResult::kOk, "a parcel belongs to its card");

  const Bytes bytes(reinterpret_cast<const uint8_t*>(answer.data()), answer.size());
  law(parcels.open(token, alias, bytes, kNow, &opened) != ParcelResult::kOk, "made up answers are refused");
  if (answer.size() < 2) return;
  ParcelValue changed = value;
  changed[bytes[0] % changed.size()] ^= static_cast<uint8_t>(1u << (bytes[1] & 7));
  law(parcels.open(token, alias, changed, kNow, &opened) != ParcelResult::kOk, "a changed parcel is refused");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t wishes = input.byte();
  const TokenFormat format = (wishes & 1) != 0 ? TokenFormat::kFull : TokenFormat::kLast4;
  const std::string_view name_space = input.take(input.byte());
  Digits digits;
  for (char c : input.take(Digits::kMax)) {
    if (c == '.') break;  // a shorter number
    law(digits.push(static_cast<uint8_t>(c) % 10), "room");
  }
  if (digits.empty()) return 0;
  const std::string_view answer = input.rest();

  holds_digits(digits, format, name_space);
  holds_ff1(digits, name_space);
  holds_parcel(digits, answer);
  if ((wishes & 2) != 0) {
    // Most numbers that come by chance are wrong.
    const size_t last = digits.size() - 1;
    digits[last] = luhn_check_digit(digits.span().first(last));
  }
  holds_token(digits, format, name_space);
  return 0;
}
