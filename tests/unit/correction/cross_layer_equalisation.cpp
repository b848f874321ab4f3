// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/algorithm/default_quantization.hpp>
#include <ptq/correction/channel_alignment.hpp>
#include <ptq/correction/cross_layer_equalisation.hpp>
#include <ptq/correction/equalisation_factors.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;
using ptq::correction::cross_layer_equalisation;

static_assert(ptq::explain_plan_correction<cross_layer_equalisation>());

template <class... Each>
using quantization = ptq::default_quantization<
    ptq::preset::mixed,
    ptq::device::cpu,
    ptq::default_ranges,
    ptq::schemes<ptq::scheme::symmetric, ptq::scheme::asymmetric>,
    ptq::corrections<Each...>>;

TEST_CASE("widths of 4 and 1/4 that meet 1/4 and 4 meet at 1") {
  const std::vector<double> first{4, 0.25};
  const std::vector<double> second{0.25, 4};
  CHECK(ptq::equalisation_factors(first, second) == std::vector<double>{4, 0.25});
  const std::vector<double> dead{0, 3};
  CHECK(ptq::equalisation_factors(dead, second)[0] == 1.0);
}

auto counted(int step) -> ptq::tensor_data {
  ptq::tensor_data result{{2, 2, 3, 1}, {}};
  for (int i = 0; i != 12; ++i) {
    result.values.push_back(static_cast<float>(i * step + 1));
  }
  return result;
}

TEST_CASE("two layers as AIMET scales them (TestDLEqualization.cpp)") {
  const auto factors =
      ptq::equalisation_factors(ptq::slice_maxima(counted(1), 0), ptq::slice_maxima(counted(2), 1));
  CHECK(factors[0] == std::sqrt(6.0 / 17.0));
  CHECK(factors[1] == std::sqrt(12.0 / 23.0));
}

TEST_CASE("a depthwise layer between two as AIMET scales it (TestDLEqualization.cpp)") {
  const auto [before, behind] = ptq::equalisation_factors(
      ptq::slice_maxima(counted(1), 0),
      ptq::slice_maxima(counted(2), 0),
      ptq::slice_maxima(counted(1), 1)
  );
  CHECK(std::abs(before[0] - 0.7137658) < 1e-6);
  CHECK(std::abs(behind[0] - 0.93401319) < 1e-6);
}

TEST_CASE("the cube root") {
  for (const double number : {1.0, 8.0, 27.0, 594.0, 1e-30, 1e30, 2.0, 0.3}) {
    CHECK(std::abs(ptq::detail::cube_root(number) / std::cbrt(number) - 1.0) < 1e-15);
  }
}

auto same_size(std::size_t groups = 1) -> ptq::convolution_attributes {
  return {.pads_begin = {1, 1}, .pads_end = {1, 1}, .groups = groups};
}

struct fixture {
  toy_graph g{};
  toy_graph::tensor x = g.input("x");
  toy::shape sample_shape{1, 2, 5, 5};
  std::vector<std::string> notes{};
  unsigned seed = 40;

  void on_note(const ptq::note& what) { notes.push_back(what.where + ": " + what.message); }

  /// Random numbers whose slices on axis 0 are of very unlike widths.
  auto uneven(std::string name, toy::shape shape) -> toy_graph::tensor {
    const std::size_t size = toy::volume(shape);
    std::vector<float> values = toy_numbers(size, ++seed, -1, 1);
    for (std::size_t i = 0; i != size; ++i) {
      values[i] *= std::pow(4.0F, static_cast<float>(i / (size / shape[0]) % 4));
    }
    return g.constant(std::move(name), std::move(shape), std::move(values));
  }

  auto bias(std::string name, std::size_t size) -> toy_graph::tensor {
    return g.constant(std::move(name), {size}, toy_numbers(size, ++seed, -1, 1));
  }

  auto data() const { return toy_samples(6, sample_shape, -1, 1); }

  auto equalised(cross_layer_equalisation how = {}) -> ptq::plan {
    toy_evaluator evaluator(data());
    quantization<cross_layer_equalisation> quantize;
    quantize.corrections = ptq::corrections<cross_layer_equalisation>(how);
    return quantize(g, evaluator, *this);
  }

