// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/detail/operation_mean.hpp>
#include <ptq/correction/preparation.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq::detail {

/// A weighted operation with its bias, if it has one, behind which nothing else reads what is
/// between: its output channels can be changed as long as the one reader makes up for it.
struct producing_layer {
  std::size_t node = 0;
  std::optional<bias_site> bias{};
  std::size_t output = 0; ///< With the bias in it.
};

inline auto read_once(const topology& in, std::size_t tensor) -> bool {
  return in.tensors[tensor].consumers.size() == 1;
}

/// The layer that makes `tensor`; empty if it is none whose constants can be changed for this one
/// reader.
inline auto layer_behind(const topology& in, std::size_t tensor) -> std::optional<producing_layer> {
  std::size_t n = in.tensors[tensor].node;
  if (in.nodes[n].kind == op::add) {
    const topology::node& addition = in.nodes[n];
    for (std::size_t port = 0; port != addition.inputs.size(); ++port) {
      if (addition.inputs[port] != topology::none && in.constant_at(addition, port) == nullptr) {
        n = in.tensors[addition.inputs[port]].node;
        break;
      }
    }
  }
  const topology::node& node = in.nodes[n];
  const bool convolves = node.kind == op::convolution || node.kind == op::depthwise_convolution;
  if ((!convolves && node.kind != op::matmul) || in.constant_at(node, 1) == nullptr ||
      !read_once(in, node.inputs[1])) {
    return std::nullopt;
  }
  producing_layer result{n, find_bias(in, node), node.outputs.front()};
  if (result.bias) {
    if (!result.bias->axis || !read_once(in, result.bias->tensor)) {
      return std::nullopt;
    }
    result.output = result.bias->output;
  } else if (node.inputs.size() > 2 && node.inputs[2] != topology::none) {
    return std::nullopt;
  }
  const bool inner = result.output == node.outputs.front() || read_once(in, node.outputs.front());
  return result.output == tensor && inner && node.outputs.size() == 1 ? std::optional(result)
                                                                      : std::nullopt;
}

/// Multiplies every slice of a tensor along `axis` by its factor.
inline void scale_slices(tensor_data& of, std::size_t axis, const std::vector<double>& factors) {
  std::size_t inner = 1;
  for (std::size_t behind = axis + 1; behind < of.shape.size(); ++behind) {
    inner *= of.shape[behind];
  }
  for (std::size_t i = 0; i != of.values.size(); ++i) {
    const double factor = factors[i / inner % factors.size()];
    of.values[i] = static_cast<float>(static_cast<double>(of.values[i]) * factor);
  }
}

inline auto inverse_of(std::vector<double> factors) -> std::vector<double> {
  for (double& factor : factors) {
    factor = 1.0 / factor;
  }
  return factors;
}

inline void replace(
    preparation& in, const topology& nodes, std::size_t tensor, const char* cause, tensor_data value
) {
  in.model.constants.push_back(
      replaced_constant{nodes.tensors[tensor].name, {}, cause, std::move(value)}
  );
}

/// The axis of the output channels of an operation's weights, and that of the input channels.
inline auto output_axis(const topology::node& of) -> std::size_t {
  return of.kind == op::matmul && !has_transposed_weights(of) ? 1 : 0;
}

inline auto input_axis(const topology::node& of) -> std::size_t {
  return of.kind == op::matmul ? 1 - output_axis(of)
                               : (of.kind == op::depthwise_convolution ? 0 : 1);
}

/// Divides the output channels of a layer by `factors`, weights and bias, and notes what becomes of
/// its tensors.
inline void divide_output(
    preparation& in,
    const topology& nodes,
    const producing_layer& layer,
    const std::vector<double>& factors,
    const char* cause
) {
  const topology::node& node = nodes.nodes[layer.node];
  const std::vector<double> inverse = inverse_of(factors);
  tensor_data weights = constant_under(in.model, nodes, node.inputs[1]);
  scale_slices(weights, output_axis(node), inverse);
  replace(in, nodes, node.inputs[1], cause, std::move(weights));
  if (layer.bias) {
    tensor_data bias = constant_under(in.model, nodes, layer.bias->tensor);
    scale_slices(bias, *layer.bias->axis, inverse);
    replace(in, nodes, layer.bias->tensor, cause, std::move(bias));
  }
  const std::vector<double> still(factors.size(), 0.0);
  in.maps.push_back({node.outputs.front(), channel_axis(node), factors, still});
  if (layer.output != node.outputs.front()) {
    in.maps.push_back({layer.output, channel_axis(node), factors, still});
  }
}

} // namespace ptq::detail
