// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/placement/place.hpp>

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

/// A toy graph with weights of any value.
struct fixture {
  toy_graph g;
  tensor x = g.input("x");

  auto constant(std::string name, toy_graph::shape shape) -> tensor {
    std::size_t size = 1;
    for (const std::size_t extent : shape) {
      size *= extent;
    }
    return g.constant(std::move(name), std::move(shape), toy_graph::values(size, 0.5F));
  }

  auto convolution(const std::string& name, tensor from, std::size_t in = 4, std::size_t out = 4)
      -> tensor {
    return g.convolution(name, from, constant(name + ".w", {out, in, 1, 1}));
  }

  auto depthwise(const std::string& name, tensor from, std::size_t channels = 4) -> tensor {
    return g.convolution(
        name, from, constant(name + ".w", {channels, 1, 3, 3}), {}, {.groups = channels}
    );
  }

  auto float_reader(const std::string& name, tensor from) -> tensor {
    return g.other(name, {from}, {});
  }
};

TEST_CASE_FIXTURE(fixture, "a chain of convolutions as in a small image classifier") {
  const auto c =
      g.convolution("stem", x, constant("stem.w", {4, 1, 3, 3}), constant("stem.b", {4}));
  const auto r = g.clamp("stem.relu6", c, 0, 6);
  const auto d = depthwise("dw", r);
  const auto dr = g.clamp("dw.relu6", d, 0, 6);
  const auto p = convolution("pw", dr);
  const auto pr = g.clamp("pw.relu6", p, 0, 6);
  const auto mean = g.reduce_mean("pool", pr);
  const auto flat = g.flatten("flat", mean);
  const auto y = g.matmul(
      "fc", flat, constant("fc.w", {10, 4}), constant("fc.b", {10}), {.transpose_b = true}
  );
  g.output("y", y);

  // The quantizer that fc needs stands in front of the Flatten, right behind the pooling.
  CHECK(
      placed(g) ==
      lines{
          "x -> stem.0: symmetric",
          "stem.w -> stem.1: weights symmetric axis 0",
          "stem.relu6 -> dw.0: symmetric axis 1",
          "dw.w -> dw.1: weights symmetric axis 0",
          "dw.relu6 -> pw.0: symmetric",
          "pw.w -> pw.1: weights symmetric axis 0",
          "pw.relu6 -> pool.0: symmetric",
          "pool -> flat.0: symmetric",
          "fc.w -> fc.1: weights symmetric axis 0",
      }
  );
}

TEST_CASE_FIXTURE(fixture, "the preset's preferences pick the mode") {
  depthwise("dw", x);
  CHECK(
      placed(g, {.accurate_activations = true}) ==
      lines{"x -> dw.0: asymmetric axis 1", "dw.w -> dw.1: weights symmetric axis 0"}
  );
  CHECK(
      placed(g, {.accurate_weights = true, .accurate_activations = true}) ==
      lines{"x -> dw.0: asymmetric axis 1", "dw.w -> dw.1: weights asymmetric axis 0"}
  );
}

TEST_CASE_FIXTURE(fixture, "the user's options override the device's choices") {
  depthwise("dw", x);
  SUBCASE("weights per tensor: activations before a depthwise convolution stay per channel") {
    CHECK(
        placed(g, {.weights = {.granularity = ptq::per_tensor}}) ==
        lines{"x -> dw.0: symmetric axis 1", "dw.w -> dw.1: weights symmetric"}
    );
  }
  SUBCASE("activations per tensor") {
    CHECK(
        placed(g, {.activations = {.granularity = ptq::per_tensor}}) ==
        lines{"x -> dw.0: symmetric", "dw.w -> dw.1: weights symmetric axis 0"}
    );
  }
  SUBCASE("a mode that the device offers") {
    CHECK(
        placed(
            g, {.weights = {.mode = ptq::asymmetric}, .activations = {.mode = ptq::asymmetric}}
        ) == lines{"x -> dw.0: asymmetric axis 1", "dw.w -> dw.1: weights asymmetric axis 0"}
    );
  }
  SUBCASE("a mode against the preset") {
    CHECK(
        placed(g, {.activations = {.mode = ptq::symmetric}, .accurate_activations = true}) ==
        lines{"x -> dw.0: symmetric axis 1", "dw.w -> dw.1: weights symmetric axis 0"}
    );
  }
  SUBCASE("bits that the device does not offer") {
    CHECK(
        placed(g, {.weights = {.bits = 4}, .activations = {.bits = 6}}) ==
        lines{"x -> dw.0: symmetric axis 1 bits 6", "dw.w -> dw.1: weights symmetric axis 0 bits 4"}
    );
  }
}

