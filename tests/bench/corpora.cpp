// The generators of corpora.h.
#include "tests/bench/corpora.h"

#include <array>

namespace cardscrub::bench {

namespace {

// splitmix64: any sequence will do, as long as it is always the same one.
class Random {
 public:
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  size_t below(size_t bound) { return next() % bound; }
  std::string digits(size_t count) {
    std::string out;
    while (count-- != 0) out += static_cast<char>('0' + below(10));
    return out;
  }
  std::string hex(size_t count) {
    std::string out;
    while (count-- != 0) out += "0123456789abcdef"[below(16)];
    return out;
  }
  template <size_t N>
  std::string pick(const std::array<std::string_view, N>& from) {
    return std::string(from[below(N)]);
  }

 private:
  uint64_t state_ = 20240917;
};

constexpr std::array<std::string_view, 40> kWords{
    "the",       "order",    "was",    "sent",     "to",       "a",       "new",      "address",
    "and",       "customer", "asked",  "for",      "delivery", "before",  "Saturday", "because",
    "his",       "parents",  "visit",  "please",   "leave",    "parcel",  "with",     "our",
    "neighbour", "on",       "second", "floor",    "thank",    "you",     "invoice",  "follows",
    "by",        "mail",     "size",   "returned", "colours",  "matched", "not",      "quite"};
constexpr std::array<std::string_view, 8> kFirst{"Ada",    "Grace", "Linus", "Barbara",
                                                 "Edsger", "Hedy",  "Alan",  "Radia"};
constexpr std::array<std::string_view, 8> kLast{"Lovelace", "Hopper", "Torvalds", "Liskov",
                                                "Dijkstra", "Lamarr", "Turing",   "Perlman"};
constexpr std::array<std::string_view, 6> kCities{"Lyon",       "Roubaix",  "Gravelines",
                                                  "Strasbourg", "Warszawa", "London"};

std::string sentence(Random& random, size_t words) {
  std::string out;
  while (words-- != 0) {
    out += random.pick(kWords);
    out += words == 0 ? '.' : ' ';
  }
  return out;
}

std::string two(size_t value) {
  return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
}

std::string iso_time(Random& random) {
  return "2026-" + two(1 + random.below(12)) + "-" + two(1 + random.below(28)) + "T" + two(random.below(24)) +
         ":" + two(random.below(60)) + ":" + two(random.below(60)) + "." + random.digits(3) + "Z";
}

std::string uuid(Random& random) {
  return random.hex(8) + "-" + random.hex(4) + "-4" + random.hex(3) + "-a" + random.hex(3) + "-" +
         random.hex(12);
}

// One order as a shop's API would send it: a long id, a time in milliseconds. `line` stands in front of each
// member. `ids`: many more long numbers, as warehouses have them: EANs, parcel numbers.
std::string order(Random& random, const std::string& line, bool ids) {
  const std::string first = random.pick(kFirst), last = random.pick(kLast);
  std::string out = "{";
  auto member = [&](std::string_view name, const std::string& value) {
    if (out.size() > 1) out += ',';
    out += line;
    out += '"';
    out += name;
    out += line.empty() ? "\":" : "\": ";
    out += value;
  };
  auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  member("id", std::to_string(1700000000000000000u + random.below(90000000000000000u)));  // a snowflake
  member("uuid", quoted(uuid(random)));
  member("created_at", quoted(iso_time(random)));
  member("updated_ms", "17" + random.digits(11));
  member("customer", "{\"first_name\":" + quoted(first) + ",\"last_name\":" + quoted(last) +
                         ",\"email\":" + quoted(first + "." + last + "@example.org") + ",\"phone\":" +
                         quoted("+33 6 " + two(random.below(100)) + " " + random.digits(2) + " " +
                                random.digits(2) + " " + random.digits(2)) +
                         ",\"city\":" + quoted(random.pick(kCities)) + "}");
  member("total", std::to_string(random.below(900)) + "." + random.digits(2));
  member("currency", quoted("EUR"));
  member("paid", random.below(2) != 0 ? "true" : "false");
  member("coupon", "null");
  std::string lines = "[";
  for (size_t n = 1 + random.below(4); n != 0; --n) {
    lines +=
        "{\"sku\":" + quoted("SKU-" + random.digits(6)) +
        (ids ? ",\"ean\":" + quoted("40" + random.digits(11)) + ",\"parcel\":3" + random.digits(19) : "") +
        ",\"quantity\":" + std::to_string(1 + random.below(5)) + ",\"title\":" + quoted(sentence(random, 5)) +
        "}";
    if (n != 1) lines += ',';
  }
  member("lines", lines + "]");
  member("note", quoted(sentence(random, 6 + random.below(20))));
  member("etag", quoted(random.hex(40)));
  return out + line + "}";
}

// Repeats `one` between `begin` and `end` with commas, to about `size` bytes.
template <typename One>
std::string list(size_t size, std::string_view begin, std::string_view end, std::string_view comma, One one) {
  std::string out(begin);
  for (bool first = true; first || out.size() + end.size() < size; first = false) {
    if (!first) out += comma;
    out += one();
  }
  out += end;
  return out;
}

std::string json_compact(size_t size) {
  Random random;
  return list(size, "[", "]", ",", [&] { return order(random, "", false); });
}

std::string json_ids(size_t size) {
  Random random;
  return list(size, "[", "]", ",", [&] { return order(random, "", true); });
}

std::string json_indented(size_t size) {
  Random random;
  return list(size, "[\n", "\n]\n", ",\n", [&] { return order(random, "\n        ", false); });
}

std::string coordinates(size_t size) {
  Random random;
  return list(size, R"({"type":"LineString","coordinates":[)", "]}", ",", [&] {
    return "[-" + std::to_string(random.below(180)) + "." + random.digits(6) + "," +
           std::to_string(random.below(90)) + "." + random.digits(7) + "]";
  });
}

std::string form(size_t size) {
  Random random;
  return list(size, "csrf=" + random.hex(32), "", "&", [&] {
    const std::string n = std::to_string(random.below(100));
    return "customer%5B" + n + "%5D%5Bname%5D=" + random.pick(kFirst) + "+" + random.pick(kLast) +
           "&quantity_" + n + "=" + std::to_string(random.below(9)) + "&when=" + two(random.below(24)) +
           "%3A" + two(random.below(60)) + "&note=" + random.pick(kWords) + "+" + random.pick(kWords) +
           "%2C+" + random.pick(kWords) + "&id=17" + random.digits(11);
  });
}

std::string prose(size_t size) {
  Random random;
  return list(size, "", "\n", " ", [&] { return sentence(random, 8 + random.below(15)); });
}

std::string log_lines(size_t size) {
  Random random;
  return list(size, "", "\n", "\n", [&] {
    return std::to_string(1 + random.below(250)) + "." + std::to_string(random.below(256)) + "." +
           std::to_string(random.below(256)) + ".7 - - [17/Sep/2026:" + two(random.below(24)) + ":" +
           two(random.below(60)) + ":" + two(random.below(60)) + " +0200] \"GET /shop/" +
           random.pick(kWords) + "/" + random.digits(7) + "?session=" + random.hex(32) + " HTTP/1.1\" 200 " +
           random.digits(5) +
           " \"https://example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
           "Firefox/128.0\" rt=0." +
           random.digits(3);
  });
}

// Numbers of all lengths and with all separators: most of the bytes are digits and each group must be looked
// at.
std::string digit_groups(size_t size) {
  Random random;
  return list(size, "", "\n", "\n",
              [&] { return random.digits(8 + random.below(8)) + " " + random.digits(1 + random.below(24)); });
}

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kText = "text/plain";
constexpr std::string_view kMultipart = "multipart/form-data; boundary=frontier7d1c";

// A published test number.
constexpr std::string_view kCheckoutJson =
    R"({"order":"SHOP-20260917-0042","amount":4990,"currency":"EUR","customer":{"name":"Ada Lovelace",)"
    R"("email":"ada.lovelace@example.org","phone":"+33 6 12 34 56 78"},"card":{"holder":"ADA LOVELACE",)"
    R"("number":"4111 1111 1111 1111","exp_month":12,"exp_year":2031,"cvc":"123"},"save":false,)"
    R"("return_url":"https://shop.example.org/orders/42"})";
constexpr std::string_view kCheckoutForm =
    "csrfmiddlewaretoken=5f0c9e1b7a2d4c8e9f3b6a1d0e7c5b42&order=SHOP-20260917-0042&amount=49.90&currency=EUR"
    "&name=Ada+Lovelace&email=ada.lovelace%40example.org&phone=%2B33+6+12+34+56+78&card_number=4111+1111+"
    "1111+1111"
    "&card_expiry=12%2F31&card_cvc=123&return_url=https%3A%2F%2Fshop.example.org%2Forders%2F42";

// A file of bytes of every value, as a part of a form: an image upload.
std::string multipart(size_t size) {
  Random random;
  std::string out =
      "--frontier7d1c\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday\r\n"
      "--frontier7d1c\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"beach.jpg\"\r\n"
      "Content-Type: image/jpeg\r\n\r\n";
  const std::string_view end = "\r\n--frontier7d1c--\r\n";
  while (out.size() + end.size() < size) out += static_cast<char>(random.next() & 0xFF);
  out += end;
  return out;
}

template <char... kPattern>
std::string repeated(size_t size) {
  constexpr std::array<char, sizeof...(kPattern)> pattern{kPattern...};
  std::string out(size, ' ');
  for (size_t i = 0; i < size; ++i) out[i] = pattern[i % pattern.size()];
  return out;
}

std::string counting(size_t size) {
  size_t n = 0;
  return list(size, "", "\n", " ", [&] { return std::to_string(++n % 1000); });
}

std::string nested(size_t size) {  // as deep as is allowed, again and again
  std::string deep = std::string(900, '[') + "1" + std::string(900, ']');
  return list(size, "[", "]", ",", [&] { return deep; });
}

std::string keys(size_t size) {
  size_t n = 0;
  return list(size, "{", "}", ",", [&] { return "\"key" + std::to_string(n++) + "\":7"; });
}

std::string card_keys(size_t size) {  // every name announces something that then is not there
  return list(size, "{", "}", ",", [] { return R"("card_number":null,"cvc":null,"number":"")"; });
}

std::string escapes(size_t size) {
  return list(size, "[\"", "\"]", "", [] { return R"(\u0031\u0032\n\\)"; });
}

std::string percent(size_t size) {
  return list(size, "a=", "", "&b=", [] { return "%31%32%33+%C3%A9%20%0A"; });
}

std::string json_in_json(size_t size) {
  return list(size, "[", "]", ",", [] { return R"("{\"a\":\"{\\\"b\\\":1234567890123}\"}")"; });
}

std::string luhn_valid(std::string digits) {  // completes it by its check digit
  unsigned sum = 0;
  bool twice = true;
  for (size_t i = digits.size(); i-- != 0; twice = !twice) {
    const unsigned digit = static_cast<unsigned>(digits[i] - '0');
    sum += twice ? (digit < 5 ? 2 * digit : 2 * digit - 9) : digit;
  }
  digits += static_cast<char>('0' + (10 - sum % 10) % 10);
  return digits;
}

}  // namespace

std::vector<Corpus> request_bodies() {
  return {
      {"json300", kJson, std::string(kCheckoutJson)}, {"form300", kForm, std::string(kCheckoutForm)},
      {"json1k", kJson, json_compact(1024)},          {"json16k", kJson, json_compact(16384)},
      {"json1m", kJson, json_compact(1 << 20)},       {"multipart1m", kMultipart, multipart(1 << 20)},
  };
}

std::vector<Corpus> real_corpora(size_t size) {
  return {
      {"JSON, orders", kJson, json_compact(size)},
      {"JSON, indented", kJson, json_indented(size)},
      {"JSON, many ids", kJson, json_ids(size)},
      {"JSON, coordinates", kJson, coordinates(size)},
      {"form", kForm, form(size)},
      {"multipart, a picture", kMultipart, multipart(size)},
      {"prose", kText, prose(size)},
      {"log lines", kText, log_lines(size)},
      {"numbers", kText, digit_groups(size)},
  };
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {"JSON, orders", kJson, json_compact},
      {"form", kForm, form},
      {"prose", kText, prose},
      {"one run of digits", kText, repeated<'4', '1', '1', '1', '1', '1', '1'>},
      {"1 2 3 ...", kText, counting},
      {"4 4 4 ...", kText, repeated<'4', ' '>},
      {"4111-1111-...", kText, repeated<'4', '1', '1', '1', '-', '1', '1', '1', '1', '-'>},
      {"12.34.56. ...", kText, repeated<'1', '2', '.', '3', '4', '.', '5', '6', '.'>},
      {"deep nesting", kJson, nested},
      {"many keys", kJson, keys},
      {"keys of cards", kJson, card_keys},
      {"escapes", kJson, escapes},
      {"JSON in JSON", kJson, json_in_json},
      {"percent", kForm, percent},
      {"only &", kForm, repeated<'&'>},
      {"no JSON", kJson, repeated<'1', ' ', '"', 'a', '{'>},
  };
  return all;
}

std::string card_objects(size_t cards) {
  Random random;
  std::string out = "[";
  for (size_t i = 0; i < cards; ++i) {
    if (i != 0) out += ',';
    out += R"({"card":{"number":")" + luhn_valid("4" + random.digits(14)) + R"(","cvc":")" +
           random.digits(3) + R"(","exp_month":12,"exp_year":2031},"amount":)" +
           std::to_string(random.below(10000)) + "}";
  }
  return out + "]";
}

std::string card_texts(size_t cards) {
  Random random;
  std::string out = "[";
  for (size_t i = 0; i < cards; ++i) {
    if (i != 0) out += ',';
    out += R"({"text":"please charge )" + luhn_valid("4" + random.digits(14)) + R"( for the order"})";
  }
  return out + "]";
}

}  // namespace cardscrub::bench
