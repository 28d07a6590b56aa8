"""Policy in full: every kind of cardscrub_field, what is inherited and what replaces it, wishes by map."""
import cards

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
KINDS = """cardscrub on; cardscrub_field pan p_; cardscrub_field code c_; cardscrub_field expiry e_; cardscrub_field expiry_month m_;
  cardscrub_field expiry_year y_; cardscrub_field holder h_; cardscrub_field track t_; cardscrub_field ignore i_ card_holder;"""


def test_every_kind_of_field(t):
    s = t.nginx(server=KINDS)
    pan, code = t.card(), t.code()
    for http2 in (False, True):
        for sent, kind in (("p_=%s&c_=%s&e_=12/49&h_=Ada" % (pan, code), FORM),
                           ('{"p_":"%s","c_":"%s","m_":12,"y_":2049,"h_":"Ada"}' % (pan, code), JSON)):
            t.swapped(sent, s.post(sent, kind, http2=http2).seen.body, (pan, "token"), (code, "alias"))
        for sent, field, reason in (("p_=" + t.wrong(pan), "p_", "pan.luhn"), ("c_=12", "c_", "code.length"), ("e_=13/30", "e_", "expiry.month"),
                                    ("e_=01/20", "e_", "expiry.past"), ("m_=13", "m_", "expiry.month"), ("y_=1", "y_", "expiry.format"),
                                    ("m_=01&y_=2020", "y_", "expiry.past")):
            t.refused(s.post(sent, http2=http2), 422, **{field: reason})
    got = s.post("t_=;%s=49121011000012300000?" % pan).seen.body.decode()
    t.true(not any(c.isdigit() for c in got), "track data left: " + got)
    body = "i_=%s&card_holder=x" % cards.mistype(cards.generate(t.rng))
    t.equal(s.post(body).seen.body.decode(), body, "ignored fields")


def test_holder_is_required_and_kept(t):
    s = t.nginx(locations="location /pay { cardscrub_require holder pan expiry_month; include app.conf; } location / { include app.conf; }")
    pan = t.card()
    sent = "card_holder=Ada+Lovelace&card_number=%s&exp_month=12" % pan
    t.swapped(sent, s.post(sent).seen.body, (pan, "token"))
    t.refused(s.post("card_holder=&card_number=%s&exp_month=12" % pan), 422, holder="field.missing")
    t.refused(s.post("card_holder=Ada&card_number=%s" % pan), 422, expiry_month="field.missing")
    t.equal(s.post("a=1", path="/other").status, 200, "status where nothing is required")


def test_a_level_replaces_the_outer_one(t):
    s = t.nginx(http="cardscrub on; cardscrub_field pan outer; cardscrub_brands visa; cardscrub_code mask; cardscrub_sweep reject;",
                server="", locations="""
      location /inner { cardscrub_field pan inner; include app.conf; }
      location /brands { cardscrub_brands visa mastercard; include app.conf; }
      location /code { cardscrub_code alias; include app.conf; }
      location /sweep { cardscrub_sweep mask; include app.conf; }
      location / { include app.conf; location /nested/ { cardscrub_invalid mask; include app.conf; } }""")
    visa, master, code = t.card(), t.card("mastercard"), t.code()
    sent = "outer=%s&card_number=%s&cvv=%s" % (visa, visa, code)
    t.swapped(sent, s.post(sent, path="/").seen.body, (visa, "token"), (visa, "token"), (code, "stars"))
    t.refused(s.post("outer=" + master, path="/"), 422, outer="pan.not_accepted")
    t.refused(s.post("inner=" + visa, path="/"), 422, inner="pan.forbidden")
    # The list of fields is replaced as a whole; the built-in names stay.
    sent = "inner=%s&card_number=%s" % (visa, visa)
    t.swapped(sent, s.post(sent, path="/inner").seen.body, (visa, "token"), (visa, "token"))
    t.refused(s.post("outer=" + visa, path="/inner"), 422, outer="pan.forbidden")
    t.swapped("outer=" + master, s.post("outer=" + master, path="/brands").seen.body, (master, "token"))
    sent = "card_number=%s&cvv=%s" % (visa, code)
    t.swapped(sent, s.post(sent, path="/code").seen.body, (visa, "token"), (code, "alias"))
    t.swapped("x=" + visa, s.post("x=" + visa, path="/sweep").seen.body, (visa, "mask"))
    bad = t.wrong(visa)
    t.swapped("outer=" + bad, s.post("outer=" + bad, path="/nested/x").seen.body, (bad, "mask"))


def test_wishes_by_map(t):
    t.app_may_see = True
    s = t.nginx(http="""
      map $http_x_shop $scrub { default on; partner monitor; old off; }
      map $http_x_shop $shop { default $http_x_shop; }""", server="cardscrub $scrub; cardscrub_namespace $shop;")
    pan = t.card()
    sent = "card_number=" + pan
    for http2 in (False, True):
        tokens = {shop: t.swapped(sent, s.post(sent, options=("-H", "X-Shop: " + shop), http2=http2).seen.body, (pan, "token"))[0]
                  for shop in ("a", "b", "a")}
        t.true(tokens["a"] != tokens["b"], "one token in two namespaces")
        for shop in ("partner", "old"):
            t.equal(s.post(sent, options=("-H", "X-Shop: " + shop), http2=http2).seen.body, sent.encode(), "body of " + shop)


def test_test_cards(t):
    t.published("visa")
    s = t.nginx(locations="""
      location /accept { cardscrub_test_cards accept; include app.conf; }
      location /reject { cardscrub_test_cards reject; include app.conf; }
      location /only { cardscrub_test_cards only; include app.conf; }""")
    live, test = t.card(), cards.PUBLISHED["visa"]
    for http2 in (False, True):
        for path, pan, reason in (("/accept", live, None), ("/accept", test, None), ("/reject", live, None), ("/reject", test, "pan.test_card"),
                                  ("/only", live, "pan.live_card"), ("/only", test, None)):
            for sent in ("card_number=" + pan, "comment=" + pan):
                reply = s.post(sent, path=path, http2=http2)
                if reason:
                    t.refused(reply, 422)
                    t.equal(t.reasons(reply), [reason], "reasons at " + path)
                else:
                    t.swapped(sent, reply.seen.body, (pan, "token"))
