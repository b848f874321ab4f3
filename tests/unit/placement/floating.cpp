// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/device/devices.hpp>
#include <ptq/graph/read.hpp>
#include <ptq/placement/floating.hpp>
#include <ptq/placement/place.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/placed.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using lines = std::vector<std::string>;
using tensor = toy_graph::tensor;
using ptq::op;

struct fixture {
  toy_graph g;
  tensor x = g.input("x");

  auto constant(std::string name) -> tensor {
    return g.constant(std::move(name), {1, 1, 1, 1}, {0.5F});
  }

  auto of(op kind, const std::string& name, std::vector<tensor> from) -> tensor {
    return g.other(name, std::move(from), {}, kind);
  }

  auto layer(const std::string& name, tensor from) -> tensor {
    return g.convolution(name, from, constant(name + ".w"), constant(name + ".b"));
  }

  /// The names of the nodes that patterns keep in floating point.
  auto skipped(ptq::device_view on = ptq::view_of(ptq::device::any{})) -> lines {
    const ptq::topology in = ptq::read_graph(g).nodes;
    const ptq::floating_operations found = ptq::floating_operations_of(in, on, {});
    lines result;
    for (std::size_t n = 0; n != in.nodes.size(); ++n) {
      if (found.skipped[n]) {
        result.push_back(in.nodes[n].name);
      }
    }
    return result;
  }
};

TEST_CASE_FIXTURE(fixture, "a squeeze-and-excitation block stays in floating point") {
  const auto r = g.relu("r", layer("first", x));
  const auto squeezed = g.reduce_mean("mean", r);
  const auto inner = g.relu("inner", layer("a", squeezed));
  const auto gate = g.sigmoid("gate", layer("b", inner));
  g.multiply("scaled", r, gate);
  CHECK(skipped() == lines{"a", "inner", "b", "gate"});
}

TEST_CASE_FIXTURE(fixture, "a hard swish stays in floating point") {
  const auto c = layer("conv", x);
  const auto shifted = g.add("shifted", c, constant("three"));
  const auto cut = g.clamp("cut", shifted, 0, 6);
  SUBCASE("the scale behind the product") {
    g.multiply("scaled", g.multiply("product", c, cut), constant("sixth"));
    CHECK(skipped() == lines{"shifted", "cut", "product", "scaled"});
  }
  SUBCASE("without the scale") {
    g.multiply("product", c, cut);
    CHECK(skipped() == lines{"shifted", "cut", "product"});
  }
  SUBCASE("an edge too many is no match") {
    g.multiply("product", c, shifted);
    CHECK(skipped().empty());
  }
}

TEST_CASE_FIXTURE(fixture, "what the runtime fuses into a layer stays in floating point") {
  const auto c = layer("conv", x);
  SUBCASE("a scale and a shift behind a ReLU") {
    g.add("shift", g.multiply("scale", g.relu("r", c), constant("k")), constant("b"));
    CHECK(skipped() == lines{"r", "scale", "shift"});
    CHECK(skipped(ptq::view_of(ptq::device::npu{})) == lines{"shift"});
  }
  SUBCASE("a subtraction") {
    g.subtract("difference", c, constant("k"));
    CHECK(skipped() == lines{"difference"});
    CHECK(skipped(ptq::view_of(ptq::device::npu{})).empty());
  }
  SUBCASE("not where the value is read elsewhere, too") {
    g.subtract("difference", c, constant("k"));
    g.relu("other", c);
    CHECK(skipped().empty());
  }
}

TEST_CASE_FIXTURE(fixture, "the normalisation of an input stays in floating point") {
  SUBCASE("scale and shift, after a transposition") {
    const auto t = g.transpose("t", x, {0, 3, 1, 2});
    layer("conv", g.add("shift", g.multiply("scale", t, constant("k")), constant("b")));
    CHECK(skipped() == lines{"t", "scale", "shift"});
    CHECK(placed(g).front() == "shift -> conv.0: symmetric");
  }
  SUBCASE("a subtraction") {
    layer("conv", g.subtract("mean", x, constant("k")));
    CHECK(skipped() == lines{"mean"});
  }
}

