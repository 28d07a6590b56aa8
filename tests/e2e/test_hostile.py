"""Bad input: a clear 4xx, or byte for byte what was sent; the worker lives on and the next request is served."""
import gzip
import os
import re
import zlib

import server as nginx

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain"
MULTIPART = "multipart/form-data; boundary=b"


def memory(server):
    """The worker's own memory, in bytes."""
    (pid,) = server.workers
    return nginx.own_memory(pid)


def both(t, s, body, kind, what, status=200, reason=None, options=()):
    """The same over HTTP/1.1 and HTTP/2: unchanged with 200, else refused for this reason."""
    body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    for http2 in (False, True):
        reply = s.post(body, kind, http2=http2, options=options)
        t.equal((what, reply.status), (what, status), "status of %r" % reply)
        if status == 200:
            t.true(reply.seen.body == body, "%s: changed" % what)
        elif reason:
            t.equal((what, t.reasons(reply)), (what, [reason]), "reasons")
            t.no_digits(reply)


def test_headers_that_contradict(t):
    s = t.nginx()
    pan = t.card()
    body = '{"card_number":"%s"}' % pan
    two_types = ("-H", "Content-Type: text/plain")
    reply = s.post(body, JSON, options=two_types)
    t.refused(reply, 415)
    for kind in ("application/json; charset=utf-8; charset=utf-16le", "multipart/form-data; boundary=a; boundary=b"):
        both(t, s, body, kind, kind, 415, "body.type")
    both(t, s, "a=1", FORM, "two encodings", 415, options=("-H", "Content-Encoding: gzip", "-H", "Content-Encoding: br"))
    for what, headers, data in (
            ("two lengths", "Content-Length: 5\r\nContent-Length: 50\r\n", "a=123"),
            ("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\na=123\r\n0\r\n\r\n"),
            ("negative length", "Content-Length: -5\r\n", "a=123"),
            ("length with a sign", "Content-Length: +5\r\n", "a=123"),
            ("unknown coding", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
            ("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")):
        with s.wire() as wire:
            wire.send(("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s\r\n%s" % (nginx.HOST, FORM, headers, data)).encode())
            reply = wire.reply()
            t.true(400 <= reply.status <= 501, "%s: %r" % (what, reply))
    t.equal(t.seen(), [], "requests that reached the application")


def test_chunk_tricks(t):
    s = t.nginx()
    pan = t.card()
    body = "card_number=" + pan
    head = "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" % (
        nginx.HOST, FORM)
    chunk = "%x\r\n%s\r\n" % (len(body), body)
    for what, data in (("size not hexadecimal", "0x1c\r\n%s\r\n0\r\n\r\n" % body), ("size too large", "fffffffffffffffff\r\n%s" % body),
                       ("negative size", "-1\r\n%s\r\n0\r\n\r\n" % body), ("no line end behind a chunk", chunk[:-2] + "0\r\n\r\n"),
                       ("size smaller than the data", "5\r\n%s\r\n0\r\n\r\n" % body)):
        with s.wire() as wire:
            wire.send((head + data).encode())
            rest = wire.rest().decode("latin-1")
            t.has(rest, r"^HTTP/1\.1 4\d\d", what)
    for what, data in (("extensions", "%x;a=\"b\";c\r\n%s\r\n0;x\r\n\r\n" % (len(body), body)),
                       ("leading zeros", "000000%x\r\n%s\r\n000\r\n\r\n" % (len(body), body)),
                       ("capital letters", "%X\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
                       ("trailers", "%x\r\n%s\r\n0\r\nX-A: b\r\n\r\n" % (len(body), body))):
        with s.wire() as wire:
            wire.send((head + data).encode(), piece=3)
            t.swapped(body, wire.reply().seen.body, (pan, "token"))


def test_readings_that_differ(t):
    """What some application reads as a code's name and another does not."""
    s = t.nginx()
    for head in (r'filename="a\"; name="cvv"', 'x="a; name=cvv', 'name="=?utf-8?q?cvv?="'):
        both(t, s, "--b\r\nContent-Disposition: form-data; %s\r\n\r\n123\r\n--b--\r\n" % head, MULTIPART, head, 400, "body.malformed")
    for kind in ("boundary=b; boundary=b", "boundary=a,b", "x=\"boundary=a\"; boundary=b"):
        both(t, s, "--b--\r\n", "multipart/form-data; " + kind, kind, 415, "body.type")
    both(t, s, "a,b;cvv\n1,2;123\n", "text/csv", "two separators", 400, "body.malformed")
    both(t, s, "<!DOCTYPE a [<!ATTLIST a cvv CDATA '123'>]><a/>", "text/xml", "attribute of a document type", 400, "body.malformed")
    both(t, s, "<?xml version='1.0'?><a/>".encode("cp500"), "text/xml", "EBCDIC", 415, "body.charset")
    code = t.code()
    for kind, body in ((MULTIPART, "--b\r\nContent-Disposition: form-data; name=cvv; filename=x\r\nContent-Type: application/json\r\n\r\n%s\r\n--b--\r\n"),
                       ("text/csv", "sep=|\na|cvv\n1|%s\n")):
        t.swapped(body % code, s.post(body % code, kind).seen.body, (code, "alias"))


def test_boundaries(t):
    s = t.nginx()
    pan = t.card()
    part = "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
    for what, kind, body, change in (
            ("no terminator", MULTIPART, part % ("card_number", pan), True),
            ("preamble and epilogue", MULTIPART, "pre\r\n" + part % ("a", "1") + "--b--\r\nmy card " + pan, True),
            ("quoted boundary", "multipart/form-data; boundary=\"b\"", part % ("card_number", pan) + "--b--\r\n", True),
            ("half a boundary in the content", MULTIPART, part % ("a", "x - -b y\r\n-b " + pan) + "--b--\r\n", True),
            ("line feeds", MULTIPART, (part % ("card_number", pan) + "--b--\r\n").replace("\r\n", "\n"), True),
            ("no parts", MULTIPART, "--b--\r\n", False)):
        for http2 in (False, True):
            got = s.post(body, kind, http2=http2).seen.body
            if change:
                t.swapped(body, got, (pan, "token"))
            else:
                t.equal((what, got), (what, body.encode()), "body")
    both(t, s, part % ("a", "1"), "multipart/form-data", "no boundary", 415, "body.type")
    both(t, s, part % ("a", "1"), "multipart/form-data; boundary=" + "x" * 300, "long boundary", 415, "body.type")
    for content in ("x --b y", "\r\n--bb ", "--b;\r\n"):  # some parsers see a part there
        both(t, s, part % ("a", content) + "--b--\r\n", MULTIPART, "boundary in the content", 400, "body.malformed")
    both(t, s, part % ("x", "1") + "--b--\r\n", "multipart/form-data; boundary=c", "another boundary", 400, "body.malformed")
    for head in ("Content-Disposition: form-data; name=x; name=cvv",
                 "Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=cvv"):
        both(t, s, "--b\r\n%s\r\n\r\n123\r\n--b--\r\n" % head, MULTIPART, "two names", 400, "body.malformed")


def test_bytes_that_are_no_text(t):
    s = t.nginx()
    pan = t.card()
    rest = {"NUL": b"\0", "invalid UTF-8": b"\xff\xc0\xaf\xe2\x82\xf5", "overlong": b"\xc0\xb4\xe0\x80\xb4", "surrogates": b"\xed\xa0\x80",
            "controls": bytes(range(1, 32))}
    for what, noise in rest.items():
        for kind, front, back in ((JSON, b'{"a":"', b'"}'), (FORM, b"a=", b"&b=1"), (TEXT, b"x ", b" y"), ("text/csv", b"a,", b",b\n"),
                                  ("application/xml", b"<a>", b"</a>")):
            both(t, s, front + noise * 20 + back, kind, "%s in %s" % (what, kind))
            body = front + noise + b" " + pan.encode() + b" " + noise + back
            t.swapped(body.decode("latin-1").encode("latin-1"), s.post(body, kind).seen.body, (pan, "token"))


def test_escapes_without_end(t):
    s = t.nginx()
    for kind, body in ((JSON, '{"a":"%s"}' % ("\\u00" * 5000)), (JSON, '{"a":"%s"}' % ("\\" * 9999)), (JSON, '["\\ud835'), (JSON, '["\\'),
                       (FORM, "a=" + "%" * 9999), (FORM, "a=" + "%2" * 5000), (FORM, "a=%"), (FORM, "a=" + "%25" * 5000 + "34"),
                       ("application/xml", "<a>" + "&#" * 5000 + "</a>"),
                       ("application/xml", "<a>&#%s52;</a>" % ("0" * 30))):
        both(t, s, body, kind, body[:20])
    both(t, s, "<a>&#%s52;</a>" % ("0" * 3000), "application/xml", "long reference", 400, "body.malformed")
    both(t, s, "<a>&%s;</a>" % ("x" * 3000), "application/xml", "long entity")


def test_entities_of_a_document_type(t):
    s = t.nginx()
    t.card()
    bomb = "<!DOCTYPE a [%s]><a>&e9;</a>" % "".join('<!ENTITY e%d "%s">' % (i, ("&e%d;" % (i - 1)) * 10) for i in range(1, 10))
    both(t, s, bomb, "application/xml", "entity bomb", 400, "body.malformed")
    both(t, s, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "text/xml", "external entity", 400, "body.malformed")


def test_nesting(t):
    s = t.nginx(server="cardscrub on; client_max_body_size 4m;")
    for what, body, kind in (("lists", "[" * 100000, JSON), ("objects", '{"a":' * 100000, JSON), ("elements", "<a>" * 100000, "text/xml"),
                             ("MessagePack", b"\x91" * 100000, "application/msgpack")):
        both(t, s, body, kind, what, 413, "limit.depth")
    both(t, s, "[" * 900 + "]" * 900, JSON, "900 lists")
    parts = "--b00\r\n" + "".join("Content-Type: multipart/mixed; boundary=b%02d\r\n\r\n--b%02d\r\n" % (i, i) for i in range(1, 20)) + "\r\nx"
    both(t, s, parts, "multipart/mixed; boundary=b00", "parts in parts", 413, "limit.layers")


def test_large_fields(t):
    """10 MB in one field, 1 MB of digits: unchanged, in bounded memory."""
    t.without_tools()
    s = t.nginx(server="cardscrub on; client_max_body_size 32m; client_body_buffer_size 64k;")
    s.post("a=1")
    before = memory(s)
    text, digits = b"lorem ipsum, " * 800000, b"7" * 1000000
    for kind, front, back in ((JSON, b'{"a":"', b'"}'), (FORM, b"a=", b""), (TEXT, b"", b""), ("application/xml", b"<a>", b"</a>"),
                              ("text/csv", b"a,b\n1,", b"\n"), (MULTIPART, b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n", b"\r\n--b--\r\n"),
                              ("application/msgpack", b"\xdb" + len(text).to_bytes(4, "big"), b"")):
        reply = s.post(front + text + back, kind)
        t.true(reply.seen.body == front + text + back, "10 MB of %s changed" % kind)
        if kind != "application/msgpack":
            reply = s.post(front + digits + back, kind)
            t.true(reply.seen.body == front + digits + back, "1 MB of digits of %s changed" % kind)
    t.true(memory(s) - before < 8 << 20, "the worker grew by %d bytes" % (memory(s) - before))
    both(t, s, b'{"card_number":"' + digits + b'"}', JSON, "a number of 1 MB", 422, "pan.length")
    both(t, s, b"cvv=" + digits, FORM, "a code of 1 MB", 422, "code.length")


def test_compressed_bombs(t):
    s = t.nginx(server="cardscrub on; cardscrub_max_inflate 1m;")
    pan = t.card()
    zeros = gzip.compress(b"\0" * (64 << 20))
    for what, body, coding, status, reason in (
            ("bomb", zeros, "gzip", 413, "limit.inflate"), ("bomb in a bomb", gzip.compress(zeros), "gzip, gzip", 413, "limit.inflate"),
            ("deflate bomb", zlib.compress(b"\0" * (8 << 20)), "deflate", 413, "limit.inflate"),
            ("truncated", gzip.compress(b"a=1&b=" + t.rng.randbytes(3000))[:-20], "gzip", 400, "body.truncated"),
            ("only a header", gzip.compress(b"a=1")[:10], "gzip", 400, "body.truncated"),
            ("garbage behind", gzip.compress(b"a=1") + b"card " + pan.encode(), "gzip", 400, "body.malformed"),
            ("wrong checksum", gzip.compress(b"a=1")[:-8] + b"12345678", "gzip", 400, "body.malformed"),
            ("not compressed", b"card_number=" + pan.encode(), "gzip", 400, "body.malformed"),
            ("unknown", b"a=1", "zstd", 415, "body.encoding"),
            ("too many", b"a=1", "gzip, gzip, gzip, gzip", 415, "body.encoding")):
        both(t, s, body, FORM, what, status, reason, ("-H", "Content-Encoding: " + coding))
    t.equal(t.seen(), [], "requests that reached the application")


def test_broken_bodies_pass_unchanged(t):
    """What JSONTestSuite calls invalid, and the like: no card data, so byte for byte."""
    s = t.nginx()
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "json")
    for name in sorted(os.listdir(folder))[::4]:
        with open(os.path.join(folder, name), "rb") as f:
            body = f.read()
        if body:
            t.true(s.post(body, JSON).seen.body == body, "%s changed" % name)
    for kind, body in (("application/xml", "<a><b></a>"), ("application/xml", "<<>>&&"), ("application/xml", "a<!-- -- --><![CDATA[]]]]>"),
                       ("text/csv", '"a""b"c,"\n"'), ("application/msgpack", "\xc1\xc1".encode("latin-1")),
                       ("application/x-protobuf", b"\xff\xff\xff"), ("application/grpc", b"\0\0\0"), (FORM, "&&==&%&=")):
        both(t, s, body, kind, kind)


def test_half_a_request(t):
    """Clients that go away in the middle of a body: nothing of it reaches the application."""
    s = t.nginx()
    pan = t.card()
    for kind in (JSON, FORM, MULTIPART, "application/x-protobuf"):
        with s.wire() as wire:
            wire.send(("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\nx=%s" %
                       (nginx.HOST, kind, pan)).encode(), piece=7)
    t.equal(s.post("a=1").status, 200, "the next request")
    t.equal(len(t.seen()), 1, "requests that reached the application")


def test_each_limit_has_its_reason(t):
    s = t.nginx(server="cardscrub on; cardscrub_max_findings 3; cardscrub_max_depth 5; cardscrub_max_inflate 1k;", locations="""
      location /more { cardscrub_max_findings 5; cardscrub_max_depth 50; cardscrub_max_inflate 1m; include app.conf; }
      location / { include app.conf; }""")
    four = '["%s"]' % '","'.join(t.card() for _ in range(4))
    deep = "[" * 10 + "]" * 10
    large = gzip.compress(b"x=" + b"lorem ipsum " * 500)
    for what, body, kind, options, reason in (("findings", four, JSON, (), "limit.findings"), ("depth", deep, JSON, (), "limit.depth"),
                                              ("inflate", large, FORM, ("-H", "Content-Encoding: gzip"), "limit.inflate")):
        both(t, s, body, kind, what, 413, reason, options)
        t.equal((what, s.post(body, kind, path="/more", options=options).status), (what, 200), "status where more is allowed")
    nested = '"x"'
    for _ in range(7):
        nested = '["%s"]' % re.sub(r'([\\"])', r"\\\1", nested)
    t.equal(t.reasons(s.post(nested, JSON, path="/more")), ["limit.layers"], "reasons of documents in documents")


def test_worker_is_the_same(t):
    """No crash in any of this: one worker serves all of it."""
    s = t.nginx(server="cardscrub on; client_max_body_size 4m;")
    (pid,) = s.workers
    for kind in (JSON, FORM, TEXT, "application/xml", "text/csv", MULTIPART, "application/msgpack", "application/x-protobuf",
                 "application/grpc", "application/json; charset=utf-16", "text/plain; charset=utf-32le"):
        for size in (1, 100, 5000, 70000):
            noise = bytes(t.rng.choice(b"4111 1-.{}[]\",:<>&%=\\\r\n\x00\xff\xe2\x80\x8bNDExMT;#") for _ in range(size))
            reply = s.post(noise, kind)
            t.true(reply.status in (200, 400, 413, 415, 422), "%s: %r" % (kind, reply))
            if reply.status == 200:
                t.equal(len(reply.seen.body), size, "length")
    t.equal(s.workers, {pid}, "workers")
