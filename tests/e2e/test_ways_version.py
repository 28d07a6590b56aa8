"""A module that was built for another nginx is turned away by nginx's own checks, with a sentence and no crash."""
import os
import re
import struct
import subprocess


def changed(t, old, new):
    """A copy of the module in which `old` stands as `new` everywhere."""
    with open(t.run.module, "rb") as f:
        data = f.read()
    t.true(old in data, "the module does not hold %r" % old)
    path = os.path.join(t.folder, "changed.so")
    with open(path, "wb") as f:
        f.write(data.replace(old, new))
    return path


def test_another_version(t):
    t.expected_faults = [r'module ".*changed\.so" version']
    said = subprocess.run([t.run.nginx, "-v"], stderr=subprocess.PIPE, check=True).stderr.decode()
    numbers = [int(n) for n in re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said).groups()]
    number = numbers[0] * 1000000 + numbers[1] * 1000 + numbers[2]
    # In the module's table in front of the address of the signature; nothing else in it is that number.
    s = t.server(module=changed(t, struct.pack("<Q", number), struct.pack("<Q", number + 1)))
    status, output = s.check()
    t.equal(status, 1, "exit status of nginx -t")
    t.has(output, r'\[emerg\].*changed\.so" version %d instead of %d in ' % (number + 1, number), "what nginx says")


def test_another_build(t):
    """The signature: sizes and features that the binary was configured with."""
    t.expected_faults = [r"is not binary compatible in"]
    with open(t.run.module, "rb") as f:
        signature = re.search(rb"\d,\d,\d,[01]{20,60}\0", f.read()).group(0)
    other = signature[:-2] + (b"0" if signature[-2:-1] == b"1" else b"1") + b"\0"
    status, output = t.server(module=changed(t, signature, other)).check()
    t.equal(status, 1, "exit status of nginx -t")
    t.has(output, r'\[emerg\].*changed\.so" is not binary compatible in ', "what nginx says")


def test_no_module_at_all(t):
    t.expected_faults = [r"dlopen\(\)"]
    path = os.path.join(t.folder, "none.so")
    with open(path, "wb") as f:
        f.write(b"\x7fELF")
    status, output = t.server(module=path).check()
    t.equal(status, 1, "exit status of nginx -t")
    t.has(output, r"\[emerg\] dlopen\(\)", "what nginx says")
