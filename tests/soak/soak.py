#!/usr/bin/python3
"""Long runs: nginx with cardscrub under a mixed load while everything that happens to a server happens to it.

  tests/soak/soak.py [--seconds N] [--reloads N] [--patience SECONDS] [--interval SECONDS] [--redis] [--nginx PATH] [--module PATH]
                     [--tool PATH] [--slow FACTOR] [--keep]

Uses servers, clients and sweep of the end-to-end suite. Two thirds of the time, or so many reloads, go to reloads under load, the rest
to killed workers and to short phases of fixed length. Every check has a name and can fail; the last line is "N passed, N failed".
"""
import argparse
import base64
import json
import mmap
import os
import platform
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import case as cases  # noqa: E402
import load  # noqa: E402
import redis_server  # noqa: E402
import run as suite  # noqa: E402
import server as nginx  # noqa: E402
import sweep  # noqa: E402

FIRST = 10              # reloads after which memory may no longer grow
FEWEST_RELOADS = 30     # to judge that; a busy machine gets more time for them
NOISE = 128, 0.25       # kilobytes, and kilobytes a reload, by which we may differ from nginx without the module
TLS_OUT = ("proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; proxy_ssl_name shop.test; "
           "proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_http_version 1.1;")
SHOP = """location = /status { cardscrub off; cardscrub_status; }
  location /charge { cardscrub_reveal on; proxy_pass https://127.0.0.1:@CLEAR@; %s }
  location / { include app.conf; }"""
BARE = "location /charge { proxy_pass https://127.0.0.1:@CLEAR@; %s } location / { include app.conf; }"
PROVIDER = """server { listen 127.0.0.1:@CLEAR@ ssl; server_name shop.test; ssl_certificate %s; ssl_certificate_key %s;
  cardscrub off; location / { include app.conf; } }"""
KILLED = r"\[alert\].*worker process \d+ exited on signal 9"


def anonymous_memory(pid):
    """Kilobytes of its own that a process has in memory: what it shares (the zone, libraries) does not count."""
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))


