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

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/int8_engine.hpp"
#include "engine/model.hpp"
#include "engine/onnx_writer.hpp"
#include "errors.hpp"
#include "npy/npy.hpp"
#include "recipes.hpp"
#include "report.hpp"

namespace {

class stopwatch {
public:
  [[nodiscard]] auto seconds() const -> double {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Puts what the library tells into the report.
struct into_report {
  report& to;

  void on_note(const ptq::note& what) const {
    to.notes.push_back(what.where + ": " + what.message);
  }

  void on_time(const ptq::stage_time& what) const {
    to.stage_milliseconds[std::string(what.stage)] = what.seconds * 1e3;
  }
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

struct named_path {
  std::string_view option;
  const std::string& path;
};

auto same_file(const std::string& a, const std::string& b) -> bool {
  std::error_code problem;
  if (std::filesystem::equivalent(a, b, problem)) {
    return true;
  }
  const std::filesystem::path one = std::filesystem::weakly_canonical(a, problem);
  return !problem && one == std::filesystem::weakly_canonical(b, problem) && !problem;
}

/// @throws ptq::error if one file would be written twice, or over what is read.
void check_apart(std::span<const named_path> inputs, std::span<const named_path> outputs) {
  const auto compare = [](const named_path& one, const named_path& other) {
    if (!one.path.empty() && !other.path.empty() && same_file(one.path, other.path)) {
      throw ptq::error(
          "one file for both " + std::string(one.option) + " and " + std::string(other.option),
          other.path
      );
    }
  };
  for (std::size_t i = 0; i != outputs.size(); ++i) {
    for (const named_path& input : inputs) {
      compare(input, outputs[i]);
    }
    for (const named_path& before : outputs.first(i)) {
      compare(before, outputs[i]);
    }
  }
}

/// @throws ptq::error if a file could not be written there, before the work is done and not after.
void check_writable(const std::string& path) {
  if (path.empty()) {
    return;
  }
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    throw ptq::error("cannot be written: it is a folder", path);
  }
  std::filesystem::remove(ptq::new_file_beside(path));
}

void check_paths(const options& chosen) {
  const named_path inputs[] = {
      {"MODEL.onnx", chosen.model},
      {"--calibration", chosen.calibration},
      {"--from-statistics", chosen.from_statistics},
      {"--from-plan", chosen.from_plan},
      {"--test", chosen.test},
      {"--labels", chosen.labels},
  };
  const named_path outputs[] = {
      {"--save-statistics", chosen.save_statistics},
      {"--plan", chosen.plan},
      {"--output", chosen.output},
      {"--report", chosen.report},
  };
  check_apart(inputs, outputs);
  for (const named_path& each : outputs) {
    check_writable(each.path);
  }
}

/// @throws ptq::error that names the sample if one holds NaN or infinity.
void check_finite(const engine::tensor& samples, const std::string& file) {
  const std::size_t count = samples.dimension() == 0 ? 0 : samples.shape()[0];
  const std::size_t size = count == 0 ? 0 : samples.size() / count;
  for (std::size_t i = 0; i != count * size; ++i) {
    if (!std::isfinite(samples.data()[i])) {
      throw ptq::error(
          std::isnan(samples.data()[i]) ? "the data hold NaN" : "the data hold infinity",
          file + ", sample " + std::to_string(i / size)
      );
    }
  }
}

auto evaluator_on(
    const engine::model& model, const std::string& file, std::vector<std::int64_t> labels = {}
) -> engine::evaluator {
  engine::tensor samples = npy::load_floats(file);
  check_finite(samples, file);
  try {
    return engine::evaluator(model, std::move(samples), std::move(labels));
  } catch (const engine::error& problem) {
    throw ptq::error(problem.what(), file);
  }
}

/// The model; extents that it leaves open are those of the samples at hand.
auto model_for(const options& chosen) -> engine::model {
  const std::string& data = chosen.calibration.empty() ? chosen.test : chosen.calibration;
  try {
    return engine::load(chosen.model);
  } catch (const engine::error&) {
    if (data.empty()) {
      throw;
    }
  }
  const engine::tensor samples = npy::load_floats(data);
  const auto& extents = samples.shape();
  const auto first = std::next(extents.begin(), extents.empty() ? 0 : 1);
  return engine::load(chosen.model, {}, {first, extents.end()});
}

auto labels_from(const std::string& file) -> std::vector<std::int64_t> {
  const auto values = npy::load_integers(file);
  if (values.dimension() != 1) {
    throw ptq::error("labels have one axis, one class for each sample", file);
  }
  return {values.begin(), values.end()};
}

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

/// @throws ptq::error if there is not one label for each sample, or one is no class of the model.
void check_labels(
    const std::vector<std::int64_t>& labels,
    const engine::tensor& samples,
    const engine::model& model,
    const options& chosen
) {
  const std::size_t count = samples.dimension() == 0 ? 0 : samples.shape()[0];
  if (labels.size() != count) {
    throw ptq::error(
        std::to_string(labels.size()) + " labels for " + std::to_string(count) + " samples of " +
            chosen.test,
        chosen.labels
    );
  }
  const engine::source output = model.outputs.front();
  const auto classes = static_cast<std::int64_t>(
      engine::extents(engine::infer_shapes(model, 1)[output.node][output.output])
  );
  for (std::size_t i = 0; i != labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ptq::error(
          "label " + std::to_string(labels[i]) + ", where the model has " +
              std::to_string(classes) + " classes",
          chosen.labels + ", sample " + std::to_string(i)
      );
    }
  }
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
  check_labels(labels, samples, model, chosen);
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

void run(const options& chosen) {
  check_paths(chosen);
  const engine::model model = model_for(chosen);
  const engine::graph graph(model);
  const quantization recipe = quantization_of(chosen, model);
  report result{.model = model.name};
  result.float_file_bytes = std::filesystem::file_size(chosen.model);

  std::optional<engine::evaluator> calibration;
  std::optional<ptq::statistics> statistics;
  ptq::plan plan;
  if (!chosen.calibration.empty()) {
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
  if (statistics) {
    plan = std::visit(
        [&](const auto& quantize) {
          return calibration ? quantize(graph, *statistics, *calibration, into_report{result})
                             : quantize(graph, *statistics, into_report{result});
        },
        recipe
    );
    plan.model.name = model.name;
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
    };
    for (const auto& [path, what] : files) {
      if (!path.empty()) {
        std::cout << "  " << path << ": " << what << '\n';
      }
    }
  }
}
