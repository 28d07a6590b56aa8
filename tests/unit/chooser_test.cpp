// The chooser: parameters of a header value, and which filter a content type gets.
#include "filters/chooser.h"

#include "tests/unit/body_check.h"

namespace {

using namespace cardscrub;
using testing::check_body;
using testing::Rig;

void parameters(void**) {
  const struct {
    std::string_view value;
    std::string_view name;
    std::string_view wanted;
  } cases[] = {
      {"text/plain; charset=utf-8", "charset", "utf-8"},
      {"text/plain;CHARSET=\"utf-8\"", "charset", "utf-8"},
      {"text/plain; charset = utf-8 ; x=y", "charset", "utf-8"},
      {"form-data; name=\"a\\\"b;c\"; filename=d", "name", "a\"b;c"},
      {"form-data; name=\"a;filename=x\"; filename=d", "filename", "d"},
      {"form-data; flag; name=cvv", "name", "cvv"},
      {"form-data;;; name=cvv;", "name", "cvv"},
      {"form-data; name", "name", ""},
      {"form-data; name=a; name=b", "name", "a"},
      {"text/plain", "charset", ""},
      {"", "charset", ""},
      {";=;=\"", "charset", ""},
  };
  for (const auto& one : cases) {
    if (header_parameter(one.value, one.name) != one.wanted)
      fail_msg("%.*s", static_cast<int>(one.value.size()), one.value.data());
  }
  assert_true(contradicts_itself("a/b; charset=utf-8; Charset=utf-16", "charset"));
  assert_false(contradicts_itself("a/b; charset=utf-8; charset=\"utf-8\"", "charset"));
  assert_false(contradicts_itself("a/b; charset=utf-8", "charset"));
}

void refused_types(void**) {
  const struct {
    std::string_view type;
    Reason reason;
  } cases[] = {
      {"multipart/form-data", Reason::kBodyType},
      {"multipart/form-data; boundary=", Reason::kBodyType},
      {"multipart/form-data; boundary=a; boundary=b", Reason::kBodyType},
      {"multipart/form-data; boundary=a; Boundary=\"b\"", Reason::kBodyType},
      {"multipart/form-data; boundary=a; boundary*=utf-8''b", Reason::kBodyType},
      {"multipart/form-data; boundary*=utf-8''b; boundary=a", Reason::kBodyType},
      {"multipart/form-data; x=\"; boundary=b; y=\"; boundary=a", Reason::kBodyType},
      {"multipart/form-data; boundary=\"a\\\"b\"", Reason::kBodyType},
      {"multipart/form-data; boundary=\"a\"b", Reason::kBodyType},
      {"multipart/form-data; boundary=\"a", Reason::kBodyType},
      {"multipart/form-data; boundary=a,b", Reason::kBodyType},
      {"multipart/form-data; boundary=a b", Reason::kBodyType},
      {"multipart/form-data, boundary=a; boundary=b", Reason::kBodyType},
      {"multipart/form-data; x boundary=a", Reason::kBodyType},
      {"application/x-www-form-urlencoded; charset=utf-16", Reason::kBodyCharset},
      {"multipart/form-data; boundary=b; charset=utf-32", Reason::kBodyCharset},
      {"application/msgpack; charset=utf-16", Reason::kBodyCharset},
      {"application/x-protobuf; charset=utf-16le", Reason::kBodyCharset},
      {"application/grpc; charset=utf-16be", Reason::kBodyCharset},
      {"application/octet-stream; charset=utf-16", Reason::kBodyCharset},
      {"application/json; charset=utf-8; charset=utf-16le", Reason::kBodyType},
      {"text/plain; charset=utf-7", Reason::kBodyCharset},
      {"application/cbor", Reason::kBodyType},
      {"application/cbor-seq", Reason::kBodyType},
      {"application/senml+cbor", Reason::kBodyType},
      {"application/x-jackson-smile", Reason::kBodyType},
      {"text/plain; charset=cp037", Reason::kBodyCharset},
      {"application/json; flag; charset=shift_jis", Reason::kBodyCharset},
  };
  for (const auto& one : cases) {
    Reason why = Reason::kNone;
    assert_true(make_filter(one.type, 0, &why) == nullptr);
    assert_int_equal(why, one.reason);
  }
}

// Every row is reached: a named field, or the sweep, does its work.
void every_type(void**) {
  const std::string pan = "4111111111111111";
  const std::string token = Rig::get().token(pan);
  const struct {
    std::string_view type;
    std::string body;  // '@' is a card number
  } cases[] = {
      {"application/json", R"({"card_number":"@"})"},
      {"TEXT/JSON ; a=b", R"({"card_number":"@"})"},
      {"application/vnd.api+json", R"({"card_number":"@"})"},
      {"application/x-ndjson", "{}\n{\"card_number\":\"@\"}\n"},
      {"application/ndjson", "{}\n{\"card_number\":\"@\"}\n"},
      {"application/jsonl", "{}\n{\"card_number\":\"@\"}\n"},
      {"application/json-seq", "\x1e{\"card_number\":\"@\"}\n"},
      {"application/graphql", "{ pay(card: \"@\") }"},
      {"application/xml", "<card><number>@</number></card>"},
      {"image/svg+xml", "<card><number>@</number></card>"},
      {"text/csv", "a,card_number\n1,@\n"},
      {"text/tab-separated-values", "a\tcard_number\n1\t@\n"},
      {"multipart/form-data; boundary=b",
       "--b\r\nContent-Disposition: form-data; name=card_number\r\n\r\n@\r\n--b--\r\n"},
      {"multipart/mixed; boundary=\"b\"", "--b\r\n\r\n@\r\n--b--\r\n"},
      {"application/x-www-form-urlencoded", "a=1&card_number=@"},
      {"application/msgpack",
       "\x81\xab"
       "card_number\xb0@"},
      {"application/x-msgpack", "\xb0@"},
      {"application/protobuf", "\x2a\x10@2\x01x"},
      {"application/x-protobuf", "\x2a\x10@2\x01x"},
      {"application/vnd.google.protobuf", "\x2a\x10@2\x01x"},
      {"application/octet-stream", "\xff @ \x01"},
      {"text/plain", "card @"},
      {"", "card @"},
      {"nonsense", "card @"},
  };
  for (const auto& one : cases) {
    check_body(std::string(one.type), one.type, testing::filled(one.body, '@', pan),
               testing::filled(one.body, '@', token), 1);
  }
}

// Every type, in UTF-16, with full-width digits, with digits that nothing is seen between.
void ways_of_writing(void**) {
  const std::string pan = "4111111111111111";
  const std::string token = Rig::get().token(pan);
  const auto wide = [](std::string_view text) {
    std::string out;
    for (char c : text) out += {c, '\0'};
    return out;
  };
  check_body("UTF-16", "text/csv; charset=utf-16le", wide("card_number\n" + pan),
             wide("card_number\n" + token), 1);
  check_body("UTF-16, detected", "application/json", wide("[\"" + pan + "\"]"), wide("[\"" + token + "\"]"),
             1);
  check_body("UTF-16, declared", "application/json; charset=utf-16", wide("{\"cvv\":\"123\"}"),
             wide("{\"cvv\":\"***\"}"), 1);
  for (std::string_view charset : {"utf-16", "utf-16le", "utf-16be", "utf-32"}) {
    for (auto [type, body] : {std::pair{"application/json", "{\"cvv\":\"123\"}"},
                              {"application/x-www-form-urlencoded", "cvv=123&"},
                              {"text/xml", "<cvv>123</cvv>"},
                              {"multipart/form-data; boundary=b",
                               "--b\r\nContent-Disposition: form-data; name=cvv\r\n\r\n123\r\n--b--"}}) {
      check_body("narrow, " + std::string(charset), std::string(type) + "; charset=" + std::string(charset),
                 body, "", 0, Reason::kBodyCharset);
    }
  }
  const std::string full = "\xEF\xBC\x90";
  const std::string bodies[] = {
      "\x81\xab"
      "card_number\xd9\x30@",
      "\x2a\x30@z\x01x", "text @", "a=@"};
  const std::string_view types[] = {"application/msgpack", "application/protobuf", "text/plain",
                                    "application/x-www-form-urlencoded"};
  for (size_t i = 0; i < std::size(types); ++i) {
    check_body("full-width, " + std::string(types[i]), types[i],
               testing::filled(bodies[i], '@', testing::script(pan, full)),
               testing::filled(bodies[i], '@', testing::script(token, full)), 1);
  }
  for (std::string_view unseen : {"\xE2\x80\x8B", "\xE2\x80\x8D", "\xE2\x80\x8F", "\xE2\x81\xA0",
                                  "\xE2\x81\xA6", "\xEF\xBB\xBF", "\xE1\xA0\x8E"}) {
    for (std::string_view type :
         {"text/plain", "application/json", "text/xml", "text/csv", "application/x-www-form-urlencoded"}) {
      const std::string front = type == "application/json" ? "[\"" : type == "text/xml" ? "<a>" : "x ";
      const std::string back = type == "application/json" ? "\"]" : type == "text/xml" ? "</a>" : " y";
      check_body("unseen, " + std::string(type), type, front + testing::grouped(pan, unseen) + back,
                 front + testing::grouped(token, unseen) + back, 1);
    }
  }
  for (std::string_view type : {"text/plain", "application/json", "text/csv"}) {
    const std::string front = type == "application/json" ? "[" : "a,";
    const std::string back = type == "application/json" ? "]" : ",b\n";
    check_body("through a float", type, front + pan + ".0" + back, front + token + ".0" + back, 1);
    for (std::string_view fraction : {".5", ".00", ".01", ".0.1", ".0e3", ".10"}) {
      const std::string body = front + pan + std::string(fraction) + back;
      check_body("a float", type, body, body, 0);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(parameters),
      cmocka_unit_test(refused_types),
      cmocka_unit_test(every_type),
      cmocka_unit_test(ways_of_writing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
