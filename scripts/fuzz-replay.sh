#!/bin/bash
# Runs every file of tests/fuzz/corpus/NAME through its harness NAME_fuzz: fuzz-replay.sh FOLDER_OF_PROGRAMS
set -uo pipefail
programs=$1
passed=0
failed=0
for source in tests/fuzz/*_fuzz.cpp; do
  [ -e "$source" ] || continue
  harness=$(basename "$source" .cpp)
  corpus=tests/fuzz/corpus/${harness%_fuzz}
  if [ -z "$(ls -A "$corpus" 2>/dev/null)" ]; then
    echo "$harness: no corpus in $corpus"
    failed=$((failed + 1))
    continue
  fi
  # A crash ends the program at one file; the files behind it are run by starting again there.
  from=0
  while :; do
    out=$("$programs/$harness" "$corpus" "$from" 2>&1)
    status=$?
    ran=$(grep -c '^ok ' <<<"$out")
    passed=$((passed + ran))
    [ $status -eq 0 ] && break
    failed=$((failed + 1))
    echo "$harness: exit status $status at: $(grep '^run ' <<<"$out" | tail -n 1)"
    grep -v -e '^ok ' -e '^run ' <<<"$out"
    from=$((from + ran + 1))
  done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
