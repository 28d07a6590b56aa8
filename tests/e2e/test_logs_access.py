"""Access logs: whatever format, target or variable, and however a request ends. cardscrub is off in most cases: that the
module is loaded is enough. The sweep after each case looks for every number and code in everything the server has written."""
import base64
import gzip
import os
import socket
import time

import cards
import server as nginx

# The application behind these servers: says what it was asked for in headers of its own.
ECHO = """server { listen 127.0.0.1:@CLEAR@; access_log off;
    location / { add_header X-Card $arg_card_number; add_header Set-Cookie "card=$arg_card_number; Path=/"; return 200 "ok\\n"; }
    location /away { return 302 /there?card_number=$arg_card_number; }
    location /accel { add_header X-Accel-Redirect /hidden/$arg_card_number; return 200; }
  }"""
TO_ECHO = "location / { proxy_pass http://127.0.0.1:@CLEAR@; }"


def logged(t, format, request, *, http="", server="", locations=TO_ECHO, extra=ECHO, escape="", lines=1, body=None, options=(),
           http2=False):
    """Sends a request to a server with this log_format; the log's lines."""
    t.app_may_see = True
    s = t.nginx(server=server, http=http, locations=locations, extra_servers=extra,
                logs="log_format f %s '%s'; access_log logs/f.log f; access_log logs/everything.log everything;" % (escape, format))
    s.curl(request, *options, body=body, http2=http2)
    return s.log("f.log", lines=lines)


def mask(pan):
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def test_named_arguments(t):
    pan, code = t.card(), t.code()
    line = logged(t, "$args|$arg_cvv|$arg_card_number|$request_uri", "/?cvv=%s&card_number=%s&n=123" % (code, pan))[0]
    want = "cvv=***&card_number=%s&n=123" % mask(pan)
    t.equal(line, "%s|***|%s|/?%s" % (want, mask(pan), want), "the line")


def test_named_arguments_of_nested_names(t):
    pan, code = t.card(), t.code()
    line = logged(t, "$args", "/?card%%5Bnumber%%5D=%s&card[cvc]=%s" % (pan, code), options=("-g",))[0]
    t.equal(line, "card%%5Bnumber%%5D=%s&card[cvc]=***" % mask(pan), "the line")


def test_numbers_without_a_name(t):
    pan = t.card()
    line = logged(t, "$request", "/a/%s/b?q=see+%s" % (pan, cards.grouped(pan, "+")))[0]
    t.equal(line, "GET /a/%s/b?q=see+%s HTTP/1.1" % (mask(pan), cards.grouped(mask(pan), "+")), "the line")


def test_escaped_numbers(t):
    pan = t.card()
    logged(t, "$request_uri $uri", "/%s?c=%s" % (cards.written(pan, "percent"), cards.written(pan, "percent_upper")))


def test_track_data(t):
    pan = t.card()
    track = "%s=29121010000012345678" % pan
    line = logged(t, "$arg_track2 $http_x_swipe", "/?track2=;%s?" % track, options=("-H", "X-Swipe: ;%s?" % track))[0]
    t.true("2912" not in line and pan[:6] not in line, "of track data nothing remains: %s" % line)


def test_headers_in(t):
    pan, code = t.card(), t.code()
    logged(t, "$http_x_a $http_cvv $http_user_agent $http_referer $http_cookie $cookie_card $cookie_cvv $http_x_forwarded_for", "/",
           options=("-H", "X-A: a " + pan, "-H", "CVV: " + code, "-A", pan, "-e", "https://x.test/?cvv=%s&c=%s" % (code, pan),
                    "-b", "card=%s; cvv=%s" % (pan, code), "-H", "X-Forwarded-For: " + pan))


def test_lines_that_come_twice(t):
    """nginx shows one of them, later versions all."""
    pans = [t.card() for _ in range(8)]
    lines = ["%s: %s" % (name, pan) for name, pan in zip(("User-Agent", "Referer", "X-A", "Content-Type") * 2, pans)]
    line = logged(t, "$http_user_agent|$http_referer|$http_x_a|$content_type", "/",
                  options=[word for h in lines for word in ("-H", h)])[0]
    t.true(mask(pans[0]) in line and mask(pans[1]) in line and mask(pans[2]) in line and mask(pans[3]) in line, line)


