"""Error logs: whoever writes a line, wherever it goes. The sweep after each case looks for every number in all files."""
import os
import re
import signal
import socket
import time

import case
import cards
import memory
import server as nginx

MODULES = "/usr/lib/nginx/modules/ngx_%s_module.so"


def failing(t, error_log, server="", **parts):
    """A request that nginx complains about, to a server whose http block has this error_log."""
    s = t.nginx(server=server, http=error_log, locations="location / { proxy_pass http://127.0.0.1:%d; }" % nginx.free_port(), **parts)
    pan, code = t.card(), t.code()
    t.equal(s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-e", "https://x.test/?c=" + pan).status, 502, "status")
    return s, pan


def mask(pan):
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def test_file(t):
    s, pan = failing(t, "error_log logs/other.log;")
    t.has(s.file("logs/other.log"), "connect.*" + pan[:6] + r"\*{6}", "the line")


def test_json_in_a_line(t):
    """Its quotes are not those around what nginx quotes."""
    s = t.nginx(server="", http="error_log logs/other.log debug;", locations="location / { proxy_pass http://127.0.0.1:%d; }" % nginx.free_port())
    first, second, third = ("%d" % t.rng.randrange(1000, 10000) for _ in range(3))
    s.curl('/?a={"cvv":"%s"}&b={"x":{"cvc":"%s"}}' % (first, second), "-g", "-H", 'X-Card: {"cvv":"%s","a":"b"}' % third)
    text = s.file("logs/other.log")
    for code in (first, second, third):
        t.true('":"%s"' % code not in text, code)
    t.has(text, r'connect.*request: "GET /\?a=\{"cvv":"\*{4}"\}&b=\{"x":\{"cvc":"\*{4}"', "the line")
    t.has(text, r'X-Card: \{"cvv":"\*{4}","a":"b"', "the header")


def test_many_json_texts_in_a_line(t):
    """Looked at one by one they would cost a line much: of what comes behind the first few no digit stays."""
    s = t.nginx(server="", http="error_log logs/other.log;", locations="location / { proxy_pass http://127.0.0.1:%d; }" % nginx.free_port())
    s.curl("/?" + '{"a":1}' * 8, "-g")
    s.curl("/?" + '{"b":2}' * 40, "-g")
    text = s.file("logs/other.log")
    t.has(text, re.escape('GET /?' + '{"a":1}' * 8), "a line with few")
    t.has(text, re.escape('GET /?' + '{"b":2}' * 5), "the beginning of one with many")
    t.has(text, re.escape('{"b":*}' * 20), "what comes behind it")


def test_stderr(t):
    s, pan = failing(t, "error_log stderr;")
    t.has(s.file("logs/stderr.log"), "connect.*" + pan[:6] + r"\*{6}", "the line")


def test_several_levels(t):
    s, pan = failing(t, "error_log logs/a.log debug; error_log logs/b.log error; error_log stderr warn;")
    for name in ("a.log", "b.log", "stderr.log"):
        t.has(s.file("logs/" + name), pan[:6] + r"\*{6}", name)
    t.has(s.file("logs/a.log"), r"\[debug\]", "the level")


def test_main_server_and_location(t):
    s, pan = failing(t, "error_log logs/http.log;")
    dead = nginx.free_port()
    s = t.nginx(server="error_log logs/server.log;", locations="""
      location / { error_log logs/location.log; proxy_pass http://127.0.0.1:%d; }
      location /other { proxy_pass http://127.0.0.1:%d; }""" % (dead, dead))
    pan = t.card()
    for path in ("/", "/other/"):
        s.curl(path + pan)
    for name in ("server.log", "location.log"):
        t.has(s.file("logs/" + name), pan[:6] + r"\*{6}", name)


def test_syslog(t):
    sink, path = t.syslog()
    s, pan = failing(t, "error_log syslog:server=unix:%s;" % path)
    message = sink.recv(8192)
    t.true(mask(pan).encode() in message and pan.encode() not in message, "the message: %s" % message)


def test_memory(t):
    """What error_log memory: keeps is in the worker: it has the line, and no number is in it."""
    s, pan = failing(t, "error_log memory:64k debug;", "cardscrub on;")
    hits = memory.search(t, s, ["number pan " + pan, "bytes line " + b"connect() failed".hex()])
    t.equal({name for name, _, _ in hits}, {"line"}, "what stands in memory: %s" % hits)


def test_after_reload_and_reopen(t):
    s, pan = failing(t, "error_log logs/other.log;")
    for _ in range(2):
        s.reload()
        pan = t.card()
        s.curl("/" + pan)
        t.has(s.file("logs/other.log"), pan[:6] + r"\*{6}", "after a reload")
    os.rename(os.path.join(s.prefix, "logs", "other.log"), os.path.join(s.prefix, "logs", "other.log.1"))
    s.reopen("other.log")
    pan = t.card()
    s.curl("/" + pan)
    t.has(s.file("logs/other.log"), pan[:6] + r"\*{6}", "after a reopen")


def test_master(t):
    """A reload that fails: the master quotes the configuration."""
    t.expected_faults = [r"unknown directive"]
    s = t.nginx()
    pan = t.card()
    with open(s.conf, encoding="utf-8") as f:
        good = f.read()
    with open(s.conf, "w", encoding="utf-8") as f:
        f.write(good.replace("http {", 'http {\n "card %s" on;' % pan, 1))
    s.process.send_signal(signal.SIGHUP)
    t.has(s.wait_for_error("unknown directive"), "unknown directive.*" + pan[:6] + r"\*{6}", "the line")


def test_debug_connection(t):
    s = t.nginx(events="debug_connection 127.0.0.1;", server="")
    t.app_may_see = True
    pan, code = t.card(), t.code()
    for http2 in (False, True):
        s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-H", "X-Card: " + pan, "-b", "card=%s; cvv=%s" % (pan, code), "-e",
               "https://x.test/?cvv=%s" % code, "-H", "CVV: " + code, http2=http2,
               body=b"card_number=%s" % pan.encode())
    t.has(s.error_log(), r"\[debug\].*\d{6}\*{6}\d{4}", "lines at debug level")