  void check_function_is_kept(const ptq::plan& plan, toy_graph::tensor y) {
    ptq::plan constants;
    constants.constants = plan.constants;
    const ptq::plan none;
    const auto before = ptq::resolve(g, none);
    const auto after = ptq::resolve(g, constants);
    for (const ptq::tensor_data& sample : data()) {
      const ptq::tensor_data one = toy_run(g, before, std::span(&sample, 1)).at(y);
      const ptq::tensor_data other = toy_run(g, after, std::span(&sample, 1)).at(y);
      float most = 1.0F;
      for (const float value : one.values) {
        most = std::max(most, std::abs(value));
      }
      for (std::size_t i = 0; i != one.values.size(); ++i) {
        CHECK(std::abs(one.values[i] - other.values[i]) < 1e-5F * most);
      }
    }
  }

  /// The widest over the narrowest slice.
  static auto spread(const ptq::tensor_data& of, std::size_t axis) -> double {
    const auto widths = ptq::slice_maxima(of, axis);
    return *std::ranges::max_element(widths) / *std::ranges::min_element(widths);
  }
};

TEST_CASE_FIXTURE(fixture, "through ReLU both layers become equally wide, and the function stays") {
  const auto one =
      g.relu("r", g.convolution("one", x, uneven("w1", {4, 2, 3, 3}), bias("b1", 4), same_size()));
  const auto two = g.convolution(
      "two", g.max_pool("pool", one, {1, 1}), uneven("w2", {4, 4, 3, 3}), bias("b2", 4), same_size()
  );
  g.output("y", two);
  const ptq::plan plan = equalised();
  check_function_is_kept(plan, two);
  const auto first = ptq::slice_maxima(*plan.constant("w1"), 0);
  const auto second = ptq::slice_maxima(*plan.constant("w2"), 1);
  for (std::size_t c = 0; c != 4; ++c) {
    CHECK(std::abs(first[c] / second[c] - 1.0) < 1e-5);
  }
  CHECK(notes == std::vector<std::string>{"two: channels equalised with `one`"});
  for (const auto& each : plan.constants) {
    CHECK(each->cause == "cross_layer_equalisation");
    CHECK(each->node.empty());
  }
  // The range of what is between is that of the equalised tensor.
  ptq::plan constants;
  constants.constants = plan.constants;
  const auto after = ptq::resolve(g, constants);
  double mean_high = 0.0;
  for (const ptq::tensor_data& sample : data()) {
    const auto seen = toy_run(g, after, std::span(&sample, 1)).at(g.find("pool"));
    mean_high += static_cast<double>(*std::ranges::max_element(seen.values)) / 6;
  }
  REQUIRE(plan.input("pool", 0) != nullptr); // a quantizer moves above what only moves values
  const auto high = static_cast<double>(plan.input("pool", 0)->format.grids.front().in_high);
  CHECK(std::abs(high / mean_high - 1.0) < 1e-2); // the asymmetric scheme moves an end a little
}

TEST_CASE_FIXTURE(fixture, "a depthwise convolution between two is equalised with both") {
  const auto one = g.relu("r1", g.convolution("one", x, uneven("w1", {4, 2, 1, 1}), bias("b1", 4)));
  const auto mid = g.relu(
      "r2", g.convolution("mid", one, uneven("w2", {4, 1, 3, 3}), bias("b2", 4), same_size(4))
  );
  const auto two = g.convolution("two", mid, uneven("w3", {4, 4, 1, 1}), bias("b3", 4));
  g.output("y", two);
  const ptq::plan plan = equalised();
  check_function_is_kept(plan, two);
  const auto first = ptq::slice_maxima(*plan.constant("w1"), 0);
  const auto middle = ptq::slice_maxima(*plan.constant("w2"), 0);
  const auto last = ptq::slice_maxima(*plan.constant("w3"), 1);
  for (std::size_t c = 0; c != 4; ++c) {
    CHECK(std::abs(first[c] / middle[c] - 1.0) < 1e-3);
    CHECK(std::abs(middle[c] / last[c] - 1.0) < 1e-3);
  }
}

