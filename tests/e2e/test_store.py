"""The shared code store: security codes in a real Redis, which is slow, full, killed and comes back."""
import json
import os
import re
import threading
import time

import cards
import redis_server
import test_reveal

JSON = "application/json"
CODE_VALUE = 41  # bytes: version, expiry, nonce, ciphertext, tag


def store(t, *options, password=None, **parts):
    redis = redis_server.Redis(os.path.join(t.folder, "redis"), *options, limit=30 * t.run.slow, **parts)
    redis.password = password
    t.at_end(redis.kill)
    return redis


# How long nginx waits for Redis: where Redis is meant to answer, as long as a busy machine may need; where it is silent, so long.
PATIENT, SHORT = "timeout=30s", "timeout=1500ms"


def scrubbing(t, redis, options=PATIENT, **parts):
    s = t.nginx(http="cardscrub_code_store %s %s;" % (redis.url(), options), **parts)
    until(t, lambda: s.post("a=1").status == 200, "the first answer")
    return s


def until(t, what, name):
    end = time.monotonic() + 120 * t.run.slow
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("this did not come: " + name)


def order(pan, code):
    return json.dumps({"card_number": pan, "cvv": code, "note": "x"})


def works(t, s):
    pan, code = t.card(), t.code()
    reply = s.post(order(pan, code), JSON)
    return reply.status == 200 and t.swapped(order(pan, code), reply.seen.body, (pan, "token"), (code, "alias"))


def test_code_is_kept_in_redis(t):
    redis = store(t).start()
    s = scrubbing(t, redis, server="cardscrub on; cardscrub_code_ttl 600s;")
    pan, code = t.card(), t.code(4)
    sent = '{"card_number":"%s","cvv":"%s"}' % (pan, code[:3])
    t.codes = {code[:3]}
    seen = s.post(sent, JSON).seen
    token, alias = t.swapped(sent, seen.body, (pan, "token"), (code[:3], "alias"))
    keys = redis.codes()
    t.equal(len(keys), 1, "keys")
    t.true(re.fullmatch(rb"cardscrub:code:[0-9a-f]{32}", keys[0]), "key %r" % keys[0])
    t.equal(len(redis.ask("GET", keys[0])), CODE_VALUE, "bytes of the value")
    t.true(590 <= redis.ask("TTL", keys[0]) <= 600, "time to live %s" % redis.ask("TTL", keys[0]))
    for secret in (pan, token):
        t.true(secret.encode() not in redis.everything(), "Redis holds %s in clear" % secret)
    t.true((pan[-4:] + alias).encode() not in redis.ask("GET", keys[0]), "the value holds the alias in clear")


def test_http2_chunked_and_small_buffers(t):
    redis = store(t).start()
    s = scrubbing(t, redis, server="cardscrub on; client_body_buffer_size 1k; large_client_header_buffers 4 8k;")
    count = 0
    for pad in (0, 700, 5000, 70000):
        pan, code = t.card(), t.code()
        sent = '{"a":"%s","card_number":"%s","cvv":"%s","b":"%s"}' % ("y" * pad, pan, code, "z" * pad)
        for way in ("http1", "http2", "chunks", "bytes"):
            if way == "http1":
                seen = s.post(sent, JSON).seen
            elif way == "http2":
                seen = s.post(sent, JSON, http2=True).seen
            elif way == "chunks":
                seen = s.raw_post(sent, JSON, chunks=97, piece=1000).seen
            else:
                seen = s.raw_post(sent, JSON, piece=13 if pad < 1000 else 997).seen
            t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
            t.equal(seen.headers.get("content-length", str(len(sent))), str(len(sent)), "Content-Length, %s" % way)
            count += 1
    t.equal(len(redis.codes()), count, "codes in Redis")


def test_every_content_type(t):
    redis = store(t).start()
    s = scrubbing(t, redis)
    boundary = "--B\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
    shapes = ((JSON, '{"card_number":"%s","cvv":"%s"}', "plain"),
              ("application/x-www-form-urlencoded", "card_number=%s&cvv=%s", "plain"),
              ("application/xml", "<card><number>%s</number><cvv>%s</cvv></card>", "plain"),
              ("multipart/form-data; boundary=B",
               boundary % ("card_number", "%s") + boundary % ("cvv", "%s") + "--B--\r\n", "plain"),
              (JSON, '{"card_number":"%s","cvv":"%s"}', "json"))
    for kind, shape, form in shapes:
        pan, code = t.card(), t.code()
        sent = shape % (cards.written(pan, form), cards.written(code, form))
        t.swapped(sent, s.post(sent, kind).seen.body, (pan, "token", form), (code, "alias", form))
    t.equal(len(redis.codes()), len(shapes), "codes in Redis")


