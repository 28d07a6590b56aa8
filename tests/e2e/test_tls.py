"""Requests in clear."""
import client


CLEAR = "listen 127.0.0.1:@PORT@ ssl http2; listen 127.0.0.1:@CLEAR@;"


def test_clear_request_is_allowed_where_configured(t):
    s = t.nginx(listen=CLEAR, server="cardscrub on; cardscrub_require_tls off;")
    pan = t.card()
    sent = "card_number=" + pan
    t.swapped(sent, s.post(sent, tls=False).seen.body, (pan, "token"))
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"))


def test_clear_request_to_the_tls_port(t):
    s = t.nginx()
    pan = t.card()
    with client.Wire(s.port, t.run.certificate, "shop.test", tls=False) as wire:
        wire.send(("POST /pay?card_number=%s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 28\r\n\r\ncard_number=%s"
                   % (pan, pan)).encode())
        t.equal(wire.reply().status, 400, "status")
    t.equal(t.seen(), [], "requests that reached the application")


def test_clear_request_that_an_error_page_lets_in(t):
    """error_page 497 brings a request in clear into a scrubbed location: 403, and its body is not read."""
    s = t.nginx(locations="error_page 497 =200 /inside; location / { include app.conf; }")
    pan = t.card()
    with client.Wire(s.port, t.run.certificate, "shop.test", tls=False) as wire:
        wire.send(b"POST /pay HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 28\r\n\r\ncard_number=" + pan.encode())
        reply = wire.reply()
        t.refused(reply, 403)
        t.equal(t.reasons(reply), ["tls.required"], "reasons")
        t.true(wire.closed(), "the connection stays open")
    t.equal(t.seen(), [], "requests that reached the application")


def test_redirecting_server_in_clear_leaves_no_number_in_its_log(t):
    s = t.nginx(extra_servers="server { listen 127.0.0.1:@CLEAR@; server_name shop.test; return 301 https://$host/; }")
    pan, code = t.card(), t.code()
    t.equal(s.curl("/pay?card_number=%s&cvv=%s" % (pan, code), tls=False).status, 301, "status")
    t.equal(len(s.log("access.log", lines=1)), 1, "lines of the access log")
