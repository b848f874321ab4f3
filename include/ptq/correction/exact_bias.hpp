// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/window.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/correction/detail/bias_change.hpp>
#include <ptq/correction/detail/held_back.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/correction/detail/output_error.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::correction {

/// Adds to the bias of each operation with quantized weights what the weights' error takes from its
/// mean output over the samples.
///
/// @par Definition
/// `bias + op(mean input; W - Wq)`, where `W` are the float and `Wq` the fake-quantized weights: an
/// operation is linear in its input, so this is the shift of its mean output to the last bit of
/// rounding, whatever the padding. It is 0 where nothing is quantized. What each tap of a kernel
/// reads on the mean says as much as the whole mean image, so that alone is kept of the samples.
struct exact_bias {
  double threshold =
      std::numeric_limits<double>::infinity(); ///< As in `fast_bias`, but infinite: none, and a
                                               ///< bias with a zero in it is corrected as well.
  /// Of the calibrated samples, the last ones: where an engine that runs plans is at hand, each
  /// correction is kept only if it lowers the error of the graph's outputs on them. 0: all are
  /// kept.
  double verified_on = 0.0;

  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const topology::node& node : nodes.nodes) {
      const std::optional<bias_site> bias = find_bias(nodes, node);
      if (!bias || detail::why_not_linear(node) != nullptr ||
          !detail::has_quantized_weights(nodes, sites, node)) {
        continue;
      }
      const std::optional<window> how = window_at(nodes, node);
      if (how) {
        ask.tap_mean(node.inputs[0], *how);
      } else {
        ask.mean(node.inputs[0], detail::channel_axis(node));
      }
    }
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    plan after = before;
    std::optional<detail::output_error> error_of;
    double best = 0.0;
    if (verified_on > 0.0 && context.run != nullptr) {
      error_of.emplace(
          context.nodes,
          *context.run->engine,
          detail::held_back(context.run->calibrated, verified_on)
      );
      best = error_of->of(after);
    }
    for (const detail::biased_operation& each : detail::biased_operations(context, false)) {
      const topology::node& node = context.nodes.nodes[each.node];
      const auto leave = [&](const std::string& why) {
        context.tell.on_note({node.name, "bias left as it is: " + why});
      };
      if (const char* const lacking = detail::why_not_linear(node)) {
        leave(lacking);
        continue;
      }
      const std::vector<double> shift = shift_of(context, before, node);
      const tensor_data old = detail::constant_under(before, context.nodes, each.bias.tensor);
      if (shift.empty() || old.values.size() != shift.size()) {
        leave("its shape is not that of the channels");
        continue;
      }
      detail::bias_change change = detail::changed_bias(old, shift);
      if (change.value == old) {
        continue;
      }
      if (threshold < std::numeric_limits<double>::infinity()) {
        if (const std::string why = detail::why_left(change, threshold); !why.empty()) {
          leave(why);
          continue;
        }
      }
      after.constants.push_back(replaced_constant{
          context.nodes.tensors[each.bias.tensor].name,
          node.name,
          "exact_bias_correction",
          std::move(change.value)
      });
      if (error_of) {
        const double now = error_of->of(after);
        if (!(now < best)) {
          after.constants.pop_back();
          leave("the outputs' error on held-back samples would not fall");
          continue;
        }
        best = now;
      }
      context.tell.on_note({node.name, "bias corrected"});
    }
    return after;
  }

  /// @throws error for a threshold that is not above 0 and a share that is none.
  void check_options() const {
    if (!(threshold > 0.0)) {
      throw error("the threshold is above 0", {}, "exact_bias.threshold");
    }
    detail::check_share(verified_on, true, "exact_bias.verified_on");
  }

  friend constexpr auto operator==(const exact_bias&, const exact_bias&) -> bool = default;

private:
  /// Of a convolution whose taps do not all read the same; empty where the means of the channels
  /// say all.
  static auto window_at(const topology& in, const topology::node& of) -> std::optional<window> {
    if (of.kind == op::matmul) {
      return std::nullopt;
    }
    const std::optional<window> how =
        window_of(*in.constant_at(of, 1), *topology::convolution_of(of));
    return how && !how->is_pointwise() ? how : std::nullopt;
  }

  static auto
  shift_of(const correction_context& context, const plan& before, const topology::node& of)
      -> std::vector<double> {
    tensor_data error_of = detail::float_weights(context, of);
    const tensor_data quantized = detail::weights_under(before, context.nodes, of);
    for (std::size_t i = 0; i != quantized.values.size(); ++i) {
      error_of.values[i] -= quantized.values[i];
    }
    const std::string& input = context.nodes.tensors[of.inputs[0]].name;
    if (const std::optional<window> how = window_at(context.nodes, of)) {
      return tapped_means(
          error_of,
          context.collected.mean({input, how->key()}),
          topology::convolution_of(of)->groups
      );
    }
    const std::vector<double> means =
        context.collected.mean({input, statistic_key("mean", detail::channel_axis(of))});
    return of.kind == op::matmul
               ? multiplied_means(error_of, means, detail::has_transposed_weights(of))
               : tapped_means(error_of, means, topology::convolution_of(of)->groups);
  }
};

} // namespace ptq::correction
