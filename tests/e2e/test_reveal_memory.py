"""Law 6 on the way to the provider: the clear card is in nginx's memory while its request is, and not a moment longer."""
import contextlib
import socket
import ssl
import threading
import time

import test_memory as memory
from test_reveal import TLS_OUT

JSON = "application/json"
BODY = '{"k":"%(w)s","cvv":"%(c)s","j":"%(v)s","card_number":"%(p)s"}'
KEEPALIVE = "upstream provider { server 127.0.0.1:%d; keepalive 8; }"
LOCATIONS = """
  proxy_read_timeout 600s;  # the search takes its time
  location / { include app.conf; }
  location /charge { cardscrub_reveal on; cardscrub_reveal_max_body 1m; proxy_pass https://127.0.0.1:%(port)d; %(tls)s }
  location /charge/kept { cardscrub_reveal on; proxy_pass https://provider; proxy_set_header Connection ""; %(tls)s }
  location /charge/set { cardscrub_reveal on; proxy_set_body "$request_body"; proxy_pass https://127.0.0.1:%(port)d; %(tls)s }
  location /charge/page { cardscrub_reveal on; error_page 502 =200 /page; proxy_pass https://127.0.0.1:%(port)d; %(tls)s }
  location /page { cardscrub off; return 200 "page"; }
"""


class Provider:
    """Takes charges over TLS and keeps its answers back; hangs up on those for .../drop."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.released = threading.Event()
        self.got = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError, ssl.SSLError), self.context.wrap_socket(plain, server_side=True) as connection:
            data = b""
            while True:
                while not memory.Application._whole(data):
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                self.got.append(data)
                if b"/drop" in data.split(b"\r\n")[0]:
                    return
                self.released.wait(600)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                data = b""

    def close(self):
        self.released.set()
        self.listener.close()


class Charge:
    def __init__(self, s, path, secret, http2, pad, options):
        body = (BODY % dict(p=secret.p, c=secret.c, w=secret.w, v=secret.v)).encode()
        tokens = s.post(body, JSON).seen.body
        if pad:
            tokens = tokens[:-1] + b',"pad":"' + b"x" * pad + b'"}'
        headers = []
        if options:
            headers = [("X-Card-Number", tokens.decode().split('"card_number":"')[1].split('"')[0])]
        self.want = body[:-1]
        self.status = 200 if "/page" in path or "/drop" not in path else 502
        if http2:
            self.wire = s.wire2()
            self.stream = self.wire.start("POST", path, [("content-type", JSON)] + [(k.lower(), v) for k, v in headers])
            self.wire.body(self.stream, tokens, 900)
        else:
            self.wire, self.stream = s.wire(), None
            head = "POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
                path, JSON, len(tokens), "".join("%s: %s\r\n" % pair for pair in headers))
            self.wire.send(head.encode())
            self.wire.send(tokens, 700)

    def reply(self):
        return self.wire.reply(self.stream) if self.stream is not None else self.wire.reply()


def left(t, s, secrets):
    """What is found once nginx is done with the requests, which it is a little after the clients have their answers."""
    for pause in (0.2, 1, 5):
        time.sleep(pause)
        hits = [line for _, _, line in memory.search(t, s, secrets)]
        if not hits:
            break
    return hits


def test_nothing_stays(t):
    provider = Provider(t.run.certificate, t.run.certificate_key)
    s = t.nginx(http=KEEPALIVE % provider.port,
                locations=LOCATIONS % dict(port=provider.port, tls=TLS_OUT % t.run.certificate))
    table = [(path, http2, pad, header)
             for path, pad, header in (("/charge", 0, False), ("/charge/large", 60000, False), ("/charge/head", 0, True),
                                       ("/charge/kept", 0, True), ("/charge/set", 0, False), ("/charge/drop", 0, True),
                                       ("/charge/page/drop", 0, False))
             for http2 in (False, True)]
    secrets, sent = [], []
    for n, row in enumerate(table):
        secret = memory.Secret(t.rng, "%d%s/%s" % (n, row[0], "h2" if row[1] else "h1"))
        t.secrets.add(secret.p)
        secrets.append(secret)
        sent.append(Charge(s, row[0], secret, *row[1:]))
    t.app_may_see = False
    waiting = [c for c, row in zip(sent, table) if "/drop" not in row[0]]
    end = time.monotonic() + s.limit
    while len(provider.got) < len(table) and time.monotonic() < end:
        time.sleep(0.02)
    t.true(len(provider.got) >= len(table), "%d of %d charges reached the provider" % (len(provider.got), len(table)))
    for charge, secret in zip(sent, secrets):
        t.true(any(charge.want in data and secret.p.encode() in data for data in provider.got), "the provider got " + secret.name)
    for charge in sent:
        if charge not in waiting:
            t.equal(charge.reply().status, charge.status, "status when the provider hangs up")
    hits = memory.search(t, s, secrets)
    there = {name for name, _, _ in hits}
    t.equal([x.name for x, row in zip(secrets, table) if "/drop" not in row[0] and x.name not in there], [],
            "charges under way that the search does not find")
    t.equal([line for name, _, line in hits if "/drop" in name], [], "what is left of those that failed")
    provider.released.set()
    for charge in waiting:
        t.equal(charge.reply().status, 200, "status")
    t.equal(left(t, s, secrets), [], "after the answers")
    for charge in sent:
        (charge.wire.wire if charge.stream is not None else charge.wire).close()
    t.equal(left(t, s, secrets), [], "when the connections are gone")
    provider.close()
