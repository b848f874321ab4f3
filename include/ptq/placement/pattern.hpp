// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/op.hpp>
#include <ptq/device/table.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace ptq {

/// A set of kinds of operations.
class op_set {
public:
  constexpr op_set() = default;

  constexpr op_set(std::initializer_list<op> kinds) {
    for (const op kind : kinds) {
      bits_[static_cast<std::size_t>(kind) / 64] |= bit(kind);
    }
  }

  [[nodiscard]] constexpr auto contains(op kind) const noexcept -> bool {
    return (bits_[static_cast<std::size_t>(kind) / 64] & bit(kind)) != 0;
  }

  friend constexpr auto operator==(const op_set&, const op_set&) -> bool = default;

private:
  static constexpr auto bit(op kind) noexcept -> std::uint64_t {
    return std::uint64_t{1} << (static_cast<std::size_t>(kind) % 64);
  }

  std::array<std::uint64_t, 4> bits_{};
};

/// An operation in a pattern.
struct pattern_node {
  op_set kinds{};
  bool has_constant = false; ///< Of its inputs one is constant, or it has only one.
  bool is_context = false;   ///< Must be there, but is not itself kept in floating point.

  [[nodiscard]] constexpr auto with_constant() const -> pattern_node {
    return {kinds, true, is_context};
  }

  [[nodiscard]] constexpr auto as_context() const -> pattern_node {
    return {kinds, has_constant, true};
  }

  friend constexpr auto operator==(const pattern_node&, const pattern_node&) -> bool = default;
};

/// One of some kinds of operations: `operation(op::relu, op::prelu)`.
template <class... Kinds>
[[nodiscard]] constexpr auto operation(Kinds... kinds) -> pattern_node {
  return {op_set{kinds...}, false, false};
}

/// Operations that are connected in a certain way, and stay in floating point where they are.
///
/// A value: `pattern("swish").chain({operation(op::sigmoid), operation(op::multiply)})`. Nodes are
/// counted in the order in which they are given. What matches has all edges of the pattern and no
/// others between its nodes; the bias of a convolution or matrix product counts as an addition of
/// a constant behind it.
class pattern {
public:
  static constexpr std::size_t most_nodes = 12;
  static constexpr std::size_t most_edges = 16;
  using edge_type = std::pair<std::uint8_t, std::uint8_t>;

  constexpr pattern() = default;

  /// @param name  Must outlive the pattern: a literal.
  explicit constexpr pattern(std::string_view name) : name_(name) {}

  /// Adds nodes, each of which reads the one before it.
  [[nodiscard]] constexpr auto chain(std::initializer_list<pattern_node> nodes) const -> pattern {
    pattern result = *this;
    bool first = true;
    for (const pattern_node& each : nodes) {
      result = result.node(each);
      if (!first) {
        result = result.edge(result.size_ - 2, result.size_ - 1);
      }
      first = false;
    }
    return result;
  }

  /// Adds a node without edges.
  /// @throws error if there are `most_nodes` already.
  [[nodiscard]] constexpr auto node(const pattern_node& added) const -> pattern {
    if (size_ == most_nodes) {
      throw error("a pattern has too many nodes");
    }
    pattern result = *this;
    result.nodes_[result.size_++] = added;
    return result;
  }

  /// Node `to` reads node `from`.
  /// @throws error if there is no such node, or there are `most_edges` already.
  [[nodiscard]] constexpr auto edge(std::size_t from, std::size_t to) const -> pattern {
    if (from >= size_ || to >= size_ || from == to || edge_count_ == most_edges) {
      throw error("a pattern has an edge between nodes that it does not have, or too many edges");
    }
    pattern result = *this;
    result.edges_[result.edge_count_++] = {
        static_cast<std::uint8_t>(from), static_cast<std::uint8_t>(to)
    };
    return result;
  }

  /// Matches only where no value between the layer and the operation behind it has other readers.
  [[nodiscard]] constexpr auto without_branches() const -> pattern {
    pattern result = *this;
    result.unbranched_ = true;
    return result;
  }

  /// Only on these devices; without this, on all.
  [[nodiscard]] constexpr auto on(std::initializer_list<device_family> families) const -> pattern {
    pattern result = *this;
    result.families_ = 0;
    for (const device_family each : families) {
      result.families_ |= 1U << static_cast<unsigned>(each);
    }
    return result;
  }

  [[nodiscard]] constexpr auto name() const noexcept -> std::string_view { return name_; }

  [[nodiscard]] constexpr auto nodes() const noexcept -> std::span<const pattern_node> {
    return std::span(nodes_).first(size_);
  }

  [[nodiscard]] constexpr auto edges() const noexcept -> std::span<const edge_type> {
    return std::span(edges_).first(edge_count_);
  }

  [[nodiscard]] constexpr auto is_unbranched() const noexcept -> bool { return unbranched_; }

  [[nodiscard]] constexpr auto is_for(device_family family) const noexcept -> bool {
    return (families_ >> static_cast<unsigned>(family) & 1U) != 0;
  }

  friend constexpr auto operator==(const pattern&, const pattern&) -> bool = default;

private:
  std::string_view name_{};
  std::array<pattern_node, most_nodes> nodes_{};
  std::array<edge_type, most_edges> edges_{};
  std::size_t size_ = 0;
  std::size_t edge_count_ = 0;
  std::uint32_t families_ = ~std::uint32_t{0};
  bool unbranched_ = false;
};

} // namespace ptq
