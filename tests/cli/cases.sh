#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cases.sh CASE, with QUANTIZE, INPUTS, MODEL, IMAGES and WORK in the environment: one case of quantize_onnx from outside.
set -euo pipefail

rm -rf "$WORK"
mkdir -p "$WORK"
cd "$WORK"
images=$IMAGES/calibration.npy

fail() {
  echo "$1" >&2
  exit 1
}

# few COUNT: few.npy holds that many images.
few() { "$INPUTS" first "$1" "$images" few.npy; }

# refuses WORD... -- OPTION...: the program exits with an error and no signal, its last line names each WORD, standard error
# holds one line of its own, and no file is left in out/.
refuses() {
  local words=()
  while [ "$1" != -- ]; do
    words+=("$1")
    shift
  done
  shift
  mkdir -p out
  local status=0
  "$QUANTIZE" "$@" >stdout.txt 2>stderr.txt || status=$?
  cat stderr.txt
  [ "$status" -ne 0 ] || fail "accepted"
  [ "$status" -lt 126 ] || fail "ended by a signal or not run: $status"
  local word
  for word in "${words[@]}"; do
    grep -qF -- "$word" stderr.txt || fail "the message does not say: $word"
  done
  [ -z "$(ls out)" ] || fail "left behind: $(ls out)"
}

# One clear line: what the program says of its input, but not how CLI11 prints a usage error.
one_line() { [ "$(wc -l <stderr.txt)" -eq 1 ] || fail "more than one line"; }

outputs=(--plan out/plan.json --output out/model.onnx --report out/report.json --save-statistics out/statistics)
# A finished plan leaves no statistics to be saved.
plan_outputs=(--plan out/plan.json --output out/model.onnx --report out/report.json)

case $1 in
files_agree)
  few 40
  mkdir out
  "$QUANTIZE" "$MODEL" --calibration few.npy "${outputs[@]}" >table.txt
  grep -q '10 weights and 10 activations quantized' table.txt
  grep -q '"format": "ptq-plan"' out/plan.json
  grep -q '"samples": 40' out/report.json
  [ "$(stat -c %s out/model.onnx)" -lt "$(stat -c %s "$MODEL")" ] || fail "the int8 model is no smaller"
  ;;
same_plan_again)
  few 40
  mkdir out
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan out/a.json --output out/a.onnx --quiet
  "$QUANTIZE" "$MODEL" --from-plan out/a.json --plan out/b.json --output out/b.onnx --quiet
  cmp out/a.json out/b.json
  cmp out/a.onnx out/b.onnx
  ;;
statistics_round_trip)
  few 40
  "$QUANTIZE" "$MODEL" --calibration few.npy --save-statistics s --plan a.json --quiet --recipe pot
  "$QUANTIZE" "$MODEL" --from-statistics s --save-statistics t --plan b.json --quiet --recipe pot
  cmp a.json b.json
  cmp s t
  # The library's own recipe runs the quantized model where it can, and does without from statistics.
  "$QUANTIZE" "$MODEL" --calibration few.npy --save-statistics s --plan a.json --quiet
  "$QUANTIZE" "$MODEL" --from-statistics s --save-statistics t --plan b.json --quiet
  cmp s t
  grep -q '"cause": "sequential_bias_correction"' a.json
  grep -q '"cause": "exact_bias_correction"' b.json
  ! grep -q sequential_bias_correction b.json || fail "ran without samples"
  ;;
recipes)
  few 40
  mkdir out
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan default.json --quiet
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan ptq.json --quiet --recipe ptq --preset mixed --saturation-fix no \
    --range-estimator mean_squared_error --bias-correction verified
  cmp default.json ptq.json
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan pot.json --quiet --recipe pot
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan same.json --quiet --recipe pot --preset performance \
    --saturation-fix first_layer --range-estimator default --bias-correction fast
  cmp pot.json same.json
  ! cmp -s default.json pot.json || fail "one plan of two recipes"
  for estimator in min_max percentile octav exact_clip kl_divergence; do
    "$QUANTIZE" "$MODEL" --calibration few.npy --plan other.json --quiet --range-estimator "$estimator"
    ! cmp -s default.json other.json || fail "$estimator changes nothing"
  done
  refuses quantile percentile --range-estimator -- "$MODEL" --calibration few.npy --range-estimator quantile "${outputs[@]}"
  one_line
  refuses octav "--recipe ptq" --range-estimator -- "$MODEL" --calibration few.npy --recipe pot --range-estimator octav \
    "${outputs[@]}"
  one_line
  ;;
