// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <array>
#include <cmath>

#include "running.hpp"

using ints = std::vector<std::int64_t>;

namespace {

using numbers = std::vector<double>;

struct geometry {
  std::size_t batch, channels, height, width, outputs, kernel_h, kernel_w, groups;
  std::array<std::size_t, 2> strides{1, 1};
  std::array<std::size_t, 4> pads{};
  std::array<std::size_t, 2> dilations{1, 1};

  auto out_h() const -> std::size_t {
    return (height + pads[0] + pads[2] - (kernel_h - 1) * dilations[0] - 1) / strides[0] + 1;
  }

  auto out_w() const -> std::size_t {
    return (width + pads[1] + pads[3] - (kernel_w - 1) * dilations[1] - 1) / strides[1] + 1;
  }
};

auto naive_convolution(
    const geometry& g,
    const std::vector<float>& x,
    const std::vector<float>& w,
    const std::vector<float>& b
) -> numbers {
  numbers y;
  const std::size_t in_group = g.channels / g.groups;
  const std::size_t out_group = g.outputs / g.groups;
  for (std::size_t n = 0; n != g.batch; ++n) {
    for (std::size_t o = 0; o != g.outputs; ++o) {
      for (std::size_t r = 0; r != g.out_h(); ++r) {
        for (std::size_t c = 0; c != g.out_w(); ++c) {
          double sum = b.empty() ? 0.0 : static_cast<double>(b[o]);
          for (std::size_t i = 0; i != in_group; ++i) {
            for (std::size_t kh = 0; kh != g.kernel_h; ++kh) {
              for (std::size_t kw = 0; kw != g.kernel_w; ++kw) {
                const std::size_t h = r * g.strides[0] + kh * g.dilations[0] - g.pads[0];
                const std::size_t v = c * g.strides[1] + kw * g.dilations[1] - g.pads[1];
                if (h < g.height && v < g.width) { // Wraps around where it lies in the padding.
                  const std::size_t channel = o / out_group * in_group + i;
                  const std::size_t at = ((n * g.channels + channel) * g.height + h) * g.width + v;
                  sum += static_cast<double>(x[at]) *
                         static_cast<double>(
                             w[((o * in_group + i) * g.kernel_h + kh) * g.kernel_w + kw]
                         );
                }
              }
            }
          }
          y.push_back(sum);
        }
      }
    }
  }
  return y;
}

template <class T, std::size_t Count>
auto list(const std::array<T, Count>& from) -> ints {
  return {from.begin(), from.end()};
}

auto extent(std::size_t n) -> std::int64_t {
  return static_cast<std::int64_t>(n);
}

void check_convolution(const geometry& g, bool with_bias) {
  const auto w = noise(g.outputs * g.channels / g.groups * g.kernel_h * g.kernel_w, 1);
  const auto b = with_bias ? noise(g.outputs, 2) : std::vector<float>{};
  const auto x = noise(g.batch * g.channels * g.height * g.width, 3);
  onnx_bytes::model made;
  made.input("x", {-1, extent(g.channels), extent(g.height), extent(g.width)});
  made.constant(
      "w",
      {extent(g.outputs), extent(g.channels / g.groups), extent(g.kernel_h), extent(g.kernel_w)},
      w
  );
  std::vector<std::string> inputs{"x", "w"};
  if (with_bias) {
    made.constant("b", {extent(g.outputs)}, b);
    inputs.emplace_back("b");
  }
  made.node(
      "Conv",
      inputs,
      {"y"},
      {{"strides", list(g.strides)},
       {"pads", list(g.pads)},
       {"dilations", list(g.dilations)},
       {"group", extent(g.groups)}}
  );
  made.output("y");
  const engine::tensor y = run(parse(made), x, g.batch);
  CHECK(engine::shape_of(y) == engine::shape{g.batch, g.outputs, g.out_h(), g.out_w()});
  check_close(y, naive_convolution(g, x, w, b));
}

} // namespace

TEST_CASE("convolutions of every geometry give the sums that the definition says") {
  check_convolution({1, 1, 5, 7, 3, 3, 3, 1}, true);
  check_convolution({2, 3, 8, 8, 4, 3, 3, 1, {2, 2}, {1, 1, 1, 1}}, true);
  check_convolution({1, 4, 9, 6, 6, 3, 2, 2, {1, 2}, {0, 1, 2, 0}}, false);
  check_convolution({1, 16, 7, 7, 16, 3, 3, 16, {1, 1}, {1, 1, 1, 1}}, true);
  check_convolution({3, 8, 6, 6, 16, 3, 3, 8, {2, 2}, {1, 1, 1, 1}}, false);
  check_convolution({1, 5, 10, 11, 2, 3, 3, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}}, true);
  check_convolution({2, 19, 4, 4, 23, 1, 1, 1}, true);
}

TEST_CASE("a BatchNormalization is folded into the convolution that it alone reads") {
  const auto x = noise(3 * 5 * 5, 17);
  const auto w = noise(4 * 3 * 9, 18);
  const auto b = noise(4, 19);
  const auto scale = noise(4, 20);
  const auto shift = noise(4, 21);
  const auto mean = noise(4, 22);
  const std::vector<float> variance{0.5F, 1, 2, 0.25F};
  const auto build = [&](bool seen_elsewhere, bool with_bias) {
    onnx_bytes::model made;
    made.input("x", {-1, 3, 5, 5}).constant("w", {4, 3, 3, 3}, w).constant("b", {4}, b);
    made.constant("scale", {4}, scale).constant("shift", {4}, shift);
    made.constant("mean", {4}, mean).constant("variance", {4}, variance);
    made.node(
        "Conv",
        with_bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"},
        {"c"},
        {{"pads", ints{1, 1, 1, 1}}},
        "conv"
    );
    made.node(
        "BatchNormalization",
        {"c", "scale", "shift", "mean", "variance"},
        {"y"},
        {{"epsilon", 1e-3F}},
        "normalize"
    );
    made.output("y");
    if (seen_elsewhere) {
      made.output("c");
    }
    return parse(made);
  };
  const auto names = [](const engine::model& of) {
    std::vector<std::string> result;
    for (const auto& each : of.nodes) {
      result.push_back(each.name);
    }
    return result;
  };
  for (const bool with_bias : {true, false}) {
    const geometry g{1, 3, 5, 5, 4, 3, 3, 1, {1, 1}, {1, 1, 1, 1}};
    numbers expected = naive_convolution(g, x, w, with_bias ? b : std::vector<float>{});
    for (std::size_t i = 0; i != expected.size(); ++i) {
      const std::size_t c = i / 25;
      const double factor =
          static_cast<double>(scale[c]) / std::sqrt(static_cast<double>(variance[c]) + 1e-3);
      expected[i] =
          (expected[i] - static_cast<double>(mean[c])) * factor + static_cast<double>(shift[c]);
    }
    const engine::model folded = build(false, with_bias);
    CHECK(std::ranges::count(names(folded), "normalize") == 0);
    CHECK(std::ranges::count(names(folded), "scale") == 0);
    CHECK(std::ranges::count(names(folded), with_bias ? "b" : "conv.bias") == 1);
    CHECK(folded.value_name(folded.outputs[0]) == "y");
    check_close(run(folded, x), expected);
    const engine::model whole = build(true, with_bias);
    CHECK(std::ranges::count(names(whole), "normalize") == 1);
    check_close(run(whole, x), expected);
  }
}
