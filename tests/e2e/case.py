"""What a case gets: servers, card numbers, and the questions that all cases ask."""
import json
import os
import random
import re
import socket
import subprocess

import cards
import server as nginx
import sweep


class Skip(Exception):
    """This machine cannot do what the case needs; the message says what is missing."""


class Case:
    def __init__(self, run, name, folder):
        self.run, self.name, self.folder = run, name, folder
        self.rng = random.Random(name)
        self.servers = []
        self.endings = []           # what else is to be stopped when the case is over, last first
        self.origins = []           # applications that the case runs itself
        self.secrets = set()        # card numbers that may be found nowhere
        self.codes = set()          # security codes that may be found nowhere beside their name
        self.expected_faults = []   # regular expressions: lines of the error log that belong to the case
        self.expected_leaks = []    # regular expressions: what the sweep must find (it must, or the case fails)
        self.app_may_see = False    # the application gets clear numbers: off, monitor
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)

    # ---- making things

    def syslog(self):
        """A socket that syslog messages come to, and its path."""
        path = os.path.join(self.folder, "syslog")
        sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.at_end(sink.close)
        sink.bind(path)
        os.chmod(path, 0o777)
        sink.settimeout(30 * self.run.slow)
        return sink, path

    def without_tools(self):
        """Skips the case under valgrind and the sanitizers, whose memory is not as nginx alone has it."""
        if os.environ.get("CARDSCRUB_WRAP"):
            raise Skip("nginx runs under a tool that has memory of its own")

    def at_end(self, stop):
        """`stop` is called when the case is over, whatever became of it."""
        self.endings.append(stop)

    def nginx(self, **parts):
        """A started server; its parts as for server.Server."""
        s = self.server(**parts)
        s.start()
        return s

    def server(self, **parts):
        """A server that is not started."""
        s = nginx.Server(self.run, os.path.join(self.folder, "nginx%d" % len(self.servers)), self.name, **parts)
        self.servers.append(s)
        return s

    def origin(self, kind, **options):
        """A started application of a class of origin.py; what it was sent is swept at the end."""
        o = kind(self.folder, **options)
        self.origins.append(o)
        self.endings.append(o.stop)
        return o

    def card(self, brand="visa"):
        """A fresh card number that the sweep looks for from now on."""
        number = cards.generate(self.rng, brand)
        self.secrets.add(number)
        return number

    def published(self, brand):
        self.secrets.add(cards.PUBLISHED[brand])
        return cards.PUBLISHED[brand]

    def code(self, length=3):
        code = str(self.rng.randrange(10 ** (length - 1), 10 ** length))
        self.codes.add(code)
        return code

    def wrong(self, number):
        """A mistyped number: a secret too."""
        out = cards.mistype(number)
        self.secrets.add(out)
        return out

    def tool(self, *arguments, data=b"", status=0, env=None):
        """Runs the command line tool; its output. Fails when the exit status is another one."""
        run = subprocess.run([self.run.tool, *arguments], input=data if isinstance(data, bytes) else data.encode(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                             env={**os.environ, **env} if env else None)
        out = run.stdout.decode("utf-8", "surrogateescape")
        err = run.stderr.decode("utf-8", "replace")
        if status is not None and run.returncode != status:
            raise AssertionError("cardscrub %s: exit status %d instead of %d\n%s%s" %
                                 (" ".join(map(os.fsdecode, arguments)), run.returncode, status, out[-1500:], err[-1500:]))
        self.tool_status, self.tool_error = run.returncode, err
        return out

    # ---- asking things

    def equal(self, got, wanted, what=""):
        if got != wanted:
            raise AssertionError("%s: got %s, wanted %s" % (what or "differs", shown(got), shown(wanted)))

    def true(self, condition, what):
        if not condition:
            raise AssertionError(what)

    def has(self, text, pattern, what=""):
        if not re.search(pattern, text, re.S):
            raise AssertionError("%s: %r is not in %s" % (what or "missing", pattern, shown(text)))

    def token(self, got, pan, generation="9"):
        """Asserts that `got` is a last4 token of `pan`."""
        problem = ("not digits" if not re.fullmatch(r"[0-9]+", got) else
                   "length %d, not %d" % (len(got), len(pan)) if len(got) != len(pan) else
                   "does not start with %s" % generation if got[0] != generation else
                   "does not end in the last four" if got[-4:] != pan[-4:] else
                   "is the card number" if got == pan else "")
        if problem:
            raise AssertionError("not a token of %s...%s: %r %s" % (pan[:2], pan[-4:], got, problem))
        return got

    def alias(self, got, code):
        """Asserts that `got` is an alias of `code`."""
        if not re.fullmatch(r"[1-9][0-9]*", got) or len(got) != len(code) or got == code:
            raise AssertionError("not an alias of a code of %d digits: %r" % (len(code), got))
        return got

    def swapped(self, sent, got, *changes):
        """Asserts law 1 and law 2: `got` is `sent` with each change's digits replaced in place, and nothing else.

        A change is (value, kind) or (value, kind, form): kind "token", "alias", "mask" (BIN and last four stay),
        "stars"; form as in cards.FORMS. The values must stand in `sent` in this order. Returns what came in their place.
        """
        if isinstance(sent, str):
            sent = sent.encode("utf-8")
        self.equal(len(got), len(sent), "length of %s" % shown(got))
        out, at = [], 0
        for change in changes:
            value, kind = change[0], change[1]
            form = change[2] if len(change) > 2 else "plain"
            wire = cards.written(value, form).encode()
            begin = sent.find(wire, at)
            self.true(begin >= 0, "the case is wrong: %r is not in what it sent" % wire)
            self.equal(got[at:begin], sent[at:begin], "bytes in front of finding %d" % (len(out) + 1))
            at = begin + len(wire)
            new = cards.read_back(got[begin:at].decode("latin-1"), form)
            digits = re.sub(r"[ .-]", "", value)
            bare = "".join(c for c, old in zip(new, value) if old.isdigit())
            self.equal("".join(c for c in new if not c.isdigit() and c != "*"),
                       "".join(c for c in value if not c.isdigit()), "separators inside finding %d" % (len(out) + 1))
            if kind == "token":
                self.token(bare, digits)
            elif kind == "alias":
                self.alias(bare, digits)
            elif kind == "mask":
                self.equal(bare, digits[:6] + "*" * (len(digits) - 10) + digits[-4:], "mask")
            elif kind == "stars":
                self.equal(bare, "*" * len(digits), "mask of a code")
            else:
                raise AssertionError("no such kind: " + kind)
            out.append(bare)
        self.equal(got[at:], sent[at:], "bytes behind the last finding")
        return out

    def refused(self, reply, status=422, **fields):
        """Asserts an RFC 9457 answer that names exactly these fields with these reasons; pan_luhn stands for pan.luhn."""
        self.equal(reply.status, status, "status of %s" % reply)
        self.equal(reply.headers.get("content-type", "").split(";")[0], "application/problem+json", "Content-Type")
        problem = reply.json()
        self.equal(problem.get("status"), status, "status in the body")
        self.true(problem.get("title") and problem.get("type"), "no title or type: %s" % problem)
        if fields:
            got = {e.get("field", ""): e["reason"] for e in problem["errors"]}
            self.equal(got, fields, "errors")
        for e in problem["errors"]:
            self.true(len(e.get("detail", "")) > 10, "no sentence for a person in %s" % e)
        return problem

    def reasons(self, reply):
        return sorted({e["reason"] for e in reply.json()["errors"]})

    def no_digits(self, reply):
        """The answer quotes nothing: no more than three digits in a row but the status' and an offset's."""
        text = reply.body.decode("utf-8", "replace")
        bad = [d for d in re.findall(r"\d{4,}", re.sub(r'"offset":\d+', "", text))]
        self.equal(bad, [], "digits in the answer %s" % text)

    def seen(self):
        """What reached the application in this case so far."""
        path = os.path.join(self.run.seen, self.name + ".jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as f:
            import client
            return [client.Seen(json.loads(line)) for line in f]

    # ---- the end

    def finish(self):
        """Stops the servers and sweeps. Returns what was wrong."""
        wrong, leaks = [], []
        for s in self.servers:
            wrong += s.stop()
        while self.endings:
            self.endings.pop()()
        nginx.release_ports()
        # The random alias of one code may be another code of the case; it is never its own. Logs hold no aliases.
        alone = self.codes if len(self.codes) == 1 else ()
        for s in self.servers:
            leaks += sweep.leaks(s.prefix, s.skip, self.secrets, lambda path: self.codes if path.startswith("logs/") else alone)
            for path in sweep.files_below(os.path.join(s.prefix, "logs"), s.skip):
                with open(path, encoding="utf-8", errors="replace") as f:
                    wrong += ["%s: %s" % (os.path.basename(path), line) for line in
                              nginx.faults_in(f.read(), self.expected_faults + s.ended)]
        logs = [path for s in self.servers for path in sweep.files_below(os.path.join(s.prefix, "logs"), s.skip)
                if os.path.getsize(path)]
        found = sweep.scan(self.run.tool, self.run.keys, logs)
        if found and not self.expected_leaks:
            leaks.append("cardscrub scan finds in the logs: " + found[:500])
        if not self.app_may_see:
            for request in self.seen():
                data = request.everything()
                leaks += ["the application received %s" % what for what in
                          sorted(sweep.pans_in(data, self.secrets)) + sorted(sweep.codes_in(data, alone))]
            leaks += ["an origin received %s" % what for o in self.origins for what in
                      sorted(sweep.pans_in(o.everything(), self.secrets)) + sorted(sweep.codes_in(o.everything(), alone))]
        for pattern in self.expected_leaks:
            if not any(re.search(pattern, leak) for leak in leaks):
                wrong.append("the sweep did not find what must be there: " + pattern)
        wrong += [leak for leak in leaks if not any(re.search(p, leak) for p in self.expected_leaks)]
        return wrong


def shown(value):
    text = repr(value)
    return text if len(text) <= 1200 else text[:700] + " ... " + text[-400:]
