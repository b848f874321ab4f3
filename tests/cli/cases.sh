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

# What accuracy cases quantize, and hold on labels that calibration did not see.
validation() {
  "$INPUTS" first 300 "$images" few.npy
  "$INPUTS" first "$1" "$IMAGES/test.npy" validation.npy
  "$INPUTS" first_classes "$1" "$IMAGES/test_labels.npy" labels.npy
}
four_bits=(--calibration few.npy --recipe pot --preset mixed --weights-bits 4 --activations-bits 4 --quiet)
aware=("${four_bits[@]}" --accuracy-aware --validation validation.npy --validation-labels labels.npy)

# value FILE MEMBER: what stands at a member of the report whose name is there once.
value() { sed -n "s/^ *\"$2\": \([^,]*\),*\$/\1/p" "$1"; }

# same_traces A B: but for the times.
same_traces() { cmp <(sed 's/"seconds":[^,}]*//' "$1") <(sed 's/"seconds":[^,}]*//' "$2"); }

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
passes_counted)
  few 40
  "$QUANTIZE" "$MODEL" --calibration few.npy --report report.json --quiet
  grep -q 'observed again' report.json || fail "no tensor was observed again"
  [ "$(value report.json passes)" -eq 2 ] || fail "the recipe's equalisation: $(value report.json passes) passes"
  "$QUANTIZE" "$MODEL" --calibration few.npy --no-channel-alignment --report report.json --quiet
  [ "$(value report.json passes)" -eq 1 ] || fail "nothing is equalised: $(value report.json passes) passes"
  "$QUANTIZE" "$MODEL" --calibration few.npy --recipe pot --report report.json --quiet
  [ "$(value report.json passes)" -eq 1 ] || fail "POT's recipe: $(value report.json passes) passes"
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
memory)
  # Ten times the samples: what they add is the numbers of docs/policies.md that are kept of each, and not the samples.
  "$INPUTS" first 3000 "$IMAGES/test.npy" many.npy
  for recipe in pot ptq; do
    for count in 300 3000; do
      "$QUANTIZE" "$MODEL" --calibration many.npy --recipe "$recipe" --stat-subset-size "$count" --report report.json --quiet
      declare "peak_$count=$(value report.json peak_memory_bytes)"
    done
    grown=$(((peak_3000 - peak_300) / 2700))
    echo "$recipe: $grown bytes a sample"
    [ "$grown" -lt 10240 ] || fail "memory grows by $grown bytes a sample"
  done
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
accuracy_held)
  validation 1000
  "$QUANTIZE" "$MODEL" "${aware[@]}" --plan plan.json --report report.json --trace trace.jsonl --state state
  [ "$(value report.json reached)" = true ] || fail "not held: $(grep -A40 accuracy_aware report.json)"
  [ "$(value report.json stop_reason)" = '"met"' ] || fail "ended by $(value report.json stop_reason)"
  [ "$(value report.json validation_samples)" -eq 1000 ] || fail "of other samples"
  grep -q '"operations": \[' report.json || fail "nothing reverted"
  tail -n 1 trace.jsonl | grep -q '"kind":"result".*"decision":"reached"' || fail "no end: $(tail -n 1 trace.jsonl)"
  # Measured by another run of the plan that was written: the drop is the one that the search returned.
  "$QUANTIZE" "$MODEL" --from-plan plan.json --test validation.npy --labels labels.npy --report again.json --quiet
  "$QUANTIZE" "$MODEL" "${four_bits[@]}" --test validation.npy --labels labels.npy --report start.json --plan start.json.plan
  right() { tr -d ' ",' <"$1" | awk -F: -v way="$2" '/^accuracy:/ { on = 1 } on && $1 == way { print $2; exit }'; }
  awk -v before="$(right start.json plan)" -v in_float="$(right again.json float)" -v now="$(right again.json plan)" \
    -v drop="$(value report.json final_drop)" 'BEGIN {
      off = in_float - now - drop
      exit !(in_float - before > 0.01 && drop <= 0.01 + 1e-12 && off < 1e-9 && off > -1e-9) }' ||
    fail "start $(right start.json plan), now $(right again.json plan), drop $(value report.json final_drop)"
  # Each operation that was reverted is in float, and nothing else is.
  [ "$(grep -c '"tensor"' plan.json)" -lt "$(grep -c '"tensor"' start.json.plan)" ] || fail "the plan quantizes as much"
  # A finished plan can be held as well, and the threads change nothing.
  "$QUANTIZE" "$MODEL" --from-plan start.json.plan --accuracy-aware --validation validation.npy --validation-labels labels.npy \
    --plan other.json --trace other.jsonl --threads 2 --quiet
  cmp plan.json other.json
  same_traces trace.jsonl other.jsonl
  # On the test samples only if the user says so.
  "$QUANTIZE" "$MODEL" "${four_bits[@]}" --accuracy-aware --validate-on-test --test validation.npy --labels labels.npy \
    --plan test.json
  cmp plan.json test.json
  # What is known is not measured again: from the state, another limit asks for less.
  "$QUANTIZE" "$MODEL" "${aware[@]}" --maximal-drop 0.02 --state state --resume --plan loose.json --report loose.report
  [ "$(value loose.report reached)" = true ] || fail "not held"
  ;;
