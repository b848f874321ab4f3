// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <array>
#include <limits>

#include "running.hpp"

using onnx_bytes::attributes;
using onnx_bytes::dims;
using ints = std::vector<std::int64_t>;

namespace {

using numbers = std::vector<double>;

/// Runs one node on `x`.
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

auto widened(const std::vector<float>& from) -> numbers {
  return {from.begin(), from.end()};
}

} // namespace

TEST_CASE("a Clip takes its bounds from inputs, or from attributes before operator set 11") {
  const auto x = noise(24, 4);
  numbers expected;
  for (const float each : x) {
    expected.push_back(static_cast<double>(std::clamp(each, -0.25F, 0.5F)));
  }
  onnx_bytes::model made;
  made.input("x", {-1, 2, 3, 4}).constant("low", {}, {-0.25F}).constant("high", {}, {0.5F});
  made.node("Clip", {"x", "low", "high"}, {"y"}).output("y");
  check_close(run(parse(made), x), expected);
  check_close(run_node("Clip", {-1, 2, 3, 4}, x, {{"min", -0.25F}, {"max", 0.5F}}, 10), expected);
  onnx_bytes::model upper;
  upper.input("x", {-1, 24}).constant("high", {}, {0.5F});
  upper.node("Clip", {"x", "", "high"}, {"y"}).output("y");
  for (double& each : expected) {
    each = 0;
  }
  for (std::size_t i = 0; i != x.size(); ++i) {
    expected[i] = static_cast<double>(std::min(x[i], 0.5F));
  }
  check_close(run(parse(upper), x), expected);
}

TEST_CASE("Relu keeps what is positive, and NaN") {
  auto x = noise(6, 5);
  x[2] = std::numeric_limits<float>::quiet_NaN();
  const engine::tensor y = run_node("Relu", {-1, 6}, x);
  CHECK(std::isnan(y.data()[2]));
  CHECK(y.data()[0] == std::max(x[0], 0.0F));
  CHECK(y.data()[5] == std::max(x[5], 0.0F));
}

TEST_CASE("a global average pool is the mean over the positions") {
  const auto x = noise(3 * 4 * 5, 6);
  numbers expected(3, 0.0);
  for (std::size_t i = 0; i != x.size(); ++i) {
    expected[i / 20] += static_cast<double>(x[i]) / 20;
  }
  const engine::tensor y = run_node("GlobalAveragePool", {-1, 3, 4, 5}, x);
  CHECK(engine::shape_of(y) == engine::shape{1, 3, 1, 1});
  check_close(y, expected);
}

TEST_CASE("Flatten and Reshape keep ONNX's order of the values, whatever the engine's layout") {
  const auto x = noise(2 * 3 * 4, 7);
  const auto shape_after = [&](const char* type, const attributes& with) {
    const engine::tensor y = run_node(type, {-1, 2, 3, 4}, x, with);
    check_close(y, widened(x));
    return engine::shape_of(y);
  };
  CHECK(shape_after("Flatten", {}) == engine::shape{1, 24});
  CHECK(shape_after("Flatten", {{"axis", std::int64_t{2}}}) == engine::shape{2, 12});
  CHECK(shape_after("Flatten", {{"axis", std::int64_t{-1}}}) == engine::shape{6, 4});
  CHECK(shape_after("Flatten", {{"axis", std::int64_t{0}}}) == engine::shape{1, 24});
  onnx_bytes::model made;
  made.input("x", {-1, 2, 3, 4}).constant("to", {0, -1, 2, 2});
  made.node("Reshape", {"x", "to"}, {"y"}).output("y");
  const engine::tensor y = run(parse(made), x);
  CHECK(engine::shape_of(y) == engine::shape{1, 6, 2, 2});
  check_close(y, widened(x));
}

