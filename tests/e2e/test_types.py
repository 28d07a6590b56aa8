"""Every content type that a filter knows: what the application receives, over HTTP/1.1 and HTTP/2."""
import gzip
import struct

JSON = "application/json"


def string(data):
    """A MessagePack string."""
    data = data.encode()
    return (bytes([0xa0 | len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])) + data


def field(number, data):
    """A Protocol Buffers field of the length-delimited kind."""
    data = data if isinstance(data, bytes) else data.encode()
    return bytes([number << 3 | 2, len(data)]) + data


def framed(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def multipart(*parts):
    return "".join("--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % part for part in parts) + "--b--\r\n"


def types(pan, code):
    """Name, content type, body, whether the code is found by its name."""
    order = '<o xmlns:p="urn:p"><p:card number="%s"><cvv>%s</cvv></p:card></o>' % (pan, code)
    message = field(5, pan) + field(6, "hello") + field(7, field(1, "card " + pan + " and " + "x" * 30))
    return (
        ("NDJSON", "application/x-ndjson", '{"a":1}\n{"card_number":"%s","cvv":"%s"}\n' % (pan, code), True),
        ("JSON suffix", "application/vnd.api+json", '{"card":{"number":"%s","cvv":"%s"}}' % (pan, code), True),
        ("GraphQL", "application/graphql", 'mutation { pay(card: {number: "%s"}, cvv: "%s") { id } }' % (pan, code), True),
        ("JSON, pairs", JSON, '[{"name":"card_number","value":"%s"},{"name":"cvv","value":"%s"},{"name":"n","value":"123"}]' % (pan, code), True),
        ("JSON, pairs, value first", JSON, '[{"value":"%s","name":"cvv"},{"value":"%s","name":"card_number"}]' % (code, pan), True),
        ("form, pairs", "application/x-www-form-urlencoded",
         "f[0][name]=card_number&f[0][value]=%s&f[1][name]=cvv&f[1][value]=%s" % (pan, code), True),
        ("XML-RPC", "text/xml", "".join("<member><name>%s</name><value><string>%s</string></value></member>" % pair
                                        for pair in (("card_number", pan), ("cvv", code))), True),
        ("XML", "application/xml", order, True),
        ("SOAP", "application/soap+xml", '<s:Envelope xmlns:s="urn:s"><s:Body>%s</s:Body></s:Envelope>' % order, True),
        ("XML, CDATA", "text/xml", "<card><number><![CDATA[%s]]></number><cvc>%s</cvc></card>" % (pan, code), True),
        ("CSV", "text/csv", "name,card_number,cvv\r\nAda,%s,%s\r\n" % (pan, code), True),
        ("tabs", "text/tab-separated-values", "card_number\tcvv\n%s\t%s\n" % (pan, code), True),
        ("multipart", "multipart/form-data; boundary=b",
         multipart(("name=\"card[number]\"", pan), ("name=\"card[cvc]\"", code), ("name=f; filename=a.bin", "\x00\x01 x")), True),
        ("file in multipart", "multipart/form-data; boundary=\"b\"",
         multipart(("name=f; filename=\"%s.txt\"" % pan, "my card is %s ok" % pan), ("name=cvv", code)), True),
        ("MessagePack", "application/msgpack",
         b"\x83" + string("card_number") + string(pan) + string("cvv") + string(code) + string("n") + b"A", True),
        ("MessagePack, long strings", "application/vnd.msgpack",
         b"\x92" + string(pan + " " + "." * 40) + b"\x81" + string("cvc") + string(code), True),
        ("Protocol Buffers", "application/x-protobuf", message, False),
        ("gRPC", "application/grpc+proto", framed(message) + framed(b""), False),
        ("gRPC, JSON", "application/grpc+json", framed(b'{"card_number":"%s","cvv":"%s"}' % (pan.encode(), code.encode())), True),
        ("bytes", "application/octet-stream", b"\x00\xff" + pan.encode() + b"\x00", False),
        ("text", "text/plain", "pay %s" % pan, False),
    )


def test_each_type(t):
    s = t.nginx()
    for http2 in (False, True):
        for name, kind, _, named in types("", ""):
            pan, code = t.card(), t.code()
            body = next(row[2] for row in types(pan, code) if row[0] == name)
            sent = body if isinstance(body, bytes) else body.encode()
            got = s.post(sent, kind, http2=http2).seen.body
            t.equal((name, len(got)), (name, len(sent)), "length")
            token = s.post("card_number=" + pan).seen.form[0][1]
            wanted = sent.replace(pan.encode(), token.encode())
            if named:
                # Number and token may have the same digits in them.
                apart = sent.replace(pan.encode(), b"-" * len(pan))
                at = apart.rindex(code.encode()) if name != "GraphQL" else apart.index(b'cvv: "') + 6
                t.alias(got[at:at + 3].decode(), code)
                wanted = wanted[:at] + got[at:at + 3] + wanted[at + 3:]
            t.equal((name, got), (name, wanted), "body")


def test_in_pieces(t):
    s = t.nginx(server="cardscrub on; proxy_request_buffering off;")
    for name, kind, _, named in types("", ""):
        if named:
            continue
        pan = t.card()
        body = next(row[2] for row in types(pan, "") if row[0] == name)
        sent = body if isinstance(body, bytes) else body.encode()
        token = s.post("card_number=" + pan).seen.form[0][1]
        for more in ({"piece": 1}, {"chunks": 5}):
            got = s.raw_post(sent, kind, **more).seen.body
            t.equal((name, got), (name, sent.replace(pan.encode(), token.encode())), "body")


def test_numbers_that_cannot_be_written(t):
    s = t.nginx()
    pan = t.card()
    number = b"\xcf" + struct.pack(">Q", int(pan))
    varint, rest = b"\x08", int(pan)
    while rest >= 128:
        varint, rest = varint + bytes([rest & 127 | 128]), rest >> 7
    varint += bytes([rest])
    for kind, body in (("application/msgpack", b"\x81" + string("x") + number),
                       ("application/msgpack", b"\x81" + string("card_number") + number),
                       ("application/protobuf", varint), ("application/grpc", framed(field(2, varint)))):
        reply = s.post(body, kind)
        t.refused(reply, 422)
        t.equal(t.reasons(reply), ["pan.wrapped"], "reasons")
    reply = s.post(b"\x81" + string("cvv") + b"\x7b", "application/msgpack")
    t.equal(t.reasons(reply), ["field.encoding"], "reasons of a code as a number")


def test_compressed_grpc_message(t):
    s = t.nginx()
    for http2 in (False, True):
        reply = s.post(framed(gzip.compress(field(1, "abc")), 1), "application/grpc", http2=http2,
                       options=("-H", "grpc-encoding: gzip"))
        t.refused(reply, 415)
        t.equal(t.reasons(reply), ["body.encoding"], "reasons")


def test_codes_belong_to_their_numbers(t):
    """Thousands of cards in one body: every code is bound to the card of its own object."""
    s = t.nginx(http="cardscrub_zone 16m;", server="cardscrub on; client_max_body_size 4m;", locations="""
      location = /status { cardscrub off; cardscrub_status; } location / { include app.conf; }""")
    cards = [(t.card(), t.code()) for _ in range(3000)]
    t.secrets = {pan for pan, _ in cards[::100]}  # of so many, twelve digits of one would meet those of a token by chance
    body = "[%s]" % ",".join('{"cvv":"%s","card_number":"%s"}' % (code, pan) for pan, code in cards)
    seen = s.post(body, JSON).seen
    t.equal(len(seen.body), len(body), "length")
    t.equal(len(seen.json), len(cards), "objects")
    for (pan, code), item in zip(cards, seen.json):
        t.token(item["card_number"], pan)
        t.equal(len(item["cvv"]), 3, "length of an alias")
    t.equal(s.curl("/status").json()["code_store"]["stored"], len(cards), "codes in the store")
