"""Beside other modules, which may do what nginx itself never does."""
import glob
import os
import subprocess

import case


def careless_module(t):
    """tests/faults/careless_module.cpp, built: adds every argument of a request to its headers, without lowcase_key."""
    # `make module` has configured nginx there.
    built = glob.glob(os.path.join(os.path.dirname(t.run.module), "nginx-*", "ngx_auto_config.h"))
    source = os.path.join(os.environ.get("NGINX_SOURCE") or "/usr/share/nginx/src", "src")
    if len(built) != 1 or not os.path.isdir(source):
        raise case.Skip("there are no headers of nginx, or not those that the module was built with")
    folders = [os.path.dirname(built[0])] + [os.path.join(source, part) for part in (
        "core", "event", "event/modules", "event/quic", "os/unix", "http", "http/modules", "http/v2", "http/v3")]
    out = os.path.join(t.folder, "careless_module.so")
    subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-o", out,
                    os.path.join(t.run.top, "tests", "faults", "careless_module.cpp"),
                    *(word for folder in folders for word in ("-isystem", folder))], check=True)
    return out


def mask(pan):
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def test_lines_without_lowcase_key_in_logs(t):
    t.app_may_see = True
    pan = t.card()
    s = t.nginx(main="load_module %s;" % careless_module(t), server="", locations='location / { return 200 "ok"; }',
                logs="log_format f '$http_x_added $http_x_plain'; access_log logs/f.log f;")
    t.equal(s.curl("/?X-Added=%s&x_plain=%s" % (pan, "a" * 20)).status, 200, "the status")
    t.equal(s.log("f.log", lines=1), ["%s %s" % (mask(pan), "a" * 20)], "the line")


def test_names_without_lowcase_key(t):
    s = t.nginx(main="load_module %s;" % careless_module(t),
                locations="location / { include app.conf; proxy_set_header X-Other 1; }")
    pan = t.card()
    token = s.post("card_number=" + pan).seen.form[0][1]
    seen = s.curl("/?X-%s=ab" % pan).seen
    t.equal(seen.headers.get("x-" + token), "ab", "the header")


def test_names_in_small_letters(t):
    """What nginx keeps of a header's name beside it changes with the name: proxy_set_header goes by that."""
    pan = t.card()
    token = t.nginx().post("card_number=" + pan).seen.form[0][1]
    s = t.nginx(locations='location / { include app.conf; proxy_set_header X-%s set; }' % token)
    for http2 in (False, True):
        seen = s.curl("/", "-H", "X-%s: ab" % pan, http2=http2).seen
        t.equal(seen.headers.get("x-" + token), "set", "the header")
