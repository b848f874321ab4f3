// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/graph/concept.hpp>
#include <ptq/graph/topology.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// Is this convolution depthwise by its attributes and the shape `[O, I/G, ...]` of its weights?
inline auto is_depthwise(const topology& in, const topology::node& of) -> bool {
  const auto* const geometry = topology::convolution_of(of);
  const constant_view* const weights = in.constant_at(of, 1);
  return geometry != nullptr && weights != nullptr && weights->rank() > 2 && geometry->groups > 1 &&
         weights->extent(1) == 1 && weights->extent(0) == geometry->groups;
}

/// Beyond this an index is a mistake; without a limit it would be an allocation.
inline constexpr std::uint32_t most_outputs = 65'535;

inline auto default_tensor_name(const std::string& node, std::uint32_t output) -> std::string {
  return output == 0 ? node : node + ":" + std::to_string(output);
}

} // namespace detail

/// A graph read into a `topology`, together with the way back from the engine's ids.
template <class G>
struct read_graph_result {
  topology nodes;
  std::vector<typename G::node_id> ids;                           ///< By index of the node.
  std::map<tensor_ref<typename G::node_id>, std::size_t> tensors; ///< Index of each tensor.
};

/// Reads the graph once and checks the laws of its concept.
/// @throws error for a name that is empty or used twice, an input from a node that is not there,
///   and a node that comes before its inputs (a cycle is one), by name.
template <graph G>
[[nodiscard]] auto read_graph(const G& of) -> read_graph_result<G> {
  using id_type = typename G::node_id;
  read_graph_result<G> result;
  topology& out = result.nodes;
  std::map<id_type, std::size_t> index_of;
  std::map<std::string, id_type, std::less<>> by_name;
  for (const id_type id : of.nodes()) {
    const std::string name(std::string_view(of.name(id)));
    if (name.empty()) {
      throw error("node " + std::to_string(result.ids.size()) + " of the graph has no name");
    }
    if (!by_name.emplace(name, id).second) {
      throw error("the name is used by two nodes of the graph", name);
    }
    if (!index_of.emplace(id, result.ids.size()).second) {
      throw error("the graph lists the node twice", name);
    }
    result.ids.push_back(id);
    out.nodes.push_back({.name = name, .kind = of.op(id)});
  }

  std::vector<std::vector<tensor_ref<id_type>>> read(result.ids.size());
  std::vector<std::size_t> output_count(result.ids.size(), 1);
  for (std::size_t n = 0; n != result.ids.size(); ++n) {
    std::size_t port = 0;
    for (const tensor_ref<id_type> input : of.inputs(result.ids[n])) {
      if (!input.is_absent()) {
        const auto found = index_of.find(input.node);
        const std::string where = out.nodes[n].name + ", input " + std::to_string(port);
        if (found == index_of.end()) {
          throw error("reads from a node that the graph does not list", where);
        }
        if (found->second >= n) {
          throw error(
              "reads from `" + out.nodes[found->second].name +
                  "`, which does not come before it: the graph has a cycle, or its nodes are not "
                  "in "
                  "topological order",
              where
          );
        }
        if (out.nodes[found->second].kind == op::output) {
          throw error("reads from `" + out.nodes[found->second].name + "`, an output", where);
        }
        if (input.output > detail::most_outputs) {
          throw error(
              "reads output " + std::to_string(input.output) + " of `" +
                  out.nodes[found->second].name + "`: no operation has that many",
              where
          );
        }
        output_count[found->second] =
            std::max(output_count[found->second], std::size_t{input.output} + 1);
      }
      read[n].push_back(input);
      ++port;
    }
  }

  std::set<std::string, std::less<>> tensor_names;
  for (std::size_t n = 0; n != result.ids.size(); ++n) {
    for (std::uint32_t k = 0; k != output_count[n]; ++k) {
      const tensor_ref<id_type> tensor{result.ids[n], k};
      std::string name = detail::default_tensor_name(out.nodes[n].name, k);
      if constexpr (graph_with_tensor_names<G>) {
        name = std::string(std::string_view(of.tensor_name(tensor)));
      }
      if (name.empty()) {
        throw error("the graph has no name for its output " + std::to_string(k), out.nodes[n].name);
      }
      if (!tensor_names.insert(name).second) {
        throw error("two tensors of the graph go by the name `" + name + "`", out.nodes[n].name);
      }
      result.tensors.emplace(tensor, out.tensors.size());
      out.nodes[n].outputs.push_back(out.tensors.size());
      out.tensors.push_back({.name = std::move(name), .node = n, .output = k});
    }
  }

  for (std::size_t n = 0; n != result.ids.size(); ++n) {
    for (const tensor_ref<id_type> input : read[n]) {
      const std::size_t tensor =
          input.is_absent() ? topology::none : result.tensors.find(input)->second;
      if (tensor != topology::none) {
        out.tensors[tensor].consumers.push_back({n, out.nodes[n].inputs.size()});
      }
      out.nodes[n].inputs.push_back(tensor);
    }
    out.nodes[n].constant = of.constant(result.ids[n]);
    if constexpr (graph_with_attributes<G>) {
      out.nodes[n].attributes = of.attributes(result.ids[n]);
    }
  }
  for (topology::node& node : out.nodes) {
    if (node.kind == op::convolution && detail::is_depthwise(out, node)) {
      node.kind = op::depthwise_convolution;
    }
    const auto* const geometry = topology::convolution_of(node);
    if (node.kind == op::transposed_convolution && geometry != nullptr && geometry->groups > 1) {
      node.kind = op::grouped_transposed_convolution;
    }
  }
  return result;
}

} // namespace ptq
