// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/json/plan.hpp>
#include <ptq/lowering/lower.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <variant>

#include <doctest/doctest.h>

#include "engine/evaluator.hpp"
#include "engine/graph.hpp"
#include "engine/model.hpp"
#include "golden/images.hpp"
#include "golden/quantize.hpp"
#include "golden/read_golden.hpp"
#include "support/sha256.hpp"

namespace {

using namespace ptq::test;

auto model() -> const engine::model& {
  static const engine::model loaded = engine::load(PTQ_MODELS_DIR "/fashion_ds.onnx");
  return loaded;
}

/// The recorded quantizer's counterpart; null if there is none.
auto counterpart(const ptq::plan& plan, const ptq::quantizer& of) -> const ptq::quantizer* {
  for (const auto& each : plan.quantizers) {
    if (each->kind == of.kind &&
        (of.kind == ptq::tensor_kind::weights ? each->consumers == of.consumers
                                              : each->tensor == of.tensor)) {
      return &*each;
    }
  }
  return nullptr;
}

/// The largest distance of two limits, as a share of the recorded range's width.
auto distance(const std::vector<ptq::grid>& mine, const std::vector<ptq::grid>& recorded)
    -> double {
  double worst = 0.0;
  for (std::size_t c = 0; c != recorded.size(); ++c) {
    const ptq::grid& a = mine[c];
    const ptq::grid& b = recorded[c];
    const double in = double{b.in_high} - double{b.in_low};
    const double out = double{b.out_high} - double{b.out_low};
    for (const double share :
         {(double{a.in_low} - double{b.in_low}) / in,
          (double{a.in_high} - double{b.in_high}) / in,
          (double{a.out_low} - double{b.out_low}) / out,
          (double{a.out_high} - double{b.out_high}) / out}) {
      worst = std::max(worst, std::abs(share));
    }
  }
  return worst;
}

void check_quantizers(const ptq::plan& plan, const golden_run& run, double activations_within) {
  CHECK(plan.quantizers.size() == run.quantizers.size());
  std::set<const ptq::quantizer*> met;
  for (const golden_quantizer& each : run.quantizers) {
    const ptq::quantizer& recorded = each.quantizer;
    INFO(recorded.tensor, " ", recorded.consumers.front().node);
    const ptq::quantizer* const mine = counterpart(plan, recorded);
    REQUIRE(mine != nullptr);
    CHECK(met.insert(mine).second);
    CHECK(mine->consumers == recorded.consumers);
    REQUIRE(mine->format.grids.size() == recorded.format.grids.size());
    CHECK(mine->format.axis == recorded.format.axis);
    CHECK(mine->format.grids.front().levels == recorded.format.grids.front().levels);
    const double within = recorded.kind == ptq::tensor_kind::weights ? 1e-6 : activations_within;
    CHECK(distance(mine->format.grids, recorded.format.grids) <= within);
  }
}

void check_constants(const ptq::plan& plan, const golden_run& run) {
  std::map<std::string, const ptq::tensor_data*> biases;
  std::set<std::string> halved;
  for (const auto& each : plan.constants) {
    if (each->cause == "fast_bias_correction") {
      biases[each->node] = &each->value;
    } else {
      CHECK(each->cause == "saturation_fix");
      halved.insert(each->node);
    }
  }
  CHECK(halved == std::set<std::string>(run.halved.begin(), run.halved.end()));
  for (const golden_bias& each : run.biases) {
    INFO(each.node);
    const auto mine = biases.find(each.node);
    CHECK(each.skipped == (mine == biases.end()));
    if (mine == biases.end()) {
      continue;
    }
    REQUIRE(mine->second->values.size() == each.after.size());
    double largest = 0.0;
    double worst = 0.0;
    for (std::size_t c = 0; c != each.after.size(); ++c) {
      largest = std::max(largest, std::abs(double{each.after[c]}));
      worst = std::max(worst, std::abs(double{mine->second->values[c]} - double{each.after[c]}));
    }
    CHECK(worst <= 1e-4 * largest);
  }
}

void check_codes(const ptq::plan& plan, const golden_run& run, const engine::graph& graph) {
  std::map<std::string, ptq::lowered_tensor> weights;
  for (ptq::lowered_tensor& each : ptq::lower(graph, plan)) {
    if (std::holds_alternative<std::vector<std::int8_t>>(each.codes)) {
      weights.emplace(each.node, std::move(each));
    }
  }
  CHECK(weights.size() == run.codes.size());
  for (const golden_codes& recorded : run.codes) {
    INFO(recorded.node);
    REQUIRE(weights.contains(recorded.node));
    const ptq::lowered_tensor& mine = weights.at(recorded.node);
    const auto& codes = std::get<std::vector<std::int8_t>>(mine.codes);
    CHECK(mine.shape == recorded.shape);
    CHECK(sha256({reinterpret_cast<const char*>(codes.data()), codes.size()}) == recorded.sha256);
    for (std::size_t c = 0; c != std::min<std::size_t>(8, mine.scales.size()); ++c) {
      CHECK(
          double{mine.scales[c]} == doctest::Approx(double{recorded.scale_first8[c]}).epsilon(1e-6)
      );
    }
    for (std::size_t c = 0; c != mine.zero_points.size(); ++c) {
      const float zero = recorded.zero_points.empty() ? 0.0F : recorded.zero_points.at(c);
      CHECK(std::abs(double{mine.zero_points[c]} - double{zero}) <= 1e-4);
    }
  }
}

TEST_CASE("from the recorded statistics each plan is POT's") {
  const engine::graph graph(model());
  const ptq::statistics collected = golden_statistics();
  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run run = read_golden(configuration);
    const ptq::plan plan = quantization_of(run)(graph, collected);
    check_quantizers(plan, run, 1e-6);
    check_constants(plan, run);
    check_codes(plan, run, graph);
  }
}

TEST_CASE("on the example engine each plan is POT's") {
  const engine::graph graph(model());
  engine::evaluator evaluator(model(), calibration_images());
  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run run = read_golden(configuration);
    const ptq::plan plan = quantization_of(run)(graph, evaluator);
    check_quantizers(plan, run, 1e-4);
    check_constants(plan, run);
    check_codes(plan, run, graph);
  }
}

TEST_CASE("statistics of parts and of threads are those of the whole") {
  const engine::graph graph(model());
  engine::evaluator evaluator(model(), calibration_images());
  const auto quantize = quantization_of(read_golden("mixed"));
  const ptq::statistics whole = ptq::calibrate(quantize, graph, evaluator, {0, 100});
  ptq::statistics second = ptq::calibrate(quantize, graph, evaluator, {37, 100});
  second.merge(ptq::calibrate(quantize, graph, evaluator, {0, 37}));
  CHECK(second == whole);
  CHECK(ptq::calibrate_in_threads(quantize, graph, evaluator, {0, 100}, 2) == whole);
  CHECK(ptq::calibrate_in_threads(quantize, graph, evaluator, {0, 100}, 7) == whole);
  CHECK(ptq::to_json_text(quantize(graph, second)) == ptq::to_json_text(quantize(graph, whole)));
}

} // namespace
