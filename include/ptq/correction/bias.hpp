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
  /// Of the constant's channels; empty if it is not one number for each output channel.
  std::optional<std::size_t> axis{};
};

namespace detail {

/// On which axis a constant that is added to the output of `of` has its channels, if it has the
/// extent 1 on all others.
inline auto
bias_axis(const topology& in, const topology::node& of, const constant_view& bias, bool behind)
    -> std::optional<std::size_t> {
  if (bias.rank() == 0) {
    return std::nullopt;
  }
  std::size_t axis = bias.rank() - 1;
  if (behind && of.kind != op::matmul) {
    // Axes are matched from the last one: that of the channels has the spatial axes behind it.
    const constant_view* const weights = in.constant_at(of, 1);
    if (weights == nullptr || weights->rank() < 2 || bias.rank() > weights->rank() ||
        bias.rank() + 1 < weights->rank()) {
      return std::nullopt;
    }
    axis = bias.rank() + 1 - weights->rank();
  }
  return axis < bias.rank() && bias.extent(axis) == bias.size() ? std::optional(axis)
                                                                : std::nullopt;
}

} // namespace detail

/// Finds the bias of a weighted operation; empty if it has none.
[[nodiscard]] inline auto find_bias(const topology& in, const topology::node& of)
    -> std::optional<bias_site> {
  if (!detail::is_weighted(of.kind)) {
    return std::nullopt;
  }
  const std::size_t output = of.outputs.front();
  if (const constant_view* const bias = in.constant_at(of, 2)) {
    return bias_site{of.inputs[2], output, detail::bias_axis(in, of, *bias, false)};
  }
  if (in.tensors[output].consumers.size() != 1) {
    return std::nullopt;
  }
  const topology::port& reader = in.tensors[output].consumers.front();
  const topology::node& addition = in.nodes[reader.node];
  if (addition.kind != op::add || addition.inputs.size() != 2) {
    return std::nullopt;
  }
  const constant_view* const bias = in.constant_at(addition, 1 - reader.input);
  if (bias == nullptr) {
    return std::nullopt;
  }
  return bias_site{
      addition.inputs[1 - reader.input],
      addition.outputs.front(),
      detail::bias_axis(in, of, *bias, true)
  };
}

} // namespace ptq
