"""What the directives choose between: tokens, masks, rejection, nothing; monitor; inheritance."""
import cards

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
STATUS = "location = /status { cardscrub off; cardscrub_status; } location / { include app.conf; }"


def test_pan_mask(t):
    s = t.nginx(server="cardscrub on; cardscrub_pan mask;")
    pan, amex, code = t.card(), t.card("amex"), t.code()
    for sent, kind in (("card_number=%s&cvv=%s" % (pan, code), FORM), ('{"card_number":"%s","cvv":"%s"}' % (pan, code), JSON)):
        t.swapped(sent, s.post(sent, kind).seen.body, (pan, "mask"), (code, "alias"))
    sent = "card_number=" + amex
    t.swapped(sent, s.post(sent).seen.body, (amex, "mask"))


def test_mask_of_a_number_is_a_number(t):
    s = t.nginx(server="cardscrub on; cardscrub_pan mask; cardscrub_code mask; cardscrub_sweep mask;")
    for _ in range(5):
        pan, code, swept = t.card(), t.code(), t.card()
        while code == "900":  # what a code becomes
            code = t.code()
        sent = '{"card_number":%s,"cvv":%s,"other":%s}' % (pan, code, swept)
        seen = s.post(sent, JSON).seen
        t.equal(len(seen.body), len(sent), "length")
        got = {k: str(v) for k, v in seen.json.items()}
        for name, old in (("card_number", pan), ("other", swept)):
            t.true(got[name].isdigit() and len(got[name]) == 16 and got[name] != old, "not a number mask: %s" % got)
            t.true(not cards.luhn(got[name]), "the mask satisfies Luhn: %s" % got[name])
        t.true(got["cvv"].isdigit() and len(got["cvv"]) == 3 and got["cvv"] != code, "the code: %s" % got)


def test_pan_reject(t):
    s = t.nginx(server="cardscrub on; cardscrub_pan reject;")
    pan = t.card()
    t.refused(s.post("card_number=" + pan), 422, card_number="pan.forbidden")
    t.refused(s.post('{"card_number":"%s"}' % pan, JSON), 422, card_number="pan.forbidden")
    t.equal(t.seen(), [], "requests that reached the application")
    t.equal(s.post("a=1").status, 200, "status without a card")


def test_code_mask(t):
    s = t.nginx(server="cardscrub on; cardscrub_code mask;")
    pan, code = t.card(), t.code()
    for sent, kind in (("card_number=%s&cvv=%s" % (pan, code), FORM), ('{"card_number":"%s","cvv":"%s"}' % (pan, code), JSON)):
        t.swapped(sent, s.post(sent, kind).seen.body, (pan, "token"), (code, "stars"))


def test_code_reject(t):
    s = t.nginx(server="cardscrub on; cardscrub_code reject;")
    pan, code = t.card(), t.code()
    t.refused(s.post("card_number=%s&cvv=%s" % (pan, code)), 422, cvv="code.forbidden")
    t.equal(t.seen(), [], "requests that reached the application")
    t.equal(s.post("card_number=" + pan).status, 200, "status without a code")


def test_code_alone_is_aliased(t):
    s = t.nginx()
    code = t.code()
    sent = '{"cvv":"%s","x":1}' % code
    t.swapped(sent, s.post(sent, JSON).seen.body, (code, "alias"))


def test_code_alias_is_random(t):
    s = t.nginx()
    pan, code = t.card(), t.code(4)
    t.codes.clear()
    sent = '{"card_number":"%s","cvv":"%s"}' % (t.card("amex"), code)
    aliases = {s.post(sent, JSON).seen.json["cvv"] for _ in range(6)}
    t.true(len(aliases) > 1, "six times the same alias: %s" % aliases)
    t.true(pan not in aliases, "never")


def test_sweep_mask(t):
    s = t.nginx(server="cardscrub on; cardscrub_sweep mask;")
    pan, named = t.card(), t.card()
    sent = "note=card+%s+ok&card_number=%s" % (pan, named)
    t.swapped(sent, s.post(sent).seen.body, (pan, "mask"), (named, "token"))


def test_sweep_reject(t):
    s = t.nginx(server="cardscrub on; cardscrub_sweep reject;")
    pan, named = t.card(), t.card()
    reply = s.post("note=card+%s+ok&card_number=%s" % (pan, named))
    t.refused(reply, 422, note="pan.forbidden")
    t.no_digits(reply)
    t.refused(s.post('{"a":{"b":["%s"]}}' % pan, JSON))
    t.refused(s.post("card " + pan, "text/plain"))
    t.equal(t.seen(), [], "requests that reached the application")
    t.token(dict(s.post("card_number=" + named).seen.form)["card_number"], named)


