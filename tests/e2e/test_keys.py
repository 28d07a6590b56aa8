"""Keys: wrapping by a key-encryption key from every source, custodians, rotation, retirement, new tokens for old."""
import bz2
import csv
import fcntl
import glob
import gzip
import io
import itertools
import json
import lzma
import os
import re
import shutil
import subprocess
import threading
import time

import case
import server as nginx

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def write(path, text, mode=0o600):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def new_ring(t, name="ring.json", *options):
    path = os.path.join(t.folder, name)
    t.tool("keys", "new", "--file", path, *options)
    return path


def new_kek(t, name="kek"):
    """(path, check value) of a new key-encryption key."""
    path = os.path.join(t.folder, name)
    out = t.tool("keys", "kek", path)
    t.true(read(path).strip() not in out, "the key is printed")
    return path, re.search(r"check value ([0-9A-F]{6})\n", out).group(1)


def refused(t, *arguments, says, **more):
    """The tool ends with status 1, and says why without quoting any key of the case's files."""
    out = t.tool(*arguments, status=1, **more)
    for pattern in [says] if isinstance(says, str) else says:
        t.has(t.tool_error, pattern, "what it says")
    quotes_no_key(t, out + t.tool_error)


def quotes_no_key(t, text):
    for folder, _, names in os.walk(t.folder):
        for name in names:
            if name.startswith(("kek", "one", "two", "three", "ring")):
                for key in re.findall(r"[A-Za-z0-9_-]{43}", read(os.path.join(folder, name))):
                    t.true(key[:12] not in text and key[20:32] not in text, "a key is quoted: " + text)


def wrapped_server(t, sources, *, kek=None, env=None, setup_env=None, **parts):
    """A server whose key ring is wrapped by `sources`; its cardscrub_kek is `kek`, the same sources unless given."""
    kek = sources if kek is None else kek
    directive = "cardscrub_kek %s;" % " ".join('"%s"' % word for word in kek) if kek else ""
    s = t.server(http=directive + parts.pop("http", ""), env=env, **parts)
    options = [o for word in sources for o in ("--kek", word)]
    if options:
        t.tool("keys", "wrap", "--file", s.keys, *options, env=setup_env)
        t.true(read(s.keys).startswith("eyJ"), "the key ring is not wrapped")
    return s


def works(t, s):
    """The server tokenizes with the suite's key ring."""
    pan = t.card()
    token = s.post("card_number=" + pan).seen.form[0][1]
    t.equal(t.tool("untoken", "--keys", t.run.keys, data=token + "\n").strip(), pan, "number behind the token")


def nginx_refuses(t, s, *patterns):
    t.expected_faults.append(r"\[emerg\]")
    status, output = s.check()
    t.true(status != 0, "nginx -t accepts it: " + output)
    for pattern in (r"\[emerg\]", r"nginx\.conf:\d+", *patterns):
        t.has(output, pattern, "what nginx -t says")
    quotes_no_key(t, output)
    return output


# ---- the file

def test_wrap_and_unwrap(t):
    ring = new_ring(t)
    kek, check = new_kek(t)
    pan = t.card()
    token = t.tool("token", "--keys", ring, data=pan + "\n")
    plain = read(ring)
    key = json.loads(plain)["keys"][0]["k"]
    old = open(ring, "rb")
    out = t.tool("keys", "wrap", "--file", ring, "--kek", "file:" + kek)
    t.has(out, r'cardscrub_kek "file:%s";' % re.escape(kek), "what to write to nginx.conf")
    t.has(out, r"check value %s" % check, "check value")
    t.equal(set(old.read()), {0}, "what the old file holds")
    old.close()
    t.true(key not in read(ring) and key[:12] not in read(ring), "the key is readable")
    t.equal(os.stat(ring).st_mode & 0o777, 0o600, "mode")
    t.equal(t.tool("token", "--keys", ring, "--kek", "file:" + kek, data=pan + "\n"), token, "token")
    t.equal(t.tool("scrub", "--keys", ring, "--kek", "file:" + kek, data=pan + "\n"), token, "token of scrub")
    for command in ("list", "check"):
        t.has(t.tool("keys", command, "--file", ring, "--kek", "file:" + kek), r"9", command)
    t.tool("keys", "rotate", "--file", ring, "--kek", "file:" + kek)
    t.true(read(ring).startswith("eyJ"), "rotate leaves the ring unwrapped")
    t.equal(t.tool("untoken", "--keys", ring, "--kek", "file:" + kek, data=token).strip(), pan, "number after the rotation")
    refused(t, "keys", "list", "--file", ring, says=[r"check value %s" % check, r"keys unwrap --kek SOURCE --file"])
    t.tool("keys", "unwrap", "--file", ring, "--kek", "file:" + kek)
    t.equal(json.loads(read(ring))["keys"][0]["k"], key, "the key when unwrapped")
    refused(t, "keys", "list", "--file", ring, "--kek", "file:" + kek, says=r"is not wrapped.*keys wrap --kek SOURCE --file")
    refused(t, "keys", "wrap", "--file", ring, says=r"wrap needs a key-encryption key.*keys kek FILE")
    refused(t, "keys", "unwrap", "--file", ring, says=r"unwrap needs the key-encryption key")


def test_new_ring_that_is_wrapped_at_once(t):
    kek, _ = new_kek(t)
    ring = new_ring(t, "ring.json", "--kek", "file:" + kek)
    t.true(read(ring).startswith("eyJ"), "not wrapped")
    t.tool("keys", "check", "--file", ring, "--kek", "file:" + kek)