report_of_outputs)
  "$INPUTS" first 300 "$images" few.npy
  "$QUANTIZE" "$MODEL" --calibration few.npy --test "$IMAGES/test.npy" --labels "$IMAGES/test_labels.npy" --report report.json \
    --quiet
  # Decibels under the plan and in int8, then what is right of 10,000 in float and in int8.
  tr -d ' ",' <report.json | awk -F: '
    /^(accuracy|output_sqnr_db|milliseconds_per_sample):/ { in_what = $1 }
    in_what == "output_sqnr_db" && /^plan:/ { plan = $2 }
    in_what == "output_sqnr_db" && /^int8:/ { int8 = $2 }
    in_what == "accuracy" && /^float:/ { in_float = $2 }
    in_what == "accuracy" && /^int8:/ { in_int8 = $2 }
    END { exit !(plan > 39 && plan < 60 && int8 > 38 && int8 < 60 && in_float > 0.89 && in_float - in_int8 < 0.002) }
  ' || fail "not as good as it was: $(grep -A3 -E 'accuracy|sqnr_db' report.json)"
  ;;
threads_agree)
  few 40
  "$QUANTIZE" "$MODEL" --calibration few.npy --save-statistics s --plan a.json --quiet
  "$QUANTIZE" "$MODEL" --calibration few.npy --save-statistics t --plan b.json --quiet --threads 2
  cmp a.json b.json
  cmp s t
  ;;
open_extents)
  few 8
  "$INPUTS" open open.onnx
  mkdir out
  "$QUANTIZE" open.onnx --calibration few.npy "${outputs[@]}" --quiet
  [ -s out/model.onnx ] || fail "no model was written"
  rm -r out
  refuses "axis 2" sample -- open.onnx --from-statistics few.npy
  "$INPUTS" shape bad.npy 8 2 28 28
  refuses "axis 1" "[2, 28, 28]" -- open.onnx --calibration bad.npy "${outputs[@]}"
  one_line
  ;;
help)
  "$QUANTIZE" --help >help.txt
  for option in --calibration --from-statistics --from-plan --test --labels --recipe --preset --device --stat-subset-size \
    --weights-granularity --activations-granularity --saturation-fix --no-bias-correction --threads --save-statistics \
    --plan --output --report --quiet; do
    grep -q -- "$option" help.txt || fail "no word of $option"
  done
  [ "$(wc -l <help.txt)" -le 60 ] || fail "more than a screen: $(wc -l <help.txt) lines"
  ;;
quiet)
  few 8
  "$QUANTIZE" "$MODEL" --calibration few.npy --quiet >stdout.txt 2>stderr.txt
  [ ! -s stdout.txt ] && [ ! -s stderr.txt ] || fail "not quiet"
  ;;
nan_in_data)
  few 8
  "$INPUTS" spoil nan 5 few.npy bad.npy
  refuses bad.npy "sample 5" NaN -- "$MODEL" --calibration bad.npy "${outputs[@]}"
  one_line
  ;;
infinity_in_data)
  few 8
  "$INPUTS" spoil infinity 3 few.npy bad.npy
  refuses bad.npy "sample 3" infinity -- "$MODEL" --calibration bad.npy "${outputs[@]}"
  one_line
  ;;
empty_calibration)
  few 0
  refuses "no sample" -- "$MODEL" --calibration few.npy "${outputs[@]}"
  one_line
  ;;
wrong_shape)
  "$INPUTS" shape bad.npy 8 1 28 27
  refuses bad.npy 27 28 -- "$MODEL" --calibration bad.npy "${outputs[@]}"
  one_line
  ;;
wrong_element_type)
  refuses test_labels.npy float32 -- "$MODEL" --calibration "$IMAGES/test_labels.npy" "${outputs[@]}"
  one_line
  ;;
not_npy)
  echo hello >bad.npy
  refuses bad.npy -- "$MODEL" --calibration bad.npy "${outputs[@]}"
  one_line
  ;;
missing_file)
  refuses nowhere.npy -- "$MODEL" --calibration nowhere.npy "${outputs[@]}"
  one_line
  refuses nowhere.onnx -- nowhere.onnx --calibration "$images" "${outputs[@]}"
  one_line
  ;;
