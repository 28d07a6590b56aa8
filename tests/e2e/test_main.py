"""The main job: a card goes in, a token reaches the application, nothing else changes."""
import json

YEAR = "2049"


def form(pan, code):
    return ("name=Ada+Lovelace&card_number=%s&expiry_month=12&expiry_year=%s&cvv=%s&amount=19.99&note=%%26+thanks%%0A"
            % (pan, YEAR, code))


def as_json(pan, code):
    return ('{"name": "Ada \\u00e9", "card_number": "%s",\n "expiry_month": "12", "expiry_year": "%s", "cvv": "%s", '
            '"amount": 19.990, "items":[{"id":1e3,"sku":"A-1"}], "note":null}' % (pan, YEAR, code))


JSON = "application/json"


def test_form_reaches_flask_as_token(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    sent = form(pan, code)
    seen = s.post(sent).seen
    token, alias = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
    t.equal(seen.content_length, str(len(sent)), "Content-Length")
    t.equal(dict(seen.form), {"name": "Ada Lovelace", "card_number": token, "expiry_month": "12", "expiry_year": YEAR,
                              "cvv": alias, "amount": "19.99", "note": "& thanks\n"}, "what Flask's request.form holds")


def test_json_reaches_flask_as_token(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    sent = as_json(pan, code)
    seen = s.post(sent, JSON).seen
    token, alias = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
    t.equal(seen.content_length, str(len(sent)), "Content-Length")
    wanted = json.loads(sent)
    wanted.update(card_number=token, cvv=alias)
    t.equal(seen.json, wanted, "what Flask's request.get_json() holds")


def test_published_numbers_of_every_brand(t):
    s = t.nginx()
    for brand in ("visa", "mastercard", "mastercard2", "amex", "discover", "diners", "jcb", "unionpay"):
        pan = t.published(brand)
        code = t.code(4 if brand == "amex" else 3)
        for sent, kind in ((form(pan, code), "application/x-www-form-urlencoded"), (as_json(pan, code), JSON)):
            t.swapped(sent, s.post(sent, kind).seen.body, (pan, "token"), (code, "alias"))


def pieces(t, make, kind, size, **parts):
    s = t.nginx(**parts)
    pan, code = t.card(), t.code()
    sent = make(pan, code)
    whole = s.post(sent, kind).seen
    token, _ = t.swapped(sent, whole.body, (pan, "token"), (code, "alias"))
    cut = s.raw_post(sent, kind, piece=size).seen
    again, _ = t.swapped(sent, cut.body, (pan, "token"), (code, "alias"))
    t.equal(again, token, "token of the same card in pieces")
    t.equal(cut.content_length, str(len(sent)), "Content-Length")
    chunked = s.raw_post(sent, kind, piece=size, chunks=max(size, 5)).seen
    again, _ = t.swapped(sent, chunked.body, (pan, "token"), (code, "alias"))
    t.equal(again, token, "token of the same card in chunks")


def test_form_in_pieces_of_1_byte(t):
    pieces(t, form, "application/x-www-form-urlencoded", 1)


def test_json_in_pieces_of_1_byte(t):
    pieces(t, as_json, JSON, 1)


def test_form_in_pieces_of_7_bytes(t):
    pieces(t, form, "application/x-www-form-urlencoded", 7)


def test_json_in_pieces_of_7_bytes(t):
    pieces(t, as_json, JSON, 7)


def test_json_in_pieces_unbuffered(t):
    pieces(t, as_json, JSON, 1, server="cardscrub on; proxy_request_buffering off;")


def test_form_in_pieces_unbuffered(t):
    pieces(t, form, "application/x-www-form-urlencoded", 7, server="cardscrub on; proxy_request_buffering off;")


def every_way(t, **parts):
    """Form and JSON; HTTP/1.1 with Content-Length and chunked, HTTP/2 with and without."""
    s = t.nginx(**parts)
    tokens = set()
    pan, code = t.card(), t.code()
    for make, kind in ((form, "application/x-www-form-urlencoded"), (as_json, JSON)):
        sent = make(pan, code)
        for http2 in (False, True):
            for options in ((), ("-H", "Transfer-Encoding: chunked")) if not http2 else ((),):
                reply = s.post(sent, kind, http2=http2, options=options)
                seen = reply.seen
                token, _ = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
                tokens.add(token)
                if seen.content_length is not None:
                    t.equal(seen.content_length, str(len(sent)), "Content-Length")
                elif seen.transfer_encoding != "chunked":
                    raise AssertionError("the application got neither Content-Length nor chunks: %s" % seen.headers)
    t.equal(len(tokens), 1, "number of tokens of one card")


def test_tcp_buffered(t):
    every_way(t)


def test_tcp_unbuffered(t):
    every_way(t, server="cardscrub on; proxy_request_buffering off;")


def test_unix_socket_buffered(t):
    every_way(t, app="unix")


def test_unix_socket_unbuffered(t):
    every_way(t, app="unix", server="cardscrub on; proxy_request_buffering off;")


def test_two_workers(t):
    every_way(t, workers=2)


def test_debug_log(t):
    every_way(t, error_level="debug")


def test_http2_data_frames_of_1_byte(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    for buffering, path in (("on", "/pay"), ("off", "/pay")):
        sent = as_json(pan, code).encode()
        with s.wire2() as wire:
            for length in (True, False):
                headers = [("content-type", JSON)] + ([("content-length", str(len(sent)))] if length else [])
                stream = wire.start("POST", path, headers)
                wire.body(stream, sent, 1)
                t.swapped(sent, wire.reply(stream).seen.body, (pan, "token"), (code, "alias"))
        s.stop()
        s.parts["server"] = "cardscrub on; proxy_request_buffering off;"
        s.start()


def test_token_posted_again_stays(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    body = form(pan, code)
    token = dict(s.post(body).seen.form)["card_number"]
    for sent, kind in ((body.replace(pan, token), "application/x-www-form-urlencoded"),
                       ('{"card_number":"%s"}' % token, JSON), ('{"card_number":%s}' % token, JSON),
                       ("note=token+%s" % token, "application/x-www-form-urlencoded"), (token, "text/plain")):
        seen = s.post(sent, kind).seen
        t.true(token.encode() in seen.body, "the token changed: %r" % seen.body)
        t.equal(len(seen.body), len(sent), "length")


def test_token_is_the_same_for_the_same_card(t):
    s = t.nginx(workers=2)
    pan = t.card()
    other = t.card()
    tokens = set()
    for _ in range(4):
        tokens.add(s.post('{"card_number":"%s"}' % pan, JSON).seen.json["card_number"])
    t.equal(len(tokens), 1, "tokens of one card")
    second = t.nginx()
    tokens.add(second.post("card_number=" + pan).seen.form[0][1])
    t.equal(len(tokens), 1, "tokens of one card on two servers with the same key ring")
    t.true(s.post("card_number=" + other).seen.form[0][1] not in tokens, "two cards have the same token")


def test_namespace_separates_tokens(t):
    s = t.nginx(server="cardscrub on;", locations="""
      location /a { cardscrub_namespace shop-a; include app.conf; }
      location /b { cardscrub_namespace shop-b; include app.conf; }
      location /var { cardscrub_namespace shop-$arg_shop; include app.conf; }
      location / { include app.conf; }""")
    pan = t.card()
    tokens = {path: s.post("card_number=" + pan, path=path).seen.form[0][1] for path in ("/a", "/b", "/", "/var?shop=a")}
    for token in tokens.values():
        t.token(token, pan)
    t.equal(tokens["/var?shop=a"], tokens["/a"], "namespace from a variable")
    t.equal(len(set(tokens.values())), 3, "tokens in three namespaces: %s" % tokens)


def test_full_token_format(t):
    s = t.nginx(server="cardscrub on; cardscrub_token_format full;")
    pan = t.card()
    sent = "card_number=" + pan
    got = s.post(sent).seen.form[0][1]
    t.equal(len(got), len(pan), "length")
    t.true(got.isdigit() and got[0] == "9" and got[4:] != pan[4:], "not a full token: %r" % got)
    t.equal(s.post(sent).seen.form[0][1], got, "the same card again")


def test_get_and_head_without_body(t):
    s = t.nginx()
    seen = s.curl("/hello?x=1&y=%20z", "-H", "X-Plain: as it is").seen
    t.equal((seen.method, seen.target, seen.headers["x-plain"], seen.body), ("GET", "/hello?x=1&y=%20z", "as it is", b""),
            "a GET")
    t.equal(s.curl("/hello", "-I").status, 200, "status of a HEAD")
    t.equal(s.curl("/hello", "-I", http2=True).status, 200, "status of a HEAD over HTTP/2")
    t.equal(s.curl("/hello", "-X", "DELETE").seen.method, "DELETE", "method")
    t.equal(s.post("", path="/empty").seen.body, b"", "an empty body")


def test_pipelined_requests(t):
    s = t.nginx()
    with s.wire() as wire:
        cards = [t.card() for _ in range(4)]
        out = b""
        for i, pan in enumerate(cards):
            body = ("card_number=%s&n=%d" % (pan, i)).encode()
            out += (b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body)) + body
            out += b"GET /between?n=%d HTTP/1.1\r\nHost: shop.test\r\n\r\n" % i
        wire.send(out)
        for i, pan in enumerate(cards):
            form_seen = dict(wire.reply().seen.form)
            t.token(form_seen["card_number"], pan)
            t.equal(form_seen["n"], str(i), "order of the answers")
            t.equal(wire.reply().seen.target, "/between?n=%d" % i, "request between")


def test_chunked_with_extensions(t):
    import server
    s = t.nginx()
    pan, code = t.card(), t.code()
    sent = as_json(pan, code).encode()
    head = (b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n")
    for piece in (0, 3):
        with s.wire() as wire:
            wire.send(head)
            wire.send(server.chunked(sent, 9, ";name=value;q=\"x\""), piece)
            t.swapped(sent, wire.reply().seen.body, (pan, "token"), (code, "alias"))


def test_expect_100_continue(t):
    s = t.nginx()
    pan = t.card()
    sent = "card_number=%s&pad=%s" % (pan, "x" * 3000)
    reply = s.curl("/pay", "-H", "Expect: 100-continue", "-H", "Content-Type: application/x-www-form-urlencoded",
                   body=sent.encode())
    t.swapped(sent, reply.seen.body, (pan, "token"))


def test_module_loaded_but_off_changes_nothing(t):
    t.app_may_see = True
    s = t.nginx(server="")
    pan, code = t.card(), t.code()
    for sent, kind in ((form(pan, code), "application/x-www-form-urlencoded"), (as_json(pan, code), JSON)):
        for reply in (s.post(sent, kind), s.raw_post(sent, kind, piece=7)):
            t.equal(reply.seen.body, sent.encode(), "body with cardscrub off")
    seen = s.curl("/p/%s?card_number=%s" % (pan, pan), "-H", "X-Card: " + pan).seen
    t.equal(seen.target, "/p/%s?card_number=%s" % (pan, pan), "target with cardscrub off")
    t.equal(seen.headers["x-card"], pan, "header with cardscrub off")
    t.equal(len(s.log(lines=5)), 5, "lines of the access log")


def test_the_sweep_finds_what_is_there(t):
    """The suite's own proof: without redaction the log holds the number, and the sweep says so."""
    t.app_may_see = True
    t.expected_leaks = [r"everything\.log holds 4\d{15}", r"access\.log holds 4\d{15}", r"(everything|access)\.log holds \d{3}$"]
    s = t.nginx(server="", http="cardscrub_redact_logs off;")
    s.curl("/?card_number=%s&cvv=%s" % (t.card(), t.code()))
    s.log("access.log", lines=1)
