// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "accuracy_options.hpp"

#include <ptq/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "options.hpp"

namespace {

constexpr const char* heading = "Options of --accuracy-aware";

} // namespace

void describe_accuracy(CLI::App& app, accuracy_options& chosen) {
  const auto add = [&](const char* name, auto& value, const char* text, const char* type) {
    app.add_option(name, value, text)->type_name(type)->group(heading);
  };
  const auto flag = [&](const char* name, bool& value, const char* text) {
    app.add_flag(name, value, text)->group(heading);
  };
  const auto one_of = [&](const char* name, std::string& value, const char* text, auto... names) {
    app.add_option(name, value, text)
        ->check(CLI::IsMember(std::vector<std::string>{names...}))
        ->capture_default_str()
        ->group(heading);
  };
  add("--validation", chosen.validation, "Samples that the search measures on", "X.npy");
  add("--validation-labels", chosen.validation_labels, "Their classes", "Y.npy");
  flag("--validate-on-test", chosen.validate_on_test, "Measure on --test and --labels instead");
  flag("--annotation-free", chosen.annotation_free, "The float model's answers are the labels");
  add("--annotation-conf-threshold",
      chosen.annotation_conf_threshold,
      "Leave out what the float model is less sure of (0.6)",
      "0..1");
  one_of(
      "--distance",
      chosen.distance,
      "Without labels: of the outputs, in place of classes",
      "default",
      "nmse",
      "cosine",
      "kl"
  );
  add("--maximal-drop", chosen.maximal_drop, "What top-1 may lose (0.01)", "DROP");
  one_of("--drop-type", chosen.drop_type, "Unit of the drop", "absolute", "relative");
  add("--baseline-value", chosen.baseline_value, "Float model's metric, if known", "VALUE");
  one_of(
      "--ranking",
      chosen.ranking,
      "Which to revert first",
      "by_joint_nmse",
      "by_nmse",
      "by_cosine",
      "by_kl",
      "by_metric",
      "by_own_noise",
      "replay_pot"
  );
  add("--ranking-subset-size",
      chosen.ranking_subset_size,
      "Samples to rank on (16; 32 by_joint_nmse; 64 by_own_noise; 300 by_metric, replay_pot)",
      "N");
  add("--metric-subset-ratio",
      chosen.metric_subset_ratio,
      "With a baseline: share to find the worst in (0.5)",
      "0..1");
  add("--seed", chosen.seed, "For what ties by_metric, and in the tuning subset", "N");
  one_of(
      "--search",
      chosen.search,
      "How many to revert, and which",
      "bisection",
      "keep_best",
      "greedy_pot"
  );
  add("--max-iter-num", chosen.max_iter_num, "Groups that keep_best, greedy_pot try", "N");
  flag(
      "--use-prev-if-drop-increase,!--no-use-prev-if-drop-increase",
      chosen.use_prev_if_drop_increase,
      "Take back what made it worse (the default)"
  );
  flag("!--no-requantize", chosen.requantize, "Do not try to quantize again in the end");
  flag("!--no-early-stopping", chosen.early_stopping, "Measure every candidate on all samples");
  one_of(
      "--revert",
      chosen.revert,
      "What becomes of what is reverted",
      "to_float",
      "to_weights_only",
      "to_8_bits",
      "to_16_bits"
  );
  flag(
      "--convert-to-mixed-preset",
      chosen.convert_to_mixed_preset,
      "Try mixed in place of performance first"
  );
  flag(
      "--tune-hyperparams", chosen.tune_hyperparams, "Try other ranges and bias corrections first"
  );
  add("--tuning-subset-size",
      chosen.tuning_subset_size,
      "Samples to compare those on, the worst (300)",
      "N");
  add("--max-evaluations", chosen.max_evaluations, "Candidates to measure", "N");
  add("--max-samples", chosen.max_samples, "Inferences in all", "N");
  add("--max-minutes", chosen.max_minutes, "Wall time", "MINUTES");
  add("--state", chosen.state, "Keep what was measured, after each step", "FILE");
  flag("--resume", chosen.resume, "Go on from --state; afresh if it is not there");
  add("--trace", chosen.trace, "Write each step as a line of JSON, as it goes", "FILE");
}

void hide_accuracy(CLI::App& app) {
  for (CLI::Option* const each :
       app.get_options([](CLI::Option* option) { return option->get_group() == heading; })) {
    each->group("");
  }
}

auto help_on_accuracy() -> std::string {
  CLI::App app("With --accuracy-aware: as few operations as can be are taken back from the plan, "
               "until\nthe accuracy has dropped by no more than --maximal-drop.");
  app.set_help_flag();
  app.get_formatter()->column_width(44);
  app.footer(
      "The drop is that of top-1 on --validation, from the float model to the model under the\n"
      "plan, both run in float. --test is measured afterwards, and not looked at before, unless\n"
      "--validate-on-test says so: its accuracy is then no longer that of unseen samples.\n"
      "Ctrl-C ends the search with the best plan so far. Exit code 2: done, but not held."
  );
  accuracy_options unused;
  describe_accuracy(app, unused);
  return app.help("quantize_onnx ... --accuracy-aware");
}

