"""Reveal: from the application through nginx to the payment provider, and nowhere else."""
import json
import os
import threading
import time

import cards

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

TLS_OUT = ("proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; proxy_ssl_name shop.test; "
           "proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_http_version 1.1;")


def shop(t, reveal="", http="", locations="", provider="location / { include app.conf; proxy_set_header X-Quiet 1; }", listen="", start=True, **parts):
    """nginx that scrubs at / and reveals at /charge, and the provider (TLS) behind it: what it received is t.seen()."""
    t.app_may_see = True
    tls_out = TLS_OUT % t.run.certificate
    s = t.server(
        http=http,
        locations="location /charge { cardscrub_reveal on; proxy_pass https://127.0.0.1:@CLEAR@; %s %s }\n%s\n"
                  "location / { include app.conf; }" % (tls_out, reveal, locations),
        extra_servers="server { listen 127.0.0.1:@CLEAR@ ssl; %s server_name shop.test; ssl_certificate %s; "
                      "ssl_certificate_key %s; cardscrub off; %s }" %
                      (listen, t.run.certificate, t.run.certificate_key, provider),
        **parts)
    if start:
        s.start()
    return s


def scrubbed(s, body, kind=JSON):
    """What the application gets of this request."""
    reply = s.post(body, kind)
    return reply.seen.body


def charged(t):
    """The bodies that the provider received, in turn."""
    return [seen.body for seen in t.seen() if seen.path.startswith("/charge")]


BODIES = (
    ('{"card_number":"%(pan)s","cvv":"%(code)s","amount":4200}', JSON),
    ('{"cvv":%(code)s,"card_number":%(pan)s}', JSON),
    ("card[number]=%(spaced)s&card[cvc]=%(code)s&amount=42", FORM),
    ("<order><card><number>%(pan)s</number><cvv>%(code)s</cvv></card></order>", "application/xml"),
    ('--B\r\nContent-Disposition: form-data; name="card_number"\r\n\r\n%(pan)s\r\n'
     '--B\r\nContent-Disposition: form-data; name="cvv"\r\n\r\n%(code)s\r\n--B--\r\n', "multipart/form-data; boundary=B"),
    ("name,card_number,cvv\r\nAda,%(pan)s,%(code)s\r\n", "text/csv"),
)


def round_trips(t, **how):
    s = shop(t, server="cardscrub on; cardscrub_require_tls on;")
    for n, (form, kind) in enumerate(BODIES):
        pan, code = t.card(), "7%02d" % n
        body = (form % {"pan": pan, "code": code, "spaced": cards.grouped(pan, "+")}).encode()
        tokens = scrubbed(s, body, kind)
        t.true(pan.encode() not in tokens and len(tokens) == len(body), "scrubbed: %r" % tokens)
        reply = s.post(tokens, kind, path="/charge", **how)
        t.equal(reply.status, 200, "status of %s: %s" % (kind, reply))
        seen = t.seen()[-1]
        t.equal(seen.body, body, "what the provider received of %s" % kind)
        t.equal(seen.content_length, str(len(body)), "Content-Length")
        t.equal(seen.headers["content-type"], kind, "Content-Type")
    # Each body is three lines: scrubbed, revealed, received by the provider, which is another server of this nginx.
    t.has("\n".join(s.log(lines=3 * len(BODIES))), '"POST /charge', "the access log")


def test_round_trip_of_every_type(t):
    round_trips(t)


def test_round_trip_over_http2(t):
    round_trips(t, http2=True)


def test_chunked_and_in_pieces(t):
    s = shop(t, reveal="proxy_request_buffering off;")
    for how in ({"piece": 3}, {"chunks": 5}, {"chunks": 7, "piece": 4}):
        pan, code = t.card(), "731"
        body = '{"card_number":"%s","cvv":"%s"}' % (pan, code)
        tokens = scrubbed(s, body)
        reply = s.raw_post(tokens, JSON, path="/charge", **how)
        t.equal(reply.status, 200, "status %s" % how)
        t.equal(charged(t)[-1], body.encode(), "what the provider received")
        tokens = scrubbed(s, body)
        with s.wire2() as wire:
            stream = wire.start("POST", "/charge", [("content-type", JSON)])
            wire.body(stream, tokens, 6)
            t.equal(wire.reply(stream).status, 200, "status over HTTP/2")
        t.equal(charged(t)[-1], body.encode(), "what the provider received over HTTP/2")


