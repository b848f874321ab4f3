// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <engine/evaluator.hpp>
#include <engine/graph.hpp>

#include "running.hpp"

/// Samples of noise for a model; `low` and `high` are the ends of their range.
inline auto
samples_for(const engine::model& of, std::size_t count, float low, float high, std::uint32_t seed)
    -> engine::tensor {
  engine::shape shape = of.input_shape;
  shape[0] = count;
  auto result = engine::tensor::from_shape(shape);
  const auto values = noise(result.size(), seed);
  for (std::size_t i = 0; i != values.size(); ++i) {
    result.data()[i] = low + (high - low) * (values[i] + 1) / 2;
  }
  return result;
}

/// How many decibels `found` is away from `expected`.
inline auto sqnr(const engine::tensor& expected, const engine::tensor& found) -> double {
  REQUIRE(expected.size() == found.size());
  double signal = 0;
  double error = 0;
  for (std::size_t i = 0; i != expected.size(); ++i) {
    const auto value = static_cast<double>(expected.data()[i]);
    const double difference = value - static_cast<double>(found.data()[i]);
    signal += value * value;
    error += difference * difference;
  }
  return 10 * std::log10(signal / std::max(error, 1e-30));
}

/// Plans made by hand.
class plan_maker {
public:
  explicit plan_maker(const engine::graph& of) : graph_(of) {}

  /// `[0, high]`, `[low, high]` with zero on a code, or `-high .. high`.
  auto activations(
      const std::string& node,
      std::size_t input,
      const std::vector<std::pair<float, float>>& ranges,
      std::int64_t levels = 256
  ) -> plan_maker& {
    ptq::quantizer made{.tensor = tensor_at(node, input), .consumers = {{node, input}}};
    if (ranges.size() != 1) {
      made.format.axis = 1;
    }
    for (const auto& [low, high] : ranges) {
      const double step =
          (static_cast<double>(high) - static_cast<double>(low)) / static_cast<double>(levels - 1);
      const double zero = std::nearbyint(-static_cast<double>(low) / step);
      const auto from = static_cast<float>(-zero * step);
      const auto to = static_cast<float>((static_cast<double>(levels - 1) - zero) * step);
      made.format.grids.push_back({from, to, from, to, levels});
    }
    plan_.quantizers.emplace_back(std::move(made));
    return *this;
  }

  /// Symmetric, for each channel on `axis`, or for all.
  /// @param levels  An odd number.
  auto weights(
      const std::string& node,
      std::optional<std::size_t> axis = 0,
      double share = 1,
      std::int64_t levels = 255
  ) -> plan_maker& {
    const auto id = find(node);
    const auto ref = graph_.inputs(id)[1];
    const auto view = *graph_.constant(ref.node);
    ptq::quantizer made{
        .tensor = tensor_at(node, 1), .kind = ptq::tensor_kind::weights, .consumers = {{node, 1}}
    };
    made.format.axis = axis;
    const std::size_t channels = axis ? view.extent(*axis) : 1;
    std::size_t inner = 1;
    for (std::size_t i = axis.value_or(0) + 1; axis && i < view.rank(); ++i) {
      inner *= view.extent(i);
    }
    std::vector<float> largest(channels, 0.0F);
    for (std::size_t i = 0; i != view.size(); ++i) {
      float& each = largest[axis ? i / inner % channels : 0];
      each = std::max(each, std::abs(view.data_as<float>()[i]));
    }
    for (const float each : largest) {
      const auto high = static_cast<float>(static_cast<double>(each) / share);
      made.format.grids.push_back({-high, high, -high, high, levels});
    }
    plan_.quantizers.emplace_back(std::move(made));
    return *this;
  }

  auto last() -> ptq::quantizer {
    ptq::quantizer result = *plan_.quantizers.back();
    plan_.quantizers.pop_back();
    return result;
  }

  auto add(ptq::quantizer made) -> plan_maker& {
    plan_.quantizers.emplace_back(std::move(made));
    return *this;
  }

  [[nodiscard]] auto done() const -> const ptq::plan& { return plan_; }

private:
  [[nodiscard]] auto find(const std::string& name) const -> engine::node_id {
    for (const auto id : graph_.nodes()) {
      if (graph_.name(id) == name) {
        return id;
      }
    }
    FAIL("there is no node " << name);
    return 0;
  }

  [[nodiscard]] auto tensor_at(const std::string& node, std::size_t input) const -> std::string {
    return std::string(graph_.tensor_name(graph_.inputs(find(node))[input]));
  }

  const engine::graph& graph_;
  ptq::plan plan_;
};

/// A small network: convolution, Clip, depthwise convolution, Relu, pool, Flatten, Gemm.
inline auto small_network(float clip_high = 1.5F) -> engine::model {
  using ints = std::vector<std::int64_t>;
  onnx_bytes::model made;
  made.input("x", {-1, 3, 8, 8});
  made.constant("w1", {8, 3, 3, 3}, noise(216, 1)).constant("b1", {8}, noise(8, 2));
  made.constant("w2", {8, 1, 3, 3}, noise(72, 3)).constant("b2", {8}, noise(8, 4));
  made.constant("w3", {5, 8}, noise(40, 5)).constant("b3", {5}, noise(5, 6));
  made.constant("low", {}, {0}).constant("high", {}, {clip_high});
  made.node("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", ints{1, 1, 1, 1}}}, "first");
  made.node("Clip", {"c1", "low", "high"}, {"a1"}, {}, "clip");
  made.node(
      "Conv",
      {"a1", "w2", "b2"},
      {"c2"},
      {{"pads", ints{1, 1, 1, 1}}, {"group", std::int64_t{8}}, {"strides", ints{2, 2}}},
      "depthwise"
  );
  made.node("Relu", {"c2"}, {"a2"}, {}, "relu");
  made.node("GlobalAveragePool", {"a2"}, {"p"}, {}, "pool");
  made.node("Flatten", {"p"}, {"f"}, {}, "flatten");
  made.node("Gemm", {"f", "w3", "b3"}, {"y"}, {{"transB", std::int64_t{1}}}, "classify");
  made.output("y");
  return parse(made);
}
