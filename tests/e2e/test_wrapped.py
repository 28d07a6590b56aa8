"""Card numbers in base64: refused where they would be forwarded, masked in logs, counted by monitor."""
import base64
import json
import re

import cards

JSON = "application/json"
TEXT = "text/plain"


def packed(data, url=False):
    data = data.encode() if isinstance(data, str) else data
    return (base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)).decode()


def jwt(payload):
    return "%s.%s.%s" % (packed('{"alg":"HS256"}', True), packed(json.dumps(payload), True), packed(b"\x9f\xfe signature", True))


def bodies(pan):
    payload = {"sub": "17", "card": {"number": pan, "exp": "12/30"}}
    lines = packed("x" * 61 + " pay with " + cards.grouped(pan, " ") + " " + "y" * 80)
    multipart = ("--b\r\nContent-Disposition: form-data; name=f; filename=f.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                 + "\r\n".join(lines[i:i + 76] for i in range(0, len(lines), 76)) + "\r\n--b--\r\n")
    return (("number in JSON", json.dumps({"t": packed(pan)}), JSON),
            ("token in JSON", json.dumps({"id_token": jwt(payload)}), JSON),
            ("document in JSON", json.dumps({"data": packed(json.dumps(payload))}), JSON),
            ("token in a form", "a=1&token=%s&b=2" % jwt(payload), "application/x-www-form-urlencoded"),
            ("document in a form", "d=" + packed(json.dumps(payload)).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
             "application/x-www-form-urlencoded"),
            ("data URL", json.dumps({"file": "data:text/plain;base64," + packed("card: " + pan)}), JSON),
            ("XML", "<a><b>%s</b></a>" % packed(json.dumps(payload)), "text/xml"),
            ("part of a multipart body", multipart, "multipart/form-data; boundary=b"),
            ("text", "take this: %s\n" % packed(pan), TEXT),
            ("JSON with escaped slashes", json.dumps({"d": packed("???>>>" + pan + ">>>???")}).replace("/", "\\/"), JSON))


def places(pan):
    token = jwt({"card": pan})
    return (("Basic", "/", ("-u", "ada:" + pan)),
            ("Bearer", "/", ("-H", "Authorization: Bearer " + token)),
            ("header", "/", ("-H", "X-Data: " + packed(pan))),
            ("cookie", "/", ("-H", "Cookie: a=1; session=" + packed('{"n":"%s"}' % pan))),
            ("argument", "/?t=" + token, ()),
            ("path", "/w/%s/x" % packed(pan, True), ()))


def test_bodies_are_refused(t):
    s = t.nginx()
    for http2 in (False, True):
        for what, body, kind in bodies(t.card()):
            reply = s.post(body, kind, http2=http2)
            t.equal((what, reply.status), (what, 422), "status")
            t.refused(reply, 422)
            t.equal(t.reasons(reply), ["pan.wrapped"], "reasons of " + what)
            t.no_digits(reply)
    t.equal(t.seen(), [], "requests that reached the application")
    t.equal(s.post("a=1").status, 200, "the next request")


def test_heads_are_refused(t):
    s = t.nginx()
    for http2 in (False, True):
        for what, path, options in places(t.card()):
            reply = s.curl(path, *options, http2=http2)
            t.equal((what, reply.status), (what, 422), "status")
            t.equal(t.reasons(reply), ["pan.wrapped"], "reasons of " + what)
    t.equal(t.seen(), [], "requests that reached the application")


def test_at_every_cut(t):
    s = t.nginx(server="cardscrub on; proxy_request_buffering off;")
    body = json.dumps({"a": 1, "t": packed("my number is " + t.card())})
    for more in ({"piece": 1}, {"piece": 7}, {"chunks": 3}):
        t.refused(s.raw_post(body, JSON, **more), 422)
    for piece in (1, 7):
        with s.wire2() as wire:
            stream = wire.start("POST", "/pay", [("content-type", JSON)])
            wire.body(stream, body.encode(), piece)
            t.equal(wire.reply(stream).status, 422, "status")


def test_what_holds_none_passes(t):
    s = t.nginx()
    pan = t.card()
    token = s.post("card_number=" + pan).seen.form[0][1]
    noise = bytes(t.rng.randrange(256) for _ in range(60000))
    for body, kind in ((json.dumps({"file": packed(noise)}), JSON), (packed(noise, True), TEXT),
                       (json.dumps({"t": jwt({"sub": "1234567890", "iat": 1516239022, "card": token})}), JSON),
                       (json.dumps({"t": packed(cards.mistype(pan))}), JSON),
                       (json.dumps({"t": packed("id " + "7" * 40)}), JSON)):
        t.equal(s.post(body, kind).seen.body, body.encode(), "the body")


def test_ten_megabytes_of_base64(t):
    s = t.nginx(server="cardscrub on; client_max_body_size 20m;")
    body = b'{"file":"%s"}' % base64.b64encode(bytes(t.rng.getrandbits(8) for _ in range(100000)) * 100)
    t.equal(s.post(body, JSON).seen.body, body, "the body")


def test_monitor_counts(t):
    t.app_may_see = True
    s = t.nginx(server="cardscrub monitor;", locations="""
      location = /status { cardscrub off; cardscrub_status; } location / { include app.conf; }""")
    body = json.dumps({"t": packed(t.card())})
    t.equal(s.post(body, JSON).seen.body, body.encode(), "the body")
    t.equal(s.curl("/status").json()["findings"]["pan"], 1, "findings")


def test_ignored_and_off(t):
    t.app_may_see = True
    s = t.nginx(locations="""
      location /ignore { cardscrub_field ignore signed; include app.conf; }
      location /off { cardscrub_sweep off; include app.conf; }""")
    body = json.dumps({"signed": jwt({"card": t.card()})})
    for path in ("/ignore", "/off"):
        t.equal(s.post(body, JSON, path=path).seen.body, body.encode(), "the body")
    t.refused(s.post(json.dumps({"x": 1, "other": packed(t.card())}), JSON, path="/ignore"), 422)


def test_logs_are_masked(t):
    t.app_may_see = True
    s = t.nginx(server="")
    pan = t.card()
    for _, path, options in places(pan):
        s.curl(path, *options)
    s.post(json.dumps({"t": packed(pan)}), JSON)
    text = "\n".join(s.log("everything.log", lines=7))
    t.has(text, r"\*{12}", "a mask")
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        for cut in range(4):
            part = run[cut:]
            plain = base64.b64decode(part[:len(part) // 4 * 4], b"-_")
            t.true(pan.encode() not in plain, "the number is in a log: " + run)
