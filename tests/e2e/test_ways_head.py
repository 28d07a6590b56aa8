"""Ways in through the head: every part of it, as the bytes that reach the application."""
import cards
import origin


def seen_by(t, s, app, lines, body=b""):
    """Sends one HTTP/1.1 head; what the origin received of it."""
    with s.wire() as wire:
        wire.send(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode("latin-1") + body)
        t.equal(wire.reply().status, 200, "status of %s" % lines[0].replace("\r", ""))
    return app.wait(len(app.exchanges)).head


def proxied(t, **parts):
    app = t.origin(origin.Http)
    s = t.nginx(locations="location / { proxy_http_version 1.1; proxy_pass http://%s; }" % app.address, **parts)
    return s, app


def token_of(t, s, app, pan):
    """The token of `pan`, from a body."""
    with s.wire() as wire:
        wire.send(b"POST /t HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(pan) +
                  pan.encode())
        t.equal(wire.reply().status, 200, "status")
    return t.token(app.wait(len(app.exchanges)).body.decode(), pan)


def test_query_argument(t):
    s, app = proxied(t)
    pan, code = t.card(), t.code()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET /pay?a=1&card_number=%s&cvv=%s&q=see+%s&z=%%2f HTTP/1.1" % (pan, code, pan), "Host: shop.test"])
    t.has(head, r"^GET /pay\?a=1&card_number=%s&cvv=[0-9*]{3}&q=see\+%s&z=%%2f HTTP/1.1" % (token, token), "request line")
    for joint in ("+", "%20", "-", "%2D"):
        head = seen_by(t, s, app, ["GET /?q=%s HTTP/1.1" % cards.grouped(pan, joint), "Host: shop.test"])
        t.equal(head.split("\r\n")[0], "GET /?q=%s HTTP/1.1" % cards.grouped(token, joint), "request line")


def test_path_segment(t):
    s, app = proxied(t)
    pan = t.card()
    token = token_of(t, s, app, pan)
    wire = cards.written(pan, "percent")
    for path, wanted in (("/cards/%s" % pan, "/cards/%s" % token), ("/%s/x/%s" % (pan, pan), "/%s/x/%s" % (token, token)),
                         ("/a/%s/b" % cards.grouped(pan, "-"), "/a/%s/b" % cards.grouped(token, "-")),
                         ("/a/%s" % cards.grouped(pan, "%20"), "/a/%s" % cards.grouped(token, "%20")),
                         ("/a/%s" % wire, "/a/%s" % cards.written(token, "percent"))):
        head = seen_by(t, s, app, ["GET %s HTTP/1.1" % path, "Host: shop.test"])
        t.equal(head.split("\r\n")[0], "GET %s HTTP/1.1" % wanted, "request line")


def test_matrix_parameter(t):
    s, app = proxied(t)
    pan, code = t.card(), t.code()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET /pay;v=1;card_number=%s;cvv=%s/next;note=%s?x=1 HTTP/1.1" % (pan, code, pan), "Host: shop.test"])
    t.has(head, r"^GET /pay;v=1;card_number=%s;cvv=(?!%s)[0-9*]{3}/next;note=%s\?x=1 HTTP" % (token, code, token), "request line")
    bad = t.wrong(pan)
    t.refused(s.curl("/pay;card_number=%s/next" % bad), 422, card_number="pan.luhn")
    t.refused(s.curl("/pay;card_number=%s/next" % bad, http2=True), 422, card_number="pan.luhn")


def test_absolute_form(t):
    s, app = proxied(t)
    pan = t.card()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET https://shop.test/c/%s?n=%s HTTP/1.1" % (pan, pan), "Host: shop.test"])
    t.equal(head.split("\r\n")[0], "GET /c/%s?n=%s HTTP/1.1" % (token, token), "request line")


def test_cookies(t):
    s, app = proxied(t)
    pan, code = t.card(), t.code()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET / HTTP/1.1", "Host: shop.test", "Cookie: sid=1; card_number=%s; cvv=%s" % (pan, code),
                               "Cookie: last=%s" % pan])
    t.has(head, r"Cookie: sid=1; card_number=%s; cvv=(?!%s)[0-9*]{3}(; |\r\nCookie: )last=%s" % (token, code, token), "cookies")


def test_cookie_in_crumbs_over_http2(t):
    """A browser sends each pair as a header line of its own; nginx joins them for the application."""
    s, app = proxied(t)
    pan = t.card()
    token = token_of(t, s, app, pan)
    with s.wire2() as wire:
        stream = wire.start("GET", "/", [("cookie", "sid=1"), ("cookie", "card=" + pan), ("cookie", "z=" + pan)], end=True)
        t.equal(wire.reply(stream).status, 200, "status")
    t.has(app.wait(2).head, "(?i)Cookie: sid=1; card=%s; z=%s" % (token, token), "cookies")


