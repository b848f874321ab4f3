// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/choices.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace ptq::detail {

/// A fake-quantizer on one edge, before edges are put together to quantizers.
struct edge_quantizer {
  choice_list choices{};
};

/// An edge, by the input that it ends in.
using edge = std::pair<std::size_t, std::size_t>;
using edge_quantizers = std::map<edge, edge_quantizer>;

/// The rules of a device, by kind of operation.
class rule_book {
public:
  explicit rule_book(std::span<const device_rule> rules) {
    for (const device_rule& rule : rules) {
      by_kind_.emplace(rule.kind, &rule);
    }
  }

  [[nodiscard]] auto of(op kind) const -> const device_rule* {
    const auto found = by_kind_.find(kind);
    return found == by_kind_.end() ? nullptr : found->second;
  }

  [[nodiscard]] auto quantizes(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && rule->does == device_rule::role::quantizes;
  }

  /// Only moves values: a quantizer behind it may as well stand before it.
  [[nodiscard]] auto moves(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && rule->does != device_rule::role::quantizes;
  }

  [[nodiscard]] auto unifies(op kind) const -> bool {
    const device_rule* const rule = of(kind);
    return rule != nullptr && rule->does == device_rule::role::unifies;
  }

private:
  std::map<op, const device_rule*> by_kind_;
};

inline auto is_weighted(op kind) -> bool {
  return kind == op::convolution || kind == op::depthwise_convolution ||
         kind == op::transposed_convolution || kind == op::matmul;
}

inline auto joins_its_inputs(op kind) -> bool {
  return kind == op::concat;
}

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
    return rules_->moves(kind) || kind == op::average_pool || kind == op::reduce_mean ||
           kind == op::output;
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
