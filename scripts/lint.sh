#!/bin/bash
# What a compiler does not say: layers, bans, exports, format, clang's warnings, syntax of scripts (`make lint`).
set -uo pipefail
cd "$(dirname "$0")/.." || exit
bad=0
build=${BUILD:-build}

# check NAME COMMAND...: the command prints nothing when all is well.
check() {
  local name=$1 out
  shift
  out=$("$@" 2>&1)
  if [ -n "$out" ]; then
    echo "lint: $name"
    sed 's/^/  /' <<<"$out" | head -n 40
    bad=1
  else
    echo "lint: $name: ok"
  fi
}

sources() { find "$@" \( -name '*.cpp' -o -name '*.h' \) 2>/dev/null | sort; }
# Prints FILE:LINE:TEXT of what matches in code; // comments and strings do not count.
in_code() {
  local pattern=$1
  shift
  sources "$@" | while read -r file; do
    sed -E -e 's@"([^"\\]|\\.)*"@""@g' -e 's@//.*@@' "$file" | grep -nE -- "$pattern" | sed "s|^|$file:|"
  done
}
includes() { sources "$@" | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' ; }

# ngx_module -> filters -> src -> libraries, never back.
layers() {
  includes src filters cli tests/unit tests/fuzz | grep -E '[<"](ngx_|nginx)'
  includes src | grep -E '"(\.\.|src|filters|cli|ngx_module|tests)/'
  includes filters | grep -E '"(\.\.|cli|ngx_module|tests)/'
  includes filters | grep -E 'include "' | grep -vE '"(src|filters)/'
  includes ngx_module | grep -E '"(\.\.|cli|tests)/'
  includes cli | grep -E '"(\.\.|ngx_module|tests)/'
}

bans() {
  local core=(src filters)
  in_code '\b(sprintf|vsprintf|strcpy|strcat|gets|alloca|strtok|system|popen|setjmp|longjmp|rand|srand)[[:space:]]*\(' \
    src filters ngx_module cli
  in_code '\b(printf|fprintf|puts|fputs|perror|abort|exit|syslog)[[:space:]]*\(' "${core[@]}"
  in_code 'std::(regex|cout|cerr|clog|endl|istream|ostream|stringstream|ostringstream|random_device|mt19937)' "${core[@]}"
  in_code '\bthrow\b' "${core[@]}" | grep -v 'throw std::bad_alloc()'
  in_code 'using namespace' src filters ngx_module
  in_code 'std::vector<char>' "${core[@]}"
  in_code 'what\(\)' ngx_module
}
marks() { grep -rnE '\b(TODO|FIXME)\b' src filters ngx_module cli tests demo conf.examples; }

library_symbols() { nm -u "$build/libcardscrub.a" | grep -E ' (ngx_|printf$|__printf_chk|sprintf|__sprintf_chk|strcpy|_ZSt4cout)'; }
module_exports() {
  diff <(nm -D --defined-only "$build/ngx_http_cardscrub_module.so" | awk '{print $3}' | sort) \
    <(printf '%s\n' ngx_module_names ngx_module_order ngx_modules)
}
# Full RELRO, no executable stack, position-independent, stack protector and checked calls in use, and every object of ours ready for
# CET (what is linked of them says so only where the C library's own start-up objects are).
hardening() {
  local file text symbols object
  for file in "$build/ngx_http_cardscrub_module.so" "$build/cardscrub"; do
    text=$(readelf -hldW "$file")
    symbols=$(nm -D --undefined-only "$file")
    [[ $text =~ Type:\ +DYN ]] || echo "$file: not position-independent"
    [[ $text =~ GNU_RELRO ]] || echo "$file: no RELRO"
    [[ $text =~ FLAGS_1\)[^$'\n']*NOW ]] || echo "$file: RELRO is not full: symbols are bound late"
    [[ $text =~ GNU_STACK[^$'\n']*\ RW\  ]] || echo "$file: executable stack"
    [[ ! $text =~ TEXTREL|R(UN)?PATH ]] || echo "$file: text relocations or a search path of its own"
    [[ $symbols =~ __stack_chk_fail ]] || echo "$file: no stack protector"
    [[ $symbols =~ __mem[a-z]+_chk ]] || echo "$file: no FORTIFY"
  done
  [ "$(uname -m)" = x86_64 ] || return
  find "$build"/obj/{src,filters,cli} "$build"/nginx-*/ -name '*.o' | while read -r object; do
    [[ $(readelf -nW "$object") =~ IBT,\ SHSTK ]] || echo "$object: not ready for CET"
  done
}
clang_format() { sources src filters ngx_module cli tests | xargs -r clang-format --dry-run -Werror; }
shell_syntax() { for f in scripts/*.sh .ci/run tests/*/*.sh; do [ ! -e "$f" ] || bash -n "$f"; done; }
shell_headers() { for f in scripts/*.sh; do sed -n 2p "$f" | grep -q '^# ' || echo "$f: line 2 does not say its use"; done; }
python_syntax() {
  find tests demo scripts -name '*.py' -print0 | xargs -0 -r /usr/bin/python3 -c \
    'import sys; [compile(open(f, encoding="utf-8").read(), f, "exec") for f in sys.argv[1:]]'
}
# nginx names objects by leaf folder and file name.
object_names() {
  find ngx_module filters src -name '*.cpp' | awk -F/ '{print $(NF-1) "/" $NF}' | sort | uniq -d
}
clang_warnings() {
  make --no-print-directory -s -k -j"$(nproc)" BUILD="$build" lint-clang
  BUILD=$build bash scripts/build-module.sh --check clang++
}

check 'layers' layers
check 'bans' bans
check 'marks of unfinished work' marks
check 'object names' object_names
check 'symbols of the library' library_symbols
if [ -e "$build/ngx_http_cardscrub_module.so" ]; then
  check 'exports of the module' module_exports
  check 'hardening of module and tool' hardening
fi
check 'clang-format' clang_format
check 'shell scripts' shell_syntax
check 'use of each script' shell_headers
check 'Python sources' python_syntax
check 'warnings of clang' clang_warnings
exit $bad