labels_do_not_fit)
  few 8
  refuses few.npy 10000 8 -- "$MODEL" --calibration "$images" --stat-subset-size 8 --test few.npy \
    --labels "$IMAGES/test_labels.npy" "${outputs[@]}"
  one_line
  ;;
truncated_model)
  few 4
  size=$(stat -c %s "$MODEL")
  for ((at = 0; at < size; at += 1000)); do
    head -c "$at" "$MODEL" >bad.onnx
    refuses bad.onnx -- bad.onnx --calibration few.npy "${outputs[@]}"
    one_line
  done
  ;;
changed_model)
  # One byte in every 1997 is 0xff instead: an error with one line, or a model that runs.
  few 4
  size=$(stat -c %s "$MODEL")
  for ((at = 13; at < size; at += 1997)); do
    cp "$MODEL" bad.onnx
    printf '\xff' | dd of=bad.onnx bs=1 seek="$at" conv=notrunc status=none
    status=0
    "$QUANTIZE" bad.onnx --calibration few.npy --quiet 2>stderr.txt || status=$?
    [ "$status" -lt 126 ] || fail "byte $at: ended by a signal: $status"
    [ "$status" -eq 0 ] || one_line
  done
  ;;
not_a_model)
  echo hello >bad.onnx
  refuses bad.onnx -- bad.onnx --calibration "$images" "${outputs[@]}"
  one_line
  ;;
unknown_operator)
  # The same length keeps the file whole.
  sed 's/GlobalAveragePool/GlobalWhateverXyz/g' "$MODEL" >bad.onnx
  refuses bad.onnx GlobalWhateverXyz -- bad.onnx --calibration "$images" "${outputs[@]}"
  one_line
  ;;
cyclic_model)
  # The first convolution reads what the second Clip gives: /1/1.2/Clip_output_0 has the length of the name it replaces.
  # The second mention of the first Clip's output is where the next convolution reads it.
  cp "$MODEL" bad.onnx
  at=$(grep -obUaP '\x14/0/0\.2/Clip_output_0' "$MODEL" | sed -n 2p | cut -d: -f1)
  printf '\x14/1/1.2/Clip_output_0' | dd of=bad.onnx bs=1 seek="$at" conv=notrunc status=none
  refuses bad.onnx cycle -- bad.onnx --calibration "$images" "${outputs[@]}"
  one_line
  ;;
plan_of_another_model)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --quiet
  # One weight of another value: another model.
  cp "$MODEL" other.onnx
  at=$(grep -obUa 'onnx::Conv_130' "$MODEL" | tail -n 1 | cut -d: -f1)
  printf '\x01' | dd of=other.onnx bs=1 seek=$((at + 2000)) conv=notrunc status=none
  refuses plan.json "another model" -- other.onnx --from-plan plan.json "${plan_outputs[@]}"
  one_line
  ;;
damaged_plan)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --quiet
  sed 's/"levels": 256/"levels": 1/' plan.json >bad.json
  refuses bad.json levels -- "$MODEL" --from-plan bad.json "${plan_outputs[@]}"
  one_line
  head -c 5000 plan.json >bad.json
  refuses bad.json -- "$MODEL" --from-plan bad.json "${plan_outputs[@]}"
  one_line
  ;;
hand_edited_plan)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --quiet
  # What feeds the second convolution, taken for weights; then its weights for activations.
  sed '/"tensor": "\/0\/0.2\/Clip_output_0"/,/"kind"/s/"kind": "activations"/"kind": "weights"/' plan.json >bad.json
  ! cmp -s plan.json bad.json || fail "nothing edited"
  refuses bad.json /0/0.2/Clip_output_0 weights -- "$MODEL" --from-plan bad.json "${plan_outputs[@]}"
  one_line
  sed 's/"kind": "weights"/"kind": "activations"/' plan.json >bad.json
  refuses bad.json activations constant -- "$MODEL" --from-plan bad.json "${plan_outputs[@]}"
  one_line
  # Grids along the wrong axis.
  sed 's/"axis": 0/"axis": 1/' plan.json >bad.json
  refuses bad.json axis -- "$MODEL" --from-plan bad.json "${plan_outputs[@]}"
  one_line
  ;;
damaged_statistics)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --save-statistics s --quiet
  head -c 3000 s >bad
  refuses bad -- "$MODEL" --from-statistics bad "${outputs[@]}"
  one_line
  ;;
