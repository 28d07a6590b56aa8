// The gRPC filter: framing, messages of both kinds, what is compressed or cut off.
#include "filters/grpc.h"

#include "tests/unit/body_check.h"

namespace {

using namespace cardscrub;
using testing::check_body;
using testing::Rig;

const std::string kVisa = "4111111111111111";

std::string framed(std::string_view message, uint8_t flags = 0) {
  std::string out(1, static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out + std::string(message);
}
std::string message(std::string_view pan) {
  return "\x2a\x10" + std::string(pan) +
         "\x32\x03"
         "abc";
}

void messages(void**) {
  const std::string token = Rig::get().token(kVisa);
  for (std::string_view type : {"application/grpc", "application/grpc+proto", "application/grpc-web+proto",
                                "application/connect+proto", "Application/gRPC; x=y"}) {
    check_body("one", type, framed(message(kVisa)), framed(message(token)), 1);
    check_body("several", type, framed(message(kVisa)) + framed("") + framed(message(kVisa)),
               framed(message(token)) + framed("") + framed(message(token)), 2);
    // The length of the next message is a digit.
    check_body("digits in the framing", type, framed("\x0a\x10" + kVisa) + "1",
               framed("\x0a\x10" + token) + "1", 1);
  }
  const std::string json = R"({"card_number":"@","cvv":"~"})";
  const auto filled = [&](const std::string& pan, std::string_view code) {
    return testing::filled(testing::filled(json, '@', pan), '~', code);
  };
  for (std::string_view type :
       {"application/grpc+json", "application/connect+json", "application/grpc+JSON ; a=b"}) {
    check_body("JSON", type, framed(filled(kVisa, "123")) + framed("{}"),
               framed(filled(token, "***")) + framed("{}"), 2);
  }
  check_body("end of a stream", "application/connect+proto",
             framed(message(kVisa)) + framed("{\"a\":\"" + kVisa + "\"}", 2),
             framed(message(token)) + framed("{\"a\":\"" + token + "\"}", 2), 2);
  check_body("trailers", "application/grpc-web",
             framed(message(kVisa)) + framed("x-a: " + kVisa + "\r\n", 128),
             framed(message(token)) + framed("x-a: " + token + "\r\n", 128), 2);
  check_body("cut off", "application/grpc", framed(message(kVisa)).substr(0, 27),
             framed(message(token)).substr(0, 27), 1);
  check_body("empty", "application/grpc", "", "", 0);
}

void compressed(void**) {
  for (uint8_t flags : {uint8_t{1}, uint8_t{3}, uint8_t{129}}) {
    check_body("compressed", "application/grpc", framed("\x1f\x8b", flags), {}, 0, Reason::kBodyEncoding);
  }
  check_body("the second one", "application/grpc", framed(message("9")) + framed("\x1f\x8b", 1), {}, 0,
             Reason::kBodyEncoding);
}

void required(void**) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kPan);
  for (const std::string& broken : {framed(message(kVisa)) + "ab", framed(message(kVisa)).substr(0, 20)}) {
    const testing::Run run = testing::run_body(policy, "application/grpc", broken, 1);
    assert_true(run.verdict.refused());
    assert_int_equal(run.verdict.problems()[0].reason, Reason::kBodyMalformed);
  }
  // What breaks the rules first counts, wherever the pieces end: the field inside, then the length around it.
  const std::string both("\0\x68\0\0\0\0\0\0\0\0", 10);
  for (size_t chunk : testing::kChunkSizes) {
    const testing::Run run = testing::run_body(policy, "application/grpc", both, chunk);
    assert_true(run.verdict.refused());
    assert_int_equal(run.verdict.problems()[0].offset, 5);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(messages),
      cmocka_unit_test(compressed),
      cmocka_unit_test(required),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
