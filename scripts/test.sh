#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/test.sh [--preset NAME]... [-- CTEST_ARGUMENT...]
# Installs what the tests need, builds each preset (release if none is named) into build/<preset> and runs its tests.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=()
while [ $# -gt 0 ]; do
  case $1 in
  --preset)
    [ $# -ge 2 ] || { echo "--preset needs a name; \`cmake --list-presets\` has them" >&2; exit 2; }
    presets+=("$2")
    shift 2
    ;;
  --)
    shift
    break
    ;;
  *)
    echo "usage: scripts/test.sh [--preset NAME]... [-- CTEST_ARGUMENT...]" >&2
    exit 2
    ;;
  esac
done
[ ${#presets[@]} -gt 0 ] || presets=(release)

scripts/install-dependencies.sh test
jobs=$(nproc)
# The benchmarks have packages of their own: built where they are there.
benchmarks=OFF
if dpkg-query -W -f '${db:Status-Status}' libbenchmark-dev 2>/dev/null | grep -qx installed; then benchmarks=ON; fi

failed=()
for preset in "${presets[@]}"; do
  echo "== $preset"
  options=()
  case $preset in *sanitize) ;; *) options=(-DPTQ_BUILD_BENCHMARKS=$benchmarks) ;; esac
  log=build/$preset/ctest.log
  if ! { cmake --preset "$preset" "${options[@]}" && cmake --build --preset "$preset" --parallel "$jobs"; }; then
    failed+=("$preset")
    [ ! -d "build/$preset" ] || echo "does not build" >"$log"
    continue
  fi
  ctest --preset "$preset" --parallel "$jobs" "$@" 2>&1 | tee "$log" || failed+=("$preset")
done

if [ ${#presets[@]} -gt 1 ]; then
  for preset in "${presets[@]}"; do
    echo "== $preset: $(grep -sE 'tests passed|does not build' "build/$preset/ctest.log" || echo 'no result')"
  done
fi
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