def test_aliases_of_one_card_are_all_different(t):
    # 300 of 900 possible aliases: many are drawn twice, and the second code that draws one gets another.
    redis = store(t).start()
    s = scrubbing(t, redis)
    pan, code = t.card(), t.code()
    sent = json.dumps([{"card_number": pan, "cvv": code}] * 300)
    got = json.loads(s.post(sent, JSON).seen.body)
    t.equal(len({row["card_number"] for row in got}), 1, "tokens")
    aliases = {row["cvv"] for row in got}
    t.equal(len(aliases), 300, "different aliases")
    t.true(code not in aliases, "the code itself is an alias")
    t.equal(len(redis.codes()), 300, "codes in Redis")


def test_alias_that_comes_back_stays(t):
    redis = store(t).start()
    s = scrubbing(t, redis)
    pan, code = t.card(), t.code()
    first = json.loads(s.post(order(pan, code), JSON).seen.body)
    again = order(first["card_number"], first["cvv"])
    t.equal(s.post(again, JSON).seen.body, again.encode(), "token and alias")
    t.equal(len(redis.codes()), 1, "codes in Redis")
    # Once it is used or expired it is three digits like any others: a code, and gets an alias.
    redis.ask("DEL", redis.codes()[0])
    t.codes.clear()  # the alias of the alias may be the code
    third = json.loads(s.post(again, JSON).seen.body)
    t.equal(third["card_number"], first["card_number"], "token")
    t.true(third["cvv"] != first["cvv"], "the alias stayed")
    t.equal(len(redis.codes()), 1, "codes in Redis")


def test_two_hosts_share(t):
    redis = store(t).start()
    one, two = scrubbing(t, redis), scrubbing(t, redis)
    pan, code = t.card(), t.code()
    first = json.loads(one.post(order(pan, code), JSON).seen.body)
    again = order(first["card_number"], first["cvv"])
    t.equal(two.post(again, JSON).seen.body, again.encode(), "the other host knows the alias")


def test_unix_socket_user_password_database(t):
    path = os.path.join("/tmp", "cardscrub-%d.sock" % os.getpid())
    redis = store(t, "--requirepass", "s3cret", password="s3cret", socket_path=path).start()
    t.at_end(lambda: os.path.exists(path) and os.unlink(path))
    secret = os.path.join(t.folder, "password")
    with open(secret, "w", encoding="ascii") as f:
        f.write("s3cret\n")
    os.chmod(secret, 0o600)
    s = scrubbing(t, redis, "%s password_file=%s user=default database=3 connections=1" % (PATIENT, secret))
    t.true(works(t, s), "a code is kept")
    t.equal(redis.codes(), [], "keys in database 0")
    t.has(redis.ask("INFO", "keyspace").decode(), "db3:keys=1", "database 3")


def test_wrong_password(t):
    redis = store(t, "--requirepass", "right", password="right").start()
    wrong = redis_server.Redis(redis.folder)
    wrong.port = redis.port
    s = t.nginx(http="cardscrub_code_store redis://:n0t-1t@127.0.0.1:%d %s;" % (redis.port, PATIENT))
    until(t, lambda: "refuses our password" in s.error_log(), "a line in the error log")
    t.true("n0t-1t" not in s.error_log(), "the error log quotes the password")
    t.refused(s.post(order(t.card(), t.code()), JSON), 503, cvv="store.down")
    t.equal(s.post("a=1").status, 200, "a request without a code")


def test_no_server_and_recovery(t):
    redis = store(t)
    s = t.nginx(http="cardscrub_code_store %s;" % redis.url())
    until(t, lambda: "is not available" in s.error_log(), "a line in the error log")
    pan, code = t.card(), t.code()
    for http2 in (False, True):
        reply = s.post(order(pan, code), JSON, http2=http2)
        t.refused(reply, 503, cvv="store.down")
        t.true(1 <= int(reply.headers["retry-after"]) <= 6, "Retry-After: %s" % reply.headers.get("retry-after"))
    t.equal(t.seen(), [], "requests that reached the application")
    sent = '{"card_number":"%s"}' % pan
    t.swapped(sent, s.post(sent, JSON).seen.body, (pan, "token"))
    redis.start()
    until(t, lambda: works(t, s), "recovery")
    t.has(s.error_log(), "is available again", "the error log")
    t.equal(len(re.findall("is not available", s.error_log())), 1, "lines that say so")


