// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <functional>

#include "running.hpp"

using onnx_bytes::attributes;
using onnx_bytes::dims;
using ints = std::vector<std::int64_t>;

namespace {

using numbers = std::vector<double>;
using function = std::function<double(double)>;

constexpr std::int64_t one = 1;

auto run_node(
    const std::string& type,
    const dims& shape,
    const std::vector<float>& x,
    const attributes& with = {},
    std::uint64_t opset = 13
) -> engine::tensor {
  onnx_bytes::model made;
  made.opset(opset).input("x", shape).node(type, {"x"}, {"y"}, with).output("y");
  return run(parse(made), x);
}

void check_function(const std::string& type, const attributes& with, const function& f) {
  auto x = noise(24, 31);
  for (float& each : x) {
    each *= 5;
  }
  numbers expected(x.begin(), x.end());
  std::ranges::transform(expected, expected.begin(), f);
  check_close(run_node(type, {-1, 2, 3, 4}, x, with, 14), expected);
}

/// `[2, 3, 4]` counted through.
auto counted() -> std::vector<float> {
  std::vector<float> result;
  for (int i = 0; i != 24; ++i) {
    result.push_back(static_cast<float>(i));
  }
  return result;
}

void check_values(const engine::tensor& found, const engine::shape& shape, const numbers& values) {
  CHECK(engine::shape_of(found) == shape);
  check_close(found, values);
}

} // namespace

TEST_CASE("functions of single values are those of the operators' definitions") {
  check_function("Exp", {}, [](double x) { return std::exp(x); });
  check_function("Erf", {}, [](double x) { return std::erf(x); });
  check_function("Tanh", {}, [](double x) { return std::tanh(x); });
  check_function("Sigmoid", {}, [](double x) { return 1 / (1 + std::exp(-x)); });
  check_function("HardSigmoid", {{"alpha", 0.25F}}, [](double x) {
    return std::clamp(0.25 * x + 0.5, 0.0, 1.0);
  });
  check_function("HardSwish", {}, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; });
  check_function("LeakyRelu", {{"alpha", 0.125F}}, [](double x) { return x < 0 ? x / 8 : x; });
  check_close(run_node("Sqrt", {-1, 3}, {0.25F, 4, 9}), {0.5, 2, 3});
}

TEST_CASE("differences, products, quotients and powers repeat what is smaller") {
  const auto x = noise(24, 32);
  const std::vector<float> by{2, 0.5F, 4};
  const auto result = [&](const char* type) {
    onnx_bytes::model made;
    made.input("x", {-1, 2, 3, 4}).constant("by", {3, 1}, by);
    made.node("Relu", {"x"}, {"r"}).node(type, {"r", "by"}, {"y"}).output("y");
    return run(parse(made), x);
  };
  const auto expected = [&](auto f) {
    numbers y;
    for (std::size_t i = 0; i != x.size(); ++i) {
      y.push_back(f(static_cast<double>(std::max(x[i], 0.0F)), static_cast<double>(by[i / 4 % 3])));
    }
    return y;
  };
  check_close(result("Sub"), expected([](double a, double b) { return a - b; }));
  check_close(result("Mul"), expected([](double a, double b) { return a * b; }));
  check_close(result("Div"), expected([](double a, double b) { return a / b; }));
  check_close(result("Pow"), expected([](double a, double b) { return std::pow(a, b); }));
}

TEST_CASE("a PRelu has a slope for each channel") {
  const auto x = noise(12, 33);
  onnx_bytes::model made;
  made.input("x", {-1, 3, 2, 2}).constant("slope", {3, 1, 1}, {0.5F, 0, -1});
  made.node("PRelu", {"x", "slope"}, {"y"}).output("y");
  numbers expected;
  const numbers slope{0.5, 0, -1};
  for (std::size_t i = 0; i != 12; ++i) {
    const auto value = static_cast<double>(x[i]);
    expected.push_back(value < 0 ? slope[i / 4] * value : value);
  }
  check_close(run(parse(made), x), expected);
}

