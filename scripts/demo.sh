#!/bin/bash
# Runs a Flask shop behind nginx with cardscrub, and a payment provider, and shows what reaches whom (`make demo`). DEMO_ONCE=1 ends after printing.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
demo=$top/build/demo

scripts/deps.sh
make --no-print-directory -s -j"$(nproc)" lib cli
make --no-print-directory -s -j"$(nproc)" module >build/module.log 2>&1 || { cat build/module.log; exit 1; }

rm -rf "$demo"
mkdir -p "$demo/temp" "$demo/sent" "$demo/provider"

nginx_pid=
gunicorn_pid=
provider_pid=
stop() {
  trap - EXIT INT TERM
  for pid in $nginx_pid $gunicorn_pid $provider_pid; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in $nginx_pid $gunicorn_pid $provider_pid; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'echo; echo "Stopped."; exit 0' INT TERM

# ---- a throw-away certificate and key ring, free ports
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=localhost \
  -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$demo/tls.key" -out "$demo/tls.crt" 2>/dev/null
build/cardscrub keys new --file "$demo/keys.json" >/dev/null
read -r port app_port reveal_port provider_port < <(/usr/bin/python3 -c '
import socket
s = [socket.socket() for _ in range(4)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')

# nginx gives up root for nobody, who may not be able to enter this folder (/root, say).
user=
if [ "$(id -u)" -eq 0 ]; then
  user='user nobody nogroup;'
  setpriv --reuid=nobody --regid=nogroup --clear-groups test -x "$demo" 2>/dev/null || user='user root root;'
fi
sed -e "s|@USER@|$user|" -e "s|@MODULE@|$top/build/ngx_http_cardscrub_module.so|" -e "s|@PORT@|$port|" \
  -e "s|@APP_PORT@|$app_port|" -e "s|@REVEAL_PORT@|$reveal_port|" -e "s|@PROVIDER_PORT@|$provider_port|" demo/nginx.conf.in >"$demo/nginx.conf"

# ---- the provider, the shop and nginx
/usr/bin/python3 -B demo/provider.py "$provider_port" "$demo/tls.crt" "$demo/tls.key" "$demo/provider/received.jsonl" \
  >"$demo/provider.log" 2>&1 &
provider_pid=$!
SHOP_DATABASE=$demo/orders.sqlite3 SHOP_RECEIVED=$demo/received.jsonl PYTHONDONTWRITEBYTECODE=1 \
  SHOP_PROVIDER=http://127.0.0.1:$reveal_port/v1/charges \
  gunicorn --chdir demo -b "127.0.0.1:$app_port" -w 1 --threads 4 --log-level warning shop:app >"$demo/gunicorn.log" 2>&1 &
gunicorn_pid=$!
url=https://localhost:$port
client() {
  curl -sS --max-time 10 --cacert "$demo/tls.crt" --resolve "localhost:$port:127.0.0.1" \
    --resolve "localhost:$provider_port:127.0.0.1" "$@"
}
# until_up NAME PID URL LOG...: waits until the server answers.
until_up() {
  for _ in $(seq 100); do
    kill -0 "$2" 2>/dev/null || break
    [ "$(client -o /dev/null -w '%{http_code}' "$3" 2>/dev/null || true)" = 200 ] && return
    sleep 0.1
  done
  echo "$1 does not answer:"
  cat "${@:4}"
  exit 1
}
until_up provider $provider_pid "https://localhost:$provider_port/" "$demo/provider.log"
until_up gunicorn $gunicorn_pid "http://127.0.0.1:$app_port/" "$demo/gunicorn.log"
nginx -p "$demo/" -c "$demo/nginx.conf" -e "$demo/error.log" >"$demo/nginx.out" 2>&1 &
nginx_pid=$!
until_up nginx $nginx_pid "$url/" "$demo/nginx.out" "$demo/error.log"
rm -f "$demo/received.jsonl"

# ---- a valid card, a mistyped one, one hidden in a comment, one in the address: published test numbers
visa=4111111111111111
wrong=4111111111111112
mastercard=5555555555554444
printf '%s\n' $visa $wrong $mastercard >"$demo/numbers"
year=$(($(date +%Y) + 3))

# try NUMBER TITLE METHOD PATH TYPE BODY
try() {
  local file=$demo/sent/$1
  printf '%s\n' "$2" >"$file.title"
  printf '%s %s\n' "$3" "$4" >"$file.request"
  printf '%s' "$6" >"$file.body"
  local data=()
  [ "$3" = GET ] || data=(-H "Content-Type: $5" --data-binary "@$file.body")
  client -X "$3" -o "$file.answer" -w '%{http_code}\n' "${data[@]}" "$url$4" >"$file.status"
}
form=application/x-www-form-urlencoded
try 1 'A valid card, as a form' POST /process_payment $form \
  "name=Ada+Lovelace&card_number=$visa&expiry_month=12&expiry_year=$year&cvv=123&comment=Thank+you"
try 2 'A mistyped card, as JSON: refused' POST /process_payment application/json \
  "{\"name\": \"Ada Lovelace\", \"card_number\": \"$wrong\", \"expiry_month\": \"12\", \"expiry_year\": \"$year\", \"cvv\": \"12\"}"
try 3 'A second card hidden in the comment, as JSON' POST /process_payment application/json \
  "{\"name\": \"Ada Lovelace\", \"card_number\": \"$visa\", \"expiry_month\": \"12\", \"expiry_year\": \"$year\", \"cvv\": \"123\", \"comment\": \"or take 5555 5555 5555 4444\"}"
try 4 'A card number in the address' GET "/orders?search=$mastercard" '' ''
client "$url/cardscrub_status" >"$demo/status.json"
sleep 0.2 # nginx writes a log line after its answer

/usr/bin/python3 -B demo/report.py "$demo"

[ -z "${DEMO_ONCE:-}" ] || exit 0
cat <<END

The shop is at $url (the certificate is self-signed: $demo/tls.crt).
Counters: $url/cardscrub_status   Orders: $url/orders   Logs: $demo
Ctrl-C ends it.
END
wait -n $nginx_pid $gunicorn_pid $provider_pid || true
echo 'a server ended by itself:'
tail -n 5 "$demo/error.log" "$demo/gunicorn.log"
exit 1
