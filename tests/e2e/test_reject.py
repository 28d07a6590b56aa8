"""What is refused, with what answer, and what happens to the connection."""
import json
import time
import urllib.parse

import cards

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def test_mistyped_number(t):
    s = t.nginx()
    bad = t.wrong(t.card())
    code = t.code()
    for sent, kind, http2 in (("card_number=%s&cvv=%s" % (bad, code), FORM, False),
                              ('{"card_number":"%s","cvv":"%s"}' % (bad, code), JSON, False),
                              ('{"card_number":%s}' % bad, JSON, True)):
        reply = s.post(sent, kind, http2=http2)
        t.refused(reply, 422, card_number="pan.luhn")
        t.no_digits(reply)
        t.has(reply.headers.get("cache-control", ""), "no-store", "Cache-Control")
    t.equal(t.seen(), [], "requests that reached the application")


def test_every_failing_field_in_one_answer(t):
    s = t.nginx()
    sent = '{"card_number":"%s","expiry_month":"13","expiry_year":"2049","cvv":"12"}' % t.wrong(t.card())
    reply = s.post(sent, JSON)
    t.refused(reply, 422, card_number="pan.luhn", expiry_month="expiry.month", cvv="code.length")
    sent = "card_number=%s&expiry_month=13&expiry_year=2049&cvv=12" % t.wrong(t.card())
    t.refused(s.post(sent), 422, card_number="pan.luhn", expiry_month="expiry.month", cvv="code.length")
    t.equal(t.seen(), [], "requests that reached the application")


def test_nested_field_is_named_by_its_path(t):
    s = t.nginx()
    reply = s.post('{"order":{"card":{"number":"%s"}}}' % t.wrong(t.card()), JSON)
    t.refused(reply, 422, **{"order.card.number": "pan.luhn"})


def test_expired_card(t):
    s = t.nginx()
    pan = t.card()
    year = time.gmtime().tm_year
    past = time.gmtime(time.time() - 33 * 86400)  # a card is good for a day longer than its month
    for sent in ("card_number=%s&expiry_month=1&expiry_year=2020" % pan, "card_number=%s&expiry_month=01&expiry_year=20" % pan,
                 "card_number=%s&expiry_month=%d&expiry_year=%d" % (pan, past.tm_mon, past.tm_year)):
        reply = s.post(sent)
        t.refused(reply)
        t.equal(t.reasons(reply), ["expiry.past"], "reasons of %s" % sent.replace(pan, "PAN"))
    for sent in ('{"card_number":"%s","exp":"01/20"}' % pan, '{"card_number":"%s","exp":"2020-01"}' % pan,
                 '{"card_number":"%s","cc-exp":"01 / 2020"}' % pan, '{"card_number":"%s","exp":"0120"}' % pan):
        reply = s.post(sent, JSON)
        t.refused(reply)
        t.equal(t.reasons(reply), ["expiry.past"], "reasons")
    t.equal(t.seen(), [], "requests that reached the application")
    for sent in ("exp=12/49", "exp=12%2F2049", "exp=1249", "exp=2049-12", "exp_month=%d&exp_year=%d"
                 % (time.gmtime().tm_mon, year), "exp_month=9&exp_year=49"):
        t.equal(s.post("card_number=%s&%s" % (pan, sent)).status, 200, "status with " + sent)


def test_expiry_that_is_none(t):
    s = t.nginx()
    for field, value, reason in (("cc-exp", "1x/29", "expiry.format"), ("cc-exp", "13/49", "expiry.month"),
                                 ("cc-exp-month", "0", "expiry.month"), ("cc-exp-year", "123", "expiry.format")):
        reply = s.post("card_number=%s&%s=%s" % (t.card(), field, value))
        t.refused(reply)
        t.equal(t.reasons(reply), [reason], "reasons of %s=%s" % (field, value))


def test_code_lengths(t):
    s = t.nginx()
    visa, amex = t.card(), t.card("amex")
    for pan, code, reason in ((visa, "12", "code.length"), (visa, "12345", "code.length"), (visa, "1234", "code.length"),
                              (amex, "123", "code.length"), (visa, "12a", "code.format")):
        reply = s.post('{"card_number":"%s","cvv":"%s"}' % (pan, code), JSON)
        t.refused(reply)
        t.equal(t.reasons(reply), [reason], "reasons for a code of %d" % len(code))
        reply = s.post('{"cvv":"%s","card_number":"%s"}' % (code, pan), JSON)
        t.refused(reply)
        t.equal(t.reasons(reply), [reason], "reasons, code in front of the number")
    t.equal(t.seen(), [], "requests that reached the application")
    four = t.code(4)
    sent = '{"card_number":"%s","cvv":"%s"}' % (amex, four)
    t.swapped(sent, s.post(sent, JSON).seen.body, (amex, "token"), (four, "alias"))


