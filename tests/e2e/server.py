"""One nginx: its configuration, its folder, its processes."""
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

import client

HOST = "shop.test"

# Everything of a request that a log_format can quote.
LOG_FORMAT = """'$remote_addr [$time_iso8601] "$request" "$request_uri" "$uri" "$args" "$query_string" "$http_referer" '
    '"$http_user_agent" "$http_cookie" "$http_x_card" "$http_authorization" "$remote_user" "$request_body" '
    '"$arg_card_number" "$arg_card" "$arg_cvv" "$cookie_card" "$request_filename" "$upstream_http_x_card" $status'"""


_reserved = []


def free_port():
    """A port below the range from which clients take theirs, reserved until release_ports(): no other free_port() gives it, on the
    whole machine, and until a server of the case listens there, connections are refused.
    """
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
            continue
        # Servers set this option too; the port is theirs then, for they may bind what nobody listens on.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _reserved.append(holder)
        return port


def release_ports():
    while _reserved:
        _reserved.pop().close()


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return {int(p) for p in f.read().split()}
    except OSError:
        return set()


def workers_of(pid):
    """The children that serve: not the cache manager, not the cache loader."""
    out = set()
    for child in children(pid):
        try:
            with open("/proc/%d/cmdline" % child, "rb") as f:
                if b"nginx: cache" not in f.read():
                    out.add(child)
        except OSError:
            pass  # gone
    return out


