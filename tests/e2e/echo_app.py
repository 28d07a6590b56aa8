"""The application behind nginx in the end-to-end suite: answers with what it received, and keeps it per case.

Each request that reaches it is one JSON line in $CARDSCRUB_SEEN/<X-Case>.jsonl and, the same object, the answer. Bodies are
base64, so that a case can compare bytes.
"""
import base64
import json
import os

from flask import Flask, request

app = Flask(__name__)
# Newer versions of Flask bound forms in memory; nginx is to be the only one that turns bodies away here.
app.config.update(MAX_FORM_MEMORY_SIZE=None, MAX_FORM_PARTS=None)
SEEN = os.environ["CARDSCRUB_SEEN"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@app.route("/", defaults={"path": ""}, methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def echo(path):
    body = request.get_data(cache=True)
    seen = {
        "method": request.method,
        "target": request.environ.get("RAW_URI") or request.environ["REQUEST_URI"],
        "path": request.path,
        "args": [list(pair) for pair in request.args.items(multi=True)],
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "content_length": request.headers.get("Content-Length"),
        "transfer_encoding": request.headers.get("Transfer-Encoding"),
        "cookies": dict(request.cookies),
        "body": base64.b64encode(body).decode(),
        "form": [list(pair) for pair in request.form.items(multi=True)],
        "json": request.get_json(silent=True),
    }
    line = json.dumps(seen)
    case = request.headers.get("X-Case", "none")
    with open(os.path.join(SEEN, os.path.basename(case) + ".jsonl"), "a", encoding="ascii") as out:
        out.write(line + "\n")
    if "X-Quiet" in request.headers:  # a provider does not repeat what it was sent
        line = "{}"
    return app.response_class(line + "\n", mimetype="application/json")
