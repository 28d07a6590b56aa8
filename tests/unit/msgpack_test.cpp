// The MessagePack filter: names, values, numbers, and everything that is none, at every cut.
#include "filters/msgpack.h"

#include "tests/unit/body_check.h"

namespace {

using namespace cardscrub;
using testing::check_body;
using testing::Rig;

constexpr std::string_view kType = "application/msgpack";
const std::string kVisa = "4111111111111111";

std::string big_endian(uint64_t number, size_t bytes) {
  std::string out;
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(number >> (8 * i));
  return out;
}
std::string str(std::string_view text) {
  if (text.size() < 32) return static_cast<char>(0xA0 | text.size()) + std::string(text);
  if (text.size() < 256) return '\xd9' + big_endian(text.size(), 1) + std::string(text);
  return '\xda' + big_endian(text.size(), 2) + std::string(text);
}
std::string str32(std::string_view text) { return '\xdb' + big_endian(text.size(), 4) + std::string(text); }
std::string bin(std::string_view text) { return '\xc4' + big_endian(text.size(), 1) + std::string(text); }
std::string u64(uint64_t number) { return '\xcf' + big_endian(number, 8); }
std::string real(double number) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return '\xcb' + big_endian(bits, 8);
}
std::string list(std::initializer_list<std::string> items) {
  std::string out(1, static_cast<char>(0x90 | items.size()));
  for (const std::string& item : items) out += item;
  return out;
}
std::string map(std::initializer_list<std::string> items) {
  std::string out(1, static_cast<char>(0x80 | items.size() / 2));
  for (const std::string& item : items) out += item;
  return out;
}

// What stands between two numbers, letters and digits that happen to be types or lengths.
std::string framed(std::string_view pan) {
  return list(
      {"A", str(pan), "7", str(std::string(pan) + std::string(56 - pan.size(), '.')), "z", str(pan), "\x05"});
}

void cases(void**) {
  const std::string token = Rig::get().token(kVisa);
  const auto both =
      [&](const std::string& name, std::string (*make)(const std::string& pan, const std::string& code),
          size_t findings) { check_body(name, kType, make(kVisa, "737"), make(token, "***"), findings); };
  using Text = const std::string&;
  both(
      "names",
      [](Text pan, Text code) {
        return map({str("card_number"), str(pan), str("cvv"), str(code)});
      },
      2);
  both(
      "nested",
      [](Text pan, Text code) {
        return map({str("id"), "\x07", str("card"), map({str("number"), str(pan), str("code"), str(code)}),
                    str("z"), "\xc0"});
      },
      2);
  both(
      "list",
      [](Text pan, Text) {
        return list({str(pan), "\xc3", str("x " + pan + "."), u64(7), list({})});
      },
      2);
  both(
      "list under a name",
      [](Text pan, Text) {
        return map({str("card_number"), list({str(pan), str(pan)})});
      },
      2);
  both(
      "letters and digits beside it", [](Text pan, Text) { return framed(pan); }, 3);
  both(
      "binary",
      [](Text pan, Text) {
        return list({bin(pan), bin(std::string("\0\1 ", 3) + pan + '\0')});
      },
      2);
  both(
      "binary under a name",
      [](Text pan, Text code) {
        return map({str("card_number"), bin(pan), str("cvv"), bin(code)});
      },
      2);
  both(
      "extension",
      [](Text pan, Text) {
        return list({"\xc7\x10\x05" + pan, "\xd8\x41" + pan});
      },
      2);
  both(
      "long length",
      [](Text pan, Text) {
        return list({str32("a " + pan + " b"), str(std::string(300, 'x') + ' ' + pan)});
      },
      2);
  both(
      "key",
      [](Text pan, Text) {
        return map({str(pan), "\x01"});
      },
      1);
  both(
      "long key",
      [](Text pan, Text) {
        return map({str(std::string(90, 'k') + ' ' + pan), "\x01", str("a"), "\x02"});
      },
      1);
  both(
      "binary and extended names",
      [](Text pan, Text code) {
        return map({bin("card_number"), str(pan), bin("cvv"), bin(code),
                    "\xc7\x03\x01"
                    "cvv",
                    str(code)});
      },
      3);
  both(
      "JSON inside",
      [](Text pan, Text code) {
        return map({str("event"), str("{\"card_number\":\"" + pan + "\",\"cvv\":\"" + code + "\"}")});
      },
      2);
  both(
      "several documents", [](Text pan, Text) { return str(pan) + str(pan) + "\x01" + str("a"); }, 2);
  both(
      "codes beside their numbers",
      [](Text pan, Text code) {
        return list({map({str("card_number"), str(pan), str("cvv"), str(code)}),
                     map({str("cvv"), str(code), str("card_number"), str(pan)})});
      },
      4);
  both(
      "map as a key",
      [](Text pan, Text code) {
        return map({map({str("a"), str("b")}), str(pan), str("cvv"), str(code)});
      },
      2);
  both(
      "expiry as numbers",
      [](Text pan, Text) {
        return map({str("card_number"), str(pan), str("exp_month"), "\x0c", str("exp_year"),
                    "\xcd" + big_endian(2030, 2)});
      },
      3);
  both(
      "cut off",
      [](Text pan, Text) {
        return list({str(pan), str("a")}).substr(0, 1) + str(pan) + "\xd9\x60" + pan + " x";
      },
      2);
  both(
      "no MessagePack", [](Text pan, Text) { return "\xc1 text " + pan + " text"; }, 1);
  both(
      "half a header", [](Text pan, Text) { return str(pan) + "\xda\x01"; }, 1);
  both(
      "all types",
      [](Text, Text) {
        return list({"\xc0", "\xc2", "\xc3", "\xe0", "\xd0\x85", "\xd1\x80\x01", "\xd2zzzz",
                     "\xd3\xff"
                     "1234567",
                     "\xca"
                     "1234",
                     "\xcc\x80", "\xcd\x01\x02",
                     "\xce"
                     "aaaa"}) +
               std::string("\xdd\0\0\0\1\xdf\0\0\0\0", 10) + "\xdc" + std::string("\0\1\xde\0\0", 5);
      },
      0);
}