TEST_CASE("Gemm and MatMul multiply, scale and add") {
  constexpr std::size_t rows = 3, depth = 5, columns = 4;
  const auto a = noise(rows * depth, 8);
  const auto b = noise(depth * columns, 9);
  const auto c = noise(columns, 10);
  const auto expected = [&](bool transposed, double alpha, double beta) {
    numbers y;
    for (std::size_t i = 0; i != rows; ++i) {
      for (std::size_t j = 0; j != columns; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k != depth; ++k) {
          const float right = transposed ? b[j * depth + k] : b[k * columns + j];
          sum += static_cast<double>(a[i * depth + k]) * static_cast<double>(right);
        }
        y.push_back(alpha * sum + beta * static_cast<double>(c[j]));
      }
    }
    return y;
  };
  const auto gemm = [&](bool transposed, float alpha, float beta, bool with_c) {
    onnx_bytes::model made;
    made.input("a", {-1, depth}).constant("c", {columns}, c);
    made.constant("b", transposed ? dims{columns, depth} : dims{depth, columns}, b);
    made.node(
        "Gemm",
        with_c ? std::vector<std::string>{"a", "b", "c"} : std::vector<std::string>{"a", "b"},
        {"y"},
        {{"alpha", alpha}, {"beta", beta}, {"transB", std::int64_t{transposed ? 1 : 0}}}
    );
    made.output("y", {-1, columns});
    return run(parse(made), a, rows);
  };
  check_close(gemm(false, 1, 1, true), expected(false, 1, 1));
  check_close(gemm(true, 1, 1, true), expected(true, 1, 1));
  check_close(gemm(true, 0.5F, 3, true), expected(true, 0.5, 3));
  check_close(gemm(false, 2, 1, false), expected(false, 2, 0));

  onnx_bytes::model product;
  product.input("a", {-1, rows, depth}).constant("b", {depth, columns}, b);
  product.node("MatMul", {"a", "b"}, {"y"}).output("y", {-1, rows, columns});
  check_close(run(parse(product), a), expected(false, 1, 0));

  onnx_bytes::model square;
  square.input("a", {-1, rows, rows}).node("MatMul", {"a", "a"}, {"y"}).output("y");
  const auto s = noise(2 * rows * rows, 11);
  numbers squared;
  for (std::size_t n = 0; n != 2; ++n) {
    for (std::size_t i = 0; i != rows; ++i) {
      for (std::size_t j = 0; j != rows; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k != rows; ++k) {
          sum += static_cast<double>(s[(n * rows + i) * rows + k]) *
                 static_cast<double>(s[(n * rows + k) * rows + j]);
        }
        squared.push_back(sum);
      }
    }
  }
  check_close(run(parse(square), s, 2), squared);
}

TEST_CASE("Add repeats what is smaller, in any layout") {
  const auto x = noise(2 * 3 * 4, 12);
  const auto add = [&](const dims& shape, const std::vector<float>& other) {
    onnx_bytes::model made;
    made.input("x", {-1, 2, 3, 4}).constant("other", shape, other);
    made.node("Add", {"x", "other"}, {"y"}).output("y");
    return run(parse(made), x);
  };
  const auto sum = [&](auto other_at) {
    numbers y;
    for (std::size_t i = 0; i != x.size(); ++i) {
      y.push_back(static_cast<double>(x[i]) + static_cast<double>(other_at(i)));
    }
    return y;
  };
  const auto per_channel = noise(2, 13);
  check_close(add({2, 1, 1}, per_channel), sum([&](std::size_t i) { return per_channel[i / 12]; }));
  const auto per_column = noise(4, 14);
  check_close(add({4}, per_column), sum([&](std::size_t i) { return per_column[i % 4]; }));
  check_close(add({}, {0.5F}), sum([](std::size_t) { return 0.5F; }));
  const auto full = noise(24, 15);
  check_close(add({1, 2, 3, 4}, full), sum([&](std::size_t i) { return full[i]; }));

  onnx_bytes::model doubled;
  doubled.input("x", {-1, 2, 3, 4}).node("Add", {"x", "x"}, {"y"}).output("y");
  check_close(run(parse(doubled), x), sum([&](std::size_t i) { return x[i]; }));
}

