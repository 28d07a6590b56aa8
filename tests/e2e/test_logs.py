"""Logs: whatever the format, whoever writes, a card number is not in it."""
import cards
import server as nginx

MASK = r"\d{6}\*{6}\d{4}"


def test_combined_with_cardscrub_on(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    s.curl("/p/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-H", "Referer: https://x.test/?c=" + pan, "-H",
           "User-Agent: agent " + pan, "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan)
    s.post("card_number=%s&cvv=%s" % (pan, code))
    s.post("card_number=%s&cvv=%s" % (t.wrong(pan), code))
    t.equal(len(s.log("access.log", lines=3)), 3, "lines of the access log")
    t.equal(len(s.log("everything.log", lines=3)), 3, "lines of the other log")


def test_location_with_cardscrub_off(t):
    t.app_may_see = True
    s = t.nginx(server="")
    pan, code = t.card(), t.code()
    for http2 in (False, True):
        s.curl("/p/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-H", "Referer: https://x.test/?c=" + pan, "-H",
               "User-Agent: agent " + pan, "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan, http2=http2)
        s.post("card_number=%s&cvv=%s" % (pan, code), http2=http2)
        s.post('{"card_number":"%s","cvv":"%s"}' % (pan, code), "application/json", http2=http2)
        s.curl("/%s?c=%s" % (cards.written(pan, "percent"), cards.grouped(pan, "-")), http2=http2)
    lines = s.log("access.log", lines=8)
    t.equal(len(lines), 8, "lines of the access log")
    t.has(lines[0], MASK, "BIN and last four stay in the log")


def test_static_files_and_returns(t):
    s = t.nginx(server="", locations="""
      location /static/ { root html; }
      location /return { return 403; }
      location /redirect { return 302 /elsewhere$is_args$args; }
      location /rewrite { rewrite ^/rewrite(.*)$ /static$1 last; }
      location /named { error_page 404 = @named; root html; }
      location @named { return 404 "no such page\\n"; }""")
    pan = t.card()
    for path, status in (("/static/", 404), ("/return/", 403), ("/redirect/", 302), ("/rewrite/", 404), ("/named/", 404)):
        t.equal(s.curl("%s%s?card_number=%s" % (path, pan, pan)).status, status, "status of " + path)
    t.equal(len(s.log("access.log", lines=5)), 5, "lines of the access log")


def broken_requests(pan):
    return (("bad version", "GET /x?card_number=%s HTTP/9.9\r\nHost: shop.test\r\n\r\n" % pan),
            ("bad method", "G@T /x?card_number=%s HTTP/1.1\r\nHost: shop.test\r\n\r\n" % pan),
            ("no host", "GET /x?card_number=%s HTTP/1.1\r\n\r\n" % pan),
            ("bad host", "GET /x HTTP/1.1\r\nHost: a/%s\r\n\r\n" % pan),
            ("bad header", "GET /x/%s HTTP/1.1\r\nHost: shop.test\r\nX-A: %s\r\nBad\x01Header : 1\r\n\r\n" % (pan, pan)),
            ("bad length", "POST /x/%s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %s\r\n\r\n" % (pan, "1x")),
            ("two lengths", "POST /%s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" % pan),
            ("bad chunk", "POST /%s HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n%s" % (pan, pan)),
            ("HTTP/0.9", "GET /x?card_number=%s\r\n" % pan),
            ("not HTTP", "%s\r\n\r\n" % pan),
            ("long line", "GET /x?card_number=%s&pad=%s HTTP/1.1\r\nHost: shop.test\r\n\r\n" % (pan, "x" * 6000)),
            ("long line, number at the cut", "GET /x?pad=%s%s%s" % ("x" * 1005, pan, "y" * 6000)),
            ("long header", "GET /x HTTP/1.1\r\nHost: shop.test\r\nCookie: card=%s; pad=%s\r\n\r\n" % (pan, "x" * 6000)),
            ("many headers", "GET /x HTTP/1.1\r\nHost: shop.test\r\n%s\r\n"
             % "".join("X-%d: card %s %s\r\n" % (i, pan, "x" * 800) for i in range(8))))


def requests_without_a_location(t, server):
    s = t.nginx(server=server, http="large_client_header_buffers 2 1k; client_header_buffer_size 512; lingering_close off;")
    pan = t.card()
    count = 0
    for what, request in broken_requests(pan):
        with s.wire() as wire:
            wire.send(request.encode("latin-1"))
            answer = wire.rest()
            t.true(answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or what == "HTTP/0.9" or answer == b"",
                   "%s: %r" % (what, answer[:200]))
            count += 1
    # One that goes away in the middle of its request line.
    with s.wire() as wire:
        wire.send(b"GET /x?card_number=%s" % pan.encode())
    t.true(len(s.log("everything.log", lines=count)) >= count, "lines of the access log: %d of %d"
           % (len(s.log("everything.log")), count))


def test_requests_without_a_location(t):
    requests_without_a_location(t, "cardscrub on;")


def test_requests_without_a_location_off(t):
    t.app_may_see = True
    requests_without_a_location(t, "")


def test_formats_with_escape_json(t):
    t.app_may_see = True
    s = t.nginx(server="", logs="""log_format j escape=json '{"r":"$request","b":"$request_body","a":"$args","c":"$cookie_card",'
        '"x":"$http_x_card","v":"$arg_cvv"}'; access_log logs/json.log j;""")
    pan, code = t.card(), t.code()
    s.post('{"card_number":"%s","cvv":"%s","n":"\\u0034"}' % (pan, code), "application/json", path="/?card_number=%s&cvv=%s"
           % (pan, code), options=("-H", 'X-Card: "%s"' % pan, "-H", "Cookie: card=%s" % pan))
    t.equal(len(s.log("json.log", lines=1)), 1, "lines of the log")


def test_a_format_that_names_one_part(t):
    """The log phase looks only at what the formats of a configuration can show."""
    t.app_may_see = True
    for name, options in (("$sent_http_location", ()), ("$http_x_card", ("-H", "X_Card: %s")), ("$remote_user", ("-u", "%s:x")),
                          ("$cookie_c", ("-H", "Cookie: c=%s")), ("$proxy_add_x_forwarded_for", ("-H", "X-Forwarded-For: %s")),
                          ("$content_type", ("-H", "Content-Type: a/%s")), ("$copied", ("-H", "X-Card: %s")),
                          ("$uri", ()), ("$host", ("-H", "Host: %s"))):
        s = t.nginx(server="underscores_in_headers on;", http="map $http_x_card $copied { default $http_x_card; }",
                    logs="log_format one '<%s>'; access_log logs/one.log one;" % name,
                    locations="location / { return 302 /elsewhere$uri; }")
        pan = t.card()
        s.curl("/" + pan, *[o % pan if "%s" in o else o for o in options])
        t.has(s.log("one.log", lines=1)[0], MASK, "the log of " + name)


def test_error_log_of_an_unreachable_application(t):
    dead = nginx.free_port()
    for server in ("cardscrub on;", ""):
        s = t.nginx(server=server, locations="location / { proxy_pass http://127.0.0.1:%d; }" % dead)
        pan, code = t.card(), t.code()
        t.equal(s.curl("/p/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-H", "Referer: https://x.test/?c=" + pan).status, 502,
                "status")
        t.equal(s.post("card_number=" + pan, path="/q?c=" + pan).status, 502, "status")
        t.has(s.error_log(), r"\[error\].*connect\(\) failed", "the error log")


def test_error_log_of_a_missing_file(t):
    for server in ("cardscrub on;", ""):
        s = t.nginx(server=server, locations="location / { root html; }")
        pan = t.card()
        t.equal(s.curl("/%s?card_number=%s" % (pan, pan)).status, 404, "status")
        t.has(s.error_log(), r"open\(\)", "the error log")


def test_debug_log_holds_no_number(t):
    s = t.nginx(error_level="debug")
    pan, code = t.card(), t.code()
    for http2 in (False, True):
        s.curl("/p/%s?card_number=%s" % (pan, pan), "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan, http2=http2)
        s.post("card_number=%s&cvv=%s" % (pan, code), http2=http2)
        s.post("card_number=%s&cvv=%s" % (t.wrong(pan), code), http2=http2)
    t.has(s.error_log(), r"\[debug\]", "the error log")


VARIABLES = ("verdict", "pan_count", "brand", "last4", "bin", "token", "fingerprint", "fields", "time")


def test_variables(t):
    names = "|".join("$cardscrub_" + v for v in VARIABLES)
    s = t.nginx(logs="log_format v '%s'; access_log logs/v.log v; access_log logs/everything.log everything;" % names)
    pan, other, code = t.card(), t.card("amex"), t.code()

    def line(count):
        return dict(zip(VARIABLES, s.log("v.log", lines=count)[count - 1].split("|")))

    token = dict(s.post("card_number=%s&cvv=%s" % (pan, code)).seen.form)["card_number"]
    first = line(1)
    t.equal((first["pan_count"], first["brand"], first["last4"], first["bin"], first["token"]),
            ("1", "visa", pan[-4:], pan[:6], token), "variables")
    t.has(first["fingerprint"], r"^[0-9a-f]{32}$", "fingerprint")
    t.has(first["fields"], r"card_number.*cvv", "fields")
    t.has(first["time"], r"^\d+(\.\d+)?$", "time")
    s.post('{"note":"%s"}' % pan, "application/json")
    t.equal(line(2)["fingerprint"], first["fingerprint"], "fingerprint of the same card")
    s.post("card_number=" + other)
    third = line(3)
    t.true(third["fingerprint"] != first["fingerprint"] and third["brand"] == "amex", "another card: %s" % third)
    s.post("a=1")
    t.equal(line(4)["pan_count"], "0", "number of cards in a body without")
    s.post("card_number=" + t.wrong(pan))
    verdicts = {name: line(n)["verdict"] for name, n in (("scrubbed", 1), ("clean", 4), ("refused", 5))}
    t.equal(len(set(verdicts.values())), 3, "verdicts differ: %s" % verdicts)
    t.true(all(v and v != "-" for v in verdicts.values()), "verdicts: %s" % verdicts)


def test_variables_reach_the_application(t):
    s = t.nginx(locations="location / { include app.conf; proxy_set_header X-Brand $cardscrub_brand; }")
    pan = t.card()
    t.equal(s.post("card_number=" + pan).seen.headers.get("x-case"), t.name, "a header of the proxy")
