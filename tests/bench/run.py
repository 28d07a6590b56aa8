"""`make bench`: the same bodies through bare nginx, cardscrub, Lua and ModSecurity, side by side (scripts/bench.sh starts it).

Use: run.py MODULE PROGRAMS_FOLDER CARDSCRUB   environment: ROUNDS (5), ONLY (names of rows), CLIENTS (4)
"""
import collections
import datetime
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from measure import Load, forwards, instructions, latency
from variants import Server, free_port, variants, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CARD = b"4111 1111 1111 1111"
CARD_FORM = b"4111+1111+1111+1111"
QUERY = "/pay?order=20260917&session=5f0c9e1b7a2d4c8e&card_number=4111111111111111&amount=49.90"
PLAIN = "/shop/orders?page=2&sort=name"

Body = collections.namedtuple("Body", "name file content_type size")
# requests: in a round; counted: under callgrind; ratio, extra: what must be reached.
Row = collections.namedtuple("Row", "name title body path variant requests counted ratio extra")


def rows(bodies):
    table = [
        ("json300", "300 B JSON, PAN tokenized, code aliased", "json300", PLAIN, "on", 4000, 100, 1.06, 12e3),
        ("form300", "300 B form, PAN tokenized, code aliased", "form300", PLAIN, "on", 4000, 100, 1.06, 12e3),
        ("json1k", "1 KB JSON, no card data", "json1k", PLAIN, "on", 4000, 100, 1.03, 5e3),
        ("json16k", "16 KB JSON, no card data", "json16k", PLAIN, "on", 2000, 50, 1.10, 45e3),
        ("json1m", "1 MB JSON, no card data", "json1m", PLAIN, "on", 80, 5, 1.25, 4e6),
        ("multipart1m", "1 MB multipart with a binary file", "multipart1m", PLAIN, "on", 80, 5, 1.10, 1.5e6),
        ("log", "log redaction alone, POST with query", "json1k", QUERY, "off", 4000, 100, 1.03, 3e3),
        ("off", "scrub off, nothing to redact", "json1k", PLAIN, "off", 4000, 100, 1.005, 500),
    ]
    return [Row(name, title, bodies[body], *rest) for name, title, body, *rest in table]


# Requests a round in proportion to a bare nginx: what takes long is sent less often.
def share(variant, body):
    if variant == "modsecurity":
        return 0.05 if body.size > 100000 else 0.1 if body.size > 10000 else 0.25
    return 0.3 if variant == "lua" and body.size > 100000 else 1


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        text = f.read()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    nginx = subprocess.run(["nginx", "-v"], stderr=subprocess.PIPE, timeout=20).stderr.decode().strip().split("/")[-1]
    return "%s, %d cores; nginx %s; %s" % (model.group(1) if model else os.uname().machine, os.cpu_count(), nginx,
                                          "Linux " + os.uname().release.split("-")[0])


def amount(value):
    if abs(value) >= 1e6:
        return "%.2f M" % (value / 1e6)
    return "%.1f k" % (value / 1e3)


def verdict(value, target):
    return "-" if value is None else "pass" if value <= target else "MISS"


