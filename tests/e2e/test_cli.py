"""The command line tool."""
import base64
import json
import os
import stat
import subprocess

import cards


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_keys(t):
    path = os.path.join(t.folder, "ring.json")
    t.tool("keys", "new", "--file", path)
    t.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the key ring")
    with open(path, encoding="ascii") as f:
        first = json.load(f)
    t.equal([k["generation"] for k in first["keys"]], [9], "generations")
    t.tool("keys", "check", "--file", path)
    t.true("k" in first["keys"][0] and first["keys"][0]["k"] not in t.tool("keys", "list", "--file", path), "list prints the key")
    with open(path, "rb") as f:
        before = f.read()
    t.tool("keys", "new", "--file", path, status=None)
    t.true(t.tool_status != 0, "keys new overwrites a key ring")
    with open(path, "rb") as f:
        t.equal(f.read(), before, "the key ring after a second `keys new`")
    for generations in ([9, 7], [9, 7, 1]):
        t.tool("keys", "rotate", "--file", path)
        with open(path, encoding="ascii") as f:
            now = json.load(f)
        t.equal(sorted(k["generation"] for k in now["keys"]), sorted(generations), "generations")
        t.equal([k["generation"] for k in now["keys"] if k["state"] == "active"], [generations[-1]], "active generation")
    t.has(t.tool("keys", "list", "--file", path), r"9.*7.*1|1.*7.*9", "all generations in the list")
    os.chmod(path, 0o644)
    t.tool("keys", "check", "--file", path, status=None)
    t.true(t.tool_status != 0, "keys check accepts mode 0644")
    t.has(t.tool_error, "600", "what to do")
    t.tool("keys", "check", "--file", path + ".missing", status=None)
    t.true(t.tool_status != 0, "keys check accepts a missing file")


def test_token_and_back(t):
    pans = [t.card(b) for b in ("visa", "amex", "diners", "mastercard")]
    for options in ((), ("--namespace", "shop-a"), ("--format", "full")):
        tokens = t.tool("token", "--keys", t.run.keys, *options, data="\n".join(pans) + "\n").split()
        t.equal(len(tokens), len(pans), "number of tokens")
        for pan, token in zip(pans, tokens):
            if options[:1] != ("--format",):
                t.token(token, pan)
        t.equal(t.tool("untoken", "--keys", t.run.keys, *options, data="\n".join(tokens) + "\n").split(), pans, "back again")


def test_token_is_the_one_that_nginx_makes(t):
    s = t.nginx(locations="location /ns { cardscrub_namespace shop-a; include app.conf; } location / { include app.conf; }")
    pan = t.card()
    for path, options in (("/", ()), ("/ns", ("--namespace", "shop-a"))):
        token = s.post("card_number=" + pan, path=path).seen.form[0][1]
        t.equal(t.tool("token", "--keys", t.run.keys, *options, data=pan + "\n").strip(), token, "token of the tool")
        t.equal(t.tool("untoken", "--keys", t.run.keys, *options, data=token + "\n").strip(), pan, "number of the tool")


def test_numbers_are_not_taken_as_arguments(t):
    pan = t.card()
    t.tool("token", "--keys", t.run.keys, pan, status=None)
    t.true(t.tool_status != 0, "a number as an argument is accepted")
    t.true(pan not in t.tool_error, "the complaint quotes the number")


def test_token_of_a_number_that_is_none(t):
    pan = t.wrong(t.card())
    out = t.tool("token", "--keys", t.run.keys, data=pan + "\n", status=None)
    t.true(t.tool_status != 0 and pan not in out + t.tool_error, "a wrong number: %r %r" % (out, t.tool_error))


def test_ff1_vectors(t):
    with open(os.path.join(t.run.top, "tests", "vectors", "ff1_nist.json"), encoding="utf-8") as f:
        vectors = json.load(f)
    if isinstance(vectors, dict):
        vectors = next(v for v in vectors.values() if isinstance(v, list))
    t.true(len(vectors) >= 9, "%d vectors; SP 800-38G has nine" % len(vectors))
    asked, wanted = [], []
    for v in vectors:
        base = {"key": v["key"], "tweak": v["tweak"], "radix": v["radix"]}
        if "alphabet" in v:
            base["alphabet"] = v["alphabet"]
        plain, cipher = v.get("plaintext", v.get("plain")), v.get("ciphertext", v.get("cipher"))
        asked += [dict(base, op="encrypt", text=plain), dict(base, op="decrypt", text=cipher)]
        wanted += [{"text": cipher}, {"text": plain}]
    got = lines(t.tool("ff1", data="".join(json.dumps(a) + "\n" for a in asked)))
    t.equal(got, wanted, "answers")


