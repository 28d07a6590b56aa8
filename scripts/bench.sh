#!/bin/bash
# Benchmarks of what make has built. Use: scripts/bench.sh [core]
#
#   (none)  nginx bare, with cardscrub, with Lua, with ModSecurity: tests/bench/RESULTS.md
#   core    the library alone
#
# Environment: BUILD (build); ROUNDS, CLIENTS, ONLY: see tests/bench/run.py
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}

need() {
  local missing=() package state as_root=()
  for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "bench: installing ${missing[*]}" >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Instructions a byte and a body, of the library's code only.
count_instructions() {
  local name out bytes bodies total
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  printf '\nUser instructions (callgrind)\n  %-30s %12s %12s\n' '' 'a byte' 'a body'
  for name in $("$build/bench/core_bench" --cases); do
    out=$(valgrind --tool=callgrind --collect-atstart=no --toggle-collect='cardscrub::bench::measured*' \
      --callgrind-out-file="$folder/out" --log-file="$folder/log" "$build/bench/core_bench" --once "$name")
    read -r bytes bodies <<<"$out"
    total=$(sed -n 's/^\(summary\|totals\): //p' "$folder/out" | head -n 1)
    awk -v name="$name" -v total="$total" -v bytes="$bytes" -v bodies="$bodies" \
      'BEGIN { printf "  %-30s %12.2f %12.0f\n", name, total / bytes, total / bodies }'
  done
}

if [ "${1:-}" = core ]; then
  need valgrind
  pin=()
  ! command -v taskset >/dev/null || pin=(taskset -c "$(($(nproc) - 1))")
  "${pin[@]}" "$build/bench/core_bench"
  count_instructions
else
  need nghttp2-client libnginx-mod-http-lua libnginx-mod-http-modsecurity valgrind openssl util-linux
  exec /usr/bin/python3 -B tests/bench/run.py "$build/ngx_http_cardscrub_module.so" "$build/bench" "$build/cardscrub"
fi