TEST_CASE_FIXTURE(fixture, "an attention product stays in floating point") {
  const auto soft = g.softmax("soft", x, 1);
  const auto biased = g.add("sum", x, constant("b"));
  const auto v = g.transpose("t", g.reshape("shape", biased, {1, 1}), {0, 1});
  g.matmul("product", soft, v);
  CHECK(skipped() == lines{"soft", "sum", "shape", "t", "product"});
}

TEST_CASE_FIXTURE(fixture, "what computes shapes stays in floating point") {
  const auto extents = of(op::shape_of, "shape", {x});
  const auto doubled = g.multiply("doubled", extents, constant("two"));
  of(op::reshape, "r", {layer("conv", x), doubled});
  CHECK(skipped() == lines{"shape", "doubled"});
}

TEST_CASE_FIXTURE(
    fixture, "what leads to a choice of boxes stays in floating point, up to a layer"
) {
  const auto c = layer("conv", g.relu("before", x));
  const auto s = g.sigmoid("score", c);
  of(op::top_k, "best", {g.add("sum", s, s)});
  CHECK(skipped() == lines{"score", "sum"});
}

TEST_CASE_FIXTURE(fixture, "a user's pattern is a value") {
  static constexpr auto own = ptq::pattern("own").chain(
      {ptq::operation(op::relu, op::prelu).as_context(), ptq::operation(op::convolution)}
  );
  layer("second", g.relu("r", layer("first", x)));
  CHECK(
      placed(g, {.patterns = {own}}) ==
      lines{"x -> first.0: symmetric", "first.w -> first.1: weights symmetric axis 0"}
  );
  CHECK(placed(g, {.patterns = {own.on({ptq::device_family::gna})}}).size() == 4);
  CHECK(own == own);
  CHECK(own.nodes().size() == 2);
  CHECK(message_of([] {
          (void)ptq::pattern("p").edge(0, 1);
        }) == "a pattern has an edge between nodes that it does not have, or too many edges");
}

TEST_CASE_FIXTURE(fixture, "the user leaves operations in floating point") {
  const auto r = g.relu("r", layer("first", x));
  const auto p = g.max_pool("pool", r, {2, 2});
  g.convolution("second", p, constant("second.w"), {}, {.groups = 2});
  const auto names = [this](ptq::ignored_scope scope) {
    lines result;
    for (const std::string& line : placed(g, {.ignored = std::move(scope)})) {
      result.push_back(line.substr(0, line.find(':')));
    }
    return result;
  };
  SUBCASE("by name") {
    CHECK(names({.nodes = {"first"}}) == lines{"r -> pool.0", "second.w -> second.1"});
  }
  SUBCASE("what only moves values takes its readers along") {
    CHECK(names({.nodes = {"pool"}}) == lines{"x -> first.0", "first.w -> first.1"});
  }
  SUBCASE("by kind") {
    CHECK(names({.operations = {{.kind = op::convolution}}}).empty());
  }
  SUBCASE("by kind and attribute") {
    CHECK(
        names({.operations = {{.kind = op::convolution, .groups = 2}}}) ==
        lines{"x -> first.0", "first.w -> first.1"}
    );
  }
  SUBCASE("any of several entries of one kind") {
    CHECK(
        names(
            {.operations =
                 {{.kind = op::convolution, .groups = 7}, {.kind = op::convolution, .groups = 1}}}
        ) == lines{"r -> pool.0", "second.w -> second.1"}
    );
  }
  SUBCASE("all of it") {
    CHECK(names({.skip_model = true}).empty());
  }
  SUBCASE("a name that is not there is an error that names the nearest") {
    CHECK(
        message_of([&] { (void)names({.nodes = {"secnd"}}); }) ==
        "secnd: the graph has no such node; the nearest name is `second` (option "
        "`ignored.nodes`)"
    );
  }
}

