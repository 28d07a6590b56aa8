#!/bin/bash
# Builds build/ngx_http_cardscrub_module.so for the installed nginx. Use: scripts/build-module.sh [--check COMPILER | --flags]
#
#   --check COMPILER  only parses the module's sources with this compiler (clang++), all warnings on
#   --flags           only prints where the module's sources find nginx's headers
#
# Environment: BUILD (build)         folder of the library and of the product
#              NGINX_SOURCE          nginx's headers and configure (/usr/share/nginx/src of package nginx-dev)
#              CXX                   the compiler (g++); nginx's configure is given the C driver beside it
#              SANITIZE              as for make: for example address,undefined
#              MAKEFLAGS             for example -j2
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-build}
[[ $build = /* ]] || build=$root/$build
source=${NGINX_SOURCE:-/usr/share/nginx/src}
[[ -x $source/configure ]] || {
    echo "build-module: $source/configure is missing: install the package nginx-dev" >&2
    exit 1
}
version=$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$source/src/core/nginx.h")
objs=$build/nginx-$version
export CARDSCRUB_LIB=$build/libcardscrub.a
export CARDSCRUB_CFLAGS= CARDSCRUB_LINK=
# As in the Makefile; through nginx's configure, so that the file it generates gets them too.
harden="-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
[[ $(${CXX:-g++} -dumpmachine) != x86_64-* ]] || harden+=" -fcf-protection"
if [[ -n ${SANITIZE:-} ]]; then
    harden=
    CARDSCRUB_CFLAGS="-fsanitize=$SANITIZE -fno-sanitize-recover=all -fno-omit-frame-pointer"
    CARDSCRUB_LINK="-fsanitize=$SANITIZE"
fi

compiler=${CXX:-g++}
compiler=${compiler/clang++/clang}
compiler=${compiler/g++/gcc}

NGX_CONF_FLAGS=()
[[ ! -f $source/conf_flags ]] || . "$source/conf_flags"

# configure takes seconds; its result depends on these only.
stamp=$objs/configured
key="$compiler $root $CARDSCRUB_LIB $harden $CARDSCRUB_CFLAGS ${NGX_CONF_FLAGS[*]} $(cd "$root" && echo ngx_module/*.cpp ngx_module/*.h src/*.h filters/*.h) \
$(cat "$root/config" "$root/config.make" | cksum)"
if [[ ! -f $objs/Makefile || ! -f $stamp || $(cat "$stamp") != "$key" ]]; then
    rm -rf "$objs"
    mkdir -p "$objs"
    if ! (cd "$source" && ./configure --with-cc="$compiler" --with-cc-opt="-g -O2 -fPIC $harden" \
        --with-ld-opt="-fPIC -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack" "${NGX_CONF_FLAGS[@]}" --add-dynamic-module="$root" --builddir="$objs") > "$objs/configure.log" 2>&1; then
        tail -n 30 "$objs/configure.log" >&2
        exit 1
    fi
    printf %s "$key" > "$stamp"
fi

include=()
for d in core event event/modules event/quic os/unix http http/modules http/v2 http/v3; do
    [[ ! -d $source/src/$d ]] || include+=(-isystem "$source/src/$d")
done
include+=(-isystem "$objs")
if [[ ${1:-} = --flags ]]; then
    echo "${include[*]}"
    exit 0
fi
if [[ ${1:-} = --check ]]; then
    warn=$(sed -n 's/^cardscrub_warn="\(.*\)"$/\1/p' "$root/config.make")
    failed=0
    for file in "$root"/ngx_module/*.cpp; do
        "$2" -std=c++20 -fsyntax-only $warn -I"$root" "${include[@]}" "$file" || failed=1
    done
    exit "$failed"
fi

[[ -f $CARDSCRUB_LIB ]] || {
    echo "build-module: $CARDSCRUB_LIB is missing: run make lib" >&2
    exit 1
}
make --no-print-directory -s -f "$objs/Makefile" -C "$source" modules
product=$build/ngx_http_cardscrub_module.so
cmp -s "$objs/ngx_http_cardscrub_module.so" "$product" || cp "$objs/ngx_http_cardscrub_module.so" "$product"

missing=$(nm -D --undefined-only "$product" | awk '$2 ~ /cardscrub/ {print $2}' | c++filt)
[[ -z $missing ]] || {
    echo "build-module: the library lacks: $missing" >&2
    rm -f "$product"
    exit 1
}
exported=$(nm -D --defined-only "$product" | awk '{print $3}' | sort | tr '\n' ' ')
[[ -n ${SANITIZE:-} || $exported = "ngx_module_names ngx_module_order ngx_modules " ]] || {
    echo "build-module: the module exports more than nginx needs: $exported" >&2
    rm -f "$product"
    exit 1
}
