#!/bin/bash
# Builds the module and runs the curl suite on several versions of nginx (`make matrix`). Use: scripts/matrix.sh [SUITE...]
#
#   SUITE  host (this machine), or a Debian suite, prepared with debootstrap in build/matrix/SUITE from the mirror that apt
#          uses here: by default host trixie forky (nginx 1.22, 1.26, 1.30)
#
# Each is built with every compiler and engine of ROWS, and the curl suite is run against it.
# Environment: ROWS    ("g++:hyperscan clang++:vectorscan")
#              ARGS    for tests/e2e/run.py, for example "-k ways"
#              NICE    (10)
# Needs root or sudo. The last lines are a table; build/matrix/*.log hold the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
folder=$top/build/matrix
read -r -a suites <<<"${*:-host trixie forky}"
read -r -a rows <<<"${ROWS:-g++:hyperscan clang++:vectorscan}"

# Mounts are made in a namespace of our own: they go with this process, and nobody else ever sees them.
if [ "${MATRIX_INSIDE:-}" != yes ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  exec "${as_root[@]}" env MATRIX_INSIDE=yes ROWS="${rows[*]}" ARGS="${ARGS:-}" nice -n "${NICE:-10}" \
    unshare --mount --propagation private "$top/scripts/matrix.sh" "${suites[@]}"
fi

scripts/deps.sh
mkdir -p "$folder"
packages="$(scripts/deps.sh --print build suite) clang"
table=()
bad=0

# What apt on this machine fetches Debian from.
mirror() {
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' |
    awk -v codename="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == "Debian" && $2 == codename {print $3; exit}'
}

quiet() { # quiet LOG COMMAND...
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    echo "matrix: failed: $* (all of it in $log)" >&2
    return 1
  }
}

# A file system with that suite's compilers, nginx and what the suite of cases needs.
prepare() {
  local suite=$1 root=$folder/$1 log=$folder/$1-prepare.log script='' uri
  uri=$(mirror)
  if [ ! -e "$root/.bootstrapped" ]; then
    [ "$(df --output=avail -k "$folder" | tail -n 1)" -gt 4000000 ] || {
      echo "matrix: less than 4 GB free for $root" >&2
      return 1
    }
    dpkg-query -W debootstrap >/dev/null 2>&1 || quiet "$log" apt-get -qq install -y --no-install-recommends debootstrap
    # Suites that this debootstrap has not heard of yet are made as sid is.
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=/usr/share/debootstrap/scripts/sid
    rm -rf "$root"
    quiet "$log" debootstrap --variant=minbase "$suite" "$root" "$uri" ${script:+"$script"}
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service is started
    chmod 755 "$root/usr/sbin/policy-rc.d"
    touch "$root/.bootstrapped"
  fi
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mkdir -p "$root/cardscrub" "$root/build"
  mount --bind "$top" "$root/cardscrub"
  mount -o remount,bind,ro "$root/cardscrub"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  if [ "$(cat "$root/.packages" 2>/dev/null)" != "$packages" ]; then
    # Release files of a suite that is not released expire within a week, also on mirrors that stand still.
    quiet "$log" chroot "$root" apt-get -qq -o Acquire::Check-Valid-Until=false update
    local there=() package
    for package in $packages; do
      if chroot "$root" apt-cache show "$package" >/dev/null 2>&1; then
        there+=("$package")
      else
        echo "matrix: $suite has no $package"
      fi
    done
    quiet "$log" chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${there[@]}"
    chroot "$root" apt-get -qq clean
    echo "$packages" >"$root/.packages"
  fi
}

# Runs a command in the suite's file system, where the sources are the current folder and $products is for what is built.
inside() {
  if [ "$suite" = host ]; then
    (cd "$top" && "$@")
  else
    chroot "$folder/$suite" sh -c 'cd /cardscrub && exec "$@"' sh env HOME=/root LC_ALL=C.UTF-8 "$@"
  fi
}