def test_number_of_wrong_shape(t):
    s = t.nginx()
    pan = t.card()
    for value, reason in ((pan[:11], "pan.length"), (pan + "123456", "pan.length"), (pan[:8] + "x" + pan[9:], "pan.format"),
                          (pan[:4] + "--" + pan[4:], "pan.format"), ("0" * 16, "pan.brand"), (pan[:-1], "pan.length")):
        reply = s.post('{"card_number":"%s"}' % value, JSON)
        t.refused(reply, 422, card_number=reason)
        t.no_digits(reply)
    t.equal(t.seen(), [], "requests that reached the application")


def test_field_of_wrong_type(t):
    s = t.nginx()
    for value in ("true", "1.5", "[]", "{}", "null", '""'):
        reply = s.post('{"card_number":%s,"cvv":"123"}' % value, JSON)
        if value in ("true", "1.5"):
            t.refused(reply)
            t.true(t.reasons(reply)[0] in ("field.type", "pan.format"), "reasons for %s: %s" % (value, reply))


def test_invalid_mask_lets_the_application_answer(t):
    s = t.nginx(server="cardscrub on; cardscrub_invalid mask;")
    bad = t.wrong(t.card())
    code = t.code(2)
    t.codes.clear()
    sent = '{"card_number":"%s","cvv":"%s","name":"Ada"}' % (bad, code)
    seen = s.post(sent, JSON).seen
    t.equal(len(seen.body), len(sent), "length")
    t.true(bad not in seen.json["card_number"] and "*" in seen.json["card_number"], "not masked: %s" % seen.json)
    t.equal(seen.json["name"], "Ada", "the rest")


def test_required_fields(t):
    s = t.nginx(locations="location / { cardscrub_require pan code expiry; include app.conf; }")
    pan, code = t.card(), t.code()
    reply = s.post("card_number=%s" % pan)
    t.refused(reply)
    t.equal(t.reasons(reply), ["field.missing"], "reasons")
    t.equal(len(reply.json()["errors"]), 2, "number of missing fields in %s" % reply)
    for sent, kind in (("card_number=&cvv=&exp=", FORM), ("x=1", FORM), ("{}", JSON), ("[]", JSON), ("hello", "text/plain"), ("", FORM)):
        reply = s.post(sent, kind)
        t.refused(reply)
        t.true("field.missing" in t.reasons(reply) or "body.malformed" in t.reasons(reply), "reasons for %r: %s" % (sent, reply))
    reply = s.curl("/pay", "-X", "POST")
    t.refused(reply)
    t.equal(t.reasons(reply), ["field.missing"], "reasons of a POST without body")
    t.equal(t.seen(), [], "requests that reached the application")
    sent = "card_number=%s&cvv=%s&exp_month=12&exp_year=2049" % (pan, code)
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"), (code, "alias"))
    sent = '{"card_number":"%s","cvv":"%s","exp":"12/49"}' % (pan, code)
    t.swapped(sent, s.post(sent, JSON).seen.body, (pan, "token"), (code, "alias"))
    t.equal(s.curl("/page").status, 200, "status of a GET")


def test_brands_not_accepted(t):
    s = t.nginx(server="cardscrub on; cardscrub_brands visa mastercard;")
    amex, visa = t.card("amex"), t.card()
    t.refused(s.post("card_number=" + amex), 422, card_number="pan.not_accepted")
    t.equal(s.post("card_number=" + visa).status, 200, "status of an accepted brand")


def test_unknown_charset(t):
    s = t.nginx()
    for kind in ("application/json; charset=shift_jis", "application/json;charset=ebcdic-cp-us", "text/plain; charset=utf-7",
                 'application/x-www-form-urlencoded; charset="x-unknown"'):
        reply = s.post('{"card_number":"%s"}' % t.card(), kind)
        t.refused(reply, 415)
        t.equal(t.reasons(reply), ["body.charset"], "reasons of " + kind)
    t.equal(t.seen(), [], "requests that reached the application")


def test_unknown_content_encoding(t):
    s = t.nginx()
    for coding in ("x-unknown", "compress", "identity, x-unknown"):
        reply = s.post('{"card_number":"%s"}' % t.card(), JSON, options=("-H", "Content-Encoding: " + coding))
        t.refused(reply, 415)
        t.equal(t.reasons(reply), ["body.encoding"], "reasons of " + coding)
    t.equal(t.seen(), [], "requests that reached the application")
    t.equal(s.post("a=1", options=("-H", "Content-Encoding: identity")).status, 200, "status of identity")


