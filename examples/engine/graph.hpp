// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/concept.hpp>

#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace engine {

/// A loaded model as `ptq` wants to see it. Nodes go by their ONNX names, tensors by the names of
/// their ONNX values. Behind the model's nodes there is one for each of its outputs,
/// `<value>/output`: some devices quantize what leaves a model.
class graph {
public:
  using ptq_graph = void;
  using node_id = engine::node_id;

  /// @param of outlives the graph.
  explicit graph(const model& of);

  [[nodiscard]] auto nodes() const {
    return std::views::iota(node_id{0}, static_cast<node_id>(inputs_.size()));
  }

  [[nodiscard]] auto op(node_id node) const -> ptq::op;

  [[nodiscard]] auto name(node_id node) const -> std::string_view {
    return is_output(node) ? output_name(node) : model_->nodes[node].name;
  }

  [[nodiscard]] auto inputs(node_id node) const -> std::span<const ptq::tensor_ref<node_id>> {
    return inputs_[node];
  }

  [[nodiscard]] auto constant(node_id node) const -> std::optional<ptq::constant_view>;

  [[nodiscard]] auto attributes(node_id node) const -> ptq::op_attributes;

  [[nodiscard]] auto tensor_name(ptq::tensor_ref<node_id> of) const -> std::string_view {
    return is_output(of.node) ? output_name(of.node) : model_->nodes[of.node].outputs[of.output];
  }

  /// Is it none of the model's nodes, but one that stands for an output of it?
  [[nodiscard]] auto is_output(node_id node) const -> bool { return node >= model_->nodes.size(); }

  [[nodiscard]] auto source() const -> const model& { return *model_; }

private:
  [[nodiscard]] auto output_name(node_id node) const -> const std::string& {
    return output_names_[node - model_->nodes.size()];
  }

  const model* model_;
  std::vector<std::vector<ptq::tensor_ref<node_id>>> inputs_;
  std::vector<std::string> output_names_;
};

static_assert(ptq::explain_graph_with_attributes<graph>());
static_assert(ptq::explain_graph_with_tensor_names<graph>());

} // namespace engine
