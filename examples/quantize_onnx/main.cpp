// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

#include <CLI/CLI.hpp>

#include "job.hpp"
#include "options.hpp"

namespace {

void describe(CLI::App& app, options& chosen) {
  app.footer(
      "X.npy holds float32 [N, ...] that matches the model's input, Y.npy an integer class for "
      "each\n"
      "sample. The first --stat-subset-size samples are used, in order, one for each inference."
  );
  app.get_formatter()->column_width(36);
  app.set_version_flag("--version", "quantize_onnx of ptq " + version_of_ptq());
  app.add_flag_callback(
         "--help-accuracy-aware",
         [] { throw CLI::CallForVersion(help_on_accuracy(), 0); },
         "Print the options of --accuracy-aware and exit"
  )
      ->trigger_on_parse();
  app.add_option("MODEL.onnx", chosen.model, "The trained model")->required();

  auto* source = app.add_option_group("Where the ranges come from (one of)");
  source->add_option("--calibration", chosen.calibration, "Samples to run")->type_name("X.npy");
  source->add_option("--from-statistics", chosen.from_statistics, "Saved statistics")
      ->type_name("FILE");
  source->add_option("--from-plan", chosen.from_plan, "A finished plan")->type_name("plan.json");
  source->require_option(1);

  auto* test = app.add_option("--test", chosen.test, "Samples to measure accuracy on");
  auto* labels = app.add_option("--labels", chosen.labels, "Their classes");
  test->type_name("X.npy")->needs(labels);
  labels->type_name("Y.npy")->needs(test);

  const auto one_of =
      [&app](const char* name, std::string& value, const char* text, auto... names) {
        app.add_option(name, value, text)
            ->check(CLI::IsMember(std::vector<std::string>{names...}))
            ->capture_default_str();
      };
  one_of("--recipe", chosen.recipe, "The library's own, or POT's to the number", "ptq", "pot");
  one_of(
      "--preset", chosen.preset, "What to prefer", "default", "performance", "mixed", "accuracy"
  );
  one_of(
      "--device",
      chosen.device,
      "What it will run on",
      "ANY",
      "CPU",
      "CPU_SPR",
      "GPU",
      "NPU",
      "VPU",
      "GNA",
      "GNA3",
      "GNA3.5"
  );
  one_of("--model-type", chosen.model_type, "Rules of its own for", "none", "transformer");
  app.add_option("--ignore", chosen.ignore, "Node to leave in float; may be repeated")
      ->type_name("NAME")
      ->expected(1);
  app.add_option("--ignore-type", chosen.ignore_type, "ONNX operator to leave in float; likewise")
      ->type_name("TYPE")
      ->expected(1);
  for (const auto& [option, value, of] :
       {std::tuple("--weights-bits", &chosen.weights_bits, "Bits of weights, if not the device's"),
        std::tuple("--activations-bits", &chosen.activations_bits, "Bits of activations")}) {
    app.add_option(option, *value, of)->check(CLI::Range(2, 16))->type_name("2..16");
  }
  app.add_option("--stat-subset-size", chosen.stat_subset_size, "Samples to calibrate on")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000'000}))
      ->capture_default_str();
  one_of(
      "--weights-granularity",
      chosen.weights_granularity,
      "Grids of weights",
      "perchannel",
      "pertensor"
  );
  one_of(
      "--activations-granularity",
      chosen.activations_granularity,
      "Grids of activations",
      "default",
      "pertensor"
  );
  one_of(
      "--saturation-fix",
      chosen.saturation_fix,
      "Weights kept to 7 bits",
      "default",
      "first_layer",
      "all",
      "no"
  );
  one_of(
      "--range-estimator",
      chosen.range_estimator,
      "Of activations",
      "default",
      "mean_squared_error",
      "min_max",
      "percentile",
      "octav",
      "exact_clip",
      "kl_divergence",
      "quantile"
  );
  one_of(
      "--bias-correction",
      chosen.bias_correction,
      "How biases are corrected",
      "default",
      "verified",
      "fast",
      "full",
      "exact",
      "sequential",
      "none"
  );
  app.add_flag("--no-bias-correction", chosen.no_bias_correction, "The same as none")
      ->excludes("--bias-correction");
  app.add_flag("--no-channel-alignment", chosen.no_channel_alignment, "Leave channels as they are");
  app.add_option("--threads", chosen.threads, "Threads to calibrate and search with")
      ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
      ->capture_default_str();

  app.add_option("--save-statistics", chosen.save_statistics, "Write the statistics")
      ->type_name("FILE");
  app.add_option("--plan", chosen.plan, "Write the plan")->type_name("plan.json");
  app.add_option("--output", chosen.output, "Write the quantized model")
      ->type_name("model.int8.onnx");
  app.add_option("--report", chosen.report, "Write what was measured")->type_name("report.json");
  app.add_flag(
      "--accuracy-aware",
      chosen.accuracy.wanted,
      "Hold the accuracy: options in --help-accuracy-aware"
  );
  describe_accuracy(app, chosen.accuracy);
  app.add_flag("--quiet", chosen.quiet, "Print nothing but errors");
}

/// @throws ptq::error for an option that would change nothing.
void check_used(const CLI::App& app, const options& chosen) {
  const auto refuse = [&app](const std::string& source, const std::vector<std::string>& unused) {
    for (const std::string& option : unused) {
      if (app.get_option(option)->count() != 0) {
        throw ptq::error(option + " changes nothing with " + source);
      }
    }
  };
  if (!chosen.from_statistics.empty()) {
    refuse("--from-statistics", {"--stat-subset-size"});
    if (!chosen.accuracy.wanted) {
      refuse("--from-statistics", {"--threads"});
    }
    if (chosen.bias_correction == "full" || chosen.bias_correction == "sequential") {
      throw ptq::error(
          "--bias-correction " + chosen.bias_correction +
          " runs the quantized network, for which --from-statistics has no samples: use "
          "--calibration, or --bias-correction exact"
      );
    }
  }
  if (!chosen.from_plan.empty()) {
    if (!chosen.accuracy.wanted) {
      refuse("--from-plan", {"--threads"});
    }
    refuse(
        "--from-plan",
        {"--stat-subset-size",
         "--recipe",
         "--preset",
         "--device",
         "--weights-granularity",
         "--activations-granularity",
         "--saturation-fix",
         "--range-estimator",
         "--bias-correction",
         "--no-bias-correction",
         "--no-channel-alignment",
         "--model-type",
         "--ignore",
         "--ignore-type",
         "--weights-bits",
         "--activations-bits",
         "--save-statistics"}
    );
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Quantizes a trained ONNX model to 8-bit integers, on a few hundred samples.");
  options chosen;
  describe(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& asked) {
    hide_accuracy(app);
    return app.exit(asked);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem);
  }
  try {
    check_used(app, chosen);
    check_accuracy_options(app, chosen);
    return run(chosen) ? 0 : 2;
  } catch (const std::exception& problem) {
    std::cerr << "quantize_onnx: " << problem.what() << '\n';
    return 1;
  }
}
