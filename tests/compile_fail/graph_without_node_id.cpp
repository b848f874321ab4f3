// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a graph names its .node_id., a regular and totally ordered type
#include <ptq/graph/concept.hpp>

#include <string>
#include <vector>

struct net {
  using ptq_graph = void;
#ifdef PTQ_EXPECT_ERROR
  struct node_id {}; // neither compared nor ordered
#else
  using node_id = std::string;
#endif
  auto nodes() const -> std::vector<node_id>;
  auto op(node_id) const -> ptq::op;
  auto name(node_id) const -> std::string;
  auto inputs(node_id) const -> std::vector<ptq::tensor_ref<node_id>>;
  auto constant(node_id) const -> std::optional<ptq::constant_view>;
};

static_assert(ptq::explain_graph<net>());
