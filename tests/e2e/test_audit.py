"""The audit log: what it says, its chain, what becomes of requests when it cannot be written."""
import fcntl
import json
import os
import select
import signal
import socket
import time

import server

AUDIT = "cardscrub_audit_log logs/audit.log;"
EMPTY_PREV = "0" * 32


def audit_lines(t, s, count=0, name="audit.log"):
    """The log's lines, parsed; waits until there are `count` of them."""
    return [json.loads(line) for line in s.log(name, lines=count) if line]


def events(rows, *kinds):
    return [r for r in rows if r["event"] in kinds]


def linked(t, rows):
    for before, row in zip(rows, rows[1:]):
        t.equal((row["chain"], row["seq"], row["prev"]), (before["chain"], before["seq"] + 1, before["mac"]),
                "the link of line %s" % row)


def paths(s, *names):
    return [os.path.join(s.prefix, "logs", name) for name in names or ("audit.log",)]


def intact(t, s, *names, options=()):
    """cardscrub audit verify finds nothing wrong; its output."""
    return t.tool("audit", "verify", "--keys", s.keys, *options, *paths(s, *names))


def test_events_of_a_request(t):
    s = t.nginx(http=AUDIT, locations="location /pay { include app.conf; }")
    pan, code = t.card(), t.code()
    seen = s.post("card_number=%s&cvv=%s" % (pan, code)).seen
    s.post("card_number=%s" % t.wrong(pan))
    rows = audit_lines(t, s, 6)
    t.equal([r["event"] for r in rows], ["start", "key_use", "finding", "finding", "finding", "rejection"], "events")
    linked(t, rows)
    t.equal((rows[0]["seq"], rows[0]["prev"]), (1, EMPTY_PREV), "the chain's first line")
    found = rows[2]
    t.has(found["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", "time")
    t.equal(found["host"], socket.gethostname().lower(), "host")
    t.true(found["pid"] in s.workers, "the worker's process id: %s" % found)
    t.has(found["request"], r"^[0-9a-f]{32}$", "request id")
    wanted = dict(client="127.0.0.1", server="shop.test", location="/pay", field="card_number", kind="pan", brand="visa",
                  action="tokenize", outcome="success", count=1, token=seen.form[0][1], generation=9)
    t.equal({k: found.get(k) for k in wanted}, wanted, "finding")
    wanted = dict(field="cvv", kind="code", action="alias", token=seen.form[0][1])
    t.equal({k: rows[3].get(k) for k in wanted}, wanted, "finding of the code")
    wanted = dict(field="card_number", kind="pan", action="reject", reason="pan.luhn", outcome="failure")
    t.equal({k: rows[4].get(k) for k in wanted}, wanted, "finding of the mistyped number")
    t.equal((rows[5]["reason"], rows[5]["outcome"]), ("pan.luhn", "failure"), "rejection")
    t.true("fingerprint" not in json.dumps(rows), "a hash beside a token that ends in the last four")
    s.stop()
    t.equal(audit_lines(t, s)[-1]["event"], "stop", "last line")
    t.has(intact(t, s), "closed", "the chain")


def test_the_request_id_is_that_of_the_access_log(t):
    s = t.nginx(http=AUDIT, logs="log_format id '$request_id'; access_log logs/id.log id;")
    s.post("card_number=" + t.card(), path="/?n=" + t.card())
    ids = {r["request"] for r in events(audit_lines(t, s, 4), "finding")}
    t.equal(ids, set(s.log("id.log", lines=1)), "request ids")


def test_what_a_line_says_of_a_card(t):
    for words, wanted in (("", {"token"}), ("token", {"token"}), ("fingerprint", {"fingerprint"}), ("none", set()),
                          ("token fingerprint", {"token", "fingerprint"})):
        s = t.nginx(http="cardscrub_audit_log logs/audit.log %s;" % words)
        s.post("card_number=" + t.card())
        row = events(audit_lines(t, s, 3), "finding")[0]
        t.equal({"token", "fingerprint"} & set(row), wanted, "members with %r" % words)
        s.stop()


def test_equal_cards_have_equal_fingerprints(t):
    s = t.nginx(http="cardscrub_audit_log logs/audit.log fingerprint;",
                logs="log_format f '$cardscrub_fingerprint'; access_log logs/f.log f;")
    pan = t.card()
    s.post("card_number=%s&note=%s+and+%s" % (pan, pan, t.card()))
    prints = [r["fingerprint"] for r in events(audit_lines(t, s, 5), "finding")]
    t.equal((prints[0] == prints[1], prints[0] == prints[2]), (True, False), "fingerprints")
    t.equal(s.log("f.log", lines=1), [prints[0]], "$cardscrub_fingerprint")


def test_equal_events_are_one_line(t):
    s = t.nginx(http=AUDIT)
    pan = t.card()
    s.post('{"x":[%s]}' % ",".join('"%s"' % pan for _ in range(50)), "application/json")
    rows = events(audit_lines(t, s, 3), "finding")
    t.equal([r["count"] for r in rows], [50], "counts")


def test_many_events_are_bounded(t):
    s = t.nginx(http=AUDIT)
    cards = [t.card() for _ in range(1005)]
    t.secrets = set(cards[::200])  # the sweep takes its time for each
    t.equal(s.post("\n".join(cards), "text/plain").status, 200, "status")
    rows = events(audit_lines(t, s, 1003), "finding")
    t.equal((len(rows), rows[-1]["count"], "token" in rows[-1]), (1001, 5, False), "lines, and the rest in one")
    linked(t, audit_lines(t, s))


def test_head_monitor_user(t):
    s = t.nginx(http=AUDIT, server="cardscrub monitor; cardscrub_audit_user $http_x_user;")
    t.app_may_see = True
    pan = t.card()
    s.post("a=1&card_number=" + pan, options=("-H", 'X-User: al"ice ' + pan))
    row = next(r for r in events(audit_lines(t, s, 3), "finding") if r.get("field") == "card_number")
    t.equal((row["mode"], row["action"], row["user"]), ("monitor", "none", 'al"ice ' + pan[:6] + "*" * 10), "monitor")
    t.true("token" not in row, "monitor makes no tokens")


def test_nothing_found_nothing_written(t):
    s = t.nginx(http=AUDIT)
    s.post("a=1")
    s.curl("/")
    s.stop()
    t.equal([r["event"] for r in audit_lines(t, s)], ["start", "key_use", "stop"], "events")


def test_http2_and_head(t):
    s = t.nginx(http=AUDIT)
    s.curl("/p/%s?card_number=%s" % (t.card(), t.card()), "--http2", "-H", "X-Card: " + t.card())
    rows = events(audit_lines(t, s, 5), "finding")
    t.true(len(rows) >= 3 and all(r["kind"] == "pan" for r in rows), "findings of the head: %s" % rows)


def test_refusal_before_the_body(t):
    s = t.nginx(http=AUDIT)
    s.curl("/up", "-H", "Upgrade: websocket", "-H", "Connection: Upgrade", "--http1.1")
    t.equal([r["reason"] for r in events(audit_lines(t, s, 3), "rejection")], ["upgrade"], "rejections")


def test_reload_says_what_has_changed(t):
    s = t.nginx(http=AUDIT)
    before = audit_lines(t, s, 2)[0]
    s.reload()
    s.parts["server"] = "cardscrub on; cardscrub_pan mask;"
    s.write()
    t.tool("keys", "rotate", "--file", s.keys)
    s.reload()
    s.post("card_number=" + t.card())
    rows = audit_lines(t, s, 8)
    linked(t, rows)
    changes = events(rows, "configuration")
    t.equal((changes[0]["was"], changes[0]["digest"]), (before["digest"], before["digest"]), "a reload without a change")
    t.equal(changes[1]["was"], before["digest"], "digest before")
    t.true(changes[1]["digest"] != before["digest"], "the digest after a change")
    t.equal([os.path.basename(r["file"]) for r in changes[2:]], ["nginx.conf"], "files that changed")
    t.equal([r["action"] for r in events(rows, "key_use")], ["load", "load", "load", "drop"], "keys: %s" % events(rows, "key_use"))
    t.equal([r["key"][0] for r in events(rows, "start", "finding")], ["9", "7"], "generation whose key links the lines")
    intact(t, s)


def test_rotation(t):
    s = t.nginx(http=AUDIT, workers=2)
    for _ in range(4):
        s.post("card_number=" + t.card())
    logs = os.path.join(s.prefix, "logs")
    os.rename(logs + "/audit.log", logs + "/audit.log.1")
    for _ in range(4):  # still to the old file
        s.post("card_number=" + t.card())
    os.kill(s.process.pid, signal.SIGUSR1)
    end = time.monotonic() + s.limit
    while not os.path.exists(logs + "/audit.log") and time.monotonic() < end:
        time.sleep(0.01)
    for _ in range(20):  # by workers that have reopened their files and others that have not
        s.post("card_number=" + t.card())
    s.stop()
    old, new = audit_lines(t, s, name="audit.log.1"), audit_lines(t, s)
    t.equal(new[0]["event"], "rotation", "first line of the new file")
    t.equal(len(events(old + new, "finding")), 28, "findings")
    linked(t, old + new)
    t.equal(os.stat(logs + "/audit.log").st_mode & 0o7, 0, "rights of the others")
    intact(t, s, "audit.log.1", "audit.log")
    t.has(intact(t, s, "audit.log"), "older file", "the new file alone")
    t.tool("audit", "verify", "--keys", s.keys, *paths(s, "audit.log", "audit.log.1"), status=1)


def test_workers_share_one_chain(t):
    s = t.nginx(http=AUDIT, workers=3)
    for _ in range(30):
        s.post("card_number=" + t.card())
    rows = audit_lines(t, s, 32)
    linked(t, rows)
    t.equal(len(events(rows, "finding")), 30, "findings")


def full(s):
    """Makes the log's disk full: /dev/full in its place, after rotation."""
    path = os.path.join(s.prefix, "logs", "audit.log")
    os.rename(path, path + ".1")
    os.symlink("/dev/full", path)
    s.reopen("audit.log")


def test_disk_full_rejects(t):
    t.expected_faults.append("audit log .* cannot be written")
    s = t.nginx(http=AUDIT, locations="location / { include app.conf; } location /stream { proxy_request_buffering off; include app.conf; }"
                                      " location = /status { cardscrub off; cardscrub_status; }")
    s.post("card_number=" + t.card())
    full(s)
    for path in ("/pay", "/stream"):
        reply = s.post("card_number=" + t.card(), path=path)
        t.refused(reply, 503)
        t.equal(t.reasons(reply), ["audit.down"], "reasons")
    t.refused(s.curl("/?n=" + t.card()), 503)
    t.equal(s.post("a=1").status, 200, "a request without an event")
    t.equal(len(t.seen()), 2, "requests that reached the application")
    alerts = [line for line in s.error_log().splitlines() if "cannot be written" in line]
    t.equal(len(alerts), 1, "alerts")
    t.has(alerts[0], r"\[alert\].*No space left on device", "the alert")
    path = os.path.join(s.prefix, "logs", "audit.log")
    os.unlink(path)
    os.rename(path + ".1", path)
    s.reopen("audit.log")
    t.equal(s.post("card_number=" + t.card()).status, 200, "status when there is room again")
    rows = audit_lines(t, s)
    linked(t, rows)
    lost = events(rows, "fault")
    t.equal([(r["reason"], r["count"]) for r in lost], [("audit.down", 3)], "what was lost")
    t.has(s.error_log(), "is written again", "the notice")
    t.has(intact(t, s), "3 events could not be written", "word of what was lost")
    status = s.curl("/status").json()["audit"]
    t.equal((status["lost"], status["head"]), (3, "%s:%d:%s" % (rows[-1]["chain"], rows[-1]["seq"], rows[-1]["mac"])), "status")


def test_disk_full_continues(t):
    t.expected_faults.append("audit log .* cannot be written")
    s = t.nginx(http=AUDIT + "cardscrub_audit_failure continue;",
                locations="location / { include app.conf; } location = /status { cardscrub off; cardscrub_status; }")
    full(s)
    pan = t.card()
    t.token(s.post("card_number=" + pan).seen.form[0][1], pan)
    status = s.curl("/status").json()["audit"]
    t.equal(status["lost"], 1, "events that were lost")


def test_monitor_stands_in_nobodys_way(t):
    t.expected_faults.append("audit log .* cannot be written")
    t.app_may_see = True
    s = t.nginx(http=AUDIT, server="cardscrub monitor;")
    full(s)
    t.equal(s.post("card_number=" + t.card()).status, 200, "status")


def test_removed_file_is_made_again_or_refused(t):
    t.expected_faults.append("audit log .* cannot be written")
    s = t.nginx(http=AUDIT)
    os.unlink(os.path.join(s.prefix, "logs", "audit.log"))
    t.refused(s.post("card_number=" + t.card()), 503)  # the worker may make no file there
    s.reopen("audit.log")
    t.equal(s.post("card_number=" + t.card()).status, 200, "status after USR1")


def test_killed_worker(t):
    t.expected_faults.append(r"exited on signal 9")
    s = t.nginx(http=AUDIT, workers=1)
    for _ in range(3):
        s.post("card_number=" + t.card())
        victim = next(iter(s.workers))
        os.kill(victim, signal.SIGKILL)
        end = time.monotonic() + s.limit
        while victim in server.children(s.process.pid) or not server.children(s.process.pid):
            t.true(time.monotonic() < end, "no new worker")
            time.sleep(0.01)
        s.workers = server.children(s.process.pid)
    s.post("card_number=" + t.card())
    linked(t, audit_lines(t, s, 6))
    intact(t, s)


def test_worker_killed_while_it_writes(t):
    """The log is a pipe that is full: the worker stands in write() with the lock, and is killed there."""
    t.expected_faults += [r"exited on signal 9", r"was locked by"]
    s = t.server(http=AUDIT)
    path = paths(s)[0]
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    got = b""

    def drain():
        out = b""
        while True:
            try:
                out += os.read(pipe, 65536)
            except BlockingIOError:
                return out
    try:
        fcntl.fcntl(pipe, 1031, 16384)  # F_SETPIPE_SZ
        s.start()
        victim = next(iter(s.workers))
        body = "\n".join(t.card() for _ in range(100)).encode()
        t.secrets = set(list(t.secrets)[:5])
        with s.wire() as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" %
                      (server.HOST.encode(), len(body)) + body)
            end = time.monotonic() + s.limit
            while select.select([], [pipe], [], 0)[1]:
                t.true(time.monotonic() < end, "the pipe does not get full")
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
        while victim in server.children(s.process.pid) or not server.children(s.process.pid):
            t.true(time.monotonic() < end, "no new worker")
            time.sleep(0.01)
        s.workers = server.children(s.process.pid)
        got += drain()
        t.equal(t.seen(), [], "requests that reached the application")
        t.equal(s.post("card_number=" + t.card()).status, 200, "status after the worker's death")
        got += drain()
        s.stop()
        got += drain()
    finally:
        os.close(pipe)
    rows = [json.loads(line) for line in got.splitlines() if line.endswith(b"}")]
    recovery = events(rows, "recovery")
    t.equal([(r["after"], r["torn"]) for r in recovery], [(2, 1)], "recovery")
    t.true(2 < len(events(rows, "finding")) < 101, "findings: the first of 100, and one; got %d" % len(events(rows, "finding")))
    t.has(t.tool("audit", "verify", "--keys", s.keys, data=got), "the process that wrote them died", "the note")
    t.tool("audit", "verify", "--keys", s.keys, data=got.replace(b'"seq":2,', b'"seq":3,'), status=1)


