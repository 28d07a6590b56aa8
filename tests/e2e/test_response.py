"""cardscrub_response: card data on its way out of the application."""
import gzip
import os
import re
import threading
import time
import zlib

import cards
from client import Wire, Wire2
from server import own_memory
from upstream import Upstream, chunked, http, pieces

MASK = "cardscrub on; cardscrub_response mask;"
REJECT = "cardscrub on; cardscrub_response reject;"


def masked(pan):
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def proxy(upstream, more=""):
    return "location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; %s }" % (upstream.port, more)


def get(s, path, options=(), **more):
    return s.curl(path, *options, **more)


def both(t, s, path="/", **more):
    """The answer over HTTP/1.1 and over HTTP/2: the same."""
    first, second = get(s, path, **more), get(s, path, http2=True, **more)
    t.equal((second.status, second.body), (first.status, first.body), "HTTP/2 and HTTP/1.1")
    return first


# ---- bodies


def test_each_content_type(t):
    pan, amex, code, token = t.card(), t.card("amex"), t.code(), "9528014739601111"
    spaced = cards.grouped(pan, " ")
    hidden = masked(pan)
    kinds = {
        "application/json": ('{"card_number":"%s","cvv":"%s","token":"%s","n":%s,"code":200}' % (pan, code, token, amex),
                             '{"card_number":"%s","cvv":"***","token":"%s","n":%s,"code":200}' %
                             (hidden, token, amex[:6] + "0" * 5 + amex[-4:])),
        "text/html; charset=utf-8": ("<p>%s</p><td>%s</td>" % (spaced, token),
                                     "<p>%s %s** **** %s</p><td>%s</td>" % (pan[:4], pan[4:6], pan[-4:], token)),
        "text/csv": ("name,cvv\nbob %s,%s\n" % (pan, code), "name,cvv\nbob %s,***\n" % hidden),
        "application/xml": ("<a><cvv>%s</cvv>%s</a>" % (code, pan), "<a><cvv>***</cvv>%s</a>" % hidden),
        "application/x-www-form-urlencoded": ("cvv=%s&x=%s" % (code, pan), "cvv=***&x=%s" % hidden),
        "text/plain; charset=shift_jis": ("\x83J " + pan, "\x83J " + hidden),
        "application/octet-stream": ("\x00\x01" + pan + "\x00", "\x00\x01" + hidden + "\x00"),
        "text/event-stream": ("data: %s\n\n" % pan, "data: %s\n\n" % hidden),
        "application/grpc": ("\x00\x00\x00\x00\x12\x0a\x10" + pan, "\x00\x00\x00\x00\x12\x0a\x10" + hidden),
        'multipart/mixed; boundary="b"': ("--b\r\n\r\n%s\r\n--b--" % pan, "--b\r\n\r\n%s\r\n--b--" % hidden),
    }
    for kind, (sent, wanted) in kinds.items():
        with Upstream(lambda _, k=kind, b=sent: http(b.encode("latin-1"), k)) as up:
            s = t.nginx(server=MASK, locations=proxy(up))
            reply = both(t, s)
            expected = wanted.encode("latin-1")
            if "n\":" in wanted:
                reply.body = re.sub(rb'"n":(\d{6})00001(\d{4})', rb'"n":\g<1>00000\2', reply.body)  # where Luhn would fit
            t.equal(reply.body, expected, kind)
            t.equal(reply.headers["content-length"], str(len(expected)), "Content-Length")


def test_split_anywhere(t):
    pan, code = t.card(), t.code()
    sent = '{"a":"%s","card_number":"%s","cvv":"%s","z":"%s"}' % ("x" * 40, pan, code, pan)
    wanted = '{"a":"%s","card_number":"%s","cvv":"***","z":"%s"}' % ("x" * 40, masked(pan), masked(pan))
    for buffering in ("on", "off"):
        for size in (1, 2, 3, 7, 16, 61):
            with Upstream(lambda _, n=size: chunked(pieces(sent, n), "application/json")) as up:
                s = t.nginx(server=MASK, locations=proxy(up, "proxy_buffering %s;" % buffering))
                reply = get(s, "/") if size % 2 else get(s, "/", http2=True)
                got = reply.body.decode()
                t.equal(got, wanted, "pieces of %d, buffering %s" % (size, buffering))


def test_large_answers(t):
    pan = t.card()
    filler = b"".join(b"%07d,some text and a number\n" % i for i in range(300000))  # 10 MB
    middle = len(filler) // 2
    sent = filler[:middle] + b"%s\n" % pan.encode() + filler[middle:] + pan.encode()
    wanted = sent.replace(pan.encode(), masked(pan).encode())
    with Upstream(lambda _: http(sent, "text/plain")) as up:
        for buffering in ("proxy_buffering off;", "", "proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k;"):
            s = t.nginx(server=MASK, locations=proxy(up, buffering))
            for http2 in (False, True):
                t.true(get(s, "/", http2=http2).body == wanted, "10 MB, %s, http2 %s" % (buffering, http2))


