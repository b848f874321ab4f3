// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>

#include <cstddef>
#include <vector>

namespace ptq::detail {

inline auto is_integer(element_type type) -> bool {
  return type == element_type::i32 || type == element_type::i64 || type == element_type::boolean;
}

/// The nodes whose value does not depend on the samples: constants, extents of tensors, and what is
/// computed of these alone.
inline auto static_nodes(const topology& in) -> std::vector<bool> {
  std::vector<bool> known(in.nodes.size());
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    bool all = false;
    for (const std::size_t tensor : node.inputs) {
      if (tensor != topology::none) {
        all = known[in.tensors[tensor].node];
        if (!all) {
          break;
        }
      }
    }
    const bool can_be = node.kind != op::input && node.kind != op::output &&
                        node.kind != op::read_value && node.kind != op::assign &&
                        node.kind != op::other;
    known[n] =
        node.constant || node.kind == op::constant || node.kind == op::shape_of || (can_be && all);
  }
  return known;
}

/// The nodes whose values are integers or truth values, as far as the types of constants tell.
inline auto integer_nodes(const topology& in) -> std::vector<bool> {
  std::vector<bool> result(in.nodes.size());
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    const topology::node& node = in.nodes[n];
    if (node.constant) {
      result[n] = is_integer(node.constant->type());
      continue;
    }
    switch (node.kind) {
    case op::shape_of:
    case op::less:
    case op::less_equal:
    case op::greater:
    case op::greater_equal:
    case op::equal:
    case op::not_equal:
    case op::logical_and:
    case op::logical_or:
    case op::logical_xor:
    case op::logical_not:
      result[n] = true;
      break;
    case op::add:
    case op::subtract:
    case op::multiply:
    case op::divide:
    case op::maximum:
    case op::minimum:
    case op::floor_mod:
      for (const std::size_t tensor : node.inputs) {
        result[n] = result[n] || (tensor != topology::none && result[in.tensors[tensor].node]);
      }
      break;
    case op::reshape:
    case op::flatten:
    case op::squeeze:
    case op::unsqueeze:
    case op::transpose:
    case op::split:
    case op::concat:
    case op::slice:
    case op::gather:
    case op::tile:
    case op::broadcast:
    case op::abs:
    case op::sign:
      result[n] = !node.inputs.empty() && node.inputs.front() != topology::none &&
                  result[in.tensors[node.inputs.front()].node];
      break;
    default:
      break;
    }
  }
  return result;
}

} // namespace ptq::detail
