// JsonPath says what FieldNames says of the whole path, whatever other texts and other lists of names have
// had the worker's places before, and nothing that may be a number stays there.
#include "filters/json_path.h"

#include <memory>

#include "tests/rig.h"
#include "tests/unit/random_laws.h"
#include "tests/unit/testing.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

FieldNames compile(std::vector<FieldPattern> patterns) {
  Result<FieldNames> names = FieldNames::compile(patterns);
  assert_true(static_cast<bool>(names));
  return std::move(*names);
}

// A text that is read, with the names of what is open in it.
class Reader {
 public:
  Reader(const FieldNames& fields, bool response, std::string_view around) : policy_(Rig::get().policy()) {
    policy_.fields = &fields;
    policy_.response = response;
    scrubber_ = std::make_unique<Scrubber>(policy_, Rig::get().worker(), verdict_, std::string_view{});
    if (!around.empty()) {
      assert_true(scrubber_->open(bytes_of(around)));
      assert_true(open_.push(bytes_of(around)));
    }
    path_.start(*scrubber_);
  }

  // Asks for a name; true: it announces something. Fails when that is not what FieldNames says.
  bool ask(const std::string& name) {
    bool failed = false;
    FieldMatch wanted = policy_.fields->match(open_, bytes_of(name), &failed);
    if (wanted.ambiguous && policy_.response) wanted = {};
    auto block = exact_block(name + std::string(JsonPath::kShortName, 'x'));
    const Bytes bytes{block.get(), name.size()};
    latest_ = bytes.size() < JsonPath::kShortName && name.size() % 2 == 0
                  ? path_.match(bytes.data(), bytes.size(), *scrubber_)
                  : path_.match(bytes, *scrubber_);
    if (latest_.kind != wanted.kind || latest_.ambiguous != wanted.ambiguous) {
      fail_msg("%s: %d, not %d", name.c_str(), static_cast<int>(latest_.kind), static_cast<int>(wanted.kind));
    }
    return wanted.kind != Kind::kNone;
  }
  void open(const std::string& name, bool object) {
    assert_true(path_.push(bytes_of(name), object, latest_, *scrubber_));
    assert_true(open_.push(bytes_of(name)));
    latest_ = {};
  }
  void open_element(bool object) {
    path_.forget();
    latest_ = {};
    open({}, object);
  }
  void close() {
    path_.pop(*scrubber_);
    open_.pop();
  }
  size_t depth() const { return path_.depth(); }
  void leave() { path_.forget(); }  // others come

 private:
  Policy policy_;
  Verdict verdict_;
  std::unique_ptr<Scrubber> scrubber_;
  JsonPath path_;
  Path open_;
  FieldMatch latest_;
};

void says_what_field_names_say(void**) {
  const FieldNames defaults = compile({});
  const FieldNames others = compile({{Kind::kIgnore, "card.*.number"}, {Kind::kTrack, "order.cvc"}});
  constexpr std::string_view kNames[] = {"card",
                                         "number",
                                         "cvc",
                                         "order",
                                         "name",
                                         "value",
                                         "a",
                                         "12",
                                         "card12345",
                                         "",
                                         "items",
                                         "payment",
                                         "expiry",
                                         "month",
                                         "a_name_that_is_rather_long",
                                         "fifteen_letters",
                                         "sixteen__letters"};
  Dice dice(20261127);
  std::vector<std::unique_ptr<Reader>> readers(5);
  size_t found = 0;
  for (size_t round = 0; round < 40000; ++round) {
    const size_t which = dice(readers.size());
    std::unique_ptr<Reader>& reader = readers[which];
    if (!reader || dice(60) == 0) {
      reader = std::make_unique<Reader>(which % 2 == 0 ? defaults : others, which == 3,
                                        which == 4 ? "card" : std::string_view{});
    }
    for (uint64_t steps = 1 + dice(6); steps != 0; --steps) {
      const std::string name(kNames[dice(std::size(kNames))]);
      if (dice(5) == 0 && reader->depth() != 0) {
        reader->close();
      } else if (dice(6) == 0) {
        reader->open_element(dice(2) == 0);
      } else {
        found += reader->ask(name) ? 1u : 0u;
        if (dice(20) == 0) {  // a piece ends behind the name, and others read on
          reader->leave();
          for (std::unique_ptr<Reader>& other : readers) {
            if (!other || other == reader) continue;
            for (std::string_view more : kNames) (void)other->ask(std::string(more));
            other->leave();
          }
        }
        if (dice(3) == 0 && reader->depth() < 12) reader->open(name, dice(2) == 0);
      }
    }
    reader->leave();
  }
  assert_true(found > 2000);
}

void a_limit_is_met_every_time(void**) {
  const FieldNames names = compile({{Kind::kPan, "~^([a.]+)+$"}});
  Policy policy = Rig::get().policy();
  policy.fields = &names;
  for (int i = 0; i < 2; ++i) {
    Verdict verdict;
    Scrubber scrubber(policy, Rig::get().worker(), verdict, {});
    JsonPath path;
    path.start(scrubber);
    assert_true(path.push({}, true, {}, scrubber));
    for (size_t level = 0; level < 3; ++level) {
      const std::string name = std::string(14, 'a');
      assert_true(path.push(bytes_of(name), true, path.match(bytes_of(name), scrubber), scrubber));
    }
    (void)path.match(bytes_of("aaaaaaaaaaaaa!"), scrubber);
    assert_true(verdict.refused());
  }
}

void keeps_no_number(void**) {
  const FieldNames defaults = compile({});
  NamePlaces& places = Rig::get().worker().places;
  Reader reader(defaults, false, {});
  for (std::string_view name : {"378282246310005", "cvc123", "order12"}) (void)reader.ask(std::string(name));
  const std::string_view memory(reinterpret_cast<const char*>(&places), sizeof places);
  assert_true(memory.find("378282") == std::string_view::npos);
  assert_true(memory.find("cvc123") == std::string_view::npos);
  assert_true(memory.find("order12") != std::string_view::npos);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(says_what_field_names_say),
      cmocka_unit_test(a_limit_is_met_every_time),
      cmocka_unit_test(keeps_no_number),
  };
  return cmocka_run_group_tests_name("json_path", tests, nullptr, nullptr);
}
