// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/floating.hpp>
#include <ptq/placement/options.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/placement/static_values.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace ptq::detail {

/// For whose sake a tensor is quantized: an operation that reads it, or one that makes it.
struct quantizer_origin {
  std::size_t node = 0;
  bool is_output = false;

  friend auto operator<=>(const quantizer_origin&, const quantizer_origin&) = default;
};

/// An edge, by the input that it ends in.
using edge = std::pair<std::size_t, std::size_t>;

/// A fake-quantizer on one edge, before edges are put together to quantizers.
struct edge_quantizer {
  std::set<quantizer_origin> origins{};
  bool of_output = false; ///< The operation that makes the tensor decides how, not those that read.
  int priority = 0;       ///< Who decides where both want to.
};

using edge_quantizers = std::map<edge, edge_quantizer>;

/// Puts `added` in front of the quantizer on an edge, if there is one, and makes one of both.
inline void put_above(edge_quantizers& edges, const edge& at, const edge_quantizer& added) {
  const auto [entry, fresh] = edges.try_emplace(at, added);
  if (!fresh) {
    edge_quantizer& below = entry->second;
    below.origins.insert(added.origins.begin(), added.origins.end());
    if (below.priority <= added.priority) {
      below.of_output = added.of_output;
      below.priority = added.priority;
    }
  }
}

/// Puts `added` behind the quantizer on an edge, if there is one, and makes one of both.
inline void put_below(edge_quantizers& edges, const edge& at, const edge_quantizer& added) {
  const auto [entry, fresh] = edges.try_emplace(at, added);
  if (!fresh) {
    edge_quantizer& above = entry->second;
    above.origins.insert(added.origins.begin(), added.origins.end());
    if (added.priority > above.priority) {
      above.of_output = added.of_output;
      above.priority = added.priority;
    }
  }
}

inline auto is_arithmetic(op kind) -> bool {
  return kind == op::add || kind == op::subtract || kind == op::multiply;
}

/// A constant is multiplied, and what comes of it is added to one: both stay in floating point.
inline auto is_scale_before_shift(const topology& in, const topology::node& of) -> bool {
  if (of.kind != op::multiply || in.constant_at(of, 1) == nullptr) {
    return false;
  }
  const std::vector<topology::port>& readers = in.tensors[of.outputs.front()].consumers;
  if (readers.empty()) {
    return false;
  }
  const topology::node& reader = in.nodes[readers.front().node];
  return reader.kind == op::add && in.constant_at(reader, 1) != nullptr;
}

/// The inputs of a node that are quantized where the device quantizes the node.
inline auto quantized_inputs(const topology& in, const topology::node& of)
    -> std::vector<std::size_t> {
  std::vector<std::size_t> wanted;
  const auto first = [&](std::size_t count) {
    for (std::size_t input = 0; input != count; ++input) {
      wanted.push_back(input);
    }
  };
  switch (of.kind) {
  case op::convolution:
  case op::depthwise_convolution:
  case op::transposed_convolution:
  case op::grouped_transposed_convolution:
  case op::matmul:
    first(2);
    break;
  case op::lstm:
    wanted = {0, 1, 4, 5};
    break;
  case op::gru: {
    const auto* const told =
        of.attributes ? std::get_if<recurrent_attributes>(&*of.attributes) : nullptr;
    if (told == nullptr || !told->linear_before_reset) {
      wanted = {0, 1, 3, 4};
    }
    break;
  }
  case op::interpolate:
  case op::power:
  case op::reduce_mean:
  case op::normalize_l2:
  case op::assign:
  case op::prelu:
  case op::relu:
  case op::sigmoid:
  case op::tanh:
  case op::clamp:
  case op::mean_variance_normalization:
  case op::batch_normalization:
    first(1);
    break;
  default:
    first(is_scale_before_shift(in, of) ? 1 : of.inputs.size());
  }
  std::erase_if(wanted, [&of](std::size_t input) {
    return input >= of.inputs.size() || of.inputs[input] == topology::none;
  });
  return wanted;
}