def test_sweep_on_request_only(t):
    s = shop(t, locations="location /charge/all { cardscrub_reveal on; cardscrub_reveal_sweep on; "
                          "proxy_pass https://127.0.0.1:@CLEAR@; %s }" % (TLS_OUT % t.run.certificate))
    pan = t.card()
    text = "please charge %s, thanks" % cards.grouped(pan, "-")
    tokens = scrubbed(s, text, "text/plain")
    t.refused(s.post(tokens, "text/plain", path="/charge"), 415)
    t.equal(s.post(tokens, "text/plain", path="/charge/all").status, 200, "status with sweep")
    t.equal(charged(t), [text.encode()], "what the provider received")
    note = '{"note":"%s"}' % pan
    tokens = scrubbed(s, note)
    s.post(tokens, JSON, path="/charge")
    t.equal(charged(t)[-1], tokens, "outside named fields, without the sweep")
    s.post(tokens, JSON, path="/charge/all")
    t.equal(charged(t)[-1], note.encode(), "outside named fields, with the sweep")


def test_headers(t):
    s = shop(t)
    pan, code = t.card(), "739"
    fields = dict(scrubbed_form(s, "card_number=%s&cvv=%s" % (pan, code)))
    options = ["-H", "X-Card-Number: " + fields["card_number"], "-H", "X-Card-Cvv: " + fields["cvv"], "-H",
               "Authorization: Bearer " + fields["card_number"]]
    t.equal(s.post('{"amount":1}', JSON, path="/charge", options=options).status, 200, "status")
    headers = t.seen()[-1].headers
    t.equal((headers["x-card-number"], headers["x-card-cvv"]), (pan, code), "headers of the provider")
    t.equal(headers["authorization"], "Bearer " + fields["card_number"], "Authorization")
    # A code beside the card's own header or in the body is one and the same card's.
    fields = dict(scrubbed_form(s, "card_number=%s&cvv=%s" % (pan, code)))
    s.post('{"card_number":"%s"}' % fields["card_number"], JSON, path="/charge", options=["-H", "X-Card-Cvv: " + fields["cvv"]])
    t.equal((t.seen()[-1].headers["x-card-cvv"], t.seen()[-1].json["card_number"]), (code, pan), "code in the header")
    t.refused(s.curl("/charge", "-H", "X-Card-Number: " + fields["card_number"]), 415)
    t.equal(s.curl("/charge/status").status, 200, "a request without a body and without a card")


def scrubbed_form(s, body):
    return s.post(body).seen.form


def test_uri_stays(t):
    s = shop(t)
    pan = t.card()
    token = scrubbed_form(s, "card_number=" + pan)[0][1]
    s.post("a=b", path="/charge?card_number=" + token)
    t.equal(t.seen()[-1].target, "/charge?card_number=" + token, "target")