void numbers(void**) {
  const std::string none;
  check_body("number", kType, list({u64(4111111111111111)}), none, 0, Reason::kPanWrapped);
  check_body("number under a name", kType, map({str("card_number"), u64(4111111111111111)}), none, 0,
             Reason::kPanWrapped);
  check_body("signed", kType, map({str("pan"), "\xd3" + big_endian(4111111111111111, 8)}), none, 0,
             Reason::kPanWrapped);
  check_body("float", kType, list({real(4111111111111111.0)}), none, 0, Reason::kPanWrapped);
  check_body("wrong number under a name", kType, map({str("card_number"), u64(4111111111111112)}), none, 0,
             Reason::kPanLuhn);
  const std::string code = map({str("cvv"), "\x7b", str("card_number"), str(kVisa)});
  Policy policy = Rig::get().policy();
  const testing::Run run = testing::run_body(policy, kType, code, 0);
  assert_true(run.verdict.refused());
  assert_int_equal(run.verdict.problems()[0].reason, Reason::kFieldEncoding);
  const std::string plain =
      list({u64(1511222333444), u64(~uint64_t{0}), u64(4111111111111112), real(0.5),
            real(-4111111111111111.0), "\xd3" + big_endian(~uint64_t{4111111111111110}, 8)});
  check_body("no card numbers", kType, plain, plain, 0);
}

void short_json(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string in = map({str("data"), str("{\"cvv\":123}")});
  const std::string out = map({str("data"), str("{\"cvv\":999}")});
  for (size_t chunk : {size_t{0}, size_t{1}, size_t{7}}) {
    const testing::Run run = testing::run_body(policy, kType, in, chunk);
    assert_false(run.verdict.refused());
    assert_true(run.out == out);
  }
}

void depth(void**) {
  check_body("too deep", kType, std::string(100000, '\x91'), {}, 0, Reason::kLimitDepth);
  const std::string deep = std::string(900, '\x91') + "\x01";
  check_body("deep", kType, deep, deep, 0);
  const std::string wide = "\xdd\xff\xff\xff\xff" + str("a");
  check_body("many elements that never come", kType, wide, wide, 0);
}

void required(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  assert_false(testing::run_body(policy, kType, map({str("card_number"), str(kVisa)}), 1).verdict.refused());
  for (const std::string& broken : {map({str("card_number"), str(kVisa)}) + '\xc1',
                                    list({str(kVisa)}) + "\xd9\x05x", std::string("\x92\x01")}) {
    const testing::Run run = testing::run_body(policy, kType, broken, 1);
    assert_true(run.verdict.refused());
    assert_int_equal(run.verdict.problems()[0].reason, Reason::kBodyMalformed);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(cases), cmocka_unit_test(numbers),  cmocka_unit_test(short_json),
      cmocka_unit_test(depth), cmocka_unit_test(required),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
