"""What `nginx -t` says: every mistake with file, line and what to do; every example loads."""
import base64
import json
import os
import re
import shutil


def accepted(t, **parts):
    s = t.server(**parts)
    status, output = s.check()
    t.equal(status, 0, "exit status of nginx -t; it said: " + output)
    return output


def refused(t, *patterns, change=None, **parts):
    """nginx -t fails with [emerg], names the configuration file and a line, and says all of `patterns`."""
    t.expected_faults.append(r"\[emerg\]")
    s = t.server(**parts)
    if change:
        change(s)
    status, output = s.check()
    t.true(status != 0, "nginx -t accepts it; it said: " + output)
    t.has(output, r"\[emerg\]", "the level")
    t.has(output, r"nginx\.conf:\d+", "file and line")
    for pattern in patterns:
        t.has(output, pattern, "what to do")
    return output


def test_good_configurations(t):
    accepted(t)
    accepted(t, server="cardscrub monitor;")
    accepted(t, server="")
    accepted(t, http="cardscrub on; cardscrub_zone 1m; cardscrub_code_ttl 5m;", server="")


def test_missing_key_ring(t):
    refused(t, r"cardscrub keys new --file \S*keys\.json", change=lambda s: os.unlink(s.keys))


def test_missing_key_ring_at_the_default_place(t):
    refused(t, r"cardscrub keys new --file \S*cardscrub/keys\.json", keys=False)


def test_no_key_ring_is_needed_when_off(t):
    accepted(t, keys=False, server="")
    accepted(t, keys=False, server="cardscrub off;")


def test_mode_of_the_key_ring(t):
    for mode in (0o644, 0o640, 0o666):
        refused(t, r"600", change=lambda s, m=mode: os.chmod(s.keys, m))


def test_key_ring_that_is_a_link(t):
    def link(s):
        os.rename(s.keys, s.keys + ".real")
        s.skip.add(s.keys + ".real")
        os.symlink(s.keys + ".real", s.keys)
    refused(t, r"link", change=link)


def ring(t, change):
    def apply(s):
        with open(s.keys, encoding="ascii") as f:
            keys = json.load(f)
        change(keys)
        with open(s.keys, "w", encoding="ascii") as f:
            json.dump(keys, f)
    return apply


def test_short_key(t):
    def shorten(keys):
        keys["keys"][0]["k"] = base64.urlsafe_b64encode(b"x" * 16).decode().rstrip("=")
    refused(t, r"32", change=ring(t, shorten))


def test_unknown_generation(t):
    for generation in (5, 0, 99):
        refused(t, r"generation", change=ring(t, lambda keys, g=generation: keys["keys"][0].update(generation=g, kid=str(g))))


def test_no_active_key_or_two(t):
    refused(t, r"active", change=ring(t, lambda keys: keys["keys"][0].update(state="live")))
    refused(t, r"active", change=ring(t, lambda keys: keys["keys"].append(dict(keys["keys"][0], generation=7, kid="7"))))


def test_key_ring_that_is_no_json(t):
    def spoil(s):
        with open(s.keys, "w", encoding="ascii") as f:
            f.write("{ not json")
    refused(t, r"keys\.json", change=spoil)


def test_bad_field_patterns(t):
    for pattern in ('"~("', '"~[a"', '""', "a." + "x" * 80, '"a..b"'):
        refused(t, r"pattern|expression|cardscrub_field", server="cardscrub on; cardscrub_field pan %s;" % pattern)
    refused(t, r"kind|nonsense", server="cardscrub on; cardscrub_field nonsense abc;")


def test_brand_on_a_generation_digit(t):
    refused(t, r"troy", server="cardscrub on; cardscrub_brands visa troy;")
    accepted(t, server="cardscrub on; cardscrub_brands visa mastercard uatp;")


def test_unknown_values(t):
    for directive in ("cardscrub_pan nonsense;", "cardscrub_code nonsense;", "cardscrub_sweep nonsense;",
                      "cardscrub_head nonsense;", "cardscrub_invalid nonsense;", "cardscrub_brands nonsense;",
                      "cardscrub_token_format nonsense;", "cardscrub_require_tls nonsense;", "cardscrub_code_ttl 2h;",
                      "cardscrub_test_cards nonsense;", "cardscrub nonsense;", "cardscrub_max_depth x;"):
        refused(t, r"cardscrub", r"must (be|lie)", server="cardscrub on;" * (not directive.startswith("cardscrub n")) + directive)
    refused(t, r"none.*alone", http="cardscrub_audit_log logs/audit.log token none;")
    refused(t, r"\"tokenise\"; it must be one of tokenize, mask, reject", server="cardscrub on; cardscrub_pan tokenise;")


def test_directives_in_the_wrong_place(t):
    for directive in ("cardscrub_keys a.json;", "cardscrub_zone 8m;", "cardscrub_redact_logs on;", "cardscrub_require pan;"):
        refused(t, r"not allowed here", server="cardscrub on; " + directive)
    refused(t, r"duplicate", server="cardscrub on; cardscrub_pan mask; cardscrub_pan mask;")


def test_server_that_listens_in_clear(t):
    output = refused(t, r"ssl", listen="listen 127.0.0.1:@PORT@ ssl; listen 127.0.0.1:@CLEAR@;")
    t.has(output, r"cardscrub_require_tls|listen", "what to do")
    refused(t, r"ssl", listen="listen 127.0.0.1:@CLEAR@;", server="", locations="location /a { cardscrub on; return 200; }")
    refused(t, r"ssl", listen="listen 127.0.0.1:@CLEAR@;", http="map $host $m { default on; }", server="cardscrub $m;")