TEST_CASE_FIXTURE(fixture, "inputs of weighted operations only") {
  const auto r = g.relu("r", layer("first", x));
  const auto p = g.max_pool("pool", r, {2, 2});
  const auto s = g.add("sum", layer("second", p), p);
  g.matmul("product", s, p);
  CHECK(
      placed(g, {.where = ptq::where::weighted_inputs}) ==
      lines{
          "x -> first.0: symmetric",
          "first.w -> first.1: weights symmetric axis 0",
          "pool -> second.0: symmetric",
          "second.w -> second.1: weights symmetric axis 0",
      }
  );
}

TEST_CASE_FIXTURE(fixture, "products of activations are symmetric in a transformer") {
  const auto q = g.transpose("t", layer("q", x), {0, 1});
  g.matmul("product", q, g.relu("k", x));
  const ptq::topology in = ptq::read_graph(g).nodes;
  ptq::placement_options how{.accurate_activations = true};
  how.model_type = ptq::model_type::transformer;
  const ptq::placement found = ptq::place(in, ptq::view_of(ptq::device::any{}), how);
  std::size_t forced = 0;
  for (const ptq::quantizer_site& site : found.sites) {
    if (site.mode_before) {
      ++forced;
      CHECK(site.choice.mode == ptq::symmetric);
      CHECK(*site.mode_before == ptq::asymmetric);
    }
  }
  CHECK(forced == 2);
}

TEST_CASE_FIXTURE(fixture, "recurrent operations quantize input, state and both weights") {
  const auto h = g.input("h");
  const auto c = g.input("c");
  const auto lengths = g.constant("lengths", {1}, {1});
  SUBCASE("lstm") {
    of(op::lstm, "lstm", {x, h, c, lengths, constant("w"), constant("r"), constant("b")});
    CHECK(
        placed(g) ==
        lines{
            "x -> lstm.0: symmetric",
            "h -> lstm.1: symmetric",
            "w -> lstm.4: weights symmetric axis 0",
            "r -> lstm.5: weights symmetric axis 0",
            "unified x h",
        }
    );
    CHECK(placed(ptq::read_graph(g).nodes, ptq::view_of(ptq::device::gpu{}), {}).empty());
  }
  SUBCASE("gru") {
    of(op::gru, "gru", {x, h, lengths, constant("w"), constant("r"), constant("b")});
    CHECK(placed(g).size() == 5);
    CHECK(placed(g).back() == "unified x h");
  }
  SUBCASE("gru, linear before reset") {
    g.add(
        {.name = "gru",
         .kind = op::gru,
         .inputs = {x, h, lengths, constant("w"), constant("r")},
         .attributes = ptq::recurrent_attributes{.linear_before_reset = true}}
    );
    CHECK(placed(g).empty());
  }
}

TEST_CASE_FIXTURE(fixture, "on an NPU additions and products have one range for both inputs") {
  const auto a = g.relu("a", x);
  g.add("sum", a, g.sigmoid("b", x));
  CHECK(
      placed(ptq::read_graph(g).nodes, ptq::view_of(ptq::device::npu{}), {}) ==
      lines{"a -> sum.0: asymmetric", "b -> sum.1: asymmetric", "unified a b"}
  );
}

TEST_CASE_FIXTURE(fixture, "operations on integers are not quantized") {
  static const std::int32_t two = 2;
  g.multiply("doubled", x, g.constant_at("two", ptq::constant_view(&two, {1})));
  CHECK(placed(g).empty());
}

TEST_CASE("a thousand nodes are placed in milliseconds") {
  fixture f;
  tensor at = f.x;
  for (int n = 0; n != 250; ++n) {
    const std::string name = "n" + std::to_string(n);
    const tensor c = f.layer(name, at);
    at = f.g.add(name + ".sum", f.g.relu(name + ".relu", c), at);
  }
  const ptq::topology in = ptq::read_graph(f.g).nodes;
  const auto start = std::chrono::steady_clock::now();
  const ptq::placement found = ptq::place(in, ptq::view_of(ptq::device::any{}), {});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  CHECK(found.sites.size() > 700);
  MESSAGE(in.nodes.size() << " nodes: " << took.count() * 1e3 << " ms");
  CHECK(took.count() < 0.5);
}

} // namespace
