"""The linter: what `nginx -t` warns of, with file, line and what to do; what it does not."""
import os
import re
import signal
import time

GOOD_TLS = "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off;"
FAR = "http://192.0.2.7:8000"  # RFC 5737: nobody's


def warnings(t, **parts):
    parts.setdefault("protocols", GOOD_TLS)
    s = t.server(**parts)
    status, output = s.check()
    t.equal(status, 0, "exit status of nginx -t; it said: " + output)
    return [line for line in output.splitlines() if "[warn]" in line and "cardscrub: " in line]


def warned(t, pattern, place=True, count=1, **parts):
    got = warnings(t, **parts)
    t.equal(len(got), count, "warnings: %s" % got)
    t.has(got[0], pattern, "the warning")
    if place:
        t.has(got[0], r"\(in \S+:\d+\)$", "file and line")
    return got[0]


def silent(t, **parts):
    t.equal(warnings(t, **parts), [], "warnings")


def at(directives, mode="cardscrub on;"):
    return dict(server="", locations="location / { %s %s }" % (mode, directives))


def test_nothing_to_say(t):
    silent(t)
    silent(t, server="cardscrub on;", locations="location / { include app_unix.conf; }")


def test_error_log_of_the_default_level(t):
    """Debian's nginx.conf has `error_log FILE;`, which is level error."""
    warned(t, r"core_dumps on", place=False, http="cardscrub_core_dumps on;", error_level="error")


def test_require_where_cardscrub_is_off(t):
    wanted = r"cardscrub_require pan code.*cardscrub is off.*cardscrub on;"
    warned(t, wanted, server="", locations="location / { cardscrub_require pan code; return 200; }")
    warned(t, wanted, server="", locations="location / { cardscrub off; cardscrub_require pan code; return 200; } "
           "location /a { cardscrub on; cardscrub_require pan; return 200; }")
    silent(t, server="", locations="location / { cardscrub_lint off; cardscrub_require pan code; return 200; }")
    silent(t, server="cardscrub on;", locations="location / { cardscrub_require pan code; return 200; }")
    silent(t, server="cardscrub monitor;", locations="location / { cardscrub_require pan code; return 200; }")


def test_plain_http_to_another_host(t):
    line = warned(t, r"proxy_pass %s.*192\.0\.2\.7:8000 in clear.*https://" % FAR, **at("proxy_pass %s;" % FAR))
    t.has(line, r"unix socket or 127\.0\.0\.1", "what to do")
    warned(t, r"10\.1\.2\.3:80 in clear", **at("proxy_pass http://10.1.2.3/app/;"))
    warned(t, r"\[2001:db8::1\]:81 in clear", **at("proxy_pass http://[2001:db8::1]:81;"))
    warned(t, r"fastcgi_pass.*in clear", **at("fastcgi_pass 10.1.2.3:9000;"))
    warned(t, r"uwsgi_pass.*in clear.*suwsgi", **at("uwsgi_pass 10.1.2.3:9000;"))
    warned(t, r"grpc_pass.*in clear.*grpcs", **at("grpc_pass grpc://10.1.2.3:9000;"))
    warned(t, r"10\.9\.9\.9:8000 in clear", http="upstream shop { server 127.0.0.1:1; server 10.9.9.9:8000; }",
           **at("proxy_pass http://shop;"))


def test_local_or_encrypted_upstreams(t):
    for target in ("http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:8000", "http://localhost:8000",
                   "http://unix:/run/x.sock:/", "https://192.0.2.7", "http://$host"):
        silent(t, http="resolver 127.0.0.1;", **at("proxy_pass %s;" % target))
    silent(t, http="upstream shop { server 127.0.0.1:1; server unix:/run/x.sock; }", **at("proxy_pass http://shop;"))
    silent(t, **at("grpc_pass grpcs://192.0.2.7:443;"))
    silent(t, **at("proxy_pass %s;" % FAR, mode="cardscrub off;"))
    silent(t, **at("proxy_pass %s;" % FAR, mode="cardscrub monitor;"))


def test_lines_of_the_configuration(t):
    s = t.server(protocols=GOOD_TLS, server="", locations="location / {\n cardscrub on;\n proxy_pass %s;\n}" % FAR)
    output = s.check()[1]
    with open(s.conf, encoding="utf-8") as f:
        number = next(i for i, line in enumerate(f, 1) if FAR in line)
    t.has(output, r"nginx\.conf:%d\)" % number, "the line")


def test_responses_on_disk(t):
    pass_on = "proxy_pass http://127.0.0.1:8000;"
    warned(t, r"proxy_store on.*disk", **at("proxy_store on; " + pass_on))
    cache = "proxy_cache_path %s/cache keys_zone=c:1m;"
    t.true("proxy_cache c" in warned(t, r"proxy_cache off", http=cache % "temp", **at("proxy_cache c; " + pass_on)), "which")
    silent(t, http=cache % "temp" + "proxy_cache c;", **at("proxy_cache off; proxy_store off; " + pass_on))


