// FF1 (SP 800-38G, algorithms 7 and 8), twice: digits with machine integers, any radix with BIGNUM.
//
// A round's function is CBC-MAC over P || Q, Q = tweak || zeros || round || NUM(B) in b bytes.
// P depends on the two lengths only: E(P) is kept per (length, tweak length). Of Q, only the last block
// changes from round to round (round number and NUM(B) take at most 6 bytes of it for digits): the blocks
// before are chained once a call. That leaves one AES block a round.
#include "ff1.h"

#include <array>
#include <bit>
#include <cstring>

#include "aes_block.h"
#include "openssl_handles.h"

namespace cardscrub {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t kBlock = AesBlock::kSize;
constexpr unsigned kRounds = 10;
constexpr size_t kDigitsMin = 6;   // 10^6, the smallest domain of SP 800-38G Rev. 1
constexpr size_t kDigitsMax = 20;  // two halves below 2^34
constexpr uint64_t kDomainMin = 1000000;

using Block = std::array<uint8_t, kBlock>;

constexpr std::array<uint64_t, kDigitsMax / 2 + 1> kPowers = [] {
  std::array<uint64_t, kDigitsMax / 2 + 1> powers{};
  uint64_t power = 1;
  for (uint64_t& p : powers) {
    p = power;
    power *= 10;
  }
  return powers;
}();

// floor(2^64 / 10^m) for m > 0: no power of ten divides 2^64.
constexpr std::array<uint64_t, kDigitsMax / 2 + 1> kInverses = [] {
  std::array<uint64_t, kDigitsMax / 2 + 1> inverses{};
  for (size_t m = 1; m != inverses.size(); m++) inverses[m] = UINT64_MAX / kPowers[m];
  return inverses;
}();

// y mod 10^m without a division, which would cost as much as half a block of AES. The quotient is right or 1
// too small: y / 10^m - y * floor(2^64 / 10^m) / 2^64 < 1, and rounding down takes less than 1.
uint64_t modulo_power(uint64_t y, size_t m) {
  const uint64_t quotient = static_cast<uint64_t>(static_cast<Wide>(y) * kInverses[m] >> 64);
  const uint64_t rest = y - quotient * kPowers[m];
  return rest >= kPowers[m] ? rest - kPowers[m] : rest;
}

// Bytes that hold NUM of `v` digits: ceil(ceil(v * log2(10)) / 8).
constexpr std::array<uint8_t, kDigitsMax / 2 + 1> kHalfBytes = [] {
  std::array<uint8_t, kDigitsMax / 2 + 1> bytes{};
  for (size_t v = 1; v != bytes.size(); v++) {
    for (uint64_t rest = kPowers[v] - 1; rest != 0; rest >>= 8) bytes[v]++;
  }
  return bytes;
}();

constexpr uint64_t big_endian(uint64_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

uint64_t load_be64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return big_endian(value);
}

// Both halves in one store: the cipher reads the block as a whole, and a load of what two smaller stores have
// just written has to wait for both of them.
using Pair = uint64_t __attribute__((vector_size(kBlock)));

void store_be128(uint8_t* at, uint64_t high, uint64_t low) {
  const Pair pair = {big_endian(high), big_endian(low)};
  std::memcpy(at, &pair, sizeof pair);
}

void store_be32(uint8_t* at, size_t value) {
  for (unsigned i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

uint64_t number_of(const uint8_t* digits, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; i++) value = value * 10 + digits[i];
  return value;
}

void write_number(uint8_t* digits, size_t count, uint64_t value) {
  for (size_t i = count; i-- > 0; value /= 10) digits[i] = static_cast<uint8_t>(value % 10);
}

Block first_block(uint32_t radix, size_t count, size_t tweak) {
  Block p{1,
          2,
          1,
          static_cast<uint8_t>(radix >> 16),
          static_cast<uint8_t>(radix >> 8),
          static_cast<uint8_t>(radix),
          kRounds,
          static_cast<uint8_t>(count / 2)};
  store_be32(p.data() + 8, count);
  store_be32(p.data() + 12, tweak);
  return p;
}

}  // namespace

struct Ff1::State {
  explicit State(AesBlock cipher) : aes(std::move(cipher)) {}

  AesBlock aes;
  // E(P) for digits, by length and tweak length; filled when first needed.
  std::array<std::array<Block, kTweakMax + 1>, kDigitsMax + 1> heads{};
  std::array<std::array<bool, kTweakMax + 1>, kDigitsMax + 1> known{};

  ~State() { wipe(heads.data(), sizeof heads); }

  bool block(uint8_t* inout) { return aes.encrypt(inout); }

