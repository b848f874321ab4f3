// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/graph/concept.hpp>
#include <ptq/graph/digest.hpp>
#include <ptq/graph/read.hpp>

#include <string>

#include <doctest/doctest.h>

#include "laws/graph.hpp"
#include "support/archetypes.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

static_assert(ptq::explain_graph<graph_archetype>());
static_assert(ptq::explain_graph_with_attributes<graph_with_attributes_archetype>());
static_assert(ptq::explain_graph_with_tensor_names<graph_with_tensor_names_archetype>());
static_assert(ptq::explain_graph<plain_toy_graph>());
static_assert(ptq::explain_graph_with_attributes<toy_graph>());
static_assert(ptq::explain_graph_with_tensor_names<toy_graph>());

static_assert(!ptq::graph_with_attributes<graph_archetype>);
static_assert(!ptq::graph_with_tensor_names<graph_archetype>);
static_assert(!ptq::graph_with_tensor_names<graph_with_attributes_archetype>);
static_assert(!ptq::graph<int>);

struct not_opted_in : plain_toy_graph {};

struct refuses_the_tag_of_its_base : plain_toy_graph {};

} // namespace

template <>
inline constexpr bool ptq::enable_graph<refuses_the_tag_of_its_base> = false;

namespace {

static_assert(ptq::graph<not_opted_in>, "the tag is inherited");
static_assert(!ptq::graph<refuses_the_tag_of_its_base>);

TEST_CASE("archetypes and toy graphs obey the laws of graphs") {
  SUBCASE("the least graph") {
    const graph_archetype g;
    check_graph_laws(g);
  }
  SUBCASE("a graph with tensor names") {
    const graph_with_tensor_names_archetype g;
    check_graph_laws(g);
  }
  SUBCASE("toy graphs") {
    toy_graph g;
    const auto x = g.input("x");
    g.matmul("product", x, g.constant("w", {2, 2}, {1, 2, 3, 4}), toy_graph::none);
    check_graph_laws(g);
    check_graph_laws(plain_toy_graph(g));
  }
}

TEST_CASE("reading uses no more of a graph than its concept says") {
  const graph_with_attributes_archetype with_attributes;
  const auto read = ptq::read_graph(with_attributes);
  CHECK(read.nodes.nodes.size() == 3);
  CHECK(read.nodes.nodes[2].attributes.has_value());
  CHECK(read.nodes.tensors[1].name == "w");
  CHECK(read.ids[2].number() == 2);

  const graph_with_tensor_names_archetype with_names;
  const auto named = ptq::read_graph(with_names);
  CHECK(named.nodes.tensors[1].name == "tw");
  CHECK(ptq::digest(named.nodes) != ptq::digest(read.nodes));

  const graph_archetype least;
  CHECK_FALSE(ptq::read_graph(least).nodes.nodes[2].attributes.has_value());
}

} // namespace