def test_body_over_the_limit(t):
    s = t.nginx(server="cardscrub on; client_max_body_size 4k;")
    body = "card_number=%s&pad=%s" % (t.card(), "x" * 8000)
    t.equal(s.post(body).status, 413, "status")
    t.equal(s.post(body, http2=True).status, 413, "status over HTTP/2")
    reply = s.raw_post(body, chunks=1000)
    t.equal(reply.status, 413, "status of a chunked body")
    t.equal(t.seen(), [], "requests that reached the application")


def test_too_many_findings(t):
    s = t.nginx(server="cardscrub on; cardscrub_max_findings 3;")
    pans = [t.card() for _ in range(4)]
    reply = s.post("\n".join(pans), "text/plain")
    t.refused(reply, 413)
    t.equal(t.reasons(reply), ["limit.findings"], "reasons")
    t.equal(s.post("\n".join(pans[:3]), "text/plain").status, 200, "status of as many as allowed")


def test_too_deep(t):
    s = t.nginx(server="cardscrub on; cardscrub_max_depth 20;")
    reply = s.post("[" * 30 + '"%s"' % t.card() + "]" * 30, JSON)
    t.refused(reply, 413)
    t.equal(t.reasons(reply), ["limit.depth"], "reasons")
    t.equal(s.post("[" * 15 + "1" + "]" * 15, JSON).status, 200, "status of a shallow one")


def test_error_page_is_honoured(t):
    s = t.nginx(locations="""
      error_page 422 @refused;
      location @refused { default_type text/plain; return 422 "please check the number\\n"; }
      location /as200 { error_page 422 =200 /sorry; include app.conf; }
      location = /sorry { internal; default_type text/plain; return 200 "sorry page\\n"; }
      location / { include app.conf; }""")
    bad = t.wrong(t.card())
    for http2 in (False, True):
        reply = s.post("card_number=" + bad, http2=http2)
        t.equal((reply.status, reply.body), (422, b"please check the number\n"), "answer by error_page")
        reply = s.post("card_number=" + bad, path="/as200", http2=http2)
        t.equal((reply.status, reply.body), (200, b"sorry page\n"), "answer by error_page with another status")
    t.equal(t.seen(), [], "requests that reached the application")


def request(body, path="/pay", kind=FORM, extra=""):
    return ("POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n"
            % (path, kind, len(body), extra)).encode() + body.encode()


def test_connection_survives_a_rejection(t):
    s = t.nginx()
    pan = t.card()
    with s.wire() as wire:
        for _ in range(3):
            wire.send(request("card_number=" + t.wrong(pan)))
            t.refused(wire.reply(), 422, card_number="pan.luhn")
            wire.send(request("card_number=" + pan))
            t.token(dict(wire.reply().seen.form)["card_number"], pan)


SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n"


def rest_is_never_a_request(t, server, chunked=False, early=""):
    s = t.nginx(server=server)
    bad = early or "card_number=" + t.wrong(t.card())
    body = bad + "&pad=" + SMUGGLED + "&x=" + "y" * 3000 + SMUGGLED * 20
    for cut in (len(bad), len(bad) + 1, len(bad) + 5, len(body) - 10):
        with s.wire() as wire:
            if chunked:
                wire.send(b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Type: " + FORM.encode() +
                          b"\r\nTransfer-Encoding: chunked\r\n\r\n")
                for part in (body[:cut], body[cut:]):
                    wire.send(b"%x\r\n%s\r\n" % (len(part), part.encode()))
                    time.sleep(0.02)
                end = b"0\r\n\r\n"
            else:
                whole = request(body)
                at = len(whole) - len(body) + cut
                wire.send(whole[:at])
                time.sleep(0.05)
                end = b""
                try:
                    wire.send(whole[at:])
                except OSError:
                    pass  # closed already: as good
            try:
                wire.send(end + request("a=1", path="/honest"))
            except OSError:
                pass
            reply = wire.reply()
            t.refused(reply)
            try:
                second = wire.reply()
            except (AssertionError, OSError):
                second = None  # the connection was closed
            if second is not None:
                t.equal(second.seen.target, "/honest", "the next request on the connection")
    t.equal([r.target for r in t.seen() if r.target != "/honest"], [], "what reached the application")


def test_rest_of_a_rejected_body_buffered(t):
    rest_is_never_a_request(t, "cardscrub on;")


def test_rest_of_a_rejected_body_unbuffered(t):
    rest_is_never_a_request(t, "cardscrub on; proxy_request_buffering off;")


def test_rest_of_a_rejected_chunked_body(t):
    rest_is_never_a_request(t, "cardscrub on;", chunked=True)


def test_rest_of_a_rejected_chunked_body_unbuffered(t):
    rest_is_never_a_request(t, "cardscrub on; proxy_request_buffering off;", chunked=True)


