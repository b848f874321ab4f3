#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/check-onnxruntime.sh [BUILD_DIR]: writes int8 models with BUILD_DIR/examples/quantize_onnx (build/release if not
# said), runs them in ONNX Runtime on the 10,000 test images, and compares the accuracy with that of the plan and with what
# POT's int8 model had, for each of the recorded configurations (tests/golden/data). ONNX Runtime comes from PyPI, pinned, into a virtual environment below the build; where PyPI cannot be reached this says 'skipped'.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/release}
work=$build/onnxruntime
model=examples/models/fashion_ds.onnx
mkdir -p "$work"

python=$work/venv/bin/python
if ! [ -x "$python" ] || ! "$python" -c 'import onnxruntime, onnx, numpy' 2>/dev/null; then
  rm -rf "$work/venv"
  if ! python3 -m venv "$work/venv" >"$work/venv.log" 2>&1 ||
    ! "$work/venv/bin/pip" install --quiet --disable-pip-version-check \
      -r scripts/onnxruntime/requirements.txt >>"$work/venv.log" 2>&1; then
    echo "skipped: ONNX Runtime cannot be installed here ($work/venv.log)"
    exit 0
  fi
fi

cmake --build "$build" --target quantize_onnx fashion_mnist_to_npy >"$work/build.log" 2>&1 || {
  tail -n 20 "$work/build.log" >&2
  exit 1
}
"$build/examples/fashion_mnist_to_npy" /usr/share/datasets/fashion-mnist "$work"

failed=0
# check NAME POT LEAST_CONVOLUTIONS OPTION...: POT is the name of a recorded run, or -; LEAST_CONVOLUTIONS of them must
# run as QLinearConv.
check() {
  local name=$1 pot=$2 convolutions=$3
  shift 3
  "$build/examples/quantize_onnx" "$model" --calibration "$work/calibration.npy" --test "$work/test.npy" \
    --labels "$work/test_labels.npy" --output "$work/$name.onnx" --report "$work/$name.report.json" --quiet "$@"
  "$python" scripts/onnxruntime/accuracy.py "$work/$name.onnx" "$work/test.npy" "$work/test_labels.npy" \
    >"$work/$name.json"
  "$python" scripts/onnxruntime/compare.py "$name" "$work/$name.report.json" "$work/$name.json" "$convolutions" "$pot" ||
    failed=1
}

# recorded NAME OPTION...: a configuration that POT ran.
recorded() { check "$1" "fashion_ds.$1" 1 "${@:2}"; }

recorded performance --preset performance
recorded mixed --preset mixed
recorded accuracy --preset accuracy
recorded mixed_cpu --preset mixed --device CPU
recorded performance_cpu_sat_first_layer --preset performance --device CPU --saturation-fix first_layer
recorded performance_cpu_sat_all --preset performance --device CPU --saturation-fix all
recorded performance_cpu_sat_no --preset performance --device CPU --saturation-fix no
recorded mixed_cpu_sat_all --preset mixed --device CPU --saturation-fix all
recorded mixed_wpertensor --preset mixed --weights-granularity pertensor
recorded performance_wpertensor --preset performance --weights-granularity pertensor
check performance_apertensor - 9 --preset performance --activations-granularity pertensor
exit $failed