def test_nothing_in_it_byte_for_byte(t):
    random = bytes(t.rng.randrange(256) for _ in range(300000))
    page = "".join("<li>order %d, %d-%d, %s</li>\n" % (i, i * 7919, i, "9528014739601111") for i in range(3000)).encode()
    for sent, kind in ((random, "application/octet-stream"), (page, "text/html"), (b"", "text/html"), (b"{", "application/json")):
        with Upstream(lambda _, b=sent, k=kind: http(b, k, headers='ETag: "x-1"\r\n')) as up:
            s = t.nginx(server=MASK, locations=proxy(up))
            reply = both(t, s)
            t.true(reply.body == sent, "%s of %d bytes" % (kind, len(sent)))
            t.equal(reply.headers["etag"], '"x-1"', "ETag")


def test_static_files(t):
    pan = t.card()
    text = "x " * 35000 + pan + " y" * 35000
    for how in ("sendfile on;", "sendfile off;", "sendfile on; aio threads;", "directio 1;"):
        s = t.server(server=MASK + how, locations="location / { root html; default_type text/plain; }")
        path = os.path.join(s.prefix, "html", "file.txt")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        s.skip.add(path)
        s.start()
        reply = both(t, s, "/file.txt")
        t.equal(reply.body, text.replace(pan, masked(pan)).encode(), how)
        t.equal(reply.headers["content-length"], str(len(text)), "Content-Length")
        t.true("accept-ranges" not in reply.headers, "no ranges are offered")
        for http2 in (False, True):
            part = get(s, "/file.txt", options=("-H", "Range: bytes=70003-70010"), http2=http2)
            t.equal((part.status, len(part.body)), (200, len(text)), "a range would cut the number in two")
            head = get(s, "/file.txt", options=("-I",), http2=http2)
            t.equal((head.status, head.headers["content-length"], head.body), (200, str(len(text)), b""), "HEAD")
            again = get(s, "/file.txt", options=("-H", "If-None-Match: " + reply.headers["etag"]), http2=http2)
            t.equal((again.status, again.body), (304, b""), "304")


def test_answers_of_nginx_itself(t):
    pan, code = t.published("visa"), t.code()
    t.app_may_see = True
    s = t.nginx(server=MASK, locations="""
        location = /text { return 200 "your card %s"; }
        location = /page { return 404 "no card %s"; }
        location = /big { set $a "%s"; set $b $a$a$a$a$a$a$a$a; set $c $b$b$b$b$b$b$b$b; return 200 "${c}%s"; }""" %
                (pan, pan, "filler " * 300, pan))
    t.equal(both(t, s, "/text").body.decode(), "your card " + masked(pan))
    t.equal(both(t, s, "/page").body.decode(), "no card " + masked(pan))
    t.equal(both(t, s, "/big").body.decode(), "filler " * 19200 + masked(pan), "a read-only buffer")
    t.equal(both(t, s, "/text").body.decode(), "your card " + masked(pan), "the configuration is as it was")


# ---- headers


def test_headers_out(t):
    pan, code = t.card(), t.code()
    lines = {
        "Location": ("https://shop.test/pay?cvv=%s&card=%s" % (code, pan), "https://shop.test/pay?cvv=***&card=%s" % masked(pan)),
        "Set-Cookie": ("card=%s; cvv=%s; Path=/" % (pan, code), "card=%s; cvv=***; Path=/" % masked(pan)),
        "Link": ("<https://shop.test/next?cvv=%s&q=%s>; rel=next" % (code, pan),
                 "<https://shop.test/next?cvv=***&q=%s>; rel=next" % masked(pan)),
        "Refresh": ("5; url=https://shop.test/?card=%s" % pan, "5; url=https://shop.test/?card=%s" % masked(pan)),
        "WWW-Authenticate": ('Basic realm="%s"' % pan, 'Basic realm="%s"' % masked(pan)),
        "X-Card-Number": (pan, masked(pan)),
        "X-Cvv": (code, "***"),
        "Content-Location": ("/cards/" + pan, "/cards/" + masked(pan)),
        "X-Order": ("1234567890123456", "1234567890123456"),
        "X-Token": ("9528014739601111", "9528014739601111"),
    }
    head = "".join("%s: %s\r\n" % (name, sent) for name, (sent, _) in lines.items())
    for status in ("200 OK", "302 Found", "401 Who", "204 No Content", "304 Not Modified"):
        with Upstream(lambda _, st=status: http("", status=st, headers=head)) as up:
            s = t.nginx(server=MASK, locations=proxy(up, "add_header X-Added $upstream_http_x_card_number always;"))
            for http2 in (False, True):
                reply = get(s, "/", http2=http2)
                for name, (_, wanted) in lines.items():
                    t.equal(reply.headers[name.lower()], wanted, "%s, %s" % (status, name))
                t.equal(reply.headers["x-added"], masked(pan), "add_header")
                head_only = get(s, "/", options=("-I",), http2=http2)
                t.equal(head_only.headers["location"], lines["Location"][1], "HEAD")


