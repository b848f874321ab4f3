// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/range/kl_divergence.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

namespace {

using floats = std::vector<float>;

constexpr ptq::target_grid symmetric_8{ptq::tensor_kind::activations, ptq::symmetric, 256};
constexpr ptq::target_grid asymmetric_8{ptq::tensor_kind::activations, ptq::asymmetric, 256};

/// The quantiles of the exponential distribution, in the middle of each of `count` parts.
auto exponential(std::size_t count) -> floats {
  floats result;
  for (std::size_t i = 0; i != count; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    result.push_back(static_cast<float>(-std::log1p(-share)));
  }
  return result;
}

auto high_of(const floats& values, std::size_t zeros, const ptq::target_grid& target) -> float {
  ptq::log_histogram counts;
  counts.add(values);
  counts.add(floats(zeros));
  return ptq::kl_divergence{}.range(counts, target).high;
}

TEST_CASE("zeros, as a ReLU leaves them, do not change a range by KL divergence") {
  const floats values = exponential(20'000);
  for (const ptq::target_grid& target : {symmetric_8, asymmetric_8}) {
    const float without = high_of(values, 0, target);
    CHECK(without > 6.0F); // 1 in 400 lies beyond 6
    for (const std::size_t zeros : {1'000U, 20'000U, 200'000U}) {
      CHECK(high_of(values, zeros, target) == without);
    }
  }
}

TEST_CASE("zeros and one other value have the range of that value") {
  CHECK(high_of({0.25F}, 1'000, symmetric_8) == 0.25F);
}

} // namespace