# Vectorscan has Hyperscan's interface and file names, and Debian installs only one of them. It is unpacked beside.
unpack_vectorscan() {
  inside sh -c "test -e $products/vectorscan/usr/include/hs/hs.h ||
    { mkdir -p $products/vectorscan && cd $products/vectorscan && rm -f ./*.deb && apt-get -qq download libvectorscan5 libvectorscan-dev &&
      for p in *.deb; do dpkg-deb -x \$p . || exit 1; done; }"
}

run_row() { # run_row COMPILER ENGINE
  local compiler=$1 engine=$2 build=$products/$1-$2 log=$folder/$suite-$1-$2.log
  local settings=("CXX=$compiler" "BUILD=$build") libraries='' line='' passed=0 failed=1 warnings version
  version=$(inside nginx -v 2>&1 | sed 's@.*/@@')
  if [ "$engine" = vectorscan ]; then
    quiet "$log" unpack_vectorscan || { add_line "$version" "$compiler" "$engine" 0 1; return; }
    local found
    found=$(inside sh -c "dirname \$(find $products/vectorscan -name libhs.so)")
    libraries="LIBRARY_PATH=$found LD_LIBRARY_PATH=$found CPLUS_INCLUDE_PATH=$products/vectorscan/usr/include"
  fi
  compiler_version=$(inside "$compiler" -dumpversion)
  echo "== nginx $version, $compiler $compiler_version, $engine"
  # shellcheck disable=SC2086
  if inside env $libraries make --no-print-directory -j"$(nproc)" "${settings[@]}" build "$build/tests/memory_search" >"$log" 2>&1; then
    warnings=$(grep -c 'warning:' "$log" || true)
    # The engine that was asked for is the one that is loaded.
    # shellcheck disable=SC2086
    line=$(inside env $libraries ldd "$build/ngx_http_cardscrub_module.so" | grep 'libhs\.so' || true)
    if [ "$warnings" -ne 0 ]; then
      echo "warnings: $warnings, see $log"
    elif [ "$engine" = vectorscan ] && [[ $line != *vectorscan* ]]; then
      echo "not linked with Vectorscan: $line"
    else
      # shellcheck disable=SC2086
      inside env $libraries /usr/bin/python3 -B tests/e2e/run.py --module "$build/ngx_http_cardscrub_module.so" --tool "$build/cardscrub" \
        --memory-search "$build/tests/memory_search" ${ARGS:-} >>"$log" 2>&1 || true
      line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
      passed=$(awk '{print $1 + 0}' <<<"$line")
      failed=$(awk '{print $3 + 0}' <<<"$line")
      [ -n "$line" ] || failed=1
      grep -E '^(FAILED|SKIP) ' -A 3 "$log" || true
    fi
  else
    tail -n 30 "$log"
  fi
  modules+=("$suite $version $build/ngx_http_cardscrub_module.so")
  add_line "$version" "$compiler $compiler_version" "$engine" "$passed" "$failed"
}

add_line() {
  [ "$4" -gt 0 ] && [ "$5" -eq 0 ] || bad=1
  table+=("$(printf '%-8s %-16s %-12s %6d %6d' "$@")")
}

# A module that was built for one version is turned away by the others, with nginx's own words.
refuse_strangers() {
  local entry version module line
  for entry in "${modules[@]}"; do
    read -r from version module <<<"$entry"
    [ "$from" != "$suite" ] || continue
    [ "$from" = host ] || module=$folder/$from$module
    [ -e "$module" ] || continue
    cp "$module" "$folder/stranger.so"
    local seen=$folder/stranger.so
    [ "$suite" = host ] || seen=/cardscrub/build/matrix/stranger.so
    line=$(inside sh -c "nginx -t -c /dev/null -g 'load_module $seen;' 2>&1; echo \"status \$?\"")
    if [[ $line == *'" version '*' instead of '* && $line == *'status 1'* ]]; then
      echo "nginx of $suite turns the module for $version away: $(grep -o 'version [0-9]* instead of [0-9]*' <<<"$line")"
    else
      echo "nginx of $suite, module for $version: $line"
      bad=1
    fi
  done
}

modules=()
for suite in "${suites[@]}"; do
  products=/build
  if [ "$suite" = host ]; then
    products=$folder/host
    mkdir -p "$products"
  elif ! prepare "$suite"; then
    add_line "$suite" '-' 'not prepared' 0 1
    continue
  fi
  for row in "${rows[@]}"; do run_row "${row%%:*}" "${row##*:}"; done
done
for suite in "${suites[@]}"; do
  [ ! -e "$folder/$suite/.packages" ] && [ "$suite" != host ] || refuse_strangers
done

printf '\n%s, %s cores\n' "$(date +%F)" "$(nproc)"
printf '%-8s %-16s %-12s %6s %6s\n' nginx compiler engine passed failed
printf '%s\n' "${table[@]}"
exit $bad