def test_status_line_and_trailers(t):
    pan = t.card()
    with Upstream(lambda _: http("ok", status="200 " + pan)) as up:
        s = t.nginx(server=MASK, locations=proxy(up, "add_trailer X-Last $upstream_status-$arg_c$upstream_http_x;")
                    .replace("location / {", "location / { add_trailer X-Card \"%s\";" % cards.PUBLISHED["visa"]))
        t.secrets.add(cards.PUBLISHED["visa"])
        with Wire(s.port, s.run.certificate, "shop.test") as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\nTE: trailers\r\nConnection: close\r\n\r\n")
            answer = wire.rest().decode()
        t.has(answer, r"^HTTP/1\.1 200 " + re.escape(masked(pan)) + "\r\n", "status line")
        t.has(answer, "X-Card: " + re.escape(masked(cards.PUBLISHED["visa"])), "trailer")


def test_return_and_redirects(t):
    pan = t.card()
    s = t.nginx(server="cardscrub_response mask;", keys=False, locations="""
        location = /go { return 302 /there?card=$arg_card; }
        location = /far { return 301 https://other.test/?card=$arg_card; }
        location = /lost { error_page 404 =200 @page; root html; }
        location @page { add_header X-Was $arg_card; return 200 "lost $arg_card"; }""")
    for http2 in (False, True):
        t.has(get(s, "/go?card=" + pan, http2=http2).headers["location"], r"card=" + re.escape(masked(pan)) + "$")
        t.has(get(s, "/far?card=" + pan, http2=http2).headers["location"], r"card=" + re.escape(masked(pan)) + "$")
        reply = get(s, "/lost?card=" + pan, http2=http2)
        t.equal((reply.body.decode(), reply.headers["x-was"]), ("lost " + masked(pan), masked(pan)), "error_page")


# ---- ways through nginx


def test_compressed_upstream(t):
    pan = t.card()
    text = ("<p>%s</p>" % pan) * 50 + "z" * 100000
    wanted = text.replace(pan, masked(pan)).encode()
    packs = {"gzip": gzip.compress, "deflate": zlib.compress, "x-gzip": gzip.compress,
             "deflate, gzip": lambda data: gzip.compress(zlib.compress(data))}
    for coding, pack in packs.items():
        body = pack(text.encode())
        for answer in (lambda _: http(body, headers='ETag: "a"\r\nContent-Encoding: %s\r\n' % coding),
                       lambda _: chunked(pieces(body, 7), headers="Content-Encoding: %s\r\n" % coding)):
            with Upstream(answer) as up:
                s = t.nginx(server=MASK, locations=proxy(up))
                reply = both(t, s, options=("-H", "Accept-Encoding: gzip, br"))
                t.equal(reply.body, wanted, coding)
                t.true("content-encoding" not in reply.headers, "forwarded as it is inflated")
                t.true(all("accept-encoding: identity" in r.lower() for r in up.requests), "asked for plain: %s" % up.requests[:1])


def test_bombs_do_not_fill_the_memory(t):
    t.without_tools()
    body = gzip.compress(b"0123456789 " * 2_000_000, 9)  # 22 MB
    with Upstream(lambda _: http(body, headers="Content-Encoding: gzip\r\n")) as up:
        s = t.nginx(server=MASK, locations=proxy(up) + "location /none { return 204; }")
        get(s, "/none")  # what a worker has anyway
        before = own_memory(next(iter(s.workers)))
        with Wire(s.port, s.run.certificate, "shop.test", limit=60) as wire:
            wire.send(b"GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n")
            time.sleep(1)  # the client does not read
            grown = own_memory(next(iter(s.workers))) - before
            t.true(grown < 4 << 20, "the worker grew by %d bytes" % grown)
            size, more = 0, wire.receive()
            size -= more.index(b"\r\n\r\n") + 4
            while more:
                size += len(more)
                more = wire.receive()
        t.equal(size, 22_000_000, "all of it comes")


