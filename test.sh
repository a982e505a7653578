#!/bin/sh
# Builds Keratin optimised and runs all tests, then what reads files and text once more with sanitizers; with --all everything
# runs with sanitizers, and the tests labelled "long" too. g++ warns without cause in instrumented code, so warnings are
# errors in the optimised build only.
#
#     ./test.sh [--all]
#
# The last line says how many tests passed, as ctest's does; the exit status is 0 only if all did.
set -eu
cd "$(dirname "$0")"

all=no
for argument in "$@"; do
  case $argument in
    --all) all=yes ;;
    *) echo "usage: ./test.sh [--all]" >&2; exit 2 ;;
  esac
done
cmake/setup.sh

[ "$all" = yes ] && skip= || skip='--label-exclude long'
jobs=$(nproc)
mkdir -p build
run=0
failed=0
for tree in release debug; do
  echo "== $tree: build =="
  cmake --preset "$tree" >"build/$tree-configure.txt" 2>&1 || { cat "build/$tree-configure.txt"; exit 1; }
  targets=
  labels=
  if [ $tree = debug ] && [ $all = no ]; then
    targets='--target keratin_ir_tests --target keratin_frontend_tests --target keratin_runtime_tests --target keratin_trainer_tests'
    labels='--label-regex ^(ir|frontend|runtime|trainer)$'
  fi
  # shellcheck disable=SC2086 # several words, or none
  cmake --build --preset "$tree" $targets
  echo "== $tree: test =="
  summary=build/$tree/summary.txt
  # shellcheck disable=SC2086 # no label, or two words
  { ctest --preset "$tree" --parallel "$jobs" $skip $labels || true; } | tee "$summary"
  # ctest ends with "98% tests passed, 2 tests failed out of 100".
  counts=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$summary" | tail -1)
  [ -n "$counts" ] || { echo "$tree: no tests were run" >&2; exit 1; }
  failed=$((failed + ${counts% *}))
  run=$((run + ${counts#* }))
done

echo
echo "$(((run - failed) * 100 / run))% tests passed, $failed tests failed out of $run"
[ "$failed" = 0 ]
