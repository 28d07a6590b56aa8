"""Large bodies: temp files, buffer borders, constant results whatever the buffers."""
import json

JSON = "application/json"


def filled(t, size, every, number=False):
    """A JSON list of about `size` bytes with a card about every `every` bytes, at ever other offsets; and the cards."""
    out, pans, at, i = ["["], [], 1, 0
    while at < size:
        pan = t.card()
        pans.append(pan)
        pad = "x" * (every - 60 + i % 61)
        item = '{"pad":"%s","card_number":%s,"n":%d},' % (pad, pan if number else '"%s"' % pan, i)
        out.append(item)
        at += len(item)
        i += 1
    out.append("0]")
    return "".join(out), pans


def through(t, s, sent, pans, **more):
    seen = s.post(sent, JSON, **more).seen
    tokens = t.swapped(sent, seen.body, *[(pan, "token") for pan in pans])
    t.equal(json.loads(seen.body)[0]["card_number"] in (tokens[0], int(tokens[0])), True, "the first card")
    return tokens


def test_spilled_to_a_temp_file(t):
    s = t.nginx(http="client_body_buffer_size 1k; client_max_body_size 8m;")
    sent, pans = filled(t, 60000, 700)
    one = through(t, s, sent, pans)
    t.equal(through(t, s, sent, pans, http2=True), one, "tokens over HTTP/2")
    seen = s.raw_post(sent, JSON, piece=1000, chunks=999).seen
    t.equal(t.swapped(sent, seen.body, *[(pan, "token") for pan in pans]), one, "tokens in chunks")
    t.has(s.file("logs/error.log"), "buffered to a temporary file", "the case is wrong: no temp file was written")


def test_temp_files_that_stay(t):
    """client_body_in_file_only keeps the files; the sweep behind the case reads them."""
    s = t.nginx(http="client_body_in_file_only on; client_body_buffer_size 2k; client_max_body_size 8m;")
    sent, pans = filled(t, 40000, 500)
    through(t, s, sent, pans)
    pan, code = t.card(), t.code()
    s.post("card_number=%s&cvv=%s" % (pan, code))
    s.post("card_number=%s&cvv=%s" % (t.wrong(pan), code))
    s.post("card_number=%s&cvv=%s" % (pan, code), http2=True)
    import os
    files = [f for f in os.listdir(os.path.join(s.prefix, "temp", "body"))]
    t.true(len(files) >= 3, "the case is wrong: temp files %s" % files)


def test_card_at_every_offset_of_a_small_buffer(t):
    s = t.nginx(http="client_body_buffer_size 128; client_max_body_size 8m;")
    pan, code = t.card(), t.code()
    for pad in range(60, 132, 3):
        sent = '{"pad":"%s","card_number":"%s","cvv":"%s","tail":"%s"}' % ("p" * pad, pan, code, "t" * 300)
        seen = s.raw_post(sent, JSON).seen
        t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))


def test_one_megabyte_with_cards_at_buffer_borders(t):
    for server in ("cardscrub on;", "cardscrub on; proxy_request_buffering off;"):
        s = t.nginx(http="client_max_body_size 8m;", server=server)
        parts, pans, at, i = ['{"items":['], [], 10, 0
        while at < 1 << 20:
            border = (i + 1) * 16384
            pan = t.card()
            pad = border - at - 40 + i % 33
            item = '{"p":"%s","card_number":"%s"},' % ("y" * pad, pan)
            parts.append(item)
            pans.append(pan)
            at += len(item)
            i += 1
        sent = "".join(parts) + "null]}"
        changes = [(pan, "token") for pan in pans]
        tokens = t.swapped(sent, s.post(sent, JSON).seen.body, *changes)
        t.equal(t.swapped(sent, s.post(sent, JSON, http2=True).seen.body, *changes), tokens, "tokens over HTTP/2")


def test_one_megabyte_form_and_text(t):
    s = t.nginx(http="client_max_body_size 8m;")
    pan, code, other = t.card(), t.code(), t.card()
    sent = "pad=%s&card_number=%s&note=%s+%s&cvv=%s" % ("z" * 500000, pan, "w+" * 250000, other, code)
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"), (other, "token"), (code, "alias"))
    sent = "a" * 400000 + " " + pan + " " + "b" * 600000 + "\n" + other
    t.swapped(sent, s.post(sent, "text/plain").seen.body, (pan, "token"), (other, "token"))


def test_eight_megabytes_pass_unchanged(t):
    s = t.nginx(http="client_max_body_size 16m;")
    line = '{"id":%07d,"name":"item","price":12.50,"tags":["a","b"],"text":"lorem ipsum dolor sit amet"}\n'
    sent = "".join(line % i for i in range(90000)).encode()
    t.true(s.post(sent, "application/x-ndjson").seen.body == sent, "the body changed")


def test_long_run_of_digits(t):
    s = t.nginx(http="client_max_body_size 8m;")
    sent = "1234567890" * 50000
    t.true(s.post(sent, "text/plain").seen.body == sent.encode(), "a run of digits is no card")