TEST_CASE("Concat joins along any axis") {
  const auto x = noise(2 * 3 * 4, 16);
  for (const std::int64_t axis : {1, 2, 3, -1, -3}) {
    onnx_bytes::model made;
    made.input("x", {-1, 2, 3, 4}).node("Relu", {"x"}, {"r"});
    made.node("Concat", {"x", "r", "x"}, {"y"}, {{"axis", axis}}).output("y");
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + 4 : axis);
    const std::array<std::size_t, 4> extents{1, 2, 3, 4};
    std::size_t inner = 1;
    for (std::size_t i = at; i != 4; ++i) {
      inner *= extents[i];
    }
    numbers expected;
    for (std::size_t block = 0; block != x.size() / inner; ++block) {
      for (std::size_t copy = 0; copy != 3; ++copy) {
        for (std::size_t i = 0; i != inner; ++i) {
          const float value = x[block * inner + i];
          expected.push_back(static_cast<double>(copy == 1 ? std::max(value, 0.0F) : value));
        }
      }
    }
    check_close(run(parse(made), x), expected);
  }
}

TEST_CASE("pools take the largest value or the mean of each window") {
  constexpr std::size_t side = 5;
  const auto x = noise(2 * side * side, 23);
  const auto pool =
      [&](bool maximum, std::size_t out, std::size_t stride, std::size_t pad, bool counts) {
        numbers y;
        for (std::size_t c = 0; c != 2; ++c) {
          for (std::size_t r = 0; r != out * out; ++r) {
            double best = -1e30;
            double sum = 0;
            double seen = 0;
            for (std::size_t k = 0; k != 9; ++k) {
              const std::size_t h = r / out * stride + k / 3 - pad;
              const std::size_t v = r % out * stride + k % 3 - pad;
              if (h < side && v < side) {
                const auto value = static_cast<double>(x[(c * side + h) * side + v]);
                best = std::max(best, value);
                sum += value;
                seen += 1;
              }
            }
            y.push_back(maximum ? best : sum / (counts ? 9 : seen));
          }
        }
        return y;
      };
  const attributes window{{"kernel_shape", ints{3, 3}}};
  const attributes padded{
      {"kernel_shape", ints{3, 3}}, {"strides", ints{2, 2}}, {"pads", ints{1, 1, 1, 1}}
  };
  check_close(run_node("MaxPool", {-1, 2, side, side}, x, window), pool(true, 3, 1, 0, false));
  check_close(run_node("MaxPool", {-1, 2, side, side}, x, padded), pool(true, 3, 2, 1, false));
  check_close(run_node("AveragePool", {-1, 2, side, side}, x, window), pool(false, 3, 1, 0, false));
  check_close(run_node("AveragePool", {-1, 2, side, side}, x, padded), pool(false, 3, 2, 1, false));
  attributes counting = padded;
  counting.emplace_back("count_include_pad", std::int64_t{1});
  check_close(
      run_node("AveragePool", {-1, 2, side, side}, x, counting), pool(false, 3, 2, 1, true)
  );
  const attributes beyond{
      {"kernel_shape", ints{3, 3}}, {"strides", ints{3, 3}}, {"ceil_mode", std::int64_t{1}}
  };
  check_close(run_node("MaxPool", {-1, 2, side, side}, x, beyond), pool(true, 2, 3, 0, false));
}

TEST_CASE("Constant nodes and Identity on constants serve as weights") {
  const auto x = noise(4, 24);
  onnx_bytes::model made;
  made.input("x", {-1, 4});
  made.node("Constant", {}, {"stored"}, {{"value", onnx_bytes::floats("", {4, 1}, {1, 2, 3, 4})}});
  made.node("Identity", {"stored"}, {"w"});
  made.node("MatMul", {"x", "w"}, {"y"}).output("y");
  numbers expected{0};
  for (std::size_t i = 0; i != 4; ++i) {
    expected[0] += static_cast<double>(x[i]) * static_cast<double>(i + 1);
  }
  check_close(run(parse(made), x), expected);
}
