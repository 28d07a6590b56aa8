"""JSON in every shape in which an application may read it."""
import json

JSON = "application/json"


def swap(t, sent, *changes, kind=JSON, server="cardscrub on;"):
    s = t.servers[0] if t.servers else t.nginx(server=server)
    return t.swapped(sent, s.post(sent, kind).seen.body, *changes)


def test_number_value_stays_a_number(t):
    pan, code = t.card(), t.code()
    sent = '{"card_number":%s,"cvv":%s,"amount":1}' % (pan, code)
    token, alias = swap(t, sent, (pan, "token"), (code, "alias"))
    got = t.servers[0].post(sent, JSON).seen.json
    t.equal(got["card_number"], int(token), "the number")
    t.true(isinstance(got["cvv"], int) and len(str(got["cvv"])) == 3 and alias[0] != "0", "the code is no number: %s" % got)


def test_escaped_digits(t):
    pan, code = t.card(), t.code()
    for form in ("json", "json_upper"):
        sent = '{"card_number":"%s","cvv":"%s"}' % ("".join("\\u%04x" % ord(c) if form == "json" else "\\u%04X" % ord(c)
                                                            for c in pan), code)
        token, _ = swap(t, sent, (pan, "token", form), (code, "alias"))
        t.equal(token, swap(t, '{"card_number":"%s"}' % pan, (pan, "token"))[0], "token of the escaped number")


def test_values_in_an_object_of_their_own(t):
    for held in ('{"stringValue":"%s"}', '{"integerValue":%s}', '{"S":"%s"}', '{"value":{"raw":"%s"}}', '["%s"]', '{"#text":"%s"}'):
        pan, code = t.card(), t.code()
        swap(t, '{"fields":{"card_number":{"stringValue":"%s"},"cvv":%s,"cvv_result":{"value":"123"}}}' % (pan, held % code),
             (pan, "token"), (code, "alias"))
    swap(t, '{"cvv":{"length":"3","attempts":123,"text":"Security code"}}')


def test_texts_of_other_kinds_in_strings(t):
    """A form, as gateways wrap requests, and GraphQL with its arguments written into it."""
    for sent in ('{"httpMethod":"POST","body":"card_number=%s&cvv=%s&amount=1"}',
                 '{"query":"mutation Pay { pay(card: {number: \\"%s\\", cvc: \\"%s\\"}) { id } }","variables":{}}',
                 '{"query":"{ a: pay(number: %s cvv: %s) }"}'):
        pan, code = t.card(), t.code()
        swap(t, sent % (pan, code), (pan, "token"), (code, "alias"))
    pan, code = t.card(), t.code()
    swap(t, '{"query":"mutation P($cvv: Int!) { pay(cvv: $cvv, number: $n) }","variables":{"n":"%s","cvv":%s}}' % (pan, code),
         (pan, "token"), (code, "alias"))


def test_some_digits_escaped(t):
    pan = t.card()
    sent = '{"card_number":"%s","note":"x"}' % (pan[:5] + "\\u003" + pan[5] + pan[6:])
    s = t.nginx()
    seen = s.post(sent, JSON).seen
    t.token(seen.json["card_number"], pan)
    t.equal(len(seen.body), len(sent), "length")
    t.has(seen.body.decode(), r'^\{"card_number":"\d{5}\\u003\d\d{10}","note":"x"\}$', "the escape stayed")


def test_escaped_name(t):
    pan, code = t.card(), t.code()
    sent = '{"card\\u005fnumber":"%s","c\\u0076v":"%s"}' % (pan, code)
    swap(t, sent, (pan, "token"), (code, "alias"))


def test_names_of_any_style(t):
    for name in ("cardNumber", "card-number", "CARD_NUMBER", "ccNumber", "cc-number", "creditCardNumber"):
        pan, code = t.card(), t.code()
        sent = '{"%s":"%s","cvc":"%s"}' % (name, pan, code)
        swap(t, sent, (pan, "token"), (code, "alias"))


def test_nested_objects_and_lists(t):
    a, b, c, code, code_b = t.card(), t.card("mastercard"), t.card("amex"), t.code(), t.code()
    sent = ('{"order":{"payments":[{"card":{"number":"%s","code":"%s"}},{"card":{"code":"%s","number":"%s"}}],'
            '"cards":["%s"]},"code":"PROMO","number":"17"}' % (a, code, code_b, b, c))
    swap(t, sent, (a, "token"), (code, "alias"), (code_b, "alias"), (b, "token"), (c, "token"))


def test_ambiguous_names_alone_are_left(t):
    s = t.nginx()
    sent = '{"number":"1234","code":"123","pan":"ABCDE1234F","month":13,"exp":"01/20","items":[{"code":"999"}]}'
    t.equal(s.post(sent, JSON).seen.body, sent.encode(), "a body without cards")


def test_number_in_a_comment(t):
    pan = t.card()
    for shape, separator in ((pan, ""), (" ".join((pan[:4], pan[4:8], pan[8:12], pan[12:])), " "),
                             ("-".join((pan[:4], pan[4:8], pan[8:12], pan[12:])), "-")):
        sent = '{"comment":"please take %s, thanks","id":%d}' % (shape, 17)
        swap(t, sent, (shape, "token"))


def test_spaced_and_hyphened_pan_field(t):
    pan = t.card()
    tokens = set()
    for separator in ("", " ", "-"):
        shape = separator.join((pan[:4], pan[4:8], pan[8:12], pan[12:]))
        tokens.add(swap(t, '{"card_number":"%s"}' % shape, (shape, "token"))[0])
    t.equal(len(tokens), 1, "tokens of one card in three spellings")


