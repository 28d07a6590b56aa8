"""A Redis server of a case's own, and what it holds."""
import os
import signal
import socket
import subprocess
import time

import server


class Redis:
    """Not saved to disk. With `socket_path` on a unix socket, else on a port of 127.0.0.1."""

    def __init__(self, folder, *options, socket_path=None, limit=30):
        self.folder, self.options, self.socket_path, self.limit = folder, options, socket_path, limit
        self.port = server.free_port()
        self.process = None
        self.password = None

    def url(self):
        return "redis+unix:%s" % self.socket_path if self.socket_path else "redis://127.0.0.1:%d" % self.port

    def start(self):
        where = ["--port", "0", "--unixsocket", self.socket_path, "--unixsocketperm", "777"] if self.socket_path else \
            ["--port", str(self.port), "--bind", "127.0.0.1"]
        os.makedirs(self.folder, exist_ok=True)
        self.process = subprocess.Popen(["redis-server", *where, "--save", "", "--appendonly", "no", "--dir", self.folder,
                                         "--logfile", os.path.join(self.folder, "redis.log"), *self.options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + self.limit
        while time.monotonic() < end:
            try:
                self.ask("PING")
                return self
            except OSError:
                time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def kill(self, how=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(10)
        self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    # ---- what it holds

    def ask(self, *words):
        """One command; its answer as Python values, errors as they are."""
        if self.socket_path:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(30)
            link.connect(self.socket_path)
        else:
            link = socket.create_connection(("127.0.0.1", self.port), 30)
        with link, link.makefile("rwb") as stream:
            for command in ([("AUTH", self.password)] if self.password else []) + [words]:
                stream.write(b"*%d\r\n" % len(command))
                for word in command:
                    data = word if isinstance(word, bytes) else str(word).encode()
                    stream.write(b"$%d\r\n%s\r\n" % (len(data), data))
                stream.flush()
                answer = self._answer(stream)
            return answer

    def _answer(self, stream):
        line = stream.readline()
        if not line:
            raise OSError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-":
            return line[:-2].decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
        return [self._answer(stream) for _ in range(int(rest))]

    def codes(self):
        return sorted(self.ask("KEYS", "cardscrub:code:*"))

    def everything(self):
        """All keys and values, as one text in which a sweep can look."""
        return b"\n".join(key + b"=" + (self.ask("GET", key) or b"") for key in self.ask("KEYS", "*"))
