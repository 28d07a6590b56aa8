"""Requests: curl for what clients do, sockets for what only a test does (pieces, pipelines, broken requests)."""
import json
import base64
import re
import socket
import ssl
import subprocess
import time


class Reply:
    """One answer: status, headers (lower case, last one wins), body."""

    def __init__(self, status, headers, body, note=""):
        self.status, self.headers, self.body, self.note = status, headers, body, note

    def json(self):
        return json.loads(self.body)

    @property
    def seen(self):
        """What the echo application says it received."""
        assert self.status == 200, "expected 200 from the application, got %s" % self
        return Seen(json.loads(self.body))

    def __repr__(self):
        return "%s %r %r%s" % (self.status, self.headers, self.body[:600], self.note and " (%s)" % self.note)


class Seen:
    """A request as the application received it."""

    def __init__(self, fields):
        self.__dict__.update(fields)
        self.body = base64.b64decode(fields["body"])

    def everything(self):
        head = "\n".join("%s: %s" % pair for pair in self.headers.items())
        return ("%s %s\n%s\n\n" % (self.method, self.target, head)).encode("utf-8", "surrogateescape") + self.body


def parse_replies(data, method="GET"):
    """The final answer of what curl printed: interim ones (100) are passed over."""
    while True:
        head, split, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/[0-9.]+ (\d{3})", lines[0])
        if not split or not match:
            raise AssertionError("not an HTTP answer: %r" % data[:300])
        if match.group(1).startswith("1"):
            data = rest
            continue
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        return Reply(int(match.group(1)), headers, rest)


def curl(url, host, port, ca, *options, body=None, http2=False, http3=False, limit=120):
    version = "--http3-only" if http3 else "--http2" if http2 else "--http1.1"
    command = ["curl", "-sS", "-i", "--path-as-is", "--max-time", str(limit), "--cacert", ca,
               "--resolve", "%s:%d:127.0.0.1" % (host, port), version, *options]
    if body is not None:
        command += ["--data-binary", "@-"]
    run = subprocess.run(command + [url], input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit + 20)
    if run.returncode == 28 or run.returncode != 0 and not run.stdout:  # 28: its time was over
        raise AssertionError("curl: exit status %d: %s" % (run.returncode, run.stderr.decode()))
    reply = parse_replies(run.stdout)
    reply.note = run.stderr.decode().strip()
    return reply


class Wire:
    """A connection on which a case says what goes into each write; one TLS record a write."""

    def __init__(self, port, ca, host, tls=True, alpn=None, limit=120):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=limit)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context(cafile=ca)
            if alpn:
                context.set_alpn_protocols(alpn)
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data, piece=0, pause=0.0005):
        """All of `data`, `piece` bytes at a time, with a pause in which the server reads them."""
        if not piece:
            self.sock.sendall(data)
            return
        for i in range(0, len(data), piece):
            self.sock.sendall(data[i:i + piece])
            time.sleep(pause)

    def receive(self):
        """More bytes; b"" when the server has closed."""
        try:
            return self.sock.recv(65536)
        except (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError):
            return b""

    def _until(self, mark):
        while mark not in self.buffer:
            more = self.receive()
            if not more:
                raise AssertionError("connection closed; had %r" % self.buffer[:300])
            self.buffer += more
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _exactly(self, size):
        while len(self.buffer) < size:
            more = self.receive()
            if not more:
                raise AssertionError("connection closed in a body; had %r" % self.buffer[:300])
            self.buffer += more
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out

    def reply(self, head=False):
        """The next answer on the connection (not an interim one)."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/1\.[01] (\d{3})", lines[0])
        if not match:
            raise AssertionError("not an HTTP answer: %r" % lines[0])
        status = int(match.group(1))
        if 100 <= status < 200:
            return self.reply(head)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        if head or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(self._until(b"\r\n").split(b";")[0], 16)
                body += self._exactly(size)
                self._exactly(2)
                if size == 0:
                    break
        elif "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        else:
            while True:
                more = self.receive()
                if not more:
                    break
                self.buffer += more
            body, self.buffer = self.buffer, b""
        return Reply(status, headers, body)

    def rest(self):
        """Everything until the server closes."""
        out = self.buffer
        self.buffer = b""
        while True:
            more = self.receive()
            if not more:
                return out
            out += more

    def closed(self, wait=30.0):
        """True when the server closes without sending more."""
        self.sock.settimeout(wait)
        try:
            return self.receive() == b"" and not self.buffer
        except (TimeoutError, socket.timeout):
            return False


class Wire2:
    """An HTTP/2 connection by python3-h2: bodies in DATA frames of a chosen size."""

    def __init__(self, port, ca, host, limit=120):
        import h2.connection
        import h2.events
        self.events = h2.events
        self.host = host
        self.wire = Wire(port, ca, host, alpn=["h2"], limit=limit)
        self.h2 = h2.connection.H2Connection()
        self.early = []  # events that came while a body was being sent
        self.h2.initiate_connection()
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _flush(self):
        self.wire.send(self.h2.data_to_send())

    def start(self, method, path, headers=(), end=False):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", method), (":scheme", "https"), (":authority", self.host),
                                      (":path", path), *headers], end_stream=end)
        self._flush()
        return stream

    def body(self, stream, data, piece, pause=0.0005, end=True):
        for i in range(0, len(data), piece):
            self.h2.send_data(stream, data[i:i + piece])
            self._flush()
            time.sleep(pause)
        if end:
            self.h2.end_stream(stream)
            self._flush()

    def close(self):
        self.wire.close()

    def wait(self):
        """Reads once; what came is kept for reply()."""
        data = self.wire.receive()
        if not data:
            raise AssertionError("h2 connection closed")
        self.early += self.h2.receive_data(data)
        self._flush()

    def reply(self, stream):
        status, headers, body = 0, {}, b""
        while True:
            if not self.early:
                self.wait()
            events, self.early = self.early, []
            for event in events:
                if isinstance(event, self.events.ResponseReceived) and event.stream_id == stream:
                    pairs = [(k.decode() if isinstance(k, bytes) else k, v.decode() if isinstance(v, bytes) else v)
                             for k, v in event.headers]
                    headers = dict(pairs)
                    status = int(headers.pop(":status"))
                elif isinstance(event, self.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if event.stream_id == stream:
                        body += event.data
                elif isinstance(event, self.events.StreamEnded) and event.stream_id == stream:
                    self._flush()
                    return Reply(status, headers, body)
                elif isinstance(event, self.events.StreamReset) and event.stream_id == stream:
                    raise AssertionError("stream reset, error %s" % event.error_code)
            self._flush()
