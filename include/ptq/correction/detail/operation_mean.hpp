// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/calibration/request.hpp>
#include <ptq/core/blocks.hpp>
#include <ptq/core/tensor_data.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/correction/concept.hpp>
#include <ptq/correction/fake_quantized.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/place.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ptq::detail {

/// The axis of the channels of a weighted operation's input and output.
inline auto channel_axis(const topology::node& of) -> std::size_t {
  return of.kind == op::matmul ? last_axis : 1;
}

inline auto
has_quantized_weights(const topology& in, const placement& sites, const topology::node& of)
    -> bool {
  return std::ranges::any_of(sites.sites, [&](const quantizer_site& site) {
    return site.kind == tensor_kind::weights &&
           std::ranges::any_of(site.consumers, [&](const topology::port& port) {
             return port.input == 1 && &in.nodes[port.node] == &of;
           });
  });
}

/// Is input 1 of a matrix product `[out, in]`?
inline auto has_transposed_weights(const topology::node& of) -> bool {
  const auto* const product =
      of.attributes ? std::get_if<matmul_attributes>(&*of.attributes) : nullptr;
  return product == nullptr || product->transpose_b;
}

/// Why the output of this operation is not known from its input; null if it is.
inline auto why_not_linear(const topology::node& of) -> const char* {
  if (of.kind == op::transposed_convolution || of.kind == op::grouped_transposed_convolution) {
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

/// A constant of the graph under a plan.
inline auto constant_under(const plan& under, const topology& in, std::size_t tensor)
    -> tensor_data {
  const tensor_data* const replaced = under.constant(in.tensors[tensor].name);
  return replaced != nullptr ? *replaced : to_floats(*in.producer(tensor).constant);
}

/// Input 1 of an operation as it computes under a plan.
inline auto weights_under(const plan& under, const topology& in, const topology::node& of)
    -> tensor_data {
  tensor_data weights = constant_under(under, in, of.inputs[1]);
  const quantizer* const on = under.input(of.name, 1);
  return on == nullptr ? weights : fake_quantized(std::move(weights), on->format);
}

/// The weights of the float model, as it was prepared.
inline auto float_weights(const correction_context& context, const topology::node& of)
    -> tensor_data {
  return constant_under(
      context.prepared != nullptr ? context.prepared->model : plan{}, context.nodes, of.inputs[1]
  );
}

/// An operation whose bias can be replaced.
struct biased_operation {
  std::size_t node = 0;
  bias_site bias{};
};

/// The operations whose biases can be replaced, in the order of the nodes; observers hear of those
/// that have a bias which cannot.
/// @param all  Also those whose weights are not quantized.
inline auto biased_operations(const correction_context& context, bool all)
    -> std::vector<biased_operation> {
  std::vector<biased_operation> result;
  for (std::size_t n = 0; n != context.nodes.nodes.size(); ++n) {
    const topology::node& node = context.nodes.nodes[n];
    const std::optional<bias_site> bias = find_bias(context.nodes, node);
    if (!bias || context.nodes.constant_at(node, 1) == nullptr ||
        (!all && !has_quantized_weights(context.nodes, context.sites, node))) {
      continue;
    }
    if (context.nodes.tensors[bias->tensor].consumers.size() != 1) {
      context.tell.on_note({node.name, "bias left as it is: it is shared with another operation"});
    } else if (!bias->axis) {
      context.tell.on_note({node.name, "bias left as it is: its shape is not that of the channels"}
      );
    } else {
      result.push_back({n, *bias});
    }
  }
  return result;
}

} // namespace ptq::detail
