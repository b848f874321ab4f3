// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a graph opts in with .using ptq_graph = void.., or by specialising ptq::enable_graph
// expect: a graph provides .nodes.. const., a forward range of node_id in topological order
// expect: a graph provides .op.node_id. const -> ptq::op.
// expect: a graph provides .name.node_id. const., convertible to std::string_view
// expect: a graph provides .inputs.node_id. const., a range of ptq::tensor_ref<node_id>, one for each input port
// expect: a graph provides .constant.node_id. const -> std::optional<ptq::constant_view>.
#include <ptq/graph/concept.hpp>

#include <vector>

struct net {
  using node_id = int;
#ifndef PTQ_EXPECT_ERROR
  using ptq_graph = void;
  auto nodes() const -> std::vector<node_id>;
  auto op(node_id) const -> ptq::op;
  auto name(node_id) const -> std::string_view;
  auto inputs(node_id) const -> std::vector<ptq::tensor_ref<node_id>>;
  auto constant(node_id) const -> std::optional<ptq::constant_view>;
#endif
};

static_assert(ptq::explain_graph<net>());
