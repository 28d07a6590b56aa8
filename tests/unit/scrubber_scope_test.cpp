// Who is who: in a batch of cards every code is bound to the number of its own object, prefix, part, element
// or row. Proved by taking each code out of the store, under its own token and under its neighbour's.
#include "src/scrubber.h"

#include <functional>

#include "src/issuer.h"
#include "tests/rig.h"
#include "tests/unit/testing.h"

namespace {

using namespace cardscrub;
using testing::digits_of;
using testing::Rig;
using testing::Run;
using testing::run_body;

constexpr size_t kCards = 300;

struct Card {
  std::string pan;
  std::string code;
};

// Visa numbers that are all different, and codes.
std::vector<Card> cards() {
  std::vector<Card> all;
  uint32_t state = 11;
  for (size_t i = 0; i < kCards; ++i) {
    std::string pan = "4000" + std::to_string(10000000 + i * 7919) + "000";
    for (char digit = '0'; digit <= '9'; ++digit) {
      if (luhn_valid(digits_of(pan + digit).span())) {
        pan += digit;
        break;
      }
    }
    state = state * 1664525 + 1013904223;
    all.push_back({pan, std::to_string(100 + (state >> 8) % 900)});
  }
  return all;
}

// A body, and where numbers and codes stand in it.
class Batch {
 public:
  Batch& operator<<(std::string_view text) {
    body += text;
    return *this;
  }
  Batch& pan(const Card& card) {
    pans.push_back(body.size());
    return *this << card.pan;
  }
  Batch& code(const Card& card) {
    codes.push_back(body.size());
    return *this << card.code;
  }
  std::string body;
  std::vector<size_t> pans;
  std::vector<size_t> codes;
};

struct Layout {
  const char* name;
  std::string_view type;
  std::string_view front;
  std::function<void(Batch&, const Card&, size_t)> add;
  std::string_view back;
};

std::vector<Layout> layouts() {
  const auto number = [](size_t i) { return std::to_string(i); };
  return {
      {"objects, code behind", "application/json", "[{}",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"(,{"card_number":")").pan(c) << R"(","cvv":")").code(c) << "\"}";
       },
       "]"},
      {"objects, code in front", "application/json", "[{}",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"(,{"cvv":")").code(c) << R"(","name":"Ada","card_number":")").pan(c) << "\"}";
       },
       "]"},
      {"objects, ambiguous names", "application/json", "[{}",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"(,{"number":")").pan(c) << R"(","code":")").code(c)
             << R"(","exp_month":12,"exp_year":2030})";
       },
       "]"},
      {"code in the object around", "application/json", R"({"orders":[{})",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"(,{"cvv":")").code(c) << R"(","a":{"card":{"number":")").pan(c) << "\"}}}";
       },
       "]}"},
      {"code in an object inside", "application/json", R"({"orders":[{})",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"(,{"card_number":")").pan(c) << R"(","verification":{"cvv":{"value":")").code(c) << "\"}}}";
       },
       "]}"},
      {"lines", "application/x-ndjson", "",
       [](Batch& b, const Card& c, size_t) {
         ((b << R"({"cvv":")").code(c) << R"(","card_number":")").pan(c) << "\"}\n";
       },
       ""},
      {"prefixes, number first", "application/x-www-form-urlencoded", "a=1",
       [=](Batch& b, const Card& c, size_t i) {
         ((b << "&cards[" << number(i) << "][number]=").pan(c) << "&cards[" << number(i) << "][cvv]=")
             .code(c);
       },
       ""},
      {"prefixes, code first", "application/x-www-form-urlencoded", "a=1",
       [=](Batch& b, const Card& c, size_t i) {
         ((b << "&c" << number(i) << ".cvc=").code(c) << "&c" << number(i) << ".card_number=").pan(c);
       },
       ""},
      {"elements", "application/xml", "<orders>",
       [](Batch& b, const Card& c, size_t) {
         ((b << "<order><cvv>").code(c) << "</cvv><card><number>").pan(c) << "</number></card></order>\n";
       },
       "</orders>"},
      {"attributes", "text/xml", "<orders>",
       [](Batch& b, const Card& c, size_t) {
         ((b << "<card number=\"").pan(c) << "\" cvv='").code(c) << "'/>";
       },
       "</orders>"},
      {"rows", "text/csv", "name,card_number,cvv\n",
       [](Batch& b, const Card& c, size_t) { ((b << "Ada,").pan(c) << ",").code(c) << "\n"; }, ""},
      {"rows, code first", "text/csv", "cvv,name,card_number\n",
       [](Batch& b, const Card& c, size_t) { (b.code(c) << ",Ada,").pan(c) << "\n"; }, ""},
      {"parts", "multipart/form-data; boundary=b", "",
       [=](Batch& b, const Card& c, size_t i) {
         const std::string front = "--b\r\nContent-Disposition: form-data; name=\"cards[" + number(i) + "]";
         ((b << front << "[number]\"\r\n\r\n").pan(c) << "\r\n"
                                                      << front << "[cvv]\"\r\n\r\n")
                 .code(c)
             << "\r\n";
       },
       "--b--\r\n"},
      {"maps", "application/msgpack", "",
       [](Batch& b, const Card& c, size_t) {
         ((b << "\x82\xa3"
                "cvv\xa3")
              .code(c)
          << "\xab"
             "card_number\xb0")
             .pan(c);
       },
       ""},
      {"JSON in parts", "multipart/mixed; boundary=b", "",
       [](Batch& b, const Card& c, size_t) {
         ((b << "--b\r\nContent-Type: application/json\r\n\r\n{\"cvv\":\"").code(c)
          << "\",\"card_number\":\"")
                 .pan(c)
             << "\"}\r\n";
       },
       "--b--\r\n"},
  };
}

