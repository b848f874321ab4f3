// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/core/error.hpp>
#include <ptq/kernel/quantile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace {

/// By sorting, as the definition says.
auto quantile_model(std::vector<float> values, double q) -> float {
  std::ranges::sort(values);
  const double position = q * static_cast<double>(values.size() - 1);
  const auto rank = static_cast<std::size_t>(position);
  const auto low = static_cast<double>(values[rank]);
  const auto high = static_cast<double>(values[std::min(rank + 1, values.size() - 1)]);
  const double part = (position - static_cast<double>(rank)) * (high - low);
  return static_cast<float>(low + part) + 0.0F;
}

TEST_CASE("a quantile is that of the sorted values at every length and alignment, with ties") {
  std::minstd_rand engine(3);
  std::normal_distribution<float> normal;
  std::size_t wrong = 0;
  for (std::size_t size = 1; size != 70; ++size) {
    for (std::size_t begin = 0; begin != 4; ++begin) {
      std::vector<float> values(size + begin);
      for (float& value : values) {
        value = engine() % 3 == 0 ? std::round(normal(engine)) : normal(engine);
      }
      const auto part = std::span<const float>(values).subspan(begin);
      for (const double q : {0.0, 1e-4, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0}) {
        wrong +=
            ptq::quantile_of(part, q) == quantile_model({part.begin(), part.end()}, q) ? 0U : 1U;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a quantile of many values is exact in the tails and in the middle") {
  std::minstd_rand engine(4);
  std::normal_distribution<float> normal;
  for (const bool rectified : {false, true}) {
    std::vector<float> values(100'003);
    for (float& value : values) {
      value = normal(engine);
      value = rectified && value < 0.0F ? -0.0F : value;
    }
    for (const double q : {0.0, 1e-5, 1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      INFO(q, rectified);
      CHECK(ptq::quantile_of(values, q) == quantile_model(values, q));
    }
    if (rectified) {
      CHECK_FALSE(std::signbit(ptq::quantile_of(values, 0.01)));
    }
  }
}

TEST_CASE("the quantiles of 0 to 9,999 that POT's documentation works out") {
  std::vector<float> values(10'000);
  std::iota(values.begin(), values.end(), 0.0F);
  CHECK(ptq::quantile_of(values, 1e-4) == doctest::Approx(0.9999).epsilon(1e-6));
  CHECK(ptq::quantile_of(values, 1.0 - 1e-4) == doctest::Approx(9998.0001).epsilon(1e-7));
}

TEST_CASE("no values and shares that are none are refused") {
  const std::vector<float> values{1.0F};
  CHECK_THROWS_WITH_AS(
      static_cast<void>(ptq::quantile_of(values, 1.5)),
      "quantile_of: a quantile is 0 to 1, not 1.500000",
      ptq::error
  );
  CHECK_THROWS_AS(static_cast<void>(ptq::quantile_of(values, std::nan(""))), ptq::error);
  CHECK_THROWS_AS(static_cast<void>(ptq::quantile_of(std::span<const float>(), 0.5)), ptq::error);
}

} // namespace