def test_wrap_with_another_key(t):
    one, first = new_kek(t, "one")
    two, second = new_kek(t, "two")
    ring = new_ring(t, "ring.json", "--kek", "file:" + one)
    refused(t, "keys", "wrap", "--file", ring, "--kek", "file:" + two, says=r"is wrapped by .* %s" % first)
    t.tool("keys", "wrap", "--file", ring, "--from", "file:" + one, "--kek", "file:" + two)
    t.tool("keys", "check", "--file", ring, "--kek", "file:" + two)
    refused(t, "keys", "check", "--file", ring, "--kek", "file:" + one,
            says=r"wrapped by a key-encryption key with check value %s, not by file:\S*one \(check value %s\)" % (second, first))


def test_a_key_file_is_not_overwritten(t):
    kek, _ = new_kek(t)
    before = read(kek)
    refused(t, "keys", "kek", kek, says=r"the key-encryption key \S+ exists and was left as it is")
    t.equal(read(kek), before, "the key")
    t.equal(os.stat(kek).st_mode & 0o777, 0o600, "mode")
    refused(t, "keys", "kek", os.path.join(t.folder, "no", "kek"), says=r"mkdir -p -m 700")


def test_wrapped_ring_is_a_jwe(t):
    """Another implementation of JOSE opens it (RFC 7516, RFC 7517 section 7), and we open what it wrapped."""
    try:
        from jwcrypto import jwe, jwk
    except ImportError:
        raise case.Skip("this machine has no jwcrypto") from None
    kek, check = new_kek(t)
    ring = new_ring(t)
    plain = json.loads(read(ring))
    t.tool("keys", "wrap", "--file", ring, "--kek", "file:" + kek)
    key = jwk.JWK(kty="oct", k=read(kek).strip())
    token = jwe.JWE()
    token.deserialize(read(ring).strip(), key=key)
    t.equal(json.loads(token.payload), plain, "the key ring")
    t.equal(token.jose_header, {"alg": "A256KW", "enc": "A256GCM", "cty": "jwk-set+json", "kid": check}, "header")
    theirs = jwe.JWE(json.dumps(plain).encode(), json.dumps(token.jose_header))
    theirs.add_recipient(key)
    write(ring, theirs.serialize(compact=True))
    t.tool("keys", "check", "--file", ring, "--kek", "file:" + kek)


# ---- sources, as nginx uses them

def test_key_from_a_file(t):
    kek, _ = new_kek(t)
    s = wrapped_server(t, ["file:" + kek])
    s.start()
    works(t, s)
    s.reload()
    works(t, s)


def test_key_from_a_systemd_credential(t):
    kek, _ = new_kek(t)
    env = {"CREDENTIALS_DIRECTORY": t.folder}
    s = wrapped_server(t, ["credential:kek"], env=env, setup_env=env)
    s.start()
    works(t, s)
    s.reload()
    works(t, s)


def test_key_from_the_environment(t):
    t.without_tools()  # they keep the environment that they were given
    kek, _ = new_kek(t)
    env = {"CARDSCRUB_KEK": read(kek).strip()}
    s = wrapped_server(t, ["env:CARDSCRUB_KEK"], env=env, setup_env=env)
    s.start()
    works(t, s)
    s.reload()  # the master kept it
    works(t, s)
    for pid in {s.process.pid} | s.workers:
        with open("/proc/%d/environ" % pid, "rb") as f:
            t.true(env["CARDSCRUB_KEK"].encode() not in f.read(), "the environment of process %d still has the key" % pid)


def test_key_from_a_command(t):
    kek, _ = new_kek(t)
    calls = os.path.join(t.folder, "calls")
    command = write(os.path.join(t.folder, "vault"), '#!/bin/sh\necho call >>%s\nexec cat "$1"\n' % calls, 0o755)
    s = wrapped_server(t, ["command:%s %s" % (command, kek)])
    s.start()
    works(t, s)
    before = len(read(calls).split())
    s.reload()
    t.equal(len(read(calls).split()), before + 1, "calls at the reload")
    works(t, s)


