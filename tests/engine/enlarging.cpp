// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/evaluator/check.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include <engine/evaluator.hpp>
#include <engine/graph.hpp>

#include "running.hpp"
#include "written.hpp"

using ints = std::vector<std::int64_t>;
using onnx_bytes::attributes;
using onnx_bytes::dims;
using ptq::test::scratch;

namespace {

using numbers = std::vector<double>;

struct transposed {
  std::size_t batch, channels, height, width, outputs, kernel_h, kernel_w, groups;
  std::array<std::size_t, 2> strides{1, 1};
  std::array<std::size_t, 4> pads{};
  std::array<std::size_t, 2> dilations{1, 1};
  std::array<std::size_t, 2> more{}; // output_padding

  auto out_h() const -> std::size_t {
    return (height - 1) * strides[0] + (kernel_h - 1) * dilations[0] + 1 + more[0] - pads[0] -
           pads[2];
  }

  auto out_w() const -> std::size_t {
    return (width - 1) * strides[1] + (kernel_w - 1) * dilations[1] + 1 + more[1] - pads[1] -
           pads[3];
  }
};

/// Each input value is laid out over the window that it reaches.
auto scattered(
    const transposed& g,
    const std::vector<float>& x,
    const std::vector<float>& w,
    const std::vector<float>& b
) -> numbers {
  const std::size_t in_group = g.channels / g.groups;
  const std::size_t out_group = g.outputs / g.groups;
  numbers y(g.batch * g.outputs * g.out_h() * g.out_w(), 0.0);
  for (std::size_t i = 0; i != y.size(); ++i) {
    y[i] = b.empty() ? 0.0 : static_cast<double>(b[i / (g.out_h() * g.out_w()) % g.outputs]);
  }
  for (std::size_t i = 0; i != x.size(); ++i) {
    const std::size_t column = i % g.width;
    const std::size_t row = i / g.width % g.height;
    const std::size_t channel = i / (g.width * g.height) % g.channels;
    const std::size_t sample = i / (g.width * g.height * g.channels);
    for (std::size_t o = 0; o != out_group; ++o) {
      for (std::size_t k = 0; k != g.kernel_h * g.kernel_w; ++k) {
        const std::size_t r = row * g.strides[0] + k / g.kernel_w * g.dilations[0] - g.pads[0];
        const std::size_t c = column * g.strides[1] + k % g.kernel_w * g.dilations[1] - g.pads[1];
        if (r < g.out_h() && c < g.out_w()) { // Wraps around where it lies in the padding.
          const std::size_t output = channel / in_group * out_group + o;
          const std::size_t weight = (channel * out_group + o) * g.kernel_h * g.kernel_w + k;
          y[((sample * g.outputs + output) * g.out_h() + r) * g.out_w() + c] +=
              static_cast<double>(x[i]) * static_cast<double>(w[weight]);
        }
      }
    }
  }
  return y;
}

template <std::size_t Count>
auto list(const std::array<std::size_t, Count>& from) -> ints {
  return {from.begin(), from.end()};
}

auto extent(std::size_t n) -> std::int64_t {
  return static_cast<std::int64_t>(n);
}

auto model_of(const transposed& g, const std::vector<float>& w, const std::vector<float>& b)
    -> engine::model {
  onnx_bytes::model made;
  made.input("x", {-1, extent(g.channels), extent(g.height), extent(g.width)});
  made.constant(
      "w",
      {extent(g.channels), extent(g.outputs / g.groups), extent(g.kernel_h), extent(g.kernel_w)},
      w
  );
  std::vector<std::string> inputs{"x", "w"};
  if (!b.empty()) {
    made.constant("b", {extent(g.outputs)}, b);
    inputs.emplace_back("b");
  }
  made.node(
      "ConvTranspose",
      inputs,
      {"y"},
      {{"strides", list(g.strides)},
       {"pads", list(g.pads)},
       {"dilations", list(g.dilations)},
       {"output_padding", list(g.more)},
       {"group", extent(g.groups)}},
      "up"
  );
  made.output("y");
  return parse(made);
}

void check_transposed(const transposed& g, bool with_bias) {
  const auto w = noise(g.channels * g.outputs / g.groups * g.kernel_h * g.kernel_w, 1);
  const auto b = with_bias ? noise(g.outputs, 2) : std::vector<float>{};
  const auto x = noise(g.batch * g.channels * g.height * g.width, 3);
  const engine::model of = model_of(g, w, b);
  const engine::tensor y = run(of, x, g.batch);
  CHECK(engine::shape_of(y) == engine::shape{g.batch, g.outputs, g.out_h(), g.out_w()});
  check_close(y, scattered(g, x, w, b));
}

auto resized(
    const dims& shape,
    const std::vector<float>& x,
    const std::vector<float>& scales,
    const attributes& how,
    std::uint64_t opset = 13
) -> engine::tensor {
  onnx_bytes::model made;
  made.opset(opset).input("x", shape).constant("scales", {extent(scales.size())}, scales);
  const std::vector<std::string> late{"x", "", "scales"};
  const std::vector<std::string> early{"x", "scales"};
  made.node("Resize", opset < 11 ? early : late, {"y"}, how).output("y");
  return run(parse(made), x);
}

auto ramp(std::size_t count) -> std::vector<float> {
  std::vector<float> result(count);
  for (std::size_t i = 0; i != count; ++i) {
    result[i] = static_cast<float>(i + 1);
  }
  return result;
}

} // namespace

