// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/core/error.hpp>
#include <ptq/correction/bias.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/lowering/lowered_tensor.hpp>
#include <ptq/lowering/weights.hpp>
#include <ptq/plan/check_model.hpp>
#include <ptq/plan/plan.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

inline auto lowered_bias(
    const tensor_data& bias,
    std::optional<std::size_t> axis,
    std::string name,
    const topology::node& of,
    const quantizer& input,
    const quantizer& weights
) -> std::optional<lowered_tensor> {
  const std::vector<grid>& in = input.format.grids;
  const std::vector<grid>& by = weights.format.grids;
  const bool channels_fit =
      in.size() == 1 || (of.kind == op::depthwise_convolution && in.size() == bias.values.size());
  const bool per_channel_scales = in.size() != 1 || by.size() != 1;
  if (!channels_fit || (by.size() != 1 && by.size() != bias.values.size()) ||
      (per_channel_scales && !axis)) {
    return std::nullopt;
  }
  lowered_tensor result{.name = std::move(name), .node = of.name, .shape = bias.shape, .bits = 32};
  if (per_channel_scales) {
    result.axis = axis;
  }
  std::vector<std::int32_t> codes(bias.values.size());
  for (std::size_t c = 0; c != codes.size(); ++c) {
    const double scale = in[in.size() == 1 ? 0 : c].scale() * by[by.size() == 1 ? 0 : c].scale();
    const double code = std::nearbyint(static_cast<double>(bias.values[c]) / scale);
    if (!(std::abs(code) <= static_cast<double>(std::numeric_limits<std::int32_t>::max()))) {
      return std::nullopt;
    }
    codes[c] = static_cast<std::int32_t>(code);
    if (c == 0 || result.axis) {
      result.scales.push_back(static_cast<float>(scale));
      result.zero_points.push_back(0.0F);
    }
  }
  result.codes = std::move(codes);
  return result;
}

inline auto moves_values(op kind) -> bool {
  switch (kind) {
  case op::max_pool:
  case op::reduce_max:
  case op::reshape:
  case op::flatten:
  case op::squeeze:
  case op::unsqueeze:
  case op::transpose:
  case op::split:
  case op::pad:
  case op::slice:
  case op::relu: // Zero is on the grid.
    return true;
  default:
    return false;
  }
}

inline auto common_input_quantizer(const plan& by, const topology::node& of) -> const quantizer*;

/// The quantizer whose grid the activations of `of` are on: at its input 0, or above operations
/// that only move values; null if there is none, or channels were moved on the way.
inline auto input_quantizer(const topology& in, const plan& by, const topology::node& of)
    -> const quantizer* {
  const topology::node* reader = &of;
  while (true) {
    if (reader->inputs.empty() || reader->inputs[0] == topology::none) {
      return nullptr;
    }
    if (const quantizer* const found = by.input(reader->name, 0)) {
      return reader == &of || !found->format.axis ? found : nullptr;
    }
    reader = &in.producer(reader->inputs[0]);
    if (reader->kind == op::concat) {
      return common_input_quantizer(by, *reader);
    }
    if (!moves_values(reader->kind)) {
      return nullptr;
    }
  }
}

/// The quantizer of the first of a concatenation's inputs, if all are on its one grid.
inline auto common_input_quantizer(const plan& by, const topology::node& of) -> const quantizer* {
  const quantizer* first = nullptr;
  for (std::size_t input = 0; input != of.inputs.size(); ++input) {
    const quantizer* const found = by.input(of.name, input);
    if (found == nullptr || found->format.axis ||
        (first != nullptr && found->format != first->format)) {
      return nullptr;
    }
    first = first == nullptr ? found : first;
  }
  return first;
}

} // namespace detail

/// The integers that the plan makes of the graph's constants: int8 or int16 weights, packed half up
/// as OpenVINO does, and int32 biases in units of input scale times weight scale.
///
/// A zero point that is a whole number and can be taken into the codes is; symmetric weights have
/// none. Biases are given for operations whose input and weights are both quantized, with one input
/// scale for each output channel; one too large for int32 is left out. Weights of more than 65,536
/// levels stay in floating point.
/// @throws error if the plan is of another graph, its grids are none, or for another element type.
/// @see POT, `compress_model_weights`
[[nodiscard]] inline auto
lower(const topology& in, const plan& by, const lowering_options& how = {})
    -> std::vector<lowered_tensor> {
  check_model(by, in);
  if (how.weights_as != element_type::i8 && how.weights_as != element_type::u8) {
    throw error("weights are lowered to int8 or uint8", {}, "weights_as");
  }
  const auto value_of = [&](std::size_t tensor) {
    const tensor_data* const replaced = by.constant(in.tensors[tensor].name);
    return replaced != nullptr ? *replaced : to_floats(*in.producer(tensor).constant);
  };
  std::vector<lowered_tensor> result;
  for (const auto& entry : by.quantizers) {
    if (entry->kind != tensor_kind::weights) {
      continue;
    }
    const auto found = std::ranges::find(in.tensors, entry->tensor, &topology::tensor::name);
    if (found == in.tensors.end() || !in.nodes[found->node].constant) {
      throw error("the plan is of another model: the graph has no such constant", entry->tensor);
    }
    if (entry->format.grids.empty() || entry->format.grids.front().levels <= most_lowered_levels) {
      const auto tensor = static_cast<std::size_t>(found - in.tensors.begin());
      result.push_back(detail::lowered_weights(value_of(tensor), *entry, how));
    }
  }
  for (const topology::node& node : in.nodes) {
    const std::optional<bias_site> bias = find_bias(in, node);
    const quantizer* const input = bias ? detail::input_quantizer(in, by, node) : nullptr;
    const quantizer* const weights = bias ? by.input(node.name, 1) : nullptr;
    if (input == nullptr || weights == nullptr) {
      continue;
    }
    auto lowered = detail::lowered_bias(
        value_of(bias->tensor), bias->axis, in.tensors[bias->tensor].name, node, *input, *weights
    );
    if (lowered) {
      result.push_back(std::move(*lowered));
    }
  }
  return result;
}

/// The same with codes of another type, `element_type::i8` or `element_type::u8`.
[[nodiscard]] inline auto lower(const topology& in, const plan& by, element_type weights_as)
    -> std::vector<lowered_tensor> {
  return lower(in, by, lowering_options{.weights_as = weights_as});
}

/// @see lower(const topology&, const plan&, const lowering_options&)
template <graph G>
[[nodiscard]] auto lower(const G& of, const plan& by, const lowering_options& how = {})
    -> std::vector<lowered_tensor> {
  return lower(read_graph(of).nodes, by, how);
}

/// @see lower(const topology&, const plan&, element_type)
template <graph G>
[[nodiscard]] auto lower(const G& of, const plan& by, element_type weights_as)
    -> std::vector<lowered_tensor> {
  return lower(read_graph(of).nodes, by, weights_as);
}

} // namespace ptq
