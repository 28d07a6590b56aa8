"""A small shop, as a merchant would write it: a checkout page, /process_payment for forms and JSON, orders in SQLite.

It takes card fields as they come, charges them and stores the card; that all it ever has is a token is the work of nginx in
front of it and on the way to the provider. Run it by `make demo`. SHOP_DATABASE and SHOP_RECEIVED name its files, SHOP_PROVIDER is
where it charges.
"""
import json
import os
import sqlite3
import urllib.error
import urllib.request

from flask import Flask, g, jsonify, redirect, render_template, request, url_for

app = Flask(__name__)
DATABASE = os.environ.get("SHOP_DATABASE", "orders.sqlite3")
RECEIVED = os.environ.get("SHOP_RECEIVED")  # for the demo: every request, as the application saw it
FIELDS = ("card_number", "expiry_month", "expiry_year", "cvv")
PRICE = "42.00"
PROVIDER = os.environ.get("SHOP_PROVIDER", "http://127.0.0.1:8443/v1/charges")


def database():
    if "database" not in g:
        g.database = sqlite3.connect(DATABASE)
        g.database.row_factory = sqlite3.Row
        g.database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, placed TEXT DEFAULT CURRENT_TIMESTAMP,"
                           " name TEXT NOT NULL, amount TEXT NOT NULL, card TEXT NOT NULL, expiry TEXT NOT NULL, comment TEXT,"
                           " charge TEXT NOT NULL)")
    return g.database


@app.teardown_appcontext
def close_database(_):
    if "database" in g:
        g.pop("database").close()


@app.before_request
def keep_what_was_received():
    if RECEIVED:
        seen = {"request": "%s %s" % (request.method, request.environ.get("RAW_URI", request.full_path)),
                "headers": {k: v for k, v in request.headers.items() if k in ("Content-Type", "Content-Length", "Referer")},
                "body": request.get_data(cache=True).decode("utf-8", "replace")}
        with open(RECEIVED, "a", encoding="utf-8") as out:
            out.write(json.dumps(seen) + "\n")


class Declined(Exception):
    """The charge did not go through; what to tell the customer, and the status to tell it with."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def charge(card):
    """Has the provider charge a card; the id of the charge. The token and the alias become a card again on the way."""
    body = json.dumps({"amount": PRICE, "currency": "EUR", **{name: str(card[name]) for name in FIELDS}}).encode()
    call = urllib.request.Request(PROVIDER, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(call, timeout=20) as answer:
            return json.load(answer)["id"]
    except urllib.error.HTTPError as e:
        if e.code == 422:  # the code has expired or been used: the customer has to type it again
            raise Declined("Please enter the card and its security code again.", 422) from e
        raise Declined("The payment could not be made right now. Please try again in a minute.", 503) from e
    except OSError as e:
        raise Declined("The payment could not be made right now. Please try again in a minute.", 503) from e


@app.errorhandler(Declined)
def declined(error):
    return jsonify(error=str(error)), error.status


@app.get("/")
def checkout():
    return render_template("checkout.html", price=PRICE)


@app.post("/process_payment")
def process_payment():
    given = request.get_json(silent=True) if request.is_json else request.form
    if not hasattr(given, "get"):
        return jsonify(error="an object is wanted"), 400
    missing = [name for name in FIELDS if not given.get(name)]
    if missing:
        return jsonify(error="missing: " + ", ".join(missing)), 400
    paid = charge(given)
    # The card's token is kept for later charges; the code is not, not even its alias.
    order = database().execute(
        "INSERT INTO orders (name, amount, card, expiry, comment, charge) VALUES (?, ?, ?, ?, ?, ?)",
        (str(given.get("name", "")), PRICE, str(given["card_number"]),
         "%s/%s" % (given["expiry_month"], given["expiry_year"]), str(given.get("comment", "")), paid))
    database().commit()
    if request.is_json:
        return jsonify(order=order.lastrowid, status="accepted", card=str(given["card_number"])), 201
    return redirect(url_for("orders", placed=order.lastrowid), code=303)


@app.get("/orders")
def orders():
    rows = database().execute("SELECT * FROM orders ORDER BY id DESC LIMIT ?", (100,)).fetchall()
    return render_template("orders.html", orders=rows, placed=request.args.get("placed", type=int))