def token_of_softhsm(t):
    """A token with a key pair, in the case's folder: (environment, URI)."""
    if not os.path.exists(SOFTHSM) or shutil.which("pkcs11-tool") is None:
        raise case.Skip("this machine has no SoftHSM or no OpenSC")
    folder = os.path.join(t.folder, "hsm")
    os.makedirs(folder)
    env = {"SOFTHSM2_CONF": write(os.path.join(t.folder, "softhsm2.conf"),
                                  "directories.tokendir = %s\nobjectstore.backend = file\n" % folder)}
    write(os.path.join(t.folder, "pin"), "73519\n")
    for command in (["softhsm2-util", "--init-token", "--free", "--label", "cardscrub", "--so-pin", "91537", "--pin", "73519"],
                    ["pkcs11-tool", "--module", SOFTHSM, "--token-label", "cardscrub", "--login", "--pin", "73519",
                     "--keypairgen", "--key-type", "rsa:2048", "--label", "kek", "--id", "01"]):
        subprocess.run(command, check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return env, "pkcs11:token=cardscrub;object=%%s?module-path=%s&pin-source=file:%s/%%s" % (SOFTHSM, t.folder)


def test_key_in_a_token(t):
    env, uri = token_of_softhsm(t)
    word = uri % ("kek", "pin")
    s = wrapped_server(t, [word], env=env, setup_env=env)
    check = re.search(r"check value ([0-9A-F]{6})", t.tool("keys", "list", "--file", s.keys, "--kek", word, env=env)).group(1)
    s.start()
    works(t, s)
    t.tool("keys", "rotate", "--file", s.keys, "--kek", word, env=env)
    s.reload()
    pan = t.card()
    t.token(s.post("card_number=" + pan).seen.form[0][1], pan, generation="7")

    def lists(word):
        return ("keys", "list", "--file", s.keys, "--kek", word)
    refused(t, *lists(uri % ("none", "pin")), env=env, says=r"the token does not give this private key")
    write(os.path.join(t.folder, "wrong-pin"), "11111")
    refused(t, *lists(uri % ("kek", "wrong-pin")), env=env, says=[r"the token does not give this private key", r"is the PIN right"])
    t.true("11111" not in t.tool_error, "the PIN is quoted")
    refused(t, *lists(word.replace("&pin-source=file:%s/pin" % t.folder, "")), env=env, says=r"which pin-source=file:/path would give")
    refused(t, *lists(word.replace(SOFTHSM, "/none.so")), env=env, says=r"the token does not give this private key")
    kek, _ = new_kek(t)
    refused(t, *lists("file:" + kek), says=r"wrapped for a key in a token: give its pkcs11: URI")
    refused(t, *lists("file:" + kek), "--kek", word, env=env, says=r"cannot be a component")

    # Another key pair of the same token is another key-encryption key.
    subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--token-label", "cardscrub", "--login", "--pin", "73519", "--keypairgen",
                    "--key-type", "rsa:2048", "--label", "other", "--id", "02"],
                   check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    refused(t, *lists(uri % ("other", "pin")), env=env, says=r"with check value %s, not by pkcs11:token=cardscrub;object=other" % check)

    # Back into a file, without the ring ever being in clear on disk.
    t.tool("keys", "wrap", "--file", s.keys, "--from", word, "--kek", "file:" + kek, env=env)
    t.tool("keys", "check", "--file", s.keys, "--kek", "file:" + kek)
    refused(t, *lists(word), env=env, says=r"not wrapped for a key in a token")


def test_a_token_whose_library_fails(t):
    """It does so in a process of its own; nginx -t says so and ends."""
    if not glob.glob("/usr/lib/*/engines-3/pkcs11.so") + glob.glob("/usr/lib/*/ossl-modules/pkcs11.so"):
        raise case.Skip("this machine's OpenSSL knows no PKCS#11")
    library = os.path.join(t.folder, "crash.so")
    source = write(os.path.join(t.folder, "crash.c"), "#include <stdlib.h>\n__attribute__((constructor)) static void crash(void) { abort(); }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    word = "pkcs11:object=kek?module-path=" + library
    nginx_refuses(t, wrapped_server(t, [], kek=[word]), r"pkcs11:object=kek: the token's library failed")
    refused(t, "keys", "list", "--kek", word, "--file", t.run.keys, says=r"pkcs11:object=kek: the token's library failed")
    nowhere = {"OPENSSL_ENGINES": t.folder, "OPENSSL_MODULES": t.folder}
    refused(t, "keys", "list", "--kek", word, "--file", t.run.keys, env=nowhere,
            says=r"neither a pkcs11 provider nor a pkcs11 engine; install the package pkcs11-provider.*libengine-pkcs11-openssl")


def test_a_command_that_hangs(t):
    command = write(os.path.join(t.folder, "hangs"), "#!/bin/sh\nsleep 300 &\necho $! >%s/pid\nwait\n" % t.folder, 0o755)
    refused(t, "keys", "list", "--kek", "command:" + command, "--file", t.run.keys, says=r"hangs took longer than 20 s and was ended")
    end = time.monotonic() + 10 * t.run.slow  # killed, but maybe not dead yet
    while nginx.alive(int(read(os.path.join(t.folder, "pid")))):
        t.true(time.monotonic() < end, "what it had started still runs")
        time.sleep(0.01)


def test_a_small_key_in_a_token(t):
    env, uri = token_of_softhsm(t)
    subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--token-label", "cardscrub", "--login", "--pin", "73519", "--keypairgen",
                    "--key-type", "rsa:1024", "--label", "small", "--id", "03"],
                   check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    refused(t, "keys", "new", "--file", os.path.join(t.folder, "ring.json"), "--kek", uri % ("small", "pin"), env=env,
            says=r"must be an RSA key of 2048 bits or more")


def test_two_custodians(t):
    """Each makes a component alone and reads its check value out; neither component opens anything."""
    one, first = new_kek(t, "one")
    two, second = new_kek(t, "two")
    words = ["file:" + one, "command:/bin/cat " + two]
    s = wrapped_server(t, words)
    out = t.tool("keys", "list", "--file", s.keys, "--kek", words[1], "--kek", words[0])
    t.has(out, r"command:/bin/cat \(check value %s\) and file:\S+one \(check value %s\), together [0-9A-F]{6}\n" % (second, first),
          "check values")
    s.start()
    works(t, s)
    s.reload()
    works(t, s)
    for alone in words:
        refused(t, "keys", "list", "--file", s.keys, "--kek", alone, says=r"cannot unwrap .* wrapped by a key-encryption key")
    refused(t, "keys", "list", "--file", s.keys, "--kek", words[0], "--kek", words[0], says=r"both components .* are the same")
    three, third = new_kek(t, "three")
    refused(t, "keys", "list", "--file", s.keys, "--kek", words[0], "--kek", "file:" + three,
            says=[r"\(check value %s\) and file:\S+three \(check value %s\)" % (first, third)])
    refused(t, "keys", "list", "--file", s.keys, *["--kek", words[0]] * 3, says=r"one source, or two")


