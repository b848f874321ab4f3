// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/nearest.hpp>
#include <ptq/placement/floating.hpp>
#include <ptq/placement/insertion.hpp>
#include <ptq/placement/one_sided_additions.hpp>
#include <ptq/placement/options.hpp>
#include <ptq/placement/propagation.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/placement/unification.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// @throws error for an operation of its own options that the graph does not have.
inline void check_operations(const topology& in, const placement_options& options) {
  for (const auto& [name, wanted] : options.operations) {
    if (std::ranges::find(in.nodes, name, &topology::node::name) == in.nodes.end()) {
      std::vector<std::string> names;
      for (const topology::node& node : in.nodes) {
        names.push_back(node.name);
      }
      throw error(
          "the graph has no such node: did you mean `" + nearest_name(name, names) + "`?",
          name,
          "operations"
      );
    }
  }
}

/// Puts the edges of each tensor together to one quantizer.
inline auto sites_of_edges(const topology& in, const edge_quantizers& edges)
    -> std::vector<quantizer_site> {
  std::vector<quantizer_site> result;
  for (std::size_t t = 0; t != in.tensors.size(); ++t) {
    quantizer_site site{.tensor = t};
    for (const topology::port& port : in.tensors[t].consumers) {
      if (edges.contains({port.node, port.input})) {
        site.consumers.push_back(port);
      }
    }
    if (!site.consumers.empty()) {
      const bool constant = in.tensors[t].output == 0 && in.producer(t).constant.has_value();
      site.kind = constant ? tensor_kind::weights : tensor_kind::activations;
      result.push_back(std::move(site));
    }
  }
  return result;
}

/// What all for whose sake there is a quantizer have in common. The first reader decides whether
/// the operation that makes the tensor or those that read it are asked.
inline auto choices_of(
    const rule_book& rules,
    const topology& in,
    const quantizer_site& site,
    const edge_quantizers& edges,
    const placement_options& options,
    int primary_bits
) -> choice_list {
  const bool of_output =
      edges.at({site.consumers.front().node, site.consumers.front().input}).of_output;
  std::set<quantizer_origin> met;
  choice_list result;
  for (const topology::port& port : site.consumers) {
    for (const quantizer_origin& origin : edges.at({port.node, port.input}).origins) {
      if (origin.is_output != of_output || !met.insert(origin).second) {
        continue;
      }
      const op_choices& offered = rules.of(in.nodes[origin.node].kind)->choices;
      const auto own = options.operations.find(in.nodes[origin.node].name);
      const operation_options wanted = own == options.operations.end()
                                           ? operation_options{options.weights, options.activations}
                                           : operation_options{
                                                 over(options.weights, own->second.weights),
                                                 over(options.activations, own->second.activations)
                                             };
      choice_list list;
      if (of_output) {
        list.assign(offered.outputs.list().begin(), offered.outputs.list().end());
      } else if (site.kind == tensor_kind::weights && !offered.weights.empty()) {
        list = with_options(offered.weights.list(), wanted.weights, tensor_kind::weights);
      } else {
        list = with_options(offered.activations.list(), wanted.activations);
      }
      if (!list.empty()) {
        result = result.empty() ? list : common_choices(result, list, primary_bits);
      }
    }
  }
  return result;
}

/// Leaves to the members of each group what all of them can have per tensor.
inline void unify_choices(
    const topology& in, const placement& of, std::vector<choice_list>& choices, int primary_bits
) {
  for (const std::vector<std::size_t>& group : of.unified) {
    choice_list common = choices[group.front()];
    for (const std::size_t member : group) {
      common = common_choices(common, choices[member], primary_bits);
    }
    const auto is_per_channel = [](const quantization_choice& choice) {
      return choice.granularity == per_channel;
    };
    if (std::ranges::all_of(common, is_per_channel)) {
      for (quantization_choice& choice : common) { // One grid, whatever was asked for.
        choice.granularity = per_tensor;
        choice.unified_zero_point = false;
      }
    }
    std::erase_if(common, is_per_channel);
    if (common.empty()) {
      throw error(
          "the tensors that a concatenation joins cannot be quantized alike",
          in.tensors[of.sites[group.front()].tensor].name
      );
    }
    for (const std::size_t member : group) {
      choices[member] = common;
    }
  }
}

/// Does a product of two tensors that depend on the sample read the quantized tensor?
inline auto feeds_a_product_of_activations(
    const topology& in, const rule_book& rules, const std::vector<topology::port>& readers
) -> bool {
  return std::ranges::any_of(readers, [&](const topology::port& port) {
    const topology::node& node = in.nodes[port.node];
    if (node.kind == op::matmul) {
      return in.constant_at(node, 1) == nullptr;
    }
    return rules.moves(node.kind) && std::ranges::any_of(node.outputs, [&](std::size_t tensor) {
             return feeds_a_product_of_activations(in, rules, in.tensors[tensor].consumers);
           });
  });
}

} // namespace detail

/// Decides which tensors get a quantizer and of what kind: a function of the graph, the device and
/// the options alone.
///
/// Each input that the device takes in low precision gets one, but for operations that stay in
/// floating point; quantizers behind operations that only move values are moved above them where
/// every reader is quantized; those on one tensor become one, with what the choices of all readers
/// have in common; those that an operation needs on one grid are grouped to share a range.
/// @throws error, with a tensor's name, if tensors that a concatenation joins have no per-tensor
///   choice in common; for an ignored name, or that of an operation
///   with options of its own, that the graph does not have.
/// @see POT, insertion and propagation of FakeQuantize
[[nodiscard]] inline auto
place(const topology& in, const device_view& device, const placement_options& options)
    -> placement {
  detail::check_operations(in, options);
  const detail::rule_book rules(device.rules);
  const std::vector<bool> known = detail::static_nodes(in);
  const floating_operations floating = floating_operations_of(in, device, options);
  detail::edge_quantizers edges = detail::insert_quantizers(
      in, rules, floating, known, options.where, device.traits.deciding_reader
  );
  if (options.where == where::device_rules) {
    detail::insert_output_quantizers(in, rules, floating, known, edges);
    detail::upward_propagation(in, rules, floating, known, edges).run();
  }

  placement result{.sites = detail::sites_of_edges(in, edges), .unified = {}};
  if (device.traits.family == device_family::cpu_spr) {
    detail::leave_one_side_in_float(in, result.sites);
  }
  std::vector<choice_list> choices;
  for (const quantizer_site& site : result.sites) {
    choices.push_back(
        detail::choices_of(rules, in, site, edges, options, device.traits.primary_bits)
    );
  }
  result.unified = detail::unification(in, rules, result.sites).groups();
  detail::unify_choices(in, result, choices, device.traits.primary_bits);

  for (std::size_t s = 0; s != result.sites.size(); ++s) {
    quantizer_site& site = result.sites[s];
    const bool weights = site.kind == tensor_kind::weights;
    const bool accurate = weights ? options.accurate_weights : options.accurate_activations;
    site.choice = accurate ? choices[s].back() : choices[s].front();
    if (options.model_type == model_type::transformer &&
        device.traits.family != device_family::gna && site.choice.mode == asymmetric && !weights &&
        detail::feeds_a_product_of_activations(in, rules, site.consumers)) {
      site.mode_before = site.choice.mode;
      site.choice.mode = symmetric;
    }
    if (site.choice.granularity == per_channel) {
      site.axis = weights ? detail::weights_axis(in, site.consumers.front())
                          : std::optional<std::size_t>(1);
    }
  }
  return result;
}

} // namespace ptq
