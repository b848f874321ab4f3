// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/topology.hpp>
#include <ptq/placement/pattern.hpp>
#include <ptq/placement/rules.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace ptq::detail {

/// A graph as patterns see it: without constants, and with an addition of its own for the bias of
/// each convolution and matrix product.
class pattern_graph {
public:
  struct node {
    op kind = op::other;
    std::size_t index = topology::none; ///< In the topology; none for an addition made up.
    bool has_constant = false;
    std::vector<std::size_t> inputs{};
    std::vector<std::size_t> readers{};
  };

  pattern_graph(const topology& in, const std::vector<bool>& known) {
    std::vector<std::size_t> result_of(in.nodes.size(), topology::none);
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (known[n]) {
        continue;
      }
      const topology::node& from = in.nodes[n];
      node made{.kind = from.kind, .index = n};
      std::size_t connected = 0;
      for (const std::size_t tensor : from.inputs) {
        if (tensor == topology::none) {
          continue;
        }
        ++connected;
        const std::size_t above = in.tensors[tensor].node;
        if (known[above]) {
          made.has_constant = true;
        } else if (std::ranges::find(made.inputs, result_of[above]) == made.inputs.end()) {
          made.inputs.push_back(result_of[above]);
        }
      }
      made.has_constant = made.has_constant || connected < 2;
      result_of[n] = put(std::move(made));
      if (needs_a_bias(in, n, known)) {
        result_of[n] =
            put({.kind = op::add, .has_constant = true, .inputs = {result_of[n]}, .readers = {}});
      }
    }
    for (std::size_t n = 0; n != nodes_.size(); ++n) {
      by_kind_[nodes_[n].kind].push_back(n);
    }
  }

  [[nodiscard]] auto nodes() const -> const std::vector<node>& { return nodes_; }

  [[nodiscard]] auto by_kind() const -> const std::map<op, std::vector<std::size_t>>& {
    return by_kind_;
  }

  [[nodiscard]] auto connected(std::size_t from, std::size_t to) const -> bool {
    return std::ranges::find(nodes_[to].inputs, from) != nodes_[to].inputs.end();
  }

private:
  auto put(node made) -> std::size_t {
    nodes_.push_back(std::move(made));
    for (const std::size_t input : nodes_.back().inputs) {
      nodes_[input].readers.push_back(nodes_.size() - 1);
    }
    return nodes_.size() - 1;
  }

  // A convolution has a bias even where it is zero; a matrix product only if it is there.
  static auto needs_a_bias(const topology& in, std::size_t n, const std::vector<bool>& known)
      -> bool {
    const topology::node& of = in.nodes[n];
    if (!is_weighted(of.kind)) {
      return false;
    }
    if (of.inputs.size() > 2 && of.inputs[2] != topology::none) {
      return true;
    }
    if (of.kind != op::convolution && of.kind != op::depthwise_convolution) {
      return false;
    }
    const std::vector<topology::port>& readers = in.tensors[of.outputs.front()].consumers;
    if (readers.size() != 1 || in.nodes[readers.front().node].kind != op::add) {
      return true;
    }
    const std::vector<std::size_t>& added = in.nodes[readers.front().node].inputs;
    return std::ranges::none_of(added, [&](std::size_t tensor) {
      return tensor != topology::none && known[in.tensors[tensor].node];
    });
  }

  std::vector<node> nodes_;
  std::map<op, std::vector<std::size_t>> by_kind_;
};

/// Finds all places where a pattern matches.
class pattern_matcher {
public:
  pattern_matcher(const pattern_graph& in, const pattern& what) : in_(&in), what_(&what) {}