def test_bad_heads(t):
    """Lines that quote what cannot be parsed."""
    for server in ("cardscrub on;", ""):
        t.app_may_see = True
        s = t.nginx(server=server, http="large_client_header_buffers 2 1k; client_header_buffer_size 512;")
        pan = t.card()
        for head in ("X-Card: %s; pad=%s" % (pan, "x" * 3000), "X-Pad: %s %s" % ("x" * 900, pan), "Bad\x01: %s" % pan, "%s\x01: 1" % pan,
                     "Host: a/%s" % pan, "Content-Length: %s" % pan, "Transfer-Encoding: %s" % pan, "Cookie: card=%s\x01" % pan):
            with s.wire() as wire:
                wire.send(("GET /%s HTTP/1.1\r\nHost: shop.test\r\n%s\r\n\r\n" % (pan, head)).encode("latin-1"))
                wire.reply()
        t.has(s.error_log(), r"client sent (too long|invalid)", "lines about them")


def test_a_line_is_cut_in_the_middle_of_a_number(t):
    """Of a number that is cut off no more than its BIN may remain, wherever nginx cuts."""
    s = t.nginx(server="", locations="location / { proxy_pass http://127.0.0.1:%d; }" % nginx.free_port())
    pans = [t.card() for _ in range(2)]
    with s.wire() as wire:
        for number in pans + [cards.written(pan, "percent") for pan in pans]:
            for pad in (*range(820, 960, 3), *range(1720, 1860, 3)):  # the request line and the upstream's stand in the line both
                wire.send(("GET /%s?q=%s&z=zz HTTP/1.1\r\nHost: shop.test\r\n\r\n" % ("x" * pad, number)).encode())
                t.equal(wire.reply().status, 502, "status")
    text = s.error_log()
    lines = [line for line in text.splitlines() if len(line) >= 2030]
    t.true(len(lines) > 100 and sum(pans[0][:6] in line[-40:] for line in lines) > 5, "lines that were cut in the number")
    t.equal([pan for pan in pans if pan[:7] in text or cards.written(pan[:7], "percent") in text], [], "beginnings of numbers")


def test_too_long_headers_are_cut(t):
    s = t.nginx(server="", http="large_client_header_buffers 4 2k;")
    pan = t.card()
    for pad in range(1640, 1780, 2):
        with s.wire() as wire:
            wire.send(("GET / HTTP/1.1\r\nHost: shop.test\r\nX-Long: %s %s %s\r\n\r\n" % ("x" * pad, pan, "y" * 3000)).encode())
            wire.reply()
    t.has(s.error_log(), r"too long header line", "the line")
    t.true(pan[:7] not in s.error_log(), "the beginning of the number")


def other_module(t, name, block, http=""):
    if not os.path.exists(MODULES % name):
        raise case.Skip("nginx's %s module is not installed" % name)
    return t.nginx(main="load_module %s;\n%s" % (MODULES % name, block))


def test_stream_servers(t):
    port = nginx.free_port()
    s = other_module(t, "stream", """stream { error_log logs/stream.log info;
      server { listen 127.0.0.1:%d; ssl_preread on; proxy_pass $ssl_preread_server_name:443; error_log logs/stream.log info; } }""" % port)
    pan = t.card()
    import ssl
    context = ssl.create_default_context()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
            context.wrap_socket(wire, server_hostname=pan + ".test")
    except OSError:
        pass
    end = time.monotonic() + s.limit
    while pan[:6] not in s.file("logs/stream.log") and time.monotonic() < end:
        time.sleep(0.02)
    t.has(s.file("logs/stream.log"), pan[:6] + r"\*{6}", "the line")


def test_mail_servers(t):
    port = nginx.free_port()
    s = other_module(t, "mail", """mail { server_name shop.test; auth_http 127.0.0.1:%d/; 
      server { listen 127.0.0.1:%d; protocol pop3; error_log logs/mail.log debug; } }""" % (nginx.free_port(), port))
    pan = t.card()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.recv(200)
        wire.sendall(b"USER %s\r\n" % pan.encode())
        wire.recv(200)
        wire.sendall(b"PASS card %s\r\n" % pan.encode())
        wire.recv(200)
    t.has(s.file("logs/mail.log"), 'login: "' + pan[:6] + r"\*{6}", "the line")