def test_json_inside_a_string(t):
    pan, code = t.card(), t.code()
    inner = json.dumps({"card_number": pan, "cvv": code, "n": 1})
    sent = json.dumps({"id": 1, "payload": inner, "after": "x"})
    token, _ = swap(t, sent, (pan, "token"), (code, "alias"))
    t.equal(json.loads(t.servers[0].post(sent, JSON).seen.json["payload"])["card_number"], token, "inside")


def test_json_inside_a_string_inside_a_string(t):
    pan, code = t.card(), t.code()
    sent = json.dumps({"a": json.dumps({"b": json.dumps({"card": {"number": pan, "cvc": code}})})})
    swap(t, sent, (pan, "token"), (code, "alias"))


def test_key_that_is_a_card_number(t):
    pan = t.card()
    sent = '{"cards":{"%s":{"limit":100}},"x":1}' % pan
    swap(t, sent, (pan, "token"))


def test_duplicate_keys(t):
    a, b, code, code_b = t.card(), t.card(), t.code(), t.code()
    sent = '{"card_number":"%s","cvv":"%s","card_number":"%s","cvv":"%s"}' % (a, code, b, code_b)
    swap(t, sent, (a, "token"), (code, "alias"), (b, "token"), (code_b, "alias"))


def test_ndjson(t):
    changes, lines = [], []
    for i in range(5):
        pan, code = t.card(), t.code()
        lines.append('{"n":%d,"card_number":"%s","cvv":"%s"}\n' % (i, pan, code))
        changes += [(pan, "token"), (code, "alias")]
    swap(t, "".join(lines), *changes, kind="application/x-ndjson")


def test_byte_order_mark(t):
    pan, code = t.card(), t.code()
    swap(t, '\ufeff{"card_number":"%s","cvv":"%s"}' % (pan, code), (pan, "token"), (code, "alias"))


def test_content_types_of_json(t):
    for kind in ("application/json; charset=utf-8", "Application/JSON;charset=UTF-8", "application/vnd.api+json",
                 "application/problem+json"):
        pan, code = t.card(), t.code()
        swap(t, '{"card_number":"%s","cvv":"%s"}' % (pan, code), (pan, "token"), (code, "alias"), kind=kind)


def test_white_space_and_order(t):
    pan, code = t.card(), t.code()
    swap(t, '\r\n\t {\t"cvv"\n:\r"%s" ,"card_number" : "%s"\n}\n ' % (code, pan), (code, "alias"), (pan, "token"))


def test_root_that_is_a_value(t):
    pan = t.card()
    swap(t, '"%s"' % pan, (pan, "token"))
    swap(t, pan, (pan, "token"))
    swap(t, '["x",%s,"%s"]' % (pan, pan), (pan, "token"), (pan, "token"))


def test_full_width_digits(t):
    pan = t.card()
    wide = "".join(chr(0xFF10 + int(c)) for c in pan)
    t.secrets.add(wide)
    sent = '{"card_number":"%s"}' % wide
    seen = t.nginx().post(sent, JSON).seen
    t.equal(len(seen.body), len(sent.encode()), "length")
    got = seen.json["card_number"]
    t.true(all(0xFF10 <= ord(c) <= 0xFF19 for c in got), "the digits changed their form: %r" % got)
    t.token("".join(str(ord(c) - 0xFF10) for c in got), pan)


def test_things_that_are_no_cards(t):
    s = t.nginx()
    sent = json.dumps({"at": 1760000000123456, "id": "550e8400-e29b-41d4-a716-446655440000", "tweet": 1445078208190291973,
                       "phone": "+49 170 1234567", "iban": "DE89370400440532013000", "imei": "490154203237518",
                       "ean": "4006381333931", "hash": "d41d8cd98f00b204e9800998ecf8427e", "pi": 3.141592653589793,
                       "coordinates": [[13.4049540112345, 52.5200065987654]], "text": "été ☃ 😀 \u2028"})
    t.equal(s.post(sent, JSON).seen.body, sent.encode(), "a body without cards")


def test_malformed_is_swept(t):
    pan = t.card()
    for sent in ('{"note":"%s"' % pan, "{'card_number':'%s'}" % pan, '{"a":tru, "b":"%s"}' % pan, '{note:%s}' % pan,
                 '[[[["%s"' % pan, '{"a":"%s"}}}}' % pan, '/* %s */ {"a":1}' % pan, '{"a":"\\q %s"}' % pan,
                 '{"a" "%s"}' % pan, '"unterminated %s' % pan):
        swap(t, sent, (pan, "token"))


def test_malformed_where_a_field_is_required(t):
    s = t.nginx(locations="location / { cardscrub_require pan; include app.conf; }")
    pan = t.card()
    sent = '{"card_number":"%s",,}' % pan
    reply = s.post(sent, JSON)
    t.refused(reply, 400)
    problem = [e for e in reply.json()["errors"] if e["reason"] == "body.malformed"]
    t.equal(len(problem), 1, "body.malformed in %s" % reply)
    at = sent.index(",,") + 1
    t.true(problem[0].get("offset") in (at, at + 1), "offset %s, the fault is at %d" % (problem[0].get("offset"), at))
    t.no_digits(reply)
    t.equal(t.seen(), [], "requests that reached the application")
    t.equal(s.post('{"card_number":"%s"}' % pan, JSON).status, 200, "a good one")
