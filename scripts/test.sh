#!/bin/bash
# Runs the whole test suite (`make test`). The last line is "N passed, N failed", summed over all parts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

passed=0
failed=0
logs=build/test-logs
make=(make --no-print-directory -j"$(nproc)")

part() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
problem() {
  echo "FAILED: $1"
  failed=$((failed + 1))
}
# Adds up the last "N passed, N failed" that a part wrote to its log.
add_last_line() {
  local line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    problem "$2 did not come to an end"
    return
  fi
  # shellcheck disable=SC2086
  set -- $line
  passed=$((passed + $1))
  failed=$((failed + $3))
}
finish() {
  echo
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ] && [ $passed -gt 0 ]
  exit
}

part 'packages'
scripts/deps.sh || { problem 'scripts/deps.sh'; finish; }
mkdir -p $logs

part 'library and unit tests'
"${make[@]}" lib || { problem 'the library does not build'; finish; }
for source in tests/unit/*_test.cpp; do
  name=$(basename "$source" .cpp)
  "${make[@]}" "build/tests/$name" >$logs/build-$name.log 2>&1 || {
    cat $logs/build-$name.log
    problem "$name does not build"
    continue
  }
  log=$logs/$name.log
  CMOCKA_MESSAGE_OUTPUT=stdout timeout 300 "build/tests/$name" >$log 2>&1
  status=$?
  ok=$(grep -c '^\[       OK \]' $log)
  bad=$(grep -c '^\[  FAILED  \] [^0-9]' $log)
  # cmocka names each failed test twice: as it fails and in the list at the end.
  bad=$(((bad + 1) / 2))
  [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  [ $status -eq 0 ] && [ "$ok" -eq 0 ] && { echo "$name ran no test"; bad=1; }
  [ "$bad" -ne 0 ] && { cat $log; echo "$name: exit status $status"; }
  printf '%-28s %4d passed %4d failed\n' "$name" "$ok" "$bad"
  passed=$((passed + ok))
  failed=$((failed + bad))
done

part 'command line tool and module'
built=yes
"${make[@]}" cli || { problem 'the command line tool does not build'; built=no; }
"${make[@]}" build/tests/memory_search || { problem 'the search of memory does not build'; built=no; }
"${make[@]}" module >$logs/module.log 2>&1 || {
  cat $logs/module.log
  problem 'the module does not build'
  built=no
}

part 'lint'
scripts/lint.sh || problem 'lint'

part 'end to end'
if [ $built = yes ]; then
  /usr/bin/python3 -B tests/e2e/run.py --seed "${SEED:-the same in every run}" 2>&1 | tee $logs/e2e.log
  add_last_line $logs/e2e.log 'the end-to-end suite'
else
  problem 'end to end: nothing to run, see above'
fi

part 'fuzz corpus under sanitizers'
"${make[@]}" fuzz-replay 2>&1 | tee $logs/fuzz.log | grep -v -e '^  CXX ' -e '^  LD ' -e '^  AR '
add_last_line $logs/fuzz.log 'the fuzz corpus'

finish