accuracy_threads)
  validation 300
  for options in "" "--search keep_best --ranking by_metric --no-early-stopping" "--search greedy_pot --ranking replay_pot"; do
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" "${aware[@]}" $options --plan one.json --trace one.jsonl
    for threads in 2 4; do
      # shellcheck disable=SC2086
      "$QUANTIZE" "$MODEL" "${aware[@]}" $options --threads "$threads" --plan more.json --trace more.jsonl
      cmp one.json more.json
      same_traces one.jsonl more.jsonl
    done
  done
  ;;
accuracy_progress)
  # A bar goes to a terminal and to nothing else.
  validation 300
  loud=()
  for word in "${aware[@]}"; do
    [ "$word" = --quiet ] || loud+=("$word")
  done
  "$QUANTIZE" "$MODEL" "${loud[@]}" >lines.txt 2>bars.txt
  [ ! -s bars.txt ] || fail "a bar in a file: $(head -c 300 bars.txt)"
  grep -q '^2 ranking of 11 groups' lines.txt || fail "$(cat lines.txt)"
  script --quiet --return --command "'$QUANTIZE' '$MODEL' ${loud[*]} >screen.txt" terminal.txt </dev/null
  cmp <(head -n 11 lines.txt) <(head -n 11 screen.txt)
  for stage in 'float model *\[#*\.*\] 0/300' 'ranking *\[##*\.*\] 32/352' 'candidate *\[##*\.*\] [0-9]*/300'; do
    tr '\r' '\n' <terminal.txt | grep -q "^$stage" || fail "no bar $stage"
  done
  "$QUANTIZE" "$MODEL" "${loud[@]}" --quiet >quiet.txt
  [ ! -s quiet.txt ] || fail "not quiet: $(cat quiet.txt)"
  ;;
