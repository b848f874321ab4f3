// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/correction/constant_input.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "support/toy_evaluator.hpp"

namespace {

using namespace ptq::test;

/// The means of the output channels, the long way: the convolution of a constant image.
auto convolved_the_long_way(
    const ptq::tensor_data& weights,
    const std::vector<double>& means,
    const std::vector<std::uint64_t>& shape,
    const ptq::convolution_attributes& geometry
) -> std::vector<double> {
  toy::shape extents(shape.begin(), shape.end());
  extents.insert(extents.begin(), 1);
  const ptq::tensor_data image =
      toy::tabulate(extents, [&](const toy::shape& index) { return means[index[1]]; });
  const ptq::tensor_data out = toy::convolution(image, weights, nullptr, geometry);
  std::vector<double> result(weights.shape[0]);
  const std::size_t positions = out.values.size() / result.size();
  for (std::size_t i = 0; i != out.values.size(); ++i) {
    result[i / positions] += static_cast<double>(out.values[i]) / static_cast<double>(positions);
  }
  return result;
}

TEST_CASE("the share of positions at which a tap lands inside the input") {
  using shares = std::vector<double>;
  CHECK(ptq::tap_shares(4, 3, 1, 1, 0, 0) == shares{1, 1, 1});
  CHECK(ptq::tap_shares(4, 3, 1, 1, 1, 1) == shares{0.75, 1, 0.75});
  CHECK(ptq::tap_shares(4, 3, 2, 1, 1, 1) == shares{0.5, 1, 1});
  CHECK(ptq::tap_shares(4, 3, 1, 1, 2, 0) == shares{0.5, 0.75, 1});
  CHECK(ptq::tap_shares(4, 2, 1, 3, 1, 1) == shares{2.0 / 3, 2.0 / 3});
  CHECK(ptq::tap_shares(1, 3, 1, 1, 1, 1) == shares{0, 1, 0});
  CHECK(ptq::tap_shares(1, 1, 5, 1, 0, 0) == shares{1});
  CHECK(ptq::tap_shares(2, 3, 1, 1, 0, 0).empty());
  CHECK(ptq::tap_shares(2, 0, 1, 1, 0, 0).empty());
  CHECK(ptq::tap_shares(2, 1, 0, 1, 0, 0).empty());
}

TEST_CASE("the closed form is the mean of the convolution of a constant image") {
  std::mt19937 random(1);
  const auto up_to = [&random](std::size_t most) { return random() % (most + 1); };
  int tried = 0;
  while (tried != 150) {
    const std::size_t spatial = 1 + up_to(2);
    const std::size_t groups = 1 + up_to(2);
    const std::size_t inputs = groups * (1 + up_to(1));
    const std::size_t outputs = groups * (1 + up_to(2));
    ptq::convolution_attributes geometry{.groups = groups};
    toy::shape weights_shape{outputs, inputs / groups};
    std::vector<std::uint64_t> shape{inputs};
    bool fits = true;
    for (std::size_t axis = 0; axis != spatial; ++axis) {
      const std::size_t extent = 1 + up_to(6);
      const std::size_t kernel = 1 + up_to(3);
      shape.push_back(extent);
      weights_shape.push_back(kernel);
      geometry.strides.push_back(1 + up_to(2));
      geometry.dilations.push_back(1 + up_to(2));
      geometry.pads_begin.push_back(up_to(3));
      geometry.pads_end.push_back(up_to(3));
      fits = fits && extent + geometry.pads_begin.back() + geometry.pads_end.back() >=
                         (kernel - 1) * geometry.dilations.back() + 1;
    }
    if (!fits) {
      continue;
    }
    ++tried;
    if (tried % 10 == 0) { // what is not told is one, or zero
      geometry.strides.clear();
      geometry.pads_begin.clear();
      geometry.pads_end.clear();
      geometry.dilations.clear();
      for (std::size_t axis = 0; axis != spatial; ++axis) {
        shape[axis + 1] += 4;
      }
    }
    const ptq::tensor_data weights{
        weights_shape, toy_numbers(toy::volume(weights_shape), static_cast<unsigned>(tried))
    };
    std::vector<double> means;
    for (const float mean : toy_numbers(inputs, static_cast<unsigned>(tried) + 500, -3, 3)) {
      means.push_back(static_cast<double>(mean));
    }
    const auto expected = convolved_the_long_way(weights, means, shape, geometry);
    const auto actual = ptq::convolved_means(weights, means, shape, geometry);
    REQUIRE(actual.size() == expected.size());
    for (std::size_t o = 0; o != expected.size(); ++o) {
      CHECK(std::abs(actual[o] - expected[o]) < 1e-5);
    }
  }
}

TEST_CASE("shapes that do not fit each other have no mean") {
  const ptq::tensor_data weights{{4, 2, 3, 3}, std::vector<float>(72, 1.0F)};
  const std::vector<double> two(2, 1.0);
  const std::vector<double> four(4, 1.0);
  CHECK(ptq::convolved_means(weights, two, std::vector<std::uint64_t>{2, 5, 5}, {}).size() == 4);
  CHECK(
      ptq::convolved_means(weights, four, std::vector<std::uint64_t>{4, 5, 5}, {.groups = 2})
          .size() == 4
  );
  CHECK(ptq::convolved_means(weights, four, std::vector<std::uint64_t>{4, 5, 5}, {}).empty());
  CHECK(ptq::convolved_means(weights, two, std::vector<std::uint64_t>{2, 5}, {}).empty());
  CHECK(
      ptq::convolved_means(weights, two, std::vector<std::uint64_t>{2, 5, 5}, {.groups = 0}).empty()
  );
  CHECK(ptq::convolved_means(
            {{3, 1, 1, 1}, {1, 1, 1}}, two, std::vector<std::uint64_t>{2, 5, 5}, {.groups = 2}
  )
            .empty());
  CHECK(ptq::convolved_means({{4, 2}, {}}, two, std::vector<std::uint64_t>{2}, {}).empty());
}

TEST_CASE("an input too small for the kernel has no output, hence no mean") {
  const ptq::tensor_data weights{{1, 1, 3, 3}, std::vector<float>(9, 1.0F)};
  const std::vector<double> one(1, 1.0);
  CHECK(ptq::convolved_means(weights, one, std::vector<std::uint64_t>{1, 2, 5}, {}).empty());
}

TEST_CASE("the mean of a matrix product is the product of the means, either way round") {
  const ptq::tensor_data weights{{3, 2}, {1, 2, 3, 4, 5, 6}};
  using means = std::vector<double>;
  CHECK(ptq::multiplied_means(weights, means{10, 1}, true) == means{12, 34, 56});
  CHECK(ptq::multiplied_means(weights, means{100, 10, 1}, false) == means{135, 246});
  CHECK(ptq::multiplied_means(weights, means{1, 1, 1}, true).empty());
  CHECK(ptq::multiplied_means(weights, means{1, 1}, false).empty());
  CHECK(ptq::multiplied_means({{6}, weights.values}, means{1}, true).empty());
  CHECK(ptq::multiplied_means({{1, 3, 2}, weights.values}, means{1, 1}, true).empty());
}

} // namespace
