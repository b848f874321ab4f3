// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "job.hpp"

#include <ptq/algorithm/calibrate.hpp>
#include <ptq/json/plan.hpp>
#include <ptq/observer/print_progress.hpp>
#include <ptq/plan/check_model.hpp>
#include <ptq/plan/resolve.hpp>
#include <ptq/statistics/file.hpp>
#include <ptq/version.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

#include "data.hpp"
#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/int8_engine.hpp"
#include "engine/model.hpp"
#include "engine/onnx_writer.hpp"
#include "errors.hpp"
#include "hold_accuracy.hpp"
#include "npy/npy.hpp"
#include "paths.hpp"
#include "recipes.hpp"
#include "report.hpp"
#include "tuning.hpp"

namespace {

class stopwatch {
public:
  [[nodiscard]] auto seconds() const -> double {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// A progress bar, if somebody looks.
struct shown_progress {
  bool wanted;

  void on_progress(const ptq::progress& now) {
    if (wanted) {
      bar.on_progress(now);
    }
  }

  ptq::print_progress bar{};
};

template <class Recipe>
auto statistics_of(
    const Recipe& quantize,
    const engine::graph& graph,
    engine::evaluator& evaluator,
    const options& chosen,
    report& into
) -> ptq::statistics {
  const ptq::samples range = quantize.default_part(evaluator);
  // Once to warm up, once to measure: the engine prepares itself at its first sample.
  const auto ignore = [](const ptq::samples&, auto, const ptq::tensor_view&) { return ptq::more; };
  const auto run_bare = [&](const ptq::samples& part) {
    evaluator.observe(graph, {}, part, ptq::show_ref<engine::node_id>(ignore));
  };
  if (range.empty()) {
    throw ptq::error("there is no sample to calibrate on", chosen.calibration);
  }
  calibration_facts facts{.samples = range.size(), .passes = 1};
  if (!range.empty()) {
    run_bare(range.part(0, 1));
    const stopwatch bare;
    run_bare(range);
    facts.bare_inference_seconds = bare.seconds();
  }
  const stopwatch watch;
  shown_progress progress{!chosen.quiet && isatty(STDERR_FILENO) == 1};
  ptq::statistics result =
      chosen.threads == 1
          ? ptq::calibrate(quantize, graph, evaluator, range, progress)
          : ptq::calibrate_in_threads(quantize, graph, evaluator, range, chosen.threads, progress);
  facts.seconds = watch.seconds();
  into.calibration = facts;
  return result;
}

void measure(
    const engine::model& model,
    const engine::graph& graph,
    const ptq::plan& plan,
    const options& chosen,
    report& into
) {
  std::vector<std::int64_t> labels = labels_from(chosen.labels);
  const engine::tensor samples = npy::load_floats(chosen.test);
  check_labels(labels, samples, model, chosen.labels, chosen.test);
  engine::evaluator evaluator = evaluator_on(model, chosen.test, labels);
  const ptq::samples all{0, evaluator.sample_count()};
  if (all.empty()) {
    throw ptq::error("there is no sample to measure on", chosen.test);
  }
  into.test_samples = all.size();
  const auto share_right = [&labels](const engine::tensor& outputs) {
    const auto classes = engine::top1(outputs);
    std::size_t right = 0;
    for (std::size_t i = 0; i != classes.size(); ++i) {
      right += classes[i] == labels[i] ? 1U : 0U;
    }
    return static_cast<double>(right) / static_cast<double>(classes.size());
  };
  engine::int8_engine lowered(graph, plan);
  const engine::tensor wanted = evaluator.outputs(graph, {}, all);
  const engine::tensor planned = evaluator.outputs(graph, plan, all);
  const engine::tensor integral = lowered.outputs(samples);
  into.accuracy = {share_right(wanted), share_right(planned), share_right(integral)};
  into.output_sqnr_db = {{}, output_sqnr_db(wanted, planned), output_sqnr_db(wanted, integral)};

  // Times are of single samples, as a user of the network would run it.
  const ptq::samples some = all.part(0, 200);
  engine::shape first_shape(samples.shape().begin(), samples.shape().end());
  first_shape[0] = some.size();
  auto first = engine::tensor::from_shape(first_shape);
  std::copy_n(samples.data(), first.size(), first.data());
  const auto per_sample = [&some](auto&& work) {
    work();
    std::vector<double> seconds;
    for (int repetition = 0; repetition != 5; ++repetition) {
      const stopwatch watch;
      work();
      seconds.push_back(watch.seconds());
    }
    std::ranges::sort(seconds);
    return seconds[seconds.size() / 2] * 1e3 / static_cast<double>(some.size());
  };
  into.milliseconds_per_sample = {
      .in_float = per_sample([&] { evaluator.outputs(graph, {}, some, 1); }),
      .under_plan = per_sample([&] { evaluator.outputs(graph, plan, some, 1); }),
      .in_int8 = per_sample([&] { static_cast<void>(lowered.outputs(first, 1)); }),
  };
}

} // namespace

auto version_of_ptq() -> std::string {
  return std::to_string(PTQ_VERSION_MAJOR) + "." + std::to_string(PTQ_VERSION_MINOR) + "." +
         std::to_string(PTQ_VERSION_PATCH);
}

auto run(const options& chosen) -> bool {
  check_paths(chosen);
  const engine::model model = model_for(chosen);
  const engine::graph graph(model);
  const quantization recipe = quantization_of(chosen, model);
  report result{.model = model.name};
  result.float_file_bytes = std::filesystem::file_size(chosen.model);

  std::optional<engine::evaluator> calibration;
  std::optional<ptq::statistics> statistics;
  ptq::plan plan;
  const bool tunes = chosen.accuracy.tune_hyperparams;
  if (!chosen.calibration.empty() && tunes) {
    calibration.emplace(evaluator_on(model, chosen.calibration));
    options mixed = chosen;
    mixed.preset = "mixed";
    const tuned_recipes recipes({recipe, quantization_of(mixed, model)});
    statistics = statistics_of(recipes, graph, *calibration, chosen, result);
  } else if (!chosen.calibration.empty()) {
    calibration.emplace(evaluator_on(model, chosen.calibration));
    statistics = std::visit(
        [&](const auto& quantize) {
          return statistics_of(quantize, graph, *calibration, chosen, result);
        },
        recipe
    );
  } else if (!chosen.from_statistics.empty()) {
    statistics = ptq::load_statistics(chosen.from_statistics);
  } else {
    plan = ptq::load_plan(chosen.from_plan);
    try {
      ptq::check_model(plan, ptq::read_graph(graph).nodes);
      static_cast<void>(ptq::resolve(graph, plan));
    } catch (const ptq::error& problem) {
      throw ptq::error(problem.what(), chosen.from_plan);
    }
  }
  requantization quantized;
  if (statistics) {
    quantized = [&](const options& how) {
      ptq::plan made = std::visit(
          [&](const auto& quantize) {
            return calibration ? quantize(graph, *statistics, *calibration, into_report{result})
                               : quantize(graph, *statistics, into_report{result});
          },
          quantization_of(how, model)
      );
      made.model.name = model.name;
      return made;
    };
    plan = quantized(chosen);
  }
  if (chosen.accuracy.wanted) {
    const retuning settings = [&](const options& how) {
      ptq::plan_space found = settings_of(
          quantization_of(how, model), graph, *statistics, calibration ? &*calibration : nullptr
      );
      found.plan_of = [of = std::move(found.plan_of), &model](const ptq::configuration& at) {
        ptq::plan made = of(at);
        made.model.name = model.name;
        return made;
      };
      return found;
    };
    plan = hold_accuracy(model, graph, plan, quantized, settings, chosen, result);
  }

  result.errors = errors_of(graph, plan, calibration ? &*calibration : nullptr);
  const engine::int8_engine lowered(graph, plan);
  result.weighted_operations = lowered.weighted_operations();
  for (const auto& each : lowered.float_operations()) {
    result.float_operations.push_back({each.node, each.reason});
  }
  result.int8_operations = result.weighted_operations - result.float_operations.size();
  if (!chosen.test.empty()) {
    measure(model, graph, plan, chosen, result);
  }

  if (!chosen.save_statistics.empty() && statistics) {
    ptq::save_statistics(*statistics, chosen.save_statistics);
  }
  if (!chosen.plan.empty()) {
    ptq::save(plan, chosen.plan);
  }
  if (!chosen.output.empty()) {
    engine::write_int8_onnx(graph, plan, chosen.output);
    result.int8_file_bytes = std::filesystem::file_size(chosen.output);
  }
  if (!chosen.report.empty()) {
    ptq::write_file(chosen.report, to_json_text(result, plan));
  }
  if (!chosen.quiet) {
    std::cout << to_table(result, plan);
    const std::pair<const std::string&, const char*> files[] = {
        {chosen.save_statistics, "what calibration saw"},
        {chosen.plan, "which tensors are quantized, and how"},
        {chosen.output, "the quantized model, for any ONNX runtime"},
        {chosen.report, "the numbers above and more"},
        {chosen.accuracy.trace, "the steps of the search"},
        {chosen.accuracy.state, "what the search measured, to resume from"},
    };
    for (const auto& [path, what] : files) {
      if (!path.empty()) {
        std::cout << "  " << path << ": " << what << '\n';
      }
    }
  }
  return !result.accuracy_aware || result.accuracy_aware->reached;
}