def test_ff1_refuses(t):
    good = {"op": "encrypt", "key": "2B7E151628AED2A6ABF7158809CF4F3C", "tweak": "", "radix": 10, "text": "0123456789"}
    asked = [dict(good, text="12345"), dict(good, key="00"), dict(good, radix=1), dict(good, text="01234x6789"), dict(good, op="x")]
    got = lines(t.tool("ff1", data="".join(json.dumps(a) + "\n" for a in asked) + "not json\n", status=None))
    t.equal([list(g) for g in got], [["error"]] * 6, "answers")


def test_scan_json(t):
    pan, code = t.card(), t.code()
    body = '{"x":"%s","card_number":"%s","cvv":"%s"}' % (pan, pan, code)
    out = t.tool("scan", "--content-type", "application/json", "--json", data=body, status=1)
    found = lines(out)
    t.equal([(f["offset"], f["length"], f["kind"]) for f in found],
            [(body.index(pan), 16, "pan"), (body.rindex(pan), 16, "pan"), (body.rindex(code), len(code), "code")], "findings")
    t.equal([f["brand"] for f in found][:2], ["visa", "visa"], "brands")
    t.equal(found[1]["field"], "card_number", "field")
    t.true("action" in found[0], "no action in %s" % found[0])
    t.true(pan not in out and pan[:12] not in out, "the output quotes the number")
    t.equal(t.tool("scan", "--json", data="nothing here 1234\n", status=0), "", "findings in clean text")


def test_scan_finds_what_is_wrapped(t):
    """A card number in a token of a log, in base64, is one that the module would have refused."""
    pan = t.card()
    inner = base64.urlsafe_b64encode(('{"card":"%s"}' % pan).encode()).decode().rstrip("=")
    found = lines(t.tool("scan", "--json", data="GET / 200 Bearer eyJhbGciOiJIUzI1NiJ9.%s.c2ln\n" % inner, status=1))
    t.equal([(f["kind"], f["brand"], f["action"]) for f in found], [("pan", "visa", "reject")], "findings")


def test_scan_files(t):
    pan = t.card()
    clean, dirty = os.path.join(t.folder, "clean.log"), os.path.join(t.folder, "dirty.log")
    with open(clean, "w", encoding="ascii") as f:
        f.write("GET /index.html 200 1760000000123456\n" * 50)
    with open(dirty, "w", encoding="ascii") as f:
        f.write("GET /index.html 200\n" * 50 + "GET /?c=%s 200\n" % cards.grouped(pan, "-"))
    t.tool("scan", clean, status=0)
    out = t.tool("scan", clean, dirty, status=1)
    latin = os.fsencode(t.folder) + b"/caf\xe9.log"  # one name that is no UTF-8 must not end the search
    os.link(dirty, latin)
    t.equal(len(t.tool("scan", latin, dirty, status=1).splitlines()), 2, "findings in a file of any name, and behind it")
    os.unlink(latin)
    t.true(pan not in out and cards.grouped(pan, "-") not in out, "the output quotes the number: " + out)
    os.unlink(dirty)


def test_scan_batch(t):
    pan, code = t.card(), t.code()

    def row(id_, channel, data, ct=None):
        out = {"id": id_, "ch": channel, "b64": base64.b64encode(data.encode()).decode()}
        if ct:
            out["ct"] = ct
        return json.dumps(out) + "\n"

    form = "a=1&card_number=%s&cvv=%s" % (pan, code)
    data = (row("b", "body", form, "application/x-www-form-urlencoded") + row("u", "url", "/p/%s?x=1" % pan) +
            row("h", "header", "X-Card: " + pan) + row("l", "log", 'GET /?c=%s HTTP/1.1" 200' % pan) +
            row("c", "body", '{"a":1}', "application/json"))
    out = t.tool("scan", "--batch", data=data, status=None)
    got = {a["id"]: a["findings"] for a in lines(out)}
    t.equal(sorted(got), sorted("buhlc"), "ids")
    t.equal([(f["offset"], f["length"], f["kind"]) for f in got["b"]],
            [(form.index(pan), 16, "pan"), (form.rindex(code), len(code), "code")], "findings in the body")
    t.equal(got["b"][0]["field"], "card_number", "field")
    t.equal([(f["offset"], f["length"]) for f in got["u"]], [(3, 16)], "findings in the url")
    t.equal([f["brand"] for f in got["h"] + got["l"]], ["visa", "visa"], "brands")
    t.equal(got["c"], [], "findings in a clean body")
    t.true(pan[:12] not in out, "the output quotes the number")
    wrong = '{"id":1,"b64":5}\n{"id":2,"ch":5,"b64":"NDE="}\n{"id":3,"ct":5,"b64":"NDE="}\n'
    t.equal(["error" in a for a in lines(t.tool("scan", "--batch", data=wrong, status=2))], [True, True, False], "answers to wrong types")


