"""Makes calls of a running nginx fail: the Python side of tests/faults/failing_calls.cpp."""
import mmap
import os
import struct
import subprocess

# In the order of the library's enum.
KINDS = ("none", "memory", "cipher", "mac", "random", "hyperscan", "pcre", "expat", "zlib", "brotli", "file", "socket")


class FailingCalls:
    def __init__(self, top, folder):
        self.library = os.path.join(folder, "failing_calls.so")
        self.path = os.path.join(folder, "failing_calls")
        subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-o", self.library,
                        os.path.join(top, "tests", "faults", "failing_calls.cpp"), "-ldl"], check=True)
        with open(self.path, "wb") as f:
            f.write(bytes(4096))
        os.chmod(self.path, 0o666)
        with open(self.path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 4096)

    def env(self):
        """What nginx is to be started with."""
        return {"LD_PRELOAD": self.library, "FAILING_CALLS": self.path}

    def arm(self, kind, n, pid):
        """From now on the n-th call of this kind in process `pid` fails."""
        self.memory[0:16] = struct.pack("<IiII", 0, n, 0, pid)
        self.memory[0:4] = struct.pack("<I", KINDS.index(kind))

    def disarm(self):
        """Whether a call has failed since arm()."""
        self.memory[0:4] = struct.pack("<I", 0)
        return struct.unpack("<I", self.memory[8:12])[0] != 0
