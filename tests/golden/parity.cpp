// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/calibrate.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/json/plan.hpp>
#include <ptq/lowering/lower.hpp>
#include <ptq/plan/validate.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
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

/// The largest distance of two limits, as a share of the recorded range's width. Infinite if one is
/// not finite.
auto distance(const std::vector<ptq::grid>& mine, const std::vector<ptq::grid>& recorded)
    -> double {
  double worst = 0.0;
  for (std::size_t c = 0; c != recorded.size(); ++c) {
    const ptq::grid& a = mine[c];
    const ptq::grid& b = recorded[c];
    const double in = static_cast<double>(b.in_high) - static_cast<double>(b.in_low);
    const double out = static_cast<double>(b.out_high) - static_cast<double>(b.out_low);
    for (const double share :
         {(static_cast<double>(a.in_low) - static_cast<double>(b.in_low)) / in,
          (static_cast<double>(a.in_high) - static_cast<double>(b.in_high)) / in,
          (static_cast<double>(a.out_low) - static_cast<double>(b.out_low)) / out,
          (static_cast<double>(a.out_high) - static_cast<double>(b.out_high)) / out}) {
      if (!std::isfinite(share)) {
        return std::numeric_limits<double>::infinity();
      }
      worst = std::max(worst, std::abs(share));
    }
  }
  return worst;
}

/// The mode is not recorded: the preset implies it.
auto mode_in(const golden_run& run, ptq::tensor_kind kind) -> ptq::mode {
  const bool asymmetric =
      run.preset == "accuracy" || (run.preset == "mixed" && kind == ptq::tensor_kind::activations);
  return asymmetric ? ptq::asymmetric : ptq::symmetric;
}

auto bytes_of(const std::vector<float>& values) -> std::string_view {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// A constant as the plan leaves it.
auto constant_in(const ptq::plan& plan, const ptq::topology& in, const std::string& tensor)
    -> ptq::tensor_data {
  const ptq::tensor_data* const replaced = plan.constant(tensor);
  const auto found = std::ranges::find(in.tensors, tensor, &ptq::topology::tensor::name);
  REQUIRE(found != in.tensors.end());
  REQUIRE(in.nodes[found->node].constant.has_value());
  return replaced != nullptr ? *replaced : ptq::to_floats(*in.nodes[found->node].constant);
}

void check_quantizers(
    const ptq::plan& plan, const golden_run& run, const ptq::topology& in, double activations_within
) {
  CHECK_NOTHROW(ptq::validate(plan));
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
    CHECK(mine->format.mode == mode_in(run, recorded.kind));
    CHECK(mine->format.bits == 8);
    if (recorded.kind == ptq::tensor_kind::weights) {
      CHECK(sha256(bytes_of(constant_in(plan, in, mine->tensor).values)) == each.weights_sha256);
    }
    const double within = recorded.kind == ptq::tensor_kind::weights ? 1e-6 : activations_within;
    CHECK(distance(mine->format.grids, recorded.format.grids) <= within);
  }
}

void check_constants(const ptq::plan& plan, const golden_run& run, const ptq::topology& in) {
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
    const auto node = std::ranges::find(in.nodes, each.node, &ptq::topology::node::name);
    REQUIRE(node != in.nodes.end());
    const ptq::constant_view* const bias = in.constant_at(*node, 2);
    REQUIRE(bias != nullptr);
    CHECK(ptq::to_floats(*bias).values == each.before);
    const auto mine = biases.find(each.node);
    CHECK(each.skipped == (mine == biases.end()));
    if (mine == biases.end()) {
      continue;
    }
    REQUIRE(mine->second->values.size() == each.after.size());
    double largest = 0.0;
    double worst = 0.0;
    for (std::size_t c = 0; c != each.after.size(); ++c) {
      largest = std::max(largest, std::abs(static_cast<double>(each.after[c])));
      worst = std::max(
          worst,
          std::abs(
              static_cast<double>(mine->second->values[c]) - static_cast<double>(each.after[c])
          )
      );
    }
    CHECK(worst <= 1e-4 * largest);
  }
}

/// All scales of POT: the recorded limits give them to the bit, in float32 as POT reckoned.
auto recorded_scales(const golden_run& run, const golden_codes& of) -> std::vector<float> {
  std::vector<float> scales;
  for (const golden_quantizer& each : run.quantizers) {
    if (each.quantizer.kind == ptq::tensor_kind::weights &&
        each.quantizer.consumers.front().node == of.node) {
      for (const ptq::grid& g : each.quantizer.format.grids) {
        scales.push_back((g.out_high - g.out_low) / static_cast<float>(g.levels - 1));
      }
    }
  }
  CHECK(sha256(bytes_of(scales)) == of.scale_sha256);
  REQUIRE(of.scale_first8.size() == std::min<std::size_t>(8, scales.size()));
  CHECK(std::equal(of.scale_first8.begin(), of.scale_first8.end(), scales.begin()));
  return scales;
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
    CHECK(std::equal(
        recorded.first16.begin(),
        recorded.first16.end(),
        codes.begin(),
        codes.begin() + std::min<std::ptrdiff_t>(16, std::ssize(codes))
    ));
    CHECK(std::accumulate(codes.begin(), codes.end(), std::int64_t{0}) == recorded.sum);
    const std::vector<float> scales = recorded_scales(run, recorded);
    REQUIRE(mine.scales.size() == scales.size());
    for (std::size_t c = 0; c != scales.size(); ++c) {
      CHECK(
          static_cast<double>(mine.scales[c]) ==
          doctest::Approx(static_cast<double>(scales[c])).epsilon(1e-6)
      );
    }
    if (mode_in(run, ptq::tensor_kind::weights) == ptq::symmetric) {
      CHECK(sha256(bytes_of(mine.scales)) == recorded.scale_sha256);
    }
    for (std::size_t c = 0; c != mine.zero_points.size(); ++c) {
      const float zero = recorded.zero_points.empty() ? 0.0F : recorded.zero_points.at(c);
      CHECK(std::abs(static_cast<double>(mine.zero_points[c]) - static_cast<double>(zero)) <= 1e-4);
    }
  }
}

TEST_CASE("a limit that is not finite is infinitely far from POT's") {
  const ptq::grid recorded{.in_low = 0, .in_high = 1};
  CHECK(distance({recorded}, {recorded}) == 0.0);
  for (const float limit :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ptq::grid mine = recorded;
    mine.out_low = limit;
    CHECK(distance({mine}, {recorded}) == std::numeric_limits<double>::infinity());
  }
}

TEST_CASE("from the recorded statistics each plan is POT's") {
  const engine::graph graph(model());
  const ptq::topology in = ptq::read_graph(graph).nodes;
  const ptq::statistics collected = golden_statistics();
  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run run = read_golden(configuration);
    const ptq::plan plan = quantization_of(run)(graph, collected);
    check_quantizers(plan, run, in, 1e-6);
    check_constants(plan, run, in);
    check_codes(plan, run, graph);
  }
}

TEST_CASE("on the example engine each plan is POT's") {
  const engine::graph graph(model());
  const ptq::topology in = ptq::read_graph(graph).nodes;
  engine::evaluator evaluator(model(), calibration_images());
  for (const std::string& configuration : golden_configurations) {
    INFO(configuration);
    const golden_run run = read_golden(configuration);
    const ptq::plan plan = quantization_of(run)(graph, evaluator);
    check_quantizers(plan, run, in, 1e-4);
    check_constants(plan, run, in);
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