TEST_CASE("a Softmax is over one axis, or over all behind it before operator set 13") {
  const auto x = noise(24, 34);
  const auto expected = [&](auto group_of) {
    std::map<std::size_t, double> sums;
    for (std::size_t i = 0; i != 24; ++i) {
      sums[group_of(i)] += std::exp(static_cast<double>(x[i]));
    }
    numbers y;
    for (std::size_t i = 0; i != 24; ++i) {
      y.push_back(std::exp(static_cast<double>(x[i])) / sums[group_of(i)]);
    }
    return y;
  };
  const dims shape{-1, 2, 3, 4};
  check_close(run_node("Softmax", shape, x), expected([](std::size_t i) { return i / 4; }));
  check_close(
      run_node("Softmax", shape, x, {{"axis", std::int64_t{2}}}),
      expected([](std::size_t i) { return i / 12 * 4 + i % 4; })
  );
  check_close(
      run_node("Softmax", shape, x, {{"axis", std::int64_t{2}}}, 11),
      expected([](std::size_t i) { return i / 12; })
  );
  check_close(run_node("Softmax", {-1, 2}, {1000, 1000}), {0.5, 0.5});
}

TEST_CASE("a ReduceMean takes axes away, or leaves them with an extent of 1") {
  const auto x = counted();
  check_values(
      run_node("ReduceMean", {-1, 2, 3, 4}, x, {{"axes", ints{-1}}}),
      {1, 2, 3, 1},
      {1.5, 5.5, 9.5, 13.5, 17.5, 21.5}
  );
  check_values(
      run_node(
          "ReduceMean", {-1, 2, 3, 4}, x, {{"axes", ints{2, 1}}, {"keepdims", std::int64_t{0}}}
      ),
      {1, 4},
      {10, 11, 12, 13}
  );
  onnx_bytes::model made;
  made.opset(18).input("x", {-1, 2, 3, 4}).constant("axes", {1});
  made.node("ReduceMean", {"x", "axes"}, {"y"}).output("y");
  check_values(run(parse(made), x), {1, 1, 3, 4}, {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
}

TEST_CASE("a Transpose puts the axes in the order that it says, or turns it round") {
  const auto x = counted();
  const engine::tensor y = run_node("Transpose", {-1, 2, 3, 4}, x, {{"perm", ints{0, 3, 1, 2}}});
  CHECK(engine::shape_of(y) == engine::shape{1, 4, 2, 3});
  CHECK(y(0, 2, 1, 0) == 14);
  CHECK(y(0, 3, 0, 2) == 11);
  const engine::tensor turned = run_node("Transpose", {1, 2, 3, 4}, x);
  CHECK(engine::shape_of(turned) == engine::shape{4, 3, 2, 1});
  CHECK(turned(2, 1, 1, 0) == 18);
}

TEST_CASE("Squeeze and Unsqueeze change the rank only") {
  const auto x = counted();
  const numbers same(x.begin(), x.end());
  check_values(
      run_node("Unsqueeze", {-1, 24}, x, {{"axes", ints{1, -1}}}, 11), {1, 1, 24, 1}, same
  );
  check_values(run_node("Squeeze", {-1, 1, 24}, x, {{"axes", ints{1}}}, 11), {1, 24}, same);
  onnx_bytes::model made;
  made.input("x", {-1, 2, 3, 4}).constant("at", {2}).node("Unsqueeze", {"x", "at"}, {"u"});
  made.node("Squeeze", {"u", "at"}, {"y"}).output("y");
  check_values(run(parse(made), x), {1, 2, 3, 4}, same);
}

TEST_CASE("a Split hands out pieces of an axis, equal ones or as it says") {
  const auto x = counted();
  onnx_bytes::model made;
  made.input("x", {-1, 6, 2, 2}).constant("parts", {1, 2, 3});
  made.node("Split", {"x", "parts"}, {"a", "b", "c"}, {{"axis", one}}, "split");
  made.node("Concat", {"c", "a", "b"}, {"y"}, {{"axis", one}}).output("y");
  const engine::tensor y = run(parse(made), x);
  CHECK(engine::shape_of(y) == engine::shape{1, 6, 2, 2});
  CHECK(y(0, 0, 0, 0) == 12);
  CHECK(y(0, 3, 0, 0) == 0);
  CHECK(y(0, 4, 1, 1) == 7);
  onnx_bytes::model equal;
  equal.opset(11).input("x", {-1, 6, 2, 2});
  equal.node("Split", {"x"}, {"a", "b"}, {{"axis", one}})
      .node("Sub", {"b", "a"}, {"y"})
      .output("y");
  check_values(run(parse(equal), x), {1, 3, 2, 2}, numbers(12, 12));
}

TEST_CASE("a Slice cuts axes, from either end and in steps") {
  const auto x = counted();
  const auto cut = [&](const ints& starts, const ints& ends, const ints& axes, const ints& steps) {
    onnx_bytes::model made;
    made.input("x", {-1, 2, 3, 4}).constant("starts", starts).constant("ends", ends);
    made.constant("axes", axes).constant("steps", steps);
    made.node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"}).output("y");
    return run(parse(made), x);
  };
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  check_values(
      cut({1}, {far}, {1}, {1}), {1, 1, 3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}
  );
  check_values(cut({0, -1}, {1, 0}, {1, 3}, {1, -2}), {1, 1, 3, 2}, {3, 1, 7, 5, 11, 9});
  check_values(cut({-1, -3}, {-far - 1, far}, {-1, -3}, {-far, far}), {1, 1, 3, 1}, {3, 7, 11});
  onnx_bytes::model old;
  old.opset(9).input("x", {-1, 2, 3, 4});
  old.node("Slice", {"x"}, {"y"}, {{"axes", ints{2}}, {"starts", ints{-1}}, {"ends", ints{9}}});
  old.output("y");
  check_values(run(parse(old), x), {1, 2, 1, 4}, {8, 9, 10, 11, 20, 21, 22, 23});
}

TEST_CASE("a Gather takes what its indices say, which count from either end") {
  const auto x = counted();
  const auto gather = [&](const onnx_bytes::message& indices, std::int64_t axis) {
    onnx_bytes::model made;
    made.input("x", {-1, 2, 3, 4}).initializer(indices);
    made.node("Gather", {"x", "i"}, {"y"}, {{"axis", axis}}).output("y");
    return run(parse(made), x);
  };
  check_values(
      gather(onnx_bytes::integers("i", {-1, 0}), 2),
      {1, 2, 2, 4},
      {8, 9, 10, 11, 0, 1, 2, 3, 20, 21, 22, 23, 12, 13, 14, 15}
  );
  const auto scalar = onnx_bytes::tensor("i", {}, onnx_bytes::int64, onnx_bytes::raw(ints{1}));
  check_values(gather(scalar, -1), {1, 2, 3}, {1, 5, 9, 13, 17, 21});
}

TEST_CASE("a LayerNormalization is a normalisation, a product and a sum") {
  const auto x = noise(24, 35);
  onnx_bytes::model made;
  made.opset(17).input("x", {-1, 6, 4}).constant("scale", {4}, {1, 2, 3, 4});
  made.constant("shift", {4}, {0.5F, 0, -1, 2});
  made.node("LayerNormalization", {"x", "scale", "shift"}, {"y"}, {{"epsilon", 0.01F}}, "norm");
  made.output("y");
  const engine::model of = parse(made);
  numbers expected;
  const numbers scale{1, 2, 3, 4};
  const numbers shift{0.5, 0, -1, 2};
  for (std::size_t row = 0; row != 6; ++row) {
    double mean = 0;
    double square = 0;
    for (std::size_t i = 0; i != 4; ++i) {
      mean += static_cast<double>(x[row * 4 + i]) / 4;
    }
    for (std::size_t i = 0; i != 4; ++i) {
      square += std::pow(static_cast<double>(x[row * 4 + i]) - mean, 2) / 4;
    }
    for (std::size_t i = 0; i != 4; ++i) {
      const double value = (static_cast<double>(x[row * 4 + i]) - mean) / std::sqrt(square + 0.01);
      expected.push_back(value * scale[i] + shift[i]);
    }
  }
  check_close(run(of, x), expected);
  REQUIRE(of.nodes.size() == 6);
  CHECK(of.nodes.back().name == "norm");
  CHECK(of.nodes.back().kind == engine::operation::add);
}

TEST_CASE("target shapes that are worked out from shapes hold for every batch") {
  onnx_bytes::model made;
  made.input("x", {-1, 4, 2, 3}).constant("zero", {0}).constant("one", {1}).constant("rest", {-1});
  made.node("Shape", {"x"}, {"shape"}).node("Cast", {"shape"}, {"cast"}, {{"to", std::int64_t{7}}});
  made.node("Slice", {"cast", "zero", "one"}, {"first"});
  made.node("Concat", {"first", "rest"}, {"to"}, {{"axis", std::int64_t{0}}});
  made.constant("four", {24}).node("Mul", {"four", "one"}, {"size"});
  made.node("Concat", {"first", "size"}, {"all"}, {{"axis", std::int64_t{0}}});
  made.node("Reshape", {"x", "all"}, {"y"}).output("y");
  const engine::model of = parse(made);
  CHECK_FALSE(of.fixed_batch);
  const auto x = noise(72, 36);
  check_values(run(of, x, 3), {3, 24}, {x.begin(), x.end()});
  check_values(run(of, noise(24, 36)), {1, 24}, {x.begin(), x.begin() + 24});
}

TEST_CASE("what depends on constants only is worked out while the model is read") {
  onnx_bytes::model made;
  made.input("x", {-1, 3}).constant("w", {2, 3}, {1, 2, 3, 4, 5, 6}).constant("two", {}, {2});
  made.node("Transpose", {"w"}, {"t"}, {{"perm", ints{1, 0}}}, "turn");
  made.node("Mul", {"t", "two"}, {"s"}, {}, "double").node("MatMul", {"x", "s"}, {"y"}).output("y");
  const engine::model of = parse(made);
  check_close(run(of, {1, 0, 2}), {14, 32});
  CHECK(std::ranges::none_of(of.nodes, [](const engine::node& each) {
    return each.kind == engine::operation::transpose || each.kind == engine::operation::multiply;
  }));
}

TEST_CASE("extents that a file leaves open come from the shape of a sample") {
  onnx_bytes::model made;
  made.input("x", {-1, 2, -1, -1}).node("GlobalAveragePool", {"x"}, {"p"});
  made.node("Flatten", {"p"}, {"y"}).output("y");
  const auto read = [&](const engine::shape& sample) {
    return engine::parse(made.bytes(), "open.onnx", {}, sample);
  };
  CHECK(read({2, 3, 5}).input_shape == engine::shape{1, 2, 3, 5});
  const auto refused = [&](const engine::shape& sample, const char* why) {
    try {
      static_cast<void>(read(sample));
      FAIL("it was accepted");
    } catch (const engine::error& problem) {
      CHECK(std::string(problem.what()).find(why) != std::string::npos);
    }
  };
  refused({}, "axis 2 is not fixed");
  refused({3, 3, 5}, "the extent of axis 1 is 2, which samples of shape [3, 3, 5] do not fit");
  refused({2, 3}, "it has 4 axes, which samples of shape [2, 3] do not fit");
  refused({2, 3, 0}, "axis 3 is not fixed");
}

TEST_CASE("a model that works along the axis of the samples runs on one at a time only") {
  const auto is_fixed = [](const auto& write) {
    onnx_bytes::model made;
    made.input("x", {-1, 3}).constant("zero", {0});
    write(made);
    return parse(made.output("y")).fixed_batch;
  };
  CHECK(is_fixed([](auto& m) { m.node("Softmax", {"x"}, {"y"}, {{"axis", std::int64_t{0}}}); }));
  CHECK_FALSE(is_fixed([](auto& m) { m.node("Softmax", {"x"}, {"y"}); }));
  CHECK(is_fixed([](auto& m) {
    m.node("ReduceMean", {"x"}, {"m"}, {{"axes", ints{0}}}).node("Sub", {"x", "m"}, {"y"});
  }));
  CHECK(is_fixed([](auto& m) { m.node("Transpose", {"x"}, {"y"}); }));
}
