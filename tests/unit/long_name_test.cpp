// Names that are longer than what is kept of them: their ends count, and no copy of a name stays in memory.
#include "filters/long_name.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "tests/unit/random_laws.h"

namespace {
constexpr char kVisa[] = "4111111111111111";
bool watching = false;
size_t left_behind = 0;

void release(void* block) {
  if (watching && block != nullptr && ::memmem(block, ::malloc_usable_size(block), kVisa, 16) != nullptr)
    ++left_behind;
  std::free(block);
}
}  // namespace

// Zeros at first: only what was written to a block counts.
void* operator new(size_t size) {
  void* block = std::calloc(1, size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }

namespace cardscrub {
namespace {

using testing::kChunkSizes;
using testing::Rig;
using testing::Run;
using testing::run_body;

void ends_of_names(void**) {
  const std::string x64(64, 'x');
  const struct {
    std::string name;
    std::string end;
  } table[] = {
      {"", ""},
      {x64, x64},
      {"y" + x64, "y" + x64},
      {"yy" + x64, "y" + x64},
      {x64 + ".cvv", "cvv"},
      {x64 + "[card][cvv]", "card][cvv]"},
      {x64 + ".card." + std::string(60, 'z'), std::string(60, 'z')},
      {x64 + "]", std::string(64, 'x') + "]"},
      {"a." + x64, x64},
  };
  for (const auto& c : table) {
    const Bytes name{reinterpret_cast<const uint8_t*>(c.name.data()), c.name.size()};
    const Bytes end = end_of_name(name);
    const std::string got(end.begin(), end.end());
    if (got != c.end) fail_msg("%s: %s", c.name.c_str(), got.c_str());
    const Bytes again = end_of_name(name.last(std::min(name.size(), limits::kNameMax + 1)));
    if (name.size() > limits::kNameMax && !std::ranges::equal(again, end)) fail_msg("%s", c.name.c_str());
  }
}

std::string packed(const std::string& name) {
  return "\x81\xda" +
         std::string{static_cast<char>(name.size() >> 8), static_cast<char>(name.size() & 0xFF)} + name +
         "\xa3"
         "123";
}

// A document that is flattened into one name, at every cut.
void codes_under_long_names(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  for (size_t length : {20u, 60u, 64u, 65u, 66u, 80u, 300u, 900u, 1000u, 1100u, 5000u}) {
    for (const char* end : {".cvv", "[card][cvv]", "[0].card_cvv"}) {
      const std::string name = std::string(length, 'x') + end;
      const struct {
        const char* type;
        std::string body;
      } bodies[] = {
          {"application/json", "{\"" + name + "\":\"123\",\"x\":\"" + std::string(700, 'y') + "\"}"},
          {"application/json", "{\"x\":\"" + std::string(700, 'y') + "\",\"" + name + "\":\"123\"}"},
          {"application/json", "{\"\\u0078" + name + "\":\"123\"}"},
          {"application/msgpack", packed(name)},
          {"application/x-www-form-urlencoded", "a=b&" + name + "=123&c=d"},
          {"application/x-www-form-urlencoded", testing::filled(name, 'c', "%63") + "=123"},
          {"text/xml", "<a><b " + name + "='123'/></a>"},
      };
      for (const auto& body : bodies) {
        const std::string_view type = body.type;
        // Longer ones are refused, or not read.
        if (length > 900 && (type == "text/xml" || type == "application/msgpack")) continue;
        if (type == "text/xml" && end[0] == '[') continue;
        for (size_t chunk : kChunkSizes) {
          const Run run = run_body(policy, body.type, body.body, chunk);
          if (run.out.find("123") != std::string::npos || run.out.find("***") == std::string::npos)
            fail_msg("%s, pieces of %zu: %s", body.body.c_str(), chunk, run.out.c_str());
          assert_int_equal(run.events.size(), 1);
        }
      }
    }
  }
}

// The number is the name of something: where it is forbidden it is not replaced.
void names_are_wiped(void**) {
  Policy policy = Rig::get().policy();
  policy.sweep = policy.pan = Action::kReject;
  const std::string pan = kVisa;
  const std::string head = "--b\r\nContent-Disposition: form-data; name=";
  const struct {
    const char* type;
    std::string body;
  } bodies[] = {
      {"application/json", "{\"" + pan + "\":\"1\"}"},
      {"application/json", "{\"" + pan + "\":{\"b\":\"1\",\"cvv\":\"123\"}}"},
      {"application/json", "{\"" + pan + " \\u0041 and more than sixteen\":{\"b\":\"1\",\"cvv\":\"123\"}}"},
      {"application/json", "{" + pan + ":{\"b\":\"1\",\"cvv\":\"123\"}}"},
      {"application/json", "{\"a\":\"{\\\"" + pan + "\\\":{\\\"cvv\\\":\\\"123\\\"}}\"}"},
      {"application/x-www-form-urlencoded", pan + "={\"a\":\"b\"}"},
      {"text/xml", "<a><b _" + pan + "='1'/></a>"},
      {"text/csv", pan + ",cvv\n1,123\n"},
      {"application/msgpack", packed(pan)},
      {"multipart/form-data; boundary=b", head + pan + "\r\n\r\n1\r\n--b--"},
      {"multipart/form-data; boundary=b", head + "f; filename=\"" + pan + ".pdf\"\r\n\r\n1\r\n--b--"},
  };
  for (const auto& body : bodies) {
    for (size_t chunk : {size_t{0}, size_t{7}}) {
      std::vector<uint8_t> bytes(body.body.begin(), body.body.end());
      left_behind = 0;
      watching = true;
      {
        Verdict verdict;
        std::vector<std::string> events;
        events.reserve(8);
        testing::EventLog log(&events);
        Body whole(policy, Rig::get().worker(), verdict, {}, &log);
        assert_true(whole.start(body.type, {}) == Reason::kNone);
        for (size_t at = 0; at < bytes.size();) {
          const size_t size = chunk == 0 ? bytes.size() : std::min(chunk, bytes.size() - at);
          whole.push({bytes.data() + at, size}, at + size == bytes.size());
          at += size;
        }
        assert_true(verdict.refused());
      }
      watching = false;
      if (left_behind != 0) fail_msg("%s, pieces of %zu", body.body.c_str(), chunk);
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(ends_of_names),
      cmocka_unit_test(codes_under_long_names),
      cmocka_unit_test(names_are_wiped),
  };
  return cmocka_run_group_tests_name("long_name", tests, nullptr, nullptr);
}
