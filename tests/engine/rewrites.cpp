// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>

#include <engine/graph.hpp>

#include "running.hpp"

using ints = std::vector<std::int64_t>;

namespace {

constexpr float root_of_two = 1.41421356F;

/// The operations of a model in order, without its input, outputs and constants.
auto operations_of(const engine::model& of) -> std::vector<ptq::op> {
  const engine::graph graph(of);
  std::vector<ptq::op> result;
  for (const auto id : graph.nodes()) {
    if (graph.op(id) != ptq::op::constant && graph.op(id) != ptq::op::input &&
        !graph.is_output(id)) {
      result.push_back(graph.op(id));
    }
  }
  return result;
}

auto node_called(const engine::model& of, const std::string& name) -> const engine::node& {
  const auto found = std::ranges::find(of.nodes, name, &engine::node::name);
  REQUIRE(found != of.nodes.end());
  return *found;
}

auto with_numbers() -> onnx_bytes::model {
  onnx_bytes::model made;
  made.input("x", {-1, 4, 6});
  made.constant("half", {}, {0.5F}).constant("one", {}, {1}).constant("two", {}, {2});
  made.constant("root", {}, {root_of_two}).constant("three", {}, {3}).constant("six", {}, {6});
  made.constant("zero", {}, {0}).constant("e", {}, {0.01F});
  return made;
}

using write = void (*)(onnx_bytes::model&);

auto read(write how) -> engine::model {
  onnx_bytes::model made = with_numbers();
  how(made);
  return parse(made.output("y"));
}

void check_function(write how, ptq::op expected, double (*f)(double)) {
  const engine::model of = read(how);
  CHECK(operations_of(of) == std::vector<ptq::op>{expected});
  CHECK(of.nodes.back().outputs[0] == "y");
  auto x = noise(24, 51);
  std::vector<double> y;
  for (float& each : x) {
    each *= 4;
    y.push_back(f(static_cast<double>(each)));
  }
  check_close(run(of, x), y);
}

auto gelu(double x) -> double {
  return x * (1 + std::erf(x / std::sqrt(2.0))) / 2;
}

auto hard_swish(double x) -> double {
  return x * std::clamp(x + 3, 0.0, 6.0) / 6;
}

void write_normalization(onnx_bytes::model& m) {
  m.node("ReduceMean", {"x"}, {"mean"}, {{"axes", ints{-1}}});
  m.node("Sub", {"x", "mean"}, {"d"}).node("Pow", {"d", "two"}, {"sq"});
  m.node("ReduceMean", {"sq"}, {"v"}, {{"axes", ints{-1}}});
  m.node("Add", {"v", "e"}, {"ve"}).node("Sqrt", {"ve"}, {"root_v"});
  m.node("Div", {"d", "root_v"}, {"y"}, {}, "divide");
}

} // namespace

TEST_CASE("a GELU of Erf is one operation, in whatever order its factors stand") {
  check_function(
      [](onnx_bytes::model& m) {
        m.node("Div", {"x", "root"}, {"d"}).node("Erf", {"d"}, {"e1"});
        m.node("Add", {"e1", "one"}, {"s"}).node("Mul", {"x", "s"}, {"p"});
        m.node("Mul", {"p", "half"}, {"y"});
      },
      ptq::op::gelu,
      gelu
  );
  check_function(
      [](onnx_bytes::model& m) {
        m.constant("inverse", {}, {0.70710678F});
        m.node("Mul", {"inverse", "x"}, {"d"}).node("Erf", {"d"}, {"e1"});
        m.node("Add", {"one", "e1"}, {"s"}).node("Mul", {"x", "half"}, {"h"});
        m.node("Mul", {"s", "h"}, {"y"});
      },
      ptq::op::gelu,
      gelu
  );
}

TEST_CASE("what only looks like a GELU is left alone") {
  const engine::model other_factor = read([](onnx_bytes::model& m) {
    m.node("Div", {"x", "two"}, {"d"}).node("Erf", {"d"}, {"e1"}).node("Add", {"e1", "one"}, {"s"});
    m.node("Mul", {"x", "s"}, {"p"}).node("Mul", {"p", "half"}, {"y"});
  });
  CHECK(std::ranges::count(operations_of(other_factor), ptq::op::erf) == 1);
  const engine::model seen = read([](onnx_bytes::model& m) {
    m.node("Div", {"x", "root"}, {"d"})
        .node("Erf", {"d"}, {"e1"})
        .node("Add", {"e1", "one"}, {"s"});
    m.node("Mul", {"x", "s"}, {"p"}).node("Mul", {"p", "half"}, {"y"}).output("e1");
  });
  CHECK(std::ranges::count(operations_of(seen), ptq::op::erf) == 1);
}

TEST_CASE("a hard-swish of Clip is one operation, divided before or behind the product") {
  check_function(
      [](onnx_bytes::model& m) {
        m.node("Add", {"x", "three"}, {"a"}).node("Clip", {"a", "zero", "six"}, {"c"});
        m.node("Mul", {"x", "c"}, {"p"}).node("Div", {"p", "six"}, {"y"});
      },
      ptq::op::hard_swish,
      hard_swish
  );
  check_function(
      [](onnx_bytes::model& m) {
        m.constant("sixth", {}, {1.0F / 6});
        m.node("Add", {"x", "three"}, {"a"}).node("Clip", {"a", "zero", "six"}, {"c"});
        m.node("Mul", {"c", "sixth"}, {"s"}).node("Mul", {"s", "x"}, {"y"});
      },
      ptq::op::hard_swish,
      hard_swish
  );
  const engine::model other = read([](onnx_bytes::model& m) {
    m.node("Add", {"x", "two"}, {"a"}).node("Clip", {"a", "zero", "six"}, {"c"});
    m.node("Mul", {"x", "c"}, {"p"}).node("Div", {"p", "six"}, {"y"});
  });
  CHECK(operations_of(other).size() == 4);
}

