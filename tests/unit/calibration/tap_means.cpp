// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/collect.hpp>
#include <ptq/calibration/mean_squares.hpp>
#include <ptq/calibration/tap_means.hpp>
#include <ptq/calibration/window.hpp>
#include <ptq/correction/constant_input.hpp>
#include <ptq/graph/read.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "support/toy_evaluator.hpp"
#include "support/toy_graph.hpp"

namespace {

using namespace ptq::test;

auto mean_outputs(
    const ptq::tensor_data& image,
    const ptq::tensor_data& weights,
    const ptq::convolution_attributes& how
) -> std::vector<double> {
  const ptq::tensor_data out = toy::convolution(image, weights, nullptr, how);
  std::vector<double> result(weights.shape[0]);
  const std::size_t positions = out.values.size() / result.size();
  for (std::size_t i = 0; i != out.values.size(); ++i) {
    result[i / positions] += static_cast<double>(out.values[i]) / static_cast<double>(positions);
  }
  return result;
}

TEST_CASE("what the taps of a 3x3 kernel read of a 2x3 image with padding of one") {
  // 1 2 3
  // 4 5 6, six output positions
  const std::vector<float> image{1, 2, 3, 4, 5, 6};
  const ptq::window how{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  const std::vector<double> found = ptq::tap_means(ptq::tensor_view(image, {1, 1, 2, 3}), how);
  const std::vector<double> sums{3, 6, 5, 12, 21, 16, 9, 15, 11};
  REQUIRE(found.size() == 9);
  for (std::size_t tap = 0; tap != 9; ++tap) {
    CHECK(found[tap] == sums[tap] / 6.0);
  }
}

TEST_CASE("a stride skips what no tap reads") {
  const std::vector<float> row{1, 10, 100, 1000};
  const ptq::window pairs{{1}, {2}, {1}, {0}, {0}};
  CHECK(ptq::tap_means(ptq::tensor_view(row, {1, 1, 4}), pairs) == std::vector{50.5});
  const ptq::window dilated{{2}, {1}, {3}, {1}, {0}};
  CHECK(ptq::tap_means(ptq::tensor_view(row, {1, 1, 4}), dilated) == std::vector{0.5, 550.0});
  CHECK(ptq::tap_means(ptq::tensor_view(row, {1, 1, 4}), {{6}, {1}, {1}, {0}, {0}}).empty());
  CHECK_THROWS_AS(
      static_cast<void>(ptq::tap_means(ptq::tensor_view(row, {1, 4}), pairs)), ptq::error
  );
}

TEST_CASE("the mean output of any convolution follows from its tap means") {
  std::mt19937 random(3);
  const auto up_to = [&random](std::size_t most) { return random() % (most + 1); };
  for (unsigned tried = 0; tried != 200;) {
    const std::size_t spatial = 1 + up_to(2);
    const std::size_t groups = 1 + up_to(2);
    const std::size_t inputs = groups * (1 + up_to(1));
    ptq::convolution_attributes how{.groups = groups};
    toy::shape weights_shape{groups * (1 + up_to(2)), inputs / groups};
    toy::shape shape{1, inputs};
    bool fits = true;
    for (std::size_t axis = 0; axis != spatial; ++axis) {
      shape.push_back(1 + up_to(6));
      weights_shape.push_back(1 + up_to(3));
      how.strides.push_back(1 + up_to(2));
      how.dilations.push_back(1 + up_to(2));
      how.pads_begin.push_back(up_to(3));
      how.pads_end.push_back(up_to(3));
      fits = fits && shape.back() + how.pads_begin.back() + how.pads_end.back() >=
                         (weights_shape.back() - 1) * how.dilations.back() + 1;
    }
    if (!fits) {
      continue;
    }
    ++tried;
    const ptq::tensor_data weights{weights_shape, toy_numbers(toy::volume(weights_shape), tried)};
    const ptq::tensor_data image{shape, toy_numbers(toy::volume(shape), tried + 900, -2, 3)};
    const auto window = ptq::window_of(weights.view(), how);
    REQUIRE(window);
    const std::vector<double> taps = ptq::tap_means(image.view(), *window);
    const std::vector<double> found = ptq::tapped_means(weights, taps, groups);
    const std::vector<double> expected = mean_outputs(image, weights, how);
    REQUIRE(found.size() == expected.size());
    for (std::size_t o = 0; o != found.size(); ++o) {
      CHECK(std::abs(found[o] - expected[o]) < 1e-5);
    }
    // Channels last: the same numbers, whatever the layout.
    if (spatial == 2) {
      const ptq::tensor_data moved =
          toy::tabulate({1, shape[2], shape[3], shape[1]}, [&](const toy::shape& at) {
            return toy::read(image, {0, at[3], at[1], at[2]});
          });
      CHECK(ptq::tap_means(moved.view().permuted({0, 3, 1, 2}), *window) == taps);
    }
  }
}

TEST_CASE("a window is told by its name") {
  const ptq::tensor_data weights{{4, 2, 3, 1}, std::vector<float>(24)};
  const auto how = ptq::window_of(weights.view(), {.strides = {2, 1}, .pads_begin = {1, 0}});
  REQUIRE(how);
  CHECK(how->key() == "tap_mean/3x1,s2x1,d1x1,p1x0-0x0");
  CHECK(how->taps() == 3);
  CHECK_FALSE(how->is_pointwise());
  CHECK(ptq::window{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}.is_pointwise());
  CHECK_FALSE(ptq::window{{1}, {2}, {1}, {0}, {0}}.is_pointwise());
  CHECK_FALSE(ptq::window_of(weights.view(), {.strides = {1}}));
  CHECK_FALSE(ptq::window_of(weights.view(), {.strides = {0, 1}}));
}

TEST_CASE("the mean of squares, on any axis and in any layout") {
  const std::vector<float> values{1, -2, 3, 0, 5, 6};
  const ptq::tensor_view view(values, {1, 2, 3});
  CHECK(ptq::mean_squares(view, 1) == std::vector<double>{14.0 / 3, 61.0 / 3});
  CHECK(ptq::mean_squares(view, 2) == std::vector<double>{0.5, 14.5, 22.5});
  CHECK(ptq::mean_squares(view.permuted({0, 2, 1}), 1) == std::vector<double>{0.5, 14.5, 22.5});
}

TEST_CASE("energies and tap means are collected in the one pass, whatever its order") {
  toy_graph g;
  const auto x = g.input("x");
  g.output("y", g.relu("relu", x));
  const auto read = ptq::read_graph(g);
  const ptq::window how{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  ptq::statistics_request request;
  request.tap_mean(0, how);
  request.mean_square(0, 1);
  request.mean_square(0, ptq::last_axis);
  const auto data = toy_samples(7, {1, 2, 4, 5}, -1, 2);
  const ptq::observers quiet;
  toy_evaluator all(data);
  const ptq::statistics seen = ptq::collect_statistics(g, read, all, {0, 7}, request, quiet);
  CHECK(all.runs == 7);
  std::vector<double> expected(18);
  std::vector<double> energy(2);
  for (const ptq::tensor_data& sample : data) {
    const auto taps = ptq::tap_means(sample.view(), how);
    const auto squares = ptq::mean_squares(sample.view(), 1);
    for (std::size_t i = 0; i != 18; ++i) {
      expected[i] += taps[i] / 7;
    }
    for (std::size_t c = 0; c != 2; ++c) {
      energy[c] += squares[c] / 7;
    }
  }
  const auto taps = seen.mean({"x", how.key()});
  REQUIRE(taps.size() == 18);
  for (std::size_t i = 0; i != 18; ++i) {
    CHECK(std::abs(taps[i] - expected[i]) < 1e-6);
  }
  const auto squares = seen.mean({"x", "mean_square/1"});
  CHECK(std::abs(squares[1] - energy[1]) < 1e-6);
  CHECK(seen.mean({"x", "mean_square/last"}).size() == 5);

  toy_evaluator again(data);
  ptq::statistics merged = ptq::collect_statistics(
      g, read, again, ptq::samples(std::vector<std::size_t>{6, 4, 5}), request, quiet
  );
  merged.merge(ptq::collect_statistics(
      g, read, again, ptq::samples(std::vector<std::size_t>{2, 0, 3, 1}), request, quiet
  ));
  CHECK(merged == seen);
}

TEST_CASE("a sample with values that have no finite square is refused by name") {
  toy_graph g;
  const auto x = g.input("x");
  g.output("y", g.relu("relu", x));
  const auto read = ptq::read_graph(g);
  ptq::statistics_request request;
  request.mean_square(0, 1);
  toy_evaluator evaluator(std::vector<ptq::tensor_data>{{{1, 1, 2}, {1e30F, 1.0F}}});
  CHECK_THROWS_WITH_AS(
      static_cast<void>(
          ptq::collect_statistics(g, read, evaluator, {0, 1}, request, ptq::observers{})
      ),
      "x, sample 0: the tensor holds NaN, infinity or values too large",
      ptq::error
  );
}

} // namespace
