// ValueReader: whole, stream, JSON inside, at every cut.
#include "filters/value_reader.h"

#include "tests/unit/filter_run.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using testing::EventLog;
using testing::exact_block;
using testing::kChunkSizes;
using testing::Rig;
using testing::Run;

// The whole text is one value: a filter that is nothing but a reader.
class OneValue : public Filter {
 public:
  OneValue(unsigned layer, std::string_view name, ValueType type)
      : reader_(layer), name_(name), type_(type) {}
  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    if (!begun_) {
      // A copy that is gone after the call.
      auto leaf = exact_block(name_);
      reader_.begin({leaf.get(), name_.size()}, scrubber.match({leaf.get(), name_.size()}), type_, scrubber);
      begun_ = true;
    }
    return reader_.text(text, last, scrubber);
  }

 private:
  ValueReader reader_;
  std::string name_;
  ValueType type_;
  bool begun_ = false;
};

std::string visa() { return Rig::get().token("4111111111111111"); }

struct Case {
  const char* name;
  std::string_view leaf;
  ValueType type;
  std::string in;
  std::string out;  // empty: refused
  std::vector<std::string> events;
};

void values_at_every_cut(void**) {
  Policy policy = Rig::get().policy();
  policy.code = Action::kMask;
  const std::string t = visa();
  const std::string spaces(100, ' ');
  const Case cases[] = {
      {"named",
       "card_number",
       ValueType::kString,
       "4111111111111111",
       t,
       {"pan visa tokenize 0+16 card_number"}},
      {"named, JSON inside is none", "card_number", ValueType::kString, R"({"a":1})", "", {}},
      {"swept",
       "note",
       ValueType::kString,
       "my 4111111111111111 ok",
       "my " + t + " ok",
       {"pan visa tokenize 3+16 note"}},
      {"swept behind spaces", "note", ValueType::kString, spaces + "4111111111111111", spaces + t, {}},
      {"only spaces", "note", ValueType::kString, spaces, spaces, {}},
      {"number", "n", ValueType::kNumber, "4111111111111111", t, {}},
      {"a key is no JSON", "", ValueType::kKey, R"({"cvv":"123"})", R"({"cvv":"123"})", {}},
      {"JSON inside",
       "p",
       ValueType::kString,
       R"({"cvv":"123","pan_no":"4111111111111111"})",
       R"({"cvv":"***","pan_no":")" + t + R"("})",
       {}},
      {"JSON inside, spaces in front",
       "p",
       ValueType::kFree,
       spaces + "\r\n" + R"({"cvv":"123"})",
       spaces + "\r\n" + R"({"cvv":"***"})",
       {}},
      {"list inside", "p", ValueType::kString, R"([{"cvv":"123"}])", R"([{"cvv":"***"}])", {}},
      {"the path goes through the leaf",
       "card",
       ValueType::kString,
       R"({"number":"4111111111111111"})",
       R"({"number":")" + t + R"("})",
       {"pan visa tokenize 11+16 card.number"}},
      {"begins like JSON", "p", ValueType::kString, "[card] 4111 1111 1111 1111, thanks", "", {}},
      {"ignored", "p", ValueType::kLiteral, "4111111111111111", "4111111111111111", {}},
  };
  for (const Case& c : cases) {
    std::string want = c.out;
    if (c.name == std::string_view("begins like JSON")) {
      want = "[card] " + testing::grouped(t, " ") + ", thanks";
    }
    for (size_t chunk : kChunkSizes) {
      OneValue filter(0, c.leaf, c.type);
      Run run = testing::run_filter(filter, policy, c.in, chunk);
      if (run.verdict.refused() != want.empty()) fail_msg("case: %s, pieces of %zu: verdict", c.name, chunk);
      if (want.empty()) continue;
      if (run.out != want) fail_msg("case: %s, pieces of %zu: %s", c.name, chunk, run.out.c_str());
      if (!c.events.empty() && run.events != c.events) {
        fail_msg("case: %s, pieces of %zu: %s", c.name, chunk,
                 run.events.empty() ? "no event" : run.events[0].c_str());
      }
    }
  }
}

// JSON in JSON in JSON: as many layers as there may be, and one more.
void layers_end(void**) {
  std::string in = R"({"cvv":"123"})";
  for (unsigned layers = 1; layers <= limits::kLayers + 1; ++layers) {
    for (size_t chunk : kChunkSizes) {
      Policy policy = Rig::get().policy();
      policy.code = Action::kMask;
      OneValue filter(0, "p", ValueType::kString);
      Run run = testing::run_filter(filter, policy, in, chunk);
      if (layers <= limits::kLayers) {
        if (run.verdict.refused() || run.out.find("123") != std::string::npos) fail_msg("%u layers", layers);
        continue;
      }
      assert_true(run.verdict.refused());
      assert_true(run.verdict.problems()[0].reason == Reason::kLimitLayers);
    }
    std::string escaped;
    for (char c : in) {
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += c;
    }
    in = R"({"p":")" + escaped + R"("})";
  }
}

// A value that is too long to be card data has the same fate in whatever pieces it comes.
void too_long_at_every_cut(void**) {
  for (Action invalid : {Action::kReject, Action::kMask}) {
    Policy policy = Rig::get().policy();
    policy.invalid = invalid;
    for (size_t size : {limits::kNamedValueMax, limits::kNamedValueMax + 1, 3 * limits::kNamedValueMax}) {
      std::string in;
      while (in.size() < size) in += "4111-";
      in.resize(size);
      OneValue once(0, "card_number", ValueType::kString);
      Run whole = testing::run_filter(once, policy, in, 0);
      assert_int_equal(whole.verdict.refused(), invalid == Action::kReject);
      for (size_t chunk : kChunkSizes) {
        OneValue filter(0, "card_number", ValueType::kString);
        Run run = testing::run_filter(filter, policy, in, chunk);
        if (run.out != whole.out) fail_msg("%zu units in pieces of %zu", size, chunk);
        if (run.verdict.refused() != whole.verdict.refused())
          fail_msg("%zu units in pieces of %zu: verdict", size, chunk);
        if (run.largest_held > limits::kNamedValueMax + 1024) fail_msg("%zu held", run.largest_held);
      }
      bool digits = std::any_of(whole.out.begin(), whole.out.end(), [](char c) { return c == '4'; });
      if (invalid == Action::kMask && size > limits::kNamedValueMax && digits)
        fail_msg("%zu units: not masked", size);
    }
  }
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_at_every_cut),
      cmocka_unit_test(layers_end),
      cmocka_unit_test(too_long_at_every_cut),
  };
  return cmocka_run_group_tests_name("value_reader", tests, nullptr, nullptr);
}