TEST_CASE_FIXTURE(fixture, "two readers of one tensor get what both can take") {
  const auto r = g.relu("relu", x);
  SUBCASE("a convolution and a depthwise convolution: per tensor") {
    convolution("conv", r);
    depthwise("dw", r);
    CHECK(
        placed(g) ==
        lines{
            "relu -> conv.0 dw.0: symmetric",
            "conv.w -> conv.1: weights symmetric axis 0",
            "dw.w -> dw.1: weights symmetric axis 0",
        }
    );
    CHECK(placed(g, {.accurate_activations = true}).front() == "relu -> conv.0 dw.0: asymmetric");
  }
  SUBCASE("two depthwise convolutions: per channel") {
    depthwise("dw1", r);
    depthwise("dw2", r);
    CHECK(placed(g).front() == "relu -> dw1.0 dw2.0: symmetric axis 1");
  }
  SUBCASE("a convolution and what stays in floating point: the convolution alone") {
    convolution("conv", r);
    float_reader("softmax", r);
    CHECK(placed(g).front() == "relu -> conv.0: symmetric");
  }
}

TEST_CASE_FIXTURE(
    fixture, "a quantizer moves above what only moves values if every reader is quantized"
) {
  const auto r = g.relu("relu", x);
  const auto p = g.max_pool("pool", r, {2, 2});
  const auto t = g.reshape("shape", p, {1, 4, 4, 4});
  convolution("conv", t);
  const std::string weights = "conv.w -> conv.1: weights symmetric axis 0";
  SUBCASE("one reader") {
    CHECK(placed(g) == lines{"relu -> pool.0: symmetric", weights});
  }
  SUBCASE("one reader and a result of the graph") {
    g.output("y", t);
    CHECK(placed(g) == lines{"relu -> pool.0: symmetric", weights});
  }
  SUBCASE("two quantized readers, on different levels") {
    g.average_pool("average", p, {2, 2});
    CHECK(placed(g) == lines{"relu -> pool.0: symmetric", weights});
  }
  SUBCASE("a reader in floating point on the lower level") {
    float_reader("softmax", t);
    CHECK(placed(g) == lines{"shape -> conv.0: symmetric", weights});
  }
  SUBCASE("a reader in floating point on the middle level") {
    float_reader("softmax", p);
    CHECK(placed(g) == lines{"pool -> shape.0: symmetric", weights});
  }
  SUBCASE("a reader in floating point on the upper level does not matter") {
    float_reader("softmax", r);
    CHECK(placed(g) == lines{"relu -> pool.0: symmetric", weights});
  }
  SUBCASE("a branch that does not matter by itself, but leads to floating point") {
    float_reader("softmax", g.flatten("flat", p));
    CHECK(placed(g) == lines{"pool -> shape.0: symmetric", weights});
  }
}

TEST_CASE_FIXTURE(fixture, "both parts of a split are quantized above it, or each below") {
  const auto r = g.relu("relu", x);
  const auto parts = g.split("split", r, 1, 2);
  convolution("a", parts[0], 2, 2);
  SUBCASE("both are read by convolutions") {
    convolution("b", parts[1], 2, 2);
    CHECK(placed(g).front() == "relu -> split.0: symmetric");
  }
  SUBCASE("one stays in floating point") {
    float_reader("softmax", parts[1]);
    CHECK(placed(g).front() == "split -> a.0: symmetric");
  }
}

TEST_CASE_FIXTURE(fixture, "an addition of two activations quantizes both") {
  const auto a = g.relu("a", x);
  const auto b = g.sigmoid("b", x);
  SUBCASE("of two tensors") {
    g.add("sum", a, b);
    CHECK(placed(g) == lines{"a -> sum.0: symmetric", "b -> sum.1: symmetric"});
  }
  SUBCASE("of one tensor twice") {
    g.add("sum", a, a);
    CHECK(placed(g) == lines{"a -> sum.0 sum.1: symmetric"});
  }
}

