"""Forms, text and bodies of unknown types."""
import cards

FORM = "application/x-www-form-urlencoded"


def swap(t, sent, *changes, kind=FORM):
    s = t.servers[0] if t.servers else t.nginx()
    return t.swapped(sent, s.post(sent, kind).seen.body, *changes)


def test_percent_encoded_digits(t):
    pan, code = t.card(), t.code()
    for form in ("percent", "percent_upper"):
        sent = "a=1&card_number=%s&cvv=%s" % (cards.written(pan, form), cards.written(code, form))
        token, _ = swap(t, sent, (pan, "token", form), (code, "alias", form))
        t.equal(token, swap(t, "card_number=" + pan, (pan, "token"))[0], "token of the encoded number")


def test_percent_encoded_names(t):
    pan, code = t.card(), t.code()
    swap(t, "card%%5Fnumber=%s&%%63%%76%%76=%s" % (pan, code), (pan, "token"), (code, "alias"))


def test_brackets_and_dots(t):
    for names in (("card[number]", "card[cvc]"), ("card%5Bnumber%5D", "card%5Bcvc%5D"), ("card.number", "card.code"),
                  ("order[card][number]", "order[card][cvv]")):
        pan, code = t.card(), t.code()
        swap(t, "x=1&%s=%s&%s=%s" % (names[0], pan, names[1], code), (pan, "token"), (code, "alias"))


def test_spaced_with_plus_and_percent20(t):
    pan = t.card()
    s = t.nginx()
    for separator in ("+", "%20", "-"):
        sent = "card_number=" + cards.grouped(pan, separator) + "&z=1"
        seen = s.post(sent).seen
        t.equal(len(seen.body), len(sent), "length")
        value = dict(seen.form)["card_number"]
        t.token(value.replace(" ", "").replace("-", ""), pan)
        t.equal(seen.body.decode().count(separator), sent.count(separator), "separators")


def test_number_in_a_comment(t):
    pan = t.card()
    for separator in ("+", "%20", "-", ""):
        sent = "comment=my+card+is+%s+ok%%21&q=1" % cards.grouped(pan, separator)
        seen = (t.servers[0] if t.servers else t.nginx()).post(sent).seen
        t.equal(len(seen.body), len(sent), "length")
        comment = dict(seen.form)["comment"]
        t.has(comment, r"^my card is 9[\d -]+%s ok!$" % pan[-4:], "the comment")


def test_documents_for_a_form(t):
    pan, code = t.card(), t.code()
    swap(t, '<?xml version="1.0"?><card><number>%s</number><cvv>%s</cvv></card>' % (pan, code), (pan, "token"), (code, "alias"))
    swap(t, "%%7B%%22card_number%%22%%3A%%22%s%%22%%2C%%22cvv%%22%%3A%%22%s%%22%%7D=" % (pan, code), (pan, "token"), (code, "alias"))
    for sent in ('{"a&cvv=%s' % code, '{"u":"/?a=b&cvv=%s"}' % code, "<a>&cvv=%s</a>" % code):
        reply = t.servers[0].post(sent, FORM)
        t.refused(reply, 400)
        t.equal(t.reasons(reply), ["body.malformed"], sent)


def test_a_form_in_a_field(t):
    """What jQuery's serialize() makes, sent in a field of its own: WooCommerce's post_data."""
    pan, code = t.card(), t.code()
    swap(t, "action=review&post_data=name%%3DA%%2BB%%26stripe-card-number%%3D%s%%26stripe-card-cvc%%3D%s&security=1" % (pan, code),
         (pan, "token"), (code, "alias"))


def test_graphql_in_a_field(t):
    pan, code = t.card(), t.code()
    swap(t, 'query=mutation%%7Bpay(number:"%s",cvv:%s)%%7D&operationName=' % (pan, code), (pan, "token"), (code, "alias"))


def test_semicolons_of_old(t):
    pan, code = t.card(), t.code()
    swap(t, "a=1;card_number=%s;cvv=%s;b=2" % (pan, code), (pan, "token"), (code, "alias"))
    swap(t, "a=text/html;q=0.9&b=x;cvv=later&card_number=%s;cvv=%s" % (pan, code), (pan, "token"), (code, "alias"))
    seen = t.servers[0].curl("/pay?a=1;cvv=%s" % code).seen
    t.equal(seen.target, "/pay?a=1;cvv=" + "*" * len(code), "the arguments")


def test_json_in_a_form_value(t):
    pan, code = t.card(), t.code()
    swap(t, 'id=1&payload={"card_number":"%s","cvv":"%s"}&x=2' % (pan, code), (pan, "token"), (code, "alias"))
    swap(t, 'id=1&payload=%%7B%%22card_number%%22%%3A%%22%s%%22%%2C%%22cvv%%22%%3A%%22%s%%22%%7D' % (pan, code),
         (pan, "token"), (code, "alias"))


def test_repeated_and_odd_names(t):
    a, b, c = t.card(), t.card(), t.card()
    swap(t, "&&=&card_number=%s&card_number=%s&=%s&x&y==&" % (a, b, c), (a, "token"), (b, "token"), (c, "token"))


def test_name_that_is_a_card_number(t):
    pan = t.card()
    swap(t, "%s=on&x=1" % pan, (pan, "token"))
    swap(t, pan, (pan, "token"))


def test_binary_and_broken_encoding(t):
    s = t.nginx()
    pan = t.card()
    sent = b"a=%zz%4&b=\xff\xfe%00&card_number=" + pan.encode() + b"&c=%"
    t.swapped(sent, s.post(sent.decode("latin-1").encode("latin-1"), FORM).seen.body, (pan, "token"))


def test_text(t):
    pan, amex = t.card(), t.card("amex")
    for kind in ("text/plain", "text/plain; charset=utf-8", "application/octet-stream", "application/x-unknown", ""):
        sent = "Dear shop,\nmy card: %s, or %s.\n\u00e9\u2603\n" % (cards.grouped(pan, " "), amex)
        t.swapped(sent, (t.servers[0] if t.servers else t.nginx()).post(sent, kind).seen.body,
                  (cards.grouped(pan, " "), "token"), (amex, "token"))


def test_binary_passes_unchanged(t):
    s = t.nginx()
    sent = bytes(range(256)) * 40
    t.equal(s.post(sent, "application/octet-stream").seen.body, sent, "binary data")
    t.equal(s.post(sent, "image/png").seen.body, sent, "binary data")


def test_json_sent_as_text(t):
    pan, code = t.card(), t.code()
    swap(t, '{"card_number":"%s","cvv":"%s"}' % (pan, code), (pan, "token"), (code, "alias"), kind="text/plain")


def test_track_data_is_masked(t):
    pan = t.card()
    for track in (";%s=49121011000012300000?" % pan, "%%B%s^LOVELACE/ADA^49121011000012300000?" % pan):
        sent = "swiped " + track
        seen = (t.servers[0] if t.servers else t.nginx()).post(sent, "text/plain")
        if seen.status == 200:
            got = seen.seen.body.decode()
            t.equal(len(got), len(sent), "length")
            t.true("49121011000012300000" not in got, "discretionary data left: %r" % got)
        else:
            t.refused(seen)