TEST_CASE_FIXTURE(fixture, "a chain of layers comes to rest") {
  auto at = x;
  std::size_t channels = 2;
  for (int layer = 0; layer != 4; ++layer) {
    const std::string n = std::to_string(layer);
    at = g.relu(
        "r" + n, g.convolution("c" + n, at, uneven("w" + n, {4, channels, 1, 1}), bias("b" + n, 4))
    );
    channels = 4;
  }
  g.output("y", at);
  const ptq::plan plan = equalised({.iterations = 50});
  check_function_is_kept(plan, at);
  for (int layer = 0; layer != 3; ++layer) {
    const auto made = ptq::slice_maxima(*plan.constant("w" + std::to_string(layer)), 0);
    const auto read = ptq::slice_maxima(*plan.constant("w" + std::to_string(layer + 1)), 1);
    for (std::size_t c = 0; c != 4; ++c) {
      CHECK(std::abs(made[c] / read[c] - 1.0) < 1e-2);
    }
  }
}

TEST_CASE_FIXTURE(fixture, "matrix products are equalised along their features, either way round") {
  sample_shape = {1, 3};
  SUBCASE("[out, in]") {
    const auto one = g.matmul("one", x, uneven("w1", {4, 3}), bias("b1", 4), {.transpose_b = true});
    const auto two = g.matmul(
        "two", g.relu("r", one), uneven("w2", {5, 4}), bias("b2", 5), {.transpose_b = true}
    );
    g.output("y", two);
    const ptq::plan plan = equalised();
    check_function_is_kept(plan, two);
    CHECK(
        std::abs(
            ptq::slice_maxima(*plan.constant("w1"), 0)[2] /
                ptq::slice_maxima(*plan.constant("w2"), 1)[2] -
            1.0
        ) < 1e-5
    );
  }
  SUBCASE("[in, out]") {
    const auto one =
        g.matmul("one", x, uneven("w1", {3, 4}), bias("b1", 4), {.transpose_b = false});
    const auto two = g.matmul(
        "two", g.relu("r", one), uneven("w2", {4, 5}), bias("b2", 5), {.transpose_b = false}
    );
    g.output("y", two);
    const ptq::plan plan = equalised();
    check_function_is_kept(plan, two);
    CHECK(
        std::abs(
            ptq::slice_maxima(*plan.constant("w1"), 1)[2] /
                ptq::slice_maxima(*plan.constant("w2"), 0)[2] -
            1.0
        ) < 1e-5
    );
  }
}

/// A clamp as ONNX's Clip: its limits are constants on inputs 1 and 2.
auto clipped(toy_graph& g, toy_graph::tensor in, float low, float high, bool told = true)
    -> toy_graph::tensor {
  const auto compute = [low, high](std::span<const ptq::tensor_data> values) {
    ptq::tensor_data result = values[0];
    for (float& value : result.values) {
      value = std::clamp(value, low, high);
    }
    return std::vector{result};
  };
  std::vector<toy_graph::tensor> inputs{in};
  if (told) {
    inputs.push_back(g.constant("low", {}, {low}));
    inputs.push_back(g.constant("high", {}, {high}));
  }
  return g.other("clip", inputs, compute, ptq::op::clamp);
}

TEST_CASE_FIXTURE(fixture, "through a clamp channels are scaled as far as it does not cut") {
  float high = 1000.0F;
  SUBCASE("that is far away") {}
  SUBCASE("that cuts the wider channels") {
    high = 6.0F;
  }
  const auto one = g.convolution("one", x, uneven("w1", {4, 2, 1, 1}), bias("b1", 4));
  const auto two =
      g.convolution("two", clipped(g, one, 0.0F, high), uneven("w2", {4, 4, 1, 1}), bias("b2", 4));
  g.output("y", two);
  const ptq::plan plan = equalised();
  check_function_is_kept(plan, two);
  REQUIRE(plan.constant("w1") != nullptr);
  const auto first = ptq::slice_maxima(*plan.constant("w1"), 0);
  const auto second = ptq::slice_maxima(*plan.constant("w2"), 1);
  std::size_t equal = 0;
  for (std::size_t c = 0; c != 4; ++c) {
    equal += std::abs(first[c] / second[c] - 1.0) < 1e-3 ? 1U : 0U;
  }
  CHECK((high > 6.0F ? equal == 4 : equal > 0 && equal < 4));
}

