"""Law 6 in memory: no clear card data in any process of nginx, neither while a request waits for the application nor later.

Every row is a request with a card number and a code of its own, sent over HTTP/1.1 (kept alive and closed) and HTTP/2. The
memory of workers and master is searched when all of them wait for the application, when all have been answered on
connections that stay open, and when the connections are gone. The same requests go through the same server with
cardscrub off, where each of them must be found: so the search can fail.
"""
import base64
import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib

import cards
import client
import memory
import server as nginx

BOUNDARY = "----zqBoundary"


class Secret:
    """What one request carries: a number, a code, and the words that stand in front of and behind the code."""

    def __init__(self, rng, name):
        self.name = name
        self.p = cards.generate(rng)
        self.c = "".join(rng.choice("123456789") for _ in range(3))
        self.w, self.v = (("zqj" + "".join(rng.choice("bcdfghklmnprstvw") for _ in range(5))) for _ in "wv")
        self.packed = b""  # the body as it was compressed

    def fill(self, template):
        parts = dict(p=self.p, c=self.c, w=self.w, v=self.v, P=cards.grouped(self.p, " "), D=cards.grouped(self.p, "-"),
                     escaped=cards.written(self.p, "json"), percent=cards.written(self.p, "percent"),
                     entities="".join("&#%d;" % ord(d) for d in self.p), b=BOUNDARY)
        return template % parts

    def needles(self):
        lines = ["number %s %s" % (self.name, self.p), "code %s %s %s %s" % (self.name, self.w, self.c, self.v)]
        if self.packed:
            middle = len(self.packed) // 2
            lines.append("bytes %s %s" % (self.name, self.packed[middle - 8:middle + 8].hex()))
        return lines


# ---- the table

FORM = "k=%(w)s&cvv=%(c)s&j=%(v)s&card_number=%(p)s"
JSON = '{"k":"%(w)s","cvv":"%(c)s","j":"%(v)s","card_number":"%(p)s"}'
XML = "<card><k>%(w)s</k><cvv>%(c)s</cvv><j>%(v)s</j><card_number>%(p)s</card_number></card>"
MULTIPART = "".join('--%%(b)s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part for part in
                    (("k", "%(w)s"), ("cvv", "%(c)s"), ("j", "%(v)s"), ("card_number", "%(p)s"))) + "--%(b)s--\r\n"
TYPES = {FORM: "application/x-www-form-urlencoded", JSON: "application/json", XML: "application/xml",
         MULTIPART: "multipart/form-data; boundary=" + BOUNDARY}
PAD = "padding " * 3000


class Row:
    """One kind of request. `body`: a template, or None; `coding`: what becomes of the filled template."""

    def __init__(self, name, body=None, type="", path="/buffered", headers=(), coding=None, encoding="", chunks=0, piece=0,
                 status=200, half=False, protocols=("h1", "close", "h2"), raw=None, code=True):
        self.name, self.body, self.type, self.path = name, body, type or TYPES.get(body, "text/plain"), path
        self.headers, self.coding, self.encoding, self.chunks, self.piece = headers, coding, encoding, chunks, piece
        self.status, self.half, self.raw = status, half, raw
        self.protocols = ("h1",) if raw and protocols == ("h1", "close", "h2") else protocols
        self.code = code and raw is None
        # Without the scrub it stays in memory until the application answers.
        self.stays = not (half or raw or path == "/spilled" or path == "/streamed" and piece or len(body or "") > 16384)


def utf16(text):
    return text.encode("utf-16")


def packed(with_what):
    return lambda text: with_what(text.encode())


