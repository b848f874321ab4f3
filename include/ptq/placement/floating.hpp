// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/nearest.hpp>
#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/match.hpp>
#include <ptq/placement/options.hpp>
#include <ptq/placement/patterns.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/placement/static_values.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ptq {

/// Which operations stay in floating point, by index of the node.
struct floating_operations {
  std::vector<bool> skipped{}; ///< By pattern or as a part of what computes shapes or boxes: no
                               ///< quantizer moves above these.
  std::vector<bool> ignored{}; ///< By the user or the type of the model.

  [[nodiscard]] auto contains(std::size_t node) const -> bool {
    return skipped[node] || ignored[node];
  }
};

namespace detail {

inline auto stays_ignored(const topology::node& node, const ignored_operation& by) -> bool {
  const bool same_kind =
      node.kind == by.kind ||
      (by.kind == op::convolution && node.kind == op::depthwise_convolution) ||
      (by.kind == op::transposed_convolution && node.kind == op::grouped_transposed_convolution);
  if (!same_kind) {
    return false;
  }
  const auto agrees = [](const auto& wanted, const auto* told, auto member) {
    return !wanted || (told != nullptr && told->*member == *wanted);
  };
  const op_attributes none;
  const op_attributes& told = node.attributes ? *node.attributes : none;
  const auto* const product = std::get_if<matmul_attributes>(&told);
  return agrees(
             by.groups, std::get_if<convolution_attributes>(&told), &convolution_attributes::groups
         ) &&
         agrees(by.axis, std::get_if<axis_attributes>(&told), &axis_attributes::axis) &&
         agrees(by.transpose_a, product, &matmul_attributes::transpose_a) &&
         agrees(by.transpose_b, product, &matmul_attributes::transpose_b);
}

inline void ignore_names(
    const topology& in, const std::vector<std::string>& names, std::vector<bool>& ignored
) {
  for (const std::string& name : names) {
    const auto found = std::ranges::find(in.nodes, name, &topology::node::name);
    if (found == in.nodes.end()) {
      std::vector<std::string_view> known;
      std::ranges::transform(in.nodes, std::back_inserter(known), &topology::node::name);
      const std::string nearest = nearest_name(name, known);
      throw error(
          "the graph has no such node" +
              (nearest.empty() ? nearest : "; the nearest name is `" + nearest + "`"),
          name,
          "ignored.nodes"
      );
    }
    ignored[static_cast<std::size_t>(found - in.nodes.begin())] = true;
  }
}

inline auto operations_of(model_type type, device_family family) -> std::vector<ignored_operation> {
  std::vector<ignored_operation> result;
  if (type == model_type::transformer) {
    for (const op kind :
         {op::add,
          op::power,
          op::squeeze,
          op::subtract,
          op::reduce_mean,
          op::squared_difference,
          op::mean_variance_normalization}) {
      result.push_back({.kind = kind});
    }
    if (family != device_family::cpu_spr) {
      result.push_back({.kind = op::multiply});
    }
  }
  return result;
}

/// What leads from the last layer to a choice of boxes.
inline void skip_detection_heads(
    const topology& in, const std::vector<bool>& known, std::vector<bool>& skipped
) {
  std::vector<std::size_t> open;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    if (in.nodes[n].kind == op::non_max_suppression || in.nodes[n].kind == op::top_k) {
      open.push_back(n);
    }
  }
  std::vector<bool> met(in.nodes.size());
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    for (const std::size_t tensor : in.nodes[node].inputs) {
      if (tensor == topology::none) {
        continue;
      }
      const std::size_t above = in.tensors[tensor].node;
      if (!met[above] && !known[above] && !is_weighted(in.nodes[above].kind)) {
        met[above] = true;
        skipped[above] = true;
        open.push_back(above);
      }
    }
  }
}

} // namespace detail

/// The operations that stay in floating point although the device could quantize them.
/// @throws error, with the nearest name, for an ignored name that the graph does not have.
/// @see POT, ignored scope and ignored patterns
[[nodiscard]] inline auto floating_operations_of(
    const topology& in, const device_view& device, const placement_options& options
) -> floating_operations {
  floating_operations result{
      std::vector<bool>(in.nodes.size()),
      std::vector<bool>(in.nodes.size(), options.ignored.skip_model)
  };
  const std::vector<bool> known = detail::static_nodes(in);
  const detail::rule_book rules(device.rules);

  detail::ignore_names(in, options.ignored.nodes, result.ignored);
  std::vector<ignored_operation> operations =
      detail::operations_of(options.model_type, device.traits.family);
  operations.insert(
      operations.end(), options.ignored.operations.begin(), options.ignored.operations.end()
  );
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    result.ignored[n] =
        result.ignored[n] || std::ranges::any_of(operations, [&](const ignored_operation& by) {
          return detail::stays_ignored(in.nodes[n], by);
        });
  }
  const std::vector<bool> named = result.ignored;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    if (named[n] && rules.moves(in.nodes[n].kind)) {
      for (const std::size_t tensor : in.nodes[n].outputs) {
        for (const topology::port& reader : in.tensors[tensor].consumers) {
          result.ignored[reader.node] = true;
        }
      }
    }
  }

  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    result.skipped[n] = known[n] && !in.nodes[n].constant && in.nodes[n].kind != op::constant;
  }
  detail::skip_detection_heads(in, known, result.skipped);
  const detail::pattern_graph graph(in, known);
  if (options.known_patterns) {
    for (const pattern& each : known_patterns()) {
      if (each.is_for(device.traits.family)) {
        detail::mark_matches(graph, each, result.skipped);
      }
    }
  }
  for (const pattern& each : options.patterns) {
    if (each.is_for(device.traits.family)) {
      detail::mark_matches(graph, each, result.skipped);
    }
  }
  return result;
}

} // namespace ptq