def test_client_still_gets_gzip(t):
    pan = t.card()
    text = "<p>%s</p>" % pan + "a" * 5000
    with Upstream(lambda _: http(text)) as up:
        s = t.nginx(server=MASK + "gzip on; gzip_proxied any;", locations=proxy(up))
        for http2 in (False, True):
            reply = get(s, "/", options=("-H", "Accept-Encoding: gzip"), http2=http2)
            t.equal(reply.headers["content-encoding"], "gzip")
            t.equal(gzip.decompress(reply.body).decode(), text.replace(pan, masked(pan)))


def test_files_that_lie_compressed(t):
    """Also behind an internal redirect (of the index), and when there is no other form of them."""
    pan = t.card()
    text = "<p>%s</p>" % pan + "b" * 5000
    s = t.server(server=MASK + "gzip on; gzip_static on;", locations="location / { root html; }")
    path = os.path.join(s.prefix, "html", "index.html.gz")
    with open(path, "wb") as f:
        f.write(gzip.compress(text.encode()))
    with open(path[:-3], "w", encoding="ascii") as f:
        f.write(text)
    s.skip |= {path, path[:-3]}
    s.start()
    for round in range(2):
        for name in ("/", "/index.html"):
            for http2 in (False, True):
                reply = get(s, name, options=("-H", "Accept-Encoding: gzip"), http2=http2)
                if round == 1 and name == "/":  # nginx looks for the index by its own name
                    t.equal(reply.status, 403)
                    continue
                t.equal(reply.headers["content-encoding"], "gzip", "the client's gzip")
                t.equal(gzip.decompress(reply.body).decode(), text.replace(pan, masked(pan)), name)
        os.unlink(path[:-3]) if round == 0 else None


def test_filters_of_nginx_run_before(t):
    pan = t.card()
    s = t.server(server=MASK, locations="""
        location / { root html; ssi on; ssi_types text/plain; sub_filter_types *; addition_types *; sub_filter HALF "%s"; sub_filter_once off;
                     add_after_body /after.txt; default_type text/plain; }""" % pan[:8])
    files = {"page.txt": 'a <!--# include virtual="/part.txt" -->%s b HALF%s <!--# echo var="arg_card" -->' % (pan[8:], pan[8:]),
             "part.txt": pan[:8], "after.txt": " after " + pan}
    for name, text in files.items():
        path = os.path.join(s.prefix, "html", name)
        s.skip.add(path)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    s.start()
    reply = both(t, s, "/page.txt")
    t.equal(reply.body.decode(), "a %s b %s (none) after %s" % ((masked(pan),) * 3), "across include and substitution")


