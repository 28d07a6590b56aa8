"""proxy_request_buffering off: bodies that are forwarded while they are read."""
import time

import origin

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def unbuffered(address, more=""):
    return ("location / { proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Host $host; %s proxy_pass http://%s; }"
            % (more, address))


def head(length=None, kind=FORM, path="/pay"):
    framing = "Transfer-Encoding: chunked" if length is None else "Content-Length: %d" % length
    return ("POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\n%s\r\n\r\n" % (path, kind, framing)).encode()


def test_card_split_over_two_reads(t):
    app = t.origin(origin.Http)
    s = t.nginx(locations=unbuffered(app.address))
    pan, code = t.card(), t.code()
    sent = ("a=1&note=%s&card_number=%s&cvv=%s&z=%s" % ("y" * 3000, pan, code, "w" * 50)).encode()
    begin = sent.find(pan.encode())
    for cut in (begin + 1, begin + 8, begin + 15, begin + 16, sent.find(b"&cvv=") + 6):
        number = len(app.exchanges) + 1
        with s.wire() as wire:
            wire.send(head(len(sent)) + sent[:cut])
            seen = app.wait(number, end=False)
            limit = time.monotonic() + s.limit
            while len(seen.body) < 3000 and time.monotonic() < limit:
                time.sleep(0.005)
            t.true(3000 <= len(seen.body) <= cut, "the application has %d bytes of the first read" % len(seen.body))
            t.equal(seen.end, "", "state of the request")
            wire.send(sent[cut:])
            t.equal(wire.reply().status, 200, "status")
        t.swapped(sent, app.wait(number).body, (pan, "token"), (code, "alias"))


def cut_off(t, app, s, length, kind=JSON):
    """Sends good bytes until the application has some, then a mistyped number; the exchange as the application saw it."""
    good, bad = t.card(), t.wrong(t.card())
    first = ('{"card_number":"%s","pad":"%s' % (good, "x" * 20000)).encode()
    second = ('","other":{"card_number":"%s"},"rest":"%s"}' % (bad, "r" * 5000)).encode()
    number = len(app.exchanges) + 1
    with s.wire() as wire:
        if length:
            wire.send(head(len(first) + len(second), kind) + first)
        else:
            wire.send(head(None, kind) + b"%x\r\n%s\r\n" % (len(first), first))
        seen = app.wait(number, end=False)
        limit = time.monotonic() + s.limit
        while len(seen.body) < 19000 and time.monotonic() < limit:
            time.sleep(0.005)
        t.true(len(seen.body) >= 19000, "the application has %d bytes" % len(seen.body))
        wire.send(second if length else b"%x\r\n%s\r\n0\r\n\r\n" % (len(second), second))
        t.refused(wire.reply(), 422, **{"other.card_number": "pan.luhn"})
    return app.wait(number)


def test_rejection_resets_the_upstream(t):
    """Content-Length alone marks the end: only a reset tells the application that this was none."""
    app = t.origin(origin.Http)
    s = t.nginx(locations=unbuffered(app.address))
    for length in (True, False):
        seen = cut_off(t, app, s, length)
        t.equal(seen.end, "reset", "end of the request as the application saw it")


def test_rejection_on_a_unix_socket(t):
    """It cannot be reset: with Content-Length nothing is sent before the verdict, chunks lack their end."""
    app = t.origin(origin.Http, unix=True)
    s = t.nginx(locations=unbuffered(app.address))
    seen = cut_off(t, app, s, False)
    t.equal(seen.end, "closed", "end of the chunked request as the application saw it")
    for locations, http in ((unbuffered(app.address), ""), (unbuffered("group"), "upstream group { server %s; }" % app.plain_address),
                            (unbuffered("$target", "set $target group;"), "upstream group { server %s; }" % app.plain_address),
                            (unbuffered("$target", "set $target '%s';" % app.address), "")):
        s.stop()
        s.parts["locations"], s.parts["http"] = locations, http
        s.start()
        before = len(app.exchanges)
        for http2 in (False, True):
            body = '{"card_number":"%s","pad":"%s","other":{"card_number":"%s"}}' % (t.card(), "x" * 30000, t.wrong(t.card()))
            t.refused(s.post(body, JSON, http2=http2), 422, **{"other.card_number": "pan.luhn"})
        t.equal(len(app.exchanges), before, "requests that the application saw")
        pan = t.card()
        sent = '{"pad":"%s","card_number":"%s"}' % ("x" * 30000, pan)
        t.equal(s.post(sent, JSON).status, 200, "status of a good one")
        t.swapped(sent, app.wait(before + 1).body, (pan, "token"))