statistics_of_other_options)
  # Per-tensor activations need numbers that calibration for the default did not keep.
  few 4
  "$QUANTIZE" "$MODEL" --recipe pot --calibration few.npy --save-statistics s --activations-granularity pertensor --quiet
  refuses /0/0.2/Clip_output_0 extremes/1 -- "$MODEL" --recipe pot --from-statistics s "${outputs[@]}"
  one_line
  "$QUANTIZE" "$MODEL" --recipe pot --calibration few.npy --save-statistics s --no-bias-correction --quiet
  refuses /0/0.0/Conv_output_0 mean/1 -- "$MODEL" --recipe pot --from-statistics s "${outputs[@]}"
  one_line
  "$QUANTIZE" "$MODEL" --recipe pot --calibration few.npy --save-statistics s --preset mixed --quiet
  refuses /0/0.2/Clip_output_0 '`extremes`' -- "$MODEL" --recipe pot --from-statistics s "${outputs[@]}"
  one_line
  # Those of the default options are enough for any others.
  "$QUANTIZE" "$MODEL" --recipe pot --calibration few.npy --save-statistics s --quiet
  for others in "--preset mixed" "--preset accuracy --device CPU" "--activations-granularity pertensor" \
    "--weights-granularity pertensor" "--saturation-fix all" --no-bias-correction; do
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" --recipe pot --calibration few.npy --plan calibrated.json --quiet $others
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" --recipe pot --from-statistics s --plan saved.json --quiet $others
    cmp calibrated.json saved.json
  done
  ;;
unwritable_output)
  few 4
  refuses no/such/folder -- "$MODEL" --calibration few.npy --plan no/such/folder/plan.json --output out/model.onnx
  one_line
  mkdir folder
  refuses folder -- "$MODEL" --calibration few.npy --plan out/plan.json --output folder
  one_line
  ;;
one_path_twice)
  few 4
  cp "$MODEL" model.onnx
  refuses MODEL.onnx --output -- model.onnx --calibration few.npy --output ./model.onnx
  one_line
  cmp model.onnx "$MODEL"
  refuses --plan --report -- model.onnx --calibration few.npy --plan out/a --report out/../out/a
  one_line
  ln -s model.onnx link.onnx
  refuses MODEL.onnx --report -- model.onnx --calibration few.npy --report link.onnx
  one_line
  refuses --calibration --save-statistics -- model.onnx --calibration few.npy --save-statistics few.npy
  one_line
  ;;
files_beside)
  # What the user keeps beside an output stays as it is, whether the program succeeds or not.
  few 4
  for name in plan.json.part plan.json.part-0 model.onnx.partial model.onnx.part-0; do
    echo mine >"$name"
  done
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --output model.onnx --quiet
  refuses nowhere.onnx -- nowhere.onnx --calibration few.npy --plan plan.json --output model.onnx
  for name in plan.json.part plan.json.part-0 model.onnx.partial model.onnx.part-0; do
    [ "$(cat "$name")" = mine ] || fail "$name was changed"
  done
  [ "$(ls | grep -c part)" -eq 4 ] || fail "left behind: $(ls)"
  ;;
labels_of_another_model)
  few 8
  "$INPUTS" classes bad.npy 8 12
  refuses bad.npy "sample 0" "label 12" "10 classes" -- "$MODEL" --calibration few.npy --test few.npy --labels bad.npy \
    "${outputs[@]}"
  one_line
  ;;
options_without_effect)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --save-statistics s --quiet
  refuses --preset --from-plan -- "$MODEL" --from-plan plan.json --preset mixed --output out/model.onnx
  one_line
  refuses --threads --from-statistics -- "$MODEL" --from-statistics s --threads 2 --output out/model.onnx
  one_line
  ;;
folder_for_a_model)
  few 4
  mkdir folder
  refuses folder "a folder" -- folder --calibration few.npy "${outputs[@]}"
  one_line
  ;;
unknown_preset)
  refuses --preset fast performance -- "$MODEL" --calibration "$images" --preset fast "${outputs[@]}"
  ;;
no_source)
  refuses --calibration --from-statistics --from-plan -- "$MODEL" "${outputs[@]}"
  ;;
two_sources)
  few 4
  "$QUANTIZE" "$MODEL" --calibration few.npy --plan plan.json --quiet
  refuses --calibration --from-plan -- "$MODEL" --calibration few.npy --from-plan plan.json "${outputs[@]}"
  ;;
*) fail "no such case: $1" ;;
esac
