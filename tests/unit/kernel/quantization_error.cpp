// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/quantization_error.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using namespace kernel_model;

auto noise_model(std::span<const float> x, const ptq::grid& on) -> ptq::noise {
  std::vector<float> errors(x.size());
  std::vector<float> squares(x.size());
  ptq::noise result;
  for (std::size_t i = 0; i != x.size(); ++i) {
    const float error = x[i] - ptq::reference::fake_quantize(x[i], on);
    errors[i] = ptq::detail::rounded(error * error);
    squares[i] = ptq::detail::rounded(x[i] * x[i]);
    result.largest = std::max(result.largest, std::fabs(error));
  }
  result.squared_error = sum_of(errors);
  result.signal = sum_of(squares);
  result.count = x.size();
  return result;
}

auto values(std::size_t size, unsigned seed) -> std::vector<float> {
  std::minstd_rand engine(seed + 1);
  std::normal_distribution<float> normal(0.2F, 1.5F);
  std::vector<float> all(size);
  for (float& v : all) {
    v = normal(engine);
  }
  return all;
}

constexpr ptq::grid usual{-2.5F, 3.1F, -2.5F, 3.1F, 255};
constexpr ptq::grid without_zero{0.5F, 3.0F, 0.5F, 3.0F, 16};
constexpr ptq::grid inverted{3.0F, -2.0F, 3.0F, -2.0F, 256};

TEST_CASE("the error of every length has the model's bits") {
  std::size_t wrong = 0;
  for (const ptq::grid& on : {usual, without_zero, inverted}) {
    for (std::size_t size = 0; size <= 140; ++size) {
      const std::vector<float> x = values(size + 3, static_cast<unsigned>(size));
      wrong += ptq::quantization_error(std::span(x).subspan(3), on) ==
                       noise_model(std::span(x).subspan(3), on)
                   ? 0U
                   : 1U;
    }
    for (const std::size_t size : {4'096U, 4'097U, 20'011U}) {
      const std::vector<float> x = values(size, 2);
      wrong += ptq::quantization_error(std::span(x), on) == noise_model(x, on) ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("each channel has the error of its own grid") {
  std::minstd_rand engine(4);
  std::size_t wrong = 0;
  for (int k = 0; k != 60; ++k) {
    const std::size_t outer = 1 + engine() % 4;
    const std::size_t channels = 2 + engine() % 40;
    const std::size_t inner = 2 + engine() % 60;
    const std::vector<float> x = values(outer * channels * inner, static_cast<unsigned>(k));
    std::vector<ptq::grid> on(channels, usual);
    on[1] = without_zero;
    on[0].in_high += 0.01F * static_cast<float>(k);
    const std::size_t shape[] = {outer, channels, inner};
    const auto found =
        ptq::quantization_error(ptq::tensor_view(x, shape), ptq::channel_grids{1, on});
    for (std::size_t c = 0; c != channels; ++c) {
      ptq::noise expected;
      for (std::size_t o = 0; o != outer; ++o) {
        const auto run =
            noise_model(std::span(x).subspan((o * channels + c) * inner, inner), on[c]);
        expected.squared_error += run.squared_error;
        expected.signal += run.signal;
        expected.largest = std::max(expected.largest, run.largest);
        expected.count += run.count;
      }
      wrong += found[c] == expected ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("innermost channels have the error of their gathered values") {
  const std::size_t rows = 300;
  const std::size_t channels = 37;
  const std::vector<float> x = values(rows * channels, 1);
  const std::vector<ptq::grid> on(channels, usual);
  const auto found =
      ptq::quantization_error(ptq::tensor_view(x, {rows, channels}), ptq::channel_grids{1, on});
  for (std::size_t c = 0; c != channels; ++c) {
    std::vector<float> gathered(rows);
    for (std::size_t r = 0; r != rows; ++r) {
      gathered[r] = x[r * channels + c];
    }
    const auto first = noise_model(std::span(gathered).first(256), usual);
    const auto rest = noise_model(std::span(gathered).subspan(256), usual);
    CHECK(found[c].squared_error == first.squared_error + rest.squared_error);
    CHECK(found[c].signal == first.signal + rest.signal);
    CHECK(found[c].largest == std::max(first.largest, rest.largest));
    CHECK(found[c].count == rows);
  }
}

TEST_CASE("the ratio is in decibels, and infinite where nothing is lost") {
  const float on_grid[] = {0.0F, 1.0F, 2.0F};
  const ptq::grid codes{0.0F, 255.0F, 0.0F, 255.0F, 256};
  CHECK(
      ptq::quantization_error(on_grid, codes).sqnr_db() == std::numeric_limits<double>::infinity()
  );
  const float off_grid[] = {10.25F};
  const auto found = ptq::quantization_error(off_grid, codes);
  CHECK(found.largest == 0.25F);
  CHECK(found.mean_squared_error() == 0.0625);
  CHECK(found.sqnr_db() == doctest::Approx(20.0 * std::log10(41.0)));
}

TEST_CASE("a NaN makes the error NaN") {
  std::vector<float> x = values(100, 1);
  x[41] = std::numeric_limits<float>::quiet_NaN();
  const auto found = ptq::quantization_error(std::span<const float>(x), usual);
  CHECK(std::isnan(found.squared_error));
  CHECK(std::isnan(found.largest));
}

} // namespace
