"""Ways through nginx: sub-requests, redirects, rewrites, and every shape of proxy_pass."""
import origin

FORM = "application/x-www-form-urlencoded"


def token_of(t, s, app, pan, path="/token"):
    before = len(app.exchanges)
    t.equal(s.post("card_number=" + pan, path=path).status, 200, "status")
    return t.token(app.wait(before + 1).body.decode()[12:], pan)


def test_auth_request(t):
    app, guard = t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { auth_request /auth; auth_request_set $who $upstream_http_x_who; proxy_set_header X-Who $who; proxy_pass http://%s; }
      location = /auth { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Uri $request_uri;
        proxy_set_header X-Cookie $cookie_card; proxy_pass http://%s/check; }""" % (app.address, guard.address))
    pan, code = t.card(), t.code()
    token = token_of(t, s, app, pan)
    sent = "card_number=%s&cvv=%s" % (pan, code)
    for http2 in (False, True):
        t.equal(s.post(sent, path="/p?card_number=" + pan, options=("-H", "Cookie: card=" + pan), http2=http2).status, 200, "status")
        seen, checked = app.wait(len(app.exchanges)), guard.wait(len(guard.exchanges))
        t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
        for line in ("X-Uri: /p?card_number=" + token, "X-Cookie: " + token, "ookie: card=" + token):
            t.true(line in checked.head, "%s is not in what the guard received: %r" % (line, checked.head))


def test_auth_location_with_wishes_of_its_own(t):
    """A sub-request's location decides about the sub-request, and about nothing else."""
    app, guard = t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { auth_request /monitored; cardscrub_require code; cardscrub_namespace outer; proxy_pass http://%s; }
      location /other { auth_request /named; cardscrub_namespace outer; proxy_pass http://%s; }
      location /plain { cardscrub_namespace outer; proxy_pass http://%s; }
      location /monitored { internal; cardscrub monitor; proxy_pass_request_body off; proxy_pass http://%s; }
      location /named { internal; cardscrub_namespace inner; proxy_pass_request_body off; proxy_set_header Content-Length "";
        proxy_pass http://%s; }"""
                .replace("cardscrub monitor;", "cardscrub monitor; proxy_set_header Content-Length '';")
                % (app.address, app.address, app.address, guard.address, guard.address))
    pan, code = t.card(), t.code()
    reply = s.curl("/", "-X", "POST")
    t.refused(reply)
    t.equal(t.reasons(reply), ["field.missing"], "reasons of a POST without a body")
    sent = "card_number=%s&cvv=%s" % (pan, code)
    t.equal(s.post(sent).status, 200, "status")
    outer = t.swapped(sent, app.wait(1).body, (pan, "token"), (code, "alias"))[0]
    t.equal(token_of(t, s, app, pan, "/plain"), outer, "token in the namespace without a sub-request")
    t.equal(token_of(t, s, app, pan, "/other"), outer, "token behind a sub-request with another namespace")


def test_mirror(t):
    app, copy = t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { mirror /copy; proxy_pass http://%s; }
      location = /copy { internal; proxy_set_header X-Uri $request_uri; proxy_pass http://%s$request_uri; }
      location /off/ { mirror /copy; cardscrub off; proxy_pass http://%s; }""" % (app.address, copy.address, app.address))
    pan, code = t.card(), t.code()
    for pad in (0, 60000):
        for http2 in (False, True):
            sent = "card_number=%s&cvv=%s&pad=%s" % (pan, code, "x" * pad)
            t.equal(s.post(sent, path="/m?card_number=" + pan, http2=http2).status, 200, "status")
            got = t.swapped(sent, app.wait(len(app.exchanges)).body, (pan, "token"), (code, "alias"))
            mirrored = copy.wait(len(app.exchanges))
            t.equal(mirrored.body, app.exchanges[-1].body, "the mirrored body")
            t.has(mirrored.head, r"^POST /m\?card_number=%s HTTP" % got[0], "the mirrored request line")
            t.has(mirrored.head, r"X-Uri: /m\?card_number=%s" % got[0], "the mirrored header")
    bad = t.wrong(pan)
    t.refused(s.post("card_number=" + bad, path="/m"), 422, card_number="pan.luhn")
    t.equal((len(app.exchanges), len(copy.exchanges)), (4, 4), "requests that went on")


def test_mirror_of_what_is_not_scrubbed(t):
    """Off in front, on in the mirror: the mirror's application must not have the clear body."""
    t.app_may_see = True
    app, copy = t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { cardscrub off; mirror /copy; proxy_pass http://%s; }
      location = /copy { internal; proxy_pass http://%s; }""" % (app.address, copy.address))
    pan = t.card()
    sent = "card_number=" + pan
    t.equal(s.post(sent).status, 200, "status")
    t.equal(app.wait(1).body.decode(), sent, "what the application receives where cardscrub is off")
    t.true(pan.encode() not in copy.everything(), "the mirror received the card")


def test_monitored_and_then_scrubbed(t):
    """Monitored in front, on behind: nobody has scrubbed the body, and the second application must not have it in clear."""
    t.app_may_see = True
    app, copy, second = t.origin(origin.Http), t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { cardscrub monitor; mirror /copy; proxy_pass http://%s; }
      location = /copy { internal; proxy_pass http://%s; }
      location /failing { cardscrub monitor; error_page 502 = @second; proxy_pass http://127.0.0.1:1; }
      location @second { proxy_pass http://%s; }""" % (app.address, copy.address, second.address))
    pan = t.card()
    sent = "card_number=" + pan
    for http2 in (False, True):
        t.equal(s.post(sent, http2=http2).status, 200, "status")
        t.equal(app.wait(len(app.exchanges)).body.decode(), sent, "what the application receives where cardscrub monitors")
        t.equal(s.post(sent, path="/failing", http2=http2).status, 500, "status where the body would go on in clear")
    t.true(pan.encode() not in copy.everything() + second.everything(), "an application behind cardscrub received the card")


def test_monitored_head_and_then_scrubbed(t):
    """A mode that changes on the way: what was only looked at is scrubbed where it is on."""
    app = t.origin(origin.Http)
    s = t.nginx(server="cardscrub $scrub; set $scrub monitor;", locations="""
      location / { set $scrub on; rewrite ^ /second last; }
      location /second { proxy_pass http://%s; }""" % app.address)
    pan = t.card()
    t.equal(s.curl("/first?card_number=" + pan, "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan).status, 200, "status")
    t.true(pan not in app.wait(1).head, "the application received the card: " + app.exchanges[0].head)


def test_mirror_of_a_get_with_a_body(t):
    """What the mirror must not have, the application gets all the same."""
    t.app_may_see = True
    app, copy = t.origin(origin.Http), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { cardscrub off; mirror /copy; proxy_pass http://%s; }
      location = /copy { internal; proxy_pass http://%s; }""" % (app.address, copy.address))
    pan = t.card()
    sent = "card_number=" + pan
    for http2 in (False, True):
        t.equal(s.curl("/", "-X", "GET", "-d", sent, http2=http2).status, 200, "status")
        t.equal(app.wait(len(app.exchanges)).body.decode(), sent, "what the application receives where cardscrub is off")
    t.true(pan.encode() not in copy.everything(), "the mirror received the card")


def test_ssi_subrequests(t):
    app = t.origin(origin.Http, body=b'[<!--#include virtual="/part?from=$request_uri&card=$arg_card_number" -->]')
    part = t.origin(origin.Http, body=b"part")
    s = t.nginx(locations="""
      location / { ssi on; ssi_types text/plain; proxy_pass http://%s; }
      location /part { proxy_pass http://%s; }""" % (app.address, part.address))
    pan = t.card()
    reply = s.curl("/page?card_number=" + pan)
    t.equal((reply.status, reply.body), (200, b"[part]"), "the page")
    t.true(len(part.exchanges) == 1 and pan not in part.exchanges[0].head, "the sub-request has the card: %s" % part.exchanges)


def test_error_page_and_named_location(t):
    """The application fails; another one gets the same, scrubbed, request."""
    app = t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { error_page 502 503 = @second; proxy_pass http://127.0.0.1:1; }
      location @second { proxy_set_header X-Uri $request_uri; proxy_pass http://%s; }
      location /page { error_page 502 /sorry/$arg_card_number; proxy_pass http://127.0.0.1:1; }
      location /sorry/ { proxy_pass http://%s; }""" % (app.address, app.address))
    pan, code = t.card(), t.code()
    sent = "card_number=%s&cvv=%s" % (pan, code)
    for http2 in (False, True):
        t.equal(s.post(sent, path="/p?card_number=" + pan, http2=http2).status, 200, "status")
        seen = app.wait(len(app.exchanges))
        token, _ = t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
        t.has(seen.head, r"^POST /p\?card_number=%s HTTP" % token, "request line")
        t.has(seen.head, r"X-Uri: /p\?card_number=%s" % token, "header")
    t.equal(s.curl("/page?card_number=" + pan).status, 502, "status of the error page")
    t.has(app.wait(3).head, r"^GET /sorry/%s" % token, "request line of the error page")


def test_next_upstream(t):
    app = t.origin(origin.Http)
    s = t.nginx(http="upstream two { server 127.0.0.1:1; server %s backup; }" % app.address,
                locations="location / { proxy_next_upstream error timeout non_idempotent; proxy_pass http://two; }")
    pan, code = t.card(), t.code()
    sent = "card_number=%s&cvv=%s" % (pan, code)
    t.equal(s.post(sent).status, 200, "status")
    t.swapped(sent, app.wait().body, (pan, "token"), (code, "alias"))


def test_try_files(t):
    app = t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { root html; try_files $uri $uri/ /missing/$arg_card_number @app; }
      location @app { proxy_pass http://%s; }
      location /last { root html; try_files $uri /fallback?from=$uri; }
      location /fallback { proxy_pass http://%s; }""" % (app.address, app.address), error_level="debug")
    pan, code = t.card(), t.code()
    token = token_of(t, s, app, pan)
    sent = "card_number=%s&cvv=%s" % (pan, code)
    t.equal(s.post(sent, path="/f/%s?card_number=%s" % (pan, pan)).status, 200, "status")
    seen = app.wait(2)
    t.swapped(sent, seen.body, (pan, "token"), (code, "alias"))
    t.has(seen.head, r"^POST /f/%s\?card_number=%s HTTP" % (token, token), "request line")
    t.equal(s.curl("/last/" + pan).status, 200, "status")
    t.has(app.wait(3).head, r"^GET /fallback\?from=/last/%s HTTP" % token, "request line")
    t.equal(s.curl("/files/%s.txt" % pan).status, 200, "status of what is no file")


def test_rewrite_and_return(t):
    app = t.origin(origin.Http)
    s = t.nginx(server="cardscrub on; rewrite ^/server/(.*)$ /from-server/$1;", locations="""
      location / { proxy_pass http://%s; }
      location /break/ { rewrite ^/break/(.*)$ /b/$1?was=$1&$args? break; proxy_pass http://%s; }
      location /last/ { rewrite ^/last/(.*)$ /l/$1 last; }
      location /if/ { if ($arg_card_number ~ ^(.*)$) { set $copy $1; } proxy_set_header X-Copy $copy; proxy_pass http://%s; }
      location /go/ { return 302 https://shop.test/there$request_uri; }
      location /say { return 200 "$arg_card_number $http_x_card $cookie_card $args $request_uri $query_string"; }
      location /perm/ { rewrite ^/perm/(.*)$ https://shop.test/p/$1 permanent; }""" % (app.address, app.address, app.address))
    pan = t.card()
    token = token_of(t, s, app, pan)
    for path, wanted in (("/server/%s?a=%s", "/from-server/%s?a=%s"), ("/last/%s?a=%s", "/l/%s?a=%s")):
        t.equal(s.curl(path % (pan, pan)).status, 200, "status")
        t.equal(app.wait(len(app.exchanges)).head.split(" HTTP/")[0], "GET %s" % (wanted % (token, token)), "request line")
    t.equal(s.curl("/break/%s?a=%s" % (pan, pan)).status, 200, "status")
    t.equal(app.wait(len(app.exchanges)).head.split(" HTTP/")[0], "GET /b/%s?was=%s&a=%s" % (token, token, token), "request line")
    t.equal(s.curl("/if/?card_number=" + pan).status, 200, "status")
    t.has(app.wait(len(app.exchanges)).head, "X-Copy: " + token, "a variable set in an if")
    for http2 in (False, True):
        t.equal(s.curl("/go/%s?c=%s" % (pan, pan), http2=http2).headers["location"],
                "https://shop.test/there/go/%s?c=%s" % (token, token), "Location")
        t.equal(s.curl("/perm/%s?c=%s" % (pan, pan), http2=http2).headers["location"],
                "https://shop.test/p/%s?c=%s" % (token, token), "Location")
        said = s.curl("/say?card_number=%s" % pan, "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan, http2=http2).body.decode()
        t.equal(said, "{0} {0} {0} card_number={0} /say?card_number={0} card_number={0}".format(token), "what was said")


def test_return_answers_a_post(t):
    """No upstream at all: the body is thrown away, valid or not."""
    s = t.nginx(locations="location / { return 204; }")
    pan = t.card()
    with s.wire() as wire:
        for number in (pan, t.wrong(pan)):
            body = "card_number=" + number
            wire.send(("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                       % (FORM, len(body), body)).encode())
            t.true(wire.reply().status in (204, 422), "status")


def test_internal_redirect_by_the_application(t):
    app, second = t.origin(origin.Http, headers="X-Accel-Redirect: /inside/file\r\n"), t.origin(origin.Http)
    s = t.nginx(locations="""
      location / { proxy_pass http://%s; }
      location /inside/ { internal; proxy_set_header X-Uri $request_uri; proxy_method POST; proxy_pass http://%s; }""" % (app.address, second.address))
    pan = t.card()
    sent = "card_number=" + pan
    t.equal(s.post(sent, path="/p?card_number=" + pan).status, 200, "status")
    token = t.swapped(sent, app.wait().body, (pan, "token"))[0]
    t.has(second.wait().head, r"X-Uri: /p\?card_number=%s" % token, "header at the second application")


SHAPES = (("proxy_pass http://{app};", "/x/{t}?c={t}"), ("proxy_pass http://{app}/with/;", "/with/{t}?c={t}"),
          ("proxy_pass http://{app}/fixed;", "/fixed{t}?c={t}"),
          ("set $up {app}; proxy_pass http://$up;", "/x/{t}?c={t}"), ("set $up {app}; proxy_pass http://$up$request_uri;", "/x/{t}?c={t}"),
          ("set $up {app}; proxy_pass http://$up/v$uri$is_args$args;", "/v/x/{t}?c={t}"),
          ("proxy_pass http://{app}/a/$arg_c;", "/a/{t}"), ("proxy_pass http://group;", "/x/{t}?c={t}"),
          ("set $up group; proxy_pass http://$up/g$uri?q=$arg_c;", "/g/x/{t}?q={t}"),
          ("rewrite ^/x/(.*) /r/$1 break; proxy_pass http://{app};", "/r/{t}?c={t}"))


def test_shapes_of_proxy_pass(t):
    for unix in (False, True):
        app = t.origin(origin.Http, unix=unix)
        for shape, wanted in SHAPES:
            if unix and "{app}/" in shape and "$" in shape:
                continue
            s = t.nginx(http="upstream group { server %s; }" % app.plain_address, locations="location /x/ { %s } location / { proxy_pass http://%s; }"
                        % (shape.format(app=app.address) if "{app}" in shape else shape, app.address))
            pan = t.card()
            token = token_of(t, s, app, pan)
            t.equal(s.curl("/x/%s?c=%s" % (pan, pan)).status, 200, "status with " + shape)
            t.equal(app.wait(len(app.exchanges)).head.split(" HTTP/")[0], "GET %s" % wanted.format(t=token), "request line with " + shape)
            s.stop()


def test_set_body_and_headers(t):
    app = t.origin(origin.Http)
    s = t.nginx(locations="""location / {
      proxy_set_header X-All "$request|$request_uri|$args|$http_x_card|$cookie_card|$arg_c|$http_referer|$http_user_agent|$uri|$content_type";
      proxy_set_body "all=$request_body&c=$arg_c&h=$http_x_card"; proxy_pass http://%s; }""" % app.address)
    pan, code = t.card(), t.code()
    token = t.token(s.post("card_number=" + pan).status == 200 and app.wait(1).body.decode().split("&")[0][16:], pan)
    sent = "card_number=%s&cvv=%s" % (pan, code)
    for http2 in (False, True):
        t.equal(s.post(sent, path="/s/%s?c=%s" % (pan, pan), http2=http2, options=(
            "-H", "X-Card: " + pan, "-H", "Cookie: card=" + pan, "-e", "https://x/?c=" + pan, "-A", "ua " + pan)).status, 200, "status")
        seen = app.wait(len(app.exchanges))
        t.has(seen.body.decode(), r"^all=card_number=%s&cvv=(?!%s)\d{3}&c=%s&h=%s$" % (token, code, token, token), "the body that was set")
        line = origin.fields_of(seen.head)["x-all"]
        wanted = "POST /s/{0}?c={0} HTTP/%s|/s/{0}?c={0}|c={0}|{0}|{0}|{0}|https://x/?c={0}|ua {0}|/s/{0}|%s" % ("2.0" if http2 else "1.1", FORM)
        t.equal(line, wanted.format(token), "variables in a header")
