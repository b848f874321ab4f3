// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/plan/plan.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

/// A plan, by the engine's own node ids: what a run looks up. Points into the plan.
template <class Id>
class resolved_plan {
public:
  /// The quantizer on input `port` of `node`; null if the node reads the float tensor.
  [[nodiscard]] auto input(const Id& node, std::size_t port) const -> const quantizer* {
    const auto found = inputs_.find({node, port});
    return found == inputs_.end() ? nullptr : found->second;
  }

  /// What stands for a constant of the graph; null if it is the graph's own value.
  [[nodiscard]] auto constant(const tensor_ref<Id>& of) const -> const tensor_data* {
    const auto found = constants_.find(of);
    return found == constants_.end() ? nullptr : found->second;
  }

  [[nodiscard]] auto empty() const noexcept -> bool {
    return inputs_.empty() && constants_.empty();
  }

private:
  template <graph G>
  friend auto resolve(const G&, const plan&) -> resolved_plan<typename G::node_id>;

  std::map<std::pair<Id, std::size_t>, const quantizer*> inputs_;
  std::map<tensor_ref<Id>, const tensor_data*> constants_;
};

namespace detail {

/// A quantizer of weights is on a constant with a grid for each index on its axis; one of
/// activations is on anything else.
inline void check_kind(const quantizer& of, const constant_view* constant) {
  if ((of.kind == tensor_kind::weights) != (constant != nullptr)) {
    throw error(
        constant != nullptr
            ? "the plan quantizes it as activations, but it is a constant of the graph"
            : "the plan quantizes it as weights, but it is no constant of the graph",
        of.tensor
    );
  }
  if (constant == nullptr || !of.format.axis) {
    return;
  }
  const std::size_t axis = *of.format.axis;
  if (axis >= constant->rank() || constant->extent(axis) != of.format.grids.size()) {
    throw error(
        "the plan is of another model: it has " + std::to_string(of.format.grids.size()) +
            " grids on axis " + std::to_string(axis) + " of a constant of shape " +
            shape_text(*constant),
        of.tensor
    );
  }
}

inline auto same_extents(const std::vector<std::size_t>& shape, const tensor_view& of) -> bool {
  bool same = shape.size() == of.rank();
  for (std::size_t axis = 0; same && axis != shape.size(); ++axis) {
    same = shape[axis] == of.extent(axis);
  }
  return same;
}

} // namespace detail

/// Looks up by node id what the plan says by name.
/// @throws error if the plan names a node or a tensor that the graph does not have, an input that
///   reads another tensor, or a constant of another shape: it was made for another model. Also if
///   it takes a constant for activations or the other way round, or quantizes an input twice.
template <graph G>
[[nodiscard]] auto resolve(const G& of, const plan& under) -> resolved_plan<typename G::node_id> {
  using id_type = typename G::node_id;
  resolved_plan<id_type> result;
  if (under.empty()) {
    return result;
  }
  const read_graph_result<G> read = read_graph(of);
  std::map<std::string, std::size_t, std::less<>> nodes;
  std::map<std::string, std::size_t, std::less<>> tensors;
  for (std::size_t n = 0; n != read.nodes.nodes.size(); ++n) {
    nodes.emplace(read.nodes.nodes[n].name, n);
  }
  for (std::size_t t = 0; t != read.nodes.tensors.size(); ++t) {
    tensors.emplace(read.nodes.tensors[t].name, t);
  }
  const auto tensor_called = [&](const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw error("the plan is of another model: the graph has no such tensor", name);
    }
    return found->second;
  };
  for (const auto& entry : under.quantizers) {
    const std::size_t tensor = tensor_called(entry->tensor);
    const topology::tensor& quantized = read.nodes.tensors[tensor];
    const auto& held = read.nodes.nodes[quantized.node].constant;
    detail::check_kind(*entry, quantized.output == 0 && held ? &*held : nullptr);
    for (const port_name& port : entry->consumers) {
      const auto node = nodes.find(port.node);
      if (node == nodes.end()) {
        throw error("the plan is of another model: the graph has no such node", port.node);
      }
      const auto& inputs = read.nodes.nodes[node->second].inputs;
      if (port.input >= inputs.size() || inputs[port.input] != tensor) {
        throw error(
            "the plan is of another model: input " + std::to_string(port.input) +
                " does not read the tensor `" + entry->tensor + "`",
            port.node
        );
      }
      const auto at = std::pair(read.ids[node->second], port.input);
      if (!result.inputs_.emplace(at, &*entry).second) {
        throw error("the plan quantizes input " + std::to_string(port.input) + " twice", port.node);
      }
    }
  }
  for (const auto& entry : under.constants) {
    const topology::tensor& tensor = read.nodes.tensors[tensor_called(entry->tensor)];
    const auto& constant = read.nodes.nodes[tensor.node].constant;
    if (tensor.output != 0 || !constant) {
      throw error(
          "the plan is of another model: it replaces a constant that the graph does not have",
          entry->tensor
      );
    }
    if (!detail::same_extents(entry->value.shape, *constant) ||
        entry->value.values.size() != constant->size()) {
      throw error(
          "the plan is of another model: it replaces a constant of shape " + shape_text(*constant) +
              " by " + std::to_string(entry->value.values.size()) + " values of another shape",
          entry->tensor
      );
    }
    result.constants_.insert_or_assign(
        tensor_ref<id_type>{read.ids[tensor.node], tensor.output}, &entry->value
    );
  }
  return result;
}

/// A resolved plan points into the plan, which must therefore outlive it.
template <graph G>
auto resolve(const G&, const plan&&) -> resolved_plan<typename G::node_id> = delete;

} // namespace ptq