ROWS = [
    # bodies in nginx's buffers, in temporary files, on the way while they are read
    Row("form", FORM),
    Row("form in pieces", FORM, piece=7),
    Row("form in chunks", FORM, chunks=9, protocols=("h1", "close")),
    Row("JSON", JSON),
    Row("JSON in pieces", JSON, piece=11),
    Row("JSON in chunks", JSON, chunks=13, protocols=("h1", "close")),
    Row("JSON, large", '{"pad":"%s",%s,"more":"%s"}' % (PAD, JSON[1:-1], PAD), "application/json", piece=5000),
    Row("form, temporary file", FORM + "&pad=" + PAD.replace(" ", "+"), TYPES[FORM], path="/spilled", piece=900),
    Row("JSON, temporary file", '{"pad":"%s",%s}' % (PAD, JSON[1:-1]), "application/json", path="/spilled", piece=1500),
    Row("multipart, temporary file", "--%(b)s\r\nContent-Disposition: form-data; name=\"pad\"\r\n\r\n" + PAD + "\r\n" + MULTIPART,
        TYPES[MULTIPART], path="/spilled", piece=1000),
    Row("form, streamed", FORM, path="/streamed"),
    Row("JSON, streamed in pieces", JSON, path="/streamed", piece=5),
    Row("JSON, streamed in chunks", JSON, path="/streamed", chunks=6, protocols=("h1", "close")),
    Row("JSON, large, streamed", '{%s,"more":"%s"}' % (JSON[1:-1], PAD), "application/json", path="/streamed", piece=4000),
    # types and encodings
    Row("multipart", MULTIPART),
    Row("multipart in pieces", MULTIPART, piece=17),
    Row("XML", XML),
    Row("XML, entities", XML.replace("%(p)s", "%(entities)s"), "application/xml"),
    Row("XML in pieces", XML, piece=9),
    Row("CSV", "k,cvv,j,card_number\r\n%(w)s,%(c)s,%(v)s,%(p)s\r\n", "text/csv"),
    Row("text", "please take %(P)s or\n%(D)s\n", "text/plain", code=False),
    Row("octets", "\x01\x02 %(p)s \x03", "application/octet-stream", code=False),
    Row("JSON, escaped", JSON.replace("%(p)s", "%(escaped)s"), "application/json"),
    Row("form, escaped", FORM.replace("%(p)s", "%(percent)s"), TYPES[FORM]),
    Row("JSON in a form", "data={\"k\":\"%(w)s\",\"cvv\":\"%(c)s\",\"j\":\"%(v)s\",\"note\":\"%(P)s\"}", TYPES[FORM]),
    Row("JSON, number", JSON.replace('"%(p)s"', "%(p)s"), "application/json"),
    Row("JSON, UTF-16", JSON, "application/json; charset=utf-16", coding=utf16),
    Row("text, UTF-16", "take %(P)s, please", "text/plain; charset=utf-16", coding=utf16, code=False),
    Row("XML, UTF-16", XML, "application/xml; charset=utf-16", coding=utf16),
    Row("gzip", JSON, coding=packed(gzip.compress), encoding="gzip"),
    Row("gzip in pieces, large", '{"pad":"%s",%s}' % (PAD, JSON[1:-1]), "application/json", coding=packed(gzip.compress),
        encoding="gzip", piece=31),
    Row("deflate", XML, coding=packed(zlib.compress), encoding="deflate"),
    # the head
    Row("path", path="/buffered/%(p)s", code=False),
    Row("arguments", path="/buffered?k=%(w)s&cvv=%(c)s&j=%(v)s&card_number=%(p)s"),
    Row("path and arguments, escaped", path="/buffered/a%%20b/%(percent)s?k=%(w)s&cvv=%(c)s&j=%(v)s"),
    Row("header", headers=("X-Card: %(p)s", "X-Note: %(w)s", "CVV: %(c)s"), code=False),
    Row("cookie", headers=("Cookie: k=%(w)s; cvv=%(c)s; j=%(v)s; card=%(p)s",)),
    Row("referer and user agent", headers=("Referer: https://x.test/?k=%(w)s&cvv=%(c)s&j=%(v)s", "User-Agent: %(P)s"),),
    Row("long head", path="/buffered?pad=" + "p" * 1500 + "&k=%(w)s&cvv=%(c)s&j=%(v)s&card_number=%(p)s",
        headers=("X-Pad: " + "q" * 3000, "Cookie: card=%(p)s")),
    Row("long line", path="/buffered?k=%(w)s&cvv=%(c)s&j=%(v)s&card_number=%(p)s&pad=" + "p" * 1500),
    Row("long headers", headers=("X-Pad: " + "q" * 700, "Cookie: k=%(w)s; cvv=%(c)s; j=%(v)s; card=%(p)s; pad=" + "r" * 900,
                                 "X-More: %(p)s " + "s" * 6000)),
    Row("head and body", FORM, path="/buffered?c=%(p)s", headers=("Cookie: card=%(p)s",)),
    # requests that are refused
    Row("refused, number", FORM.replace("%(p)s", "%(p)s1"), TYPES[FORM], status=422),
    Row("refused, large", FORM.replace("%(p)s", "%(p)s1") + "&pad=" + PAD.replace(" ", "+"), TYPES[FORM], piece=8000, status=422),
    Row("refused, streamed", JSON.replace("%(p)s", "%(p)s1"), "application/json", path="/streamed", status=422),
    Row("refused, type", FORM, "text/plain; charset=utf-7", status=415),
    Row("refused, head", path="/forbidden?k=%(w)s&cvv=%(c)s&j=%(v)s&card_number=%(p)s", status=422),
    Row("refused, head with a body", FORM, path="/forbidden?card_number=%(p)s", status=422),
    Row("refused, cut gzip", JSON, coding=lambda text: gzip.compress(text.encode())[:-20], encoding="gzip", status=400),
    # clients that go away in the middle of what they say
    Row("half a body", FORM + "&pad=" + PAD.replace(" ", "+"), TYPES[FORM], half=True),
    Row("half a body, temporary file", FORM + "&pad=" + PAD.replace(" ", "+"), TYPES[FORM], path="/spilled", piece=900, half=True),
    Row("half a body, streamed", '{%s,"pad":"%s"}' % (JSON[1:-1], PAD), "application/json", path="/streamed", half=True),
    Row("half a value", '{"pad":"%s","k":"%%(w)s","cvv":"%%(c)s","note":"%%(p)s' % PAD[:1000], "application/json", half=True),
    Row("half a gzip", JSON, coding=packed(gzip.compress), encoding="gzip", half=True),
    # requests that fail before they have a location, and several on one connection
    Row("bad header", raw="GET /a?card_number=%(p)s HTTP/1.1\r\nHost: shop.test\r\nX-A: %(p)s\r\nBad\x01: 1\r\n\r\n", status=400),
    Row("bad length", raw="POST /%(p)s HTTP/1.1\r\nHost: shop.test\r\nCookie: card=%(p)s\r\nContent-Length: 1x\r\n\r\n", status=400),
    Row("no host", raw="POST /%(p)s HTTP/1.1\r\nContent-Length: 40\r\n\r\ncard_number=%(p)s", status=400),
    Row("no HTTP", raw="card_number=%(p)s\r\n\r\n", status=400),
    Row("bad chunk", raw="POST /buffered HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n%(p)s", status=400),
    Row("line too long", raw="GET /a?card_number=%(p)s&pad=" + "x" * 9000 + " HTTP/1.1\r\nHost: shop.test\r\n\r\n", status=414),
    Row("head too long", raw="GET /a HTTP/1.1\r\nHost: shop.test\r\nCookie: card=%(p)s; pad=" + "x" * 9000 + "\r\n\r\n", status=400),
    Row("half a line", raw="GET /a?card_number=%(p)s&", half=True),
    Row("half a head", raw="GET /a HTTP/1.1\r\nHost: shop.test\r\nX-A: %(p)s\r\nX-B: ", half=True),
    Row("clear on the TLS port", raw="POST /a?card_number=%(p)s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 40\r\n\r\ncard_number=%(p)s",
        status=400, protocols=("clear",)),
    Row("pipelined", raw=2 * "POST /buffered?c=%(p)s HTTP/1.1\r\nHost: shop.test\r\nCookie: card=%(p)s\r\n"
        "Content-Type: text/plain\r\nContent-Length: 16\r\n\r\n%(p)s", status=200),
]
LOCATIONS = """
  proxy_read_timeout 600s;  # the search takes its time
  location / { include app.conf; }
  location /buffered { proxy_pass http://127.0.0.1:%(port)d; }
  location /spilled { proxy_pass http://127.0.0.1:%(port)d; client_body_buffer_size 1k; }
  location /streamed { proxy_pass http://127.0.0.1:%(port)d; proxy_request_buffering off; proxy_http_version 1.1; }
  location /forbidden { %(forbid)s proxy_pass http://127.0.0.1:%(port)d; }
"""


