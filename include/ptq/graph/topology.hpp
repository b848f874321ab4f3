// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/tensor_view.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

/// A graph, read once: names, operations and connections as plain indices. Every algorithm of the
/// library works on this, so that it is compiled once and not for each type of graph. Constants are
/// seen where the graph keeps them.
struct topology {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  struct port {
    std::size_t node = 0;
    std::size_t input = 0;

    friend auto operator==(const port&, const port&) -> bool = default;
  };

  struct node {
    std::string name{};
    op kind = op::other;
    std::vector<std::size_t> inputs{};         ///< Indices of tensors; `none` where not connected.
    std::vector<std::size_t> outputs{};        ///< Indices of tensors, at least one.
    std::optional<op_attributes> attributes{}; ///< Empty if the graph does not tell.
    std::optional<constant_view> constant{};   ///< The value of output 0.
  };

  struct tensor {
    std::string name{};
    std::size_t node = 0;
    std::uint32_t output = 0;
    std::vector<port> consumers{}; ///< In the order of the nodes and of their inputs.
  };

  std::vector<node> nodes{};     ///< In topological order.
  std::vector<tensor> tensors{}; ///< In the order of the nodes that produce them.

  /// The node that produces the tensor of this index.
  [[nodiscard]] auto producer(std::size_t index) const -> const node& {
    return nodes[tensors[index].node];
  }

  /// The constant behind input `input` of `of`; null if it is none or not connected.
  [[nodiscard]] auto constant_at(const node& of, std::size_t input) const -> const constant_view* {
    if (input >= of.inputs.size() || of.inputs[input] == none) {
      return nullptr;
    }
    const tensor& read = tensors[of.inputs[input]];
    const std::optional<constant_view>& value = nodes[read.node].constant;
    return read.output == 0 && value ? &*value : nullptr;
  }

  /// What the graph tells of a convolution; null if it does not.
  [[nodiscard]] static auto convolution_of(const node& of) -> const convolution_attributes* {
    return of.attributes ? std::get_if<convolution_attributes>(&*of.attributes) : nullptr;
  }
};

} // namespace ptq