def own_memory(pid):
    """Bytes of a process' own memory, without what it has mapped of files: that comes and goes with what the machine has free."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) * 1024


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Server:
    """An nginx of its own in a folder of its own. `run` is the suite's Run (nginx, module, certificate, application)."""

    def __init__(self, run, folder, case, *, http="", server="cardscrub on;", locations=None, main="", events="",
                 extra_servers="", workers=1, error_level="info", listen=None, logs=None, keys=True, app="tcp",
                 protocols="ssl_protocols TLSv1.2 TLSv1.3;", module=True, env=None):
        self.run, self.prefix, self.case = run, folder, case
        self.limit = 120 * run.slow  # a machine that has other work must not fail a case
        self.port = free_port()
        self.clear_port = free_port()
        self.process = None
        self.workers = set()
        self.ended = []  # regular expressions: what nginx may say of workers that were told to end
        self.env = {**os.environ, **env} if env else None  # what nginx is started with
        self.parts = dict(http=http, server=server, locations=locations, main=main, events=events,
                          extra_servers=extra_servers, workers=workers, error_level=error_level, listen=listen,
                          logs=logs, keys=keys, app=app, protocols=protocols, module=module)
        for sub in ("logs", "temp", "html", "cardscrub"):
            os.makedirs(os.path.join(folder, sub), exist_ok=True)
        os.chmod(folder, 0o755)
        self.keys = os.path.join(folder, "keys.json")
        shutil.copyfile(run.keys, self.keys)
        os.chmod(self.keys, 0o600)
        self.conf = os.path.join(folder, "nginx.conf")
        self.skip = {self.keys, self.conf, os.path.join(folder, "app.conf"), os.path.join(folder, "app_unix.conf")}

    # ---- configuration

    def text(self):
        """The configuration. @PORT@ (TLS), @CLEAR@ and @PREFIX@ may stand in every part that a case gives."""
        p = self.parts
        listen = p["listen"] or "listen 127.0.0.1:@PORT@ ssl http2;"
        logs = p["logs"] if p["logs"] is not None else (
            "access_log logs/access.log combined;\n  access_log logs/everything.log everything;")
        locations = p["locations"] if p["locations"] is not None else "location / { include app.conf; }"
        text = """daemon off;
user nobody nogroup;
worker_processes %d;
pid logs/nginx.pid;
error_log logs/error.log %s;
%s
%s
events { worker_connections 1024; %s }
http {
  client_body_temp_path temp/body; proxy_temp_path temp/proxy; fastcgi_temp_path temp/fastcgi;
  uwsgi_temp_path temp/uwsgi; scgi_temp_path temp/scgi;
  log_format everything %s;
  %s
  server_names_hash_bucket_size 128;
  %s
%s
  server {
    %s
    server_name %s;
    ssl_certificate %s; ssl_certificate_key %s;
    %s
%s
%s
  }
%s
}
""" % (p["workers"], p["error_level"], "load_module %s;" % (self.run.module if p["module"] is True else p["module"]) if p["module"] else "", p["main"], p["events"],
            LOG_FORMAT, logs, "cardscrub_keys %s;" % self.keys if p["keys"] and p["module"] else "", p["http"],
            listen, HOST, self.run.certificate, self.run.certificate_key, p["protocols"], p["server"], locations,
            p["extra_servers"])
        return (text.replace("@PORT@", str(self.port)).replace("@CLEAR@", str(self.clear_port))
                .replace("@PREFIX@", self.prefix))

    def write(self):
        # The clear number may stand in a configuration (return 200 ...): that file is the operator's, not the server's.
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(self.text())
        settings = "proxy_set_header Host $host; proxy_set_header X-Case %s; proxy_http_version 1.1;\n" % self.case
        targets = {"tcp": "http://127.0.0.1:%d" % self.run.app_port, "unix": "http://unix:%s:" % self.run.app_socket}
        for name, app in (("app.conf", self.parts["app"]), ("app_unix.conf", "unix"), ("app_tcp.conf", "tcp")):
            path = os.path.join(self.prefix, name)
            self.skip.add(path)
            with open(path, "w", encoding="utf-8") as f:
                f.write("proxy_pass %s;\n%s" % (targets[app], settings))

    def command(self, *arguments):
        wrap = os.environ.get("CARDSCRUB_WRAP", "").replace("{logs}", os.path.join(self.prefix, "logs"))
        return [*shlex.split(wrap), self.run.nginx, "-p", self.prefix + "/", "-c", self.conf,
                "-e", os.path.join(self.prefix, "logs", "start.log"), *arguments]

    def check(self):
        """nginx -t: (exit status, output)."""
        self.write()
        done = subprocess.run(self.command("-t"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env,
                              timeout=60 * self.run.slow)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    # ---- processes

    def start(self):
        for attempt in range(3):
            self.write()
            with open(os.path.join(self.prefix, "logs", "stderr.log"), "ab") as err:
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=self.env)
            if self._wait_until_up():
                return self
            output = self.error_log() + self.file("logs/stderr.log")
            self.stop()
            if "Address already in use" not in output or attempt == 2:
                raise AssertionError("nginx did not start:\n" + output[-3000:])
            for name in ("error.log", "stderr.log", "start.log"):
                open(os.path.join(self.prefix, "logs", name), "w").close()
            self.port, self.clear_port = free_port(), free_port()
        return self

    def _wait_until_up(self):
        end = time.monotonic() + self.limit
        pid_file = os.path.join(self.prefix, "logs", "nginx.pid")
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if os.path.exists(pid_file) and os.path.getsize(pid_file) > 0:
                workers = workers_of(self.process.pid)
                if len(workers) == self.parts["workers"]:
                    self.workers = workers
                    return True
            time.sleep(0.005)
        raise AssertionError("nginx has no workers after %d s: %s" % (self.limit, self.error_log()[-2000:]))

    def reload(self):
        """HUP; returns when the old workers are gone and the new ones are there."""
        before = self.workers
        os.kill(self.process.pid, signal.SIGHUP)
        end = time.monotonic() + self.limit
        while time.monotonic() < end:
            now = workers_of(self.process.pid)
            if len(now) == self.parts["workers"] and not now & before:
                self.workers = now
                return
            time.sleep(0.01)
        raise AssertionError("the reload did not come to an end: %s" % self.error_log()[-2000:])

    def reopen(self, name):
        """USR1; returns when all processes write to the file that has this name below logs/ now."""
        os.kill(self.process.pid, signal.SIGUSR1)
        path = os.path.join(self.prefix, "logs", name)

        def has(pid):
            try:
                there = os.stat(path)
                folder = "/proc/%d/fd" % pid
                return any((fd.st_dev, fd.st_ino) == (there.st_dev, there.st_ino)
                           for fd in (os.stat(os.path.join(folder, n)) for n in os.listdir(folder)))
            except FileNotFoundError:  # the path not yet, a descriptor no longer
                return False
        end = time.monotonic() + self.limit
        while not all(has(pid) for pid in {self.process.pid} | self.workers):
            if time.monotonic() > end:
                raise AssertionError("%s was not reopened: %s" % (name, self.error_log()[-2000:]))
            time.sleep(0.005)

    def stop(self):
        """Ends the master by its process id and waits for all of its processes. Returns what was wrong, one line each."""
        wrong = []
        if self.process is None:
            return wrong
        pids = children(self.process.pid) | self.workers
        if self.process.poll() is None:
            now = workers_of(self.process.pid)
            if os.environ.get("CARDSCRUB_WRAP"):
                now &= self.workers  # under a tool processes have no titles, and those of a cache look like workers
            if self.workers and now != self.workers:
                wrong.append("worker processes changed: started %s, now %s" % (self.workers, now))
            # The master kills workers that need more than a second to end; on a busy machine they do.
            self.ended += ["worker process %d exited on signal 9" % worker for worker in self.workers]
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(self.limit)
            except subprocess.TimeoutExpired:
                wrong.append("nginx did not end within %d s of SIGTERM" % self.limit)
                self.process.kill()
                self.process.wait(5)
        elif self.workers:
            wrong.append("the master process had ended with status %s" % self.process.returncode)
        if self.workers and self.process.returncode not in (0, None):
            wrong.append("the master process ended with status %s" % self.process.returncode)
        end = time.monotonic() + self.limit
        while any(alive(p) for p in pids) and time.monotonic() < end:
            time.sleep(0.01)
        for pid in pids:
            if alive(pid):
                wrong.append("process %d is still running" % pid)
                os.kill(pid, signal.SIGKILL)
        self.process, self.workers = None, set()
        return wrong

    # ---- what it left

    def file(self, name):
        try:
            with open(os.path.join(self.prefix, name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def error_log(self):
        return self.file("logs/start.log") + self.file("logs/error.log")

    def wait_for_error(self, text):
        """Returns when the error log holds `text`; then, or in the end, the whole of it."""
        end = time.monotonic() + self.limit
        while text not in self.error_log() and time.monotonic() < end:
            time.sleep(0.01)
        return self.error_log()

    def log(self, name="everything.log", lines=0):
        """The log file's lines; waits until there are `lines` of them (nginx writes a line after the answer)."""
        end = time.monotonic() + self.limit
        while True:
            text = self.file("logs/" + name)
            got = text.splitlines()
            if len(got) >= lines or time.monotonic() > end:
                return got
            time.sleep(0.01)

    # ---- requests

    def url(self, path, tls=True, host=HOST):
        return "%s://%s:%d%s" % ("https" if tls else "http", host, self.port if tls else self.clear_port, path)

    def curl(self, path, *options, tls=True, host=HOST, **more):
        return client.curl(self.url(path, tls, host), host, self.port if tls else self.clear_port, self.run.certificate,
                           *options, limit=self.limit, **more)

    def post(self, body, content_type="application/x-www-form-urlencoded", path="/pay", options=(), **more):
        if isinstance(body, str):
            body = body.encode("utf-8")
        return self.curl(path, "-H", "Content-Type: " + content_type if content_type else "Content-Type:",
                         "-H", "Expect:", *options, body=body, **more)

    def wire(self, tls=True):
        return client.Wire(self.port if tls else self.clear_port, self.run.certificate, HOST, tls=tls, limit=self.limit)

    def wire2(self):
        return client.Wire2(self.port, self.run.certificate, HOST, limit=self.limit)

    def raw_post(self, body, content_type="application/x-www-form-urlencoded", piece=0, path="/pay", chunks=None, headers=""):
        """A POST by socket, its body `piece` bytes a write; with `chunks`, chunked in chunks of that size."""
        if isinstance(body, str):
            body = body.encode("utf-8")
        head = "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nConnection: close\r\n%s" % (path, HOST, content_type, headers)
        with self.wire() as wire:
            if chunks:
                wire.send((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
                wire.send(chunked(body, chunks), piece)
            else:
                wire.send((head + "Content-Length: %d\r\n\r\n" % len(body)).encode())
                wire.send(body, piece)
            return wire.reply()


def chunked(body, size, extension=""):
    out = b""
    for i in range(0, len(body), size):
        part = body[i:i + size]
        out += b"%x%s\r\n%s\r\n" % (len(part), extension.encode(), part)
    return out + b"0\r\n\r\n"


def faults_in(text, expected=()):
    """Lines of a log that say that something is wrong with the server, without those a case expects."""
    out = []
    for line in text.splitlines():
        # Valgrind, told to be quiet, writes of errors only, and then where they are.
        bad = re.search(r"\[(alert|emerg)\]|Sanitizer|runtime error:|^==\d+== +(?!Warning: set address range perms)\S", line)
        if bad and not any(re.search(e, line) for e in expected):
            out.append(line[:400])
    return out