def test_rejection_with_a_tls_upstream(t):
    """Python's TLS reports a reset as an end; so with Content-Length nothing is sent before the verdict."""
    app = t.origin(origin.Http, tls=(t.run.certificate, t.run.certificate_key))
    for locations in (unbuffered(app.address), unbuffered("$target").replace("proxy_request", "set $target '%s'; proxy_request" % app.address)):
        s = t.nginx(locations=locations.replace("http://", "https://"))
        before = len(app.exchanges)
        body = '{"card_number":"%s","pad":"%s","other":{"card_number":"%s"}}' % (t.card(), "x" * 30000, t.wrong(t.card()))
        t.refused(s.raw_post(body, JSON, piece=5000), 422, **{"other.card_number": "pan.luhn"})
        t.equal(len(app.exchanges), before, "requests that the application saw")
        seen = cut_off(t, app, s, False)
        t.true(seen.end != "whole", "the chunked request looks whole")
        pan = t.card()
        sent = '{"pad":"%s","card_number":"%s"}' % ("x" * 30000, pan)
        t.equal(s.post(sent, JSON).status, 200, "status of a good one")
        t.swapped(sent, app.wait(before + 2).body, (pan, "token"))


def test_gunicorn_never_takes_a_part_for_the_whole(t):
    """The application's own words: reading fails, so that Flask answers nothing and the view is not run to its end."""
    for app in ("tcp", "unix"):
        s = t.nginx(app=app, server="cardscrub on; proxy_request_buffering off;")
        body = '{"card_number":"%s","pad":"%s","card":{"number":"%s"}}' % (t.card(), "x" * 60000, t.wrong(t.card()))
        for chunks in (None, 4096):
            t.refused(s.raw_post(body, JSON, piece=4096, chunks=chunks))
    time.sleep(0.2)
    t.equal([(r.target, len(r.body)) for r in t.seen()], [], "requests that the application read to an end")


def test_verdict_at_the_very_end(t):
    """Nothing wrong until the body ends, and HTTP/2 marks the end after the last byte."""
    app = t.origin(origin.Http)
    s = t.nginx(locations="location / { cardscrub_require pan code; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://%s; }"
                % app.address)
    pan = t.card()
    sent = ('{"card_number":"%s","pad":"%s"}' % (pan, "x" * 3000)).encode()
    for length in (True, False):
        with s.wire2() as wire:
            stream = wire.start("POST", "/pay", [("content-type", JSON)] + ([("content-length", str(len(sent)))] if length else []))
            wire.h2.send_data(stream, sent)
            wire._flush()
            time.sleep(0.05)
            try:
                wire.h2.end_stream(stream)
                wire._flush()
            except Exception:  # answered and closed already
                pass
            reply = wire.reply(stream)
            t.refused(reply, 422)
            t.equal(t.reasons(reply), ["field.missing"], "reasons")
    for number in range(1, len(app.exchanges) + 1):
        t.equal(app.wait(number).end, "reset", "end of request %d as the application saw it" % number)


def test_end_of_stream_behind_the_last_byte(t):
    """A good one in the same shape goes through, whatever the size of the frames."""
    app = t.origin(origin.Http)
    s = t.nginx(locations=unbuffered(app.address))
    pan, code = t.card(), t.code()
    sent = ('{"card_number":"%s","cvv":"%s","pad":"%s"}' % (pan, code, "x" * 300)).encode()
    for length in (True, False):
        for piece in (1000, 7):
            with s.wire2() as wire:
                stream = wire.start("POST", "/pay", [("content-type", JSON)] +
                                    ([("content-length", str(len(sent)))] if length else []))
                for at in range(0, len(sent), piece):
                    wire.h2.send_data(stream, sent[at:at + piece])
                    wire._flush()
                time.sleep(0.03)
                wire.h2.end_stream(stream)
                wire._flush()
                t.equal(wire.reply(stream).status, 200, "status")
            seen = app.wait(len(app.exchanges))
            t.equal(seen.end, "whole", "end of the request")
            t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))


def test_compressed_bodies_are_read_whole_first(t):
    import gzip
    app = t.origin(origin.Http)
    s = t.nginx(locations=unbuffered(app.address))
    pan = t.card()
    sent = '{"pad":"%s","card_number":"%s"}' % ("x" * 3000, pan)
    packed = gzip.compress(sent.encode())
    t.equal(s.curl("/pay", "-H", "Content-Type: " + JSON, "-H", "Content-Encoding: gzip", body=packed).status, 200, "status")
    seen = app.wait()
    t.swapped(sent, seen.body, (pan, "token"))
    t.equal(origin.fields_of(seen.head).get("content-length"), str(len(sent)), "Content-Length")
