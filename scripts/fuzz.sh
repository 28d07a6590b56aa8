#!/bin/bash
# Fuzzes with every harness in turn: fuzz.sh PROGRAMS SECONDS [ONLY]. New inputs and crashes stay under build/fuzz-work.
set -euo pipefail
programs=$1
seconds=$2
only=${3:-}
for program in "$programs"/*_fuzz; do
  name=$(basename "$program" _fuzz)
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  work=build/fuzz-work/$name
  mkdir -p "$work"
  seeds=()
  [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
  dictionary=()
  [ -e "tests/fuzz/$name.dict" ] && dictionary=("-dict=tests/fuzz/$name.dict")
  echo "== $name, $seconds seconds"
  "$program" -max_total_time="$seconds" -max_len=8192 -print_final_stats=1 -artifact_prefix="$work-" \
    "${dictionary[@]}" "$work" "${seeds[@]}"
done
