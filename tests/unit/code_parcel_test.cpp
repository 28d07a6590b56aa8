// Parcels for a code store outside this host: what is sealed opens for its own token and alias, in time, and
// nothing else does.
#include "tests/unit/testing.h"

#include "src/code_parcel.h"
#include "src/code_store.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr int64_t kNow = 1760000000;
constexpr uint32_t kTtl = 900;

const Digits& token() {
  static const Digits kToken = digits_of("9528014739601111");
  return kToken;
}
const Digits& alias() {
  static const Digits kAlias = digits_of("846");
  return kAlias;
}

KeyRing new_ring() {
  Result<KeyRing> ring = KeyRing::generate(~0u, 1);
  assert_true(static_cast<bool>(ring));
  return std::move(*ring);
}

CodeParcels parcels_of(const KeyRing& ring) {
  Result<CodeParcels> made = CodeParcels::create(ring);
  assert_true(static_cast<bool>(made));
  return std::move(*made);
}

struct Sealed {
  ParcelKey key;
  ParcelValue value;
};

Sealed seal(CodeParcels* parcels, std::string_view code) {
  Sealed out;
  assert_int_equal(
      static_cast<int>(parcels->seal(token(), alias(), digits_of(code), kNow, kTtl, &out.key, &out.value)),
      static_cast<int>(ParcelResult::kOk));
  return out;
}

void opens_once_sealed(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  for (std::string_view code : {"123", "0000", "9", "123456789012"}) {
    Sealed sealed = seal(&parcels, code);
    Digits out;
    assert_int_equal(static_cast<int>(parcels.open(token(), alias(), sealed.value, kNow + kTtl - 1, &out)),
                     static_cast<int>(ParcelResult::kOk));
    assert_true(out == digits_of(code));
  }
}

void key_is_a_name_that_says_nothing(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  Sealed first = seal(&parcels, "123");
  Sealed second = seal(&parcels, "456");
  assert_true(first.key == second.key);  // of token and alias alone
  assert_true(first.value != second.value);
  ParcelKey asked;
  assert_int_equal(static_cast<int>(parcels.key_of(token(), alias(), &asked)),
                   static_cast<int>(ParcelResult::kOk));
  assert_true(asked == first.key);
  std::string_view text(first.key.data(), first.key.size());
  assert_true(text.starts_with(kParcelPrefix));
  assert_true(text.substr(kParcelPrefix.size()).find_first_not_of("0123456789abcdef") ==
              std::string_view::npos);
  // Another host with the same ring asks under the same key; another ring under another one.
  CodeParcels stranger = parcels_of(new_ring());
  assert_int_equal(static_cast<int>(stranger.key_of(token(), alias(), &asked)),
                   static_cast<int>(ParcelResult::kOk));
  assert_false(asked == first.key);
}

void same_code_never_looks_the_same(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  assert_true(seal(&parcels, "123").value != seal(&parcels, "123").value);
}

void refuses_what_is_not_its_own(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  const Sealed sealed = seal(&parcels, "123");
  struct Row {
    const char* name;
    Digits token;
    Digits alias;
    int64_t now;
    ParcelResult result;
  };
  const Row rows[] = {
      {"another token", digits_of("9528014739601112"), alias(), kNow, ParcelResult::kFault},
      {"another alias", token(), digits_of("847"), kNow, ParcelResult::kFault},
      {"a generation that is not in the ring", digits_of("7528014739601111"), alias(), kNow,
       ParcelResult::kUnknown},
      {"no token", Digits{}, alias(), kNow, ParcelResult::kUnknown},
      {"at its expiry", token(), alias(), kNow + kTtl, ParcelResult::kExpired},
  };
  for (const Row& row : rows) {
    Digits out;
    ParcelResult result = parcels.open(row.token, row.alias, sealed.value, row.now, &out);
    if (result != row.result) fail_msg("%s: %d", row.name, static_cast<int>(result));
    assert_true(out.empty());
  }
}

void refuses_every_changed_byte_and_length(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  const Sealed sealed = seal(&parcels, "1234");
  Digits out;
  for (size_t i = 0; i < sealed.value.size(); ++i) {
    ParcelValue changed = sealed.value;
    changed[i] = static_cast<uint8_t>(changed[i] ^ 1);
    assert_int_equal(static_cast<int>(parcels.open(token(), alias(), changed, kNow, &out)),
                     static_cast<int>(ParcelResult::kFault));
    assert_true(out.empty());
  }
  for (size_t size = 0; size <= sealed.value.size() + 1; ++size) {
    if (size == sealed.value.size()) continue;
    std::vector<uint8_t> cut(sealed.value.begin(), sealed.value.end());
    cut.resize(size);
    assert_int_equal(static_cast<int>(parcels.open(token(), alias(), cut, kNow, &out)),
                     static_cast<int>(ParcelResult::kFault));
  }
}

void refuses_what_cannot_be_kept(void**) {
  CodeParcels parcels = parcels_of(new_ring());
  Sealed out;
  struct Row {
    const char* name;
    std::string_view code;
    int64_t now;
    uint32_t ttl;
  };
  const Row rows[] = {
      {"no code", "", kNow, kTtl},
      {"too long a code", "1234567890123", kNow, kTtl},
      {"no time", "123", kNow, 0},
      {"too long a time", "123", kNow, kStoredCodeTtlMax + 1},
      {"a clock before 1970", "123", -1, kTtl},
      {"a clock after 2106", "123", int64_t{UINT32_MAX}, kTtl},
  };
  for (const Row& row : rows) {
    ParcelResult result =
        parcels.seal(token(), alias(), digits_of(row.code), row.now, row.ttl, &out.key, &out.value);
    if (result != ParcelResult::kFault) fail_msg("%s: %d", row.name, static_cast<int>(result));
  }
}

void survives_rotation(void**) {
  KeyRing ring = new_ring();
  CodeParcels before = parcels_of(ring);
  Sealed sealed = seal(&before, "123");
  Result<KeyRing> next = ring.rotate(~0u, 2);
  assert_true(static_cast<bool>(next));
  CodeParcels after = parcels_of(*next);
  Digits out;
  assert_int_equal(static_cast<int>(after.open(token(), alias(), sealed.value, kNow, &out)),
                   static_cast<int>(ParcelResult::kOk));
  assert_true(out == digits_of("123"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(opens_once_sealed),
      cmocka_unit_test(key_is_a_name_that_says_nothing),
      cmocka_unit_test(same_code_never_looks_the_same),
      cmocka_unit_test(refuses_what_is_not_its_own),
      cmocka_unit_test(refuses_every_changed_byte_and_length),
      cmocka_unit_test(refuses_what_cannot_be_kept),
      cmocka_unit_test(survives_rotation),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