def test_sweep_off(t):
    t.app_may_see = True
    s = t.nginx(server="cardscrub on; cardscrub_sweep off;")
    pan, named = t.card(), t.card()
    sent = "note=card+%s+ok&card_number=%s" % (pan, named)
    t.swapped(sent, s.post(sent).seen.body, (named, "token"))


def test_monitor_changes_nothing_but_counts(t):
    t.app_may_see = True
    s = t.nginx(server="cardscrub monitor;", locations=STATUS)
    pan, code, bad = t.card(), t.code(), t.wrong(t.card())
    bodies = (("card_number=%s&cvv=%s&note=%s" % (pan, code, pan), FORM), ('{"card_number":"%s","cvv":"%s"}' % (pan, code), JSON),
              ('{"card_number":"%s","cvv":"1"}' % bad, JSON), ("text " + pan, "text/plain"), ('{"broken": "%s"' % pan, JSON))
    for sent, kind in bodies:
        t.equal(s.post(sent, kind).seen.body, sent.encode(), "body under monitor")
        t.equal(s.raw_post(sent, kind, piece=5).seen.body, sent.encode(), "body in pieces under monitor")
    seen = s.curl("/p/%s?card_number=%s" % (pan, pan), "-H", "X-Card: " + pan, "-H", "Cookie: c=" + pan).seen
    t.equal((seen.target, seen.headers["x-card"], seen.headers["cookie"]), ("/p/%s?card_number=%s" % (pan, pan), pan, "c=" + pan),
            "head under monitor")
    status = s.curl("/status").json()
    t.true(status["findings"].get("pan", 0) >= 10, "findings counted under monitor: %s" % status)
    t.true(status["findings"].get("code", 0) >= 4, "codes counted under monitor: %s" % status)


def test_monitor_and_on_side_by_side(t):
    t.app_may_see = True
    s = t.nginx(server="cardscrub monitor;", locations="location /on { cardscrub on; include app.conf; } "
                "location /off { cardscrub off; include app.conf; } location / { include app.conf; }")
    pan = t.card()
    sent = "card_number=" + pan
    t.swapped(sent, s.post(sent, path="/on").seen.body, (pan, "token"))
    t.equal(s.post(sent, path="/off").seen.body, sent.encode(), "body with cardscrub off")
    t.equal(s.post(sent, path="/").seen.body, sent.encode(), "body under monitor")


def test_mode_by_a_variable(t):
    t.app_may_see = True
    s = t.nginx(http="map $http_x_mode $mode { default on; off off; monitor monitor; bad nonsense; }",
                server="cardscrub $mode;")
    pan = t.card()
    sent = "card_number=" + pan
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"))
    for mode in ("off", "monitor"):
        t.equal(s.post(sent, options=("-H", "X-Mode: " + mode)).seen.body, sent.encode(), "body with mode " + mode)
    reply = s.post(sent, options=("-H", "X-Mode: bad"))
    t.true(reply.status == 500 or reply.status == 200 and pan.encode() not in reply.seen.body,
           "a mode that does not exist let the card pass: %s" % reply)


def test_inheritance(t):
    s = t.nginx(http="cardscrub on; cardscrub_pan mask;", server="",
                locations="location /token { cardscrub_pan tokenize; include app.conf; } location / { include app.conf; }")
    pan = t.card()
    sent = "card_number=" + pan
    t.swapped(sent, s.post(sent).seen.body, (pan, "mask"))
    t.swapped(sent, s.post(sent, path="/token").seen.body, (pan, "token"))


def test_own_field_names(t):
    s = t.nginx(server="cardscrub on; cardscrub_field pan kartennummer zahlung.*.nr ~^k[0-9]+$; cardscrub_field code pruefziffer;"
                " cardscrub_field ignore card_number;")
    pan, code, bad = t.card(), t.code(), t.wrong(t.card())
    sent = "kartennummer=%s&pruefziffer=%s" % (pan, code)
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"), (code, "alias"))
    t.refused(s.post("kartennummer=" + bad), 422, kartennummer="pan.luhn")
    t.refused(s.post("k17=" + bad), 422, k17="pan.luhn")
    t.refused(s.post('{"zahlung":{"erste":{"nr":"%s"}}}' % bad, JSON), 422, **{"zahlung.erste.nr": "pan.luhn"})
    t.equal(s.post("card_number=not-a-card").seen.body, b"card_number=not-a-card", "an ignored field")


