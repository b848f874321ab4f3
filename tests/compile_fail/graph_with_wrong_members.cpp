// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a graph provides .nodes.. const., a forward range of node_id in topological order
// expect: a graph provides .op.node_id. const -> ptq::op.
// expect: a graph provides .name.node_id. const., convertible to std::string_view
// expect: a graph provides .inputs.node_id. const., a range of ptq::tensor_ref<node_id>, one for each input port
// expect: a graph provides .constant.node_id. const -> std::optional<ptq::constant_view>.
#include <ptq/graph/concept.hpp>

#include <string>
#include <vector>

#ifdef PTQ_EXPECT_ERROR
struct net {
  using ptq_graph = void;
  using node_id = int;
  auto nodes() -> std::vector<node_id>;                   // not const
  auto op(node_id) const -> int;                          // the engine's own number
  auto name(node_id) const -> int;                        // not a text
  auto inputs(node_id) const -> std::vector<std::string>; // names in place of nodes
  auto constant(node_id) const -> std::vector<float>;     // a copy in place of a view
};
#else
struct net {
  using ptq_graph = void;
  using node_id = int;
  auto nodes() const -> const std::vector<node_id>&;
  auto op(node_id) const -> ptq::op;
  auto name(node_id) const -> const char*;
  auto inputs(node_id) const -> std::vector<node_id>; // output 0 of each
  auto constant(node_id) const -> ptq::constant_view;
};
#endif

static_assert(ptq::explain_graph<net>());
