"""Requests whose steps do not depend on the clock, for counting instructions: client and application are one thread, which writes whole messages,
and only when the worker is at rest. So it reads each of them in the same steps, whatever else the machine does.
"""
import re
import socket
import ssl
import time

# What h2load calls itself: the requests are those that are timed.
REQUEST = "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: h2load nghttp2/1.52.0\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"


class Application:
    """What nginx forwards to; one connection at a time."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(120)
        self.port = self.listener.getsockname()[1]
        self.socket = None

    def close(self):
        for s in (self.socket, self.listener):
            if s is not None:
                s.close()

    def receive(self):
        """Returns when a request is there, whole."""
        data = b""
        while not is_whole(data):
            more = b"" if self.socket is None else self.socket.recv(1 << 20)
            data += more
            if not more:  # nginx has closed its connection, or never had one
                data = b""
                self.socket, _ = self.listener.accept()
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def answer(self):
        self.socket.sendall(ANSWER)


class SteadyClient:
    """server: a running Server that forwards to `application` and whose `worker` is the process that answers."""

    def __init__(self, server, application):
        self.server, self.application = server, application
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Records are collected, so that all of a request goes out in one write.
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.do(self.tls.do_handshake)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def do(self, step):
        """Repeats `step`, with what the server sends, until it succeeds."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                self.flush()
            data = self.socket.recv(65536)
            if not data:
                self.fail("the connection was closed")
            self.incoming.write(data)

    def fail(self, why):
        raise SystemExit("bench: variant %s, steady requests: %s\n%s" % (self.server.variant.name, why, self.server.complaints()))

    def wait_for_rest(self):
        """Returns when the worker waits for events: what was there has been read, logs have been written."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with open("/proc/%d/stat" % self.server.worker, encoding="ascii", errors="replace") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "S":
                    return
            time.sleep(0.0002)
        self.fail("the worker does not come to rest")

    def post(self, body, path, requests):
        """Sends so many requests; every answer must be 200. Ends when the worker is at rest."""
        with open(body.file, "rb") as f:
            content = f.read()
        request = (REQUEST % (path, self.server.port, body.content_type, len(content))).encode() + content
        for _ in range(requests):
            self.wait_for_rest()
            self.tls.write(request)
            self.flush()
            self.application.receive()
            self.wait_for_rest()
            self.application.answer()
            answer = b""
            while not is_whole(answer):
                answer += self.do(lambda: self.tls.read(65536))
            if not answer.startswith(b"HTTP/1.1 200 "):
                self.fail("answered with %r" % answer[:200])
        self.wait_for_rest()


def is_whole(message):
    head, end, rest = message.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    return bool(end) and length is not None and len(rest) >= int(length.group(1))
