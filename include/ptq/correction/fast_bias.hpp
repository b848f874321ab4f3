// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/detail/bias_change.hpp>
#include <ptq/correction/detail/operation_mean.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace ptq::correction {

/// Replaces the bias of each operation with quantized weights, so that its mean output over the
/// samples is what it was in floating point.
///
/// @par Definition
/// `bias = mean output - op(mean input)`: the operation with its fake-quantized weights and without
/// bias, fed with one constant for each input channel. Its mean over the output positions has a
/// closed form, so no engine runs. Where a kernel reaches into the padding, the mean of the outputs
/// and the output of the means differ even in floating point: `exact_bias` does not have this flaw.
///
/// A bias whose relative change is not below `threshold` anywhere, or that has a zero in it, is
/// left as it is.
/// @see POT, FastBiasCorrection
struct fast_bias {
  double threshold = 2.0; ///< Of the largest `|new - old| / |old|` over the channels. Above 0.
  bool apply_for_all_nodes = false; ///< Also operations whose weights are not quantized.

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const topology::node& node : nodes.nodes) {
      const std::optional<bias_site> bias = find_bias(nodes, node);
      if (bias && detail::why_not_linear(node) == nullptr &&
          nodes.constant_at(node, 1) != nullptr &&
          (apply_for_all_nodes || detail::has_quantized_weights(nodes, sites, node))) {
        ask.mean(node.inputs[0], detail::channel_axis(node));
        ask.mean(bias->output, detail::channel_axis(node));
      }
    }
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    plan after = before;
    for (const detail::biased_operation& each :
         detail::biased_operations(context, apply_for_all_nodes)) {
      const topology::node& node = context.nodes.nodes[each.node];
      const auto leave = [&](const std::string& why) {
        context.tell.on_note({node.name, "bias left as it is: " + why});
      };
      if (const char* const lacking = detail::why_not_linear(node)) {
        leave(lacking);
        continue;
      }
      const std::vector<double> expected = mean_of(context, each.bias.output, node);
      const std::vector<double> reached = quantized_mean(context, before, node);
      const tensor_data old = detail::constant_under(before, context.nodes, each.bias.tensor);
      if (reached.empty() || expected.size() != reached.size() ||
          old.values.size() != reached.size()) {
        leave("its shape is not that of the channels");
        continue;
      }
      std::vector<double> shift;
      for (std::size_t c = 0; c != reached.size(); ++c) {
        const auto value = static_cast<double>(static_cast<float>(expected[c] - reached[c]));
        shift.push_back(value - static_cast<double>(old.values[c]));
      }
      detail::bias_change change = detail::changed_bias(old, shift);
      if (const std::string why = detail::why_left(change, threshold); !why.empty()) {
        leave(why);
        continue;
      }
      context.tell.on_note(
          {node.name,
           "bias corrected by up to " + std::to_string(change.magnitude) + " of its value"}
      );
      after.constants.push_back(replaced_constant{
          context.nodes.tensors[each.bias.tensor].name,
          node.name,
          "fast_bias_correction",
          std::move(change.value)
      });
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
  static auto
  mean_of(const correction_context& context, std::size_t tensor, const topology::node& of)
      -> std::vector<double> {
    std::vector<double> means = context.collected.mean(
        {context.nodes.tensors[tensor].name, statistic_key("mean", detail::channel_axis(of))}
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
    const tensor_data weights = detail::weights_under(before, context.nodes, of);
    const std::vector<double> means = mean_of(context, of.inputs[0], of);
    if (of.kind == op::matmul) {
      return multiplied_means(weights, means, detail::has_transposed_weights(of));
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