TEST_CASE_FIXTURE(
    fixture, "a clamp with limits that the graph does not tell is left alone, and said"
) {
  const auto one = g.convolution("one", x, uneven("w1", {4, 2, 1, 1}), bias("b1", 4));
  const auto two = g.convolution(
      "two", clipped(g, one, 0.0F, 6.0F, false), uneven("w2", {4, 4, 1, 1}), bias("b2", 4)
  );
  g.output("y", two);
  CHECK(equalised().constants.empty());
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("two: not equalised: the graph does not tell the limits of the clamp")
  );
}

TEST_CASE_FIXTURE(fixture, "what others read, sigmoids and groups end a pair") {
  const auto one = g.convolution("one", x, uneven("w1", {4, 2, 1, 1}), bias("b1", 4));
  auto between = one;
  ptq::convolution_attributes how;
  toy::shape shape{4, 4, 1, 1};
  SUBCASE("a second reader") {
    g.output("z", one);
  }
  SUBCASE("a sigmoid") {
    between = g.sigmoid("s", one);
  }
  SUBCASE("groups") {
    how.groups = 2;
    shape = {4, 2, 1, 1};
  }
  SUBCASE("shared weights") {
    g.output("z", g.convolution("other", x, toy_graph::tensor(g.find("w1"))));
  }
  g.output("y", g.convolution("two", between, uneven("w2", shape), bias("b2", 4), how));
  CHECK(equalised().constants.empty());
}

TEST_CASE_FIXTURE(fixture, "with per-tensor weights equalisation brings the output much nearer") {
  const auto one =
      g.relu("r", g.convolution("one", x, uneven("w1", {4, 2, 3, 3}), bias("b1", 4), same_size()));
  std::vector<float> weights = toy_numbers(144, 99, -1, 1);
  for (std::size_t i = 0; i != weights.size(); ++i) { // each channel matters as much as the others
    weights[i] /= std::pow(4.0F, static_cast<float>(i / 9 % 4));
  }
  const auto two = g.convolution(
      "two", one, g.constant("w2", {4, 4, 3, 3}, weights), bias("b2", 4), same_size()
  );
  g.output("y", two);
  const auto error_of = [&]<class... Each>(ptq::corrections<Each...> list) {
    quantization<Each...> quantize{.weights = {.bits = 6, .granularity = ptq::per_tensor}};
    quantize.corrections = list;
    toy_evaluator evaluator(data());
    const ptq::plan plan = quantize(g, evaluator);
    const ptq::plan none;
    const auto before = ptq::resolve(g, none);
    const auto after = ptq::resolve(g, plan);
    double off = 0.0;
    for (const ptq::tensor_data& sample : data()) {
      const auto wanted = toy_run(g, before, std::span(&sample, 1)).at(two);
      const auto reached = toy_run(g, after, std::span(&sample, 1)).at(two);
      for (std::size_t i = 0; i != wanted.values.size(); ++i) {
        off += std::pow(static_cast<double>(wanted.values[i] - reached.values[i]), 2);
      }
    }
    return off;
  };
  CHECK(
      error_of(ptq::corrections<cross_layer_equalisation>()) < 0.1 * error_of(ptq::corrections<>())
  );
}

TEST_CASE_FIXTURE(fixture, "options that no run could use are refused by name") {
  CHECK(message_of([&] {
          equalised({.iterations = 0});
        }).find("cross_layer_equalisation.iterations") != std::string::npos);
  CHECK(message_of([&] {
          equalised({.headroom = 1.0});
        }).find("cross_layer_equalisation.headroom") != std::string::npos);
}

} // namespace