def test_header_names_with_either_spelling(t):
    pan = t.card()
    line = logged(t, "$http_x_plain_card", "/", server="underscores_in_headers on;", options=("-H", "x_Plain-CARD: " + pan))[0]
    t.equal(line, mask(pan), "the line")


def test_basic_authorization(t):
    pan = t.card()
    line = logged(t, "$remote_user", "/", options=("-u", "%s:secret" % pan))[0]
    t.equal(line, mask(pan), "the user")


def test_basic_that_is_no_base64(t):
    pan = t.card()
    spaced = " ".join(pan[i:i + 4] for i in range(0, 16, 4))
    for sent, kept in ((pan, mask(pan)), (pan + "!", mask(pan) + "!"), (spaced, pan[:4] + " " + pan[4:6] + "** **** " + pan[12:])):
        lines = logged(t, "$http_authorization", "/", options=("-H", "Authorization: Basic " + sent))
        t.equal(lines, ["Basic " + kept], "the header")


def test_host_and_server_name(t):
    pan = t.card()
    logged(t, "$host $http_host", "/", options=("-H", "Host: %s.test" % pan))


def test_hosts_of_which_nginx_has_a_copy(t):
    pan = t.card()
    t.app_may_see = True
    s = t.nginx(server="", locations="location / { proxy_pass http://$host:8000; }",
                logs="log_format f '$proxy_host $ssl_server_name'; access_log logs/f.log f; access_log logs/if.log f if=$ssl_server_name;")
    for http2 in (False, True):
        s.curl("/", "-k", host=pan + ".test", http2=http2)
    host = mask(pan) + ".test"
    for log in ("f.log", "if.log"):
        t.equal(s.log(log, lines=2), [host + ":8000 " + host] * 2, log)


def test_headers_out_and_of_the_upstream(t):
    pan = t.card()
    line = logged(t, "$upstream_http_x_card|$sent_http_x_card|$upstream_cookie_card|$sent_http_set_cookie", "/?card_number=" + pan)[0]
    t.equal(line, "|".join((mask(pan), mask(pan), mask(pan), "card=%s; Path=/" % mask(pan))), "the line")


def test_location_of_a_redirect(t):
    pan = t.card()
    line = logged(t, "$sent_http_location", "/away?card_number=" + pan)[0]
    t.has(line, r"card_number=\d{6}\*{6}\d{4}$", "the header")


def test_set_and_map_variables(t):
    pan, code = t.card(), t.code()
    logged(t, "$kept $mapped $captured", "/p/%s?card_number=%s&cvv=%s" % (pan, pan, code),
           http="map $request_uri $mapped { ~(?<m>card_number=.*) $m; }",
           server='set $kept "$arg_card_number and $request_uri"; if ($uri ~ "^/p/(?<captured>.*)") { set $x 1; }')


def test_variables_with_nothing_around_the_code(t):
    code = t.code()
    line = logged(t, "[$cvv] [$arg_cvv]", "/?cvv=" + code, server="set $cvv $arg_cvv;")[0]
    t.equal(line, "[***] [***]", "the line")


def test_request_body_in_memory(t):
    pan, code = t.card(), t.code()
    for i, (body, type) in enumerate((("card_number=%s&cvv=%s" % (pan, code), "application/x-www-form-urlencoded"),
                                      ('{"card_number":"%s","cvv":"%s"}' % (pan, code), "application/json"),
                                      ("<a><card_number>%s</card_number><cvv>%s</cvv></a>" % (pan, code), "text/xml"),
                                      ("see %s" % pan, "text/plain"), ("see %s" % pan, "no/such"))):
        line = logged(t, "$request_body", "/", body=body.encode(), options=("-H", "Content-Type: " + type))[0]
        t.true("*" in line and len(line) >= len(body), "%s: %s" % (type, line))


def test_request_body_of_many_buffers(t):
    pan, code = t.card(), t.code()
    body = "pad=%s&card_number=%s&cvv=%s" % ("x" * 20000, pan, code)
    line = logged(t, "$request_body", "/", body=body.encode(), http="client_body_buffer_size 64k;")[0]
    t.has(line, r"cvv=\*\*\*$", "the line")