accuracy_options)
  "$QUANTIZE" --help-accuracy-aware >help.txt
  for option in --validation --validation-labels --validate-on-test --annotation-free --annotation-conf-threshold --distance \
    --maximal-drop --drop-type --baseline-value --ranking --ranking-subset-size --metric-subset-ratio --seed --search \
    --max-iter-num --no-use-prev-if-drop-increase --no-requantize --no-early-stopping --revert --convert-to-mixed-preset \
    --tune-hyperparams --tuning-subset-size --max-evaluations --max-samples --max-minutes --state --resume --trace; do
    grep -q -- "$option" help.txt || fail "no word of $option"
  done
  [ "$(wc -l <help.txt)" -le 60 ] || fail "more than a screen: $(wc -l <help.txt) lines"
  grep -q -- '--test is measured afterwards' help.txt || fail "does not say what is measured on what"
  # Each changes what it should: the trace, which has every measurement and decision.
  validation 300
  "$QUANTIZE" "$MODEL" "${aware[@]}" --trace default.jsonl
  for changed in "--maximal-drop 0.03" "--drop-type relative" "--baseline-value 0.95 --maximal-drop 0.08" "--ranking-subset-size 8" \
    "--search keep_best" "--ranking by_metric" "--no-early-stopping" "--revert to_weights_only" "--max-evaluations 2" \
    "--max-samples 400" "--search keep_best --max-iter-num 2"; do
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" "${aware[@]}" --trace other.jsonl $changed || [ $? -eq 2 ] || fail "$changed: refused"
    ! same_traces default.jsonl other.jsonl >/dev/null || fail "$changed changes nothing"
  done
  # One of a pair each.
  for pair in "--ranking by_metric|--seed 7" "--search greedy_pot|--max-iter-num 1" \
    "--search greedy_pot --ranking by_nmse --maximal-drop 0 --ranking-subset-size 10|--no-use-prev-if-drop-increase" \
    "--ranking by_metric --baseline-value 0.95 --maximal-drop 0.07|--metric-subset-ratio 0.1" \
    "--search keep_best --maximal-drop 0.003|--no-requantize"; do
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" "${aware[@]}" --trace one.jsonl ${pair%|*} || [ $? -eq 2 ] || fail "$pair: refused"
    # shellcheck disable=SC2086
    "$QUANTIZE" "$MODEL" "${aware[@]}" --trace other.jsonl ${pair%|*} ${pair#*|} || [ $? -eq 2 ] || fail "$pair: refused"
    ! same_traces one.jsonl other.jsonl >/dev/null || fail "${pair#*|} changes nothing"
  done
  ;;
accuracy_policies)
  validation 300
  for ranking in by_nmse by_cosine by_kl by_joint_nmse by_metric by_own_noise replay_pot; do
    "$QUANTIZE" "$MODEL" "${aware[@]}" --ranking "$ranking" --report report.json
    [ "$(value report.json reached)" = true ] || fail "$ranking does not hold it"
  done
  for search in bisection keep_best greedy_pot; do
    "$QUANTIZE" "$MODEL" "${aware[@]}" --search "$search" --report report.json
    [ "$(value report.json reached)" = true ] || fail "$search does not hold it"
  done
  for revert in to_8_bits to_16_bits; do
    "$QUANTIZE" "$MODEL" "${aware[@]}" --revert "$revert" --report report.json --plan plan.json
    [ "$(value report.json reached)" = true ] || fail "$revert does not hold it"
    grep -q '"levels": 1[56]' plan.json && grep -q '"levels": \(25[56]\|6553[56]\)' plan.json || fail "$revert: of one width"
  done
  # The preset mixed beside performance is one candidate more; where it is mixed already a note says so.
  symmetric=("${aware[@]}")
  symmetric[5]=performance
  "$QUANTIZE" "$MODEL" "${symmetric[@]}" --max-evaluations 2 --trace a.jsonl || [ $? -eq 2 ]
  "$QUANTIZE" "$MODEL" "${symmetric[@]}" --max-evaluations 2 --trace b.jsonl --convert-to-mixed-preset || [ $? -eq 2 ]
  ! same_traces a.jsonl b.jsonl >/dev/null || fail "mixed is not tried"
  "$QUANTIZE" "$MODEL" "${aware[@]}" --convert-to-mixed-preset --report report.json
  grep -q 'convert_to_mixed_preset: is left out' report.json || fail "the preset is mixed already, and no word of it"
  ;;
accuracy_tuned)
  validation 600
  "$QUANTIZE" "$MODEL" "${aware[@]}" --tune-hyperparams --plan plan.json --report report.json --trace trace.jsonl \
    --save-statistics statistics
  [ "$(value report.json reached)" = true ] || fail "not held"
  # The options as given and POT's twelve, of which the best is searched on; all of 4 bits.
  [ "$(grep -c '"kind":"tuning"' trace.jsonl)" -eq 13 ] || fail "$(grep -c '"kind":"tuning"' trace.jsonl) settings"
  grep -q '"configuration": "as given"' report.json && fail "no setting is better than POT's"
  changed=$(sed -n 's/^ *"configuration": \(".*"\),*$/\1/p' report.json)
  tail -n 1 trace.jsonl | grep -qF "\"configuration\":$changed" || fail "the trace ends with another setting than $changed"
  grep -o '"levels": [0-9]*' plan.json | grep -qvE ' 1[56]$' && fail "a setting of other bits"
  grep -q '"cause": "fast_bias_correction"' plan.json || grep -q '"cause": "bias_correction"' plan.json || fail "no bias is corrected"
  [ "$(value report.json passes)" -eq 1 ] || fail "$(value report.json passes) passes"
  "$QUANTIZE" "$MODEL" "${aware[@]}" --tune-hyperparams --tuning-subset-size 50 --trace other.jsonl
  ! same_traces trace.jsonl other.jsonl >/dev/null || fail "--tuning-subset-size changes nothing"
  # From statistics that were saved there is no engine for the full correction.
  "$QUANTIZE" "$MODEL" --from-statistics statistics "${aware[@]:2}" --tune-hyperparams --trace saved.jsonl
  [ "$(grep -c '"kind":"tuning"' saved.jsonl)" -eq 12 ] || fail "$(grep -c '"kind":"tuning"' saved.jsonl) settings"
  ;;
