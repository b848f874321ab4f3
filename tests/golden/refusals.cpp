// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/config/named_ranges.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/full_bias.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/comparisons.hpp"
#include "golden/images.hpp"
#include "golden/plans.hpp"
#include "golden/range_estimators.hpp"
#include "golden/read_golden.hpp"

namespace {

using namespace ptq::test;

/// The refused runs of a model that are answered by a sentence, or by the plan of another run whose
/// statistics were recorded.
auto answered_runs(const std::string& model) -> std::map<std::string, comparison_entry> {
  std::map<std::string, comparison_entry> result = read_comparisons();
  std::erase_if(result, [&model](const auto& each) {
    const treatment how = each.second.how;
    return read_golden(each.first).model != model || each.second.engine_only ||
           (how != treatment::same_as && how != treatment::refused);
  });
  return result;
}

TEST_CASE("what POT refused is refused with a sentence or planned as it should be") {
  for (const std::string& model_name : golden_models) {
    const std::map<std::string, comparison_entry> runs = answered_runs(model_name);
    if (runs.empty()) {
      continue;
    }
    const engine::model model = engine::load(PTQ_MODELS_DIR "/" + model_name + ".onnx");
    const engine::graph graph(model);
    const ptq::statistics collected = golden_statistics(model_name);
    for (const auto& [name, entry] : runs) {
      INFO(name);
      if (entry.how == treatment::refused) {
        try {
          static_cast<void>(plan_from(read_golden(name), graph, collected));
          FAIL_CHECK("not refused");
        } catch (const ptq::error& problem) {
          CHECK(std::string(problem.what()).find(entry.text) != std::string::npos);
        }
      } else {
        const golden_run& expected = read_golden(entry.text);
        const ptq::plan plan = plan_from(asked_like(read_golden(name), expected), graph, collected);
        CHECK(compare(plan, expected, graph, {}).differences.empty());
      }
    }
  }
}

TEST_CASE("weights of one asymmetric range are planned, which POT could not") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const golden_run& run = read_golden("accuracy_wpertensor_asym");
  CHECK(run.refused);
  const ptq::plan plan = plan_from(run, graph, golden_statistics());
  std::size_t weights = 0;
  for (const auto& each : plan.quantizers) {
    if (each->kind == ptq::tensor_kind::weights) {
      ++weights;
      CHECK(each->format.mode == ptq::asymmetric);
      REQUIRE(each->format.grids.size() == 1);
      CHECK(each->format.grids.front().levels == 256);
      CHECK(each->format.grids.front().in_low < 0.0F);
      CHECK(each->format.grids.front().in_high > 0.0F);
    }
  }
  CHECK(weights == 10);
}

TEST_CASE("a quantile without a share of outliers leaves out 1e-4 of the values at each end") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  engine::evaluator evaluator(model, calibration_images());
  golden_run run = read_golden("mixed_est_quantile_noprob");
  CHECK(run.refused);
  run.samples = {0, 1, 2, 3, 4};
  golden_run told = run;
  auto& estimator = told.algorithms.at(0).at("params").at("activations").at("range_estimator");
  estimator.at("min")["outlier_prob"] = 1e-4;
  estimator.at("max")["outlier_prob"] = 1e-4;
  const ptq::plan plan = plan_on(run, graph, evaluator);
  CHECK(plan == plan_on(told, graph, evaluator));
  estimator.at("max")["outlier_prob"] = 1e-2;
  CHECK(plan != plan_on(told, graph, evaluator));
}

TEST_CASE("operations to ignore are told by the attributes that POT did not know") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  const engine::graph graph(model);
  const ptq::default_quantization<ptq::preset::mixed> quantize{
      .ignored = {.operations = {{.kind = ptq::op::convolution, .groups = 1}}}
  };
  const ptq::plan plan = quantize(graph, golden_statistics());
  std::set<std::string> quantized;
  for (const auto& each : plan.quantizers) {
    if (each->kind == ptq::tensor_kind::weights) {
      quantized.insert(each->consumers.front().node);
    }
  }
  CHECK(
      quantized ==
      std::set<std::string>{"/1/1.0/Conv", "/11/Gemm", "/3/3.0/Conv", "/5/5.0/Conv", "/7/7.0/Conv"}
  );
}

