"""Compressed bodies: inflated, scrubbed, forwarded as they are then."""
import gzip
import zlib

JSON = "application/json"


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


PACK = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "deflate, raw": raw_deflate}


def header(coding):
    return ("-H", "Content-Encoding: " + coding)


def check(t, seen, sent, pan, code):
    t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
    t.equal(seen.content_length, str(len(sent)), "Content-Length")
    t.true("Content-Encoding" not in seen.headers, "no Content-Encoding is left")


def test_each_coding(t):
    s = t.nginx()
    for http2 in (False, True):
        for name, pack in PACK.items():
            pan, code = t.card(), t.code()
            sent = '{"a":"%s","card_number":"%s","cvv":"%s"}' % ("x" * 50, pan, code)
            reply = s.post(pack(sent.encode()), JSON, options=header(name.split(",")[0]), http2=http2)
            check(t, reply.seen, sent, pan, code)


def test_codings_on_top_of_each_other(t):
    s = t.nginx()
    pan, code = t.card(), t.code()
    sent = "card_number=%s&cvv=%s" % (pan, code)
    check(t, s.post(gzip.compress(zlib.compress(sent.encode())), options=header("deflate, gzip")).seen, sent, pan, code)
    four = gzip.compress(gzip.compress(gzip.compress(gzip.compress(sent.encode()))))
    t.refused(s.post(four, options=header("gzip, gzip, gzip, gzip")), 415)


def test_wherever_the_line_stands(t):
    """nginx's own loops over header lines do not expect that one is missing."""
    s = t.nginx()
    for lines in (["%s"], ["%s", "A: b"], ["A: b", "%s"], ["A: b", "%s", "C: d"], ["%s"] + ["X-%d: y" % i for i in range(60)],
                  ["X-%d: y" % i for i in range(60)] + ["%s"], ["%s", "Content-Encoding: identity"]):
        pan, code = t.card(), t.code()
        sent = "card_number=%s&cvv=%s" % (pan, code)
        body = gzip.compress(sent.encode())
        head = ["POST /pay HTTP/1.1", "Host: shop.test", "Content-Type: application/x-www-form-urlencoded",
                "Connection: close", "Content-Length: %d" % len(body)]
        if "identity" in str(lines):
            head.remove("Connection: close")
        with s.wire() as wire:
            wire.send("\r\n".join(head + [line.replace("%s", "Content-Encoding: gzip") for line in lines] + ["", ""]).encode() + body)
            reply = wire.reply()
        if "identity" in str(lines):
            t.refused(reply, 415)
        else:
            check(t, reply.seen, sent, pan, code)


def test_in_pieces_chunked_and_unbuffered(t):
    s = t.nginx(server="cardscrub on; proxy_request_buffering off;")
    for more in ({"piece": 1}, {"piece": 7, "chunks": 5}, {"chunks": 1000}):
        pan, code = t.card(), t.code()
        sent = '{"pad":"%s","card_number":"%s","cvv":"%s"}' % ("y" * 3000, pan, code)
        reply = s.raw_post(gzip.compress(sent.encode()), JSON, headers="Content-Encoding: gzip\r\n", **more)
        check(t, reply.seen, sent, pan, code)


def test_large_body_spills_clean(t):
    s = t.nginx(server="cardscrub on; client_body_buffer_size 1k; client_max_body_size 10m;")
    pan, code = t.card(), t.code()
    sent = '{"pad":[%s],"card_number":"%s","cvv":"%s"}' % (",".join(str(i) for i in range(60000)), pan, code)
    check(t, s.post(gzip.compress(sent.encode()), JSON, options=header("gzip")).seen, sent, pan, code)


def test_broken_and_hostile(t):
    s = t.nginx(server="cardscrub on; cardscrub_max_inflate 1m;")
    packed = gzip.compress(b"a=" + b"b" * 5000)
    for name, body, status in (("truncated", packed[:-9], 400), ("not gzip", b"a=1&b=2", 400),
                               ("garbage behind", packed + b"x=1", 400),
                               ("bomb", gzip.compress(b"0" * 3000000), 413)):
        reply = s.post(body, options=header("gzip"))
        t.equal(reply.status, status, name)
    t.equal(s.post("a=1").status, 200, "the next request")


def test_reject(t):
    s = t.nginx(server="cardscrub on; cardscrub_encoded reject;")
    t.refused(s.post(gzip.compress(b"a=1"), options=header("gzip")), 415)