def test_escape_json(t):
    pan, code = t.card(), t.code()
    line = logged(t, '{"a":"$args","h":"$http_x_a","b":"$request_body"}', '/?card_number=%s&cvv=%s' % (pan, code), escape="escape=json",
                  body=b'{"cvv":"%s","n":"\\u0034%s"}' % (code.encode(), pan[1:].encode()),
                  options=("-H", 'X-A: "%s"\t\\' % pan, "-H", "Content-Type: application/json"))[0]
    t.has(line, r'"h":"\\"\d{6}\*{6}\d{4}\\"', "the line")


def test_escape_none(t):
    pan = t.card()
    logged(t, "$args $http_x_a", "/?c=%s" % pan, escape="escape=none", options=("-H", 'X-A: "%s"' % pan))


def test_escape_default(t):
    pan = t.card()
    line = logged(t, "$http_x_a", "/", options=("-H", 'X-A: "%s" \u00e9' % pan))[0]
    t.has(line, r"\\x22\d{6}\*{6}\d{4}\\x22", "the line")


def test_http2(t):
    pan, code = t.card(), t.code()
    logged(t, "$request $http_cookie $request_body", "/%s?card_number=%s&cvv=%s" % (pan, pan, code), http2=True, body=b"card_number=" + pan.encode(),
           options=("-b", "card=%s; cvv=%s" % (pan, code)))


def test_scrubbed_requests_too(t):
    pan, code = t.card(), t.code()
    line = logged(t, "$args $request_body", "/?card_number=%s&cvv=%s" % (pan, code), server="cardscrub on; cardscrub_require_tls off;",
                  body=b"card_number=%s&cvv=%s" % (pan.encode(), code.encode()))[0]
    t.true(mask(pan) not in line, "a token, not a mask: %s" % line)


# ---- targets

def targets(t, access_log):
    t.app_may_see = True
    s = t.nginx(server="", locations=TO_ECHO, extra_servers=ECHO, logs=access_log)
    pan, code = t.card(), t.code()
    s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-b", "card=" + pan)
    return s, pan


def test_target_gzip(t):
    s, pan = targets(t, "access_log logs/a.gz everything gzip=9 buffer=8k flush=50ms;")
    path = os.path.join(s.prefix, "logs", "a.gz")
    end = time.monotonic() + s.limit
    while not os.path.getsize(path) and time.monotonic() < end:
        time.sleep(0.02)
    s.stop()
    text = gzip.open(path).read().decode()
    t.true(mask(pan) in text and pan not in text, "inflated: %s" % text)


def test_target_buffer(t):
    s, pan = targets(t, "access_log logs/a.log everything buffer=8k flush=50ms;")
    t.has(s.log("a.log", lines=1)[0], r"\d{6}\*{6}\d{4}", "the line")


def test_target_if(t):
    s, pan = targets(t, "access_log logs/a.log everything if=$arg_card_number;")
    t.has(s.log("a.log", lines=1)[0], r"\d{6}\*{6}\d{4}", "the line")


def test_target_with_a_variable_in_its_name(t):
    s, pan = targets(t, "access_log logs/$arg_card_number.log everything;")
    t.equal([f for f in os.listdir(os.path.join(s.prefix, "logs")) if pan in f], [], "files named for the number")


def test_target_syslog(t):
    sink, path = t.syslog()
    s, pan = targets(t, "access_log syslog:server=unix:%s everything;" % path)
    message = sink.recv(8192)
    t.true(mask(pan).encode() in message and pan.encode() not in message, "the message: %s" % message)


# ---- requests that take other ways

def test_subrequests(t):
    t.app_may_see = True
    s = t.nginx(server="log_subrequest on;", extra_servers=ECHO, locations="""
      location / { auth_request /auth; mirror /mirror; proxy_pass http://127.0.0.1:@CLEAR@; }
      location /auth { internal; proxy_pass http://127.0.0.1:@CLEAR@; }
      location /mirror { internal; proxy_pass http://127.0.0.1:@CLEAR@$request_uri; }""")
    pan, code = t.card(), t.code()
    s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-H", "X-Card: " + pan, body=b"card_number=" + pan.encode())
    t.true(len(s.log(lines=3)) >= 3, "lines of the log")