def test_syslog(t):
    sink, path = t.syslog()
    s = t.nginx(http="cardscrub_audit_log syslog:server=unix:%s,tag=cards;" % path)
    s.post("card_number=" + t.card())
    s.stop()
    got = [sink.recv(65536).decode() for _ in range(4)]
    rows = [json.loads(line[line.index("{"):]) for line in got]
    t.has(got[0], r"^<\d+>.* cards: \{", "header")
    t.equal([r["event"] for r in rows], ["start", "key_use", "finding", "stop"], "events")
    linked(t, rows)


def deep(pan, levels, name):
    """A card number below so many objects with long names: its path is as long as the client wants it to be."""
    return ('{"%s":' % name) * levels + '{"card_number":"%s"}' % pan + "}" * levels


def test_long_paths(t):
    """What a client calls its fields makes no line that the log cannot have."""
    s = t.nginx(http=AUDIT)
    pan = t.card()
    for body in (deep(pan, 400, "n" * 60), deep(t.wrong(pan), 900, "n" * 60), deep(pan, 1, "n" * 60)):
        s.post(body, "application/json")
    s.post("card_number=" + pan)
    s.stop()
    rows = audit_lines(t, s)
    fields = [r["field"] for r in rows if "field" in r]
    t.equal(fields[3:], ["n" * 60 + ".card_number", "card_number"], "fields")
    t.true(all(len(f) <= 128 for f in fields), "fields of %s characters" % [len(f) for f in fields])
    t.true(all(f.startswith("n" * 60) and f.endswith("card_number") for f in fields[:-1]), "fields: %s" % fields)
    intact(t, s)