  /// Calls `visit` with the nodes of each match, in the order of the pattern's nodes.
  template <class Visit>
  void for_each_match(Visit visit) {
    const std::size_t anchor = rarest();
    if (anchor == topology::none) {
      return;
    }
    matched_.fill(topology::none);
    for (const auto& [kind, all] : in_->by_kind()) {
      if (what_->nodes()[anchor].kinds.contains(kind)) {
        for (const std::size_t at : all) {
          try_at(anchor, at, visit);
        }
      }
    }
  }

private:
  // The pattern's node with the fewest candidates; none if one has no candidate.
  [[nodiscard]] auto rarest() const -> std::size_t {
    std::size_t best = topology::none;
    std::size_t fewest = topology::none;
    for (std::size_t p = 0; p != what_->nodes().size(); ++p) {
      std::size_t count = 0;
      for (const auto& [kind, at] : in_->by_kind()) {
        count += what_->nodes()[p].kinds.contains(kind) ? at.size() : 0;
      }
      if (count == 0) {
        return topology::none;
      }
      if (count < fewest) {
        fewest = count;
        best = p;
      }
    }
    return best;
  }

  template <class Visit>
  void try_at(std::size_t p, std::size_t at, Visit& visit) {
    if (!fits(p, at)) {
      return;
    }
    matched_[p] = at;
    extend(visit);
    matched_[p] = topology::none;
  }

  [[nodiscard]] auto fits(std::size_t p, std::size_t at) const -> bool {
    const pattern_node& wanted = what_->nodes()[p];
    const pattern_graph::node& found = in_->nodes()[at];
    if (!wanted.kinds.contains(found.kind) || (wanted.has_constant && !found.has_constant)) {
      return false;
    }
    for (std::size_t other = 0; other != what_->nodes().size(); ++other) {
      const std::size_t there = matched_[other];
      if (there == topology::none) {
        continue;
      }
      if (there == at || in_->connected(at, there) != wants(p, other) ||
          in_->connected(there, at) != wants(other, p)) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] auto wants(std::size_t from, std::size_t to) const -> bool {
    return std::ranges::any_of(what_->edges(), [=](const pattern::edge_type& edge) {
      return edge.first == from && edge.second == to;
    });
  }

  template <class Visit>
  void extend(Visit& visit) {
    for (const auto& [from, to] : what_->edges()) {
      const bool has_from = matched_[from] != topology::none;
      const bool has_to = matched_[to] != topology::none;
      if (has_from != has_to) {
        const std::size_t known = matched_[has_from ? from : to];
        const auto& near = has_from ? in_->nodes()[known].readers : in_->nodes()[known].inputs;
        for (const std::size_t at : near) {
          try_at(has_from ? to : from, at, visit);
        }
        return;
      }
    }
    const std::span<const std::size_t> all = std::span(matched_).first(what_->nodes().size());
    if (std::ranges::find(all, topology::none) == all.end()) {
      visit(all);
    }
  }

  const pattern_graph* in_;
  const pattern* what_;
  std::array<std::size_t, pattern::most_nodes> matched_{};
};

/// Is a value between the layer above `from` and `from` read elsewhere, too?
inline auto branches_above(const pattern_graph& in, std::size_t from) -> bool {
  std::size_t at = from;
  while (!in.nodes()[at].inputs.empty()) {
    at = in.nodes()[at].inputs.front();
    if (in.nodes()[at].readers.size() > 1) {
      return true;
    }
    if (is_weighted(in.nodes()[at].kind)) {
      return false;
    }
  }
  return false;
}

/// Marks the nodes of the topology that the pattern keeps in floating point.
inline void mark_matches(const pattern_graph& in, const pattern& what, std::vector<bool>& marked) {
  pattern_matcher(in, what).for_each_match([&](std::span<const std::size_t> match) {
    if (what.is_unbranched()) {
      for (std::size_t p = 0; p != match.size(); ++p) {
        if (!what.nodes()[p].is_context && branches_above(in, match[p])) {
          return;
        }
      }
    }
    for (std::size_t p = 0; p != match.size(); ++p) {
      const std::size_t index = in.nodes()[match[p]].index;
      if (!what.nodes()[p].is_context && index != topology::none) {
        marked[index] = true;
      }
    }
  });
}

} // namespace ptq::detail