ANY = ("Referer: https://shop.test/pay?card_number={0}#{0}", "User-Agent: shop/1.0 ({0})", "X-Anything: {0}", "Authorization: Card {0}",
       "X-Forwarded-For: 10.0.0.1, {0}", "From: {0}@shop.test", "Origin: https://{0}.test", "Via: 1.1 {0}", "If-None-Match: \"{0}\"",
       "If-Match: \"{0}\"", "Accept-Language: en, {0}", "Accept: text/html;q={0}", "X-Json: {{\"card_number\":\"{0}\"}}", "Range: bytes={0}-",
       "Content-Disposition: form-data; name=\"{0}\"", "X-Card-Number: {0}", "{0}: x", "X-{0}: y", "Content-Language: {0}", "Pragma: {0}")


def test_any_header(t):
    s, app = proxied(t)
    pan = t.card()
    token = token_of(t, s, app, pan)
    for line in ANY:
        head = seen_by(t, s, app, ["GET / HTTP/1.1", "Host: shop.test", line.format(pan)])
        t.true("\r\n" + line.format(token) + "\r\n" in head + "\r\n", "%s: the application received %r" % (line, head))


def test_any_header_over_http2(t):
    s, app = proxied(t)
    pan = t.card()
    token = token_of(t, s, app, pan)
    for line in ANY:
        name, value = line.lower().split(": ", 1)
        with s.wire2() as wire:
            stream = wire.start("GET", "/", [(name.format(pan), value.format(pan))], end=True)
            t.equal(wire.reply(stream).status, 200, "status with " + line)
        head = app.wait(len(app.exchanges)).head
        t.true("\r\n%s: %s\r\n" % (name.format(token), value.format(token)) in head + "\r\n", "%s: the application received %r" % (line, head))


def test_repeated_and_odd_headers(t):
    s, app = proxied(t, server="cardscrub on; underscores_in_headers on;")
    pan = t.card()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET / HTTP/1.1", "Host: shop.test", "X-A: %s" % pan, "X-A: %s" % pan, "card_number: %s" % pan,
                               "X-Long: %s %s" % ("y" * 3000, pan), "X-Empty:"])
    t.equal(head.count("X-A: " + token), 2, "both lines")
    t.true("card_number: " + token in head and "y " + token in head, "received %r" % head)


def test_many_headers(t):
    """More than one part of nginx's list."""
    s, app = proxied(t)
    pans = [t.card() for _ in range(60)]
    tokens = [token_of(t, s, app, pan) for pan in pans[:3] + pans[-3:]]
    head = seen_by(t, s, app, ["GET / HTTP/1.1", "Host: shop.test"] + ["X-%d: %s" % (i, pan) for i, pan in enumerate(pans)])
    for i, token in zip((0, 1, 2, 57, 58, 59), tokens):
        t.true("X-%d: %s\r\n" % (i, token) in head + "\r\n", "header %d: %r" % (i, head))


def test_host(t):
    s, app = proxied(t, server="cardscrub on; proxy_set_header Host $http_host; proxy_set_header X-Name $host;")
    pan = t.card()
    token = token_of(t, s, app, pan)
    head = seen_by(t, s, app, ["GET / HTTP/1.1", "Host: %s.test" % pan])
    t.true("Host: %s.test\r\n" % token in head, "the application received %r" % head)
    t.true("X-Name: %s.test" % token in head, "the application received %r" % head)


def test_trailers_of_chunks(t):
    """nginx throws request trailers away (it must, or what they hold would have to be scrubbed)."""
    s, app = proxied(t, error_level="debug")
    pan, code = t.card(), t.code()
    body = b"3\r\na=1\r\n0\r\nX-Card: %s\r\ncard_number: %s\r\ncvv: %s\r\n\r\n" % (pan.encode(), pan.encode(), code.encode())
    for piece in (0, 1):
        with s.wire() as wire:
            wire.send(b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                      b"Transfer-Encoding: chunked\r\nTrailer: X-Card\r\n\r\n")
            wire.send(body, piece)
            t.equal(wire.reply().status, 200, "status")
            wire.send(b"GET /next HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            t.equal(wire.reply().status, 200, "status of the next request")
        seen = app.wait(len(app.exchanges) - 1)
        t.equal((seen.body, seen.trailers), (b"a=1", ""), "what the application received")


def test_trailers_over_http2(t):
    s, app = proxied(t, error_level="debug")
    pan = t.card()
    with s.wire2() as wire:
        stream = wire.start("POST", "/pay", [("content-type", "text/plain")])
        wire.h2.send_data(stream, b"a=1")
        wire.h2.send_headers(stream, [("x-card", pan), ("card-number", pan)], end_stream=True)
        wire._flush()
        try:
            t.true(wire.reply(stream).status in (200, 400), "status")
        except AssertionError as e:
            t.has(str(e), "closed|reset")  # nginx before 1.29 ends the connection
    pan = t.card()
    token_of(t, s, app, pan)