TEST_CASE("transposed convolutions of every geometry give the sums that the definition says") {
  check_transposed({1, 1, 3, 4, 1, 2, 2, 1, {2, 2}}, false);
  check_transposed({2, 3, 5, 4, 6, 3, 3, 1, {2, 2}, {1, 1, 1, 1}, {1, 1}, {1, 1}}, true);
  check_transposed({1, 4, 6, 5, 6, 3, 2, 2, {1, 2}, {0, 1, 2, 0}}, true);
  check_transposed({3, 8, 4, 4, 8, 4, 4, 8, {2, 2}, {1, 1, 1, 1}}, false);
  check_transposed({1, 5, 4, 6, 2, 3, 3, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}}, true);
}

TEST_CASE("a transposed convolution is quantized along its outputs, and written as it is") {
  const transposed g{1, 4, 3, 3, 6, 2, 2, 1, {2, 2}};
  const engine::model of = model_of(g, noise(96, 1), noise(6, 2));
  const engine::graph graph(of);
  const auto read = ptq::read_graph(graph);
  const auto up = std::ranges::find(read.nodes.nodes, "up", &ptq::topology::node::name);
  CHECK(up->kind == ptq::op::transposed_convolution);
  const engine::model grouped =
      model_of({1, 4, 3, 3, 6, 2, 2, 2, {2, 2}}, noise(48, 1), noise(6, 2));
  const auto other = ptq::read_graph(engine::graph(grouped));
  CHECK(
      std::ranges::find(other.nodes.nodes, "up", &ptq::topology::node::name)->kind ==
      ptq::op::grouped_transposed_convolution
  );
  const scratch here;
  engine::write_int8_onnx(graph, {}, here.folder / "up.onnx");
  const auto x = noise(36, 3);
  const engine::tensor a = run(of, x);
  const engine::tensor b = run(engine::load(here.folder / "up.onnx"), x);
  CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
}