def test_what_is_refused_never_leaves(t):
    s = shop(t)
    pan, code = t.card(), "747"
    tokens = scrubbed(s, '{"card_number":"%s","cvv":"%s"}' % (pan, code)).decode()
    token, alias = tokens.split('"')[3], tokens.split('"')[7]
    other = scrubbed(s, '{"card_number":"%s"}' % t.card()).decode().split('"')[3]
    before = len(t.seen())
    cases = (
        ('{"card_number":"%s"}' % pan, {"card_number": "token.format"}),
        # Fewer digits than any card has. (15 of the 16 may happen to stand for another card: CONFIGURATION.md.)
        ('{"card_number":"%s"}' % token[:11], {"card_number": "token.format"}),
        ('{"card_number":"7%s"}' % token[1:], {"card_number": "token.generation"}),
        ('{"card_number":"tok_visa"}', {"card_number": "token.format"}),
        ('{"card_number":"%s","cvv":"%s"}' % (other, alias), {"cvv": "alias.unknown"}),
        ('{"card_number":"%s","cvv":"***"}' % token, {"cvv": "alias.unknown"}),
        ('{"cvv":"%s"}' % alias, {"cvv": "alias.unknown"}),
        ('[%s,{"card_number":"x"}]' % tokens, {"card_number": "token.format"}),
    )
    for body, fields in cases:
        reply = s.post(body, JSON, path="/charge")
        t.equal(reply.status, 422, "status of %s" % body)
        t.refused(reply, 422, **fields)
        t.no_digits(reply)
    t.equal(len(t.seen()), before, "requests that reached the provider")
    # None of them has cost the code.
    t.equal(s.post(tokens, JSON, path="/charge").status, 200, "status in the end")
    t.equal(charged(t), [('{"card_number":"%s","cvv":"%s"}' % (pan, code)).encode()], "what the provider received")
    t.refused(s.post(tokens, JSON, path="/charge"), 422, cvv="alias.used")


def test_wrong_namespace_or_format(t):
    """What another namespace or format makes of a token is some other number, and goes out when it has a brand: by chance."""
    s = shop(t, reveal="cardscrub_namespace provider;", locations="location /full { cardscrub_token_format full; include app.conf; }")
    pans = [cards.generate(t.rng) for _ in range(200)]
    lines = t.tool("token", "--keys", s.keys, data="\n".join(pans) + "\n")
    others = t.tool("untoken", "--keys", s.keys, "--namespace", "provider", data=lines).split()
    full = t.tool("token", "--keys", s.keys, "--format", "full", data="\n".join(pans) + "\n")
    of_full = t.tool("untoken", "--keys", s.keys, "--namespace", "provider", data=full).split()
    for path, became in (("/pay", others), ("/full", of_full)):
        none = next(i for i, number in enumerate(became) if number[0] in "07")  # no brand begins so
        visa = next(i for i, number in enumerate(became) if number[0] == "4" and number != pans[i])
        for i, status in ((none, 422), (visa, 200)):
            t.secrets.add(pans[i])
            token = s.post('{"card_number":"%s"}' % pans[i], JSON, path=path).seen.body
            before = len(charged(t))
            reply = s.post(token, JSON, path="/charge")
            t.equal(reply.status, status, "status of what became %s..." % became[i][:1])
            if status == 422:
                t.refused(reply, 422, card_number="token.format")
                t.equal(len(charged(t)), before, "requests that reached the provider")
            else:
                t.equal(charged(t)[-1], ('{"card_number":"%s"}' % became[i]).encode(), "what the provider received")


def test_brands_bound_the_chance(t):
    s = shop(t, reveal="cardscrub_namespace provider; cardscrub_brands amex;")
    for _ in range(5):
        t.refused(s.post(scrubbed(s, '{"card_number":"%s"}' % t.card()), JSON, path="/charge"), 422, card_number="token.format")
    t.equal(charged(t), [], "requests that reached the provider")


def test_code_expires(t):
    s = shop(t, server="cardscrub on; cardscrub_code_ttl 1s;")
    tokens = scrubbed(s, '{"card_number":"%s","cvv":"753"}' % t.card())
    time.sleep(2.1)
    t.refused(s.post(tokens, JSON, path="/charge"), 422, cvv="alias.unknown")


def test_grace(t):
    s = shop(t, reveal="cardscrub_code_grace 6s;")
    body = '{"card_number":"%s","cvv":"759"}' % t.card()
    tokens = scrubbed(s, body)
    for _ in range(3):
        t.equal(s.post(tokens, JSON, path="/charge").status, 200, "status within the grace")
    t.equal(charged(t), [body.encode()] * 3, "what the provider received")
    time.sleep(7.1)
    t.refused(s.post(tokens, JSON, path="/charge"), 422, cvv="alias.used")


