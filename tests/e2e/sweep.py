"""Looks for card data in what a server left behind, in every form it may have been written in."""
import os
import re
import subprocess
from urllib.parse import unquote_to_bytes

_SEPARATORS = b" \t-._+/\x00"
_NO_BREAK = b"\xc2\xa0"


def views(data):
    """The bytes as they are, and with each way of writing a digit undone (twice, for forms inside forms)."""
    seen = [data]
    current = data
    for _ in range(2):
        undone = unquote_to_bytes(current) if b"%" in current else current
        undone = re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda m: bytes([int(m.group(1), 16)]), undone)
        undone = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m.group(1), 16)]), undone)
        undone = re.sub(rb"&#(\d{2,3});", lambda m: bytes([int(m.group(1)) & 255]), undone)
        undone = re.sub(rb"&#x([0-9a-fA-F]{2});", lambda m: bytes([int(m.group(1), 16)]), undone)
        if undone == current:
            break
        seen.append(undone)
        current = undone
    return seen


def pans_in(data, pans):
    """Those of `pans` of which 12 digits or more in a row stand in `data`, separators between them or not."""
    found = set()
    for view in views(data):
        closed = view.replace(_NO_BREAK, b"").translate(None, _SEPARATORS)
        for pan in pans:
            stretches = {pan[i:i + 12] for i in range(len(pan) - 11)}
            if any(s.encode() in view or s.encode() in closed for s in stretches):
                found.add(pan)
    return found


def codes_in(data, codes):
    """Those of `codes` that stand behind the name of a security code."""
    found = set()
    for view in views(data):
        for code in codes:
            name = rb"(?:cvv2?|cvc2?|csc|cid|security_?code|cc-csc)"
            if re.search(name + rb"[\"'\\\]]{0,3}\s*[=:]\s*[\"'\\]{0,3}" + code.encode() + rb"(?![0-9])", view, re.I):
                found.add(code)
    return found


def files_below(prefix, skip):
    for folder, _, names in os.walk(prefix):
        for name in names:
            path = os.path.join(folder, name)
            if path not in skip and os.path.isfile(path):
                yield path


def leaks(prefix, skip, pans, codes_for):
    """One line for each file below `prefix` that holds one of `pans`, or of the codes that codes_for(its path below `prefix`) gives."""
    out = []
    for path in files_below(prefix, skip):
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.relpath(path, prefix)
        for what in sorted(pans_in(data, pans)) + sorted(codes_in(data, codes_for(name))):
            out.append("%s holds %s" % (name, what))
    return out


def left_over(folder, but, pans):
    """One line for each file below `folder` (without the folder `but`) that holds 12 digits in a row of one of `pans`. Whole tokens
    are passed over: among all those of a run some would have 12 digits of some card by chance.
    """
    stretches = {pan[i:i + 12].encode() for pan in pans for i in range(len(pan) - 11)}
    out = []
    for path in files_below(folder, ()):
        if os.path.commonpath((path, but)) == but:
            continue
        with open(path, "rb") as f:
            data = re.sub(rb"(?<![0-9])[971][0-9]{11,18}(?![0-9])", b"token", f.read())
        runs = (run for view in views(data) for text in (view, view.replace(_NO_BREAK, b"").translate(None, _SEPARATORS))
                for run in re.findall(rb"[0-9]{12,}", text))
        found = {run[i:i + 12] for run in runs for i in range(len(run) - 11)} & stretches
        if found:
            out.append("%s holds %s" % (os.path.relpath(path, folder), sorted(found)[0].decode()))
    return out


def scan(tool, keys, files):
    """What `cardscrub scan`, which knows the tokens of this key ring, finds in these files: its output, empty when they are clean."""
    if not files:
        return ""
    run = subprocess.run([tool, "scan", "--keys", keys, *files], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if run.returncode == 0:
        return ""
    return run.stdout.decode("utf-8", "replace") or "exit status %d" % run.returncode