TEST_CASE_FIXTURE(fixture, "a constant added behind a convolution or product is a bias and stays") {
  SUBCASE("behind a convolution") {
    g.add("sum", convolution("conv", x), constant("b", {1, 4, 1, 1}));
    CHECK(
        placed(g) == lines{"x -> conv.0: symmetric", "conv.w -> conv.1: weights symmetric axis 0"}
    );
  }
  SUBCASE("the constant first") {
    const auto c = convolution("conv", x);
    g.add("sum", constant("b", {1, 4, 1, 1}), c);
    CHECK(
        placed(g) == lines{"x -> conv.0: symmetric", "conv.w -> conv.1: weights symmetric axis 0"}
    );
  }
  SUBCASE("behind a matrix product") {
    g.add("sum", g.matmul("fc", x, constant("w", {4, 4})), constant("b", {4}));
    CHECK(placed(g) == lines{"x -> fc.0: symmetric", "w -> fc.1: weights symmetric axis 1"});
  }
}

TEST_CASE_FIXTURE(fixture, "a constant operand is quantized by axis 0, whatever its shape") {
  const auto r = g.relu("relu", x);
  SUBCASE("added, with one scale") {
    g.add("sum", r, constant("k", {1, 4, 1, 1}));
    CHECK(placed(g) == lines{"relu -> sum.0: symmetric", "k -> sum.1: weights symmetric axis 0"});
  }
  SUBCASE("multiplied, with one scale for each element") {
    g.multiply("product", constant("k", {4}), r);
    CHECK(
        placed(g) ==
        lines{"relu -> product.1: symmetric", "k -> product.0: weights symmetric axis 0"}
    );
  }
  SUBCASE("a scalar has no axis") {
    g.divide("quotient", r, constant("k", {}));
    CHECK(
        placed(g) == lines{"relu -> quotient.0: symmetric", "k -> quotient.1: weights symmetric"}
    );
  }
  SUBCASE("subtracted") {
    g.subtract("difference", r, constant("k", {1, 4, 1, 1}));
    CHECK(placed(g).back() == "k -> difference.1: weights symmetric axis 0");
  }
}

TEST_CASE_FIXTURE(
    fixture, "weights of a matrix product have their channels where the outputs are"
) {
  SUBCASE("[out, in]") {
    g.matmul("fc", x, constant("w", {8, 4}), {}, {.transpose_b = true});
    CHECK(placed(g).back() == "w -> fc.1: weights symmetric axis 0");
  }
  SUBCASE("[in, out]") {
    g.matmul("fc", x, constant("w", {4, 8}));
    CHECK(placed(g).back() == "w -> fc.1: weights symmetric axis 1");
  }
  SUBCASE("[batch, in, out]") {
    g.matmul("fc", x, constant("w", {2, 4, 8}));
    CHECK(placed(g).back() == "w -> fc.1: weights symmetric axis 2");
  }
  SUBCASE("without attributes, axis 0") {
    g.matmul("fc", x, constant("w", {4, 8}));
    CHECK(placed(plain_toy_graph(g)).back() == "w -> fc.1: weights symmetric axis 0");
  }
  SUBCASE("of two activations there are no weights") {
    g.matmul("product", x, g.relu("relu", x), {}, {.transpose_b = true});
    CHECK(placed(g) == lines{"x -> product.0: symmetric", "relu -> product.1: symmetric"});
  }
}

TEST_CASE_FIXTURE(fixture, "a depthwise convolution is one by its attributes or by its kind") {
  SUBCASE("without attributes it is an ordinary one") {
    depthwise("dw", x);
    CHECK(placed(plain_toy_graph(g)).front() == "x -> dw.0: symmetric");
  }
  SUBCASE("unless its kind says so") {
    g.other("dw", {x, constant("w", {4, 1, 3, 3})}, {}, ptq::op::depthwise_convolution);
    CHECK(placed(plain_toy_graph(g)).front() == "x -> dw.0: symmetric axis 1");
  }
  SUBCASE("two outputs for each input are not depthwise") {
    g.convolution("grouped", x, constant("w", {8, 1, 3, 3}), {}, {.groups = 4});
    CHECK(placed(g).front() == "x -> grouped.0: symmetric");
  }
}

TEST_CASE_FIXTURE(fixture, "weights of a transposed convolution have their channels on axis 1") {
  g.other("up", {x, constant("w", {4, 8, 2, 2})}, {}, ptq::op::transposed_convolution);
  CHECK(placed(g) == lines{"x -> up.0: symmetric", "w -> up.1: weights symmetric axis 1"});
}

