"""What `nginx -t` says about locations that reveal."""
from test_config import accepted as accepts, refused as refuses

OUT = ("proxy_pass https://127.0.0.1:1; proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; "
       "proxy_ssl_protocols TLSv1.2 TLSv1.3; ")
PUBLIC = "listen 0.0.0.0:@PORT@ ssl http2;"


def location(t, settings="", out=OUT, more=""):
    return "location /charge { cardscrub_reveal on; %s %s } %s location / { include app.conf; }" % (
        out % t.run.certificate if "%s" in out else out, settings, more)


def accepted(t, settings="", out=OUT, more="", **parts):
    return accepts(t, locations=location(t, settings, out, more), **parts)


def refused(t, *patterns, settings="", out=OUT, more="", **parts):
    return refuses(t, *patterns, locations=location(t, settings, out, more), **parts)


def test_good(t):
    accepted(t)
    accepted(t, server="")
    accepted(t, "cardscrub_reveal_sweep on; cardscrub_reveal_missing_code reject; cardscrub_reveal_max_body 1m; "
                "cardscrub_reveal_rate client=10r/s total=1000r/h; cardscrub_code_grace 30s;")
    accepted(t, http="cardscrub_reveal_max_body 4k; cardscrub_reveal_rate off; cardscrub_code_grace 0;")
    accepted(t, more="location /grpc { cardscrub_reveal on; grpc_pass grpcs://127.0.0.1:1; grpc_ssl_verify on; "
                     "grpc_ssl_trusted_certificate %s; grpc_ssl_protocols TLSv1.2; }" % t.run.certificate)


def test_key_ring_is_needed(t):
    refused(t, r"cardscrub keys new", server="", keys=False)


def test_the_provider_over_verified_tls(t):
    refused(t, r'proxy_pass https://', out="proxy_pass http://127.0.0.1:1;")
    refused(t, r'no "proxy_pass', out="return 200;")
    refused(t, r'no "proxy_pass', out="fastcgi_pass 127.0.0.1:1;")
    refused(t, r"proxy_ssl_verify on", out="proxy_pass https://127.0.0.1:1; proxy_ssl_protocols TLSv1.2;")
    refused(t, r"proxy_ssl_protocols TLSv1.2 TLSv1.3", out=OUT.replace("TLSv1.2 TLSv1.3", "TLSv1.1 TLSv1.2"))
    refused(t, r"grpc_ssl_verify on", out="grpc_pass grpcs://127.0.0.1:1; grpc_ssl_protocols TLSv1.2;")
    refused(t, r"grpc_pass grpcs://", out="grpc_pass grpc://127.0.0.1:1;")


def test_answers_are_not_kept(t):
    cache = "proxy_cache_path @PREFIX@/cache keys_zone=c:1m;"
    refused(t, r'kept on disk.*proxy_cache off', settings="proxy_cache c;", http=cache)
    refused(t, r'kept on disk.*proxy_store off', settings="proxy_store on;")
    refused(t, r'kept on disk', http=cache + " proxy_cache c;")
    accepted(t, "proxy_cache off; proxy_store off;", http=cache + " proxy_cache c;")


def test_variables_need_hosts(t):
    variable = OUT.replace("127.0.0.1:1", "$arg_host")
    refused(t, r"cardscrub_reveal_hosts", out=variable)
    refused(t, r"cardscrub_reveal_hosts", settings="proxy_ssl_name $http_host;")
    accepted(t, "cardscrub_reveal_hosts api.pay.test .pay.test;", out=variable)
    accepted(t, "cardscrub_reveal_hosts api.pay.test; proxy_ssl_name $http_host;")
    refused(t, r"bad host", out=variable, settings="cardscrub_reveal_hosts *.pay.test;")
    refused(t, r"bad host", out=variable, settings="cardscrub_reveal_hosts https://pay.test;")


def test_nobody_from_outside(t):
    for settings in ("", "allow all;", "allow 10.0.0.0/8;", "allow all; deny all;", "deny 10.0.0.1;", "auth_basic off;",
                     "satisfy any; allow all; auth_basic x; auth_basic_user_file users;"):
        refused(t, r"everybody who reaches 0\.0\.0\.0", settings=settings, listen=PUBLIC)
        accepted(t, settings)
    for settings in ("allow 10.0.0.1; deny all;", "deny all;", "auth_basic app; auth_basic_user_file users;",
                     "auth_request /who;"):
        accepted(t, settings, listen=PUBLIC)
    verified = "cardscrub on; ssl_client_certificate %s; ssl_verify_client %s;"
    accepted(t, server=verified % (t.run.certificate, "on"), listen=PUBLIC)
    refused(t, r"everybody", server=verified % (t.run.certificate, "optional"), listen=PUBLIC)
    accepted(t, server="allow 10.0.0.1; deny all; cardscrub on;", listen=PUBLIC)
    accepted(t, listen="listen unix:@PREFIX@/s.sock ssl;")
    accepted(t, listen="listen [::1]:@PORT@ ssl;")
    refused(t, r"everybody", listen="listen [::]:@PORT@ ssl;")
    # Rules for IPv4 say nothing to clients of IPv6.
    both = PUBLIC + " listen [::]:@PORT@ ssl http2;"
    for settings in ("deny 0.0.0.0/0;", "deny 0.0.0.0/0; allow all; deny all;", "deny 0.0.0.0/0; deny fe80::/10;"):
        accepted(t, settings, listen=PUBLIC)
        refused(t, r"everybody who reaches \[::\]", settings=settings, listen=both)
    for settings in ("allow 10.0.0.1; deny all;", "deny 0.0.0.0/0; allow fe80::/10; deny ::/0;"):
        accepted(t, settings, listen=both)


def test_clear_listeners_are_for_others(t):
    # The application sends tokens: it needs no TLS; whoever sends cards does.
    only = "location /charge { cardscrub_reveal on; %s }" % (OUT % t.run.certificate)
    accepts(t, server="", listen="listen 127.0.0.1:@CLEAR@;", locations=only)
    refuses(t, r"without TLS", server="cardscrub on;", listen="listen 127.0.0.1:@CLEAR@;", locations=only + " location / { }")


def test_mistyped_values(t):
    for settings, what in (("cardscrub_reveal_rate client=0r/s;", "bad rate"), ("cardscrub_reveal_rate 5r/s;", "bad rate"),
                           ("cardscrub_reveal_rate client=1001r/s;", "bad rate"), ("cardscrub_reveal_rate client=5r/d;", "bad rate"),
                           ("cardscrub_reveal_rate client=5r/s client=9r/s;", "bad rate"),
                           ("cardscrub_reveal_max_body 1;", "bad size"), ("cardscrub_reveal_max_body 1g;", "bad size"),
                           ("cardscrub_code_grace 10m;", "bad time"), ("cardscrub_reveal_missing_code maybe;", "invalid value"),
                           ("cardscrub_reveal_sweep maybe;", "invalid value")):
        refused(t, what, settings=settings)


def test_inside_the_location(t):
    refused(t, r"proxy_ssl_verify on", settings="location /charge/x { proxy_pass https://127.0.0.1:1; proxy_ssl_verify off; }")
    accepted(t, settings="if ($request_method = GET) { return 405; }")
