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
  dictionary=tests/fuzz/$name.dict
  [ -e "$dictionary" ] || dictionary=tests/fuzz/card.dict
  echo "== $name, $seconds seconds"
  # Without entropic scheduling, which takes two thirds of the processor's time where runs are as short as here.
  TIMEFORMAT="$name: %U seconds of processor time"
  time "$program" -max_total_time="$seconds" -max_len=2048 -entropic=0 -print_final_stats=1 \
    -artifact_prefix="$work-" "-dict=$dictionary" "$work" "${seeds[@]}"
done