TEST_CASE_FIXTURE(fixture, "what the device has no rule for stays in floating point") {
  const auto k = constant("k", {4});
  const auto n = g.batch_normalization("norm", x, k, k, k, k);
  SUBCASE("normalisation, softmax and what is unknown") {
    float_reader("odd", g.softmax("soft", g.sigmoid("sigmoid", n), 1));
    CHECK(placed(g).empty());
  }
  SUBCASE("but what a convolution reads of it is quantized") {
    convolution("conv", n);
    CHECK(placed(g).front() == "norm -> conv.0: symmetric");
  }
  SUBCASE("no rules at all") {
    convolution("conv", n);
    CHECK(placed(ptq::read_graph(g).nodes, {}, {}).empty());
  }
}

TEST_CASE_FIXTURE(fixture, "constants that several operations read get one quantizer") {
  const auto w = constant("w", {4, 4, 1, 1});
  g.convolution("b", g.relu("relu", g.convolution("a", x, w)), w);
  CHECK(
      placed(g) ==
      lines{
          "x -> a.0: symmetric", "w -> a.1 b.1: weights symmetric axis 0", "relu -> b.0: symmetric"
      }
  );
}

TEST_CASE_FIXTURE(
    fixture, "a concatenation in front of a convolution has one range for all inputs"
) {
  const auto a = g.relu("a", x);
  const auto b = g.sigmoid("b", x);
  SUBCASE("read by a convolution") {
    convolution("conv", g.concat("join", {a, b}, 1), 8);
    CHECK(
        placed(g) ==
        lines{
            "a -> join.0: symmetric",
            "b -> join.1: symmetric",
            "conv.w -> conv.1: weights symmetric axis 0",
            "unified a b",
        }
    );
    // There is one grid, whatever was asked for.
    CHECK(placed(g, {.activations = {.granularity = ptq::per_channel}}) == placed(g));
  }
  SUBCASE("through operations that only move values, on both sides") {
    const auto j = g.concat("join", {g.max_pool("pool", a, {2, 2}), b}, 1);
    convolution("conv", g.reshape("shape", j, {1, 8, 2, 2}), 8);
    CHECK(
        placed(g) ==
        lines{
            "a -> pool.0: symmetric",
            "b -> join.1: symmetric",
            "conv.w -> conv.1: weights symmetric axis 0",
            "unified a b",
        }
    );
  }
  SUBCASE("of concatenations: all together") {
    const auto c = g.relu("c", x);
    const auto inner = g.concat("inner", {a, b}, 1);
    convolution("conv", g.concat("outer", {inner, c}, 1), 12);
    CHECK(placed(g).back() == "unified a b c");
  }
  SUBCASE("an input that another convolution reads too") {
    convolution("conv", g.concat("join", {a, b}, 1), 8);
    convolution("side", a);
    CHECK(placed(g).front() == "a -> join.0 side.0: symmetric");
    CHECK(placed(g).back() == "unified a b");
  }
  SUBCASE("read by a depthwise convolution: per channel, each with its own range") {
    depthwise("dw", g.concat("join", {a, b}, 1), 8);
    CHECK(
        placed(g) ==
        lines{
            "a -> join.0: symmetric axis 1",
            "b -> join.1: symmetric axis 1",
            "dw.w -> dw.1: weights symmetric axis 0",
        }
    );
  }
  SUBCASE("read by both kinds of convolution: per tensor, each with its own range") {
    const auto j = g.concat("join", {a, b}, 1);
    depthwise("dw", j, 8);
    convolution("conv", j, 8);
    CHECK(placed(g)[0] == "a -> join.0: symmetric");
    CHECK(placed(g)[1] == "b -> join.1: symmetric");
    CHECK(placed(g).back() == "conv.w -> conv.1: weights symmetric axis 0");
  }
  SUBCASE("read by an addition alone: not unified") {
    g.add("sum", g.concat("join", {a, b}, 1), g.relu("c", x));
    CHECK(
        placed(g) ==
        lines{"a -> join.0: symmetric", "b -> join.1: symmetric", "c -> sum.1: symmetric"}
    );
  }
  SUBCASE("read in floating point") {
    float_reader("softmax", g.concat("join", {a, b}, 1));
    CHECK(placed(g).empty());
  }
  SUBCASE("with a constant: quantized as weights, and not unified") {
    convolution("conv", g.concat("join", {a, constant("k", {1, 4, 1, 1})}, 1), 8);
    CHECK(
        placed(g) ==
        lines{
            "a -> join.0: symmetric",
            "k -> join.1: weights symmetric axis 0",
            "conv.w -> conv.1: weights symmetric axis 0",
        }
    );
  }
}

} // namespace
