// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/blocking.hpp>
#include <ptq/placement/choices.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace ptq {

/// Where a quantizer will sit, and of what kind it will be; not yet its range.
struct quantizer_site {
  std::size_t tensor = 0; ///< Index in the topology.
  tensor_kind kind = tensor_kind::activations;
  std::vector<topology::port> consumers{};
  quantization_choice choice{};
  std::optional<std::size_t> axis{}; ///< Of the channels; empty: per tensor.

  friend auto operator==(const quantizer_site&, const quantizer_site&) -> bool = default;
};

/// All quantizers of a model, without ranges.
struct placement {
  std::vector<quantizer_site> sites{};             ///< In the order of the tensors.
  std::vector<std::vector<std::size_t>> unified{}; ///< Groups of sites that share one range.

  friend auto operator==(const placement&, const placement&) -> bool = default;
};

/// What the user asks of a placement.
struct placement_options {
  tensor_options weights{};
  tensor_options activations{};
  bool accurate_weights = false; ///< Take the last of the device's choices, not the first.
  bool accurate_activations = false;

  friend auto operator==(const placement_options&, const placement_options&) -> bool = default;
};

namespace detail {

/// The inputs of a node that are quantized where the device quantizes the node.
inline auto quantized_inputs(const topology::node& of) -> std::vector<std::size_t> {
  std::vector<std::size_t> result;
  std::size_t most = of.inputs.size();
  if (is_weighted(of.kind)) {
    most = 2;
  } else if (of.kind == op::reduce_mean || of.kind == op::relu || of.kind == op::sigmoid ||
             of.kind == op::clamp || of.kind == op::batch_normalization) {
    most = 1;
  }
  for (std::size_t input = 0; input < std::min(most, of.inputs.size()); ++input) {
    if (of.inputs[input] != topology::none) {
      result.push_back(input);
    }
  }
  return result;
}

/// Adds a constant to the output of a convolution or matrix product: its bias, kept in float.
inline auto is_bias_addition(const topology& in, const topology::node& of) -> bool {
  if (of.kind != op::add || of.inputs.size() != 2) {
    return false;
  }
  for (std::size_t input = 0; input != 2; ++input) {
    const std::size_t other = of.inputs[1 - input];
    if (in.constant_at(of, input) != nullptr && other != topology::none &&
        is_weighted(in.producer(other).kind)) {
      return true;
    }
  }
  return false;
}

inline auto
insert_quantizers(const topology& in, const rule_book& rules, const placement_options& options)
    -> edge_quantizers {
  edge_quantizers edges;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    if (!rules.quantizes(node.kind) || is_bias_addition(in, node) || node.constant) {
      continue;
    }
    const op_choices& offered = rules.of(node.kind)->choices;
    for (const std::size_t input : quantized_inputs(node)) {
      const bool constant = in.constant_at(node, input) != nullptr;
      const quantization_choices& list = constant ? offered.weights : offered.activations;
      if (!list.empty()) {
        edges[{n, input}] = {
            with_options(list.list(), constant ? options.weights : options.activations)
        };
      }
    }
  }
  return edges;
}

inline void merge_into(edge_quantizers& edges, const edge& at, const choice_list& choices) {
  const auto [entry, fresh] = edges.try_emplace(at, edge_quantizer{choices});
  if (!fresh) {
    entry->second.choices = common_choices(entry->second.choices, choices);
  }
}

/// Moves quantizers up through operations that only move values.
inline void propagate_upward(const topology& in, const rule_book& rules, edge_quantizers& edges) {
  const blocked_nodes blocked(in, rules, edges);
  std::set<std::size_t> free;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    if (rules.moves(in.nodes[n].kind) && !in.nodes[n].constant && !blocked.contains(n)) {
      free.insert(n);
    }
  }
  std::vector<edge> open;
  for (const auto& [at, quantizer] : edges) {
    open.push_back(at);
  }
  while (!open.empty()) {
    const edge at = open.back();
    open.pop_back();
    const auto found = edges.find(at);
    if (found == edges.end()) {
      continue;
    }
    const std::size_t above = in.tensors[in.nodes[at.first].inputs[at.second]].node;
    if (!free.contains(above)) {
      continue;
    }
    const choice_list choices = std::move(found->second.choices);
    edges.erase(found);
    const topology::node& node = in.nodes[above];
    const std::size_t inputs = joins_its_inputs(node.kind) ? node.inputs.size() : 1;
    for (std::size_t input = 0; input < std::min(inputs, node.inputs.size()); ++input) {
      if (node.inputs[input] != topology::none) {
        merge_into(edges, {above, input}, choices);
        open.push_back({above, input});
      }
    }
  }
}

/// The axis of a weight's channels, in the graph's own layout; empty for a scalar.
inline auto weights_axis(const topology& in, const topology::port& of)
    -> std::optional<std::size_t> {
  const topology::node& node = in.nodes[of.node];
  const constant_view* const constant = in.constant_at(node, of.input);
  if (constant == nullptr || constant->rank() == 0) {
    return std::nullopt;
  }
  if (node.kind == op::transposed_convolution && of.input == 1 && constant->rank() > 1) {
    return 1;
  }
  if (node.kind == op::matmul && of.input == 1 && node.attributes) {
    const auto* const product = std::get_if<matmul_attributes>(&*node.attributes);
    if (product != nullptr && !product->transpose_b) {
      return constant->rank() - 1;
    }
  }
  return 0;
}

} // namespace detail

} // namespace ptq