namespace {

/// An option, and what it has an effect with.
struct dependent {
  std::string_view option;
  bool has_effect;
  std::string_view with;
};

void refuse_values(const accuracy_options& of) {
  const auto refuse = [](bool wrong, const char* option, const char* what) {
    if (wrong) {
      throw ptq::error(what, {}, option);
    }
  };
  const auto share = [&](const std::optional<double>& value, const char* option) {
    refuse(value && !(*value >= 0.0 && *value <= 1.0), option, "has to be 0 to 1");
  };
  refuse(
      !std::isfinite(of.maximal_drop) || of.maximal_drop < 0.0,
      "--maximal-drop",
      "has to be a number, 0 or more"
  );
  refuse(
      of.baseline_value && !std::isfinite(*of.baseline_value),
      "--baseline-value",
      "has to be a number"
  );
  share(of.annotation_conf_threshold, "--annotation-conf-threshold");
  share(of.metric_subset_ratio, "--metric-subset-ratio");
  refuse(of.metric_subset_ratio == 0.0, "--metric-subset-ratio", "has to be above 0");
  refuse(of.ranking_subset_size == 0U, "--ranking-subset-size", "has to be 1 or more");
  refuse(of.tuning_subset_size == 0U, "--tuning-subset-size", "has to be 1 or more");
  refuse(of.max_minutes && !(*of.max_minutes >= 0.0), "--max-minutes", "has to be 0 or more");
}

} // namespace

void check_accuracy_options(const CLI::App& app, const options& chosen) {
  const accuracy_options& of = chosen.accuracy;
  const auto given = [&app](std::string_view option) {
    return app.get_option(std::string(option))->count() != 0;
  };
  if (!of.wanted) {
    CLI::App own;
    accuracy_options unused;
    describe_accuracy(own, unused);
    for (const CLI::Option* each : own.get_options()) {
      const std::string name = each->get_name();
      if (name != "--help" && given(name)) {
        throw ptq::error(name + " changes nothing without --accuracy-aware");
      }
    }
    return;
  }
  if (of.validation.empty() == !of.validate_on_test) {
    throw ptq::error(
        of.validate_on_test
            ? "--validation and --validate-on-test: one of them"
            : "--accuracy-aware needs --validation X.npy with --validation-labels Y.npy or "
              "--annotation-free; or --validate-on-test, to hold the accuracy on --test itself"
    );
  }
  if (of.validate_on_test && chosen.test.empty()) {
    throw ptq::error("--validate-on-test needs --test and --labels");
  }
  if (!of.validation.empty() && of.annotation_free == !of.validation_labels.empty()) {
    throw ptq::error(
        of.annotation_free ? "--validation-labels changes nothing with --annotation-free"
                           : "--validation needs --validation-labels Y.npy, or --annotation-free"
    );
  }
  const bool by_metric = of.ranking == "by_metric";
  const bool greedy = of.search == "greedy_pot";
  const bool bisects = of.search == "bisection";
  const bool finished = !chosen.from_plan.empty();
  for (const dependent& each : {
           dependent{"--validation-labels", !of.validate_on_test, "without --validation"},
           {"--annotation-conf-threshold", of.annotation_free, "without --annotation-free"},
           {"--distance", of.annotation_free, "without --annotation-free"},
           {"--annotation-conf-threshold", of.distance == "default", "with --distance"},
           {"--baseline-value", !of.annotation_free, "with --annotation-free"},
           {"--metric-subset-ratio",
            by_metric || of.tune_hyperparams,
            "without --ranking by_metric or --tune-hyperparams"},
           {"--metric-subset-ratio", of.baseline_value.has_value(), "without --baseline-value"},
           {"--seed",
            by_metric || of.tune_hyperparams,
            "without --ranking by_metric or --tune-hyperparams"},
           {"--tuning-subset-size", of.tune_hyperparams, "without --tune-hyperparams"},
           {"--tune-hyperparams", !finished, "with --from-plan"},
           {"--max-iter-num", !bisects, "with --search bisection"},
           {"--use-prev-if-drop-increase", !bisects, "with --search bisection"},
           {"--no-requantize", !greedy, "with --search greedy_pot"},
           {"--no-early-stopping", !greedy, "with --search greedy_pot"},
           {"--convert-to-mixed-preset", !finished, "with --from-plan"},
           {"--resume", !of.state.empty(), "without --state"},
       }) {
    if (given(each.option) && !each.has_effect) {
      throw ptq::error(std::string(each.option) + " changes nothing " + std::string(each.with));
    }
  }
  if (finished && of.revert.ends_with("_bits")) {
    throw ptq::error("--revert " + of.revert + " needs samples or statistics, not --from-plan");
  }
  refuse_values(of);
}
