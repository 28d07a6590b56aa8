"""An upstream that says what a case tells it to, in the pieces that it is told."""
import socket
import threading
import time


class Upstream:
    """Answers every request with answer(request) -> bytes, or an iterable of bytes: one write each, `pause` seconds apart.

    `request` is the head as text; all heads are kept in `requests`. The connection is closed after each answer.
    """

    def __init__(self, answer, pause=0.002):
        self.answer, self.pause, self.requests = answer, pause, []
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone does not wake accept().
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join(5)

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            connection.settimeout(120)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                data = b""
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                request = data.split(b"\r\n\r\n")[0].decode("latin-1")
                self.requests.append(request)
                answer = self.answer(request)
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(piece)
                    if not isinstance(answer, bytes):
                        time.sleep(self.pause)
            except OSError:
                pass  # nginx has given up on this answer


def http(body, kind="text/html", status="200 OK", length=True, headers=""):
    """A whole answer. length False: its end is the end of the connection."""
    body = body.encode() if isinstance(body, str) else body
    head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nConnection: close\r\n%s" % (status, kind, headers)
    if length:
        head += "Content-Length: %d\r\n" % len(body)
    return head.encode() + b"\r\n" + body


def chunked(pieces, kind="text/html", headers=""):
    """A head, and one chunk for each of `pieces`: each a write of its own."""
    yield ("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n%s\r\n" %
           (kind, headers)).encode()
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def pieces(data, size):
    data = data.encode() if isinstance(data, str) else data
    return [data[i:i + size] for i in range(0, len(data), size)]
