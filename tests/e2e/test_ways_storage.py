"""Where nginx keeps bodies: files and buffers of every size hold scrubbed bytes only, and the sweep reads the files."""
import os
import time

import origin
import sweep

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def bodies(t, pad):
    pan, code = t.card(), t.code()
    yield "a=1&pad=%s&card_number=%s&cvv=%s" % ("x" * pad, pan, code), FORM, pan, code
    yield '{"pad":"%s","card_number":"%s","cvv":"%s"}' % ("y" * pad, pan, code), JSON, pan, code


def every_way(t, settings, pads=(0, 300, 40000)):
    s = t.nginx(server="cardscrub on; client_max_body_size 1m; " + settings)
    for pad in pads:
        for sent, kind, pan, code in bodies(t, pad):
            for seen in (s.post(sent, kind).seen, s.post(sent, kind, http2=True).seen, s.raw_post(sent, kind, piece=997).seen,
                         s.raw_post(sent, kind, chunks=500).seen):
                t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
                if seen.content_length is not None:
                    t.equal(seen.content_length, str(len(sent)), "Content-Length")
    return s


def files(s):
    return list(sweep.files_below(os.path.join(s.prefix, "temp", "body"), set()))


def test_in_file_only(t):
    s = every_way(t, "client_body_in_file_only on;")
    kept = files(s)
    t.equal(len(kept), 24, "files with bodies")
    for path in kept:
        with open(path, "rb") as f:
            t.has(f.read().decode(), r"card_number(=|\":\")9\d{15}", "a body in a file")


def test_in_file_only_clean(t):
    s = every_way(t, "client_body_in_file_only clean;")
    # nginx removes a file when it is done with the request, a little after the client has its answer.
    end = time.monotonic() + s.limit
    while files(s) and time.monotonic() < end:
        time.sleep(0.05)
    t.equal(files(s), [], "files that stayed")


def test_file_handed_to_the_application(t):
    app = t.origin(origin.Http)
    s = t.nginx(locations="""location / { client_body_in_file_only on; proxy_pass_request_body off; proxy_set_header Content-Length 0;
      proxy_set_header X-File $request_body_file; proxy_pass http://%s; }""" % app.address)
    pan, code = t.card(), t.code()
    sent = "card_number=%s&cvv=%s" % (pan, code)
    t.equal(s.post(sent).status, 200, "status")
    path = origin.fields_of(app.wait().head)["x-file"]
    with open(path, "rb") as f:
        t.swapped(sent, f.read(), (pan, "token"), (code, "alias"))


def test_refused_bodies_leave_no_card_in_files(t):
    s = t.nginx(server="cardscrub on; client_body_in_file_only on; client_body_buffer_size 1k;")
    for http2 in (False, True):
        good, bad = t.card(), t.wrong(t.card())
        body = '{"card_number":"%s","pad":"%s","more":{"card_number":"%s"}}' % (good, "x" * 30000, bad)
        t.refused(s.post(body, JSON, http2=http2), 422, **{"more.card_number": "pan.luhn"})
    t.equal(t.seen(), [], "requests that reached the application")


def test_tiny_buffer(t):
    for size in ("1", "16", "100", "1k"):
        every_way(t, "client_body_buffer_size %s;" % size, (0, 3000)).stop()


def test_single_buffer(t):
    every_way(t, "client_body_in_single_buffer on;")


def test_single_tiny_buffer(t):
    every_way(t, "client_body_in_single_buffer on; client_body_buffer_size 64;", (0, 3000))


def test_request_body_variable(t):
    """$request_body in an upstream header, an upstream body and a log."""
    app = t.origin(origin.Http)
    for settings in ("", "client_body_in_single_buffer on;"):
        s = t.nginx(server="cardscrub on; client_body_buffer_size 8k;" + settings, locations="""
          location / { proxy_set_header X-Body $request_body; proxy_set_body "copy=$request_body"; proxy_pass http://%s; }""" % app.address)
        pan, code = t.card(), t.code()
        sent = "card_number=%s&cvv=%s" % (pan, code)
        for http2 in (False, True):
            t.equal(s.post(sent, http2=http2).status, 200, "status")
            seen = app.wait(len(app.exchanges))
            got = t.swapped(sent, seen.body[5:], (pan, "token"), (code, "alias"))
            t.has(seen.head, "X-Body: card_number=%s&cvv=%s" % tuple(got), "the header with $request_body")


def test_request_body_variable_that_was_asked_for_before_the_log(t):
    """Its value may lie in the body's own buffer, which the log phase masks."""
    app = t.origin(origin.Http)
    s = t.nginx(locations="""location / { add_header X-Body $request_body; proxy_pass http://%s; }
      location /off { cardscrub off; add_header X-Body $request_body; proxy_pass http://%s; }""" % (app.address, app.address),
                http="log_format body '$request_uri:$request_body'; access_log logs/body.log body;")
    t.app_may_see = True
    pan = t.card()
    sent = "a=1&note=%s&b=2" % pan
    t.equal(s.post(sent, path="/on").status, 200, "status")
    t.equal(s.post(sent, path="/off").status, 200, "status")
    on, off = s.log("body.log", lines=2)
    t.equal(on, "/on:" + app.wait(1).body.decode(), "the body in the log where it was scrubbed")
    t.equal(off, "/off:a=1&note=%s&b=2" % (pan[:6] + "*" * 6 + pan[-4:]), "the body in the log where it was not")


def test_body_larger_than_every_buffer(t):
    """A temp file of several megabytes, cards all over it."""
    s = t.nginx(server="cardscrub on; client_max_body_size 8m; client_body_buffer_size 4k; client_body_in_file_only on;")
    pans = [t.card() for _ in range(15)]
    sent = "[" + ",".join('{"card_number":"%s","pad":"%s"}' % (pan, "z" * 50000) for pan in pans) + "]"
    seen = s.post(sent, JSON, http2=True).seen
    t.swapped(sent, seen.body, *[(pan, "token") for pan in pans])
