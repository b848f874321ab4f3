// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/insertion.hpp>
#include <ptq/placement/rules.hpp>
#include <ptq/placement/sites.hpp>
#include <ptq/placement/static_values.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace ptq::detail {

/// Finds the groups of quantizers that must share one range because an operation needs all its
/// inputs on one grid.
/// @see POT, unified scales
class unification {
public:
  unification(const topology& in, const rule_book& rules, const std::vector<quantizer_site>& sites)
      : in_(&in), rules_(&rules), sites_(&sites), integer_(integer_nodes(in)) {
    for (std::size_t s = 0; s != sites.size(); ++s) {
      for (const topology::port& port : sites[s].consumers) {
        (sites[s].kind == tensor_kind::activations ? site_at_ : weights_at_
        )[{port.node, port.input}] = s;
      }
    }
  }

  [[nodiscard]] auto groups() -> std::vector<std::vector<std::size_t>> {
    std::vector<std::vector<std::size_t>> result;
    for (const auto& [at, site] : site_at_) {
      if (seen_.contains(site)) {
        continue;
      }
      members_.clear();
      bridges_.clear();
      nodes_.clear();
      visit_site(site);
      const bool tied =
          std::ranges::any_of(bridges_, [this](std::size_t bridge) { return is_tying(bridge); });
      if (members_.size() > 1 && tied) {
        result.emplace_back(members_.begin(), members_.end());
      }
    }
    add_recurrent(result);
    return result;
  }

private:
  void visit_site(std::size_t site) {
    if (!members_.insert(site).second) {
      return;
    }
    seen_.insert(site);
    for (const topology::port& port : (*sites_)[site].consumers) {
      visit_consumer(port.node);
    }
  }

  [[nodiscard]] auto is_bridge(std::size_t node) const -> bool {
    const op kind = in_->nodes[node].kind;
    return !is_recurrent(kind) && (rules_->unifies(kind) || joins_its_inputs(kind));
  }

  void visit_consumer(std::size_t node) {
    if (!integer_[node] && (rules_->moves(in_->nodes[node].kind) || is_bridge(node))) {
      visit_node(node);
    }
  }

  void visit_node(std::size_t node) {
    if (!nodes_.insert(node).second) {
      return;
    }
    const topology::node& here = in_->nodes[node];
    bool has_constant = false;
    for (std::size_t input = 0; input != here.inputs.size(); ++input) {
      if (here.inputs[input] == topology::none) {
        continue;
      }
      has_constant = has_constant || in_->constant_at(here, input) != nullptr;
      const auto site = site_at_.find({node, input});
      const std::size_t above = in_->tensors[here.inputs[input]].node;
      if (site != site_at_.end()) {
        visit_site(site->second);
      } else if (rules_->moves(in_->nodes[above].kind)) {
        visit_node(above);
      }
    }
    if (is_bridge(node) && !has_constant) {
      bridges_.insert(node);
    }
    if (!rules_->moves(here.kind)) {
      return;
    }
    for (const std::size_t tensor : here.outputs) {
      for (const topology::port& port : in_->tensors[tensor].consumers) {
        if (!site_at_.contains({port.node, port.input})) {
          visit_consumer(port.node);
        }
      }
    }
  }

  [[nodiscard]] auto is_tying(std::size_t bridge) const -> bool {
    const op kind = in_->nodes[bridge].kind;
    return rules_->unifies(kind) && (!joins_its_inputs(kind) || joins_for_a_layer(bridge));
  }

  /// Does a convolution or matrix product read the concatenation, and nothing that takes its
  /// activations per channel only?
  [[nodiscard]] auto joins_for_a_layer(std::size_t bridge) const -> bool {
    bool weighted = false;
    std::vector<std::size_t> open{bridge};
    std::set<std::size_t> met{bridge};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      for (const std::size_t tensor : in_->nodes[node].outputs) {
        for (const topology::port& port : in_->tensors[tensor].consumers) {
          const op kind = in_->nodes[port.node].kind;
          weighted = weighted || (is_weighted(kind) && kind != op::grouped_transposed_convolution);
          if (rules_->quantizes(kind)) {
            const auto offered = rules_->of(kind)->choices.activations.list();
            if (!offered.empty() &&
                std::ranges::all_of(offered, [](const quantization_choice& choice) {
                  return choice.granularity == per_channel;
                })) {
              return false;
            }
          }
          if (rules_->moves(kind) && met.insert(port.node).second) {
            open.push_back(port.node);
          }
        }
      }
    }
    return weighted;
  }

  /// The input and the state of a recurrent operation have one range, and so have its two weights.
  void add_recurrent(std::vector<std::vector<std::size_t>>& result) const {
    for (std::size_t n = 0; n != in_->nodes.size(); ++n) {
      const op kind = in_->nodes[n].kind;
      if (!is_recurrent(kind) || !rules_->unifies(kind)) {
        continue;
      }
      const std::size_t weights = kind == op::lstm ? 4 : 3;
      for (const std::size_t first : {std::size_t{0}, weights}) {
        std::set<std::size_t> found;
        bool constant = false;
        for (const std::size_t input : {first, first + 1}) {
          constant = constant || weights_at_.contains({n, input});
          const auto site = site_at_.find({n, input});
          if (site != site_at_.end()) {
            found.insert(site->second);
          } else {
            add_above(n, input, found);
          }
        }
        if (found.size() > 1 && !constant) {
          result.emplace_back(found.begin(), found.end());
        }
      }
    }
  }

  void add_above(std::size_t node, std::size_t input, std::set<std::size_t>& found) const {
    const topology::node& here = in_->nodes[node];
    if (input >= here.inputs.size() || here.inputs[input] == topology::none) {
      return;
    }
    const std::size_t above = in_->tensors[here.inputs[input]].node;
    if (!rules_->moves(in_->nodes[above].kind)) {
      return;
    }
    for (std::size_t next = 0; next != in_->nodes[above].inputs.size(); ++next) {
      const auto site = site_at_.find({above, next});
      if (site != site_at_.end()) {
        found.insert(site->second);
      } else {
        add_above(above, next, found);
      }
    }
  }

  const topology* in_;
  const rule_book* rules_;
  const std::vector<quantizer_site>* sites_;
  std::vector<bool> integer_;
  std::map<edge, std::size_t> site_at_;
  std::map<edge, std::size_t> weights_at_;
  std::set<std::size_t> seen_;
  std::set<std::size_t> members_;
  std::set<std::size_t> bridges_;
  std::set<std::size_t> nodes_;
};

} // namespace ptq::detail
