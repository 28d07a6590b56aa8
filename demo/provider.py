"""A payment provider for the demo: provider.py PORT CERTIFICATE KEY RECEIVED. Takes charges over TLS and keeps what it received.

It is the only one in the demo that ever gets a card number.
"""
import http.server
import json
import ssl
import sys

PORT, CERTIFICATE, KEY, RECEIVED = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
count = 0


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(RECEIVED, "a", encoding="utf-8") as out:
            out.write(json.dumps({"request": "%s %s" % (self.command, self.path), "body": body.decode("utf-8", "replace")}) + "\n")
        count += 1
        answer = json.dumps({"id": "ch_%d" % count, "status": "paid"}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_2
context.load_cert_chain(CERTIFICATE, KEY)
server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Provider)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
