// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/calibration/tap_geometry.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "support/toy_evaluator.hpp"
#include "support/toy_operations.hpp"

namespace {

using namespace ptq::test;
using ptq::tap_geometry;

TEST_CASE("a geometry has the convolution's numbers, and what is not told is plain") {
  const std::array<std::size_t, 2> kernel{3, 2};
  const std::optional<tap_geometry> given = ptq::tap_geometry_of(
      kernel, {.strides = {2, 1}, .dilations = {1, 3}, .pads_begin = {1, 0}, .pads_end = {0, 4}}
  );
  REQUIRE(given);
  CHECK(given->key() == "tap_mean/k3s2d1p1,0/k2s1d3p0,4");
  CHECK(given->taps() == 6);
  CHECK_FALSE(given->is_pointwise());
  CHECK(ptq::tap_geometry_of(kernel, {})->key() == "tap_mean/k3s1d1p0,0/k2s1d1p0,0");
  CHECK(ptq::tap_geometry_of(std::array<std::size_t, 2>{1, 1}, {})->is_pointwise());
  CHECK_FALSE(
      ptq::tap_geometry_of(std::array<std::size_t, 2>{1, 1}, {.strides = {1, 2}})->is_pointwise()
  );
  CHECK(ptq::tap_geometry_of(kernel, {.strides = {0, 1}}) == std::nullopt);
  CHECK(ptq::tap_geometry_of(std::array<std::size_t, 1>{0}, {}) == std::nullopt);
}

TEST_CASE("the mean output of a convolution is its weights times what their taps read") {
  const ptq::convolution_attributes how{
      .strides = {2, 1}, .dilations = {1, 2}, .pads_begin = {1, 0}, .pads_end = {2, 3}
  };
  const ptq::tensor_data x{{1, 2, 6, 5}, toy_numbers(60, 1)};
  const ptq::tensor_data w{{3, 2, 3, 2}, toy_numbers(36, 2)};
  const ptq::tensor_data y = toy::convolution(x, w, nullptr, how);
  const std::vector<double> means = ptq::tap_means(
      x.values,
      std::array<std::size_t, 2>{6, 5},
      *ptq::tap_geometry_of(std::array<std::size_t, 2>{3, 2}, how)
  );
  REQUIRE(means.size() == 12);
  const std::size_t positions = y.values.size() / 3;
  for (std::size_t o = 0; o != 3; ++o) {
    double expected = 0.0;
    for (std::size_t i = 0; i != positions; ++i) {
      expected += static_cast<double>(y.values[o * positions + i]) / static_cast<double>(positions);
    }
    double actual = 0.0;
    for (std::size_t i = 0; i != 12; ++i) {
      actual += static_cast<double>(w.values[o * 12 + i]) * means[i];
    }
    CHECK(actual == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("a kernel that does not fit reads nothing") {
  const std::vector<float> x(4, 1.0F);
  CHECK(ptq::tap_means(x, std::array<std::size_t, 1>{4}, {{{.kernel = 5}}}).empty());
  CHECK(
      ptq::tap_means(x, std::array<std::size_t, 1>{4}, {{{.kernel = 4}}}) ==
      std::vector<double>{1, 1, 1, 1}
  );
}

} // namespace
