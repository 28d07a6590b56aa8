#!/bin/bash
# Runs nginx's own test suite with and without the module (`make nginx-tests CHECKOUT=path`). Use: scripts/nginx-tests.sh CHECKOUT [FILE.t...]
#
#   CHECKOUT  a copy of the public nginx-tests repository that fits the installed nginx (for 1.22: a commit of August 2022)
#   FILE.t    only these; by default all
#
# With the module: loaded, and `cardscrub on` in every location (in clear too, and with upgrades allowed: the suite's own ways).
# What differs is run twice more, one at a time, before it counts. Exit status 1: a difference that is not explained below.
# Environment: BUILD (build), JOBS (3), NICE (10), KEEP=yes keeps all output.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
build=${BUILD:-build}
[[ $build = /* ]] || build=$top/$build
checkout=${1:?which checkout of nginx-tests? see the top of this file}
shift
[ -e "$checkout/lib/Test/Nginx.pm" ] || {
  echo "nginx-tests: $checkout is no checkout of nginx-tests: lib/Test/Nginx.pm is missing" >&2
  exit 1
}
module=$build/ngx_http_cardscrub_module.so
for file in "$module" "$build/cardscrub"; do
  [ -e "$file" ] || { echo "nginx-tests: $file is missing: run make" >&2; exit 1; }
done

# Why a test may differ: a pattern of "file.t: name of the subtest" => the reason, one a line.
held_back='digits at the end of what has come are held back until it is known what they belong to'
kept_in_memory='a buffered body of up to 32 KB is kept until it has been looked at as a whole, and needs no file then'
explained() {
  cat <<LIST
(^| )(body|h2_)[a-z_]*\.t: (auth request )?body( unbuf)?( multi)?( nolen)?( in)? file$ => $kept_in_memory
_request_buffering(_chunked)?\.t: (.* )?(part( 2)?|preread|body|below|equal|above)$ => $held_back
proxy_request_buffering_ssl\.t: (request|no preread|preread)$ => a body with Content-Length that goes on over TLS is read whole first
LIST
}
# The proof of the first: the same tests with letters for the digits of their bodies.
in_letters() {
  sed -e 's/0123456789/abcdefghij/g' -e 's/01234/abcde/g' -e 's/56789/fghij/g' -e "s/'0123'/'abcd'/g" -e "s/'4567'/'efgh'/g" \
    -e "s/'89AB'/'ijkl'/g" "$1"
}

# The proof of the second: the same tests with bodies of 40 KB in place of 5.
in_large() {
  sed -e "s/x 512/x 4096/g" -e 's/{512}/{4096}/g' -e "s/'A' x 600/'A' x 40000/g" "$1"
}

# The suite loads every module that nginx was built with, and leaves out what Perl has no package for.
packages=(libnginx-mod-stream libnginx-mod-mail libnginx-mod-http-perl libnginx-mod-http-geoip libnginx-mod-http-image-filter
  libnginx-mod-http-xslt-filter libnginx-mod-stream-geoip libio-socket-ssl-perl libnet-ssleay-perl libcryptx-perl libgd-perl
  libcache-memcached-perl libcache-memcached-fast-perl libfcgi-perl libscgi-perl libprotocol-websocket-perl memcached uwsgi-core
  uwsgi-plugin-python3 util-linux perl)
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -ne 0 ]; then
  echo "nginx-tests: installing ${missing[*]}" >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# Some tests fail as root; so all run as nobody, who gets copies of what he needs.
folder=$(mktemp -d /tmp/cardscrub-nginx-tests.XXXXXX)
finish() {
  if [ "${KEEP:-}" = yes ]; then
    echo "kept: $folder"
  else
    "${as_root[@]}" rm -rf "$folder"
  fi
}
trap finish EXIT
chmod 755 "$folder"
cp -r "$checkout" "$folder/suite"
cp "$module" "$build/cardscrub" "$folder/"
chmod -R a+rX "$folder"
nobody=()
if [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; then
  nobody=("${as_root[@]}" setpriv --reuid=nobody --regid=nogroup --clear-groups)
  "${as_root[@]}" install -d -o nobody -g nogroup "$folder/bare" "$folder/with" "$folder/tmp"
else
  mkdir "$folder/bare" "$folder/with" "$folder/tmp"
fi
"${nobody[@]}" "$folder/cardscrub" keys new --file "$folder/tmp/keys.json" >/dev/null

cd "$folder/suite"
tests=("$@")
[ ${#tests[@]} -ne 0 ] || tests=(*.t)

# run KIND JOBS FILE...: each file's output goes to KIND/FILE.
run() {
  local kind=$1 jobs=$2 settings=()
  shift 2
  if [ "$kind" = with ]; then
    settings=("TEST_NGINX_GLOBALS=load_module $folder/ngx_http_cardscrub_module.so;"
      "TEST_NGINX_GLOBALS_HTTP=cardscrub on; cardscrub_require_tls off; cardscrub_upgrade allow; cardscrub_keys $folder/tmp/keys.json;")
  fi
  printf '%s\n' "$@" | nice -n "${NICE:-10}" "${nobody[@]}" env "${settings[@]}" TEST_NGINX_BINARY=/usr/sbin/nginx \
    TEST_NGINX_MODULES=/usr/lib/nginx/modules PERL5LIB="$folder/suite/lib" TMPDIR="$folder/tmp" \
    xargs -P "$jobs" -I{} sh -c "timeout 300 perl {} >$folder/$kind/{} 2>&1; echo \"exit \$?\" >>$folder/$kind/{}"
}

# Names of what went wrong in KIND/FILE, one a line; a file that ended badly without a failed subtest is named as a whole.
failures() {
  local output=$folder/$1/$2
  sed -nE 's/^not ok [0-9]+ - (.*)/\1/p' "$output" | grep -v '# TODO' || true
  grep -qE '^(not ok|1\.\.0)' "$output" || grep -q '^exit 0' "$output" || echo '(the file itself)'
}
differs() { # differs FILE: prints what fails with the module only
  comm -13 <(failures bare "$1" | sort -u) <(failures with "$1" | sort -u)
}
count() { # count KIND: files, subtests, failed files
  local kind=$1 files=0 subtests=0 failed=0 skipped=0 file
  for file in "${tests[@]}"; do
    files=$((files + 1))
    subtests=$((subtests + $(grep -cE '^(not )?ok ' "$folder/$kind/$file" || true)))
    if grep -q '^1\.\.0' "$folder/$kind/$file"; then skipped=$((skipped + 1)); fi
    if [ -n "$(failures "$kind" "$file")" ]; then failed=$((failed + 1)); fi
  done
  printf '%-28s %4d files, %5d subtests, %3d files skipped, %3d files failed\n' "$kind" "$files" "$subtests" "$skipped" "$failed"
}

echo "nginx-tests: $(/usr/sbin/nginx -v 2>&1 | sed 's/.*: //'), ${#tests[@]} files, without the module"
run bare "${JOBS:-3}" "${tests[@]}"
echo "nginx-tests: with the module"
run with "${JOBS:-3}" "${tests[@]}"
for attempt in 1 2; do
  again=()
  for file in "${tests[@]}"; do [ -z "$(differs "$file")" ] || again+=("$file"); done
  [ ${#again[@]} -ne 0 ] || break
  [ "$attempt" -eq 2 ] || echo "nginx-tests: again, one at a time: ${again[*]}"
  run bare 1 "${again[@]}"
  run with 1 "${again[@]}"
done

echo
count bare
count with
# still_differs KIND FILE: whether a file changed by in_KIND differs as well; says so.
still_differs() {
  local file=$1_$2
  "in_$1" "$2" >"$file"
  run bare 1 "$file"
  run with 1 "$file"
  if [ -n "$(differs "$file")" ]; then
    echo "$2 $1, still with the module only: $(differs "$file" | paste -sd ,)"
    return 0
  fi
  echo "$2 $1: no difference"
  return 1
}

unexplained=0
declare -A proofs=()
for file in "${tests[@]}"; do
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    reason=$(explained | while IFS= read -r line; do
      if [[ "$file: $name" =~ ${line%% => *} ]]; then
        echo "${line#* => }"
        break
      fi
    done)
    echo "with the module only: $file: $name${reason:+ -- $reason}"
    case $reason in
      '') unexplained=$((unexplained + 1)) ;;
      "$held_back") proofs[$file]=letters ;;
      "$kept_in_memory") proofs[$file]=large ;;
    esac
  done <<<"$(differs "$file")"
done
for file in "${!proofs[@]}"; do
  if still_differs "${proofs[$file]}" "$file"; then unexplained=$((unexplained + 1)); fi
done
echo "$unexplained differences that are not explained"
[ $unexplained -eq 0 ]