def test_long_paths_to_syslog(t):
    sink, path = t.syslog()
    s = t.nginx(http="cardscrub_audit_log syslog:server=unix:%s,tag=cards;" % path)
    pan = t.card()
    for levels in (300, 600, 900):
        t.equal(s.post(deep(pan, levels, "n" * 60), "application/json").status, 200, "status at %d levels" % levels)
    s.stop()
    rows = [json.loads(line[line.index("{"):]) for line in (sink.recv(1 << 20).decode() for _ in range(6))]
    t.equal([r["event"] for r in rows], ["start", "key_use", "finding", "finding", "finding", "stop"], "events")
    linked(t, rows)


def test_test_of_the_configuration_writes_nothing(t):
    s = t.server(http=AUDIT)
    t.equal(s.check()[0], 0, "exit status")
    t.equal(s.file("logs/audit.log"), "", "the log after nginx -t")


def test_restart(t):
    s = t.nginx(http=AUDIT)
    s.post("card_number=" + t.card())
    s.stop()
    s.start()
    s.post("card_number=" + t.card())
    s.stop()
    rows = audit_lines(t, s)
    t.equal([r["event"] for r in rows], ["start", "key_use", "finding", "stop"] * 2, "events")
    t.true(rows[0]["chain"] != rows[4]["chain"], "a start begins a chain of its own")
    t.equal((rows[4]["last_chain"], rows[4]["last_seq"], rows[4]["last_mac"]), (rows[3]["chain"], 4, rows[3]["mac"]),
            "the line that the start found")
    intact(t, s)