def graph(values, width=64):
    """A line of blocks, from 0 to the largest value."""
    step = max(1, -(-len(values) // width))
    points = [max(values[i:i + step]) for i in range(0, len(values), step)]
    return "".join(" ▁▂▃▄▅▆▇█"[round(8 * p / max(max(points), 1))] for p in points)


class Soak:
    def __init__(self, run, options):
        self.run, self.seconds, self.interval = run, options.seconds, options.interval
        self.fewest_reloads = options.reloads or FEWEST_RELOADS
        self.patience = options.patience or 4 * options.slow * self.fewest_reloads
        self.reload_seconds = 0 if options.reloads else options.seconds * 2 / 3
        self.with_redis, self.redis = options.redis, None
        self.rows, self.table, self.pans, self.cases = [], [], set(), []

    # ---- checks and what they are about

    def check(self, name, wrong, skipped=""):
        """`wrong` is a list of what was wrong, or whether it was right."""
        wrong = ([] if wrong else ["it is not so"]) if isinstance(wrong, bool) else list(wrong)
        self.rows.append((name, wrong, skipped))
        print("%-7s %s%s" % ("FAILED" if wrong else "skip" if skipped else "ok", name, skipped and ": " + skipped))
        for line in wrong[:8]:
            print("        " + line)
        if len(wrong) > 8:
            print("        ... and %d more" % (len(wrong) - 8))
        sys.stdout.flush()

    def figure(self, name, value):
        self.table.append((name, value))

    def case(self, name):
        case = cases.Case(self.run, "soak_" + name, os.path.join(self.run.folder, "cases", name))
        case.app_may_see = True  # the provider's side of a reveal; what the shop's side saw is swept below
        self.cases.append(case)
        return case

    def shop(self, case, http="", **parts):
        if self.with_redis:
            self.redis = redis_server.Redis(os.path.join(case.folder, "redis"), limit=self.run.slow * 10)
            case.at_end(self.redis.kill)
            self.redis.start()
            http += " cardscrub_code_store %s timeout=%dms;" % (self.redis.url(), 1000 * self.run.slow)
        return case.nginx(locations=SHOP % (TLS_OUT % self.run.certificate), http=http,
                          extra_servers=PROVIDER % (self.run.certificate, self.run.certificate_key),
                          logs="access_log logs/access.log combined;", **parts)

    def status(self, server):
        return server.curl("/status").json()

    def works(self, server, clients, count=20):
        """So many good orders in turn, over both protocols; what was wrong."""
        rng, wrong = random.Random("works"), []
        for n in range(count):
            try:
                clients.order(random.Random(rng.random() + time.time()), load.BODIES[n % len(load.BODIES)], n % 2 == 1)
            except Exception as e:
                wrong.append("order %d: %s: %s" % (n + 1, type(e).__name__, e))
        return wrong

    def idle_load(self, server, seed):
        """Clients that wait to be told."""
        return load.Load(server, seed, good=0, refused=0, bad=0)

    # ---- phases

    def bare(self, case):
        """Kilobytes by which the master of an nginx without the module, configured alike, grows with each reload: it does."""
        server = case.nginx(workers=2, module=False, server="", locations=BARE % (TLS_OUT % self.run.certificate), error_level="notice",
                            extra_servers=(PROVIDER % (self.run.certificate, self.run.certificate_key)).replace("cardscrub off;", ""),
                            logs="access_log logs/access.log combined;")
        samples = []
        for _ in range(60):
            server.reload()
            samples.append(anonymous_memory(server.process.pid))
        server.stop()
        return grown(samples)

    def reloads(self, case, bare):
        server = self.shop(case, workers=2, http="cardscrub_audit_log logs/audit.log; cardscrub_code_ttl 60s;",
                           main="worker_shutdown_timeout 20s;", error_level="notice")
        before = self.status(server)
        clients = load.Load(server, "reloads")
        end, worker_memory, master_memory, wrong, archives = time.monotonic() + self.reload_seconds, [], [], [], []
        patience = end + self.patience
        logs, begin, rotate_at = os.path.join(server.prefix, "logs"), time.monotonic(), time.monotonic()
        while time.monotonic() < end or (len(worker_memory) < self.fewest_reloads and time.monotonic() < patience):
            try:
                server.reload()
                time.sleep(self.interval)
                worker_memory.append(max(anonymous_memory(p) for p in server.workers))
                master_memory.append(anonymous_memory(server.process.pid))
                if time.monotonic() >= rotate_at:
                    archives.append("audit.log.%d" % len(archives))
                    os.rename(os.path.join(logs, "audit.log"), os.path.join(logs, archives[-1]))
                    os.kill(server.process.pid, signal.SIGUSR1)
                    while not os.path.exists(os.path.join(logs, "audit.log")):
                        time.sleep(0.01)
                    rotate_at = time.monotonic() + max(1.0, self.seconds / 100)
            except Exception as e:
                wrong.append("%s: %s" % (type(e).__name__, e))
                break
        seconds = time.monotonic() - begin
        wrong += clients.stop()
        reloads = len(worker_memory)
        self.check("reloads under load: every good request is answered as it must be", wrong + (
            [] if clients.counts["good"] else ["there was none"]))
        self.check("reloads under load: there were at least %d" % self.fewest_reloads, reloads >= self.fewest_reloads)
        for who, samples in (("workers", worker_memory), ("master", master_memory)):
            self.check("reloads under load: memory of the %s grows no more than nginx's own after the first %d" % (who, FIRST), growth(samples, bare))
        least = allowed(reloads, bare)
        self.check("reloads under load: a little more growth than is allowed would be found", bool(
            growth([worker_memory[0] + 1.1 * least * n for n in range(reloads)], bare)))
        after = self.status(server)
        self.check("reloads under load: no counter is lost", self.lost(before, after, clients.counts))
        self.check("reloads under load: one lost order would be found", bool(
            self.lost(before, after, {**clients.counts, "good": clients.counts["good"] + 1})))
        self.check("reloads under load: the shop goes on", self.works(server, clients, 6))
        self.figure("reloads", "%d in %.0f s, %d rotations" % (reloads, seconds, len(archives)))
        self.figure("requests during reloads", "%d good, %d refused; %.0f a second; %d begun again on a closed connection" % (
            clients.counts["good"], clients.counts["refused"], (clients.counts["good"] + clients.counts["refused"]) / seconds,
            clients.counts["retried"]))
        self.figure("bad clients", ", ".join("%d %s" % (clients.counts[k], k) for k in
                                             ("aborted", "stalled", "one_byte", "pipelined", "cut")))
        for who, samples in (("a worker", worker_memory), ("the master", master_memory)):
            if samples:
                self.figure("memory of " + who, "%d KB after %d reloads, %d KB at the end" % (
                    samples[min(FIRST, reloads) - 1], min(FIRST, reloads), samples[-1]))
                self.figure("", "|%s| %.2f KB a reload, without the module %.2f" % (graph(samples), grown(samples), bare))
        self.figure("growth that would be found", "%.2f KB a reload, %.2f more than without the module" % (least, least - max(bare, 0)))
        self.pans |= clients.pans
        return server, clients, archives

    def lost(self, before, after, counts, unsure=0):
        """What the status page must say: each good order counted once, `unsure` ones perhaps."""
        out = []
        for name, got, least in (
                ("cards of Visa", after["brands"].get("visa", 0) - before["brands"].get("visa", 0), counts["good"]),
                ("rejected", after["rejected"] - before["rejected"], counts["refused"])):
            if not least <= got <= least + unsure:
                out.append("%s: the clients know of %d, the status page of %d" % (name, least, got))
        return out

    def killed_workers(self, case, server, clients):
        case.expected_faults.append(KILLED)
        before, done, wrong, kills = self.status(server), dict(clients.counts), [], 0
        crowd = load.Load(server, "kills", good=2, refused=0, bad=3)
        end = time.monotonic() + max(3.0, self.seconds / 6)
        answered = cut = 0
        while time.monotonic() < end:
            held = []
            for n in range(6):  # in mid-request on both workers, whichever is killed
                wire = server.wire()
                pan, code = clients.card(random.Random("held %d %d" % (kills, n)), "diners")
                body, kind, _ = load.json_body(pan, code)
                wire.send((load.HEAD % ("/pay", kind, "", len(body), "")).encode() + body[:30])
                held.append((wire, body[30:]))
            victim = random.choice(sorted(server.workers))
            os.kill(victim, signal.SIGKILL)
            kills += 1
            for wire, rest in held:
                try:
                    wire.send(rest)
                    answered += wire.reply().status == 200
                except (OSError, AssertionError):
                    cut += 1  # its worker is dead
                wire.close()
            limit = time.monotonic() + server.limit
            while time.monotonic() < limit:
                now = nginx.workers_of(server.process.pid)
                if len(now) == 2 and victim not in now:
                    server.workers = now
                    break
                time.sleep(0.01)
            else:
                wrong.append("worker %d has no successor" % victim)
                break
            wrong += self.works(server, clients, 6)
            time.sleep(0.3)
        torn = crowd.stop()  # what the dead workers held ends without an answer: those clients are no measure
        mine = {k: clients.counts[k] - done[k] + crowd.counts[k] for k in done}
        after = self.status(server)
        self.check("killed worker: the next orders are answered, nothing stays locked", wrong)
        self.check("killed worker: others finish what they hold", answered > 0)
        self.check("killed worker: it was in the middle of requests", cut > 0)
        self.check("killed worker: counters stay consistent", self.lost(before, after, mine, len(torn) + mine["retried"]))
        self.check("killed worker: a good order fails only for lack of an answer", [
            w for w in torn if not re.search("Unanswered|connection closed|reset|EOF|ProtocolError", w)])
        self.check("killed worker: the code store keeps and gives back", self.reveals(server, clients))
        self.check("killed worker: the code store gives no code twice", self.twice(clients))
        self.figure("killed workers", "%d; %d requests of the crowd torn; of held ones %d torn, %d finished by the other" % (
            kills, len(torn), cut, answered))
        self.pans |= clients.pans | crowd.pans

    def reveals(self, server, clients, wanted=(200,)):
        """An order, and its token and alias charged; what was wrong."""
        tokens = clients.order(random.Random(time.time()), load.json_body, False)
        return self.charge(clients, tokens, wanted)

    def twice(self, clients):
        tokens = clients.order(random.Random(time.time()), load.json_body, False)
        return self.charge(clients, tokens, (200,)) + self.charge(clients, tokens, (422,))

    def charge(self, clients, tokens, wanted):
        # Once: a charge whose answer is lost may have been made.
        reply = clients.ask_once(tokens, load.JSON, "", False, "/charge")
        return [] if reply.status in wanted else ["a charge was answered with %d: %r" % (reply.status, reply.body[:200])]

    def audit(self, case, server, archives):
        server.stop()
        logs = [os.path.join(server.prefix, "logs", name) for name in [*archives, "audit.log"]]
        output = case.tool("audit", "verify", "--keys", server.keys, *logs, status=None)
        lines = sum(sum(1 for _ in open(path, "rb")) for path in logs)
        self.check("audit log: intact over reloads, rotations and killed workers", [] if case.tool_status == 0 else [output[-800:]])
        with open(logs[0], "r+b") as f:  # so that this check can fail
            at = os.path.getsize(logs[0]) // 2
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(b"0" if byte != b"0" else b"1")
        case.tool("audit", "verify", "--keys", server.keys, *logs, status=None)
        self.check("audit log: one changed byte is found", case.tool_status == 1)
        self.figure("audit log", "%d lines in %d files" % (lines, len(logs)))

    def full_disk(self, case):
        case.expected_faults.append(r"No space left on device")
        server = case.server(locations=SHOP % (TLS_OUT % self.run.certificate), http="client_body_buffer_size 1k; client_max_body_size 8m;",
                             extra_servers=PROVIDER % (self.run.certificate, self.run.certificate_key))
        disk = os.path.join(server.prefix, "temp", "body")
        os.makedirs(disk, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "none", disk], stderr=subprocess.DEVNULL).returncode:
            self.check("full disk", [], skipped="no file system can be mounted here")
            return
        case.at_end(lambda: subprocess.run(["umount", "-l", disk], check=False))
        server.start()
        clients, wrong = self.idle_load(server, "disk"), []
        pad = b"pad=" + b"y" * 600000
        for http2 in (False, True, False, True):
            pan, code = clients.card(random.Random(time.time()), "visa")
            reply = server.post(b"%s&card_number=%s&cvv=%s&%s" % (pad, pan.encode(), code.encode(), pad), http2=http2)
            if reply.status < 500:
                wrong.append("answered with %d" % reply.status)
        self.check("full disk: a body that cannot be spilled is refused", wrong)
        self.check("full disk: nothing of it is forwarded", not case.seen())
        self.check("full disk: small bodies pass", [] if server.post("a=1").status == 200 else ["refused"])
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        pan, code = clients.card(random.Random(time.time()), "visa")
        body = b"%s&card_number=%s&cvv=%s" % (pad, pan.encode(), code.encode())
        self.check("full disk: works again when there is room", [] if server.post(body).status == 200 else ["refused"])
        self.check("full disk: that one is forwarded", len(case.seen()) == 2)
        self.pans |= clients.pans
        self.workers_stayed("full disk", server)

    def no_descriptors(self, case):
        case.expected_faults.append(r"Too many open files|\d+ worker_connections are not enough")
        server = self.shop(case, main="worker_rlimit_nofile 40;")
        clients, held, reached = self.idle_load(server, "descriptors"), [], []
        try:
            for crowd in (10, 60):  # the first of which it can bear
                while len(held) < crowd:
                    held.append(nginx.socket.create_connection(("127.0.0.1", server.port), timeout=server.limit))
                refused, end = False, time.monotonic() + (1 if crowd == 10 else server.limit)
                while not refused and time.monotonic() < end:
                    refused = "Too many open files" in server.error_log()
                    time.sleep(0.05)
                reached.append(refused)
        finally:
            for s in held:
                s.close()
        self.check("no descriptors: the limit was reached, and not before", reached == [False, True])
        end, wrong = time.monotonic() + server.limit, ["never tried"]
        while wrong and time.monotonic() < end:
            wrong = self.works(server, clients, 1)
        self.check("no descriptors: works again when there are some", wrong + self.works(server, clients, 12))
        self.pans |= clients.pans
        self.workers_stayed("no descriptors", server)

    def clock_jump(self, case):
        library, path = os.path.join(case.folder, "shifted_clock.so"), os.path.join(case.folder, "clock")
        subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-o", library, os.path.join(HERE, "shifted_clock.cpp"),
                        "-ldl"], check=True)
        with open(path, "wb") as f:
            f.write(bytes(4096))
        os.chmod(path, 0o666)
        with open(path, "r+b") as f:
            control = mmap.mmap(f.fileno(), 4096)
        server = self.shop(case, env={"LD_PRELOAD": library, "SHIFTED_CLOCK": path},
                           http="cardscrub_audit_log logs/audit.log; cardscrub_code_ttl 15m;")
        clients, wrong, seen = self.idle_load(server, "clock"), [], set()
        for name, hours, wanted in (("two hours on", 2, (422,)), ("back", 0, (200, 422)), ("two hours back", -2, (200, 422)),
                                    ("and as it was", 0, (200, 422))):
            tokens = clients.order(random.Random(time.time()), load.json_body, False)
            control[0:8] = struct.pack("<q", hours * 3600)
            time.sleep(0.2)
            wrong += ["%s: %s" % (name, w) for w in self.works(server, clients, 4) + self.reveals(server, clients)
                      + self.charge(clients, tokens, wanted)]
            reply = server.curl("/status")
            seen.add(reply.headers["date"][:19])
        self.check("clock jump: orders and charges go on, old codes expire or stay", wrong)
        self.check("clock jump: nginx saw it", len(seen) >= 3)
        self.pans |= clients.pans
        self.workers_stayed("clock jump", server)

    def store_gone(self, case):
        case.expected_faults.append(r"cardscrub: .*Redis")
        server = self.shop(case)
        clients, statuses, wrong = self.idle_load(server, "store"), [], []
        kept = clients.order(random.Random(time.time()), load.json_body, False)
        self.check("store gone: what it holds is there under its names", len(self.redis.codes()) == 1)
        self.redis.kill()
        for n in range(6):
            pan, code = clients.card(random.Random("gone %d" % n), "visa")
            body, kind, encoding = load.BODIES[n](pan, code)
            statuses.append(clients.ask(body, kind, encoding, n % 2 == 1).status)
        self.check("store gone: orders with codes are refused as our fault", statuses == [503] * 6)
        self.check("store gone: nothing of them is forwarded", len(case.seen()) == 1)
        wrong += self.charge(clients, kept, (503,))
        self.redis.start()
        end, again = time.monotonic() + server.limit, ["never tried"]
        while again and time.monotonic() < end:
            again = self.works(server, clients, 1)
        self.check("store gone: all goes on when it is back", wrong + again + self.works(server, clients, 12) + self.reveals(server, clients))
        self.check("store gone: the codes that it lost are unknown", self.charge(clients, kept, (422,)))
        self.pans |= clients.pans
        self.workers_stayed("store gone", server)

    def workers_stayed(self, name, server):
        self.check("%s: the worker lives" % name, nginx.workers_of(server.process.pid) == server.workers)

    # ---- the end

    def sweep(self):
        """Every case's own end (processes, error logs, `cardscrub scan` of all logs), and every card of the soak in every file."""
        for case in self.cases:
            case.secrets = set()
            self.check("end of %s: processes, error log, scan" % case.name[5:], case.finish())
        wrong, files = [], 0
        for case in self.cases:
            for server in case.servers:
                for path in sweep.files_below(server.prefix, server.skip):
                    files += 1
                    with open(path, "rb") as f:
                        wrong += ["%s holds %d cards" % (path, n) for n in [len(cards_in(f.read(), self.pans))] if n]
        self.check("sweep: no card of the soak in a file below a prefix", wrong)
        wrong, requests = [], 0
        for case in self.cases:
            for seen in case.seen():
                if not seen.path.startswith("/charge"):
                    requests += 1
                    found = cards_in(seen.everything(), self.pans)
                    wrong += ["%s received %d cards" % (seen.path, len(found))] if found else []
        self.check("sweep: no card of the soak reached the application", wrong)
        card = next(iter(self.pans))
        self.check("sweep: it would find one", cards_in(b"x" + card.encode() + b" y", self.pans) == {card})
        self.figure("swept", "%d cards in %d files and %d requests that the application received" % (len(self.pans), files, requests))

    def stop(self):
        """Ends what is still running, when the run does not come to its end."""
        for case in self.cases:
            for server in case.servers:
                server.stop()
            while case.endings:
                case.endings.pop()()

    def all(self):
        main = self.case("reloads")
        server, clients, archives = self.reloads(main, self.bare(self.case("bare")))
        self.killed_workers(main, server, clients)
        self.audit(main, server, archives)
        for phase in (self.full_disk, self.no_descriptors, self.clock_jump) + ((self.store_gone,) if self.with_redis else ()):
            phase(self.case(phase.__name__))
        self.sweep()


