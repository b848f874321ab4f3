// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/quantized_weights.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Replaces the bias of each operation with quantized weights, so that its mean output over the
/// samples is what it was in floating point.
///
/// @par Definition
/// `bias = mean output - op(mean input)`: the operation with its fake-quantized weights and without
/// bias, fed with one constant for each input channel. Its mean over the output positions has a
/// closed form, so no engine runs.
///
/// A bias whose relative change is not below `threshold` anywhere, or that has a zero in it, is
/// left as it is.
/// @see POT, FastBiasCorrection
struct fast_bias {
  double threshold = 2.0; ///< Of the largest `|new - old| / |old|` over the channels.

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const topology::node& node : nodes.nodes) {
      const std::optional<bias_site> bias = find_bias(nodes, node);
      if (!bias || !detail::has_quantized_weights(nodes, sites, node) || missing(node) != nullptr) {
        continue;
      }
      ask.mean(node.inputs[0], detail::channel_axis_of(node));
      ask.mean(bias->output, detail::channel_axis_of(node));
    }
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    plan after = before;
    for (const topology::node& node : context.nodes.nodes) {
      const std::optional<bias_site> bias = find_bias(context.nodes, node);
      if (!bias || !detail::has_quantized_weights(context.nodes, context.sites, node)) {
        continue;
      }
      const auto leave = [&](const std::string& why) {
        context.tell.on_note({node.name, "bias left as it is: " + why});
      };
      if (const char* const lacking = missing(node)) {
        leave(lacking);
        continue;
      }
      if (context.nodes.tensors[bias->tensor].consumers.size() != 1) {
        leave("it is shared with another operation");
        continue;
      }
      const std::vector<double> expected = mean_of(context, bias->output, node);
      const std::vector<double> reached = quantized_mean(context, before, node);
      const std::string& name = context.nodes.tensors[bias->tensor].name;
      tensor_data value = detail::constant_under(context.nodes, before, bias->tensor);
      if (!bias->axis || reached.empty() || expected.size() != reached.size() ||
          value.values.size() != reached.size()) {
        leave("its shape is not that of the channels");
        continue;
      }
      double change = 0.0;
      for (std::size_t c = 0; c != reached.size(); ++c) {
        const double old = static_cast<double>(value.values[c]);
        value.values[c] = static_cast<float>(expected[c] - reached[c]);
        change =
            old == 0.0
                ? std::numeric_limits<double>::infinity()
                : std::max(change, std::abs((static_cast<double>(value.values[c]) - old) / old));
      }
      if (!(change < threshold)) {
        leave(
            std::isinf(change) ? "it has a zero in it"
                               : "it would change by " + std::to_string(change) +
                                     " of its value, not below the "
                                     "threshold " +
                                     std::to_string(threshold)
        );
        continue;
      }
      context.tell.on_note(
          {node.name, "bias corrected by up to " + std::to_string(change) + " of its value"}
      );
      after.constants.push_back(
          replaced_constant{name, node.name, "fast_bias_correction", std::move(value)}
      );
    }
    return after;
  }

  /// @throws error for a threshold that is not above 0.
  void check_options() const {
    if (!(threshold > 0.0)) {
      throw error("the threshold is above 0", {}, "fast_bias.threshold");
    }
  }

  friend constexpr auto operator==(const fast_bias&, const fast_bias&) -> bool = default;

private:
  /// Why the mean output of this operation cannot be told; null if it can.
  static auto missing(const topology::node& of) -> const char* {
    if (of.kind == op::transposed_convolution) {
      return "transposed convolutions are not covered";
    }
    if (of.kind != op::matmul && topology::convolution_of(of) == nullptr) {
      return "the graph does not tell the convolution's strides and pads: give it "
             "`attributes(node_id) const -> ptq::op_attributes`";
    }
    if (of.kind == op::matmul && of.attributes) {
      const auto* const product = std::get_if<matmul_attributes>(&*of.attributes);
      if (product != nullptr && product->transpose_a) {
        return "its activations are transposed";
      }
    }
    return nullptr;
  }

  static auto
  mean_of(const correction_context& context, std::size_t tensor, const topology::node& of)
      -> std::vector<double> {
    std::vector<double> means = context.collected.mean(
        {context.nodes.tensors[tensor].name, statistic_key("mean", detail::channel_axis_of(of))}
    );
    // As in POT, whose means are binary32.
    for (double& mean : means) {
      mean = static_cast<double>(static_cast<float>(mean));
    }
    return means;
  }

  static auto
  quantized_mean(const correction_context& context, const plan& before, const topology::node& of)
      -> std::vector<double> {
    const tensor_data weights = detail::weights_under(context.nodes, before, of);
    const std::vector<double> means = mean_of(context, of.inputs[0], of);
    if (of.kind == op::matmul) {
      const auto* const product =
          of.attributes ? std::get_if<matmul_attributes>(&*of.attributes) : nullptr;
      return multiplied_means(weights, means, product == nullptr || product->transpose_b);
    }
    return convolved_means(
        weights,
        means,
        context.collected.usual_shape(context.nodes.tensors[of.inputs[0]].name),
        *topology::convolution_of(of)
    );
  }
};

} // namespace ptq::correction
