#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/measure-threads.sh [REPETITIONS [QUANTIZE_ONNX_OPTION...]]: how much faster a search is with two threads than with
# one: the best of 5 runs of each, in turn, and what else the processors did meanwhile. Without options of your own it is a
# search of half a minute or more on 10,000 images. Fails if plan or trace differ. Needs build/release with quantize_onnx and
# fashion_mnist_to_npy.
set -euo pipefail
cd "$(dirname "$0")/.."

repetitions=${1:-5}
shift || true
options=("$@")
[ $# -gt 0 ] || options=(--weights-bits 4 --activations-bits 4 --recipe pot --search keep_best --no-early-stopping --maximal-drop 0.002)
bin=build/release/examples
work=build/threads
mkdir -p "$work"
[ -s "$work/test.npy" ] || "$bin/fashion_mnist_to_npy" /usr/share/datasets/fashion-mnist "$work"

# Ticks of all processors together: busy, idle.
ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9, $5 + $6 }' /proc/stat; }
hertz=$(getconf CLK_TCK)
declare -A best
best[1]=0
best[2]=0
faster() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(b == 0 || a < b) }'; }

echo "threads  search, s  processor, s  others at work  idle    load"
for ((run = 0; run != repetitions; ++run)); do
  for threads in 1 2; do
    read -r busy_before idle_before < <(ticks)
    status=0
    TIMEFORMAT='%U %S'
    { time "$bin/quantize_onnx" examples/models/fashion_ds.onnx --calibration "$work/calibration.npy" --accuracy-aware \
      --validation "$work/test.npy" --validation-labels "$work/test_labels.npy" --quiet --threads "$threads" \
      --plan "$work/$threads.plan.json" --trace "$work/$threads.jsonl" "${options[@]}"; } 2>"$work/time" || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || {
      cat "$work/time" >&2
      exit 1
    }
    read -r busy idle < <(ticks)
    own=$(tail -n 1 "$work/time" | awk '{ print $1 + $2 }')
    seconds=$(tail -n 1 "$work/$threads.jsonl" | sed 's/.*"seconds":\([^,}]*\).*/\1/')
    faster "$seconds" "${best[$threads]}" && best[$threads]=$seconds
    awk -v threads="$threads" -v seconds="$seconds" -v own="$own" -v hertz="$hertz" -v busy="$((busy - busy_before))" \
      -v idle="$((idle - idle_before))" -v load="$(cut -d' ' -f1 /proc/loadavg)" 'BEGIN {
        all = busy + idle
        printf "%7d %10.2f %13.2f %14.0f%% %4.0f%% %7.2f\n", threads, seconds, own, 100 * (busy - own * hertz) / all, 100 * idle / all, load
      }'
  done
  cmp "$work/1.plan.json" "$work/2.plan.json"
  cmp <(sed 's/"seconds":[^,}]*//' "$work/1.jsonl") <(sed 's/"seconds":[^,}]*//' "$work/2.jsonl")
done
awk -v one="${best[1]}" -v two="${best[2]}" 'BEGIN { printf "best: %.2f s and %.2f s, %.2f times as fast; the same plan and trace\n", one, two, one / two }'
