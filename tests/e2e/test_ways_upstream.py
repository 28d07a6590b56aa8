"""Ways on: every kind of application behind nginx, over TCP and unix sockets, buffered and not."""
import time

import origin

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def samples(t):
    pan, code = t.card(), t.code()
    yield "a=1&card_number=%s&cvv=%s&z=%s" % (pan, code, "z" * 20), FORM, pan, code
    yield '{"pad":"%s","card_number":"%s","cvv":"%s"}' % ("x" * 30000, pan, code), JSON, pan, code


def fields(head):
    return dict(line.split("=", 1) for line in head.split("\n"))


def cgi_parameters(t, head, token):
    """What CGI-like protocols say about a request, from nginx's stock parameter files."""
    got = fields(head)
    t.equal(got["QUERY_STRING"], "c=" + token, "QUERY_STRING")
    t.equal(got["REQUEST_URI"], "/p/%s?c=%s" % (token, token), "REQUEST_URI")
    t.equal(got["DOCUMENT_URI"], "/p/" + token, "DOCUMENT_URI")
    t.equal((got["HTTP_X_CARD"], got["HTTP_COOKIE"], got["HTTP_REFERER"]), (token, "card=" + token, "https://x/?c=" + token), "headers")


def cgi_like(t, kind, module):
    for unix in (False, True):
        app = t.origin(kind, unix=unix)
        for buffering in ("on", "off"):
            s = t.nginx(locations="location / { include /etc/nginx/%s_params; %s_request_buffering %s; %s_pass %s; }"
                        % (module, module, buffering, module, app.plain_address))
            for sent, content_type, pan, code in samples(t):
                for more in ({}, {"http2": True}):
                    reply = s.post(sent, content_type, path="/p/%s?c=%s" % (pan, pan), options=(
                        "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan, "-e", "https://x/?c=" + pan), **more)
                    t.equal((reply.status, reply.body), (200, b"here\n"), "answer")
                    seen = app.wait(len(app.exchanges))
                    token, _ = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
                    t.equal(fields(seen.head)["CONTENT_LENGTH"], str(len(sent)), "CONTENT_LENGTH")
                    cgi_parameters(t, seen.head, token)
                seen_before = len(app.exchanges)
                t.equal(s.raw_post(sent, content_type, piece=4001).status, 200, "status of a body in pieces")
                t.swapped(sent, app.wait(seen_before + 1).body, (pan, "token"), (code, "alias"))
                t.refused(s.post("card_number=" + t.wrong(pan)), 422, card_number="pan.luhn")
            s.stop()


def test_fastcgi(t):
    cgi_like(t, origin.Fastcgi, "fastcgi")


def test_scgi(t):
    cgi_like(t, origin.Scgi, "scgi")


def cut_off(t, app, module, streams):
    """Unbuffered, refused when 20 KB have come, and gone to the application if it `streams`; how that looked to the application."""
    s = t.nginx(locations="location / { include /etc/nginx/%s_params; %s_request_buffering off; %s_pass %s; }"
                % (module, module, module, app.plain_address))
    first = '{"card_number":"%s","pad":"%s' % (t.card(), "x" * 20000)
    second = '","more":{"card_number":"%s"}}' % t.wrong(t.card())
    with s.wire() as wire:
        wire.send(("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                   % (JSON, len(first) + len(second), first)).encode())
        if streams:
            limit = time.monotonic() + s.limit
            while not (app.exchanges and len(app.exchanges[-1].body) > 15000) and time.monotonic() < limit:
                time.sleep(0.01)
        else:
            time.sleep(0.2)
        wire.send(second.encode())
        t.refused(wire.reply(), 422, **{"more.card_number": "pan.luhn"})
    limit = time.monotonic() + s.limit
    while app.exchanges and not app.exchanges[-1].end and time.monotonic() < limit:
        time.sleep(0.01)
    return [e.end for e in app.exchanges]


def test_fastcgi_cut_off(t):
    """The end of a body is a record of its own there."""
    t.equal(cut_off(t, t.origin(origin.Fastcgi), "fastcgi", True), ["reset"], "ends over TCP")
    t.equal(cut_off(t, t.origin(origin.Fastcgi, unix=True), "fastcgi", True), ["closed"], "ends over a unix socket")


def test_scgi_cut_off(t):
    """nginx states the length of what it has read so far; so bodies are read whole first."""
    t.equal(cut_off(t, t.origin(origin.Scgi), "scgi", False), [], "requests over TCP")
    t.equal(cut_off(t, t.origin(origin.Scgi, unix=True), "scgi", False), [], "requests over a unix socket")


def uwsgi(t, unix):
    app = t.origin(origin.Uwsgi, run=t.run, unix=unix)
    for buffering in ("on", "off"):
        s = t.nginx(locations="""location / { include /etc/nginx/uwsgi_params; uwsgi_param HTTP_X_CASE %s; uwsgi_param HTTP_HOST $host;
          uwsgi_request_buffering %s; uwsgi_pass %s; }""" % (t.name, buffering, app.address))
        for sent, content_type, pan, code in samples(t):
            for http2 in (False, True):
                seen = s.post(sent, content_type, path="/p/%s?c=%s" % (pan, pan), options=("-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan),
                              http2=http2).seen
                token, _ = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
                t.equal(seen.content_length, str(len(sent)), "Content-Length")
                t.equal((seen.target, seen.path), ("/p/%s?c=%s" % (token, token), "/p/" + token), "target")
                t.equal((seen.headers["x-card"], seen.cookies["card"]), (token, token), "header and cookie")
            seen = s.raw_post(sent, content_type, piece=1000).seen
            t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
            t.refused(s.post("card_number=" + t.wrong(pan)), 422, card_number="pan.luhn")
        number = len(t.seen())
        body = '{"card_number":"%s","pad":"%s","card":{"number":"%s"}}' % (t.card(), "x" * 60000, t.wrong(t.card()))
        t.refused(s.raw_post(body, JSON, piece=4096), 422, **{"card.number": "pan.luhn"})
        time.sleep(0.1)
        t.equal(len(t.seen()), number, "requests that the application read to an end")
        s.stop()


def test_uwsgi_over_tcp(t):
    uwsgi(t, False)


def test_uwsgi_over_a_unix_socket(t):
    uwsgi(t, True)


def test_grpc(t):
    """Messages in DATA frames; the sweep keeps their lengths, so the framing survives."""
    for unix in (False, True):
        app = t.origin(origin.Grpc, unix=unix)
        s = t.nginx(locations="location / { grpc_pass grpc://%s; }" % app.plain_address)
        pan = t.card()
        text = ("\x0a\x10%s\x12\x05hello" % pan).encode()  # field 1: 16 bytes; field 2: 5 bytes
        sent = origin.message(text) + origin.message(b"second " + pan.encode())
        for piece in (1000, 3):
            with s.wire2() as wire:
                stream = wire.start("POST", "/shop.Pay/Charge", [("content-type", "application/grpc"), ("te", "trailers"), ("x-card", pan)])
                wire.body(stream, sent, piece)
                reply = wire.reply(stream)
                t.equal((reply.status, reply.body), (200, origin.message(b"here\n")), "answer")
            seen = app.wait(len(app.exchanges))
            token = t.swapped(sent, seen.body, (pan, "token"), (pan, "token"))[0]
            t.has(seen.head, "x-card: " + token, "the header")
        s.stop()


def test_grpc_cut_off(t):
    """A stream that is refused half way never ends in order."""
    app = t.origin(origin.Grpc)
    s = t.nginx(server="cardscrub on; cardscrub_sweep reject;", locations="location / { grpc_pass grpc://%s; }" % app.plain_address)
    with s.wire2() as wire:
        stream = wire.start("POST", "/shop.Pay/Charge", [("content-type", "application/grpc"), ("te", "trailers")])
        wire.h2.send_data(stream, origin.message(b"first " + b"x" * 3000))
        wire._flush()
        limit = time.monotonic() + s.limit
        while not (app.exchanges and len(app.exchanges[0].body) > 2500) and time.monotonic() < limit:
            time.sleep(0.01)
        t.true(app.exchanges and len(app.exchanges[0].body) > 2500, "the first message was not forwarded: streaming is off")
        wire.h2.send_data(stream, origin.message(b"card " + t.card().encode() + b" "), end_stream=True)
        wire._flush()
        reply = wire.reply(stream)
        t.true(reply.status != 200 or reply.headers.get("grpc-status") not in (None, "0"), "the refused call went well: %s" % reply)
    t.true(app.wait(1).end in ("reset", "closed"), "end of the stream")


def test_grpc_unary_from_curl(t):
    app = t.origin(origin.Grpc)
    s = t.nginx(locations="location / { grpc_pass grpc://%s; }" % app.plain_address)
    pan = t.card()
    sent = origin.message(pan.encode())
    reply = s.curl("/shop.Pay/Charge", "-H", "Content-Type: application/grpc", "-H", "TE: trailers", body=sent, http2=True)
    t.equal(reply.status, 200, "status")
    t.swapped(sent, app.wait().body, (pan, "token"))
