// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/blocking.hpp>
#include <ptq/placement/floating.hpp>
#include <ptq/placement/insertion.hpp>
#include <ptq/placement/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace ptq::detail {

/// Moves quantizers up through operations that only move values.
/// @see POT, propagation of FakeQuantize
class upward_propagation {
public:
  upward_propagation(
      const topology& in,
      const rule_book& rules,
      const floating_operations& floating,
      const std::vector<bool>& known,
      edge_quantizers& edges
  )
      : in_(&in), known_(&known), edges_(&edges) {
    const blocked_nodes blocked(in, rules, edges);
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (rules.moves(in.nodes[n].kind) && !known[n] && !floating.skipped[n] &&
          !blocked.contains(n)) {
        free_.insert(n);
      }
    }
  }

  void run() {
    for (const auto& [at, quantizer] : *edges_) {
      open_.push_back(at);
    }
    while (!open_.empty()) {
      const edge at = open_.back();
      open_.pop_back();
      if (edges_->contains(at)) {
        move(at);
      }
    }
  }

private:
  void move(const edge& at) {
    const std::size_t above = in_->tensors[in_->nodes[at.first].inputs[at.second]].node;
    const topology::node& node = in_->nodes[above];
    if (node.kind == op::input && is_normalised_by(at.first)) {
      edges_->erase(at);
      return;
    }
    if (!free_.contains(above)) {
      return;
    }
    const edge_quantizer moved = std::move(edges_->find(at)->second);
    edges_->erase(at);
    if (const std::optional<std::size_t> origin = reordered(node)) {
      put({*origin, 0}, moved);
    } else if (moves_all_inputs(node.kind)) {
      for (std::size_t input = 0; input != node.inputs.size(); ++input) {
        if (joins_its_inputs(node.kind) || in_->constant_at(node, input) == nullptr) {
          put({above, input}, moved);
        }
      }
    } else if (!node.inputs.empty()) {
      put({above, 0}, moved);
    }
  }

  void put(const edge& at, const edge_quantizer& moved) {
    if (can_be_quantized(*in_, *known_, at)) {
      put_below(*edges_, at, moved);
      open_.push_back(at);
    }
  }

  /// Scaled and then shifted: the normalisation of an input.
  [[nodiscard]] auto is_normalised_by(std::size_t reader) const -> bool {
    const topology::node& node = in_->nodes[reader];
    const auto& readers = in_->tensors[node.outputs.front()].consumers;
    return node.kind == op::multiply && !readers.empty() &&
           in_->nodes[readers.front().node].kind == op::add;
  }

  /// The split of which this concatenation puts the parts together again, in another order.
  [[nodiscard]] auto reordered(const topology::node& concat) const -> std::optional<std::size_t> {
    if (!joins_its_inputs(concat.kind) || concat.inputs.empty()) {
      return std::nullopt;
    }
    std::optional<std::size_t> from;
    for (const std::size_t tensor : concat.inputs) {
      if (tensor == topology::none || (from && in_->tensors[tensor].node != *from)) {
        return std::nullopt;
      }
      from = in_->tensors[tensor].node;
    }
    if (!free_.contains(*from)) {
      return std::nullopt;
    }
    for (const std::size_t tensor : in_->nodes[*from].outputs) {
      for (const topology::port& reader : in_->tensors[tensor].consumers) {
        if (&in_->nodes[reader.node] != &concat) {
          return std::nullopt;
        }
      }
    }
    return from;
  }

  const topology* in_;
  const std::vector<bool>* known_;
  edge_quantizers* edges_;
  std::set<std::size_t> free_;
  std::vector<edge> open_;
};

} // namespace ptq::detail
