// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/insertion.hpp>

#include <cstddef>
#include <optional>

namespace ptq {

/// The bias of a convolution or matrix product: on its input 2, or added behind it.
struct bias_site {
  std::size_t tensor = 0; ///< The constant.
  std::size_t output = 0; ///< The tensor that has the bias in it.
};

/// Finds the bias of a weighted operation; empty if it has none.
[[nodiscard]] inline auto find_bias(const topology& in, const topology::node& of)
    -> std::optional<bias_site> {
  if (!detail::is_weighted(of.kind)) {
    return std::nullopt;
  }
  const std::size_t output = of.outputs.front();
  if (in.constant_at(of, 2) != nullptr) {
    return bias_site{of.inputs[2], output};
  }
  if (in.tensors[output].consumers.size() != 1) {
    return std::nullopt;
  }
  const topology::port& reader = in.tensors[output].consumers.front();
  const topology::node& addition = in.nodes[reader.node];
  if (addition.kind != op::add || addition.inputs.size() != 2 ||
      in.constant_at(addition, 1 - reader.input) == nullptr) {
    return std::nullopt;
  }
  return bias_site{addition.inputs[1 - reader.input], addition.outputs.front()};
}

} // namespace ptq