def test_listening_in_clear_where_it_is_allowed(t):
    clear = "listen 127.0.0.1:@PORT@ ssl; listen 127.0.0.1:@CLEAR@;"
    accepted(t, listen=clear, server="cardscrub on; cardscrub_require_tls off;")
    accepted(t, listen=clear, server="")
    accepted(t, extra_servers="server { listen 127.0.0.1:@CLEAR@; return 301 https://$host$request_uri; }")


def test_protocols_below_tls12(t):
    for protocols in ("ssl_protocols TLSv1 TLSv1.2;", "ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;"):
        refused(t, r"ssl_protocols", r"TLSv1\.2", protocols=protocols)
    accepted(t, protocols="ssl_protocols TLSv1.2;")
    accepted(t, protocols="ssl_protocols TLSv1.3;")
    accepted(t, protocols="ssl_protocols TLSv1.1 TLSv1.2;", server="cardscrub on; cardscrub_require_tls off;")


def test_protocols_of_the_default_server(t):
    """They count for all servers of an address: TLS agrees on a version before it looks at the name."""
    first = "server { listen 127.0.0.1:%s ssl default_server; server_name other.test; ssl_protocols %s; return 404; }"
    parts = dict(http="ssl_certificate %s; ssl_certificate_key %s;" % (t.run.certificate, t.run.certificate_key))
    refused(t, "default server of its address", r"ssl_protocols TLSv1\.2", extra_servers=first % ("@PORT@", "TLSv1 TLSv1.2"), **parts)
    accepted(t, extra_servers=first % ("@PORT@", "TLSv1.2"), **parts)
    accepted(t, extra_servers=first % ("@CLEAR@", "TLSv1 TLSv1.2"), **parts)
    accepted(t, extra_servers=first % ("@PORT@", "TLSv1 TLSv1.2"), server="cardscrub on; cardscrub_require_tls off;", **parts)


def example(t, name):
    """The example as an operator has it: nginx.conf, with cardscrub/ and modules/ beside it."""
    s = t.server()
    shutil.copyfile(os.path.join(t.run.top, "conf.examples", name), s.conf)
    shutil.copyfile(t.run.certificate, os.path.join(s.prefix, "cardscrub", "example.crt"))
    shutil.copyfile(t.run.certificate_key, os.path.join(s.prefix, "cardscrub", "example.key"))
    shutil.move(s.keys, os.path.join(s.prefix, "cardscrub", "keys.json"))
    s.skip.add(os.path.join(s.prefix, "cardscrub", "keys.json"))
    os.mkdir(os.path.join(s.prefix, "modules"))
    os.symlink(t.run.module, os.path.join(s.prefix, "modules", "ngx_http_cardscrub_module.so"))
    with open(s.conf, encoding="utf-8") as f:
        text = f.read()
    # A relative name is one below nginx's prefix, where Debian's has no folder for logs; nothing is left in /var by these cases.
    for file in re.findall(r"^\s*(?:access_log|error_log|cardscrub_audit_log)\s+([^\s;]+)", text, re.M):
        t.true(file.startswith("/var/log/nginx/"), "conf.examples/%s: %s is no path in /var/log/nginx" % (name, file))
    text = text.replace("/var/log/nginx/", "logs/")
    if os.geteuid() != 0:  # only root may listen on 443 and write where the distribution's nginx does
        text = re.sub(r"(listen\s+(?:\S+:)?)(80|443)\b", lambda m: m.group(1) + "2" + m.group(2).zfill(4), text)
        text = re.sub(r"^http \{", "pid logs/nginx.pid;\nhttp {\n    access_log logs/access.log;", text, flags=re.M)
    with open(s.conf, "w", encoding="utf-8") as f:
        f.write(text)
    s.write = lambda: None
    return s


def test_every_example_loads(t):
    names = sorted(n for n in os.listdir(os.path.join(t.run.top, "conf.examples")) if n.endswith(".conf"))
    for wanted in ("minimal.conf", "gunicorn-tcp.conf", "gunicorn-unix.conf", "monitor.conf", "every-directive.conf",
                   "scrub-and-reveal.conf"):
        t.true(wanted in names, "conf.examples/%s is missing" % wanted)
    for name in names:
        status, output = example(t, name).check()
        t.equal(status, 0, "exit status of nginx -t for conf.examples/%s; it said: %s" % (name, output))
        t.true("[warn] cardscrub" not in output, "nginx -t warns of conf.examples/%s: %s" % (name, output))


def directives(t):
    """Every directive that the module's sources register."""
    found = set()
    folder = os.path.join(t.run.top, "ngx_module")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            found |= set(re.findall(r'\bin_(?:location|main)\("(cardscrub[a-z0-9_]*)"', f.read()))
    return found


def test_every_directive_is_in_the_example_and_the_reference(t):
    known = directives(t)
    t.true(len(known) >= 15, "found only %s in the module's sources" % sorted(known))
    with open(os.path.join(t.run.top, "conf.examples", "every-directive.conf"), encoding="utf-8") as f:
        used = set(re.findall(r"^\s*#?\s*(cardscrub[a-z0-9_]*)[ ;]", f.read(), re.M))
    t.equal(sorted(known - used), [], "directives that every-directive.conf does not show")
    with open(os.path.join(t.run.top, "CONFIGURATION.md"), encoding="utf-8") as f:
        reference = f.read()
    t.equal(sorted(d for d in known if not re.search(r"^#+.*\b%s\b" % d, reference, re.M) and "`%s`" % d not in reference), [],
            "directives that CONFIGURATION.md does not describe")
