// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/insertion.hpp>
#include <ptq/placement/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace ptq::detail {

/// Finds the nodes above which no quantizer may be moved, because their value also reaches an
/// operation that stays in floating point.
/// @see POT, blocking of upward propagation
class blocked_nodes {
public:
  blocked_nodes(const topology& in, const rule_book& rules, const edge_quantizers& edges)
      : in_(&in), rules_(&rules), edges_(&edges) {}

  [[nodiscard]] auto contains(std::size_t node) const -> bool {
    std::map<std::size_t, bool> memo;
    const walk found = forward(node);
    if (found.left_the_passing) {
      return true;
    }
    for (const std::size_t met : found.direct) {
      if (met != node &&
          (joins_its_inputs(in_->nodes[met].kind) ? concat_is_blocked(met, node, memo)
                                                  : branch_is_blocked(met, node, memo))) {
        return true;
      }
    }
    return false;
  }

private:
  struct walk {
    std::vector<std::size_t> direct{};
    std::set<std::size_t> concats{};
    bool left_the_passing = false;
    bool met_a_quantizer = false;
  };

  [[nodiscard]] auto passes(std::size_t node) const -> bool {
    const op kind = in_->nodes[node].kind;
    return rules_->moves(kind) || kind == op::interpolate || kind == op::average_pool ||
           kind == op::reduce_mean || kind == op::output;
  }

  [[nodiscard]] auto forward(std::size_t from) const -> walk {
    walk result;
    std::vector<std::size_t> open{from};
    std::set<std::size_t> met{from};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      for (const std::size_t tensor : in_->nodes[node].outputs) {
        for (const topology::port& port : in_->tensors[tensor].consumers) {
          if (edges_->contains({port.node, port.input})) {
            result.met_a_quantizer = true;
            continue;
          }
          if (in_->nodes[port.node].kind == op::shape_of) {
            continue;
          }
          if (!passes(port.node)) {
            result.left_the_passing = true;
            continue;
          }
          if (node == from) {
            result.direct.push_back(port.node);
          }
          if (joins_its_inputs(in_->nodes[port.node].kind)) {
            result.concats.insert(port.node);
          }
          if (met.insert(port.node).second) {
            open.push_back(port.node);
          }
        }
      }
    }
    return result;
  }

  [[nodiscard]] auto
  branch_is_blocked(std::size_t node, std::size_t origin, std::map<std::size_t, bool>& memo) const
      -> bool {
    const walk found = forward(node);
    if (found.concats.empty()) {
      return found.left_the_passing;
    }
    return std::ranges::any_of(found.concats, [&](std::size_t concat) {
      return concat_is_blocked(concat, origin, memo);
    });
  }

  [[nodiscard]] auto reaches_up_to_float(std::size_t concat, std::size_t origin) const -> bool {
    std::vector<std::size_t> open{concat};
    std::set<std::size_t> met{concat, origin};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      for (std::size_t input = 0; input != in_->nodes[node].inputs.size(); ++input) {
        const std::size_t tensor = in_->nodes[node].inputs[input];
        if (tensor == topology::none || edges_->contains({node, input})) {
          continue;
        }
        const std::size_t producer = in_->tensors[tensor].node;
        if (in_->nodes[producer].constant || !met.insert(producer).second) {
          continue;
        }
        if (!passes(producer)) {
          return true;
        }
        open.push_back(producer);
      }
    }
    return false;
  }

  [[nodiscard]] auto
  concat_is_blocked(std::size_t concat, std::size_t origin, std::map<std::size_t, bool>& memo) const
      -> bool {
    const auto known = memo.find(concat);
    if (known != memo.end()) {
      return known->second;
    }
    memo[concat] = false;
    bool blocked = false;
    if (reaches_up_to_float(concat, origin)) {
      const walk found = forward(concat);
      blocked = found.left_the_passing || !found.met_a_quantizer ||
                std::ranges::any_of(found.concats, [&](std::size_t next) {
                  return concat_is_blocked(next, origin, memo);
                });
    }
    memo[concat] = blocked;
    return blocked;
  }

  const topology* in_;
  const rule_book* rules_;
  const edge_quantizers* edges_;
};

} // namespace ptq::detail
