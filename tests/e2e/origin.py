"""Applications that a case runs itself, each in threads and speaking one protocol: they keep every byte that nginx sends
them, and know how a request ended: "whole", "closed" (an orderly end in front of the end of the body) or "reset".
"""
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

import server


class Exchange:
    """One request as it came."""

    def __init__(self):
        self.head, self.body, self.trailers, self.end = "", b"", "", ""

    def __repr__(self):
        return "%r + body of %d, %s" % (self.head, len(self.body), self.end)


class Ended(Exception):
    pass


class Origin:
    """Listens from construction to stop(). `address` is what follows http:// in a proxy_pass."""

    def __init__(self, folder, unix=False, body=b"here\n", headers="", tls=None):
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)  # certificate, key
        self.exchanges, self.raw, self.answer, self.headers = [], [], body, headers
        if unix:
            path = os.path.join(folder, "origin%d.sock" % (len(os.listdir(folder))))
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o777)
            self.address, self.plain_address = "unix:%s:" % path, "unix:%s" % path
        else:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.address = self.plain_address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.listener.listen(32)
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.open.add(conn)
            threading.Thread(target=self._run, args=(conn,), daemon=True).start()

    def _run(self, conn):
        conn.settimeout(120)
        kept = bytearray()
        self.raw.append(kept)
        try:
            if self.tls:
                self.open.discard(conn)
                conn = self.tls.wrap_socket(conn, server_side=True)
                self.open.add(conn)
            self.serve(Connection(conn, kept))
        except (Ended, OSError):
            pass
        self.open.discard(conn)
        conn.close()

    def serve(self, conn):
        raise NotImplementedError

    def begin(self):
        exchange = Exchange()
        self.exchanges.append(exchange)
        return exchange

    def wait(self, number=1, end=True, seconds=120.0):
        """The `number`-th request, once it has ended (or, without `end`, begun)."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if len(self.exchanges) >= number and (self.exchanges[number - 1].end or not end):
                return self.exchanges[number - 1]
            time.sleep(0.005)
        raise AssertionError("the origin has not seen %d requests to their end: %s" % (number, self.exchanges))

    def everything(self):
        return b"\n".join(bytes(r) for r in self.raw)

    def stop(self):
        # Closing alone would not wake the thread that waits in accept().
        for s in (self.listener, *list(self.open)):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


class Connection:
    def __init__(self, sock, kept):
        self.sock, self.kept, self.buffer = sock, kept, b""

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            raise Ended("reset") from None
        except OSError:
            raise Ended("failed") from None
        if not data:
            raise Ended("closed")
        self.kept += data
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        out, self.buffer = self.buffer.split(mark, 1)
        return out

    def exactly(self, size, keep=None):
        """`size` bytes; with `keep`, they are added to its body as they come."""
        out = b""
        while len(out) < size:
            if not self.buffer:
                self.more()
            part, self.buffer = self.buffer[:size - len(out)], self.buffer[size - len(out):]
            out += part
            if keep is not None:
                keep.body += part
        return out

    def send(self, data):
        self.sock.sendall(data)


def fields_of(head):
    """Header fields by lower-case name; the last one wins."""
    return {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:])}


class Http(Origin):
    """HTTP/1.x. A request with Upgrade gets 101, and whatever follows comes back."""

    def serve(self, conn):
        while True:
            first = conn.until(b"\r\n\r\n").decode("latin-1")
            seen = self.begin()
            seen.head = first
            fields = fields_of(first)
            try:
                if "upgrade" in fields:
                    conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
                    seen.end = "whole"
                    while True:
                        if not conn.buffer:
                            conn.more()
                        data, conn.buffer = conn.buffer, b""
                        seen.body += data
                        conn.send(data)
                if fields.get("transfer-encoding") == "chunked":
                    while True:
                        size = int(conn.until(b"\r\n").split(b";")[0], 16)
                        if size == 0:
                            break
                        conn.exactly(size, seen)
                        conn.exactly(2)
                    while True:
                        line = conn.until(b"\r\n").decode("latin-1")
                        if not line:
                            break
                        seen.trailers += line + "\n"
                else:
                    conn.exactly(int(fields.get("content-length", "0")), seen)
            except Ended as e:
                seen.end = seen.end or str(e)
                return
            seen.end = "whole"
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n%s\r\n%s" %
                      (len(self.answer), self.headers.encode(), b"" if first.startswith("HEAD ") else self.answer))
            if fields.get("connection", "").lower() == "close" or first.split("\r\n")[0].endswith("HTTP/1.0"):
                return


class Fastcgi(Origin):
    """FastCGI, the responder role."""

    def serve(self, conn):
        seen, params, begun = self.begin(), b"", False
        try:
            while True:
                _, kind, request, size, padding = struct.unpack(">BBHHBx", conn.exactly(8))
                begun = True
                data = conn.exactly(size)
                conn.exactly(padding)
                if kind == 4:
                    params += data
                elif kind == 5 and size:
                    seen.body += data
                elif kind == 5:
                    break
        except Ended as e:
            seen.end = str(e)
            if not begun:
                self.exchanges.remove(seen)
            return
        seen.head, seen.end = self._pairs(params), "whole"
        out = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + self.answer
        conn.send(struct.pack(">BBHHBx", 1, 6, request, len(out), 0) + out + struct.pack(">BBHHBx", 1, 6, request, 0, 0) +
                  struct.pack(">BBHHBx", 1, 3, request, 8, 0) + bytes(8))

    @staticmethod
    def _pairs(data):
        out, at = [], 0

        def length():
            nonlocal at
            if data[at] < 128:
                at += 1
                return data[at - 1]
            at += 4
            return struct.unpack(">I", data[at - 4:at])[0] & 0x7fffffff
        while at < len(data):
            name, value = length(), length()
            out.append("%s=%s" % (data[at:at + name].decode("latin-1"), data[at + name:at + name + value].decode("latin-1")))
            at += name + value
        return "\n".join(out)


class Scgi(Origin):
    def serve(self, conn):
        size = int(conn.until(b":"))
        seen = self.begin()
        parts = conn.exactly(size).decode("latin-1").split("\0")
        fields = dict(zip(parts[0::2], parts[1::2]))
        seen.head = "\n".join("%s=%s" % pair for pair in fields.items())
        try:
            conn.exactly(1)
            conn.exactly(int(fields["CONTENT_LENGTH"]), seen)
        except Ended as e:
            seen.end = str(e)
            return
        seen.end = "whole"
        conn.send(b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + self.answer)


class Grpc(Origin):
    """HTTP/2 in clear; answers each stream with one message and grpc-status 0. Message framing is left to the case."""

    def serve(self, conn):
        import h2.config
        import h2.connection
        import h2.events
        h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        h2c.initiate_connection()
        conn.send(h2c.data_to_send())
        streams = {}
        try:
            while True:
                conn.more()
                data, conn.buffer = conn.buffer, b""
                for event in h2c.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        seen = streams[event.stream_id] = self.begin()
                        seen.head = "\n".join("%s: %s" % pair for pair in event.headers)
                    elif isinstance(event, h2.events.DataReceived):
                        streams[event.stream_id].body += event.data
                        h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamReset):
                        streams[event.stream_id].end = streams[event.stream_id].end or "reset"
                    elif isinstance(event, h2.events.StreamEnded):
                        streams[event.stream_id].end = "whole"
                        h2c.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                        h2c.send_data(event.stream_id, message(self.answer))
                        h2c.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
                conn.send(h2c.data_to_send())
        except (Ended, OSError) as e:
            for seen in streams.values():
                seen.end = seen.end or (str(e) if isinstance(e, Ended) else "reset")


def message(data):
    """A gRPC message: not compressed, length, bytes."""
    return struct.pack(">BI", 0, len(data)) + data


class Uwsgi:
    """The echo application behind a real uWSGI, on a TCP or unix socket that speaks the uwsgi protocol."""

    def __init__(self, folder, run, unix=False):
        if unix:
            path = os.path.join(folder, "uwsgi.sock")
            self.address = "unix:%s" % path
        else:
            self.address = path = "127.0.0.1:%d" % server.free_port()
        self.log = os.path.join(folder, "uwsgi.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["uwsgi_python3", "--socket", path, "--chmod-socket=777", "--chdir", os.path.dirname(os.path.abspath(__file__)),
                 "--module", "echo_app:app", "--master", "--die-on-term", "--enable-threads", "--buffer-size", "32768",
                 "--need-app", "--disable-logging"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "CARDSCRUB_SEEN": run.seen, "PYTHONDONTWRITEBYTECODE": "1"})
        limit = time.monotonic() + 60 * run.slow
        while "spawned uWSGI worker 1" not in self.text():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError("uWSGI did not start: " + self.text()[-1500:])
            time.sleep(0.02)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def everything(self):
        return self.text().encode()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