def test_included_pages(t):
    t.app_may_see = True
    s = t.nginx(server="log_subrequest on;", extra_servers=ECHO, locations="""
      location / { ssi on; root html; default_type text/html; }
      location /part { proxy_pass http://127.0.0.1:@CLEAR@; }""")
    with open(os.path.join(s.prefix, "html", "page.html"), "w", encoding="ascii") as f:
        f.write('<!--# include virtual="/part?$args" -->')
    s.stop()
    s.start()
    pan = t.card()
    s.curl("/page.html?card_number=" + pan)
    t.equal(len(s.log(lines=2)), 2, "lines of the log")


def test_internal_redirects(t):
    t.app_may_see = True
    s = t.nginx(server="", extra_servers=ECHO, locations="""
      location / { proxy_pass http://127.0.0.1:@CLEAR@; }
      location /rewritten { rewrite ^/rewritten/(.*)$ /last/$1?n=$1 last; }
      location /last { return 403; error_page 403 /page; }
      location /page { return 404; error_page 404 = @named; }
      location @named { proxy_pass http://127.0.0.1:@CLEAR@; }
      location /tried { try_files $uri /hidden$uri$is_args$args; }
      location /hidden { internal; root html; }""")
    pan, code = t.card(), t.code()
    for path in ("rewritten", "tried", "accel"):
        s.curl("/%s/%s?card_number=%s&cvv=%s" % (path, pan, pan, code))
    t.true(len(s.log(lines=3)) >= 3, "lines of the log")


def test_pipelined(t):
    t.app_may_see = True
    s = t.nginx(server="", locations=TO_ECHO, extra_servers=ECHO)
    pans = [t.card() for _ in range(5)]
    with s.wire() as wire:
        wire.send("".join("GET /%s?card_number=%s HTTP/1.1\r\nHost: shop.test\r\nX-A: %s\r\n\r\n" % (p, p, p) for p in pans).encode())
        for _ in pans:
            t.equal(wire.reply().status, 200, "status")
    lines = s.log("access.log", lines=5)
    t.equal([mask(p) in line for p, line in zip(pans, lines)], [True] * 5, "each line has its own number")


# ---- requests that fail

def test_timeouts(t):
    t.app_may_see = True
    s = t.nginx(server="client_header_timeout 3s; client_body_timeout 3s;", locations=TO_ECHO, extra_servers=ECHO)
    pan = t.card().encode()
    wires = []
    for sent in (b"GET /a?card_number=%s" % pan, b"GET /%s HTTP/1.1\r\nHost: shop.test\r\nX-A: %s\r\n" % (pan, pan),
                 b"POST /%s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\ncard_number=%s" % (pan, pan)):
        wires.append(s.wire())
        wires[-1].send(sent)  # at once: nginx says nothing of a client that has sent nothing when its time is over
    for wire in wires:
        wire.rest()
        wire.close()
    t.equal(sum(" 408" in line for line in s.log(lines=3)), 3, "status 408 of each")


