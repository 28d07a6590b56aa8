"""What `make bench` reads off: processor time, latency and user instructions of one server under an exact number of requests."""
import glob
import http.client
import os
import re
import ssl
import statistics
import subprocess
import time

from steady import Application, SteadyClient


class Load:
    """h2load with one body. Pinned to the processors that the workers do not run on."""

    def __init__(self, folder, cpus):
        self.folder, self.cpus = folder, ",".join(str(c) for c in cpus)

    def run(self, server, body, path, requests, clients, http2=False, log=False):
        """Sends exactly `requests`; every answer must be 200. Returns the latencies in us when `log`."""
        command = ["taskset", "-c", self.cpus, "h2load", "-n", str(requests), "-c", str(min(clients, requests)), "-d", body.file,
                   "-H", "content-type: " + body.content_type]
        if not http2:
            command.append("--h1")
        log_file = os.path.join(self.folder, "latency.log")
        if log:
            if os.path.exists(log_file):
                os.unlink(log_file)
            command.append("--log-file=" + log_file)
        command.append("https://127.0.0.1:%d%s" % (server.port, path))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
        out = done.stdout.decode("utf-8", "replace")
        if not re.search(r"status codes: %d 2xx, 0 3xx, 0 4xx, 0 5xx" % requests, out):
            raise SystemExit("bench: %s, %s: not every answer was 200\n%s\n%s" %
                             (server.variant.name, body.name, out[-1500:], server.complaints()))
        if not log:
            return []
        with open(log_file, encoding="ascii") as f:
            return [int(line.split("\t")[2]) for line in f]

    def cpu_us(self, server, body, path, requests, clients, http2=False):
        """Processor time of the worker for one request, in us."""
        before = server.cpu_ns()
        self.run(server, body, path, requests, clients, http2)
        time.sleep(0.01)
        return (server.cpu_ns() - before) / requests / 1000


def latency(load, server, body, path, requests):
    values = sorted(load.run(server, body, path, requests, 1, log=True))
    return statistics.median(values), values[min(len(values) - 1, len(values) * 99 // 100)]


def forwards(server, body, path):
    """What the application gets of a body."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=context)
    with open(body.file, "rb") as f:
        sent = f.read()
    connection.request("POST", "/echo" + path, sent, {"Content-Type": body.content_type})
    answer = connection.getresponse()
    got = answer.read()
    connection.close()
    return answer.status, sent, got


def instructions(start, variant, rows, folder):
    """User instructions of a request for each row, by callgrind: one process for a variant, totals dumped after each row's
    requests. `start` makes the server under the command given, before the application at the port given."""
    out = os.path.join(folder, "callgrind.out")
    wrap = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, "--log-file=" + os.path.join(folder, "valgrind.log")]
    application = Application()
    server = start(variant, wrap, application.port)
    counts = {}
    try:
        with SteadyClient(server, application) as client:
            for row in rows:
                client.post(row.body, row.path, 20)  # caches, the connection to the application
                for name in glob.glob(out + ".*"):
                    os.unlink(name)
                control(server, "--zero")
                client.post(row.body, row.path, row.counted)
                control(server, "--dump")
                counts[row.name] = total(out) / row.counted
    finally:
        application.close()
        server.stop()
    return counts


def control(server, command):
    done = subprocess.run(["callgrind_control", command, str(server.process.pid)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    if done.returncode != 0 or b"Error" in done.stdout:
        raise SystemExit("bench: callgrind_control: " + done.stdout.decode("utf-8", "replace"))


def total(out):
    """The total of the dumps that callgrind wrote (it appends a number to the name)."""
    for _ in range(100):
        for name in glob.glob(out + ".*"):
            with open(name, encoding="ascii", errors="replace") as f:
                found = re.search(r"^(?:summary|totals): (\d+)", f.read(), re.MULTILINE)
            if found:
                return int(found.group(1))
        time.sleep(0.1)
    raise SystemExit("bench: callgrind wrote no dump")
