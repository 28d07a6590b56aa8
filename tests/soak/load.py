"""Clients of the soak: those that behave, whose every request must be answered, and those that do not."""
import base64
import gzip
import json
import random
import ssl
import threading
import time

from hyperframe.frame import GoAwayFrame

import cards

HEAD = "POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n%s\r\n"
TRIES = 4
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def json_body(pan, code):
    return json.dumps({"card_number": pan, "cvv": code, "amount": 4200}).encode(), JSON, ""


def form_body(pan, code):
    return ("card_number=%s&cvv=%s&note=thanks" % (pan, code)).encode(), FORM, ""


def xml_body(pan, code):
    return ("<order><card><number>%s</number><cvv>%s</cvv></card></order>" % (pan, code)).encode(), "application/xml", ""


def multipart_body(pan, code):
    part = '--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return (part % ("card_number", pan) + part % ("cvv", code) + "--B--\r\n").encode(), "multipart/form-data; boundary=B", ""


def gzip_body(pan, code):
    return gzip.compress(json_body(pan, code)[0]), JSON, "gzip"


def spilled_body(pan, code):
    return b'{"pad":"%s","card_number":"%s","cvv":"%s"}' % (b"y" * 40000, pan.encode(), code.encode()), JSON, ""


BODIES = (json_body, form_body, xml_body, multipart_body, gzip_body, spilled_body)


class Unanswered(Exception):
    """The connection ended before one byte of the answer."""


def finishes_after_goaway(wire):
    """A server that reloads says GOAWAY and then answers what it has accepted (RFC 9113, 6.8); python3-h2 takes nothing after it."""
    table = wire.h2._frame_dispatch_table
    refuse = table[GoAwayFrame]

    def goaway(frame):
        return ([], []) if frame.error_code == 0 and frame.last_stream_id > 0 else refuse(frame)

    table[GoAwayFrame] = goaway