class Bench:
    def __init__(self, module, programs, tool):
        self.folder = tempfile.mkdtemp(prefix="cardscrub-bench-")
        os.chmod(self.folder, 0o755)
        self.module, self.programs, self.tool = os.path.abspath(module), os.path.abspath(programs), os.path.abspath(tool)
        cpus = sorted(os.sched_getaffinity(0))
        self.cpu, self.others = cpus[-1], cpus[:-1] or cpus
        self.rounds = int(os.environ.get("ROUNDS") or 5)
        self.clients = int(os.environ.get("CLIENTS") or 4)
        self.load = Load(self.folder, self.others)
        self.others_load = os.getloadavg()[0]
        self.application, self.servers, self.keys, self.upstream = None, {}, None, 0

    def prepare(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=shop.test", "-keyout", self.folder + "/tls.key", "-out", self.folder + "/tls.pem"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        self.keys = self.folder + "/keys.json"
        subprocess.run([self.tool, "keys", "new", "--file", self.keys], check=True, stdout=subprocess.DEVNULL, timeout=60)
        os.mkdir(self.folder + "/bodies")
        listed = subprocess.run([self.programs + "/core_bench", "--write", self.folder + "/bodies"], check=True,
                                stdout=subprocess.PIPE, timeout=60).stdout.decode()
        bodies = {}
        for line in listed.splitlines():
            path, content_type = line.split("\t")
            name = os.path.basename(path)
            bodies[name] = Body(name, path, content_type, os.path.getsize(path))
        self.upstream = free_port()
        self.application = subprocess.Popen(["taskset", "-c", ",".join(str(c) for c in self.others),
                                             self.programs + "/upstream", str(self.upstream)])
        if not wait_for(self.upstream, self.application, 10):
            raise SystemExit("bench: the application does not start")
        return bodies

    def start(self, variant, wrap=None, upstream=0):
        return Server(variant, os.path.join(self.folder, variant.name + ("-counted" if wrap else "")), self.keys,
                      upstream or self.upstream, self.cpu, wrap)

    def stop(self):
        for server in self.servers.values():
            server.stop()
        if self.application:
            self.application.terminate()
            self.application.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self, server, bodies):
        """Nobody is measured who does not do his work."""
        for name in ("json300", "form300", "json16k"):
            status, sent, got = forwards(server, bodies[name], PLAIN)
            has_card = CARD in got or CARD_FORM in got
            wrong = status != 200 or len(got) != len(sent)
            if name == "form300" and server.variant.name == "lua":
                wrong = wrong or got != sent  # its expression does not know '+': what such a rule misses
            elif name == "json16k" or not server.variant.scrubs:
                wrong = wrong or got != sent
            else:
                wrong = wrong or has_card
            if wrong:
                raise SystemExit("bench: variant %s does not do what it should with %s: status %d, %d bytes for %d\n%s" %
                                 (server.variant.name, name, status, len(got), len(sent), server.complaints()))

    def measure(self, table):
        """CPU times: {(row, protocol, variant): [us in each round]}."""
        cpu = collections.defaultdict(list)
        for turn in range(-1, self.rounds):  # the first one warms up
            for row in table:
                for http2 in (False, True):
                    names = list(self.servers) if not http2 else ["bare", "off", "on"]
                    if row.variant == "off":
                        names = ["bare", "off"] + (["lua"] if row.name == "log" and not http2 else [])
                    # The order turns, so that nobody always runs behind the same neighbour.
                    shift = turn % len(names)
                    for name in names[shift:] + names[:shift]:
                        requests = max(4, int(row.requests * share(name, row.body) * (0.1 if turn < 0 else 1)))
                        us = self.load.cpu_us(self.servers[name], row.body, row.path, requests, self.clients, http2)
                        if turn >= 0:
                            cpu[row.name, http2, name].append(us)
            if turn >= 0:
                print("bench: round %d of %d" % (turn + 1, self.rounds), file=sys.stderr, flush=True)
        return cpu


def ratio(cpu, row, http2, name):
    """The median of the ratios to bare nginx in the same round."""
    values, bare = cpu.get((row.name, http2, name)), cpu.get((row.name, http2, "bare"))
    return statistics.median(v / b for v, b in zip(values, bare)) if values and bare else None


def text(value, form="%.3f"):
    return "-" if value is None else form % value