TEST_CASE("a product with its own sigmoid is a swish") {
  check_function(
      [](onnx_bytes::model& m) { m.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"y"}); },
      ptq::op::swish,
      [](double x) { return x / (1 + std::exp(-x)); }
  );
}

TEST_CASE("a layer normalisation in pieces is one operation with the name of its last") {
  const engine::model of = read(write_normalization);
  CHECK(operations_of(of) == std::vector<ptq::op>{ptq::op::mean_variance_normalization});
  CHECK(of.nodes.back().name == "divide");
  CHECK(of.value_name(of.nodes.back().inputs[0]) == "x");
  const auto x = noise(24, 52);
  std::vector<double> expected;
  for (std::size_t row = 0; row != 4; ++row) {
    double mean = 0;
    double square = 0;
    for (std::size_t i = 0; i != 6; ++i) {
      mean += static_cast<double>(x[row * 6 + i]) / 6;
    }
    for (std::size_t i = 0; i != 6; ++i) {
      square += std::pow(static_cast<double>(x[row * 6 + i]) - mean, 2) / 6;
    }
    for (std::size_t i = 0; i != 6; ++i) {
      expected.push_back((static_cast<double>(x[row * 6 + i]) - mean) / std::sqrt(square + 0.01));
    }
  }
  check_close(run(of, x), expected);
  const engine::model seen = read([](onnx_bytes::model& m) {
    write_normalization(m);
    m.output("mean");
  });
  CHECK(operations_of(seen).size() == 7);
}

TEST_CASE("quotients and differences with constants are products and sums") {
  const engine::model of = read([](onnx_bytes::model& m) {
    m.node("Div", {"x", "six"}, {"d"}).node("Sub", {"d", "three"}, {"s"});
    m.node("Div", {"six", "s"}, {"y"});
  });
  CHECK(
      operations_of(of) == std::vector<ptq::op>{ptq::op::multiply, ptq::op::add, ptq::op::divide}
  );
  check_close(run(of, std::vector<float>(24, 3.0F)), std::vector<double>(24, -2.4));
}

TEST_CASE("factors behind a convolution become part of its weights and its bias") {
  const auto x = noise(18, 53);
  onnx_bytes::model plain;
  plain.input("x", {-1, 2, 3, 3}).constant("w", {3, 2, 2, 2}, noise(24, 54));
  plain.constant("b", {3}, noise(3, 55)).constant("f", {3, 1, 1}, {2, -1, 0.5F});
  onnx_bytes::model made = plain;
  made.node("Conv", {"x", "w", "b"}, {"c"}, {}, "conv").node("Mul", {"f", "c"}, {"y"}).output("y");
  onnx_bytes::model seen = plain;
  seen.node("Conv", {"x", "w", "b"}, {"c"}, {}, "conv").node("Mul", {"f", "c"}, {"y"});
  seen.output("y").output("c");
  const engine::model of = parse(made);
  CHECK(operations_of(of) == std::vector<ptq::op>{ptq::op::convolution});
  CHECK(node_called(of, "conv").outputs[0] == "y");
  CHECK(operations_of(parse(seen)).size() == 2);
  const engine::tensor expected = run(parse(seen), x);
  check_close(run(of, x), {expected.begin(), expected.end()});
}

TEST_CASE("a number behind a product of two tensors is told as one in front of the right one") {
  const engine::model of = read([](onnx_bytes::model& m) {
    m.node("Transpose", {"x"}, {"t"}, {{"perm", ints{0, 2, 1}}}, "turn");
    m.node("MatMul", {"x", "t"}, {"p"}, {}, "product")
        .node("Mul", {"p", "half"}, {"y"}, {}, "scale");
  });
  CHECK(
      operations_of(of) ==
      std::vector<ptq::op>{ptq::op::transpose, ptq::op::multiply, ptq::op::matmul, ptq::op::reshape}
  );
  const engine::graph graph(of);
  for (const auto id : graph.nodes()) {
    if (graph.op(id) == ptq::op::multiply || graph.op(id) == ptq::op::reshape) {
      CHECK(graph.inputs(id).size() == 1);
    }
  }
  const engine::node& product = node_called(of, "product");
  CHECK(of.value_name(product.inputs[1]) == "t");
  CHECK(node_called(of, "turn").outputs[0] == "t_passed");
  CHECK(node_called(of, "scale").outputs[0] == "y");
  std::vector<float> x(24, 0.0F);
  x[0] = 2;
  x[7] = 3;
  const engine::tensor y = run(of, x);
  CHECK(y(0, 0, 0) == 2);
  CHECK(y(0, 1, 1) == 4.5F);
}

TEST_CASE("a number behind a product with constant weights becomes part of them") {
  const engine::model of = read([](onnx_bytes::model& m) {
    m.constant("w", {6, 1}, {1, 2, 3, 4, 5, 6});
    m.node("MatMul", {"x", "w"}, {"p"}, {}, "product").node("Mul", {"p", "half"}, {"y"});
  });
  CHECK(operations_of(of) == std::vector<ptq::op>{ptq::op::matmul});
  check_close(run(of, std::vector<float>(24, 2.0F)), std::vector<double>(4, 21));
}
