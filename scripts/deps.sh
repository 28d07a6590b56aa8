#!/bin/bash
# Installs the Debian packages that building, testing and the demo need; nothing when all are there. Use:
#   scripts/deps.sh [--print GROUP... | --also PACKAGE...]
#
#   --print  only names the packages of these groups: build, suite, check
#   --also   installs these as well: what one make target needs alone
set -euo pipefail

build=(
  g++ make binutils nginx nginx-dev libhyperscan-dev libpcre2-dev libssl-dev libexpat1-dev zlib1g-dev libbrotli-dev
  nlohmann-json3-dev libhiredis-dev
)
# The end-to-end suite and the demo: clients, and applications behind nginx.
suite=(
  python3 python3-h2 curl openssl gunicorn python3-flask uwsgi-core uwsgi-plugin-python3 redis-server
)
# Unit tests and everything that looks at the sources.
check=(
  libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev valgrind
  # key-encryption keys in a token (SoftHSM) and another implementation of JOSE
  softhsm2 opensc libengine-pkcs11-openssl python3-jwcrypto
  # whose error logs are redacted too
  libnginx-mod-stream libnginx-mod-mail
)
if [ "${1:-}" = --print ]; then
  shift
  for group in "$@"; do
    declare -n list=$group
    echo "${list[*]}"
  done | paste -sd ' '
  exit 0
fi
packages=("${build[@]}" "${suite[@]}" "${check[@]}")
[ "${1:-}" != --also ] || packages+=("${@:2}")

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "these packages are missing, and there is no sudo to install them with: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"

# Debian starts a service when its package is installed; the suite runs its own nginx, so none is wanted here.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  made_policy=yes
fi
drop_policy() { if [ $made_policy = yes ]; then "${as_root[@]}" rm -f $policy; fi; }
trap drop_policy EXIT

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }
apt update
apt install -y --no-install-recommends "${missing[@]}" >/dev/null