def test_body_that_ends_in_the_middle_of_a_number(t):
    """What came of it may be most of a number that nothing can recognise: $request_body is empty. That of a whole body is not."""
    t.app_may_see = True
    s = t.nginx(server="client_body_timeout 2s;", locations=TO_ECHO, extra_servers=ECHO,
                logs="log_format f '$request_body'; access_log logs/f.log f; access_log logs/everything.log everything;")
    pan = t.card()
    bodies = (("application/x-www-form-urlencoded", "a=1&card_number=" + pan), ("application/json", '{"a":"b","card_number":"' + pan),
              ("text/plain", "my card is " + cards.grouped(pan, " ")), ("text/csv", "card_number\n" + pan), ("", "n=" + pan),
              ("application/json", '{"a":"%s' % base64.b64encode(('{"card_number":"%s' % pan).encode()).decode()))
    for connection, http2 in ((s.wire, False), (s.wire2, True)):
        wires = []
        for kind, body in bodies:
            part = body[:-1].encode()
            wires.append(connection())
            if http2:
                stream = wires[-1].start("POST", "/", [("content-type", kind)] if kind else [])
                wires[-1].body(stream, part, 7, end=False)
            else:
                wires[-1].send(("POST / HTTP/1.1\r\nHost: shop.test\r\n%sContent-Length: %d\r\n\r\n" %
                                ("Content-Type: %s\r\n" % kind if kind else "", len(body))).encode() + part)
        before = 2 * len(bodies) if http2 else 0
        got = s.log("f.log", lines=before + len(bodies))
        t.equal(got[before:], ["-"] * len(bodies), "the bodies in the log")
        for wire in wires:
            wire.close()
        for kind, body in bodies:
            s.post("whole " + body[:8], kind, http2=http2)
        t.equal(len([line for line in s.log("f.log", lines=before + 2 * len(bodies)) if line.startswith("whole")]),
                before // 2 + len(bodies), "whole bodies in the log")


def test_body_too_large(t):
    t.app_may_see = True
    s = t.nginx(server="client_max_body_size 20;", locations=TO_ECHO, extra_servers=ECHO)
    pan = t.card()
    for http2 in (False, True):
        s.curl("/%s?card_number=%s" % (pan, pan), http2=http2, body=b"card_number=%s" % pan.encode())
    t.equal(sum(" 413" in line for line in s.log(lines=2)), 2, "status 413 of each")


def test_tls_errors(t):
    t.app_may_see = True
    s = t.nginx(server="", locations=TO_ECHO, extra_servers=ECHO)
    pan = t.card().encode()
    for sent in (b"GET /%s?card_number=%s HTTP/1.1\r\nHost: shop.test\r\n\r\n" % (pan, pan), b"card_number=%s\r\n" % pan,
                 b"\x16\x03\x01\x00\x20card %s          " % pan):
        with socket.create_connection(("127.0.0.1", s.port), timeout=s.limit) as wire:
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
            wire.recv(4096)
    t.true(len(s.log(lines=2)) >= 2, "lines of the log")


def test_http2_errors(t):
    t.app_may_see = True
    s = t.nginx(server="large_client_header_buffers 4 2k;", locations=TO_ECHO, extra_servers=ECHO)
    pan = t.card()
    for path, headers in (("/%s" % pan, [("X-Upper", pan)]), ("%s" % pan, []), ("/\x01%s" % pan, []),
                          ("/a?card_number=" + pan, [("x-long", pan + " " + "x" * 9000)]),
                          ("/a?card_number=%s&pad=%s" % (pan, "x" * 9000), []), ("/" + pan, [("host", "a/" + pan)]),
                          ("/" + pan, [("content-length", "1" + pan), ("x-a", pan)]), ("/" + pan, [(":bad", pan)])):
        with s.wire2() as wire:
            wire.h2.config.validate_outbound_headers = wire.h2.config.normalize_outbound_headers = False
            try:
                wire.reply(wire.start("GET", path, headers, end=True))
            except AssertionError:
                pass  # reset, or the connection closed
    with s.wire2() as wire:  # goes away in the middle of a body
        stream = wire.start("POST", "/" + pan, [("cookie", "card=" + pan)])
        wire.body(stream, b"card_number=" + pan.encode(), 9, end=False)
    t.true(len(s.log(lines=7)) >= 7, "lines of the log: %s" % s.log())


def test_a_line_is_cut_in_the_middle_of_a_number(t):
    """Of a number that is cut off no more than its BIN may remain."""
    t.app_may_see = True
    s = t.nginx(server="", http="client_header_buffer_size 512; large_client_header_buffers 2 1k;", locations=TO_ECHO, extra_servers=ECHO)
    pan = t.card()
    for form in ("plain", "percent"):
        for room in range(6, 50, 1 if form == "percent" else 2):
            with s.wire() as wire:
                wire.send(b"GET /x?pad=%s=%s&y=%s HTTP/1.1\r\n" % (b"x" * (1024 - 12 - room), cards.written(pan, form).encode(), b"y" * 3000))
                t.true(b" 414 " in wire.rest()[:40], "status")
    text = "".join(s.log()) + s.file("logs/access.log") + s.error_log()
    t.equal([part for part in (pan[:7], cards.written(pan[:7], "percent")) if part in text], [], "beginnings of the number")


def test_redaction_switched_off(t):
    """So that the sweep after these cases can fail."""
    t.expected_leaks = [r"access\.log holds \d{16}", r"everything\.log holds \d{16}", r"\.log holds \d{3}$"]
    t.app_may_see = True
    s = t.nginx(server="", http="cardscrub_redact_logs off;")
    pan, code = t.card(), t.code()
    s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code))
    s.log(lines=1)