def test_missing_code(t):
    s = shop(t, reveal="cardscrub_reveal_missing_code reject;",
             locations="location /charge/again { cardscrub_reveal on; proxy_pass https://127.0.0.1:@CLEAR@; %s }" %
             (TLS_OUT % t.run.certificate))
    pan = t.card()
    token = scrubbed(s, '{"card_number":"%s"}' % pan)
    t.refused(s.post(token, JSON, path="/charge"), 422, code="field.missing")
    t.equal(s.post(token, JSON, path="/charge/again").status, 200, "a recurring charge")
    t.equal(charged(t), [('{"card_number":"%s"}' % pan).encode()], "what the provider received")


def test_body_that_does_not_fit(t):
    s = shop(t, reveal="cardscrub_reveal_max_body 2k; client_body_buffer_size 1k; client_body_in_file_only on;")
    pan = t.card()
    token = scrubbed(s, '{"card_number":"%s"}' % pan).decode().split('"')[3]
    fits = '{"card_number":"%s","x":"%s"}' % (token, "y" * 1900)
    t.equal(s.post(fits, JSON, path="/charge").status, 200, "status of a body that fits")
    t.equal(charged(t)[-1], fits.replace(token, pan).encode(), "what the provider received")
    large = '{"card_number":"%s","x":"%s"}' % (token, "y" * 3000)
    t.refused(s.post(large, JSON, path="/charge"), 413)
    t.refused(s.raw_post(large, JSON, path="/charge", chunks=500), 413)
    t.equal(len(charged(t)), 1, "requests that reached the provider")
    t.equal([f for f in os.listdir(os.path.join(s.prefix, "temp", "body"))], [], "temp files")


def test_types_and_encodings(t):
    import gzip
    s = shop(t)
    token = scrubbed(s, '{"card_number":"%s"}' % t.card())
    t.refused(s.post(token, "application/octet-stream", path="/charge"), 415)
    t.refused(s.post(token, "", path="/charge"), 415)
    t.refused(s.post(gzip.compress(token), JSON, path="/charge", options=["-H", "Content-Encoding: gzip"]), 415)
    t.refused(s.post(token, JSON, path="/charge", options=["-H", "Content-Type: text/plain"]), 415)
    t.refused(s.post(token, JSON, path="/charge", options=["-H", "Upgrade: x", "-H", "Connection: upgrade"]), 403)
    t.equal(charged(t), [], "requests that reached the provider")


def test_provider_that_fails_and_next_upstream(t):
    dead = 1  # nobody listens on port 1
    s = shop(t, start=False, http="upstream providers { server 127.0.0.1:@CLEAR@ backup; server 127.0.0.1:%d; }" % dead,
             locations="location /charge/two { cardscrub_reveal on; proxy_pass https://providers; %s }"
                       "location /charge/dead { cardscrub_reveal on; error_page 502 /down; "
                       "proxy_pass https://127.0.0.1:%d; %s } location /down { include app.conf; }" %
                       (TLS_OUT % t.run.certificate, dead, TLS_OUT % t.run.certificate))
    s.start()
    pan = t.card()
    body = '{"card_number":"%s","cvv":"761"}' % pan
    t.equal(s.post(scrubbed(s, body), JSON, path="/charge/two").status, 200, "status with a second provider")
    t.equal(charged(t), [body.encode()], "what the second provider received")
    reply = s.post(scrubbed(s, body), JSON, path="/charge/dead", options=["-H", "X-Card-Number: " + "9" * 3])
    t.equal(reply.status, 422, "status of a bad header")
    reply = s.post(scrubbed(s, body), JSON, path="/charge/dead")
    t.equal(reply.status, 502, "status of a dead provider")
    last = t.seen()[-1]
    t.equal((last.path, last.body), ("/down", b""), "what an error page gets")