def test_buffers_that_others_wait_for(t):
    """What is held back must not hold up who wants its buffer sent: here the reader of the file, behind sub_filter."""
    pattern = "0123456789abcdef" * 200
    s = t.server(server=MASK, locations="""
        location / { root html; default_type text/plain; sub_filter_types *; sub_filter_once off;
                     sub_filter %s +; sub_filter 01ef -; }""" % pattern)
    path = os.path.join(s.prefix, "html", "file.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write((pattern + "ABC01ef") * 300)
    s.start()
    t.equal(both(t, s, "/file.txt").body.decode(), "+ABC-" * 300)


def test_small_first_pieces(t):
    """The heartbeat of an event stream is shorter than what tells UTF-16 from ASCII."""
    go = threading.Event()

    def answer(_):
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        yield b":\n\n"
        go.wait(60)
    with Upstream(answer) as up:
        s = t.nginx(server=MASK, locations=proxy(up, "proxy_buffering off;"))
        with Wire(s.port, s.run.certificate, "shop.test") as wire:
            wire.send(b"GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n")
            seen = b""
            while b":\n\n" not in seen:
                more = wire.receive()
                t.true(more, "closed")
                seen += more
            go.set()


def test_cached_answers(t):
    pan = t.card()
    t.expected_leaks.append("cache/")  # what the operator caches is what the application sent
    with Upstream(lambda _: http("<p>%s</p>" % pan, headers="Cache-Control: max-age=60\r\nX-Card: %s\r\n" % pan)) as up:
        s = t.nginx(http="proxy_cache_path @PREFIX@/cache keys_zone=c:1m;", server=MASK,
                    locations=proxy(up, "proxy_cache c; proxy_cache_key $uri; add_header X-State $upstream_cache_status;"))
        for state in ("MISS", "HIT", "HIT"):
            for http2 in (False, True):
                reply = get(s, "/", http2=http2)
                t.equal((reply.body.decode(), reply.headers["x-card"]), ("<p>%s</p>" % masked(pan), masked(pan)), state)
        t.equal(len(up.requests), 1, "requests to the application")


def test_rejected_and_cached(t):
    """nginx goes on filling its cache when the client has been refused."""
    pan = t.card()
    t.expected_leaks.append("cache/")
    for filler, status in ((10, 502), (100000, 200)):
        with Upstream(lambda _, n=filler: http("a " * n + pan + " " + "b " * 100000, headers="Cache-Control: max-age=60\r\n")) as up:
            s = t.nginx(http="proxy_cache_path @PREFIX@/cache keys_zone=c:1m;", server=REJECT,
                        locations=proxy(up, "proxy_cache c; proxy_cache_key $uri;"))
            for http2 in (False, True, False):
                reply = get(s, "/", http2=http2)
                t.equal(reply.status, status)
                t.true(b"b b" not in reply.body and pan.encode() not in reply.body, "nothing of the rest comes")


def test_slices(t):
    pan = t.card()
    text = ("c " * 700 + pan + " ") * 20

    def answer(request):
        begin, end = re.search(r"Range: bytes=(\d+)-(\d+)", request).groups()
        part = text[int(begin):int(end) + 1]
        return http(part, status="206 Partial Content", headers="Content-Range: bytes %s-%d/%d\r\n" %
                    (begin, int(begin) + len(part) - 1, len(text)))
    with Upstream(answer) as up:
        s = t.nginx(server=MASK, locations=proxy(up, "slice 1000; proxy_set_header Range $slice_range;"))
        for more in ((), ("-H", "Range: bytes=1400-1410")):
            reply = both(t, s, options=more)
            t.equal((reply.status, reply.body.decode()), (200, text.replace(pan, masked(pan))), "put together from slices")


def test_beside_the_rest_of_the_module(t):
    """Refused requests, auth_request, mirror: what they send is no answer of an application."""
    pan, wrong = t.card(), t.wrong(t.card())
    with Upstream(lambda r: http("%s" % pan, status="204 Fine" if "/ask" in r else "200 OK", headers="X-Card: %s\r\n" % pan)) as up:
        for mode in (MASK, REJECT):
            s = t.nginx(server=mode, locations=proxy(up, "mirror /copy; auth_request /ask; auth_request_set $who $upstream_http_x_card;"
                                                     "add_header X-Who $who always;") + """
                location /copy { internal; proxy_pass http://127.0.0.1:%d; }
                location /ask { internal; proxy_pass http://127.0.0.1:%d; proxy_pass_request_body off; }
                location /pay { proxy_pass http://127.0.0.1:%d; }""" % ((up.port,) * 3))
            for http2 in (False, True):
                t.refused(s.post("card_number=" + wrong, http2=http2), 422, card_number="pan.luhn")
                reply = get(s, "/", http2=http2)
                if mode == MASK:
                    t.equal((reply.body.decode(), reply.headers["x-who"]), (masked(pan),) * 2)
                else:
                    t.refused(reply, 502)


def test_never_on_disk(t):
    """A slow client: nginx would write the answer to a temporary file in front of the filter."""
    pan = t.card()
    body = (pan + "\n").encode() + b"a" * 3_000_000
    with Upstream(lambda _: http(body, "text/plain")) as up:
        s = t.nginx(server=MASK + "proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k;",
                    locations=proxy(up), error_level="debug")
        with Wire(s.port, s.run.certificate, "shop.test") as wire:
            wire.send(b"GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n")
            time.sleep(0.5)
            answer = wire.rest()
        t.equal(len(answer.split(b"\r\n\r\n", 1)[1]), len(body))
        t.true("temp_file" not in s.error_log() and "proxy_temp" not in s.error_log(), "no temporary file")


def test_ranges_of_the_upstream(t):
    pan = t.card()

    def answer(request):
        if "\r\nrange:" in request.lower():
            return http(pan[3:], status="206 Partial Content", headers="Content-Range: bytes 3-15/16\r\n")
        return http(pan, headers="Accept-Ranges: bytes\r\n")
    with Upstream(answer) as up:
        s = t.nginx(server=MASK, locations=proxy(up) + """
            location /forced { proxy_pass http://127.0.0.1:%d; proxy_set_header Range bytes=3-; }""" % up.port)
        for http2 in (False, True):
            reply = get(s, "/", options=("-H", "Range: bytes=3-", "-H", 'If-Range: "a"'), http2=http2)
            t.equal((reply.status, reply.body.decode()), (200, masked(pan)), "the whole answer")
            t.true("accept-ranges" not in reply.headers, "ranges are offered")
            problem = t.refused(get(s, "/forced", http2=http2), 502)
            t.equal(problem["errors"][0]["reason"], "response.unreadable")
        t.true(not any("ange:" in r for r in up.requests if "/forced" not in r), "Range went upstream: %s" % up.requests)


def test_accel_redirect_and_error_page(t):
    pan = t.card()

    def answer(request):
        path = request.split(" ")[1]
        if path == "/jump":
            return http("ignored", headers="X-Accel-Redirect: /inside/page\r\n")
        if path == "/broken":
            return http("no", status="500 Oops")
        return http("%s says %s" % (path, pan))
    with Upstream(answer) as up:
        s = t.nginx(server=MASK, locations="""
            location / { proxy_pass http://127.0.0.1:%d; proxy_intercept_errors on; error_page 500 /sorry; }
            location /inside { internal; proxy_pass http://127.0.0.1:%d; }""" % (up.port, up.port))
        t.equal(both(t, s, "/jump").body.decode(), "/inside/page says " + masked(pan))
        reply = both(t, s, "/broken")
        t.equal((reply.status, reply.body.decode()), (500, "/sorry says " + masked(pan)))


def test_delivered_as_it_comes(t):
    """With buffering off nothing is kept back but what may be card data."""
    go = threading.Event()

    def answer(_):
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        yield b"data: 12345\n\n"
        go.wait(60)
        yield b"data: end\n\n"
    with Upstream(answer) as up:
        for mode in (MASK, REJECT):
            s = t.nginx(server=mode, locations=proxy(up, "proxy_buffering off;"))
            for http2 in (False, True):
                go.clear()
                if http2:
                    with Wire2(s.port, s.run.certificate, "shop.test") as wire:
                        stream = wire.start("GET", "/", end=True)
                        seen = b""
                        while b"12345\n\n" not in seen:
                            wire.wait()
                            seen = b"".join(e.data for e in wire.early if isinstance(e, wire.events.DataReceived))
                        go.set()
                        t.equal(wire.reply(stream).body, b"data: 12345\n\ndata: end\n\n")
                    continue
                with Wire(s.port, s.run.certificate, "shop.test") as wire:
                    wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
                    seen = b""
                    while b"12345\n\n" not in seen:
                        more = wire.receive()
                        t.true(more, "closed")
                        seen += more
                    go.set()
                    t.has(wire.rest().decode(), "data: end")


# ---- reject


def test_reject_before_the_head(t):
    pan, code = t.card(), t.code()
    t.expected_faults.append("never")
    for sent, kind in (("<p>%s</p>" % pan, "text/html"), ('{"cvv":"%s"}' % code, "application/json"),
                       ("x " * 30000 + pan, "text/plain"), ("%%B%s^DOE/J^29121010000000000000?" % pan, "text/plain")):
        for answer in (lambda _: http(sent, kind, headers="Set-Cookie: a=b\r\n"), lambda _: chunked(pieces(sent, 4000), kind)):
            with Upstream(answer) as up:
                s = t.nginx(server=REJECT, locations=proxy(up) + "location /ok { return 200 fine; }")
                for http2 in (False, True):
                    reply = get(s, "/", http2=http2)
                    problem = t.refused(reply, 502)
                    t.equal(problem["errors"][0]["reason"], "response.card_data", kind)
                    t.true("set-cookie" not in reply.headers, "nothing of the answer is left")
                    t.no_digits(reply)
                    t.equal(get(s, "/ok", http2=http2).body, b"fine")
                t.has(s.error_log(), r'a response was refused, reason "response\.card_data"')


def test_reject_lets_the_rest_pass(t):
    sent = '{"token":"9528014739601111","card_number":"4111111111111112","n":1234567890123456,"cvv":""}'
    for body in (sent, "", "z" * 200000, sent * 5000):
        with Upstream(lambda _, b=body: http(b, "application/json")) as up:
            s = t.nginx(server=REJECT, locations=proxy(up))
            wanted = body.replace("4111111111111112", "411111******1112")
            t.equal(both(t, s).body.decode(), wanted, "%d bytes" % len(body))
            for http2 in (False, True):
                t.equal(get(s, "/", options=("-I",), http2=http2).headers["content-length"], str(len(body)), "HEAD")


def test_reject_in_the_head(t):
    pan = t.card()
    with Upstream(lambda r: http("ok", headers="X-Card: %s\r\n" % pan, status="302 Found" if "/302" in r else "200 OK")) as up:
        s = t.nginx(server=REJECT, locations=proxy(up))
        for http2 in (False, True):
            for path in ("/", "/302"):
                t.refused(get(s, path, http2=http2), 502)
            t.equal(get(s, "/", options=("-I",), http2=http2).status, 502, "HEAD")


def test_reject_in_a_trailer(t):
    """Found when the body has been searched: the head is still there, unless it was long."""
    pan = t.published("visa")
    with Upstream(lambda r: http("a " * (100000 if "/long" in r else 10))) as up:
        s = t.nginx(server=REJECT + 'add_trailer X-Card "%s";' % pan, locations=proxy(up, 'add_trailer X-Card "%s";' % pan))
        with Wire(s.port, s.run.certificate, "shop.test") as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            t.refused(wire.reply(), 502)
        with Wire(s.port, s.run.certificate, "shop.test") as wire:
            wire.send(b"GET /long HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            answer = wire.rest()
            t.true(answer.startswith(b"HTTP/1.1 200") and pan.encode() not in answer and not answer.endswith(b"0\r\n\r\n"),
                   "cut off: %r" % answer[-60:])


def test_reject_of_an_included_part(t):
    pan = t.card()
    with Upstream(lambda _: http("<b>%s</b>" % pan)) as up:
        s = t.server(server=REJECT, locations=proxy(up).replace("location /", "location /part") + """
            location / { root html; ssi on; }""")
        for name, filler in (("small", "<i>"), ("large", "<i>" + "a " * 50000)):
            path = os.path.join(s.prefix, "html", name + ".html")
            with open(path, "w", encoding="ascii") as f:
                f.write(filler + '<!--# include virtual="/part" --></i>')
        s.start()
        for http2 in (False, True):
            t.refused(get(s, "/small.html", http2=http2), 502)
            reply = get(s, "/large.html", http2=http2)
            t.equal(reply.status, 200)
            t.true(reply.note and b"</i>" not in reply.body and pan.encode() not in reply.body, "cut off: %r" % reply.note)


def test_reject_page_of_the_operator(t):
    pan = t.card()
    with Upstream(lambda r: http("page with %s" % pan if "/page" in r else pan)) as up:
        s = t.nginx(server=REJECT, locations=proxy(up) + """
            location /own { proxy_pass http://127.0.0.1:%d; error_page 502 /sorry.html; }
            location /other { proxy_pass http://127.0.0.1:%d; error_page 502 @app; }
            location = /sorry.html { return 502 "sorry, not %s"; }
            location @app { rewrite ^ /page break; proxy_pass http://127.0.0.1:%d; }""" % (up.port, up.port, pan, up.port))
        for http2 in (False, True):
            reply = get(s, "/own", http2=http2)
            t.equal((reply.status, reply.body.decode()), (502, "sorry, not " + masked(pan)), "a page refuses nothing")


def test_cut_off_after_the_head(t):
    pan = t.card()
    body = "x" * 300000 + " " + pan + " " + "y" * 1000
    for answer, name in ((lambda _: http(body), "length"), (lambda _: chunked(pieces(body, 10000)), "chunked"),
                         (lambda _: http(body, length=False), "close")):
        with Upstream(answer) as up:
            s = t.nginx(server=REJECT + "listen 127.0.0.1:@CLEAR@; cardscrub_require_tls off;", locations=proxy(up))
            for version, tls in (("1.1", True), ("1.0", True), ("1.1", False), ("1.0", False)):
                with Wire(s.port if tls else s.clear_port, s.run.certificate, "shop.test", tls) as wire:
                    if tls:
                        wire.sock.suppress_ragged_eofs = False
                    wire.send(b"GET / HTTP/%s\r\nHost: shop.test\r\n\r\n" % version.encode())
                    seen, closed = b"", ""
                    try:
                        while True:
                            more = wire.sock.recv(65536)
                            if not more:
                                closed = "clean"
                                break
                            seen += more
                    except OSError as e:  # no close_notify, or a reset
                        closed = type(e).__name__
                    t.true(len(seen) > 60000, "some of it has come: %d" % len(seen))
                    t.true(pan.encode() not in seen and b"yyy" not in seen, "%s: more than that has come" % name)
                    if b"ontent-Length" not in seen and b"chunked" not in seen:
                        t.true(closed != "clean", "without a length a clean end says that it is all")
                    elif b"chunked" in seen:
                        t.true(not seen.endswith(b"0\r\n\r\n"), "a last chunk says that it is all")
            with Wire2(s.port, s.run.certificate, "shop.test") as wire:
                stream = wire.start("GET", "/", end=True)
                try:
                    wire.reply(stream)
                    t.true(False, "the stream ended as if it were whole")
                except AssertionError as e:
                    t.has(str(e), "reset")
            t.has(s.error_log(), r'a response was cut off, reason "response\.card_data"')


def test_unreadable(t):
    pan = t.card()
    for coding, body in (("zstd", b"\x28\xb5\x2f\xfd" + pan.encode()), ("gzip", b"no gzip " * 10), ("br, br, br, br", b"x")):
        with Upstream(lambda _, b=body, c=coding: http(b, headers="Content-Encoding: %s\r\n" % c)) as up:
            for mode in (MASK, REJECT):
                s = t.nginx(server=mode, locations=proxy(up))
                if coding == "gzip" and mode == MASK:
                    with Wire(s.port, s.run.certificate, "shop.test") as wire:
                        wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
                        t.true(b"no gzip" not in wire.rest(), "what cannot be searched goes out")
                    continue
                for http2 in (False, True):
                    problem = t.refused(get(s, "/", http2=http2), 502)
                    t.equal(problem["errors"][0]["reason"], "response.unreadable", coding)


def test_interim_answers(t):
    """nginx takes them for the answer, and what follows, head and all, for its body: compressed perhaps. From 1.29 on it knows them, and the
    answer is searched."""
    pan = t.card()
    page = http(gzip.compress(pan.encode()), headers="Content-Encoding: gzip\r\n")
    for status in ("100 Continue", "101 Switching Protocols", "103 Early Hints"):
        with Upstream(lambda _, s=status: b"HTTP/1.1 %s\r\nLink: </a.css>\r\n\r\n" % s.encode() + page) as up:
            for mode in (MASK, REJECT):
                s = t.nginx(server=mode, locations=proxy(up))
                with Wire(s.port, s.run.certificate, "shop.test") as wire:
                    wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
                    reply = wire.reply()
                if reply.status == 200 and knows_interim_answers(reply):
                    t.equal((mode, reply.body.decode()), (MASK, masked(pan)), status)
                    continue
                problem = t.refused(reply, 502)
                if not knows_interim_answers(reply):
                    t.equal(problem["errors"][0]["reason"], "response.unreadable", status)
                t.refused(get(s, "/", http2=True), 502)


def knows_interim_answers(reply):
    version = reply.headers["server"].split("/")[1]
    return tuple(int(part) for part in version.split(".")[:2]) >= (1, 29)


# ---- settings


def test_off_and_monitor(t):
    pan = t.card()
    page = "<p>%s</p>" % pan
    with Upstream(lambda _: http(page, headers="X-Card: %s\r\nAccept-Ranges: bytes\r\n" % pan)) as up:
        s = t.nginx(logs="log_format r '$uri $cardscrub_response_verdict'; access_log logs/access.log r;", server=MASK, locations=proxy(up) + """
            location /off { cardscrub_response off; proxy_pass http://127.0.0.1:%d; }
            location /watch { cardscrub monitor; proxy_pass http://127.0.0.1:%d; }
            location /alone { cardscrub off; proxy_pass http://127.0.0.1:%d; }
            location /clean { return 200 clean; }
            location /no { cardscrub_response reject; proxy_pass http://127.0.0.1:%d; }
            location = /status { cardscrub off; cardscrub_response off; cardscrub_status; }""" % ((up.port,) * 4))
        for http2 in (False, True):
            t.equal(get(s, "/off", http2=http2).body.decode(), page)
            watched = get(s, "/watch", http2=http2, options=("-H", "Range: bytes=0-3", "-H", "Accept-Encoding: gzip"))
            t.equal((watched.body.decode(), watched.headers["x-card"], watched.headers["accept-ranges"]), (page, pan, "bytes"))
            t.equal(get(s, "/alone", http2=http2).body.decode(), "<p>%s</p>" % masked(pan))
            get(s, "/clean", http2=http2)
            t.equal(get(s, "/no", http2=http2).status, 502)
        t.has("\n".join(r for r in up.requests if "/watch" in r), "Range: bytes=0-3.*Accept-Encoding: gzip")
        lines = set(s.log("access.log", lines=10))
        t.equal(lines, {"/off off", "/watch found", "/alone scrubbed", "/clean clean", "/no rejected"}, "verdicts")
        counts = get(s, "/status").json()
        # A card in the head and one in the body of each; a refused answer stops at the first.
        t.equal(counts["responses"]["searched"], 8, "searched")
        t.equal(counts["responses"]["with_card_data"], 6, "with card data")
        t.equal(counts["responses"]["rejected"], 2, "rejected")
        t.equal(counts["findings"]["pan"], 0, "a response is no request")
        t.equal(counts["rejections"], {"response.card_data": 2}, "reasons")


def test_configuration(t):
    for good in ("cardscrub_response off;", "cardscrub_response mask;", "cardscrub_response reject;"):
        status, output = t.server(server="cardscrub on;" + good).check()
        t.equal(status, 0, output)
    t.expected_faults.append(r"\[emerg\]")
    for bad in ("cardscrub_response nonsense;", "cardscrub_response;", "cardscrub_response mask; cardscrub_response off;"):
        status, output = t.server(server=bad).check()
        t.true(status != 0, bad + " is accepted")
        t.has(output, r"nginx\.conf:\d+", "file and line")