def test_verify_finds_damage(t):
    s = t.nginx(http=AUDIT, locations="location / { include app.conf; } location = /status { cardscrub off; cardscrub_status; }")
    for _ in range(3):
        s.post("card_number=" + t.card())
    audit_lines(t, s, 5)
    head = s.curl("/status").json()["audit"]["head"]
    intact(t, s, options=("--head", head))
    s.stop()
    path = paths(s)[0]
    with open(path, encoding="ascii") as f:
        good = f.read().splitlines(True)
    t.equal(len(good), 6, "lines")
    damages = ((good[:2] + [good[2].replace("visa", "amex")] + good[3:], "audit.log:3: changed"),
               (good[:2] + good[3:], "audit.log:3: missing in front of it: line 3"),
               (good[:2] + [good[3], good[2]] + good[4:], "audit.log:4: moved: line 3"),
               (good[:3] + good[2:], "audit.log:4: doubled: line 3"),
               (good[1:], "audit.log:1: missing in front of it: line 1"),
               (good[:5] + [good[5][:40]], "audit.log:6: cut off"),
               (good[:4], "missing: line 5"))
    for lines, wanted in damages:
        with open(path, "w", encoding="ascii") as f:
            f.writelines(lines)
        t.has(t.tool("audit", "verify", "--keys", s.keys, "--head", head, path, status=1), wanted, "what is found")
    # Lines cut off while the server is down: the next start quotes what it finds, and the chain has no stop.
    with open(path, "w", encoding="ascii") as f:
        f.writelines(good[:5])
    s.start()
    t.has(t.tool("audit", "verify", "--keys", s.keys, path, status=1), "audit.log:5: not closed", "what is found")
    # Lines of the past cut off while it runs.
    with open(path, encoding="ascii") as f:
        now = f.read().splitlines(True)
    with open(path, "w", encoding="ascii") as f:
        f.writelines(good[:4] + now[5:])
    t.has(t.tool("audit", "verify", "--keys", s.keys, path, status=1), "audit.log:5: missing in front of it: line 5", "what is found")


def test_verify_without_the_right_keys(t):
    s = t.nginx(http=AUDIT)
    s.stop()
    other = os.path.join(t.folder, "other.json")
    t.tool("keys", "new", "--file", other)
    t.has(t.tool("audit", "verify", "--keys", other, *paths(s), status=1), "in no key ring that was given", "what is said")
    t.has(t.tool("audit", "verify", "--keys", other, "--keys", s.keys, *paths(s)), "intact", "with both")
    t.tool("audit", "verify", "--keys", s.keys, os.path.join(t.folder, "missing"), status=2)
    t.tool("audit", "verify", "--keys", s.keys, "--head", "x", *paths(s), status=2)
    t.tool("audit", "verify", "--keys", s.keys, "/dev/null", status=2)
    t.tool("audit", "nonsense", status=2)


def test_torn_line(t):
    """A start after a power cut in the middle of a line."""
    s = t.nginx(http=AUDIT)
    s.stop()
    with open(paths(s)[0], "ab") as f:
        f.write(b'{"v":1,"chain":"')
    s.start()
    s.stop()
    t.has(intact(t, s), "accounted for", "the note")