def test_subrequests_get_nothing(t):
    out = TLS_OUT % t.run.certificate
    s = shop(t, locations="location = /copy { internal; include app.conf; }"
             "location /charge/mirror { cardscrub_reveal on; mirror /copy; proxy_pass https://127.0.0.1:@CLEAR@; %s }"
             "location /charge/ssi { cardscrub_reveal on; ssi on; ssi_types text/x; proxy_pass https://127.0.0.1:@CLEAR@; %s }" %
             (out, out),
             provider="location /charge/ssi { default_type text/x; return 200 '[<!--#include virtual=\"/copy\" -->]'; } "
                      "location / { include app.conf; proxy_set_header X-Quiet 1; }")
    tokens = scrubbed(s, '{"card_number":"%s"}' % t.card())
    t.equal(s.post(tokens, JSON, path="/charge/mirror").status, 500, "status with a mirror")
    reply = s.post(tokens, JSON, path="/charge/ssi")
    t.equal(reply.status, 200, "status with SSI")
    t.true(reply.body.startswith(b"[") and reply.body.endswith(b"]"), "the page: %r" % reply.body)
    t.equal([x.path for x in t.seen()], ["/pay"], "who got something")


def test_logs_hold_tokens(t):
    s = shop(t, error_level="debug", reveal="access_log logs/charge.log charge; cardscrub_field code geheim;",
             http="log_format charge '$request_body|$http_x_card_number|$cardscrub_verdict|$cardscrub_token|$cardscrub_last4';")
    pan, code = t.card(), "769"
    tokens = scrubbed(s, '{"card_number":"%s","cvv":"%s"}' % (pan, code)).decode()
    token, alias = tokens.split('"')[3], tokens.split('"')[7]
    s.post('{"card_number":"%s","geheim":"%s"}' % (token, alias), JSON, path="/charge", options=["-H", "X-Card-Number: " + token])
    line = s.log("charge.log", lines=1)[0]
    t.equal(t.seen()[-1].json, {"card_number": pan, "geheim": code}, "what the provider received")
    t.has(line, token + r".*\|" + token + r"\|revealed\|" + token + r"\|" + pan[-4:] + "$", "the log")
    t.true(pan not in line and '"' + code not in line, "clear data in the log: " + line)


def test_rate(t):
    s = shop(t, reveal="cardscrub_reveal_rate client=3r/h total=5r/h;",
             locations="location /charge/other { cardscrub_reveal on; cardscrub_reveal_rate total=2r/h; "
                       "proxy_pass https://127.0.0.1:@CLEAR@; %s }" % (TLS_OUT % t.run.certificate))
    body = '{"card_number":"%s","cvv":"773"}' % t.card()
    tokens = scrubbed(s, body)
    plain = scrubbed(s, '{"card_number":"%s"}' % t.card())
    for _ in range(3):
        t.equal(s.post(plain, JSON, path="/charge").status, 200, "status below the rate")
    reply = s.post(tokens, JSON, path="/charge")
    t.refused(reply, 429)
    t.true(0 < int(reply.headers["retry-after"]) <= 1200, "Retry-After: %s" % reply.headers)
    t.equal(len(charged(t)), 3, "requests that reached the provider")
    t.equal(s.post('{"amount":1}', JSON, path="/charge").status, 200, "a request without a card")
    t.refused(s.post(b"[" + b",".join([plain] * 3) + b"]", JSON, path="/charge/other"), 429)
    # The code was not used up by the refused request.
    t.equal(s.post(tokens, JSON, path="/charge/other").status, 200, "another location")
    t.equal(charged(t)[-1], body.encode(), "what the provider received")


def test_zone_full(t):
    s = shop(t, http="cardscrub_zone 256k;")
    pan = t.card()
    first = '{"card_number":"%s","cvv":"787"}' % pan
    tokens = scrubbed(s, first)
    many = "[" + ",".join('{"card_number":"%s","cvv":"%03d"}' % (t.card(), n % 1000) for n in range(400)) + "]"
    full = None
    for _ in range(20):
        reply = s.post(many, JSON)
        if reply.status != 200:
            full = reply
            break
    t.true(full is not None, "the zone is never full")
    t.refused(full, 503)
    t.true("retry-after" in full.headers, "Retry-After: %s" % full.headers)
    # Older codes are still there.
    t.equal(s.post(tokens, JSON, path="/charge").status, 200, "status")
    t.equal(charged(t), [first.encode()], "what the provider received")


