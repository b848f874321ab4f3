#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/check-onnxruntime.sh [BUILD_DIR]: writes int8 models with BUILD_DIR/examples/quantize_onnx (build/release if not
# said), runs them in ONNX Runtime on the 10,000 test images, and compares the accuracy with that of the plan. ONNX Runtime
# comes from PyPI, pinned, into a virtual environment below the build; where PyPI cannot be reached this says 'skipped'.
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
# check NAME LEAST_CONVOLUTIONS OPTION...: LEAST_CONVOLUTIONS of them must run as QLinearConv.
check() {
  local name=$1 convolutions=$2
  shift 2
  "$build/examples/quantize_onnx" "$model" --calibration "$work/calibration.npy" --test "$work/test.npy" \
    --labels "$work/test_labels.npy" --output "$work/$name.onnx" --report "$work/$name.report.json" --quiet "$@"
  "$python" scripts/onnxruntime/accuracy.py "$work/$name.onnx" "$work/test.npy" "$work/test_labels.npy" \
    >"$work/$name.json"
  "$python" scripts/onnxruntime/compare.py "$name" "$work/$name.report.json" "$work/$name.json" "$convolutions" || failed=1
}

check performance 1 --preset performance
check mixed 1 --preset mixed
check accuracy 1 --preset accuracy
check mixed_cpu_sat_all 1 --preset mixed --device CPU --saturation-fix all
check performance_cpu_sat_no 1 --preset performance --device CPU --saturation-fix no
check mixed_wpertensor 1 --preset mixed --weights-granularity pertensor
check performance_apertensor 9 --preset performance --activations-granularity pertensor
exit $failed