# ---- the application: takes a request whole and keeps its answer back until all have come

class Application:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.waiting, self.bodies = 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            data = b""
            while not self._whole(data):
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            with self.lock:
                self.waiting += 1
                self.bodies.append(data)
            self.released.wait(600)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    @staticmethod
    def _whole(data):
        head, split, body = data.partition(b"\r\n\r\n")
        if not split:
            return False
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return body.endswith(b"0\r\n\r\n")
        length = lower.partition(b"content-length:")[2].split(b"\r\n")[0]
        return len(body) >= int(length or 0)

    def close(self):
        self.released.set()
        self.listener.close()


# ---- one request on its way

class Sent:
    """A row over one protocol: sent when made, answered by answer(), gone by close()."""

    def __init__(self, server, row, protocol, secret):
        self.row, self.protocol, self.secret = row, protocol, secret
        self._send(server)
        if row.half:
            time.sleep(0.02)  # it has been read by then
            self.close()

    def _send(self, server):
        row, protocol, secret = self.row, self.protocol, self.secret
        self.name = secret.name
        self.stream = None
        self.last = b""  # the end of the last TLS record that was sent
        if row.raw:
            self.connection = server.wire() if protocol != "clear" else client.Wire(server.port, None, nginx.HOST, tls=False)
            self.last = secret.fill(row.raw).encode("latin-1")
            self.connection.send(self.last)
            return
        body = b"" if row.body is None else self._coded(secret.fill(row.body))
        if row.coding and row.encoding:
            secret.packed = body
        headers = [tuple(secret.fill(line).split(": ", 1)) for line in row.headers]
        if row.body is not None:
            headers.append(("Content-Type", row.type))
            if row.encoding:
                headers.append(("Content-Encoding", row.encoding))
        method = "GET" if row.body is None else "POST"
        if protocol == "h2":
            self._send2(server, method, secret.fill(row.path), headers, body)
        else:
            self._send1(server, method, secret.fill(row.path), headers, body)
        self.last = self.last[-(row.piece or len(self.last)):]

    def _coded(self, text):
        return self.row.coding(text) if self.row.coding else text.encode()

    def _send1(self, server, method, path, headers, body):
        row = self.row
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n" % (method, path, nginx.HOST)
        head += "".join("%s: %s\r\n" % pair for pair in headers)
        if self.protocol == "close":
            head += "Connection: close\r\n"
        if row.chunks:
            head += "Transfer-Encoding: chunked\r\n"
            body = nginx.chunked(body, row.chunks)
        elif row.body is not None:
            head += "Content-Length: %d\r\n" % len(body)
        if row.half:
            body = body[:len(body) * 2 // 3]
        self.connection = server.wire()
        self.last = body
        if row.piece:
            self.connection.send(head.encode() + b"\r\n")
            self.connection.send(body, row.piece)
        else:
            self.connection.send(head.encode() + b"\r\n" + body)

    def _send2(self, server, method, path, headers, body):
        row = self.row
        self.connection = server.wire2()
        pairs = [(name.lower(), value) for name, value in headers]
        if row.body is not None and not row.chunks:
            pairs.append(("content-length", str(len(body))))
        self.stream = self.connection.start(method, path, pairs, end=row.body is None)
        if row.body is not None:
            if row.half:
                body = body[:len(body) * 2 // 3]
            self.last = body
            self.connection.body(self.stream, body, row.piece or 16000, end=not row.half)

    def answer(self):
        if self.row.half:
            return None
        if self.stream is not None:
            return self.connection.reply(self.stream)
        return self.connection.reply()

    def close(self):
        self.connection.close()


# ---- the case

def search(t, s, secrets, *options):
    return memory.search(t, s, [line for secret in secrets for line in secret.needles()], *options)


def start(t, scrub):
    app = Application()
    s = t.nginx(server="cardscrub %s;" % scrub, error_level="info" if scrub == "on" else "crit",
                logs=None if scrub == "on" else "access_log off;",
                http="" if scrub == "on" else "cardscrub_redact_logs off;",
                locations=LOCATIONS % dict(port=app.port, forbid="cardscrub_head reject;" if scrub == "on" else ""))
    return app, s


def drive(t, scrub):
    app, s = start(t, scrub)
    # Names without spaces: they are words of the needles.
    requests = [(row, protocol, Secret(t.rng, "%s/%s" % (row.name.replace(" ", "_"), protocol)))
                for row in ROWS for protocol in row.protocols]
    secrets = [secret for _, _, secret in requests]
    t.secrets.update(secret.p for secret in secrets)
    sent = [Sent(s, *request) for request in requests]
    waiting = [r for r in sent if not r.row.half and (scrub == "off" and not r.row.raw or r.row.status == 200)]
    end = time.monotonic() + s.limit
    while app.waiting < len(waiting) and time.monotonic() < end:
        time.sleep(0.05)
    t.equal(app.waiting, len(waiting), "requests that wait in the application")
    # Of requests in a pipeline only the first has been looked at.
    found = [("waiting", [hit for hit in search(t, s, secrets) if scrub == "off" or not hit[0].startswith("pipelined")])]
    return app, s, sent, secrets, found


def is_rest_of_a_record(moment, hit, sent):
    """OpenSSL 3.5 keeps fewer than 16 bytes of the end of a record until the next one comes or the connection ends (SECURITY.md); no more
    than that is it."""
    name, what, line = hit
    if not (moment == "waiting" or moment == "answered" and name.endswith(("/h1", "/close"))):
        return False
    last = "".join(chr(c) if 32 <= c < 127 else "." for c in sent.last if c)
    rest = max((n for n in range(len(last) + 1) if last[len(last) - n:] in line.rpartition("\t")[2]))
    return what in ("characters", "code") and 11 <= rest < 16


def test_nothing_in_memory(t):
    app, s, sent, secrets, found = drive(t, "on")
    app.released.set()
    for r in sent:
        reply = r.answer()
        if reply:
            t.equal(reply.status, r.row.status, "status of %s: %s" % (r.name, reply))
    found.append(("answered", search(t, s, secrets)))
    for r in sent:
        r.close()
    time.sleep(0.3)
    found.append(("closed", search(t, s, secrets)))
    app.close()
    if t.run.openssl >= (3, 5):
        by_name = {r.name: r for r in sent}
        found = [(moment, [hit for hit in hits if not is_rest_of_a_record(moment, hit, by_name[hit[0]])]) for moment, hits in found]
    lines = ["%s: %s" % (moment, line) for moment, hits in found for _, _, line in hits]
    t.true(not lines, "%d places in memory hold card data:\n%s" % (len(lines), "\n".join(lines[:300])))


def test_search_finds_what_is_not_scrubbed(t):
    app, s, sent, secrets, found = drive(t, "off")
    app.close()
    hits = {(name, what if what in ("code", "bytes") else "number") for name, what, _ in found[0][1]}
    missing = [r.name for r in sent if r.row.stays and (r.name, "bytes" if r.secret.packed else "number") not in hits]
    missing += [r.name + ", code" for r in sent
                if r.row.stays and r.row.code and not r.secret.packed and (r.name, "code") not in hits]
    t.equal(missing, [], "requests of %d that the search does not find" % len(sent))


def test_registers(t):
    """What the last request leaves in the vector registers; each is the last one once."""
    rows = [(row, protocol) for row in ROWS if not row.half and not row.raw for protocol in ("h1", "h2") if protocol in row.protocols]
    for scrub in ("on", "off"):
        app, s = start(t, scrub)
        hits, sent = [], []
        for row, protocol in rows:
            secret = Secret(t.rng, "%s/%s" % (row.name.replace(" ", "_"), protocol))
            t.secrets.add(secret.p)
            sent.append(Sent(s, row, protocol, secret))
            time.sleep(0.005)
            hits += search(t, s, [secret], "--registers")
            if hits:
                break
        app.close()
        for r in sent:
            r.close()
        if scrub == "on":
            t.equal([line for _, _, line in hits], [], "registers")
    t.true(hits, "the registers of a server that does not scrub hold nothing: the search is blind")


# ---- keys, the code store, and what the auditor runs

def mapped(pid):
    """Mappings of a process: (name, what it can read of it, VmFlags)."""
    out = []
    with open("/proc/%d/smaps" % pid, encoding="utf-8", errors="replace") as f, open("/proc/%d/mem" % pid, "rb", buffering=0) as memory_file:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \d+ *(.*)", line)
            if head and not head.group(3).startswith("[v"):
                begin, end = int(head.group(1), 16), int(head.group(2), 16)
                try:
                    data = os.pread(memory_file.fileno(), end - begin, begin)
                except OSError:
                    data = b""
                out.append((head.group(3), data, set()))
            elif line.startswith("VmFlags:") and out:
                out[-1][2].update(line.split()[1:])
    return out


# The mark of the zone's layout, little endian, without the byte of its version.
ZONE = b"cardscr"[::-1]


def test_keys_and_code_store_are_locked_and_not_dumped(t):
    t.without_tools()
    s = t.nginx()
    s.post("card_number=%s&cvv=%s" % (t.card(), t.code()))
    with open(s.keys, encoding="utf-8") as f:
        text = json.load(f)["keys"][0]["k"]
    key = base64.urlsafe_b64decode(text + "=")
    for process in (s.process.pid, *s.workers):
        areas = mapped(process)
        holders = [(name, flags) for name, data, flags in areas if key in data]
        t.true(holders, "the search of process %d does not find the key" % process)
        t.equal([name for name, flags in holders if not {"dd", "lo"} <= flags], [], "keys that are dumped or not locked")
        t.equal([name for name, data, _ in areas if text.encode() in data], [], "the key as the file has it")
        zones = [flags for _, data, flags in areas if ZONE in data and "sh" in flags]
        t.equal(len(zones), 1, "zones of process %d" % process)
        t.true("dd" in zones[0], "the code store is dumped")
        t.true("lo" in zones[0] or process != s.process.pid, "the code store is not locked")


def test_scan_of_processes(t):
    """The tool that an auditor has: finds what is not scrubbed, and nothing else; says no digit of it."""
    t.without_tools()
    for scrub, wanted in (("on", 0), ("off", 1)):
        app, s = start(t, scrub)
        pids = [str(p) for p in (s.process.pid, *s.workers)]
        secrets = [Secret(t.rng, str(i)) for i in range(4)]
        t.secrets.update(secret.p for secret in secrets)
        rows = [row for row in ROWS if row.name in ("form", "JSON, UTF-16", "text", "cookie")]
        sent = [Sent(s, row, "h1", secret) for row, secret in zip(rows, secrets)]
        end = time.monotonic() + s.limit
        while app.waiting < len(rows):
            t.true(time.monotonic() < end, "%d of %d requests wait in the application" % (app.waiting, len(rows)))
            time.sleep(0.02)
        # Other memory may look like a number of another brand by chance: all that was sent is Visa.
        out, again = ("".join(line + "\n" for line in t.tool("scan", *more, "--process", *pids, status=None).splitlines() if "visa" in line)
                      for more in ((), ("--again-after", "1")))
        t.true(t.tool_status >= wanted and t.tool_status != 2, "exit status %d" % t.tool_status)
        t.equal(bool(out), wanted == 1, "findings of Visa numbers: %s" % out)
        app.released.set()
        if scrub == "off":
            rows = [json.loads(line) for line in out.splitlines()]
            t.true(len(rows) >= 4, "findings: %s" % out)
            t.true(all(row["process"] in s.workers and row["area"] for row in rows), "findings: %s" % out)
            t.true(again, "what stays is named the second time too")
            t.true(not any(secret.p[i:i + 6] in out for secret in secrets for i in range(10)), "digits in the answer")
        for r in sent:
            r.close()
        app.close()
    t.tool("scan", "--process", "no", status=2)
    t.tool("scan", "--again-after", "soon", "--process", "1", status=2)
    t.true("number of seconds" in t.tool_error, "what it says: " + t.tool_error)
    t.tool("scan", "--process", status=2)


HOLDER = """
import ctypes, sys
places = [(int(at), step, bool(int(last)), text) for at, step, last, text in
          ((w[0], int(w[1]), w[2], w[3]) for w in (line.split() for line in sys.argv[1:]))]
memory = ctypes.create_string_buffer(65536)
base = (ctypes.addressof(memory) + 4095) & ~4095
for at, step, last, text in places:
    for i, c in enumerate(text):
        place = base - ctypes.addressof(memory) + at + i * step + (step - 1 if last else 0)
        memory[place] = 0 if c == '_' else ord(c) - 49
print(base, flush=True)
sys.stdin.read()
"""


def test_scan_of_processes_knows_wide_text(t):
    """UTF-16 and UTF-32 in both byte orders, at every alignment, over the border of a page; what zeros part is not one number."""
    letters = str.maketrans("0123456789", "abcdefghij")  # so that no other copy lies in that process
    pan = t.card()
    shapes = [(at, step, last) for step in (2, 4) for last in (0, 1) for at in range(step)]
    wanted = {512 * i + at: (512 * i + at, step, last) for i, (at, step, last) in enumerate(shapes)}
    wanted[8192 - 7] = (8192 - 7, 1, 0)
    wanted[12288 - 9] = (12288 - 9, 2, 1)
    wanted[16384 - 13] = (16384 - 13, 4, 0)
    words = ["%d %d %d %s" % (at, step, last, pan.translate(letters)) for at, step, last in wanted.values()]
    parted = ("_".join((pan[:8], pan[8:])), "__".join((pan[:8], pan[8:])), "___".join((pan[:4], pan[4:])))
    words += ["%d 1 0 %s" % (20480 + 512 * i, text.translate(letters)) for i, text in enumerate(parted)]
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    t.at_end(lambda: (holder.stdin.close(), holder.stdout.close(), holder.wait(10)))
    base = int(holder.stdout.readline())
    rows = [json.loads(line) for line in t.tool("scan", "--json", "--process", str(holder.pid), status=1).splitlines()]
    got = sorted(int(row["address"], 16) - base for row in rows if row["brand"] == "visa" and base <= int(row["address"], 16) < base + 61440)
    t.equal(got, sorted(at + (step - 1 if last else 0) for at, step, last in wanted.values()), "places of visa")


# ---- what nginx keeps of HTTP/2 bodies beside the request

@contextlib.contextmanager
def at_once(s):
    """What is sent meanwhile the workers read in one go."""
    for pid in s.workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in s.workers:
            os.kill(pid, signal.SIGCONT)


def post2(connection, path, body):
    headers = [("content-type", TYPES[FORM]), ("content-length", str(len(body)))]
    stream = connection.start("POST", path, headers)
    connection.body(stream, body, 16000)
    return stream


def test_http2_bodies_that_nobody_reads(t):
    """Answered before its body has been read, or come: neither the stream's buffer nor the worker's keeps it."""
    app = Application()
    app.released.set()
    s = t.nginx(error_level="info", locations="""
      location / { proxy_pass http://127.0.0.1:%(port)d; }
      location /denied { deny all; }
      location /moved { return 308 https://other.test/; }
      location /small { client_max_body_size 10; proxy_pass http://127.0.0.1:%(port)d; }""" % dict(port=app.port))
    for path, status, early in (("/denied", 403, True), ("/moved", 308, True), ("/moved", 308, False), ("/small", 413, False)):
        secret = Secret(t.rng, path)
        t.secrets.add(secret.p)
        body = ("pad=" + PAD.replace(" ", "+") + "&" + secret.fill(FORM)).encode()
        with s.wire2() as connection:
            with at_once(s) if early else contextlib.nullcontext():
                stream = post2(connection, path, body)
            t.equal(connection.reply(stream).status, status, "status of " + path)
            time.sleep(1.2)  # what comes behind the answer is wiped within a second
            t.equal([line for _, _, line in search(t, s, [secret])], [], "memory after " + path)
    app.close()


def test_http2_body_behind_others(t):
    """The worker's buffer holds what other streams sent, too: a card may stand far behind its beginning."""
    app = Application()
    app.released.set()
    s = t.nginx(error_level="info", locations="""
      location / { proxy_pass http://127.0.0.1:%(port)d; }
      location /off { cardscrub off; proxy_pass http://127.0.0.1:%(port)d; }""" % dict(port=app.port))
    secret = Secret(t.rng, "behind")
    t.secrets.add(secret.p)
    with s.wire2() as connection:
        with at_once(s):
            post2(connection, "/off", b"x" * 48000)
            stream = post2(connection, "/", secret.fill(FORM).encode())
        t.equal(connection.reply(stream).status, 200, "status")
        t.equal([line for _, _, line in search(t, s, [secret])], [], "memory")
    app.close()


def test_http2_bodies_that_come_before_they_are_read(t):
    """While a sub-request decides about a request, nginx keeps its body in a buffer that it gives back unwiped."""
    app = Application()
    s = t.nginx(error_level="info", locations="""
      location / { auth_request /auth; proxy_pass http://127.0.0.1:%(port)d; }
      location = /auth { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:%(port)d; }"""
                % dict(port=app.port))
    secrets = [Secret(t.rng, str(i)) for i in range(4)]
    t.secrets.update(secret.p for secret in secrets)
    types = [TYPES[FORM]] * 3 + ["text/plain; charset=utf-7"]  # the last one is refused before it is read
    sent = [Sent(s, Row("early", "pad=" + PAD.replace(" ", "+") + "&" + FORM, type, path="/", status=415 if "text" in type else 200), "h2", secret)
            for type, secret in zip(types, secrets)]
    while app.waiting < len(sent):
        time.sleep(0.02)
    app.released.set()
    for r in sent:
        t.equal(r.answer().status, r.row.status, "status")
    found = search(t, s, secrets)
    for r in sent:
        r.close()
    time.sleep(0.1)
    found += search(t, s, secrets)
    t.equal([line for _, _, line in found], [], "memory")
    app.close()


def test_half_an_http2_head(t):
    """The client goes away in the middle of a header."""
    import hpack
    s = t.nginx(error_level="info")
    for huffman in (False, True):
        secret = Secret(t.rng, "half")
        t.secrets.add(secret.p)
        cookie = secret.fill("k=%(w)s; cvv=%(c)s; j=%(v)s; card=%(p)s; pad=") + "z" * 100
        block = hpack.Encoder().encode([(":method", "GET"), (":scheme", "https"), (":authority", nginx.HOST), (":path", "/"),
                                        ("x-pad", "y" * 300), ("cookie", cookie)], huffman=huffman)[:-40]
        with s.wire2() as connection:
            connection.wire.send(len(block).to_bytes(3, "big") + b"\x01\x01" + (1).to_bytes(4, "big") + block)
            time.sleep(0.2)
            t.true(huffman or search(t, s, [secret]), "half a head has not been read")
        time.sleep(0.2)
        t.equal([line for _, _, line in search(t, s, [secret])], [], "memory")


def test_rest_of_a_body_that_is_thrown_away(t):
    """What comes of a body after the answer is read to nginx's stack."""
    s = t.nginx(error_level="info", locations="""
      location / { client_max_body_size 4m; include app.conf; }
      location /moved { return 308 https://other.test/; }
      location /small { client_max_body_size 10; return 204; }""")
    for path, status, type in (("/moved", 308, TYPES[FORM]), ("/small", 413, TYPES[FORM]), ("/", 415, "text/plain; charset=utf-7")):
        secret = Secret(t.rng, path)
        t.secrets.add(secret.p)
        body = secret.fill(FORM).encode()
        with s.wire() as wire:
            wire.send(("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" %
                       (path, nginx.HOST, type, len(body) + (2 << 20) * (status == 415))).encode())
            t.equal(wire.reply().status, status, "status of " + path)
            wire.send(body)
            time.sleep(0.2)
        time.sleep(0.2)
        t.equal([line for _, _, line in search(t, s, [secret])], [], "memory after " + path)