accuracy_not_held)
  validation 300
  mkdir out
  status=0
  "$QUANTIZE" "$MODEL" "${aware[@]}" --search greedy_pot --maximal-drop 0 --max-iter-num 1 "${outputs[@]}" || status=$?
  [ "$status" -eq 2 ] || fail "status $status"
  [ "$(value out/report.json reached)" = false ] || fail "held"
  [ "$(value out/report.json stop_reason)" = '"max_iter_num"' ] || fail "ended by $(value out/report.json stop_reason)"
  for name in plan.json model.onnx statistics; do
    [ -s "out/$name" ] || fail "no $name"
  done
  # Everything reverted is the float model, which holds any limit: no operation is quantized, and the files say so.
  "$QUANTIZE" "$MODEL" --calibration few.npy --weights-bits 2 --activations-bits 2 --quiet --accuracy-aware --maximal-drop 0 \
    --validation validation.npy --validation-labels labels.npy --plan plan.json --output model.onnx --report report.json
  [ "$(value report.json reached)" = true ] || fail "not held"
  "$QUANTIZE" "$MODEL" --from-plan plan.json --plan again.json --quiet
  cmp plan.json again.json
  ;;
accuracy_without_labels)
  validation 300
  free=("${four_bits[@]}" --accuracy-aware --annotation-free --validation validation.npy)
  "$QUANTIZE" "$MODEL" "${free[@]}" --report report.json --trace a.jsonl
  [ "$(value report.json measured_by)" = '"agreement with the float model"' ] || fail "$(value report.json measured_by)"
  [ "$(value report.json reached)" = true ] || fail "not held"
  [ "$(value report.json validation_samples)" -lt 300 ] || fail "no sample left out"
  "$QUANTIZE" "$MODEL" "${free[@]}" --annotation-conf-threshold 0 --report report.json
  [ "$(value report.json validation_samples)" -eq 300 ] || fail "a sample left out"
  "$QUANTIZE" "$MODEL" "${free[@]}" --distance nmse --maximal-drop 0.05 --report report.json
  [ "$(value report.json measured_by)" = '"nmse"' ] || fail "$(value report.json measured_by)"
  ;;
accuracy_killed)
  # Killed whenever its state has grown, and resumed: the same plan and the same steps as of a run that was left alone.
  validation 1000
  search=("${aware[@]}" --maximal-drop 0.005 --search keep_best --no-early-stopping)
  "$QUANTIZE" "$MODEL" "${search[@]}" --plan whole.json --trace whole.jsonl
  kills=0
  for ((session = 0; session != 40; ++session)); do
    before=$(stat -c %s state 2>/dev/null || echo 0)
    "$QUANTIZE" "$MODEL" "${search[@]}" --state state --resume --plan plan.json --trace trace.jsonl &
    running=$!
    while kill -0 "$running" 2>/dev/null && { [ "$kills" -eq 5 ] || [ "$(stat -c %s state 2>/dev/null || echo 0)" -le "$before" ]; }; do
      sleep 0.01
    done
    kill -9 "$running" 2>/dev/null || true
    status=0
    wait "$running" 2>/dev/null || status=$?
    [ "$status" -eq 137 ] || break
    [ ! -e plan.json ] || fail "a plan before the end"
    kills=$((kills + 1))
  done
  [ "$status" -eq 0 ] || fail "status $status"
  [ "$kills" -ge 2 ] || fail "killed $kills times only"
  cmp whole.json plan.json
  same_traces whole.jsonl trace.jsonl
  ;;
accuracy_interrupted)
  # Ctrl-C ends the search with the best plan so far.
  validation 1000
  search=("${aware[@]}" --maximal-drop 0 --search greedy_pot --ranking by_metric)
  set -m # background processes of a script do not hear of Ctrl-C otherwise
  "$QUANTIZE" "$MODEL" "${search[@]}" --state state --plan plan.json --report report.json &
  running=$!
  while kill -0 "$running" && [ ! -e state ]; do
    sleep 0.01
  done
  kill -INT "$running"
  status=0
  wait "$running" || status=$?
  [ "$status" -eq 2 ] || fail "status $status"
  [ "$(value report.json stop_reason)" = '"requested"' ] || fail "ended by $(value report.json stop_reason)"
  [ -s plan.json ] || fail "no plan"
  ;;
