// The Protocol Buffers filter: strings between their own ends, however deep, at every cut.
#include "filters/protobuf.h"

#include <functional>

#include "tests/unit/body_check.h"

namespace {

using namespace cardscrub;
using testing::check_body;
using testing::Rig;

constexpr std::string_view kType = "application/x-protobuf";
const std::string kVisa = "4111111111111111";

std::string varint(uint64_t number) {
  std::string out;
  for (; number >= 128; number >>= 7) out += static_cast<char>(number | 128);
  return out + static_cast<char>(number);
}
std::string field(uint64_t number, std::string_view content) {
  return varint(number << 3 | 2) + varint(content.size()) + std::string(content);
}
std::string integer(uint64_t field_number, uint64_t number) {
  return varint(field_number << 3) + varint(number);
}

void cases(void**) {
  const std::string token = Rig::get().token(kVisa);
  const auto both = [&](const std::string& name,
                        const std::function<std::string(const std::string& pan)>& make,
                        size_t findings) { check_body(name, kType, make(kVisa), make(token), findings); };
  using Text = const std::string&;
  both(
      "string", [](Text pan) { return integer(1, 7) + field(2, pan) + field(3, "x"); }, 1);
  both(
      "spaces", [](Text pan) { return field(2, "card 1: " + pan + ", thanks"); }, 1);
  // The tag behind the number is a digit or a letter: '2', ':', 'B' ... 'z', two bytes.
  for (uint64_t next = 1; next < 40; ++next) {
    both(
        "tag of field " + std::to_string(next),
        [&](Text pan) { return field(5, pan) + field(next, "hello"); }, 1);
    both(
        "integer of field " + std::to_string(next),
        [&](Text pan) { return field(5, pan) + integer(next, 65); }, 1);
    both(
        "inside, field " + std::to_string(next),
        [&](Text pan) {
          return integer(1, 1) + field(6, integer(1, 150) + field(5, pan) + field(next, "hello"));
        },
        1);
  }
  // The length in front of the number is a digit or a letter.
  for (size_t size = 17; size < 200; ++size) {
    both(
        "length " + std::to_string(size),
        [&](Text pan) { return field(1, pan + std::string(size - pan.size(), ' ')) + integer(2, 3); }, 1);
    both(
        "length " + std::to_string(size) + ", at the end",
        [&](Text pan) { return field(1, std::string(size - pan.size(), ' ') + pan) + field(6, "ab"); }, 1);
  }
  both(
      "messages inside messages",
      [](Text pan) {
        std::string inner = field(7, pan) + integer(9, 300);
        for (int i = 0; i < 12; ++i) inner = integer(3, 5) + field(6, inner) + field(1, "abc");
        return inner;
      },
      1);
  both(
      "long message",
      [](Text pan) {
        std::string orders;
        for (int i = 0; i < 400; ++i)
          orders += field(1, integer(1, 10) + field(6, pan) + field(7, "book no. " + std::to_string(i)));
        return integer(1, 2) + field(4, orders) + field(6, pan) + field(6, "end");
      },
      401);
  both(
      "long text", [](Text pan) { return field(6, std::string(9000, 't') + ' ' + pan) + field(6, "end"); },
      1);
  both(
      "long binary",
      [](Text pan) {
        return field(6, std::string(9000, '\x07') + ' ' + pan + '\x03') + field(6, pan) + integer(6, 1);
      },
      2);
  both(
      "doubles and floats",
      [](Text pan) {
        return "\x09"
               "12345678"
               "\x15"
               "1234" +
               field(2, pan) +
               "\x31"
               "12345678" +
               field(5, pan) +
               "\x35"
               "1234";
      },
      2);
  both(
      "JSON inside",
      [](Text pan) { return integer(1, 9) + field(2, "{\"card_number\":\"" + pan + "\"}") + field(6, "x"); },
      1);
  both(
      "no message", [](Text pan) { return "<html>" + pan + "</html>"; }, 1);
  both(
      "cut off", [](Text pan) { return field(2, pan) + "\x12\x7f" + pan + " and"; }, 2);
  // Lengths that are not kept: of a message around, of a field in it.
  both(
      "a long message cut off",
      [](Text pan) {
        return "\x0a\xff\xff\x03" + field(1, std::string(60, 'a')) + integer(2, 7) + field(3, pan);
      },
      1);
  both(
      "a long message cut off in a field",
      [](Text pan) {
        return "\x0a\xff\xff\x03" + field(1, std::string(60, 'a')) + integer(2, 7) + field(3, pan) +
               "\x12\x7f" + pan + " and";
      },
      2);
  both(
      "a long text cut off", [](Text pan) { return "\x0a\xff\xff\x03" + std::string(70, 'a') + " " + pan; },
      1);
  both(
      "bytes",
      [](Text) {
        return field(1, std::string("\xff\xfe\x00\x01\x02\x03 0123456789", 17)) + integer(2, ~uint64_t{0});
      },
      0);
  both(
      "empty", [](Text) { return std::string(); }, 0);
}

void numbers(void**) {
  check_body("integer", kType, integer(2, 4111111111111111), {}, 0, Reason::kPanWrapped);
  check_body("integer inside", kType, field(2, integer(1, 1) + integer(2, 4111111111111111)), {}, 0,
             Reason::kPanWrapped);
  check_body("integer in a long message that is cut off", kType,
             "\x0a\xff\xff\x03" + field(1, std::string(60, 'a')) + integer(2, 4111111111111111), {}, 0,
             Reason::kPanWrapped);
  const std::string plain =
      integer(2, 4111111111111112) + integer(3, 1511222333444) + integer(4, ~uint64_t{0});
  check_body("no card numbers", kType, plain, plain, 0);
}

void hostile(void**) {
  // Messages inside messages without end, lengths that lie, varints that never end.
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep = field(1, deep);
  check_body("deep", kType, deep, deep, 0);
  for (const std::string& body :
       {std::string("\x0a\xff\xff\xff\xff\x0f") + "abc", std::string(100, '\xff'), std::string(5000, '\x0a'),
        std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), std::string("\x00\x01\x02", 3)}) {
    check_body("hostile", kType, body, body, 0);
  }
}

void required(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  const std::string broken[] = {field(2, kVisa) + "\x12\x7f",
                                field(2, kVisa) + "\x0a\xff\xff\x03" + std::string(80, 'a')};
  for (const std::string& body : broken) {
    for (size_t chunk : testing::kChunkSizes) {
      const testing::Run run = testing::run_body(policy, kType, body, chunk);
      assert_true(run.verdict.refused());
      assert_int_equal(run.verdict.problems()[0].reason, Reason::kBodyMalformed);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(cases),
      cmocka_unit_test(numbers),
      cmocka_unit_test(hostile),
      cmocka_unit_test(required),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
