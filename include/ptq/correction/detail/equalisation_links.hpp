// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/blocks.hpp>
#include <ptq/correction/detail/layer_pair.hpp>
#include <ptq/graph/topology.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace ptq::detail {

/// A clamp between two layers: it commutes with a scale only where it does not cut.
struct clamp_between {
  std::size_t input = 0; ///< The tensor that is clamped.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// Two layers of which the second alone reads what the first makes, through operations that commute
/// with a positive scale of each channel.
struct equalisation_link {
  producing_layer first{};
  std::size_t second = 0;             ///< The node.
  std::vector<std::size_t> between{}; ///< The tensors behind the first layer's output.
  std::vector<clamp_between> clamps{};
  bool has_unknown_clamp = false; ///< The graph does not tell a clamp's limits.
};

/// The limits of a clamp, which the graph tells as constants on its inputs 1 and 2.
inline auto limits_of(const topology& in, const topology::node& clamp)
    -> std::optional<clamp_between> {
  clamp_between result{.input = clamp.inputs.front()};
  bool told = false;
  for (const std::size_t port : {std::size_t{1}, std::size_t{2}}) {
    const constant_view* const limit = in.constant_at(clamp, port);
    if (limit != nullptr && limit->size() == 1) {
      (port == 1 ? result.low : result.high) =
          static_cast<double>(to_floats(*limit).values.front());
      told = true;
    }
  }
  return told ? std::optional(result) : std::nullopt;
}

inline auto commutes_with_scale(op kind) -> bool {
  return kind == op::relu || kind == op::prelu || kind == op::max_pool ||
         kind == op::average_pool || kind == op::clamp;
}

/// Can the input channels of this operation be scaled by its weights?
inline auto takes_scaled_channels(const topology& in, const topology::node& of) -> bool {
  if (in.constant_at(of, 1) == nullptr || !read_once(in, of.inputs[1]) ||
      why_not_linear(of) != nullptr) {
    return false;
  }
  return of.kind == op::depthwise_convolution || of.kind == op::matmul ||
         (of.kind == op::convolution && topology::convolution_of(of)->groups == 1);
}

inline auto link_before(const topology& in, std::size_t second)
    -> std::optional<equalisation_link> {
  const topology::node& node = in.nodes[second];
  const bool multiplies = node.kind == op::matmul;
  if ((node.kind != op::convolution && node.kind != op::depthwise_convolution && !multiplies) ||
      !takes_scaled_channels(in, node)) {
    return std::nullopt;
  }
  equalisation_link result{.second = second};
  std::size_t tensor = node.inputs[0];
  while (read_once(in, tensor)) {
    if (auto first = layer_behind(in, tensor)) {
      const topology::node& before = in.nodes[first->node];
      const std::size_t made = in.constant_at(before, 1)->extent(output_axis(before));
      const std::size_t read = in.constant_at(node, 1)->extent(input_axis(node));
      const bool alike = (before.kind == op::matmul) == multiplies;
      if (!alike || made != read || why_not_linear(before) != nullptr) {
        return std::nullopt;
      }
      result.first = *first;
      return result;
    }
    const topology::node& from = in.producer(tensor);
    const bool slope =
        from.kind == op::prelu && in.constant_at(from, 1) == nullptr && from.inputs.size() > 1;
    if (!commutes_with_scale(from.kind) || slope || from.outputs.size() != 1 ||
        (multiplies && (from.kind == op::max_pool || from.kind == op::average_pool))) {
      return std::nullopt;
    }
    if (from.kind == op::clamp) {
      if (const auto limits = limits_of(in, from)) {
        result.clamps.push_back(*limits);
      } else {
        result.has_unknown_clamp = true;
      }
    }
    result.between.push_back(tensor);
    tensor = from.inputs.front();
  }
  return std::nullopt;
}

} // namespace ptq::detail
