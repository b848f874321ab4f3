// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/device/table.hpp>
#include <ptq/graph/topology.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/plan/group.hpp>
#include <ptq/plan/plan.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ptq {

namespace detail {

/// Finds what must leave a plan together with one quantizer.
/// @see POT, removal of FakeQuantize
class cut {
public:
  cut(const topology& in,
      const rule_book& rules,
      const std::vector<std::vector<topology::port>>& quantizers)
      : in_(&in), rules_(&rules), quantizers_(&quantizers) {
    for (std::size_t q = 0; q != quantizers.size(); ++q) {
      for (const topology::port& port : quantizers[q]) {
        at_.emplace(std::pair(port.node, port.input), q);
      }
    }
  }

  /// The quantizers of the group of `first`; the nodes below them are in `operations`.
  [[nodiscard]] auto of(std::size_t first) -> std::set<std::size_t> {
    removed_.clear();
    operations_.clear();
    up_.clear();
    down_.clear();
    remove(first);
    while (!open_.empty()) {
      const auto [node, upward] = open_.back();
      open_.pop_back();
      upward ? go_up(node) : go_down(node);
    }
    return removed_;
  }

  [[nodiscard]] auto operations() const -> const std::set<std::size_t>& { return operations_; }

private:
  void remove(std::size_t quantizer) {
    if (removed_.insert(quantizer).second) {
      for (const topology::port& port : (*quantizers_)[quantizer]) {
        affect(port.node);
      }
    }
  }

  void affect(std::size_t node) {
    operations_.insert(node);
    open_.emplace_back(node, true);
    if (rules_->moves(in_->nodes[node].kind)) {
      open_.emplace_back(node, false);
    }
  }

  void go_down(std::size_t node) {
    if (!down_.insert(node).second) {
      return;
    }
    for (const std::size_t tensor : in_->nodes[node].outputs) {
      for (const topology::port& port : in_->tensors[tensor].consumers) {
        if (!at_.contains({port.node, port.input})) {
          affect(port.node);
        }
      }
    }
  }

  void go_up(std::size_t node) {
    if (!up_.insert(node).second) {
      return;
    }
    const topology::node& here = in_->nodes[node];
    for (std::size_t input = 0; input != here.inputs.size(); ++input) {
      const auto quantizer = at_.find({node, input});
      if (quantizer != at_.end()) {
        remove(quantizer->second);
        continue;
      }
      if (here.inputs[input] == topology::none || in_->constant_at(here, input) != nullptr) {
        continue;
      }
      const std::size_t above = in_->tensors[here.inputs[input]].node;
      open_.emplace_back(above, true);
      if (rules_->moves(in_->nodes[above].kind)) {
        open_.emplace_back(above, false);
      }
    }
  }

  const topology* in_;
  const rule_book* rules_;
  const std::vector<std::vector<topology::port>>* quantizers_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> at_;
  std::set<std::size_t> removed_;
  std::set<std::size_t> operations_;
  std::set<std::size_t> up_;
  std::set<std::size_t> down_;
  std::vector<std::pair<std::size_t, bool>> open_;
};

inline auto groups_of_ports(
    const topology& in,
    const device_view& device,
    const std::vector<std::vector<topology::port>>& quantizers
) -> std::vector<group> {
  const rule_book rules(device.rules);
  cut cutting(in, rules, quantizers);
  std::vector<group> result;
  std::vector<bool> met(quantizers.size());
  for (std::size_t q = 0; q != quantizers.size(); ++q) {
    if (met[q]) {
      continue;
    }
    group made;
    for (const std::size_t member : cutting.of(q)) {
      if (met[member]) {
        continue;
      }
      met[member] = true;
      for (const topology::port& port : quantizers[member]) {
        made.quantizers.push_back({in.nodes[port.node].name, port.input});
      }
    }
    for (const std::size_t node : cutting.operations()) {
      if (rules.quantizes(in.nodes[node].kind)) {
        made.operations.push_back(in.nodes[node].name);
      }
    }
    std::ranges::sort(made.quantizers);
    result.push_back(std::move(made));
  }
  return result;
}

} // namespace detail

/// The groups of quantizers and operations that must change their precision together, in the order
/// of their first quantizer. Removing one of a group and not the others would leave an operation
/// half quantized.
/// @see POT, cut of FakeQuantize
[[nodiscard]] inline auto
groups_of(const topology& in, const device_view& device, const placement& placed)
    -> std::vector<group> {
  std::vector<std::vector<topology::port>> quantizers;
  for (const quantizer_site& site : placed.sites) {
    quantizers.push_back(site.consumers);
  }
  return detail::groups_of_ports(in, device, quantizers);
}

/// The same of a plan.
/// @throws error for an input of a node that the graph does not have.
[[nodiscard]] inline auto groups_of(const topology& in, const device_view& device, const plan& of)
    -> std::vector<group> {
  std::map<std::string, std::size_t, std::less<>> nodes;
  for (std::size_t n = 0; n != in.nodes.size(); ++n) {
    nodes.emplace(in.nodes[n].name, n);
  }
  std::vector<std::vector<topology::port>> quantizers;
  for (const auto& entry : of.quantizers) {
    std::vector<topology::port> ports;
    for (const port_name& port : entry->consumers) {
      const auto found = nodes.find(port.node);
      if (found == nodes.end() || port.input >= in.nodes[found->second].inputs.size()) {
        throw error("the plan is of another model: the graph has no such input", port.node);
      }
      ports.push_back({found->second, port.input});
    }
    quantizers.push_back(std::move(ports));
  }
  return detail::groups_of_ports(in, device, quantizers);
}

} // namespace ptq