class Load:
    """Threads of clients of one server until stop(). Who behaves sends cards of Visa and nobody else does, so the status page's
    count of Visa must be that of the answered good orders, whatever the others do."""

    def __init__(self, server, seed, good=3, refused=1, bad=3):
        self.server, self.lock, self.over = server, threading.Lock(), threading.Event()
        self.pans, self.wrong = set(), []
        self.counts = dict.fromkeys(("good", "refused", "retried", "aborted", "stalled", "one_byte", "pipelined", "cut"), 0)
        kinds = [self.good] * good + [self.refused] * refused + [self.abort, self.stall, self.one_byte_and_pipeline][:bad]
        self.threads = [threading.Thread(target=self.forever, args=(kind, random.Random("%s %d" % (seed, n))), daemon=True)
                        for n, kind in enumerate(kinds)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        stuck = sum(t.is_alive() for t in self.threads)
        return self.wrong + (["%d clients hang" % stuck] if stuck else [])

    def forever(self, kind, rng):
        while not self.over.is_set():
            try:
                kind(rng)
            except Exception as e:  # a client that dies must not end the soak unseen
                with self.lock:
                    self.wrong.append("%s: %s: %s" % (kind.__name__, type(e).__name__, e))
                time.sleep(0.1)

    def count(self, what, more=1):
        with self.lock:
            self.counts[what] += more

    def card(self, rng, brand):
        pan = cards.generate(rng, brand)
        with self.lock:
            self.pans.add(pan)
        return pan, "%03d" % rng.randrange(100, 1000)

    # ---- clients that behave

    def ask(self, body, kind, encoding, http2, path="/pay"):
        """The answer. A connection that ends before the first byte of it is begun again, as browsers do when a server that
        reloads closes what was idle to it; the counters show that such a request was not processed."""
        for attempt in range(TRIES):
            try:
                return self.ask_once(body, kind, encoding, http2, path)
            except Unanswered:
                if attempt + 1 == TRIES:
                    raise
                self.count("retried")
        return None

    def ask_once(self, body, kind, encoding, http2, path):
        try:
            if http2:
                with self.server.wire2() as wire:
                    finishes_after_goaway(wire)
                    headers = [("content-type", kind)] + ([("content-encoding", encoding)] if encoding else [])
                    stream = wire.start("POST", path, headers)
                    wire.body(stream, body, 16000)
                    return wire.reply(stream)
            wire = self.server.wire()
        except (ConnectionError, ssl.SSLError) as e:
            raise Unanswered(str(e)) from e
        except AssertionError as e:
            if "closed" in str(e):
                raise Unanswered(str(e)) from e
            raise
        with wire:
            extra = "Content-Encoding: %s\r\n" % encoding if encoding else ""
            extra += "X-Quiet: 1\r\n" if path == "/charge" else ""  # a provider does not repeat the card
            try:
                wire.send((HEAD % (path, kind, extra, len(body), "Connection: close\r\n")).encode() + body)
                return wire.reply()
            except (ConnectionError, ssl.SSLError) as e:
                raise Unanswered(str(e)) from e
            except AssertionError as e:
                if "had b''" in str(e):
                    raise Unanswered(str(e)) from e
                raise

    def order(self, rng, make=None, http2=None):
        """One good order; what the application received of it."""
        pan, code = self.card(rng, "visa")
        http2 = rng.random() < 0.4 if http2 is None else http2
        body, kind, encoding = (make or rng.choice(BODIES))(pan, code)
        reply = self.ask(body, kind, encoding, http2)
        if reply.status != 200:
            raise AssertionError("a good order was answered with %d: %r" % (reply.status, reply.body[:200]))
        got = base64.b64decode(json.loads(reply.body)["body"])
        size = len(gzip.decompress(body)) if encoding else len(body)
        if pan.encode() in got or pan[-4:].encode() not in got or len(got) != size:
            raise AssertionError("the application got what it must not, or another length: %r" % got[:200])
        self.count("good")
        return got

    def good(self, rng):
        self.order(rng)

    def refused(self, rng):
        pan, code = self.card(rng, "mastercard")
        body, kind, encoding = rng.choice(BODIES)(cards.mistype(pan), code)
        with self.lock:
            self.pans.add(cards.mistype(pan))
        reply = self.ask(body, kind, encoding, rng.random() < 0.4)
        if reply.status != 422:
            raise AssertionError("a mistyped number was answered with %d" % reply.status)
        self.count("refused")

    # ---- clients that do not: they may get any answer or none, and never disturb the others

    def rude(self, what, act, brand, rng):
        pan, code = self.card(rng, brand)
        body, kind, _ = rng.choice((json_body, form_body, xml_body))(pan, code)
        try:
            act((HEAD % ("/pay", kind, "", len(body), "")).encode(), body)
            self.count(what)
        except (OSError, AssertionError):
            self.count("cut")  # by a reload's end or a limit
        time.sleep(0.01)

    def abort(self, rng):
        def http1(head, body):
            with self.server.wire() as wire:
                wire.send(head + body[:rng.randrange(len(body))])

        def http2(_, body):
            with self.server.wire2() as wire:
                stream = wire.start("POST", "/pay", [("content-type", JSON)])
                wire.body(stream, body[:rng.randrange(1, len(body))], 10, end=False)
                if rng.random() < 0.5:
                    wire.h2.reset_stream(stream)
                    wire.wire.send(wire.h2.data_to_send())

        self.rude("aborted", rng.choice((http1, http2)), "jcb", rng)

    def stall(self, rng):
        def act(head, body):
            with self.server.wire() as wire:
                cut = rng.randrange(len(body))
                wire.send(head + body[:cut])
                time.sleep(rng.random() * 0.4)
                wire.send(body[cut:])
                wire.reply()

        self.rude("stalled", act, "diners", rng)

    def one_byte_and_pipeline(self, rng):
        def one_byte(head, body):
            with self.server.wire() as wire:
                wire.send(head)
                wire.send(body, piece=1, pause=0)
                wire.reply()

        def pipeline(head, body):
            with self.server.wire() as wire:
                wire.send((head + body) * 3)
                for _ in range(3):
                    wire.reply()

        self.rude("one_byte", one_byte, "discover", rng)
        self.rude("pipelined", pipeline, "discover", rng)