def test_scan_batch_goes_on_behind_a_bad_row(t):
    pan = t.card()
    good = json.dumps({"id": "good", "b64": base64.b64encode(pan.encode()).decode()}) + "\n"
    for bad in ('{"id":"bad","ch":5,"b64":"QQ=="}', '{"id":"bad","ch":null,"b64":"QQ=="}', '{"id":"bad","b64":5}', '{"id":"bad","b64":["QQ=="]}',
                '{"id":"bad"}', '{"id":"bad","ch":"x","b64":"QQ=="}'):
        got = lines(t.tool("scan", "--batch", data=bad + "\n" + good, status=2))
        t.equal([(a["id"], "error" in a, len(a["findings"])) for a in got], [("bad", True, 0), ("good", False, 1)], "answers to " + bad)


def test_scan_of_a_file_with_a_name_of_any_bytes(t):
    path = os.path.join(t.folder, "\udcff\udcc3.log")
    with open(path, "w", encoding="ascii") as f:
        f.write(t.card() + "\n")
    found = lines(t.tool("scan", "--json", path, status=1))
    t.equal([(f["offset"], f["kind"], f["file"][-4:]) for f in found], [(0, "pan", ".log")], "findings")
    os.unlink(path)


def test_scan_says_what_it_did_not_look_at(t):
    """Behind a limit there may be anything: that is not clean."""
    for name, type_, body in (("depth", "application/json", "[" * 1200 + '"%s"' % t.card() + "]" * 1200),
                              ("head of a part", "multipart/form-data; boundary=b", "--b\r\nX: " + "y" * 20000 + t.card() + "\r\n\r\n\r\n--b--\r\n")):
        t.equal(t.tool("scan", "--content-type", type_, data=body, status=2), "", name + ": findings")
        t.has(t.tool_error, r"-: not all of it could be looked at: .", name)
        row = {"ct": type_, "b64": base64.b64encode(body.encode()).decode()}
        t.has(t.tool("scan", "--batch", data=json.dumps(row), status=2), r'"error":"limit\.', name + ": batch")


def test_scan_on_a_full_disk(t):
    clean = json.dumps({"id": 1, "b64": "QQ=="}) + "\n"
    for options, data in (([], t.card()), (["--json"], t.card()), (["--batch"], clean)):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([t.run.tool, "scan", *options], input=data.encode(), stdout=full, stderr=subprocess.PIPE, timeout=60)
        t.equal(run.returncode, 2, "exit status")
        t.has(run.stderr.decode(), r"cannot write all that was found", "what it says")


def test_arguments_are_not_quoted(t):
    pan = t.card()
    for command in ("scrub", "scan", "token", "untoken", "retoken", "keys", "audit"):
        t.tool(command, "--" + pan, status=None)
        t.true(t.tool_status != 0 and pan not in t.tool_error, command + " quotes an argument: " + t.tool_error)
    t.tool("scrub", pan, status=2)
    t.true(pan not in t.tool_error, "scrub quotes an argument: " + t.tool_error)


def test_scrub(t):
    pan, other = t.card(), t.card("amex")
    log = 'GET /?card_number=%s&x=1 HTTP/1.1" 200\nnote: %s!\n' % (pan, cards.grouped(other, " ")) + "line\n" * 1000
    masked = t.tool("scrub", data=log)
    t.swapped(log, masked.encode(), (pan, "mask"), (cards.grouped(other, " "), "mask"))
    tokens = t.tool("scrub", "--keys", t.run.keys, data=log)
    t.swapped(log, tokens.encode(), (pan, "token"), (cards.grouped(other, " "), "token"))
    t.equal(t.tool("scrub", "--keys", t.run.keys, data=tokens), tokens, "scrubbed twice")
    t.tool("scan", data=tokens, status=0)
    for words in ((pan,), ("-" + pan,), ("--" + pan, "x")):
        t.tool("scrub", *words, data="x", status=2)
        t.true(pan not in t.tool_error, "the message quotes the number: " + t.tool_error)


def test_usage(t):
    out = t.tool("--help")
    for command in ("keys", "scan", "scrub", "token", "untoken", "retoken", "audit", "ff1"):
        t.has(out, r"\b%s\b" % command, "usage")
        t.has(t.tool(command, "--help"), r"^use: cardscrub (token\|)?%s\b" % command, "use of " + command)
    t.tool("nonsense", status=None)
    t.true(t.tool_status != 0, "an unknown command succeeds")


def test_a_package_holds_no_keys(t):
    """With DESTDIR nothing is made that all hosts would share."""
    folder = os.path.join(t.folder, "package")
    subprocess.run(["make", "-s", "-C", t.run.top, "install", "DESTDIR=" + folder, "PREFIX=/usr", "CONF_DIR=/etc/nginx", "MODULE=" + t.run.module,
                    "CLI=" + t.run.tool], check=True, stdout=subprocess.DEVNULL, timeout=100)
    t.true(os.access(os.path.join(folder, "usr/bin/cardscrub"), os.X_OK), "the tool is not in the package")
    t.true(os.path.exists(os.path.join(folder, "usr/lib/nginx/modules/ngx_http_cardscrub_module.so")), "the module is not in the package")
    t.equal(os.listdir(os.path.join(folder, "etc/nginx/cardscrub")), [], "keys in the package")