def report(bench, table, cpu, counts, delays, memory, seconds):
    lines = ["# Results of `make bench`", "",
             "%s. %s. One worker on one core, TLS 1.3, keep-alive, %d clients; %d rounds, medians; took %d s." %
             (datetime.date.today().isoformat(), machine(), bench.clients, bench.rounds, seconds),
             "Load of the machine at the start: %.1f. Processor times count when it is below 0.5; instructions always do." %
             bench.others_load,
             "Command: `make bench%s`." % "".join(" %s=%s" % (n, os.environ[n]) for n in ("ROUNDS", "CLIENTS", "ONLY")
                                                 if os.environ.get(n)), "",
             "Processor time of the worker a request against bare nginx in the same round (kernel's scheduler statistics), and user",
             "instructions a request beyond bare nginx (callgrind; one request at a time, written whole, when the worker is at rest).", "",
             "| body | bare us | cardscrub | target | | HTTP/2 | | extra instructions | target | |",
             "|---|---:|---:|---:|---|---:|---|---:|---:|---|"]
    missed = 0
    for row in table:
        h1, h2 = ratio(cpu, row, False, row.variant), ratio(cpu, row, True, row.variant)
        extra = counts[row.variant].get(row.name) - counts["bare"].get(row.name) if counts else None
        verdicts = [verdict(h1, row.ratio), verdict(h2, row.ratio), verdict(extra, row.extra)]
        missed += verdicts.count("MISS")
        lines.append("| %s | %.1f | %s | %.3f | %s | %s | %s | %s | %s | %s |" % (
            row.title, statistics.median(cpu[row.name, False, "bare"]), text(h1), row.ratio, verdicts[0], text(h2), verdicts[1],
            amount(extra) if extra is not None else "-", amount(row.extra), verdicts[2]))
    others = [n for n in ("off", "on", "monitor", "lua", "modsecurity") if n in bench.servers]
    lines += ["", "All, ratio to bare nginx over HTTP/1.1:", "", "| body | %s |" % " | ".join(others),
              "|---|" + "---:|" * len(others)]
    for row in table:
        lines.append("| %s | %s |" % (row.title, " | ".join(text(ratio(cpu, row, False, n), "%.2f") for n in others)))
    if delays:
        lines += ["", "Latency of one client in us, p50 / p99:", "", "| body | %s |" % " | ".join(delays[0][1]),
                  "|---|" + "---:|" * len(delays[0][1])]
        for title, values in delays:
            lines.append("| %s | %s |" % (title, " | ".join("%d / %d" % v for v in values.values())))
    lines += ["", "Worker after all of this, resident memory in MB (of which shared zones; target for cardscrub: 12, bodies in "
              "flight and the zone of security codes not counted):", "", "| %s |" % " | ".join(memory), "|" + "---:|" * len(memory),
              "| %s |" % " | ".join("%.1f (%.1f)" % (a / 1024, s / 1024) for a, s in memory.values())]
    own = (memory["on"][0] - memory["on"][1]) / 1024 if "on" in memory else None
    if own is not None:
        lines += ["", "cardscrub on: %.1f MB without the zone: %s." % (own, verdict(own, 12))]
        missed += own > 12
    lines += ["", "%d figures miss their target." % missed if missed else "Every figure meets its target."]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    begin = datetime.datetime.now()
    bench = Bench(*sys.argv[1:])
    try:
        bodies = bench.prepare()
        table = rows(bodies)
        only = (os.environ.get("ONLY") or "").split()
        table = [row for row in table if not only or row.name in only]
        if not table:
            raise SystemExit("bench: ONLY names no row; rows: " + " ".join(row.name for row in rows(bodies)))
        for variant in variants(bench.module):
            bench.servers[variant.name] = bench.start(variant)
            bench.check(bench.servers[variant.name], bodies)
        cpu = bench.measure(table)
        delays = []
        for row in table:
            if row.variant == "on":
                delays.append((row.title, {name: latency(bench.load, bench.servers[name], row.body, row.path,
                                                         max(40, row.requests // 8)) for name in ("bare", "on", "lua")}))
        memory = {name: server.memory() for name, server in bench.servers.items()}
        counts = {}
        print("bench: counting instructions", file=sys.stderr, flush=True)
        for variant in variants(bench.module):
            if variant.name in ("bare", "off", "on"):
                counted = [row for row in table if variant.name in ("bare", row.variant)]
                counts[variant.name] = instructions(bench.start, variant, counted, bench.folder) if counted else {}
        out = report(bench, table, cpu, counts, delays, memory, (datetime.datetime.now() - begin).seconds)
    finally:
        bench.stop()
    print(out)
    if not only:
        with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as f:
            f.write(out)


main()