def test_restart_forgets_codes_only(t):
    s = shop(t)
    pan = t.card()
    body = '{"card_number":"%s","cvv":"797"}' % pan
    tokens = scrubbed(s, body)
    s.stop()
    s.start()
    t.refused(s.post(tokens, JSON, path="/charge"), 422, cvv="alias.unknown")
    bare = tokens[:tokens.index(b',"cvv"')] + b"}"
    t.equal(s.post(bare, JSON, path="/charge").status, 200, "the token alone")
    t.equal(charged(t), [('{"card_number":"%s"}' % pan).encode()], "what the provider received")


class Load:
    """Clients that pay and charge for as long as the case does something else."""

    def __init__(self, t, s, clients=2):
        self.t, self.s, self.wrong, self.count = t, s, [], 0
        self.pans = [t.card() for _ in range(clients)]
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(pan,)) for pan in self.pans]

    def run(self, pan):
        n = 0
        while not self.stopped.is_set():
            n += 1
            body = '{"card_number":"%s","cvv":"%03d"}' % (pan, n % 900 + 100)
            try:
                tokens = scrubbed(self.s, body)
                reply = self.s.post(tokens, JSON, path="/charge")
                if reply.status != 200 or pan not in reply.body.decode() and reply.status != 200:
                    self.wrong.append("%s: %s" % (tokens, reply))
                self.count += 1
            except Exception as e:  # noqa: BLE001
                self.wrong.append(repr(e)[:300])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def test_reloads_under_load(t):
    s = shop(t, workers=2)
    body = '{"card_number":"%s","cvv":"809"}' % t.card()
    tokens = scrubbed(s, body)
    begin = time.monotonic()
    reloads = 0
    with Load(t, s) as load:
        while reloads < 20 or load.count < 10 or reloads < 100 and time.monotonic() < begin + 40:
            t.true(time.monotonic() < begin + 200 * t.run.slow, "%d requests, %d reloads" % (load.count, reloads))
            s.reload()
            reloads += 1
    t.equal(load.wrong[:3], [], "requests under %d reloads" % reloads)
    t.equal(s.post(tokens, JSON, path="/charge").status, 200, "a code from before")
    t.equal(charged(t)[-1], body.encode(), "what the provider received")


def test_key_rotation_under_load(t):
    s = shop(t, workers=2)
    before = '{"card_number":"%s","cvv":"811"}' % t.card()
    tokens = scrubbed(s, before)
    with Load(t, s) as load:
        t.tool("keys", "rotate", "--file", s.keys)
        s.reload()
        seen = load.count
        limit = time.monotonic() + s.limit
        while load.count < seen + 6 and time.monotonic() < limit:
            time.sleep(0.05)
    t.equal(load.wrong[:3], [], "requests while the key was rotated")
    t.equal(s.post(tokens, JSON, path="/charge").status, 200, "token and code of the old key")
    t.equal(charged(t)[-1], before.encode(), "what the provider received")
    new = scrubbed(s, before)
    t.true(new != tokens and new.decode().split('"')[3][0] == "7", "a token of the new key: %s" % new)
    t.equal(s.post(new, JSON, path="/charge").status, 200, "token and code of the new key")


def test_server_that_is_not_verified_gets_nothing(t):
    # The certificate is right, the name is not.
    t.app_may_see = True
    s = t.server(
        locations="location /charge { cardscrub_reveal on; proxy_pass https://127.0.0.1:@CLEAR@; %s proxy_ssl_name wrong.test; }"
                  "location / { include app.conf; }" % (TLS_OUT % t.run.certificate).replace("proxy_ssl_name shop.test;", ""),
        extra_servers="server { listen 127.0.0.1:@CLEAR@ ssl; server_name shop.test; ssl_certificate %s; "
                      "ssl_certificate_key %s; cardscrub off; location / { include app.conf; proxy_set_header X-Quiet 1; } }" %
                      (t.run.certificate, t.run.certificate_key))
    s.start()
    tokens = scrubbed(s, '{"card_number":"%s"}' % t.card())
    t.equal(s.post(tokens, JSON, path="/charge").status, 502, "status")
    t.equal(charged(t), [], "requests that reached the provider")