  template <bool kEncrypt>
  bool digits(MutableBytes text, Bytes tweak);
  bool numerals(bool encrypt, uint32_t radix, std::span<uint16_t> text, Bytes tweak);
  bool long_digits(bool encrypt, MutableBytes text, Bytes tweak);
  bool run(bool encrypt, MutableBytes text, Bytes tweak);
};

template <bool kEncrypt>
bool Ff1::State::digits(MutableBytes text, Bytes tweak) {
  const size_t n = text.size(), t = tweak.size();
  const size_t u = n / 2, v = n - u;
  const unsigned b = kHalfBytes[v];
  const bool wide = b > 4;  // d = 4 * ceil(b / 4) + 4 bytes of the result count: 8, or 12

  Block& head = heads[n][t];
  if (!known[n][t]) {
    head = first_block(10, n, t);
    if (!block(head.data())) return false;
    known[n][t] = true;
  }

  // Q without round and NUM(B); all but the last block of it are chained here.
  const size_t blocks = (t + b + 1 + kBlock - 1) / kBlock;
  std::array<uint8_t, kTweakMax + 2 * kBlock> q{};
  if (t != 0) std::memcpy(q.data(), tweak.data(), t);
  Block chain = head;
  for (size_t i = 0; i + 1 < blocks; i++) {
    for (size_t k = 0; k < kBlock; k++) chain[k] ^= q[i * kBlock + k];
    if (!block(chain.data())) return false;
  }
  const uint8_t* last = q.data() + (blocks - 1) * kBlock;
  const uint64_t base_high = load_be64(chain.data()) ^ load_be64(last);
  const uint64_t base_low = load_be64(chain.data() + 8) ^ load_be64(last + 8);

  uint64_t left = number_of(text.data(), u), right = number_of(text.data() + u, v);
  Block work;
  bool good = true;
  for (unsigned step = 0; step < kRounds && good; step++) {
    const uint64_t round = kEncrypt ? step : kRounds - 1 - step;
    const size_t m = round % 2 == 0 ? u : v;
    const uint64_t modulus = kPowers[m];
    const uint64_t known_half = kEncrypt ? right : left;
    store_be128(work.data(), base_high, base_low ^ (round << (8 * b) | known_half));
    good = block(work.data());
    uint64_t y = load_be64(work.data());
    if (wide) {
      y = static_cast<uint64_t>((static_cast<Wide>(y) << 32 | load_be64(work.data() + 8) >> 32) % modulus);
    } else {
      y = modulo_power(y, m);
    }
    if constexpr (kEncrypt) {
      uint64_t sum = left + y;
      if (sum >= modulus) sum -= modulus;
      left = right;
      right = sum;
    } else {
      uint64_t difference = right >= y ? right - y : right + modulus - y;
      right = left;
      left = difference;
    }
  }
  wipe(work.data(), work.size());
  wipe(chain.data(), chain.size());
  if (!good) return false;
  write_number(text.data(), u, left);
  write_number(text.data() + u, v, right);
  return true;
}

namespace {

// The numbers of one call of the BIGNUM way. All constructors must have succeeded: ok().
struct Numbers {
  BnCtx ctx{BN_CTX_new()};
  Bn left{BN_new()}, right{BN_new()}, y{BN_new()}, sum{BN_new()}, modulus_u{BN_new()}, modulus_v{BN_new()};
  bool ok() const { return ctx && left && right && y && sum && modulus_u && modulus_v; }
};

bool number_of(std::span<const uint16_t> text, uint32_t radix, BIGNUM* out) {
  BN_zero(out);
  for (uint16_t numeral : text) {
    if (BN_mul_word(out, radix) != 1 || BN_add_word(out, numeral) != 1) return false;
  }
  return true;
}

bool write_number(std::span<uint16_t> text, uint32_t radix, BIGNUM* value) {
  for (size_t i = text.size(); i-- > 0;) {
    const BN_ULONG rest = BN_div_word(value, radix);
    if (rest >= radix) return false;
    text[i] = static_cast<uint16_t>(rest);
  }
  return BN_is_zero(value);
}

bool power_of(uint32_t radix, size_t exponent, BIGNUM* out) {
  if (BN_one(out) != 1) return false;
  for (size_t i = 0; i < exponent; i++) {
    if (BN_mul_word(out, radix) != 1) return false;
  }
  return true;
}

bool domain_is_large_enough(uint32_t radix, size_t count) {
  uint64_t size = 1;
  for (size_t i = 0; i < count && size < kDomainMin; i++) size *= radix;
  return size >= kDomainMin;
}

}  // namespace

bool Ff1::State::numerals(bool encrypt, uint32_t radix, std::span<uint16_t> text, Bytes tweak) {
  const size_t n = text.size(), t = tweak.size();
  if (radix < 2 || radix > 65536 || n < 2 || n > kNumeralsMax || t > kTweakMax) return false;
  if (!domain_is_large_enough(radix, n)) return false;
  for (uint16_t numeral : text) {
    if (numeral >= radix) return false;
  }
  const size_t u = n / 2, v = n - u;
  Numbers x;
  if (!x.ok() || !power_of(radix, u, x.modulus_u.get()) || !power_of(radix, v, x.modulus_v.get()))
    return false;
  // ceil(log2(radix^v)) is the bit length of radix^v - 1: exact, where floating point would not be.
  if (BN_copy(x.y.get(), x.modulus_v.get()) == nullptr || BN_sub_word(x.y.get(), 1) != 1) return false;
  const size_t b = (static_cast<size_t>(BN_num_bits(x.y.get())) + 7) / 8;
  const size_t d = (b + 3) / 4 * 4 + 4;
  const size_t blocks = (t + b + 1 + kBlock - 1) / kBlock;

  Block head = first_block(radix, n, t);
  if (!block(head.data())) return false;
  SecretBuffer q, s;
  q.resize(blocks * kBlock);
  s.resize((d + kBlock - 1) / kBlock * kBlock);
  if (t != 0) std::memcpy(q.data(), tweak.data(), t);
  if (!number_of(text.first(u), radix, x.left.get()) || !number_of(text.subspan(u), radix, x.right.get())) {
    return false;
  }
  for (unsigned step = 0; step < kRounds; step++) {
    const unsigned round = encrypt ? step : kRounds - 1 - step;
    const BIGNUM* modulus = round % 2 == 0 ? x.modulus_u.get() : x.modulus_v.get();
    const BIGNUM* known_half = encrypt ? x.right.get() : x.left.get();
    q.data()[q.size() - b - 1] = static_cast<uint8_t>(round);
    if (BN_bn2binpad(known_half, q.data() + q.size() - b, static_cast<int>(b)) < 0) return false;

    std::memcpy(s.data(), head.data(), kBlock);
    for (size_t i = 0; i < blocks; i++) {
      for (size_t k = 0; k < kBlock; k++) s.data()[k] ^= q.data()[i * kBlock + k];
      if (!block(s.data())) return false;
    }
    for (size_t j = 1; j * kBlock < s.size(); j++) {  // S = R || E(R ^ [1]) || E(R ^ [2]) ...
      uint8_t* next = s.data() + j * kBlock;
      std::memcpy(next, s.data(), kBlock);
      next[kBlock - 2] ^= static_cast<uint8_t>(j >> 8);
      next[kBlock - 1] ^= static_cast<uint8_t>(j);
      if (!block(next)) return false;
    }
    if (BN_bin2bn(s.data(), static_cast<int>(d), x.y.get()) == nullptr) return false;
    const bool worked = encrypt
                            ? BN_mod_add(x.sum.get(), x.left.get(), x.y.get(), modulus, x.ctx.get()) == 1
                            : BN_mod_sub(x.sum.get(), x.right.get(), x.y.get(), modulus, x.ctx.get()) == 1;
    if (!worked) return false;
    if (encrypt) {
      x.left.swap(x.right);
      x.right.swap(x.sum);
    } else {
      x.right.swap(x.left);
      x.left.swap(x.sum);
    }
  }
  return write_number(text.first(u), radix, x.left.get()) &&
         write_number(text.subspan(u), radix, x.right.get());
}

bool Ff1::State::long_digits(bool encrypt, MutableBytes text, Bytes tweak) {
  auto copy = std::make_unique<uint16_t[]>(text.size());
  for (size_t i = 0; i < text.size(); i++) copy[i] = text[i];
  const bool good = numerals(encrypt, 10, {copy.get(), text.size()}, tweak);
  for (size_t i = 0; good && i < text.size(); i++) text[i] = static_cast<uint8_t>(copy[i]);
  wipe(copy.get(), text.size() * sizeof(uint16_t));
  return good;
}

bool Ff1::State::run(bool encrypt, MutableBytes text, Bytes tweak) {
  if (text.size() < kDigitsMin || text.size() > kNumeralsMax || tweak.size() > kTweakMax) return false;
  for (uint8_t digit : text) {
    if (digit > 9) return false;
  }
  if (text.size() > kDigitsMax) return long_digits(encrypt, text, tweak);
  return encrypt ? digits<true>(text, tweak) : digits<false>(text, tweak);
}

Result<Ff1> Ff1::create(Bytes key) {
  Result<AesBlock> aes = AesBlock::create(key);
  if (!aes) return Fault{aes.message()};
  return Ff1(std::make_unique<State>(std::move(*aes)));
}

Ff1::Ff1(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ff1::Ff1(Ff1&&) noexcept = default;
Ff1& Ff1::operator=(Ff1&&) noexcept = default;
Ff1::~Ff1() = default;

bool Ff1::encrypt(MutableBytes digits, Bytes tweak) { return state_->run(true, digits, tweak); }
bool Ff1::decrypt(MutableBytes digits, Bytes tweak) { return state_->run(false, digits, tweak); }
bool Ff1::encrypt(uint32_t radix, std::span<uint16_t> numerals, Bytes tweak) {
  return state_->numerals(true, radix, numerals, tweak);
}
bool Ff1::decrypt(uint32_t radix, std::span<uint16_t> numerals, Bytes tweak) {
  return state_->numerals(false, radix, numerals, tweak);
}

}  // namespace cardscrub
