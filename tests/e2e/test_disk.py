"""Disk: what nginx writes of a request that is scrubbed, whatever the sizes of its buffers. The sweep after each case looks into every file;
each case makes sure that there is one."""
import gzip
import os
import time

import cards
import server as nginx

PAD = "pad=" + "x" * 9000


def files(s, folder):
    return [os.path.join(base, name) for base, _, names in os.walk(os.path.join(s.prefix, folder)) for name in names]


def wait_for_files(s, folder):
    """As files(), once there are some: nginx may write when the client has its answer already."""
    end = time.monotonic() + s.limit
    while not files(s, folder) and time.monotonic() < end:
        time.sleep(0.02)
    return files(s, folder)


def bodies_on_disk(t, http, body, content_type="application/x-www-form-urlencoded", scrub="on", options=(), http2=(False, True)):
    """Posts to a server that keeps every body in a file; the files' contents."""
    s = t.nginx(server="cardscrub %s; client_body_in_file_only on;" % scrub, http=http)
    for h2 in http2:
        s.post(body, content_type, options=options, http2=h2)
    written = [open(path, "rb").read() for path in files(s, "temp/body")]
    t.equal(len(written), len(http2), "files")
    return written


def test_body_in_a_file(t):
    pan, code = t.card(), t.code()
    for data in bodies_on_disk(t, "", "card_number=%s&cvv=%s" % (pan, code)):
        t.has(data.decode(), r"^card_number=9\d{11}%s&cvv=\d\d\d$" % pan[-4:], "the file")


def test_body_larger_than_its_buffer(t):
    for size in ("1", "1k", "1500", "4k", "8k"):
        pan, code = t.card(), t.code()
        body = "%s&card_number=%s&cvv=%s&%s" % (PAD, pan, code, PAD)
        for data in bodies_on_disk(t, "client_body_buffer_size %s;" % size, body):
            t.equal(len(data), len(body), "size of the file")


def test_number_on_every_border_of_a_buffer(t):
    s = t.nginx(server="cardscrub on; client_body_in_file_only on;", http="client_body_buffer_size 1k;")
    for at in range(1000, 1040, 3):
        pan = t.card()
        s.raw_post("p=%s&card_number=%s&q=%s" % ("x" * (at - 16), pan, "y" * 1500), piece=700)
    t.equal(len(files(s, "temp/body")), 14, "files")


def test_json_in_a_file(t):
    pan, code = t.card(), t.code()
    bodies_on_disk(t, "client_body_buffer_size 1k;", '{"pad":"%s","card_number":"%s","cvv":"%s"}' % ("x" * 3000, pan, code), "application/json")


def test_multipart_in_a_file(t):
    pan, code = t.card(), t.code()
    parts = "".join('--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part for part in
                    (("pad", "x" * 3000), ("card_number", pan), ("cvv", code)))
    bodies_on_disk(t, "client_body_buffer_size 1k;", parts + "--b--\r\n", "multipart/form-data; boundary=b")


def test_compressed_body_in_a_file(t):
    pan, code = t.card(), t.code()
    body = gzip.compress(b'{"pad":"%s","card_number":"%s","cvv":"%s"}' % (t.rng.randbytes(3000).hex().encode(), pan.encode(), code.encode()))
    for data in bodies_on_disk(t, "client_body_buffer_size 1k;", body, "application/json", options=("-H", "Content-Encoding: gzip")):
        t.true(data.startswith(b'{"pad"'), "the file holds the inflated body: %r" % data[:20])


def test_refused_body_leaves_no_clear_file(t):
    pan = t.card()
    s = t.nginx(server="cardscrub on; client_body_in_file_only on;", http="client_body_buffer_size 1k;")
    t.equal(s.post("%s&card_number=%s&%s&card_number=%s" % (PAD, pan, PAD, t.wrong(pan))).status, 422, "status")


def test_client_gone_in_the_middle_of_a_body(t):
    s = t.nginx(server="cardscrub on; client_body_in_file_only on;", http="client_body_buffer_size 1k;")
    pan = t.card()
    with s.wire() as wire:
        wire.send(("POST /pay HTTP/1.1\r\nHost: %s\r\nContent-Length: 300000\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" % nginx.HOST).encode())
        wire.send(("%s&card_number=%s&%s" % (PAD, pan, PAD)).encode(), 900)
        wire.send(b"&card_number=" + pan.encode())
    t.true(wait_for_files(s, "temp/body"), "there is a file")


def test_put_by_webdav(t):
    s = t.nginx(locations="location / { root html; dav_methods PUT; create_full_put_path on; }")
    os.chmod(os.path.join(s.prefix, "html"), 0o777)
    pan = t.card()
    t.equal(s.curl("/a.json", "-X", "PUT", "-H", "Content-Type: application/json", body=b'{"card_number":"%s"}' % pan.encode()).status, 201, "status")
    t.has(s.file("html/a.json"), r'"9\d{11}%s"' % pan[-4:], "the file")


def test_cache_keys(t):
    """A file of the cache begins with its key, the URI."""
    s = t.nginx(http="proxy_cache_path temp/cache keys_zone=c:1m;", locations="""location / {
      include app.conf; proxy_cache c; proxy_cache_valid any 1h; proxy_ignore_headers Cache-Control; }""")
    pan, code = t.card(), t.code()
    s.curl("/%s?card_number=%s&cvv=%s" % (pan, pan, code), "-b", "card=" + pan, "-H", "X-Card: " + pan)
    t.true(wait_for_files(s, "temp/cache"), "there is a file")


def test_stored_answers(t):
    """The echo of a request: what the application saw is what is stored."""
    s = t.nginx(locations="location / { include app.conf; proxy_store @PREFIX@/temp/store$uri.txt; }")
    os.chmod(os.path.join(s.prefix, "temp"), 0o777)
    pan, code = t.card(), t.code()
    s.post('{"card_number":"%s","cvv":"%s","pad":"%s"}' % (pan, code, "x" * 200000), "application/json", path="/" + cards.grouped(pan, "-"))
    t.equal(len(wait_for_files(s, "temp/store")), 1, "files")


def test_worker_cannot_be_dumped(t):
    t.without_tools()
    for http in ("", "cardscrub_core_dumps on;"):
        s = t.nginx(http=http)
        s.curl("/")  # by then the worker has taken its user
        for pid in s.workers:
            t.equal(os.stat("/proc/%d/mem" % pid).st_uid == 0, http == "", "its memory belongs to root, not to its user")


def test_off_leaves_clear_files(t):
    """So that the sweep of the folders can fail."""
    t.expected_leaks = [r"temp/body/\S+ holds \d{16}", r"temp/body/\S+ holds \d{3}$"]
    t.app_may_see = True
    bodies_on_disk(t, "", "card_number=%s&cvv=%s" % (t.card(), t.code()), scrub="off", http2=(False,))
