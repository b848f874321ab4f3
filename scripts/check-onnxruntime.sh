#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/check-onnxruntime.sh [--quick] [BUILD_DIR]: writes int8 models with BUILD_DIR/examples/quantize_onnx (build/release if not
# said), runs them in ONNX Runtime on the 10,000 test images, and compares the accuracy with that of the plan and with what
# POT's int8 model had, for each of the recorded configurations (tests/golden/data). ONNX Runtime comes from PyPI, pinned, into
# a virtual environment below the build; where PyPI cannot be reached this says 'skipped'. --quick leaves out what differs
# from the rest by a type or a granularity alone.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=
if [ "${1:-}" = --quick ]; then
  quick=yes
  shift
fi
build=${1:-build/release}
work=$build/onnxruntime
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
recipe=pot
# check NET NAME AGAINST LEAST OPTION...: AGAINST is the name of a recorded run, or -; LEAST is an operation and how many of
# it must run in integers at least, or -.
check() {
  local net=$1 name=$1.$2 against=$3 least=$4
  shift 4
  "$build/examples/quantize_onnx" "examples/models/$net.onnx" --calibration "$work/calibration.npy" \
    --test "$work/test.npy" --labels "$work/test_labels.npy" \
    --output "$work/$name.onnx" --report "$work/$name.report.json" --quiet --recipe "$recipe" "$@"
  "$python" scripts/onnxruntime/accuracy.py "$work/$name.onnx" "$work/test.npy" "$work/test_labels.npy" \
    >"$work/$name.json"
  "$python" scripts/onnxruntime/compare.py "$name" "$work/$name.report.json" "$work/$name.json" "$least" "$against" ||
    failed=1
}

# recorded NET LEAST NAME OPTION...: a configuration that POT ran.
recorded() { check "$1" "$3" "$1.$3" "$2" "${@:4}"; }

ds() { recorded fashion_ds QLinearConv:1 "$@"; }
ds performance --preset performance
ds mixed --preset mixed
ds accuracy --preset accuracy
ds mixed_cpu --preset mixed --device CPU
ds performance_cpu_sat_first_layer --preset performance --device CPU --saturation-fix first_layer
ds performance_cpu_sat_all --preset performance --device CPU --saturation-fix all
ds performance_cpu_sat_no --preset performance --device CPU --saturation-fix no
ds mixed_cpu_sat_all --preset mixed --device CPU --saturation-fix all
ds mixed_wpertensor --preset mixed --weights-granularity pertensor
ds performance_wpertensor --preset performance --weights-granularity pertensor
check fashion_ds performance_apertensor - QLinearConv:9 --preset performance --activations-granularity pertensor

recorded fashion_mix QLinearConv:6 mixed --preset mixed
recorded fashion_vit MatMulIntegerToFloat:14 mixed_transformer --preset mixed --model-type transformer
for net in fashion_ds fashion_mix fashion_vit; do
  recipe=ptq check $net ptq - -
done
check fashion_mix mixed_w16a16 - - --preset mixed --weights-bits 16 --activations-bits 16
recorded fashion_ds - mixed_w4a4 --preset mixed --weights-bits 4 --activations-bits 4 --activations-granularity pertensor
[ -z "$quick" ] || exit $failed

recorded fashion_mix - accuracy --preset accuracy
recorded fashion_vit MatMulIntegerToFloat:14 mixed --preset mixed
recorded fashion_vit - accuracy_transformer --preset accuracy --model-type transformer

# Types of operator set 21, which ONNX Runtime computes in float behind DequantizeLinear.
recorded fashion_ds - mixed_w4 --preset mixed --weights-bits 4
recorded fashion_ds - accuracy_w4_asym --preset accuracy --weights-bits 4
for net in fashion_mix fashion_vit; do
  check $net mixed_w4 - - --preset mixed --weights-bits 4
  check $net accuracy_w4 - - --preset accuracy --weights-bits 4
done
for net in fashion_ds fashion_mix fashion_vit; do
  check $net mixed_w16 - - --preset mixed --weights-bits 16
  check $net accuracy_w16 - - --preset accuracy --weights-bits 16
  check $net mixed_a16 - - --preset mixed --activations-bits 16
  [ $net = fashion_mix ] || check $net mixed_w16a16 - - --preset mixed --weights-bits 16 --activations-bits 16
done
# Fewer levels than the type has.
check fashion_mix mixed_w6a6 - - --preset mixed --weights-bits 6 --activations-bits 6
check fashion_mix mixed_w12a12 - - --preset mixed --weights-bits 12 --activations-bits 12
exit $failed