damaged_state)
  validation 300
  "$QUANTIZE" "$MODEL" "${aware[@]}" --state state --plan plan.json --trace trace.jsonl
  cp state whole
  # The one before it is used, and that is said.
  head -c 500 whole >state
  "$QUANTIZE" "$MODEL" "${aware[@]}" --state state --resume --plan again.json --trace again.jsonl --report report.json
  cmp plan.json again.json
  same_traces trace.jsonl again.jsonl
  grep -q 'state: .*the state before it is used' report.json || fail "no word of it"
  # With none before it the program stops, and leaves the state and the trace as they were.
  for size in 0 1 100 500 $(($(stat -c %s whole) - 1)); do
    rm -f state.previous
    head -c "$size" whole >state
    cp state before
    refuses state -- "$MODEL" "${aware[@]}" --state state --resume "${outputs[@]}" --trace trace.jsonl
    one_line
    cmp state before
    same_traces trace.jsonl again.jsonl
  done
  # Of other samples; where there is none it begins afresh.
  cp whole state
  "$INPUTS" first 299 validation.npy fewer.npy
  "$INPUTS" first_classes 299 labels.npy fewer_labels.npy
  refuses state "another search" -- "$MODEL" "${four_bits[@]}" --accuracy-aware --validation fewer.npy \
    --validation-labels fewer_labels.npy --state state --resume "${outputs[@]}"
  one_line
  "$QUANTIZE" "$MODEL" "${aware[@]}" --state fresh --resume --plan again.json
  cmp plan.json again.json
  ;;
bad_accuracy_options)
  validation 8
  few 4
  data=(--validation validation.npy --validation-labels labels.npy)
  refused() {
    local words=()
    while [ "$1" != -- ]; do
      words+=("$1")
      shift
    done
    refuses "${words[@]}" -- "$MODEL" --calibration few.npy "${outputs[@]}" "${@:2}"
    one_line
  }
  refused --maximal-drop --accuracy-aware -- --maximal-drop 0.1
  refused --no-requantize --accuracy-aware -- --no-requantize
  refused --validation --accuracy-aware -- "${data[@]}"
  refused --validation --validate-on-test -- --accuracy-aware
  refused --validation --validate-on-test -- --accuracy-aware --test validation.npy --labels labels.npy
  refused --validate-on-test --test -- --accuracy-aware --validate-on-test
  refused "one of them" -- --accuracy-aware --validate-on-test --test validation.npy --labels labels.npy "${data[@]}"
  refused --validation-labels --annotation-free -- --accuracy-aware --validation validation.npy
  refused --validation-labels --annotation-free -- --accuracy-aware --annotation-free "${data[@]}"
  for wrong in --maximal-drop=-0.1 --maximal-drop=nan --maximal-drop=inf --max-minutes=-1 --ranking-subset-size=0 --baseline-value=nan; do
    refused "${wrong%=*}" -- --accuracy-aware "${data[@]}" "$wrong"
  done
  refused --metric-subset-ratio -- --accuracy-aware "${data[@]}" --ranking by_metric --baseline-value 0.9 --metric-subset-ratio 1.5
  refused --annotation-conf-threshold -- --accuracy-aware --annotation-free --validation validation.npy \
    --annotation-conf-threshold 1.5
  refused --max-iter-num bisection -- --accuracy-aware "${data[@]}" --max-iter-num 3
  refused --seed by_metric -- --accuracy-aware "${data[@]}" --seed 3
  refused --tuning-subset-size --tune-hyperparams -- --accuracy-aware "${data[@]}" --tuning-subset-size 5
  refused --tuning-subset-size -- --accuracy-aware "${data[@]}" --tune-hyperparams --tuning-subset-size 0
  refuses --tune-hyperparams --from-plan -- "$MODEL" --from-plan plan.json --accuracy-aware "${data[@]}" --tune-hyperparams
  refused --no-requantize greedy_pot -- --accuracy-aware "${data[@]}" --search greedy_pot --no-requantize
  refused --resume --state -- --accuracy-aware "${data[@]}" --resume
  refused --distance --annotation-free -- --accuracy-aware "${data[@]}" --distance nmse
  refused labels.npy few.npy 8 4 -- --accuracy-aware --validation few.npy --validation-labels labels.npy
  refused nowhere.npy -- --accuracy-aware --validation nowhere.npy --validation-labels labels.npy
  refused --state --plan -- --accuracy-aware "${data[@]}" --state out/plan.json
  refused --validation --trace -- --accuracy-aware "${data[@]}" --trace validation.npy
  refused no/such/folder -- --accuracy-aware "${data[@]}" --state no/such/folder/state
  "$INPUTS" spoil nan 5 validation.npy bad.npy
  refused bad.npy "sample 5" NaN -- --accuracy-aware --validation bad.npy --validation-labels labels.npy
  refuses --ranking by_nmse -- "$MODEL" --calibration few.npy --accuracy-aware "${data[@]}" --ranking best "${outputs[@]}"
  refuses --maximal-drop -- "$MODEL" --calibration few.npy --accuracy-aware "${data[@]}" --maximal-drop much "${outputs[@]}"
  ;;
*) fail "no such case: $1" ;;
esac