# ---- what nginx -t says

def test_nginx_without_the_key(t):
    kek, check = new_kek(t)
    s = wrapped_server(t, ["file:" + kek], kek=[])
    nginx_refuses(t, s, r"is wrapped by a key-encryption key with check value " + check, r"cardscrub_kek",
                  r"cardscrub keys unwrap --kek SOURCE --file \S+keys\.json")


def test_nginx_with_the_wrong_key(t):
    one, first = new_kek(t, "one")
    two, second = new_kek(t, "two")
    nginx_refuses(t, wrapped_server(t, ["file:" + one], kek=["file:" + two]), r"check value %s, not by file:\S+two \(check value %s\)" % (first, second))
    nginx_refuses(t, wrapped_server(t, ["file:" + one, "file:" + two], kek=["file:" + two]), r"not by file:\S+two \(check value %s\)" % second)


def test_nginx_with_a_key_and_a_ring_that_is_not_wrapped(t):
    kek, _ = new_kek(t)
    nginx_refuses(t, wrapped_server(t, [], kek=["file:" + kek]), r"is not wrapped", r"cardscrub keys wrap --kek SOURCE --file \S+keys\.json")


def test_nginx_with_sources_that_give_no_key(t):
    kek, _ = new_kek(t)
    failing = write(os.path.join(t.folder, "failing"), "#!/bin/sh\nexit 4\n", 0o755)
    short = write(os.path.join(t.folder, "short"), "abc\n")
    for word, says in (("file:%s.none" % kek, r"cardscrub keys kek \S+kek\.none"),
                       ("file:" + short, r"gives no key: it must be 32 bytes"),
                       ("credential:kek", r"CREDENTIALS_DIRECTORY.*LoadCredential=kek"),
                       ("env:CARDSCRUB_NONE", r"no such variable"),
                       ("command:" + failing, r"failed with exit status 4"),
                       ("command:/none", r"No such file"),
                       ("pkcs11:object=kek?pin-source=file:/none", r"there is no PIN file"),
                       ("pkcs11:object=kek?pin-value=1", r"a PIN does not belong")):
        nginx_refuses(t, wrapped_server(t, [], kek=[word]), says)


def test_nginx_with_bad_words(t):
    kek, _ = new_kek(t)
    for word, says in ((read(kek).strip(), r"named by its source"), (kek, r"named by its source"), ("file:kek", r"absolute path"),
                       ("command:cat", r"absolute path of a program"), ("env:", r"environment variable")):
        nginx_refuses(t, wrapped_server(t, [], kek=[word]), says)
    nginx_refuses(t, t.server(http="cardscrub_kek file:/a; cardscrub_kek file:/b;"), r"duplicate")
    nginx_refuses(t, t.server(http="cardscrub_kek file:/a file:/b file:/c;"), r"invalid number of arguments")
    nginx_refuses(t, t.server(server="cardscrub on; cardscrub_kek file:/a;"), r"not allowed here")


def test_reload_without_the_key_keeps_the_server(t):
    kek, _ = new_kek(t)
    s = wrapped_server(t, ["file:" + kek])
    s.start()
    os.rename(kek, kek + ".away")
    t.expected_faults.append(r"\[emerg\].*there is no key-encryption key")
    before = s.workers
    os.kill(s.process.pid, 1)
    t.has(s.wait_for_error("there is no key-encryption key"), r"\[emerg\].*there is no key-encryption key", "the error log")
    t.equal(nginx.children(s.process.pid), before, "workers after a reload that failed")
    works(t, s)
    os.rename(kek + ".away", kek)
    s.reload()
    works(t, s)


# ---- rotation and retirement

def test_rotation_under_load(t):
    """Cards are posted all the time while the ring is rotated and nginx reloads: every answer is 200, every token reads back."""
    kek, _ = new_kek(t)
    s = wrapped_server(t, ["file:" + kek], workers=2)
    s.start()
    got, wrong, stop = [], [], threading.Event()

    def client(pans):
        for pan in itertools.cycle(pans):
            if stop.is_set():
                return
            begin = time.monotonic()
            try:
                reply = s.post("card_number=" + pan)
                if reply.status != 200:
                    wrong.append("status %d" % reply.status)
                else:
                    got.append((pan, reply.seen.form[0][1], begin))
            except Exception as e:
                wrong.append("%s: %s" % (type(e).__name__, e))

    def some_begun_after(moment):
        end = time.monotonic() + s.limit
        while sum(begin > moment for _, _, begin in got) < 10 and time.monotonic() < end:
            time.sleep(0.02)
    clients = [threading.Thread(target=client, args=([t.card() for _ in range(100)],)) for _ in range(3)]
    t.secrets = set(sorted(t.secrets)[:3])  # of so many, twelve digits of one would meet those of a token by chance
    for c in clients:
        c.start()
    try:
        rotated = [time.monotonic()]
        for _ in range(2):
            some_begun_after(rotated[-1])
            t.tool("keys", "rotate", "--file", s.keys, "--kek", "file:" + kek)
            s.reload()
            rotated.append(time.monotonic())
        some_begun_after(rotated[-1])
    finally:
        stop.set()
        for c in clients:
            c.join()
    t.equal(wrong, [], "requests that failed")
    t.true(len(got) > 20, "only %d requests" % len(got))
    t.equal({token[0] for _, token, begin in got if begin > rotated[-1]}, {"1"}, "first digits of tokens after the second rotation")
    t.equal({token[0] for _, token, _ in got}, {"9", "7", "1"}, "first digits of all tokens")
    back = t.tool("untoken", "--keys", s.keys, "--kek", "file:" + kek, data="".join(token + "\n" for _, token, _ in got)).split()
    t.equal(back, [pan for pan, _, _ in got], "numbers behind the tokens")
    old = next(token for _, token, _ in got if token[0] == "9")
    t.equal(s.post("card_number=" + old).seen.form[0][1], old, "a token of the first generation, sent again")


