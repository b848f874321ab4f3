// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/grid.hpp>

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

/// An input of a node, by the node's name: who reads a tensor.
struct port_name {
  std::string node{};
  std::size_t input = 0;

  friend auto operator==(const port_name&, const port_name&) -> bool = default;
  friend auto operator<=>(const port_name&, const port_name&) = default;
};

/// Uniform codes: one grid for the whole tensor, or one for each index on `axis`.
struct uniform_format {
  int bits = 8;
  ptq::mode mode = symmetric;
  std::optional<std::size_t> axis{
  }; ///< Of the tensor in the graph's own layout; empty: per tensor.
  std::vector<grid> grids{}; ///< One, or one for each channel. All have the same levels.

  friend auto operator==(const uniform_format&, const uniform_format&) -> bool = default;
};

/// A tensor of the graph, as some of its consumers see it: on a grid.
struct quantizer {
  std::string tensor{}; ///< The tensor's name.
  tensor_kind kind = tensor_kind::activations;
  std::vector<port_name> consumers{}; ///< Sorted. Who reads the tensor through this quantizer.
  uniform_format format{};

  friend auto operator==(const quantizer&, const quantizer&) -> bool = default;
};

} // namespace ptq