def test_test_cards_rejected(t):
    s = t.nginx(server="cardscrub on; cardscrub_test_cards reject;")
    pan = t.card()
    reply = s.post("card_number=" + t.published("visa"))
    t.refused(reply, 422, card_number="pan.test_card")
    t.equal(s.post("card_number=" + pan).status, 200, "status of another number")


def test_only_test_cards(t):
    s = t.nginx(server="cardscrub on; cardscrub_test_cards only;")
    reply = s.post("card_number=" + t.card())
    t.refused(reply, 422, card_number="pan.live_card")
    t.equal(s.post("card_number=" + t.published("visa")).status, 200, "status of a test number")


def test_status_counters(t):
    s = t.nginx(locations=STATUS, workers=2)
    before = s.curl("/status")
    t.has(before.headers["content-type"], "application/json", "Content-Type")
    pan, amex, code = t.card(), t.card("amex"), t.code()
    body = "card_number=%s&cvv=%s" % (pan, code)
    for _ in range(3):
        t.equal(s.post(body).status, 200, "status")
    s.post("note=" + amex)
    s.post("card_number=" + t.wrong(pan))
    s.post("a=1")
    got, start = s.curl("/status").json(), before.json()
    for key in ("version", "pid", "requests", "bodies", "bytes", "findings", "brands", "actions", "rejections", "faults",
                "code_store"):
        t.true(key in got, "%s is not in %s" % (key, got))

    def more(*path):
        a, b = got, start
        for name in path:
            a, b = a.get(name, 0 if name == path[-1] else {}), b.get(name, 0 if name == path[-1] else {})
        return a - b

    t.equal(more("bodies"), 6, "bodies in %s" % got)
    t.true(more("requests") >= 6, "requests: %s" % got)
    t.true(more("bytes") >= 3 * len(body), "bytes: %s" % got)
    t.equal(more("findings", "code"), 3, "codes in %s" % got)
    t.true(more("findings", "pan") in (4, 5), "card numbers in %s" % got)
    t.true(more("brands", "visa") >= 3, "visa in %s" % got)
    t.equal(more("brands", "amex"), 1, "amex in %s" % got)
    t.equal(more("actions", "tokenize"), 4, "tokenize in %s" % got)
    t.equal(more("actions", "alias"), 3, "alias in %s" % got)
    t.equal(more("rejections", "pan.luhn"), 1, "rejections in %s" % got)
    t.equal(got["faults"], 0, "faults")
    t.true(pan not in s.curl("/status").body.decode(), "the status page holds the number")
    t.equal(s.curl("/status", "-X", "POST", "-d", "a=1").status, 405, "status of a POST to the status page")


def test_reload_keeps_tokens(t):
    s = t.nginx(workers=2, locations=STATUS)
    pan = t.card()
    sent = "card_number=" + pan
    token = s.post(sent).seen.form[0][1]
    for _ in range(3):
        s.reload()
        t.equal(s.post(sent).seen.form[0][1], token, "token after a reload")
    t.true(s.curl("/status").json()["findings"]["pan"] >= 4, "the counters did not survive the reload")


def test_rotated_key_ring_after_reload(t):
    s = t.nginx()
    pan = t.card()
    old = s.post("card_number=" + pan).seen.form[0][1]
    t.tool("keys", "rotate", "--file", s.keys)
    s.reload()
    seen = s.post("card_number=%s&old=%s" % (pan, old)).seen
    values = dict(seen.form)
    t.token(values["card_number"], pan, generation="7")
    t.equal(values["old"], old, "a token of the older generation")
    t.equal(s.post("card_number=" + old).seen.form[0][1], old, "a token of the older generation in a card field")


def test_reload_into_a_broken_configuration(t):
    t.expected_faults = [r"\[emerg\]"]
    s = t.nginx()
    pan = t.card()
    import os
    import signal
    s.parts["server"] = "cardscrub on; cardscrub_brands no-such-brand;"
    s.write()
    os.kill(s.process.pid, signal.SIGHUP)
    t.has(s.wait_for_error("no-such-brand"), "no-such-brand", "the error log")
    sent = "card_number=" + pan
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"))
