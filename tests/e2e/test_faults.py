"""Every call that can fail does, one at a time: nothing is forwarded unscrubbed, the worker lives, the next request works."""
import gzip

import faults

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MOST = 600  # calls of one kind in one request: more means that the case no longer comes to an end


def http1(body, content_type, path="/pay", headers=""):
    return ("POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" %
            (path, content_type, headers, len(body))).encode() + body


def ask(s, request, http2):
    """The status, or None when the connection ended without one."""
    try:
        if http2:
            body, content_type, path, headers = request
            with s.wire2() as wire:
                yield None
                stream = wire.start("POST", path, [("content-type", content_type), *headers])
                wire.body(stream, body, 16000)
                wire.wait()
                yield wire.reply(stream).status
        else:
            body, content_type, path, headers = request
            with s.wire() as wire:
                yield None
                wire.send(http1(body, content_type, path, "".join("%s: %s\r\n" % h for h in headers)))
                yield wire.reply().status
    except (OSError, ValueError, IndexError, AssertionError, KeyError):
        yield None


class Witness:
    """Asks for something harmless, over and over on one connection, and must always get it."""

    def __init__(self, server):
        self.server, self.wire = server, None

    def asks(self):
        for _ in range(2):
            if self.wire is None:
                self.wire = self.server.wire()
            try:
                self.wire.send(http1(b"a=1", FORM, "/witness"))
                return self.wire.reply().status
            except (OSError, ValueError, IndexError, AssertionError):
                self.wire.close()
                self.wire = None  # the call that failed was one for this connection
        return None


def every_call_fails(t, kind, requests, http2=(False, True), server="cardscrub on;", location="", lines=()):
    t.without_tools()
    calls = faults.FailingCalls(t.run.top, t.folder)
    # What nginx itself says when a call fails.
    t.expected_faults = [r"failed \(\d+: ", r"memory or an engine failed", *lines]
    s = t.nginx(env=calls.env(), server=server, locations="location / { %s include app.conf; } location = /witness { include app.conf; }" % location)
    witness = Witness(s)
    worker = next(iter(s.workers))
    total = 0
    for two in http2:
        for name, request in requests:
            for n in range(1, MOST + 1):
                talk = ask(s, request, two)
                next(talk)  # the connection stands
                calls.arm(kind, n, worker)
                status = next(talk, None)
                failed = calls.disarm()
                talk.close()
                t.true(status is None or status == 200 or status in (400, 413, 415, 422) or status >= 500,
                       "%s, call %d: status %s" % (name, n, status))
                if not failed:
                    t.equal(status, 200, "%s after all calls" % name)
                    break
                total += 1
                t.equal(witness.asks(), 200, "%s: the request after failed call %d" % (name, n))
            else:
                raise AssertionError("%s: more than %d calls" % (name, MOST))
    t.true(total > 0, "no call of this kind has failed")
    witness.wire.close()


def order(t):
    pan, code = t.card(), t.code()
    return b'{"card_number":"%s","cvv":"%s","note":"%s"}' % (pan.encode(), code.encode(), t.card().encode())


def json_request(t):
    return "json", (order(t), JSON, "/pay", [])


def form_request(t):
    return "form", (b"card_number=%s&cvv=%s&note=x" % (t.card().encode(), t.code().encode()), FORM, "/pay", [])


def xml_request(t):
    return "xml", (b"<p><card><number>%s</number><cvv>%s</cvv></card></p>" % (t.card().encode(), t.code().encode()), "text/xml",
                   "/pay", [])


def multipart_request(t):
    part = '--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = (part % ("card_number", t.card()) + part % ("cvv", t.code()) + part % ("file", "x" * 3000 + " " + t.card()) +
            "--B--\r\n").encode()
    return "multipart", (body, "multipart/form-data; boundary=B", "/pay", [])


def gzip_request(t):
    return "gzip", (gzip.compress(order(t)), JSON, "/pay", [("content-encoding", "gzip")])


def head_request(t):
    pan = t.card()
    return "head", (b"a=1", FORM, "/pay?card_number=%s&x=1" % pan, [("cookie", "card=" + t.card()), ("x-note", t.card())])


def big_request(t):
    return "spilled", (b'{"pad":"%s","card_number":"%s","cvv":"%s","more":"%s"}' %
                       (b"y" * 30000, t.card().encode(), t.code().encode(), b"z" * 30000), JSON, "/pay", [])


def test_memory(t):
    every_call_fails(t, "memory", [json_request(t), form_request(t), head_request(t), multipart_request(t)], http2=(False,))


def test_memory_http2(t):
    every_call_fails(t, "memory", [json_request(t)], http2=(True,))


def test_memory_of_engines(t):
    every_call_fails(t, "memory", [xml_request(t), gzip_request(t), big_request(t)], http2=(False,),
                     location="cardscrub_require pan;")


def test_cipher(t):
    every_call_fails(t, "cipher", [json_request(t), form_request(t), head_request(t)], http2=(False,))


def test_mac(t):
    every_call_fails(t, "mac", [json_request(t)], location="add_header X-Fingerprint $cardscrub_fingerprint;")


def test_hyperscan(t):
    every_call_fails(t, "hyperscan", [json_request(t), head_request(t), multipart_request(t)])


def test_regular_expression(t):
    every_call_fails(t, "pcre", [json_request(t), form_request(t)], server='cardscrub on; cardscrub_field pan "~^never$";')


def test_expat(t):
    every_call_fails(t, "expat", [xml_request(t)], location="cardscrub_require pan;")


def test_inflate(t):
    every_call_fails(t, "zlib", [gzip_request(t)], http2=(False,))


def test_files(t):
    # nginx says at level alert that it could not write its log.
    every_call_fails(t, "file", [big_request(t), json_request(t)], lines=[r"\[alert\].*No space left on device"])


def test_sockets(t):
    every_call_fails(t, "socket", [json_request(t), big_request(t), head_request(t)], http2=(False,))