def test_two_changes_at_once(t):
    """Of two that have read the same ring the second would write over the first one's key."""
    ring = new_ring(t)
    kek = os.path.join(t.folder, "kek")
    t.tool("keys", "kek", kek)
    before = read(ring)
    folder = os.open(t.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    changes = (["rotate"], ["retire", "9", "--force"], ["activate", "9"], ["wrap", "--kek", "file:" + kek],
               ["unwrap", "--kek", "file:" + kek])
    for words in changes:
        t.tool("keys", *words, "--file", ring, status=1)
        t.has(t.tool_error, "another .cardscrub keys. is changing", "message of " + words[0])
    for words in (["list"], ["check"]):
        t.tool("keys", *words, "--file", ring)
    t.equal(read(ring), before, "key ring")
    os.close(folder)
    # However many start together: whoever reports a new key has left it there.
    runs = [subprocess.Popen([t.run.tool, "keys", "rotate", "--file", ring], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    good = sum(r.wait() == 0 for r in runs)
    for r in runs:
        r.stdout.close()
        r.stderr.close()
    t.equal(good >= 1, True, "one got through")
    t.equal(len(json.loads(read(ring))["keys"]), 1 + good, "keys")


def test_rotation_of_two_hosts(t):
    """One host writes with the new key only when both can read it: --prepare, then activate."""
    a, b = t.nginx(), t.nginx()

    def on_both(*command):
        t.tool("keys", *command, "--file", a.keys)
        for s in (a, b):
            write(s.keys, read(a.keys))
            s.reload()
    pan = t.card()
    on_both("rotate", "--prepare")
    old = a.post("card_number=" + pan).seen.form[0][1]
    t.token(old, pan, generation="9")
    t.tool("keys", "activate", "7", "--file", a.keys)
    a.reload()
    new = a.post("card_number=" + pan).seen.form[0][1]
    t.token(new, pan, generation="7")
    for token in (old, new):
        t.equal(b.post("card_number=" + token).seen.form[0][1], token, "a token of the other host")
    refused(t, "keys", "activate", "1", "--file", a.keys, says=r"generation 1 is not in the key ring")


def two_generations(t):
    """A ring, and tokens of its generation 9; 7 is active."""
    ring = new_ring(t)
    pans = [t.card(brand) for brand in ("visa", "amex", "mastercard", "diners", "discover")]
    tokens = t.tool("token", "--keys", ring, data="\n".join(pans) + "\n").split()
    t.tool("keys", "rotate", "--file", ring)
    return ring, pans, tokens


def test_retire(t):
    ring, pans, tokens = two_generations(t)
    retire = ("keys", "retire", "9", "--file", ring)
    before = read(ring)
    refused(t, *retire, says=r"--tokens FILE.*--audit FILE.*--force")
    fresh = t.tool("retoken", "--keys", ring, data="\n".join(tokens) + "\n").split()
    t.equal({token[0] for token in fresh}, {"7"}, "first digits of new tokens")
    gone = write(os.path.join(t.folder, "gone.csv"), "".join('%d,"%s",2026-11-26T12:00:00\n' % pair for pair in enumerate(fresh)))
    for name, text in (("plain", tokens[0]), ("sql", "INSERT INTO c VALUES (1,'%s');" % tokens[1]),
                       ("grouped", " ".join(re.findall("....", tokens[0]))), ("hyphens", "-".join(re.findall("....", tokens[2]))),
                       ("dots", ".".join(re.findall("....", tokens[0]))), ("behind a number", "12 " + tokens[0]),
                       ("in front of one", tokens[0] + " 12"), ("json", '{"card":%s}' % tokens[3]),
                       ("amex groups", "%s %s %s" % (tokens[1][:4], tokens[1][4:10], tokens[1][10:]))):
        used = write(os.path.join(t.folder, "used"), "first line\n%s\n" % text)
        refused(t, *retire, "--tokens", gone, "--tokens", used,
                says=r"tokens of generation 9 are still stored: 1, the first at \S+used:2; run: cardscrub retoken")
        t.true(not any(token in t.tool_error for token in tokens), name + ": a token is quoted")
    refused(t, *retire, "--tokens", os.path.join(t.folder, "none"), says=r"cannot read \S+none: No such file")
    refused(t, "keys", "retire", "7", "--file", ring, "--force", says=r"generation 7 is active; run: cardscrub keys rotate")
    refused(t, "keys", "retire", "1", "--file", ring, "--force", says=r"generation 1 is not in the key ring")
    refused(t, "keys", "retire", "nine", "--file", ring, "--force", says=r"a generation is one digit")
    t.equal(read(ring), before, "the key ring after refusals")
    old = open(ring, "rb")
    t.tool(*retire, "--tokens", gone)
    t.equal(set(old.read()), {0}, "what the old file holds")
    old.close()
    t.equal([k["generation"] for k in json.loads(read(ring))["keys"]], [7], "generations")
    t.equal(t.tool("untoken", "--keys", ring, data="\n".join(fresh) + "\n").split(), pans, "numbers behind the new tokens")
    t.tool("untoken", "--keys", ring, data=tokens[0] + "\n", status=2)


def test_retire_reads_exports_as_they_come(t):
    """A key is destroyed for good: what cannot show that its tokens are gone must not be taken for a proof."""
    ring, _, tokens = two_generations(t)
    before = read(ring)
    retire = ("keys", "retire", "9", "--file", ring)
    path = os.path.join(t.folder, "export")
    rows = "id,token\r\n12,%s\r\n13,%s\r\n" % (tokens[0], " ".join(re.findall("....", tokens[0])))

    def export(data):
        with open(path, "wb") as f:
            f.write(data)
    for coding in ("ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        export(rows.encode(coding))
        refused(t, *retire, "--tokens", path, says=r"tokens of generation 9 are still stored: 2, the first at \S+export:2;")
        export(tokens[1].encode(coding))
        refused(t, *retire, "--tokens", path, says=r"tokens of generation 9 are still stored: 1, the first at \S+export:1;")
    export(b"5\0" + tokens[0].encode() + b"\0" + b"4\0")
    refused(t, *retire, "--tokens", path, says=r"tokens of generation 9 are still stored: 1,")
    for pack in (gzip, bz2, lzma):
        export(pack.compress(rows.encode()))
        refused(t, *retire, "--tokens", path, says=r"export is compressed: give what is in it")
    export(b"")
    refused(t, *retire, "--tokens", path, says=r"export is empty: it shows nothing")
    refused(t, *retire, "--audit", path, says=r"no line of an audit log is there to tell of generation 9")
    t.equal(read(ring), before, "the key ring after refusals")
    export(("id,token\r\n12,%s\r\n" % ("8" + tokens[0][1:])).encode("utf-16"))
    t.tool(*retire, "--tokens", path)


def test_numbers_that_are_no_tokens_do_not_hinder_retirement(t):
    ring, _, _ = two_generations(t)
    clean = write(os.path.join(t.folder, "clean"), "9528 0147\n95280147396\n%s\n2026-11-26 12:00:00.123456\n9-5-2-8-0-1-4-7-3-9-6-0\n"
                  "8528014739601111\n+49 9528 014739\n95280147 39601\n" % ("9" * 20))
    t.tool("keys", "retire", "9", "--file", ring, "--tokens", clean, status=None)
    t.has(t.tool_error, r"still stored: 1, the first at \S+:8", "95280147 39601 may be a token; the others are none")


def test_retire_by_the_audit_log(t):
    ring, _, _ = two_generations(t)

    def line(event, generation, when, **more):
        return json.dumps({"v": 1, "time": when, "event": event, "generation": generation, **more}) + "\n"
    made = json.loads(read(ring))["keys"][1]["iat"]
    before, after = (time.strftime("%Y-%m-%dT%H:%M:%S.000001Z", time.gmtime(made + d)) for d in (-60, 60))
    retire = ("keys", "retire", "9", "--file", ring, "--audit")
    log = os.path.join(t.folder, "audit.log")
    start = line("start", 7, after) + line("finding", 7, after, token="7528014739601111")
    for text in (line("reveal", 9, after), line("finding", 9, after), "<13>Nov 26 12:00:00 web1 cardscrub: " + line("reveal", "9", after),
                 json.dumps({"event": "reveal", "generation": 9}) + "\n"):
        write(log, start + text)
        refused(t, *retire, log, says=r"tokens of generation 9 were used since the active key was made: 1 in the audit log, the first at \S+audit\.log:3")
    write(log, start + "torn {")
    refused(t, *retire, log, says=r"torn or of no audit log may have told of generation 9: 1, the first at \S+audit\.log:3 "
            r"\(2 others were read and tell of no use; if that is enough: --force\)")
    write(log, start + line("reveal", 9, after) + "torn {\n\ntorn again\n" + start)
    refused(t, *retire, log, says=r"generation 9 were used .*: 1 in the audit log, the first at \S+:3; lines .*: 2, the first at \S+:4 \(5 others")
    # What was torn before the active key was made tells of nothing newer.
    write(log, "torn {\n" + line("reveal", 9, before) + "torn {\n" + line("reveal", 7, before) + start)
    both = read(ring)
    t.tool(*retire, log)
    write(ring, both)
    write(log, start + line("reveal", 9, before) + line("key_use", 9, after))
    t.tool(*retire, log)


def test_a_fourth_key_takes_the_place_of_the_oldest(t):
    ring, _, tokens = two_generations(t)
    t.tool("keys", "rotate", "--file", ring)
    before = read(ring)
    used = write(os.path.join(t.folder, "used"), tokens[0])
    refused(t, "keys", "rotate", "--file", ring, says=r"take the place of the oldest key: to retire generation 9 say")
    refused(t, "keys", "rotate", "--file", ring, "--tokens", used, says=r"take the place of the oldest key: tokens of generation 9 are still stored")
    t.equal(read(ring), before, "the key ring after refusals")
    t.tool("keys", "rotate", "--file", ring, "--tokens", write(os.path.join(t.folder, "gone"), "none\n"))
    t.has(t.tool_error, r"the old key of generation 9 was replaced", "what it says")
    t.equal([k["generation"] for k in json.loads(read(ring))["keys"]], [7, 1, 9], "generations")
    t.tool("keys", "rotate", "--file", ring, "--force")


def test_retire_by_the_audit_log_of_nginx(t):
    kek, _ = new_kek(t)
    words = ("--kek", "file:" + kek)
    s = wrapped_server(t, [words[1]], http="cardscrub_audit_log logs/audit.log;")
    log = os.path.join(s.prefix, "logs", "audit.log")
    retire = ("keys", "retire", "9", "--file", s.keys, *words, "--audit", log)
    s.start()
    s.post("card_number=" + t.card())
    time.sleep(1.1)  # keys are dated in seconds
    t.tool("keys", "rotate", "--file", s.keys, *words)
    before = len(s.log("audit.log", lines=3))
    t.equal(s.post("card_number=" + t.card()).seen.form[0][1][0], "9", "the generation before the reload")
    s.log("audit.log", lines=before + 1)
    refused(t, *retire, says=r"used since the active key was made: 1 in the audit log, the first at \S+audit\.log:%d" % (before + 1))
    s.reload()
    s.post("card_number=" + t.card())
    t.tool("audit", "verify", "--keys", s.keys, *words, log)
    t.tool("audit", "verify", "--keys", s.keys, log, status=2)
    t.has(t.tool_error, r"is wrapped by a key-encryption key", "what it says")
    lines = read(log).splitlines(keepends=True)
    write(log + ".later", "".join(line for i, line in enumerate(lines) if i != before))
    t.tool(*retire[:-1], log + ".later")


def test_retire_by_force(t):
    ring, _, tokens = two_generations(t)
    used = write(os.path.join(t.folder, "used"), tokens[0])
    t.tool("keys", "retire", "9", "--file", ring, "--tokens", used, "--force")
    t.equal([k["generation"] for k in json.loads(read(ring))["keys"]], [7], "generations")


# ---- new tokens for old

def test_retoken_lines(t):
    ring = new_ring(t)
    pans = [t.card(brand) for brand in ("visa", "amex", "mastercard", "diners", "discover", "jcb")]
    for options in ((), ("--namespace", "shop-a"), ("--format", "full"), ("--format", "full", "--namespace", "n" * 50)):
        path = new_ring(t, "ring-%d.json" % len(os.listdir(t.folder)))
        old = t.tool("token", "--keys", path, *options, data="\n".join(pans) + "\n").split()
        t.tool("keys", "rotate", "--file", path)
        new = t.tool("retoken", "--keys", path, *options, data="\n".join(old) + "\n").split()
        t.has(t.tool_error, r"6 turned, 0 of generation 7 already, 0 left", "what it says")
        t.equal(new, t.tool("token", "--keys", path, *options, data="\n".join(pans) + "\n").split(), "new tokens")
        again = t.tool("retoken", "--keys", path, *options, data="\n".join(new) + "\n").split()
        t.equal(again, new, "new tokens turned again")
        t.has(t.tool_error, r"0 turned, 6 of generation 7 already, 0 left", "what it says")
    del ring


def test_retoken_leaves_what_is_no_token(t):
    ring, pans, tokens = two_generations(t)
    new = t.tool("retoken", "--keys", ring, data="\n".join(tokens) + "\n").split()
    grouped = "%s %s %s %s" % tuple(re.findall("....", tokens[0]))
    regrouped = "%s %s %s %s" % tuple(re.findall("....", new[0]))
    text = "\r\n".join([tokens[1], "", "token", pans[0], "  " + grouped + "\t", "95280147396", "9" * 20, tokens[2] + "x",
                        tokens[2].replace("9", "9  ", 1), tokens[2] + "-", "8528014739601111", "  "]) + "\n\n" + tokens[4]
    wanted = text.replace(tokens[1], new[1]).replace(grouped, regrouped).replace("\n\n" + tokens[4], "\n\n" + new[4])
    out = t.tool("retoken", "--keys", ring, data=text, status=2)
    t.equal(out, wanted, "output")
    t.has(t.tool_error, r"3 turned, 0 of generation 7 already, 8 left", "what it says")
    t.equal(sorted(int(n) for n in re.findall(r"line (\d+): no token", t.tool_error)), [3, 4, 6, 7, 8, 9, 10, 11], "lines")
    t.true(not re.search(r"\d{6}", t.tool_error), "digits are quoted: " + t.tool_error)


def test_retoken_with_the_wrong_namespace(t):
    """What comes out would be some other number: most are of no brand, and none of those is turned."""
    ring = new_ring(t)
    pans = [t.card() for _ in range(200)]
    tokens = t.tool("token", "--keys", ring, "--namespace", "shop-a", data="\n".join(pans) + "\n").split()
    t.tool("keys", "rotate", "--file", ring)
    t.tool("retoken", "--keys", ring, "--namespace", "shop-b", data="\n".join(tokens) + "\n", status=2)
    t.has(t.tool_error, r"line \d+: no card number comes out: another --namespace or --format\?", "what it says")
    t.has(t.tool_error, r"and \d+ more", "the reports end")
    t.true(t.tool_error.count("\n") < 25, "too many lines")


def test_retoken_csv(t):
    """Random tables, as Python's csv module reads them: the chosen cells are turned, every other byte is as it was."""
    ring, pans, _ = two_generations(t)
    active_only = new_ring(t, "ring-new.json")
    old_keys, new_keys = os.path.join(t.folder, "ring-9.json"), ring
    del active_only
    document = json.loads(read(ring))
    write(old_keys, json.dumps({"keys": [dict(document["keys"][0], state="active")]}))
    pans = [t.card() for _ in range(60)]
    old = t.tool("token", "--keys", old_keys, data="\n".join(pans) + "\n").split()
    new = t.tool("token", "--keys", new_keys, data="\n".join(pans) + "\n").split()
    turned = dict(zip(old, new))
    rng = t.rng

    def cell():
        return rng.choice(["", "x", 'say ""hi""', "a,b;c", "line\nbreak", "\u00e4\u6f22", rng.choice(old), rng.choice(pans)[:8] + "-",
                           "y" * rng.randrange(1, 400)])

    for round_ in range(12):
        width, card = rng.randrange(1, 7), 0
        columns = rng.sample(range(width), rng.randrange(1, min(width, 2) + 1))
        separator, line_end = rng.choice([",", ";", "\t"]), rng.choice(["\n", "\r\n"])
        text, wanted, count = "", "", 0
        names = ["c%d" % i if i % 2 else 'na""me %d' % i for i in range(width)]
        header = separator.join('"%s"' % n if '"' in n or rng.random() < 0.3 else n for n in names) + line_end
        rows = rng.choice([3, 40, 900])
        for _ in range(rows):
            before, after = [], []
            for i in range(width):
                if i in columns:
                    token = rng.choice(old)
                    count += 1
                    pair = (token, turned[token])
                else:
                    value = cell()
                    pair = (value, value)
                quoted = rng.random() < 0.5 or any(c in pair[0] for c in '",;\n\t')
                before.append('"%s"' % pair[0] if quoted else pair[0])
                after.append('"%s"' % pair[1] if quoted else pair[1])
            text += separator.join(before) + line_end
            wanted += separator.join(after) + line_end
        if rng.random() < 0.5:
            text, wanted = text[:-len(line_end)], wanted[:-len(line_end)]
        by_name = rng.random() < 0.5
        options = [o for i in columns for o in ("--column", names[i] if by_name else str(i + 1))]
        with_header = by_name or rng.random() < 0.5
        if with_header:
            text, wanted = header + text, header + wanted
            options += [] if by_name else ["--header"]
        if separator != ",":
            options += ["--separator", {"\t": "tab"}.get(separator, separator)]
        t.true(by_name or len(list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))) == rows + with_header, "the case's table is wrong")
        out = t.tool("retoken", "--keys", ring, *options, data=text)
        if out != wanted:
            at = next(i for i, (a, b) in enumerate(zip(out + "\0", wanted + "\0")) if a != b)
            raise AssertionError("round %d %s: differs at %d: %r, wanted %r" % (round_, options, at, out[at - 40:at + 40], wanted[at - 40:at + 40]))
        t.has(t.tool_error, r" %d turned, 0 of generation 7 already, 0 left" % count, "what it says")


def test_retoken_csv_reports(t):
    ring, pans, tokens = two_generations(t)
    new = t.tool("retoken", "--keys", ring, data="\n".join(tokens) + "\n").split()
    text = ("\ufeffcard,note\n%s,a\n\n,empty\n\"%s\",full\nnone,b\n%s\n\"%s\"x,junk behind a quote\n\"a\"\"b\",quotes\n%s,long\n%s,pan\n" %
            (tokens[0], tokens[1], tokens[2], tokens[3], "1" * 300, pans[0]))
    out = t.tool("retoken", "--keys", ring, "--column", "card", data=text, status=2)
    t.equal(out, text.replace(tokens[0], new[0]).replace(tokens[1], new[1]).replace(tokens[2], new[2]), "output")
    t.equal(re.findall(r"row (\d+), column (\d+): no token", t.tool_error), [(r, "1") for r in ("5", "7", "8", "9", "10")], "places")
    t.has(t.tool_error, r"3 turned, 0 of generation 7 already, 5 left", "what it says")
    t.true(not re.search(r"\d{6}", t.tool_error), "digits are quoted: " + t.tool_error)
    out = t.tool("retoken", "--keys", ring, "--column", "2", data="a,%s\nb\n" % tokens[0], status=2)
    t.equal(out, "a,%s\nb\n" % new[0], "a row without the column")
    t.has(t.tool_error, r"row 2, column 2: no token", "a row without the column")
    for options, data, says in ((("--column", "pan"), "card\n1\n", r'no column "pan"'), (("--column", "1"), '"x', r"quoted cell does not end"),
                                (("--column", "card"), "", r'no column "card"'),
                                (("--column", "0"), "", r"counted from 1"), (("--header",), "", r"name a --column"),
                                (("--column", "1", "--separator", "|"), "", r"must be , or ; or tab"),
                                (("--format", "x"), "", r"must be last4 or full"), ((tokens[0],), "", r"never as arguments"),
                                (("--keys", "/none"), "", r"there is no key ring")):
        refused(t, "retoken", "--keys", ring, *options, data=data, says=says)
    refused(t, "retoken", "--keys", ring, data="9" * 70000 + "\n", says=r"line 1 is too long")


def test_wrapped_ring_in_the_other_commands(t):
    kek, _ = new_kek(t)
    ring, pans, tokens = two_generations(t)
    t.tool("keys", "wrap", "--file", ring, "--kek", "file:" + kek)
    for command in ("token", "untoken", "retoken"):
        refused(t, command, "--keys", ring, data=tokens[0] + "\n", says=r"is wrapped by a key-encryption key")
    new = t.tool("retoken", "--keys", ring, "--kek", "file:" + kek, data="\n".join(tokens) + "\n").split()
    t.equal(t.tool("untoken", "--keys", ring, "--kek", "file:" + kek, data="\n".join(new) + "\n").split(), pans, "numbers")
    t.tool("keys", "retire", "9", "--file", ring, "--force", "--kek", "file:" + kek)
    t.true(read(ring).startswith("eyJ"), "retire leaves the ring unwrapped")
