// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/graph/read.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::op;
using ptq::read_graph;
using tensor = ptq::tensor_ref<int>;

TEST_CASE("a graph is read into indices") {
  toy_graph g;
  const auto x = g.input("x");
  const auto w = g.constant("w", {2, 1, 3, 3}, std::vector<float>(18, 1.0F));
  const auto c = g.convolution("conv", x, w, toy_graph::none, {.pads_begin = {1, 1}});
  const auto parts = g.split("split", c, 1, 2);
  g.add("sum", parts[0], parts[1]);
  const auto read = read_graph(g);
  const ptq::topology& t = read.nodes;

  REQUIRE(t.nodes.size() == 5);
  CHECK(t.nodes[2].kind == op::convolution);
  CHECK(t.nodes[2].inputs == std::vector<std::size_t>{0, 1});
  CHECK(ptq::topology::convolution_of(t.nodes[2])->pads_begin == std::vector<std::size_t>{1, 1});
  CHECK(t.constant_at(t.nodes[2], 1)->extent(0) == 2);
  CHECK(t.constant_at(t.nodes[2], 0) == nullptr);
  CHECK(t.constant_at(t.nodes[2], 2) == nullptr);
  CHECK(t.tensors.size() == 6);
  CHECK(t.tensors[4].name == "split:1");
  CHECK(t.tensors[4].output == 1);
  CHECK(t.tensors[4].consumers == std::vector<ptq::topology::port>{{4, 1}});
  CHECK(t.producer(4).name == "split");
  CHECK(read.tensors.at({3, 1}) == 4);
}

TEST_CASE("an optional input that is not connected keeps its place") {
  toy_graph g;
  const auto x = g.input("x");
  const auto low = toy_graph::none;
  const auto high = g.constant("high", {}, {6.0F});
  g.add({.name = "clip", .kind = op::clamp, .inputs = {x, low, high}});
  const auto read = read_graph(g);
  CHECK(read.nodes.nodes[2].inputs == std::vector<std::size_t>{0, ptq::topology::none, 1});
  CHECK(read.nodes.tensors[1].consumers == std::vector<ptq::topology::port>{{2, 2}});
}

TEST_CASE("a convolution with a group for each channel is depthwise") {
  const auto kind_of = [](std::size_t channels, std::size_t outputs, std::size_t groups) {
    toy_graph g;
    const std::size_t in_group = channels / groups;
    const auto w =
        g.constant("w", {outputs, in_group, 1, 1}, std::vector<float>(outputs * in_group));
    g.convolution("conv", g.input("x"), w, toy_graph::none, {.groups = groups});
    return read_graph(g).nodes.nodes.back().kind;
  };
  CHECK(kind_of(4, 4, 4) == op::depthwise_convolution);
  CHECK(kind_of(4, 4, 1) == op::convolution);
  CHECK(kind_of(4, 4, 2) == op::convolution);
  CHECK(kind_of(1, 1, 1) == op::convolution);
}

TEST_CASE("tensors have the names that the graph tells, or those of their nodes") {
  toy_graph g;
  const auto x = g.input("x");
  const auto parts = g.split("split", x, 1, 2);
  g.call(parts[1], "right");
  g.add("sum", parts[0], parts[1]);
  CHECK(read_graph(g).nodes.tensors[2].name == "right");
  CHECK(read_graph(plain_toy_graph(g)).nodes.tensors[2].name == "split:1");
}

TEST_CASE("an empty graph is a graph") {
  const toy_graph g;
  CHECK(read_graph(g).nodes.nodes.empty());
}

TEST_CASE("a graph that breaks the laws is refused by name") {
  toy_graph g;
  const auto x = g.input("x");
  const auto refusal = [&] { return message_of([&] { (void)read_graph(g); }); };

  SUBCASE("a name used twice") {
    g.relu("x", x);
    CHECK(refusal() == "x: the name is used by two nodes of the graph");
  }
  SUBCASE("no name") {
    g.relu("", x);
    CHECK(refusal() == "node 1 of the graph has no name");
  }
  SUBCASE("an input from nowhere") {
    g.relu("r", tensor(7));
    CHECK(refusal() == "r, input 0: reads from a node that the graph does not list");
  }
  SUBCASE("a cycle of one") {
    g.add("r", x, tensor(1));
    CHECK(
        refusal() == "r, input 1: reads from `r`, which does not come before it: the graph has a "
                     "cycle, or its nodes are not in topological order"
    );
  }
  SUBCASE("a wrong order") {
    g.relu("early", tensor(2));
    g.relu("late", x);
    CHECK(
        refusal() == "early, input 0: reads from `late`, which does not come before it: the graph "
                     "has a cycle, or its nodes are not in topological order"
    );
  }
  SUBCASE("reading from an output") {
    g.relu("r", g.output("y", x));
    CHECK(refusal() == "r, input 0: reads from `y`, an output");
  }
  SUBCASE("a tensor name used twice") {
    g.call(g.relu("r", x), "x");
    CHECK(refusal() == "r: two tensors of the graph go by the name `x`");
  }
  SUBCASE("a tensor without a name") {
    g.call(g.relu("r", x), "");
    CHECK(refusal() == "r: the graph has no name for its output 0");
  }
  SUBCASE("an absurd output index") {
    g.relu("r", tensor(0, 4'000'000'000U));
    CHECK(refusal() == "r, input 0: reads output 4000000000 of `x`: no operation has that many");
  }
}

TEST_CASE("a node listed twice is refused") {
  struct twice {
    using ptq_graph = void;
    using node_id = int;

    auto nodes() const { return std::vector{0, 0}; }

    auto op(int) const -> ptq::op { return ptq::op::input; }

    auto name(int) const -> std::string {
      static int count = 0;
      return "n" + std::to_string(count++);
    }

    auto inputs(int) const { return std::vector<tensor>{}; }

    auto constant(int) const -> std::optional<ptq::constant_view> { return std::nullopt; }
  };

  const std::string line = message_of([] { (void)read_graph(twice{}); });
  CHECK(line.ends_with(": the graph lists the node twice"));
}

} // namespace