def test_inherited_directives_are_said_once(t):
    locations = "".join("location /%d { cardscrub on; proxy_pass http://127.0.0.1:8000; }" % i for i in range(5))
    warned(t, r"proxy_store on", server="proxy_store on;", locations=locations)
    silent(t, server="proxy_store on;", locations="location / { cardscrub on; proxy_store off; }")
    silent(t, server="proxy_store on;", locations="location / { cardscrub off; }")


def test_body_in_file(t):
    warned(t, r"client_body_in_file_only on.*clean", **at("client_body_in_file_only on;"))
    silent(t, **at("client_body_in_file_only clean;"))


def test_mirror(t):
    to = "location = /copy { internal; cardscrub off; proxy_pass %s; }"
    warned(t, r"mirror /copy.*another host", server="", locations="location / { cardscrub on; mirror /copy; }" + to % FAR)
    silent(t, server="", locations="location / { cardscrub on; mirror /copy; }" + to % "http://127.0.0.1:81")
    silent(t, server="mirror /copy;", locations="location / { cardscrub on; mirror off; }" + to % FAR)


def test_variables_of_the_client(t):
    warned(t, r"cardscrub_namespace \$http_x_shop.*map", server="cardscrub on; cardscrub_namespace $http_x_shop;")
    # A map would not help: what it lists is what the client may send.
    warned(t, r"cardscrub \$arg_off.*switch cardscrub off: (?!.*map).*geo", server="cardscrub $arg_off;")
    silent(t, http="map $http_x_shop $shop { default a; }", server="cardscrub on; cardscrub_namespace $shop;")


def test_ciphers(t):
    for ciphers, weak in (("ALL:@SECLEVEL=0", "ADH"), ("ECDHE+AESGCM:eNULL:@SECLEVEL=0", "NULL")):
        warned(t, r"allows \S*%s\S*: write \"ssl_ciphers" % weak, protocols=GOOD_TLS + "ssl_ciphers %s;" % ciphers)
    silent(t, protocols=GOOD_TLS + "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;")


def test_session_tickets(t):
    warned(t, r"session tickets.*ssl_session_tickets off", protocols="ssl_protocols TLSv1.2 TLSv1.3;")
    silent(t, protocols="ssl_protocols TLSv1.3;")
    silent(t, server="", protocols="ssl_protocols TLSv1.2 TLSv1.3;")
    s = t.server(protocols="ssl_protocols TLSv1.2; ssl_session_ticket_key ticket.key;")
    path = os.path.join(s.prefix, "ticket.key")
    with open(path, "wb") as f:
        f.write(os.urandom(80))
    t.has(s.check()[1], r"\[warn\].*ssl_session_ticket_key.*daily", "the warning")


def test_our_own_switches(t):
    warned(t, r"core_dumps on", place=False, http="cardscrub_core_dumps on;")
    warned(t, r"redact_logs off", place=False, http="cardscrub_redact_logs off;")
    got = warnings(t, http="cardscrub_redact_logs off;", events="debug_connection 127.0.0.1;")
    t.equal([bool(re.search("debug_connection", line)) for line in got], [False, True], "warnings: %s" % got)
    silent(t, http="cardscrub_redact_logs off;", server="")


def test_switched_off(t):
    silent(t, http="cardscrub_lint off; cardscrub_redact_logs off;", protocols="ssl_protocols TLSv1.2;",
           **at("proxy_pass %s;" % FAR))
    silent(t, **at("cardscrub_lint off; proxy_pass %s;" % FAR))
    warned(t, r"in clear", http="cardscrub_lint off;", **at("cardscrub_lint on; proxy_pass %s;" % FAR))


def test_a_refused_configuration_leaves_the_next_one_whole(t):
    t.expected_faults.append(r"\[emerg\]")
    s = t.nginx(protocols=GOOD_TLS)
    s.parts["server"] = "cardscrub on; proxy_pass nonsense;"
    s.write()
    os.kill(s.process.pid, signal.SIGHUP)
    end = time.monotonic() + s.limit
    while "[emerg]" not in s.error_log():
        t.true(time.monotonic() < end, "the reload was not refused")
    s.parts["server"] = "cardscrub on;"
    s.parts["locations"] = "location / { include app.conf; } location /far { proxy_pass %s; }" % FAR
    s.write()
    s.reload()
    t.has(s.error_log(), r"\[warn\].*192\.0\.2\.7:8000 in clear", "the warning after the reload")
    pan = t.card()
    t.token(s.post("card_number=" + pan).seen.form[0][1], pan)
