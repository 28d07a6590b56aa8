import os
FMT = r"$request|$request_uri|$uri|$args|$arg_cvv|$arg_n|$arg_card_number|$cookie_cvv|$cookie_n|$http_referer|$http_cvv|$http_x_n|$http_x_json|$http_user_agent|$http_cookie|$http_authorization|$remote_user|$http_hx_current_url|$http_x_forwarded_for|$request_body|$sent_http_location|$sent_http_set_cookie|$sent_http_x_n|$upstream_http_location|$upstream_http_x_n|$upstream_cookie_n|$upstream_cookie_cvv|$m1|$m2|$s1|$s2|$s3|$host|$request_filename|$content_type|$http_host|$proxy_add_x_forwarded_for|$sent_http_x_cvv"
ECHO = """server { listen 127.0.0.1:@CLEAR@; access_log off; error_log /dev/null;
    location / { add_header X-N $arg_n; add_header X-CVV $arg_cvv; add_header Set-Cookie "n=$arg_n; Path=/"; add_header Set-Cookie "cvv=$arg_cvv"; return 200 "ok\\n"; }
    location /away { return 302 /there?cvv=$arg_cvv&n=$arg_n; }
    location /bad { return 502; } }"""
def run(t, name, server):
    t.app_may_see = True
    http = """limit_req_zone $arg_n zone=z:1m rate=1r/m; limit_conn_zone $server_name zone=c:1m; map $args $m1 { default "m:$args"; } map $arg_cvv $m2 { default "$arg_cvv"; }
      client_header_buffer_size 1k; large_client_header_buffers 2 2k; underscores_in_headers on;"""
    loc = """set $s1 $request_uri; set $s2 "$arg_cvv$arg_n"; set $s3 $http_x_json;
      location / { proxy_pass http://127.0.0.1:@CLEAR@; }
      location /lim { limit_req zone=z; return 200; }
      location /dead { proxy_pass http://127.0.0.1:1; }
      location /re { rewrite ^/re/(.*)$ /x/$1?y=$arg_cvv&z=$1 redirect; }
      location /file { root /nonexistent; }
      location /loop { rewrite ^(.*)$ $1 last; }
      location /idx/ { root @PREFIX@; }
      location /var { proxy_pass http://$arg_n.invalid/; }
      location /auth { auth_basic x; auth_basic_user_file @PREFIX@/nope; }"""
    s = t.nginx(http=http, server=server + " rewrite_log on;", locations=loc, extra_servers=ECHO, error_level="info",
                logs="log_format f '%s'; log_format j escape=json '{\"x\":\"%s\"}'; log_format n escape=none '%s'; access_log logs/f.log f; access_log logs/j.log j; access_log logs/n.log n; error_log logs/d.log debug;" % (FMT, FMT, FMT))
    def ids():
        return t.card(), t.code(4) if False else t.code()
    for path in ["/%(n)s/a?cvv=%(c)s&n=%(n)s", "/away?cvv=%(c)s&n=%(n)s", "/lim?cvv=%(c)s&n=%(n)s", "/lim?cvv=%(c)s&n=%(n)s", "/dead?cvv=%(c)s&n=%(n)s", "/re/%(n)s?cvv=%(c)s",
                 "/file/%(n)s?cvv=%(c)s", "/loop/%(n)s?cvv=%(c)s", "/idx/%(n)s/?cvv=%(c)s", "/var?n=%(n)s&cvv=%(c)s", "/auth?cvv=%(c)s&n=%(n)s", "/bad?cvv=%(c)s&n=%(n)s", "/a;cvv=%(c)s/%(n)s", "/%%00%(n)s?cvv=%(c)s", "/..%(n)s/../../../%(n)s?cvv=%(c)s", "/%(n)s%%zz?cvv=%(c)s", "/" + "x" * 3000 + "%(n)s?cvv=%(c)s", "/?a=%%7B%%22cvv%%22%%3A%%22%(c)s%%22%%7D"]:
        n, c = ids()
        for http2 in (False, True):
            try:
                s.curl(path % dict(n=n, c=c), "-g", "--path-as-is", "-H", "Referer: https://s/p?cvv=%s&n=%s" % (c, n), "-H", "CVV: " + c, "-H", "X-N: " + n, "-H", 'X-Json: {"cvv":"%s","n":"%s"}' % (c, n),
                       "-H", "Cookie: cvv=%s; n=%s" % (c, n), "-A", "x/" + n, "-u", n + ":" + c, "-H", "X-Forwarded-For: " + n, "-H", "x_cvv: " + c, "-d" if "a=" in path else "-H", "cvv=%s&card_number=%s" % (c, n) if "a=" in path else "X-Z: 1", http2=http2)
            except Exception as e:
                print(path, e)
    import ssl, socket
    for raw in ["GET /%(n)s?cvv=%(c)s\r\n\r\n", "GET /%(n)s?cvv=%(c)s HTTP/9.9\r\n\r\n", "G@T /%(n)s?cvv=%(c)s HTTP/1.1\r\n\r\n", "%(n)s\r\n\r\n", "GET /?cvv=%(c)s&n=%(n)s HTTP/1.1\r\nHost: a b %(n)s\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nCV\x01V: %(n)s\r\n\r\n",
                "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nCookie: cvv=%(c)s; n=%(n)s" + "z" * 5000 + "\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nCVV %(c)s: %(n)s\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nContent-Length: %(n)s\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nContent-Length: 1%(n)s9%(n)s\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %(n)s\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nHost: %(n)s\r\n\r\n", "GET http://x:%(n)s/?cvv=%(c)s HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT %(n)s:443 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nCVV: %(c)s\r\nX: " + "y" * 3000 + "\r\n\r\n", "POST /?cvv=%(c)s HTTP/1.1\r\nHost: x\r\nExpect: %(n)s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30\r\n\r\ncvv=%(c)s&n=%(n)s", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%(n)s\r\ncvv=%(c)s"]:
        n, c = ids()
        cx = ssl.create_default_context(); cx.check_hostname = False; cx.verify_mode = ssl.CERT_NONE
        k = cx.wrap_socket(socket.create_connection(("127.0.0.1", s.port)), server_hostname="x"); k.settimeout(5)
        try:
            k.sendall((raw % dict(n=n, c=c)).encode("latin1")); k.recv(4000)
        except Exception: pass
        k.close()
    os.makedirs("/tmp/rlog/logs_" + name, exist_ok=True)
    s.stop()
    bad = {}
    for f in os.listdir(s.prefix + "/logs"):
        try: text = open(s.prefix + "/logs/" + f, errors="replace").read()
        except OSError: continue
        open("/tmp/rlog/logs_%s/%s" % (name, f), "w").write(text)
    open("/tmp/rlog/logs_%s/SECRETS" % name, "w").write("\n".join(list(t.secrets) + list(t.codes)))
def test_zz_off(t): run(t, "off", "cardscrub off;")
def test_zz_on(t): run(t, "on", "cardscrub on;")
