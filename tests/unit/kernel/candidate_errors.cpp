// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/candidate_errors.hpp>
#include <ptq/kernel/quantization_error.hpp>

#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using namespace kernel_model;

auto values(std::size_t size, unsigned seed) -> std::vector<float> {
  std::minstd_rand engine(seed + 1);
  std::normal_distribution<float> normal(0.2F, 1.5F);
  std::vector<float> all(size);
  for (float& v : all) {
    v = normal(engine);
  }
  return all;
}

auto candidates() -> std::vector<ptq::grid> {
  std::vector<ptq::grid> result;
  for (int k = 1; k <= 20; ++k) {
    const float high = 0.25F * static_cast<float>(k);
    result.push_back({.in_low = -high, .in_high = high, .levels = 255});
    result.push_back({.in_low = 0.0F, .in_high = high, .levels = 16});
  }
  return result;
}

TEST_CASE("each candidate has the bits of its own quantization error") {
  const std::vector<ptq::grid> grids = candidates();
  std::size_t wrong = 0;
  for (const std::size_t size : {0U, 1U, 15U, 33U, 4'096U, 4'097U, 20'011U}) {
    const std::vector<float> x = values(size, static_cast<unsigned>(size));
    const std::vector<double> errors = ptq::candidate_errors(x, grids);
    REQUIRE(errors.size() == grids.size());
    for (std::size_t k = 0; k != grids.size(); ++k) {
      wrong += errors[k] == ptq::quantization_error(x, grids[k]).squared_error ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("each error counts by its mass, with the model's bits") {
  const std::vector<ptq::grid> grids = candidates();
  std::size_t wrong = 0;
  for (const std::size_t size : {1U, 15U, 33U, 63U, 4'097U, 9'011U}) {
    const std::vector<float> x = values(size, static_cast<unsigned>(size));
    std::vector<float> masses = values(size, 7);
    for (float& mass : masses) {
      mass = mass * mass;
    }
    const std::vector<double> errors = ptq::candidate_errors(x, masses, grids);
    for (std::size_t k = 0; k != grids.size(); ++k) {
      std::vector<float> squares(size);
      for (std::size_t i = 0; i != size; ++i) {
        const float off = x[i] - ptq::reference::fake_quantize(x[i], grids[k]);
        squares[i] = ptq::detail::rounded(ptq::detail::rounded(off * off) * masses[i]);
      }
      wrong += errors[k] == sum_of(squares) ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("candidates that are no grids and masses of another count are refused") {
  const std::vector<float> x = values(8, 1);
  const std::vector<float> masses(7, 1.0F);
  const std::vector<ptq::grid> bad{{.in_low = std::numeric_limits<float>::quiet_NaN()}};
  CHECK_THROWS_AS((void)ptq::candidate_errors(x, bad), ptq::error);
  CHECK_THROWS_AS((void)ptq::candidate_errors(x, masses, candidates()), ptq::error);
}

} // namespace
