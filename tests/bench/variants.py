"""The servers that `make bench` compares: the configuration of each, and the processes."""
import os
import random
import signal
import socket
import subprocess
import time

MODULES = "/usr/lib/nginx/modules"

# What a good engineer would write in Lua: one expression that the JIT compiles, Luhn only for what it finds, a body is only
# written when something changed.
LUA = r"""
local floor, byte, char, find = math.floor, string.byte, string.char, ngx.re.find
local gsub = ngx.re.gsub
local pattern = [[\b[2-6](?:[ -]?[0-9]){11,18}\b]]
local function luhn(text)
  local sum, twice, count = 0, false, 0
  for i = #text, 1, -1 do
    local digit = byte(text, i) - 48
    if digit >= 0 and digit <= 9 then
      if twice then
        digit = digit * 2
        if digit > 9 then digit = digit - 9 end
      end
      sum, twice, count = sum + digit, not twice, count + 1
    end
  end
  return count >= 12 and sum % 10 == 0
end
local function mask(match)
  local text = match[0]
  if not luhn(text) then return text end
  return (text:sub(1, -5):gsub("%d", "*")) .. text:sub(-4)
end
function scrub_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if not body then
    local name = ngx.req.get_body_file()
    if not name then return end
    local file = io.open(name, "rb")
    body = file:read("*a")
    file:close()
  end
  local clean, count = gsub(body, pattern, mask, "jo")
  if count and count > 0 and clean ~= body then ngx.req.set_body_data(clean) end
end
function scrub_log()
  return (gsub(ngx.var.request_uri, pattern, mask, "jo"))
end
"""

MODSECURITY = r"""
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 13107200
SecResponseBodyAccess Off
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule ARGS "@verifyCC [0-9](?:[ -]?[0-9]){11,18}" "id:2,phase:2,pass,nolog"
"""


class Variant:
    """name; what stands in the main, http and server block; files it needs; whether it takes the card number out."""

    def __init__(self, name, main="", http="", server="", log="combined", files=None, scrubs=False):
        self.name, self.main, self.http, self.server, self.log = name, main, http, server, log
        self.files, self.scrubs = files or {}, scrubs


def variants(module):
    load = "load_module %s;" % module
    # Every checkout is another customer's, so a card of its own: one card number has at most 900 live aliases of three digits.
    keys = "cardscrub_keys keys.json; cardscrub_zone 64m; cardscrub_namespace $connection-$connection_requests;"
    lua = {"scrub.lua": LUA}
    return [
        Variant("bare"),
        Variant("off", load),
        Variant("on", load, keys, "cardscrub on;", scrubs=True),
        Variant("monitor", load, keys, "cardscrub monitor;"),
        Variant("lua", "load_module %s/ndk_http_module.so; load_module %s/ngx_http_lua_module.so;" % (MODULES, MODULES),
                'log_format clean \'$remote_addr - $remote_user [$time_local] "$request_method $clean_uri" $status '
                '$body_bytes_sent "$http_referer" "$http_user_agent"\';\n  init_by_lua_file scrub.lua;',
                "set $clean_uri -; access_by_lua_block { scrub_body() }\n"
                "    log_by_lua_block { ngx.var.clean_uri = scrub_log() }", "clean", lua, scrubs=True),
        Variant("modsecurity", "load_module %s/ngx_http_modsecurity_module.so;" % MODULES, "",
                "modsecurity on; modsecurity_rules_file modsecurity.conf;", files={"modsecurity.conf": MODSECURITY}),
    ]


CONF = """daemon off;
{process}
worker_processes 1;
{affinity}
pid nginx.pid;
error_log error.log warn;
{main}
events {{ worker_connections 512; }}
http {{
  client_body_temp_path temp_body; proxy_temp_path temp_proxy; fastcgi_temp_path temp_fastcgi; uwsgi_temp_path temp_uwsgi;
  scgi_temp_path temp_scgi;
  access_log off;
  client_max_body_size 16m; client_body_buffer_size 2m;
  keepalive_requests 1000000;
  upstream application {{ server 127.0.0.1:{upstream}; keepalive 32; keepalive_requests 1000000; }}
  {http}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/../tls.pem; ssl_certificate_key {folder}/../tls.key; ssl_protocols TLSv1.3;
    access_log access.log {log};
    {server}
    location / {{ proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def free_port():
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(port, process, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Server:
    """A running nginx of one variant. wrap: a command in front of it (valgrind); it then is a single process."""

    def __init__(self, variant, folder, keys, upstream, cpu, wrap=None):
        self.variant, self.folder, self.port = variant, folder, free_port()
        os.makedirs(folder)
        for name, text in variant.files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        with open(keys, "rb") as source:
            handle = os.open(os.path.join(folder, "keys.json"), os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(handle, "wb") as f:
                f.write(source.read())
        conf = os.path.join(folder, "nginx.conf")
        root = os.geteuid() == 0
        with open(conf, "w", encoding="utf-8") as f:
            f.write(CONF.format(
                process="master_process off;" if wrap else ("user nobody nogroup;" if root else ""),
                affinity="" if wrap else "worker_cpu_affinity %s;" % format(1 << cpu, "b"),
                main=variant.main, upstream=upstream, http=variant.http.replace("scrub.lua", folder + "/scrub.lua")
                .replace("keys.json", folder + "/keys.json"), port=self.port, folder=folder, log=variant.log,
                server=variant.server.replace("modsecurity.conf", folder + "/modsecurity.conf")))
        self.process = subprocess.Popen([*(wrap or []), "nginx", "-p", folder + "/", "-c", conf, "-e", folder + "/start.log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(folder + "/stderr.log", "wb"))
        if not wait_for(self.port, self.process, 120 if wrap else 10):
            self.stop()
            raise SystemExit("bench: nginx of variant %s does not start:\n%s" % (variant.name, self.complaints()))
        self.worker = self.process.pid if wrap else self.find_worker()

    def find_worker(self):
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        for _ in range(100):
            with open(path, encoding="ascii") as f:
                pids = f.read().split()
            if pids:
                return int(pids[0])
            time.sleep(0.05)
        raise SystemExit("bench: nginx of variant %s has no worker" % self.variant.name)

    def complaints(self):
        out = ""
        for name in ("start.log", "stderr.log", "error.log"):
            try:
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as f:
                    out += f.read()[-2000:]
            except OSError:
                pass
        return out

    def cpu_ns(self):
        """Processor time of the worker so far, by the kernel's scheduler."""
        with open("/proc/%d/schedstat" % self.worker, encoding="ascii") as f:
            return int(f.read().split()[0])

    def memory(self):
        """Resident memory in kB: (all, shared memory of zones)."""
        sizes = {}
        with open("/proc/%d/status" % self.worker, encoding="ascii", errors="replace") as f:
            for line in f:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "RssShmem"):
                    sizes[name] = int(value.split()[0])
        return sizes["VmRSS"], sizes["RssShmem"]

    def stop(self):
        for sign, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            if self.process.poll() is None:
                self.process.send_signal(sign)
                try:
                    self.process.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue
