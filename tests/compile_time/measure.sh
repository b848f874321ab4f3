#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# measure.sh COMPILER FLAGS_FILE CALL.cpp: what it costs to include the core, and to compile a file that calls one whole
# default_quantization: processor seconds, and what is instantiated. Seconds are printed and not judged, since machines
# differ; instantiations do not, and may not pass what limits.txt says.
set -euo pipefail
compiler=$1 flags=$2 call=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() { # of the processor, of `"$@"`
  local TIMEFORMAT='%U %S'
  { time "$@" >"$work/out" 2>&1; } 2>&1 | awk '{ printf "%.2f", $1 + $2 }'
  [ ! -s "$work/out" ] || { cat "$work/out" >&2; exit 1; }
}

# Functions that the compiler made for this file alone, templates and inline ones.
functions() { nm -C --defined-only "$1" | awk '$2 == "W"' | wc -l; }

failed=0
judge() { # NAME COUNT
  local most
  most=$(awk -v name="$1" '$1 == name { print $2 }' "$here/limits.txt")
  [ "$2" -le "$most" ] || { echo "$1: $2 functions, more than $most (limits.txt)"; failed=1; }
}

printf 'include the core:          %s s\n' "$(seconds "$compiler" "@$flags" -fsyntax-only "$here/core.cpp")"
for level in -O0 -O2; do
  printf 'default_quantization, %s: %s s\n' "$level" \
    "$(seconds "$compiler" "@$flags" -I"$here/../../examples" "$level" -c "$call" -o "$work/call$level.o")"
done
count=$(functions "$work/call-O0.o")
echo "default_quantization: $count functions instantiated or inline"
judge default_quantization "$count"
exit $failed
