// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/graph/concept.hpp>

#include <optional>
#include <string_view>
#include <vector>

/// A graph with nothing wrong.
struct net {
  using ptq_graph = void;
  using node_id = int;
  auto nodes() const -> std::vector<node_id>;
  auto op(node_id) const -> ptq::op;
  auto name(node_id) const -> std::string_view;
  auto inputs(node_id) const -> std::vector<ptq::tensor_ref<node_id>>;
  auto constant(node_id) const -> std::optional<ptq::constant_view>;
};
