"""What is no request any more once it has begun: upgrades and CONNECT."""
import origin

HEAD = ("GET /ws?card_number={0} HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: {1}\r\nX-Card: {0}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def servers(t, server="cardscrub on;"):
    app = t.origin(origin.Http)
    upgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://%s;" % app.address
    return app, t.nginx(server=server, locations="""
      location /allowed { cardscrub_upgrade allow; %s }
      location /free { cardscrub off; %s }
      location / { %s }""" % (upgrade, upgrade, upgrade))


def test_upgrades_are_refused(t):
    app, s = servers(t)
    pan = t.card()
    for protocol in ("websocket", "WebSocket", "h2c", "TLS/1.0", "connect-udp", "anything"):
        with s.wire() as wire:
            wire.send(HEAD.format(pan, protocol).encode())
            reply = wire.reply()
            t.refused(reply, 403)
            t.equal(t.reasons(reply), ["upgrade"], "reasons for " + protocol)
            # The connection may live on, but as HTTP.
            wire.send(b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            t.equal(wire.reply().status, 200, "status of the next request")
    t.equal([e.head for e in app.exchanges if "/ws" in e.head], [], "upgrades that reached the application")


def test_upgrade_with_a_body_is_refused(t):
    app, s = servers(t)
    with s.wire() as wire:
        wire.send(b"POST /ws HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 7\r\n\r\na=1&b=2"
                  b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        t.refused(wire.reply(), 403)
        t.equal(wire.reply().status, 200, "status of the next request")
    t.equal(len(app.exchanges), 1, "requests that reached the application")


def test_allowed_upgrade_flows(t):
    """The head is scrubbed all the same; what flows then is the operator's word."""
    app, s = servers(t)
    pan = t.card()
    with s.wire() as wire:
        wire.send(HEAD.replace("/ws", "/allowed").format(pan, "websocket").encode())
        t.has(wire._until(b"\r\n\r\n").decode(), "^HTTP/1.1 101", "the answer")
        for data in (b"\x81\x05hello", b"\x00" * 5000):
            wire.send(data)
            t.equal(wire._exactly(len(data)), data, "what came back")
    head = app.wait().head
    t.has(head, r"/allowed\?card_number=9\d{15} ", "target")
    t.has(head, r"X-Card: 9\d{15}", "header")


def test_upgrade_where_cardscrub_is_off(t):
    app, s = servers(t)
    with s.wire() as wire:
        wire.send(HEAD.replace("/ws", "/free").format("none", "websocket").encode())
        t.has(wire._until(b"\r\n\r\n").decode(), "^HTTP/1.1 101", "the answer")
        wire.send(b"ping")
        t.equal(wire._exactly(4), b"ping", "what came back")
    t.equal(len(app.exchanges), 1, "requests that reached the application")


def test_upgrade_where_the_server_rewrites(t):
    """Its head is swept before the location is known; whether it may upgrade is the location's word."""
    app, s = servers(t, server="cardscrub on; set $any 1;")
    for path, status in (("/allowed", 101), ("/free", 101), ("/ws", 403)):
        with s.wire() as wire:
            wire.send(HEAD.replace("/ws", path).format(t.card(), "websocket").encode())
            t.has(wire._until(b"\r\n\r\n").decode(), "^HTTP/1.1 %d" % status, "the answer for " + path)


def test_monitor_stands_in_nobodys_way(t):
    app = t.origin(origin.Http)
    s = t.nginx(server="cardscrub monitor;", locations="""location / { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; proxy_pass http://%s; }""" % app.address)
    with s.wire() as wire:
        wire.send(HEAD.format("none", "websocket").encode())
        t.has(wire._until(b"\r\n\r\n").decode(), "^HTTP/1.1 101", "the answer")


def test_connect_is_refused(t):
    """nginx itself turns CONNECT away, in front of every location; where a later one does not, the module does."""
    app, s = servers(t)
    pan = t.card()
    for target in ("shop.test:443", "/ws", "/allowed?card_number=" + pan):
        with s.wire() as wire:
            wire.send(("CONNECT %s HTTP/1.1\r\nHost: shop.test:443\r\nX-Card: %s\r\n\r\n" % (target, pan)).encode())
            t.true(wire.reply().status in (400, 403, 405), "CONNECT was not refused")
    t.equal(app.exchanges, [], "requests that reached the application")


def test_connect_over_http2_is_refused(t):
    """Plain CONNECT (no path) and extended CONNECT (RFC 8441, :protocol)."""
    app, s = servers(t)
    pan = t.card()
    authority = (":authority", "shop.test:443")
    for headers in ([(":method", "CONNECT"), authority],
                    [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/ws?card_number=" + pan), authority],
                    [(":method", "CONNECT"), (":scheme", "https"), (":path", "/ws?card_number=" + pan), authority]):
        with s.wire2() as wire:
            wire.h2.config.validate_outbound_headers = False
            wire.h2.config.normalize_outbound_headers = False
            stream = wire.h2.get_next_available_stream_id()
            wire.h2.send_headers(stream, headers + [("x-card", pan)])
            wire._flush()
            try:
                t.true(wire.reply(stream).status in (400, 403, 405, 501), "CONNECT was not refused")
            except AssertionError as e:
                t.has(str(e), "reset|closed", "end of the stream")
    t.equal(app.exchanges, [], "requests that reached the application")
