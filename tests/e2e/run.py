#!/usr/bin/python3
"""The end-to-end suite: real nginx, real Gunicorn, curl. Cases are the functions test_* of tests/e2e/test_*.py.

  tests/e2e/run.py [-k PART] [-v] [--keep] [--nginx PATH] [--module PATH] [--tool PATH] [--jobs N] [--slow FACTOR] [--seed WORD] [--list]

CARDSCRUB_WRAP: a command put in front of nginx (valgrind, env LD_PRELOAD=...); {logs} in it is the server's log folder.
SEED, or --seed: what the key ring is made from. Card numbers and security codes depend on the case's name alone, so tokens are the same in
each run with the same seed; without one a new seed is drawn, and a run that fails says which it was. What the programs draw themselves
(aliases of security codes, nonces, keys of `cardscrub keys`) differs from run to run.
The last line is "N passed, N failed".
"""
import argparse
import base64
import hashlib
import importlib
import json
import multiprocessing
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import case as cases  # noqa: E402
import sweep  # noqa: E402


class Run:
    """What all cases share: programs, certificate, key ring, the application."""

    def __init__(self, options, folder):
        self.folder = folder
        self.top = TOP
        self.nginx, self.module, self.tool = options.nginx, os.path.abspath(options.module), os.path.abspath(options.tool)
        self.memory_search = os.path.abspath(options.memory_search)
        self.slow, self.seed = options.slow, options.seed
        self.certificate = os.path.join(folder, "tls.crt")
        self.certificate_key = os.path.join(folder, "tls.key")
        self.keys = os.path.join(folder, "keys.json")
        self.seen = os.path.join(folder, "seen")
        self.app_socket = os.path.join(folder, "app.sock")
        self.app_port = 0
        self.app = None
        self.abilities = abilities(self.nginx)
        self.openssl = openssl(self.nginx)
        os.mkdir(self.seen)

    def prepare(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test,DNS:other.test,IP:127.0.0.1",
                        "-keyout", self.certificate_key, "-out", self.certificate],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key = base64.urlsafe_b64encode(hashlib.sha256(b"key of generation 9, " + self.seed.encode()).digest()).decode().rstrip("=")
        with open(os.open(self.keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as f:
            json.dump({"keys": [{"kty": "oct", "kid": "9", "use": "enc", "alg": "A256KW", "k": key, "iat": int(time.time()),
                                 "generation": 9, "state": "active"}]}, f)

    def start_application(self):
        # Gunicorn gets sockets that are bound already: no race for a port, and no waiting until it listens.
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        self.app_port = tcp.getsockname()[1]
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(self.app_socket)
        os.chmod(self.app_socket, 0o777)  # nginx's workers run as nobody
        for s in (tcp, unix):
            s.listen(128)
            s.set_inheritable(True)
        log = open(os.path.join(self.folder, "gunicorn.log"), "wb")
        self.app = subprocess.Popen(
            ["gunicorn", "--chdir", HERE, "-b", "fd://%d" % tcp.fileno(), "-b", "fd://%d" % unix.fileno(), "-w", "1",
             "--threads", "8", "--keep-alive", "30", "--limit-request-line", "8190", "--limit-request-field_size", "16380",
             "--worker-tmp-dir", "/dev/shm", "--graceful-timeout", "1", "--log-level", "warning", "echo_app:app"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(tcp.fileno(), unix.fileno()),
            env={**os.environ, "CARDSCRUB_SEEN": self.seen, "PYTHONDONTWRITEBYTECODE": "1"})
        tcp.close()
        unix.close()
        end = time.monotonic() + 60 * self.slow
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.app_port), timeout=5) as probe:
                    probe.sendall(b"GET /up HTTP/1.0\r\n\r\n")
                    if b"200 OK" in probe.recv(200):
                        return
            except OSError:
                pass
            if self.app.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit("Gunicorn did not start: " + open(log.name, encoding="utf-8").read()[-2000:])

    def stop_application(self):
        if self.app and self.app.poll() is None:
            self.app.send_signal(signal.SIGTERM)
            try:
                self.app.wait(10)
            except subprocess.TimeoutExpired:
                self.app.kill()
                self.app.wait(5)


def abilities(nginx):
    """What this machine's programs can do; a case that needs more (`test.needs = "..."`) is skipped."""
    built = subprocess.run([nginx, "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
    curl = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {"HTTP/3"} if "--with-http_v3_module" in built and "HTTP3" in curl else set()


def openssl(nginx):
    """The version of OpenSSL that nginx runs with: (3, 0, 17)."""
    built = subprocess.run([nginx, "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
    version = re.findall(r"OpenSSL (\d+)\.(\d+)\.(\d+)", built)[-1]
    return tuple(int(part) for part in version)


def load(part):
    out = []
    for file in sorted(os.listdir(HERE)):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        module = importlib.import_module(file[:-3])
        for name, function in vars(module).items():
            if name.startswith("test_") and callable(function) and function.__module__ == module.__name__:
                full = "%s.%s" % (file[5:-3], name[5:])
                if any(p in full for p in part):
                    out.append((full, function))
    return out


def perform(run, name, function, keep):
    """Runs one case: (what was wrong, why it was skipped, numbers that must not be found in the end, seconds)."""
    begin = time.monotonic()
    folder = os.path.join(run.folder, "cases", name)
    wrong = []
    case = cases.Case(run, name, folder)
    skipped = ""
    try:
        need = getattr(function, "needs", None)
        if need is not None and need not in run.abilities:
            raise cases.Skip("this nginx or this curl has no " + need)
        function(case)
    except cases.Skip as e:
        skipped = str(e)
    except Exception as e:  # a case that fails must not end the suite
        frames = [f for f in traceback.extract_tb(e.__traceback__) if os.path.dirname(f.filename) == HERE]
        place = next((f for f in reversed(frames) if os.path.basename(f.filename).startswith("test_")), frames[-1])
        what = str(e) if isinstance(e, AssertionError) and str(e) else "%s: %s" % (type(e).__name__, e)
        wrong.append("%s:%d: %s\n      %s" % (os.path.basename(place.filename), place.lineno, what, place.line))
    try:
        wrong += case.finish()
    except Exception as e:
        wrong.append("in the sweep: %s" % "".join(traceback.format_exception(e))[-1500:])
    if wrong:
        for s in case.servers:
            tail = [line for line in s.error_log().splitlines() if "[notice]" not in line][-8:]
            if tail:
                wrong.append("error log, last lines:\n      " + "\n      ".join(line[:600] for line in tail))
    if not keep and not wrong:
        shutil.rmtree(folder, ignore_errors=True)
    hidden = set() if case.app_may_see or case.expected_leaks else case.secrets
    return wrong, skipped, hidden, time.monotonic() - begin


def worker(run, part, todo, results, keep):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    known = dict(load(part))
    while True:
        name = todo.get()
        if name is None:
            return
        results.put((name, *perform(run, name, known[name], keep)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], metavar="PART", help="only cases whose name holds PART")
    parser.add_argument("-v", action="store_true", help="name every case")
    parser.add_argument("--keep", action="store_true", help="keep all folders (those of failing cases stay anyway)")
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    parser.add_argument("--module", default=os.path.join(TOP, "build", "ngx_http_cardscrub_module.so"))
    parser.add_argument("--tool", default=os.path.join(TOP, "build", "cardscrub"))
    parser.add_argument("--memory-search", default=os.path.join(TOP, "build", "tests", "memory_search"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--slow", type=int, default=1, help="factor for all time limits (sanitizers, valgrind)")
    parser.add_argument("--seed", default=os.environ.get("SEED") or secrets.token_hex(4))
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    part = options.k or [""]
    selected = load(part)
    if options.list:
        print("\n".join(name for name, _ in selected))
        return 0
    for path in (options.nginx, options.module, options.tool, options.memory_search):
        if not os.path.exists(path):
            print("not there: %s (make build)" % path)
            print("0 passed, 1 failed")
            return 1
    if not selected:
        print("no case matches")
        print("0 passed, 1 failed")
        return 1

    folder = tempfile.mkdtemp(prefix="cardscrub-e2e-")
    os.chmod(folder, 0o755)
    begin = time.monotonic()
    run = Run(options, folder)
    numbers = set()
    passed, failed, skipped, processes, unfinished = 0, 0, 0, [], {name for name, _ in selected}
    context = multiprocessing.get_context("fork")
    todo, results = context.Queue(), context.Queue()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        run.prepare()
        run.start_application()
        for name, _ in selected:
            todo.put(name)
        for _ in range(min(options.jobs, len(selected))):
            todo.put(None)
            process = context.Process(target=worker, args=(run, part, todo, results, options.keep))
            process.start()
            processes.append(process)
        while unfinished:
            try:
                name, wrong, why_skipped, hidden, seconds = results.get(timeout=1)
            except queue.Empty:
                if not any(p.is_alive() for p in processes) and results.empty():
                    break
                continue
            unfinished.discard(name)
            numbers |= hidden
            if wrong:
                failed += 1
                print("FAILED  %s (%.1f s)" % (name, seconds))
                for line in wrong:
                    print("    " + line)
            elif why_skipped:
                skipped += 1
                print("SKIP    %s: %s" % (name, why_skipped))
            else:
                passed += 1
                if options.v:
                    print("ok      %s (%.1f s)" % (name, seconds))
            sys.stdout.flush()
        for name in sorted(unfinished):
            failed += 1
            print("FAILED  %s: the process that ran it died" % name)
    finally:
        while unfinished:  # ended early: what has not begun is not begun
            try:
                todo.get(timeout=0.1)
            except queue.Empty:
                break
        for process in processes:
            process.join(30 * options.slow)
            if process.is_alive():
                process.kill()
        run.stop_application()
        # Each case has swept its own servers; here is what all of them have in common.
        for line in sweep.left_over(folder, os.path.join(folder, "cases"), numbers):
            failed += 1
            print("FAILED  sweep of the run: " + line)
        if failed or options.keep:
            print("kept: %s" % folder)
            print("again with the same keys: --seed %s, or SEED=%s make e2e" % (options.seed, options.seed))
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("end to end: %d cases in %.0f s, %d skipped" % (passed + failed + skipped, time.monotonic() - begin, skipped))
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
