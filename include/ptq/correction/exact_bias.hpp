// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/tap_geometry.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/matched_means.hpp>
#include <ptq/correction/quantized_weights.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ptq::correction {

/// Takes from each bias what the error of its operation's weights adds to the mean output.
///
/// @par Definition
/// `bias[o] += sum over c and taps k of (w - wq)[o, c, k] mean[c, k]`, where `mean[c, k]` is the
/// mean, over samples and output positions, of the value that the tap reads in floating point, 0
/// where that is padding. An operation is linear in its input, so this is exact for real images,
/// at their edges as well; it is 0 where nothing is quantized. No engine runs.
struct exact_bias {
  void request(const topology& nodes, const placement& sites, statistics_request& ask) const {
    for (const topology::node& node : nodes.nodes) {
      if (!find_bias(nodes, node) || !detail::has_quantized_weights(nodes, sites, node) ||
          nodes.constant_at(node, 1) == nullptr || missing(node) != nullptr) {
        continue;
      }
      const std::optional<tap_geometry> geometry = geometry_of(nodes, node);
      if (node.kind == op::matmul || (geometry && geometry->is_pointwise())) {
        ask.mean(node.inputs[0], detail::channel_axis_of(node));
      } else if (geometry) {
        ask.tap_mean(node.inputs[0], *geometry);
      }
    }
  }

  [[nodiscard]] auto operator()(const correction_context& context, const plan& before) const
      -> plan {
    const topology& in = context.nodes;
    plan after = before;
    for (const topology::node& node : in.nodes) {
      const std::optional<bias_site> bias = find_bias(in, node);
      const quantizer* const quantized = bias ? before.input(node.name, 1) : nullptr;
      if (quantized == nullptr || quantized->kind != tensor_kind::weights ||
          in.constant_at(node, 1) == nullptr) {
        continue;
      }
      const auto leave = [&](const std::string& why) {
        context.tell.on_note({node.name, "bias left as it is: " + why});
      };
      if (const char* const lacking = missing(node)) {
        leave(lacking);
        continue;
      }
      if (in.tensors[bias->tensor].consumers.size() != 1) {
        leave("it is shared with another operation");
        continue;
      }
      std::optional<detail::bias_change> change = detail::shifted_bias(
          detail::constant_under(in, after, bias->tensor), *bias, shift_of(context, before, node)
      );
      if (!change) {
        leave("its shape is not that of the channels");
        continue;
      }
      after.constants.push_back(replaced_constant{
          in.tensors[bias->tensor].name,
          node.name,
          "exact_bias_correction",
          std::move(change->value)
      });
    }
    return after;
  }

  friend constexpr auto operator==(const exact_bias&, const exact_bias&) -> bool = default;

private:
  /// Why the means cannot be told; null if they can.
  static auto missing(const topology::node& of) -> const char* {
    if (of.kind == op::matmul) {
      const auto* const product =
          of.attributes ? std::get_if<matmul_attributes>(&*of.attributes) : nullptr;
      return product != nullptr && product->transpose_a ? "its activations are transposed"
                                                        : nullptr;
    }
    if (of.kind != op::convolution && of.kind != op::depthwise_convolution) {
      return "transposed convolutions are not covered";
    }
    return topology::convolution_of(of) == nullptr
               ? "the graph does not tell the convolution's strides and pads: give it "
                 "`attributes(node_id) const -> ptq::op_attributes`"
               : nullptr;
  }

  static auto geometry_of(const topology& in, const topology::node& of)
      -> std::optional<tap_geometry> {
    const constant_view* const weights = in.constant_at(of, 1);
    if (of.kind == op::matmul || weights == nullptr || weights->rank() < 3) {
      return std::nullopt;
    }
    std::vector<std::size_t> kernel;
    for (std::size_t axis = 2; axis != weights->rank(); ++axis) {
      kernel.push_back(weights->extent(axis));
    }
    return tap_geometry_of(kernel, *topology::convolution_of(of));
  }

  /// Empty if the shapes do not fit each other.
  static auto
  shift_of(const correction_context& context, const plan& before, const topology::node& of)
      -> std::vector<double> {
    const topology& in = context.nodes;
    const tensor_data exact = to_floats(*in.constant_at(of, 1));
    const tensor_data quantized = detail::weights_under(in, before, of);
    const auto error_at = [&](std::size_t i) {
      return static_cast<double>(exact.values[i]) - static_cast<double>(quantized.values[i]);
    };
    const std::string& input = in.tensors[of.inputs[0]].name;
    if (quantized.shape != exact.shape) {
      return {};
    }
    if (of.kind == op::matmul) {
      const std::vector<double> means =
          context.collected.mean({input, statistic_key("mean", last_axis)});
      const auto* const product =
          of.attributes ? std::get_if<matmul_attributes>(&*of.attributes) : nullptr;
      const bool transposed = product == nullptr || product->transpose_b;
      if (exact.shape.size() != 2 || exact.shape[transposed ? 1 : 0] != means.size()) {
        return {};
      }
      const std::size_t outputs = exact.shape[transposed ? 0 : 1];
      std::vector<double> result(outputs);
      for (std::size_t o = 0; o != outputs; ++o) {
        for (std::size_t i = 0; i != means.size(); ++i) {
          const double wrong = error_at(transposed ? o * means.size() + i : i * outputs + o);
          result[o] += detail::rounded(wrong * means[i]);
        }
      }
      return result;
    }
    const std::optional<tap_geometry> geometry = geometry_of(in, of);
    const std::size_t groups = topology::convolution_of(of)->groups;
    if (!geometry || groups == 0 || exact.shape[0] % groups != 0) {
      return {};
    }
    const std::vector<double> means = context.collected.mean(
        {input, geometry->is_pointwise() ? statistic_key("mean", 1) : geometry->key()}
    );
    const std::size_t window = exact.shape[1] * geometry->taps();
    if (window * groups != means.size()) {
      return {};
    }
    const std::size_t per_group = exact.shape[0] / groups;
    std::vector<double> result(exact.shape[0]);
    for (std::size_t o = 0; o != result.size(); ++o) {
      const double* const read = means.data() + o / per_group * window;
      for (std::size_t i = 0; i != window; ++i) {
        result[o] += detail::rounded(error_at(o * window + i) * read[i]);
      }
    }
    return result;
  }
};

} // namespace ptq::correction
