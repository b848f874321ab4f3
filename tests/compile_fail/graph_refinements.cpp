// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a graph with attributes provides .attributes.node_id. const -> ptq::op_attributes.
// expect: a graph with tensor names provides .tensor_name.ptq::tensor_ref<node_id>. const., convertible to std::string_view
#include <ptq/graph/concept.hpp>

#include <vector>

struct net {
  using ptq_graph = void;
  using node_id = int;
  auto nodes() const -> std::vector<node_id>;
  auto op(node_id) const -> ptq::op;
  auto name(node_id) const -> std::string_view;
  auto inputs(node_id) const -> std::vector<ptq::tensor_ref<node_id>>;
  auto constant(node_id) const -> std::optional<ptq::constant_view>;
#ifdef PTQ_EXPECT_ERROR
  auto attributes(node_id) const -> int;
#else
  auto attributes(node_id) const -> ptq::op_attributes;
  auto tensor_name(ptq::tensor_ref<node_id>) const -> std::string_view;
#endif
};

static_assert(ptq::explain_graph_with_attributes<net>());
static_assert(ptq::explain_graph_with_tensor_names<net>());