def test_rest_of_a_body_of_unknown_encoding(t):
    s = t.nginx()
    body = "x" * 100 + SMUGGLED * 3
    with s.wire() as wire:
        wire.send(request(body, extra="Content-Encoding: x-unknown\r\n")[:-len(SMUGGLED) * 2])
        time.sleep(0.05)
        try:
            wire.send((SMUGGLED * 2).encode() + request("a=1", path="/honest"))
        except OSError:
            pass
        t.equal(wire.reply().status, 415, "status")
        try:
            t.equal(wire.reply().seen.target, "/honest", "the next request")
        except OSError:
            pass
        except AssertionError as e:
            t.has(str(e), "connection closed")
    t.equal([r.target for r in t.seen() if r.target != "/honest"], [], "what reached the application")


def test_rejection_after_part_has_gone(t):
    """Unbuffered: the head of the body is with the application already; it must not take it for the whole."""
    s = t.nginx(server="cardscrub on; proxy_request_buffering off;")
    good, bad = t.card(), t.wrong(t.card())
    body = '{"card_number":"%s","pad":"%s","card":{"number":"%s"}}' % (good, "x" * 60000, bad)
    for chunks in (None, 4096):
        reply = s.raw_post(body, JSON, piece=4096, chunks=chunks)
        t.refused(reply)
    t.equal([r.content_length for r in t.seen()], [], "requests that the application read to an end")


def test_large_rejected_body_over_http2(t):
    s = t.nginx(server="cardscrub on; client_max_body_size 8m;")
    pan = t.card()
    body = ('{"card_number":"%s","pad":"' % t.wrong(pan)).encode() + b"x" * 300000 + b'"}'
    with s.wire2() as wire:
        import h2.exceptions
        stream = wire.start("POST", "/pay", [("content-type", JSON), ("content-length", str(len(body)))])
        sent = 0
        try:
            while sent < len(body):
                size = min(wire.h2.local_flow_control_window(stream), 16000, len(body) - sent)
                if size == 0:
                    wire.wait()
                    continue
                wire.h2.send_data(stream, body[sent:sent + size], end_stream=sent + size == len(body))
                wire._flush()
                sent += size
            reply = wire.reply(stream)
            t.equal(reply.status, 422, "status")
        except h2.exceptions.StreamClosedError:
            pass  # answered and reset while we still sent; the next stream shows that the connection lives
        stream = wire.start("POST", "/pay", [("content-type", FORM)])
        wire.body(stream, ("card_number=" + pan).encode(), 1000)
        t.token(dict(wire.reply(stream).seen.form)["card_number"], pan)


def test_worker_survives_broken_clients(t):
    s = t.nginx(workers=1)
    for server in ("cardscrub on;", "cardscrub on; proxy_request_buffering off;"):
        for cut in (1, 20, 60, 100):
            with s.wire() as wire:
                body = request('{"card_number":"%s","cvv":"123","pad":"%s"}' % (t.card(), "x" * 200), kind=JSON)
                wire.send(body[:len(body) - 200 + cut])
                time.sleep(0.01)
        pan = t.card()
        t.token(dict(s.post("card_number=" + pan).seen.form)["card_number"], pan)
        s.stop()
        s.parts["server"] = server
        s.start()
    t.equal(s.post("card_number=" + cards.PUBLISHED["visa"]).status, 200, "status at the end")


def test_numbers_that_the_sweep_does_not_read_are_refused_under_a_card_name(t):
    """SECURITY.md promises it of each form that it lists as not found elsewhere."""
    s = t.nginx()
    pan = t.card()
    half, rest = pan[:8], pan[8:]
    texts = {"tab": half + "\t" + rest, "line end": half + "\n" + rest, "two spaces": half + "  " + rest, "slash": half + "/" + rest,
             "letter in front": "x" + pan, "letter behind": pan + "x", "leading zeros": "000" + pan, "more digits": pan + "1234",
             "hexadecimal": "0x%x" % int(pan), "exponent": pan[0] + "." + pan[1:] + "e15",
             "superscript": "".join("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[int(c)] for c in pan),
             "circled": "".join("\u24ea\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467\u2468"[int(c)] for c in pan),
             "entities": "".join("&#%d;" % ord(c) for c in pan)}
    for name, text in texts.items():
        for body, kind in ((json.dumps({"card_number": text}), "application/json"),
                           ("card_number=" + urllib.parse.quote(text), "application/x-www-form-urlencoded")):
            reply = s.post(body, kind)
            t.true(reply.status == 422, "%s as %s: %s" % (name, kind, reply))
    reply = s.post('{"card_number":%s.%se15}' % (pan[0], pan[1:]), "application/json")
    t.equal(reply.status, 422, "a number with an exponent")
    t.equal(t.seen(), [], "requests that reached the application")
