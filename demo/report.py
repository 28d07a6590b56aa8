#!/usr/bin/python3
"""Prints side by side what the client sent and what the shop received, what the payment provider received, the access log and the
counters: report.py FOLDER.

Exit status 1 when a card number that the client sent is in anything that the shop or nginx kept, or
when the provider did not get the card of every order, once.
"""
import json
import os
import re
import shutil
import sys
import textwrap
from urllib.parse import parse_qsl

FOLDER = sys.argv[1]
WIDTH = max(84, min(120, shutil.get_terminal_size((100, 24)).columns))
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
BOLD, DIM, GREEN, RED, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if COLOUR else ("",) * 5


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8", errors="replace") as f:
        return f.read()


def wrapped(text, width):
    out = []
    for line in text.splitlines() or [""]:
        out += textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    return out


def side_by_side(left, right):
    width = (WIDTH - 3) // 2
    a, b = wrapped(left, width), wrapped(right, width)
    for i in range(max(len(a), len(b))):
        print("%-*s %s|%s %s" % (width, a[i] if i < len(a) else "", DIM, PLAIN, b[i] if i < len(b) else ""))


def heading(text):
    print("\n%s%s%s\n%s" % (BOLD, text, PLAIN, "-" * WIDTH))


def readable(request, body):
    return request + "\n" + body.replace("&", "\n&")


received = [json.loads(line) for line in read("received.jsonl").splitlines()]
names = sorted(n[:-5] for n in os.listdir(os.path.join(FOLDER, "sent")) if n.endswith(".body"))
wrong = []
for name in names:
    request, body, status = read("sent/%s.request" % name).strip(), read("sent/%s.body" % name), read("sent/%s.status" % name)
    method_and_path = request.split("?")[0]
    title = read("sent/%s.title" % name).strip()
    want_refused = "refused" in title
    got = None
    if not want_refused and received:
        got = received.pop(0)
    heading("%s  (answer: %s)" % (title, status.strip()))
    if got is None:
        answer = json.loads(read("sent/%s.answer" % name))
        right = "nothing: nginx answered\n" + "\n".join("%s: %s, %s" % (e.get("field", "-"), e["reason"], e["detail"])
                                                        for e in answer.get("errors", []))
        if not answer.get("errors"):
            wrong.append("%s: not refused" % title)
    else:
        right = readable(got["request"], got["body"])
        if not got["request"].startswith(method_and_path):
            wrong.append("%s: the shop received %s" % (title, got["request"]))
        if len(got["body"]) != len(body):
            wrong.append("%s: the length of the body changed" % title)
    print("%-*s %s|%s %s" % ((WIDTH - 3) // 2, "the client sent", DIM, PLAIN, "the application received"))
    side_by_side(readable(request, body), right)
if received:
    wrong.append("the shop received %d requests that nobody accounts for" % len(received))

heading("What the payment provider received: the real card, once an order")
charges = [json.loads(line) for line in read("provider/received.jsonl").splitlines()]
for charge in charges:
    print("%s\n  %s" % (charge["request"], charge["body"]))
paid = [json.loads(read("sent/%s.body" % name)) if body_is_json else dict(parse_qsl(read("sent/%s.body" % name)))
        for name, body_is_json in ((n, read("sent/%s.body" % n).startswith("{")) for n in names)
        if "refused" not in read("sent/%s.title" % name) and read("sent/%s.request" % name).startswith("POST")]
wanted = [(card["card_number"], card["cvv"]) for card in paid]
got = [(json.loads(charge["body"])["card_number"], json.loads(charge["body"])["cvv"]) for charge in charges]
if got != wanted:
    wrong.append("the provider did not receive the card and the code of every order once")

heading("What the access log holds (format: combined)")
for line in read("access.log").splitlines():
    print("\n".join(textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False)))

heading("Status counters (GET /cardscrub_status)")
print(json.dumps(json.loads(read("status.json")), indent=2))

numbers = read("numbers").split()
for folder, _, files in os.walk(FOLDER):
    if os.path.basename(folder) in ("sent", "provider"):
        continue
    for file in files:
        if file == "numbers":
            continue
        with open(os.path.join(folder, file), "rb") as f:
            data = re.sub(rb"[ +._-]|%20", b"", f.read())
        wrong += ["%s holds a card number" % os.path.join(folder, file) for n in numbers if n.encode() in data]

heading("Verdict")
if wrong:
    print("\n".join(RED + w + PLAIN for w in wrong))
    sys.exit(1)
print("%sThe provider got the cards. Neither the shop, nor its database, nor any log holds a card number.%s" % (GREEN, PLAIN))