// The expected values are those of the operator's own published test cases (ONNX, Resize-11).
TEST_CASE("a Resize takes the nearest value, as the attributes say which that is") {
  const auto two = ramp(4);
  check_close(resized({1, 1, 2, 2}, two, {1, 1, 2, 3}, {}), {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2,
                                                             3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4});
  check_close(resized({1, 1, 2, 4}, ramp(8), {1, 1, 0.6F, 0.6F}, {}), {1, 3});
  const std::string corners = "align_corners";
  const attributes floored{
      {"coordinate_transformation_mode", corners}, {"nearest_mode", std::string("floor")}
  };
  CHECK(resized({1, 1, 4, 4}, ramp(16), {1, 1, 2, 2}, floored).shape()[3] == 8);
  const attributes as_before{
      {"coordinate_transformation_mode", std::string("asymmetric")},
      {"nearest_mode", std::string("floor")}
  };
  const auto x = noise(2 * 3 * 4, 8);
  const engine::tensor late = resized({1, 2, 3, 4}, x, {1, 1, 2, 1.5F}, as_before);
  const engine::tensor early = resized({1, 2, 3, 4}, x, {1, 1, 2, 1.5F}, {}, 10);
  CHECK(late == early);
  numbers expected;
  for (std::size_t i = 0; i != std::size_t{2} * 6 * 6; ++i) {
    const std::size_t column = i % 6 * 2 / 3;
    const std::size_t row = i / 6 % 6 / 2;
    expected.push_back(static_cast<double>(x[(i / 36 * 3 + row) * 4 + column]));
  }
  check_close(late, expected);
}

TEST_CASE("a Resize to sizes has them, and is written as it is") {
  onnx_bytes::model made;
  made.input("x", {1, 1, 4, 4}).constant("sizes", {1, 1, 1, 2});
  made.node(
      "Resize",
      {"x", "", "", "sizes"},
      {"y"},
      {{"nearest_mode", std::string("ceil")},
       {"coordinate_transformation_mode", std::string("half_pixel")}},
      "down"
  );
  made.output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  const auto read = ptq::read_graph(graph);
  CHECK(
      std::ranges::find(read.nodes.nodes, "down", &ptq::topology::node::name)->kind ==
      ptq::op::interpolate
  );
  const auto x = ramp(16);
  // Row 1.5 and columns 0.5 and 2.5, each the next one.
  check_close(run(of, x), {10, 12});
  const scratch here;
  engine::write_int8_onnx(graph, {}, here.folder / "down.onnx");
  check_close(run(engine::load(here.folder / "down.onnx"), x), {10, 12});
}

TEST_CASE("what cannot be resized is refused in a sentence") {
  const auto check = [](const std::vector<float>& scales, const attributes& how, const char* why) {
    std::string said;
    try {
      static_cast<void>(resized({1, 1, 2, 2}, ramp(4), scales, how));
    } catch (const engine::error& problem) {
      said = problem.what();
    }
    CAPTURE(said);
    CHECK(said.find(why) != std::string::npos);
  };
  const std::string cubic = "cubic";
  const std::string far = "far";
  check({1, 1, 2, 2}, {{"mode", cubic}}, "mode 'cubic' is not supported");
  check({1, 1, 2, 2}, {{"nearest_mode", far}}, "nearest_mode 'far' is not supported");
  check({1, 1, 0, 2}, {}, "a scale of 0");
  check({2, 1, 2, 2}, {}, "do not fit");
  check({1, 2, 2}, {}, "do not fit");
}

TEST_CASE("where a model puts another axis first, the sample's is shown before it") {
  onnx_bytes::model made;
  made.input("x", {1, 3, 2, 4});
  made.node("Transpose", {"x"}, {"turned"}, {{"perm", ints{1, 0, 2, 3}}}, "turn");
  made.node("Relu", {"turned"}, {"positive"}, {}, "relu");
  made.node("Transpose", {"positive"}, {"y"}, {{"perm", ints{1, 0, 2, 3}}}, "back");
  made.output("y");
  const engine::model of = parse(made);
  const engine::graph graph(of);
  auto samples = engine::tensor::from_shape({2, 3, 2, 4});
  std::ranges::copy(noise(48, 5), samples.data());
  engine::evaluator evaluator(of, samples, {0, 0});
  CHECK(ptq::check_evaluator(graph, evaluator) == std::vector<std::string>{});
}