void every_code_is_bound_to_its_own_number(void**) {
  const std::vector<Card> all = cards();
  for (const Layout& layout : layouts()) {
    Batch batch;
    batch << layout.front;
    for (size_t i = 0; i < all.size(); ++i) layout.add(batch, all[i], i);
    batch << layout.back;
    for (size_t chunk : {0u, 1u, 97u, 1460u}) {
      Rig::get().fresh_store(1 << 20);
      const Run run = run_body(Rig::get().policy(), layout.type, batch.body, chunk);
      if (run.verdict.refused()) fail_msg("%s: %s", layout.name, run.verdict.problem_json().c_str());
      assert_int_equal(run.out.size(), batch.body.size());
      CodeStore& store = *Rig::get().worker().codes;
      const int64_t now = Rig::get().worker().now;
      const auto at = [&](size_t place, size_t size) { return digits_of(run.out.substr(place, size)); };
      for (size_t i = 0; i < all.size(); ++i) {
        const Digits token = at(batch.pans[i], 16);
        const Digits alias = at(batch.codes[i], 3);
        const Digits other = at(batch.pans[(i + 1) % all.size()], 16);
        assert_string_equal(testing::text_of(token).c_str(), Rig::get().token(all[i].pan).c_str());
        if (store.has(other, alias, now) &&
            testing::text_of(at(batch.codes[(i + 1) % all.size()], 3)) != testing::text_of(alias))
          fail_msg("%s: code %zu stands under another number", layout.name, i);
        Digits code;
        if (store.take(token, alias, now, 0, &code) != StoreResult::kOk) {
          fail_msg("%s, pieces of %zu: code %zu is not bound", layout.name, chunk, i);
        }
        if (testing::text_of(code) != all[i].code) fail_msg("%s: code %zu is another one", layout.name, i);
      }
      assert_int_equal(store.counters().entries, 0);
    }
  }
  Rig::get().fresh_store();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(every_code_is_bound_to_its_own_number)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