/// Can an input be quantized at all? Not where its value is known, but not shown as a constant.
inline auto can_be_quantized(const topology& in, const std::vector<bool>& known, const edge& at)
    -> bool {
  const topology::node& node = in.nodes[at.first];
  const std::size_t tensor = node.inputs[at.second];
  return tensor != topology::none &&
         (!known[in.tensors[tensor].node] || in.constant_at(node, at.second) != nullptr);
}

/// The constant weights of an operation make it one of those that decide about speed.
inline auto has_constant_weights(const topology& in, const topology::node& of) -> bool {
  if (is_recurrent(of.kind)) {
    return in.constant_at(of, of.kind == op::lstm ? 4 : 3) != nullptr;
  }
  return is_weighted(of.kind) && in.constant_at(of, 1) != nullptr;
}

/// Puts a quantizer on each input that the device takes in low precision.
inline auto insert_quantizers(
    const topology& in,
    const rule_book& rules,
    const floating_operations& floating,
    const std::vector<bool>& known,
    where which,
    op preferred
) -> edge_quantizers {
  const std::vector<bool> integer = integer_nodes(in);
  edge_quantizers edges;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    if (!rules.quantizes(node.kind) || known[n] || floating.contains(n) ||
        (which == where::weighted_inputs && !has_constant_weights(in, node))) {
      continue;
    }
    const std::vector<std::size_t> inputs = quantized_inputs(in, node);
    const bool reads_integers = std::ranges::any_of(inputs, [&](std::size_t input) {
      return integer[in.tensors[node.inputs[input]].node];
    });
    if (reads_integers) {
      continue;
    }
    const op_choices& offered = rules.of(node.kind)->choices;
    for (const std::size_t input : inputs) {
      const bool constant = in.constant_at(node, input) != nullptr;
      if (!(constant ? offered.weights : offered.activations).empty() &&
          can_be_quantized(in, known, {n, input})) {
        const bool wins = node.kind == preferred ||
                          (preferred == op::convolution && node.kind == op::depthwise_convolution);
        put_above(
            edges,
            {n, input},
            {.origins = {{n, false}}, .of_output = false, .priority = wins ? 2 : 1}
        );
      }
    }
  }
  return edges;
}

/// Puts a quantizer behind each operation whose output the device gives in low precision: in front
/// of all its readers.
inline void insert_output_quantizers(
    const topology& in,
    const rule_book& rules,
    const floating_operations& floating,
    const std::vector<bool>& known,
    edge_quantizers& edges
) {
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    const device_rule* const rule = rules.of(node.kind);
    if (rule == nullptr || rule->choices.outputs.empty() || known[n] || floating.contains(n)) {
      continue;
    }
    const topology::node* from = &node;
    const std::vector<topology::port>& readers = in.tensors[node.outputs.front()].consumers;
    if (is_weighted(node.kind) && !readers.empty()) {
      const topology::node& bias = in.nodes[readers.front().node];
      const bool adds_a_constant =
          bias.kind == op::add && std::ranges::any_of(bias.inputs, [&](std::size_t tensor) {
            return tensor != topology::none && known[in.tensors[tensor].node];
          });
      from = adds_a_constant ? &bias : from;
    }
    for (const std::size_t tensor : from->outputs) {
      for (const topology::port& reader : in.tensors[tensor].consumers) {
        if (in.nodes[reader.node].kind != op::shape_of && !floating.contains(reader.node)) {
          put_above(
              edges,
              {reader.node, reader.input},
              {.origins = {{n, true}},
               .of_output = true,
               .priority = is_weighted(node.kind) || is_arithmetic(node.kind) ? 0 : 1}
          );
        }
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
  const bool transposed =
      node.kind == op::transposed_convolution || node.kind == op::grouped_transposed_convolution;
  if (transposed && of.input == 1 && constant->rank() > 1) {
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

} // namespace ptq::detail