TEST_CASE("what a concatenation joins has one grid, whatever granularity is asked for") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_mix.onnx");
  const engine::graph graph(model);
  engine::evaluator evaluator(model, calibration_images());
  golden_run run = read_golden("fashion_mix.performance_a_perchannel");
  CHECK(run.refused);
  run.samples = {0, 1, 2, 3, 4};
  const ptq::plan plan = plan_on(run, graph, evaluator);
  std::vector<ptq::grid> joined;
  std::size_t per_channel = 0;
  for (const auto& each : plan.quantizers) {
    if (each->kind == ptq::tensor_kind::activations) {
      per_channel += each->format.axis ? 1U : 0U;
      if (each->consumers.front().node == "/Concat") {
        REQUIRE(each->format.grids.size() == 1);
        joined.push_back(each->format.grids.front());
      }
    }
  }
  REQUIRE(joined.size() == 2);
  CHECK(joined[0] == joined[1]);
  CHECK(per_channel > 5);
}

TEST_CASE("all weights of a transformer are halved, whose products of activations have none") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_vit.onnx");
  const engine::graph graph(model);
  const golden_run& run = read_golden("fashion_vit.performance_transformer_cpu_sat_all");
  CHECK(run.refused);
  const ptq::statistics collected = golden_statistics("fashion_vit");
  const ptq::plan plan = plan_from(run, graph, collected);
  const ptq::plan other =
      plan_from(read_golden("fashion_vit.performance_transformer"), graph, collected);
  REQUIRE(plan.quantizers.size() == other.quantizers.size());
  std::size_t weights = 0;
  for (std::size_t i = 0; i != plan.quantizers.size(); ++i) {
    const ptq::quantizer& each = *plan.quantizers[i];
    if (each.kind == ptq::tensor_kind::weights) {
      ++weights;
      const ptq::grid& halved = each.format.grids.front();
      CHECK(halved.in_high == other.quantizers[i]->format.grids.front().in_high);
      CHECK(halved.out_high == 2.0F * halved.in_high);
    } else {
      CHECK(each == *other.quantizers[i]);
    }
  }
  CHECK(weights == 14);
  CHECK(std::ranges::count_if(plan.constants, [](const auto& each) {
          return each->cause == "saturation_fix";
        }) == 14);
}

TEST_CASE("biases are corrected layer by layer whatever the batch of the statistics") {
  const engine::model model = engine::load(PTQ_MODELS_DIR "/fashion_mix.onnx");
  const engine::graph graph(model);
  engine::evaluator evaluator(model, calibration_images());
  const golden_run& run = read_golden("fashion_mix_batch10.mixed_fullbias");
  const auto is_set = [](const golden_bias& each) { return each.verdict == bias_verdict::set; };
  CHECK(std::ranges::none_of(run.biases, is_set)); // POT corrects none, and does not say so.
  const ptq::default_quantization<
      ptq::preset::mixed,
      ptq::device::any,
      ptq::config::named_ranges,
      ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
      ptq::corrections<ptq::correction::saturation_fix, ptq::correction::full_bias>>
      quantize{.ranges = recorded_ranges(run)};
  CHECK(quantize.ranges.options().stat_batch_size == 10);
  const ptq::plan plan = quantize(graph, evaluator);
  // Behind the aligned pair, which has no alignment here, biases are others.
  const std::set<std::string> before_it{
      "/stem/stem.0/Conv", "/r1a/r1a.0/Conv", "/r1b/r1b.0/Conv", "/ba/ba.0/Conv", "/bb/bb.0/Conv"
  };
  std::size_t corrected = 0;
  for (const golden_bias& each : read_golden("fashion_mix.mixed_fullbias").biases) {
    const auto found = std::ranges::find_if(plan.constants, [&each](const auto& constant) {
      return constant->cause == "bias_correction" && constant->node == each.node;
    });
    CHECK((found != plan.constants.end()) == is_set(each));
    if (found != plan.constants.end() && before_it.contains(each.node)) {
      CHECK(distance((*found)->value.values, each.after) <= 1e-4);
      ++corrected;
    }
  }
  CHECK(corrected == before_it.size());
}

} // namespace