def test_hosts(t):
    s = shop(t, reveal="", locations="location /charge/to { cardscrub_reveal on; cardscrub_reveal_hosts 127.0.0.1 .pay.test; "
             "proxy_pass https://$arg_host:@CLEAR@/charge; %s }" % (TLS_OUT % t.run.certificate))
    body = '{"card_number":"%s"}' % t.card()
    tokens = scrubbed(s, body)
    t.expected_faults.append("cardscrub_reveal_hosts")
    for host in ("127.0.0.2", "evil.test", "evilpay.test", "xpay.test"):
        t.refused(s.post(tokens, JSON, path="/charge/to?host=" + host), 403)
    t.equal(charged(t), [], "requests that reached the provider")
    t.equal(s.post(tokens, JSON, path="/charge/to?host=127.0.0.1").status, 200, "status")
    t.equal(charged(t)[-1], body.encode(), "what the provider received")


def test_audit(t):
    s = shop(t, http="cardscrub_audit_log logs/audit.log;")
    pan, code = t.card(), "821"
    tokens = scrubbed(s, '{"card_number":"%s","cvv":"%s"}' % (pan, code))
    token = tokens.decode().split('"')[3]
    t.equal(s.post(tokens, JSON, path="/charge").status, 200, "status")
    t.refused(s.post(tokens, JSON, path="/charge"), 422)
    lines = [json.loads(line) for line in s.log("audit.log", lines=6)]
    revealed = [line for line in lines if line["event"] == "reveal"]
    t.equal([(line["kind"], line["field"], line["token"], line["location"], line["client"]) for line in revealed],
            [("pan", "card_number", token, "/charge", "127.0.0.1"), ("code", "cvv", token, "/charge", "127.0.0.1")],
            "what the audit log says was revealed: %s" % lines)
    refused = [line for line in lines if line["event"] == "rejection"]
    t.equal([(line["reason"], line["location"]) for line in refused], [("alias.used", "/charge")], "what it says was refused")


def test_answer_is_scrubbed(t):
    pan, other, code = t.card(), t.card("mastercard"), "823"
    answer = '{"card_number":"%s","cvv":"%s","note":"charged %s","last4":"%s"}' % (pan, code, other, pan[-4:])
    s = shop(t, server="cardscrub on; add_header X-Unscrubbed no;",
             provider="location /charge/echo { default_type application/json; add_header X-Card %s; return 201 '%s'; } "
                      "location / { include app.conf; proxy_set_header X-Quiet 1; }" % (pan, answer),
             locations="location /charge/reject { cardscrub_reveal on; cardscrub_response reject; "
                       "proxy_pass https://127.0.0.1:@CLEAR@/charge/echo; %s }" % (TLS_OUT % t.run.certificate))
    tokens = scrubbed(s, '{"card_number":"%s","cvv":"%s"}' % (pan, code))
    token = tokens.decode().split('"')[3]
    reply = s.post(tokens, JSON, path="/charge/echo")
    t.equal(reply.status, 201, "status")
    got = reply.json()
    t.equal((got["card_number"], got["cvv"], got["last4"]), (token, "***", pan[-4:]), "what the application is told")
    t.token(got["note"].split()[1], other)
    t.equal(reply.headers["x-card"], token, "a header of the answer")
    for name in (pan, other):
        t.true(name.encode() not in reply.body, "the answer holds a card number: %s" % reply)
    tokens = scrubbed(s, '{"card_number":"%s"}' % pan)
    t.equal(s.post(tokens, JSON, path="/charge/reject").status, 502, "status of an answer that is refused")
