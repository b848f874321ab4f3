#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Quantizes a small trained network on real images: installs what is missing, builds the program, prepares Fashion-MNIST
# and runs build/release/examples/quantize_onnx on it. Arguments are handed on to that program. All that comes out lies in
# build/quickstart.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/quickstart
bin=build/release/examples

scripts/install-dependencies.sh run
mkdir -p "$out"

echo "Building $bin/quantize_onnx: this takes some minutes the first time; the log is $out/build.log"
if ! {
  cmake --preset release -DPTQ_BUILD_TESTS=OFF -DPTQ_BUILD_BENCHMARKS=OFF &&
    cmake --build build/release --parallel "$(nproc)" --target quantize_onnx fashion_mnist_to_npy
} >"$out/build.log" 2>&1; then
  tail -n 40 "$out/build.log" >&2
  echo "The build failed; all of it is in $out/build.log" >&2
  exit 1
fi

"$bin/fashion_mnist_to_npy" /usr/share/datasets/fashion-mnist "$out"
"$bin/quantize_onnx" examples/models/fashion_ds.onnx \
  --calibration "$out/calibration.npy" --test "$out/test.npy" --labels "$out/test_labels.npy" \
  --plan "$out/plan.json" --output "$out/fashion_ds.int8.onnx" --report "$out/report.json" "$@"
