"""Searching the memory of a server's processes, by tests/memory/memory_search.cpp."""
import subprocess

import case


def search(t, s, needles, *options):
    """What the master and the workers of a server hold: [(name of the needle, what of it, line)]."""
    t.without_tools()
    done = subprocess.run([t.run.memory_search, "--show", *options, str(s.process.pid), *map(str, sorted(s.workers))],
                          input=("\n".join(needles) + "\n").encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    if done.returncode == 2 and b"Operation not permitted" in done.stderr:
        raise case.Skip("memory of other processes cannot be read here: %s" % done.stderr.decode().strip())
    t.equal(done.returncode, 0, "memory_search: %s" % done.stderr.decode())
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [(line.split("\t")[0], line.split("\t")[1], line) for line in lines]