def cards_in(data, pans):
    """Those of `pans` that stand in `data` as a whole, however written."""
    found = set()
    for view in sweep.views(data):
        for digits in re.findall(rb"\d{14,}", view) + re.findall(rb"\d(?:[ .+-]?\d){13,}", view):
            text = re.sub(rb"\D", b"", digits).decode()
            found |= {text[i:i + n] for n in (14, 15, 16) for i in range(len(text) - n + 1)} & pans
    return found


def quarters(count):
    """Of `count` samples those that count: the size of the first and the last quarter, and how many reloads lie between their middles."""
    late = max(0, count - FIRST)
    part = max(4, late // 4)
    return part, max(1, late - part)


def grown(samples):
    """Kilobytes a reload after the first ones, by medians of the first and last quarter."""
    late = samples[FIRST:]
    part, distance = quarters(len(samples))
    return (statistics.median(late[-part:]) - statistics.median(late[:part])) / distance if late else 0.0


def allowed(count, bare):
    """Kilobytes a reload that are no growth of ours, over `count` samples, where nginx by itself grows by `bare`."""
    return max(bare, 0) + NOISE[0] / quarters(count)[1] + NOISE[1]


def growth(samples, bare):
    """What is wrong with a row of samples, one a reload."""
    if len(samples) < FIRST + 8:
        return ["only %d samples" % len(samples)]
    each = grown(samples)
    return [] if each <= allowed(len(samples), bare) else ["%.2f KB a reload, without the module %.2f" % (each, bare)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--reloads", type=int, help="go on until there were so many, however long it takes")
    parser.add_argument("--patience", type=float, help="seconds after which reloads end though there were too few")
    parser.add_argument("--interval", type=float, default=0.15, help="seconds that the new workers serve before the next reload")
    parser.add_argument("--redis", action="store_true", help="keep the security codes in a Redis of our own")
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    for name, path in (("--module", "ngx_http_cardscrub_module.so"), ("--tool", "cardscrub"), ("--memory-search", "tests/memory_search")):
        parser.add_argument(name, default=os.path.join(suite.TOP, "build", path))
    parser.add_argument("--slow", type=int, default=3, help="factor for all time limits")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    options.seed = "soak"
    folder = tempfile.mkdtemp(prefix="cardscrub-soak-")
    os.chmod(folder, 0o755)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin, run = time.monotonic(), suite.Run(options, folder)
    soak = Soak(run, options)
    try:
        run.prepare()
        run.start_application()
        try:
            soak.all()
        except Exception:  # a phase that ends the run is a failure, and the table is printed all the same
            soak.check("the run came to its end", traceback.format_exc().splitlines()[-8:])
            for case in soak.cases:
                case.secrets = set()
                case.finish()
    except BaseException:  # told to end
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        soak.stop()
        run.stop_application()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    run.stop_application()
    failed = sum(1 for _, wrong, _ in soak.rows if wrong)
    skipped = sum(1 for _, wrong, why in soak.rows if why and not wrong)
    if failed or options.keep:
        print("kept: " + folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print("\nsoak of %d s (%.0f s with all phases), %s, %d cores, nginx %s, %s" % (
        options.seconds, time.monotonic() - begin, platform.machine(), os.cpu_count(),
        subprocess.run([options.nginx, "-v"], stderr=subprocess.PIPE, check=True).stderr.decode().strip().rpartition("/")[2],
        time.strftime("%Y-%m-%d")))
    for name, value in soak.table:
        print("  %-26s %s" % (name, value))
    print("%d skipped" % skipped)
    print("%d passed, %d failed" % (len(soak.rows) - failed - skipped, failed))
    return 0 if failed == 0 and len(soak.rows) > skipped else 1


if __name__ == "__main__":
    sys.exit(main())
