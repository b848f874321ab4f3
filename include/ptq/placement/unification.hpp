// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/placement/insertion.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace ptq::detail {

/// Finds the groups of quantizers that must share one range because a concatenation joins them.
/// @see POT, unified scales
class unification {
public:
  unification(const topology& in, const rule_book& rules, const std::vector<quantizer_site>& sites)
      : in_(&in), rules_(&rules) {
    for (std::size_t s = 0; s != sites.size(); ++s) {
      if (sites[s].kind == tensor_kind::activations) {
        for (const topology::port& port : sites[s].consumers) {
          site_at_[{port.node, port.input}] = s;
        }
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
    return result;
  }

private:
  void visit_site(std::size_t site) {
    if (!members_.insert(site).second) {
      return;
    }
    seen_.insert(site);
    for (const auto& [at, other] : site_at_) {
      if (other == site) {
        visit_consumer(at.first);
      }
    }
  }

  void visit_consumer(std::size_t node) {
    if (rules_->moves(in_->nodes[node].kind)) {
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
    if (rules_->unifies(here.kind) && !has_constant) {
      bridges_.insert(node);
    }
    for (const std::size_t tensor : here.outputs) {
      for (const topology::port& port : in_->tensors[tensor].consumers) {
        if (!site_at_.contains({port.node, port.input})) {
          visit_consumer(port.node);
        }
      }
    }
  }

  /// Does a convolution or matrix product read the concatenation, and nothing that takes its
  /// activations per channel only?
  [[nodiscard]] auto is_tying(std::size_t bridge) const -> bool {
    bool weighted = false;
    std::vector<std::size_t> open{bridge};
    std::set<std::size_t> met{bridge};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      for (const std::size_t tensor : in_->nodes[node].outputs) {
        for (const topology::port& port : in_->tensors[tensor].consumers) {
          const op kind = in_->nodes[port.node].kind;
          weighted = weighted || is_weighted(kind);
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

  const topology* in_;
  const rule_book* rules_;
  std::map<edge, std::size_t> site_at_;
  std::set<std::size_t> seen_;
  std::set<std::size_t> members_;
  std::set<std::size_t> bridges_;
  std::set<std::size_t> nodes_;
};

} // namespace ptq::detail