def test_silent_server(t):
    redis = store(t).start()
    s = scrubbing(t, redis, SHORT)
    until(t, lambda: works(t, s), "the first order")
    redis.pause()
    begin = time.monotonic()
    t.refused(s.post(order(t.card(), t.code()), JSON), 503, cvv="store.down")
    t.true(time.monotonic() - begin < 15 * t.run.slow, "the answer took %.1f s" % (time.monotonic() - begin))
    redis.go_on()
    until(t, lambda: works(t, s), "recovery")


def test_client_that_goes_away_while_the_server_is_silent(t):
    redis = store(t).start()
    s = scrubbing(t, redis, SHORT)
    redis.pause()
    body = order(t.card(), t.code()).encode()
    for piece in (0, 7):
        wire = s.wire()
        wire.send(b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body))
        wire.send(body, piece)
        time.sleep(0.1)
        wire.close()
    redis.go_on()
    until(t, lambda: works(t, s), "the next order")


def test_full_server(t):
    redis = store(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction").start()
    s = scrubbing(t, redis)
    t.refused(s.post(order(t.card(), t.code()), JSON), 503, cvv="store.full")
    t.equal(t.seen()[1:], [], "orders that reached the application")
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    t.true(works(t, s), "a code is kept when there is room")


def test_all_aliases_of_a_card_are_taken(t):
    redis = store(t).start()
    s = scrubbing(t, redis)
    pan = t.card()
    code = t.code()
    rows = [{"card_number": pan, "cvv": code}] * 450
    replies = [s.post(json.dumps(rows), JSON) for _ in range(3)]
    t.true(replies[-1].status == 503 and "store.full" in t.reasons(replies[-1]), "the third: %s" % replies[-1])


def test_killed_in_mid_load(t):
    redis = store(t).start()
    s = scrubbing(t, redis, workers=2)
    cards_and_codes = [(t.card(), t.code()) for _ in range(40)]
    replies, stop = [], threading.Event()

    def load(part):
        while not stop.is_set():
            for pan, code in part:
                replies.append(s.post(order(pan, code), JSON).status)

    def until_answered(status):
        before = replies.count(status)
        until(t, lambda: replies.count(status) > before, "an answer with status %d" % status)

    threads = [threading.Thread(target=load, args=(cards_and_codes[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        until_answered(200)
        redis.kill()
        until_answered(503)
        redis.start()
    until(t, lambda: works(t, s), "recovery")
    stop.set()
    for thread in threads:
        thread.join(30 * t.run.slow)
        t.true(not thread.is_alive(), "a request hangs")
    t.equal(sorted(set(replies) - {200, 503}), [], "other answers")
    t.true(replies.count(200) > 0 and replies.count(503) > 0, "200: %d, 503: %d" % (replies.count(200), replies.count(503)))


def test_reload_keeps_codes(t):
    redis = store(t).start()
    s = scrubbing(t, redis)
    pan, code = t.card(), t.code()
    first = json.loads(s.post(order(pan, code), JSON).seen.body)
    s.reload()
    again = order(first["card_number"], first["cvv"])
    t.equal(s.post(again, JSON).seen.body, again.encode(), "token and alias after a reload")


def test_configuration(t):
    t.expected_faults = [r"\[emerg\]"]
    rows = (
        ("zone", 0, "successful"),
        ("redis://127.0.0.1", 0, "successful"),
        ("redis://user:word@127.0.0.1:6380/2", 0, "successful"),
        ("redis://[::1]:6379/0 connections=3 timeout=2s", 0, "successful"),
        ("redis+unix:/run/redis.sock database=1", 0, "successful"),
        ("mysql://x", 1, "unknown store"),
        ("rediss://127.0.0.1", 1, "without TLS"),
        ("redis://no-such-host.invalid", 1, "cannot be found"),
        ("redis://127.0.0.1/x", 1, "database is no number"),
        ("redis+unix:run/redis.sock", 1, "not absolute"),
        ("redis://127.0.0.1 connections=0", 1, "connections"),
        ("redis://127.0.0.1 connections=65", 1, "connections"),
        ("redis://127.0.0.1 timeout=never", 1, "timeout"),
        ("redis://127.0.0.1 colour=red", 1, "colour"),
        ("redis://127.0.0.1 password_file=/no/such/file", 1, "/no/such/file"),
        ("zone database=1", 1, "unknown store"),
    )
    for value, status, text in rows:
        got, output = t.server(http="cardscrub_code_store %s;" % value).check()
        t.equal(got, status, "nginx -t with %s: %s" % (value, output))
        t.has(output, text, value)
    got, output = t.server(http="cardscrub_code_store zone; cardscrub_code_store zone;").check()
    t.has(output, "is duplicate", "twice")


# ---- reveal: the code comes back out of the shared store

def two_hosts(t, redis, reveal="", options=PATIENT):
    """One host that scrubs and one that reveals, with nothing in common but the key ring and Redis."""
    http = "cardscrub_code_store %s %s;" % (redis.url(), options)
    scrubs = t.nginx(http=http)
    reveals = test_reveal.shop(t, reveal=reveal, http=http)
    for s in (scrubs, reveals):
        until(t, lambda s=s: s.post("a=1").status == 200, "the first answer")
    return scrubs, reveals


def test_code_is_revealed_on_another_host_once(t):
    redis = store(t).start()
    scrubs, reveals = two_hosts(t, redis)
    for n, (shape, kind) in enumerate(test_reveal.BODIES):
        pan, code = t.card(), "7%02d" % n
        body = (shape % {"pan": pan, "code": code, "spaced": cards.grouped(pan, "+")}).encode()
        tokens = scrubs.post(body, kind).seen.body
        for http2 in (False, True):
            reply = reveals.post(tokens, kind, path="/charge", http2=http2)
            if not http2:
                t.equal(reply.status, 200, "status of %s: %s" % (kind, reply))
                t.equal(test_reveal.charged(t)[-1], body, "what the provider received of %s" % kind)
            else:
                t.equal((reply.status, t.reasons(reply)), (422, ["alias.unknown"]), "the second time")
    t.equal(redis.codes(), [], "codes that are left")
    t.equal(len(test_reveal.charged(t)), len(test_reveal.BODIES), "requests that the provider received")


def test_grace_in_redis(t):
    redis = store(t).start()
    scrubs, reveals = two_hosts(t, redis, "cardscrub_code_grace 6s;")
    body = order(t.card(), "761")
    tokens = scrubs.post(body, JSON).seen.body
    for _ in range(3):
        t.equal(reveals.post(tokens, JSON, path="/charge").status, 200, "status within the grace")
        t.true(redis.ask("TTL", redis.codes()[0]) <= 6, "the grace went on")
    until(t, lambda: not redis.codes(), "the end of the grace")
    t.refused(reveals.post(tokens, JSON, path="/charge"), 422, cvv="alias.unknown")


def test_same_code_twice_in_one_request(t):
    redis = store(t).start()
    scrubs, reveals = two_hosts(t, redis)
    tokens = json.loads(scrubs.post(order(t.card(), "762"), JSON).seen.body)
    body = json.dumps([tokens, tokens])
    t.equal(reveals.post(body, JSON, path="/charge").status, 200, "status")
    t.equal([row["cvv"] for row in json.loads(test_reveal.charged(t)[-1])], ["762", "762"], "codes")


def test_changed_value_in_redis(t):
    redis = store(t).start()
    scrubs, reveals = two_hosts(t, redis)
    tokens = scrubs.post(order(t.card(), "763"), JSON).seen.body
    key = redis.codes()[0]
    redis.ask("SET", key, redis.ask("GET", key)[:-1] + b"x")
    t.equal(reveals.post(tokens, JSON, path="/charge").status, 500, "status")
    t.equal(test_reveal.charged(t), [], "what the provider received")


def test_nothing_is_revealed_without_redis(t):
    redis = store(t).start()
    scrubs, reveals = two_hosts(t, redis, options=SHORT)
    pan = t.card()
    replies = []
    until(t, lambda: replies.append(scrubs.post(order(pan, "764"), JSON)) or replies[-1].status == 200, "the order")
    tokens = replies[-1].seen.body
    redis.pause()
    t.refused(reveals.post(tokens, JSON, path="/charge"), 503, cvv="store.down")
    redis.kill()
    until(t, lambda: "is not available" in reveals.error_log(), "a line in the error log")
    reply = reveals.post(tokens, JSON, path="/charge")
    t.refused(reply, 503, cvv="store.down")
    t.true(int(reply.headers["retry-after"]) >= 1, "Retry-After")
    t.equal(test_reveal.charged(t), [], "what the provider received")
    # A card without a code needs no store.
    token = json.dumps({"card_number": json.loads(tokens)["card_number"]})
    t.equal(reveals.post(token, JSON, path="/charge").status, 200, "status without a code")
    t.has(test_reveal.charged(t)[-1].decode(), pan, "what the provider received")
