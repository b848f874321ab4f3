// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/quantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using namespace kernel_model;
using ptq::rounding;

constexpr std::size_t width = xsimd::batch<float>::size;
constexpr rounding all_roundings[] = {rounding::half_even, rounding::half_up, rounding::half_away};

auto level_of(float x, const ptq::grid& on, rounding ties) -> int {
  if (x <= std::min(on.in_low, on.in_high)) {
    return 0;
  }
  if (x > std::max(on.in_low, on.in_high)) {
    return static_cast<int>(on.levels - 1);
  }
  return static_cast<int>(ptq::reference::level(x, on, ties));
}

/// Ordinary values, half of them on or beside the middle between two codes.
auto values_on_ties(const ptq::grid& on, std::size_t size, unsigned seed) -> std::vector<float> {
  std::minstd_rand engine(seed + 1);
  const float span = on.in_high - on.in_low;
  std::uniform_real_distribution<float> uniform(-0.1F, 1.1F);
  std::vector<float> values(size);
  for (float& value : values) {
    float at = uniform(engine);
    if (engine() % 2 == 0) {
      const auto last = static_cast<float>(on.levels - 1);
      at = (std::floor(at * last) + 0.5F) / last;
    }
    value = at * span + on.in_low;
  }
  return values;
}

auto code_grids(std::int64_t most_levels = 256) -> std::vector<ptq::grid> {
  std::vector<ptq::grid> some;
  for (const ptq::grid& on : grids()) {
    if (on.levels <= most_levels && std::isfinite(on.in_low) && std::isfinite(on.in_high)) {
      some.push_back(on);
    }
  }
  return some;
}

#define PTQ_CODES std::int8_t, std::uint8_t, std::int16_t, std::uint16_t

template <class Code>
constexpr std::int64_t most_levels_of = std::int64_t{1} << (8 * sizeof(Code));

TEST_CASE_TEMPLATE("codes of every length are the reference's levels", Code, PTQ_CODES) {
  std::size_t wrong = 0;
  for (const ptq::grid& on : code_grids(most_levels_of<Code>)) {
    const std::vector<float> x = values_on_ties(on, 4 * width + 4, 9);
    for (const rounding ties : all_roundings) {
      for (std::size_t size = 0; size <= 4 * width + 3; ++size) {
        std::vector<Code> codes(size + 1, Code{99});
        ptq::quantize(
            std::span<const float>(x).first(size), std::span(codes).first(size), on, ties
        );
        for (std::size_t i = 0; i != size; ++i) {
          wrong += ptq::lowest_code<Code>(on) + level_of(x[i], on, ties) != codes[i] ? 1U : 0U;
        }
        wrong += codes[size] == 99 ? 0U : 1U;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("codes stand for the values that fake-quantization gives", Code, PTQ_CODES) {
  std::size_t wrong = 0;
  for (const ptq::grid& on : code_grids(most_levels_of<Code>)) {
    const std::vector<float> x = values_on_ties(on, 203, 4);
    std::vector<Code> codes(x.size());
    std::vector<float> back(x.size());
    ptq::quantize(std::span<const float>(x), std::span(codes), on);
    ptq::dequantize(std::span<const Code>(codes), std::span(back), on);
    for (std::size_t i = 0; i != x.size(); ++i) {
      const bool inside =
          x[i] > std::min(on.in_low, on.in_high) && x[i] <= std::max(on.in_low, on.in_high);
      wrong += inside && bits(back[i]) != bits(ptq::reference::fake_quantize(x[i], on)) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("each channel is mapped to codes on its own grid, and back", Code, PTQ_CODES) {
  const std::vector<ptq::grid> pool = code_grids(most_levels_of<Code>);
  std::minstd_rand engine(3);
  std::size_t wrong = 0;
  for (int k = 0; k != 300; ++k) {
    const std::size_t outer = 1 + engine() % 3;
    const std::size_t channels = 1 + engine() % 40;
    const std::size_t inner = 1 + engine() % (k % 2 == 0 ? 5 : 70);
    const bool same_levels = engine() % 2 == 0;
    std::vector<ptq::grid> on(channels);
    for (ptq::grid& g : on) {
      g = pool[engine() % pool.size()];
      g.levels = same_levels ? 255 : g.levels;
    }
    std::vector<float> x =
        values_on_ties(on[0], outer * channels * inner, static_cast<unsigned>(k));
    const rounding ties = all_roundings[engine() % 3];
    std::vector<Code> codes(x.size());
    std::vector<float> back(x.size());
    const std::size_t shape[] = {outer, channels, inner};
    ptq::quantize(ptq::tensor_view(x, shape), std::span(codes), ptq::channel_grids{1, on}, ties);
    ptq::dequantize(ptq::tensor_view(codes, shape), back, ptq::channel_grids{1, on});
    for (std::size_t i = 0; i != x.size(); ++i) {
      const ptq::grid& g = on[i / inner % channels];
      const int level = level_of(x[i], g, ties);
      wrong += ptq::lowest_code<Code>(g) + level != codes[i] ? 1U : 0U;
      const float part = static_cast<float>(level) / static_cast<float>(g.levels - 1);
      const float value = ptq::detail::rounded(part * (g.out_high - g.out_low)) + g.out_low;
      wrong += bits(value) != bits(back[i]) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

auto packed(std::vector<float> w, const ptq::grid& on, rounding ties = rounding::half_up)
    -> std::vector<int> {
  std::vector<std::int8_t> codes(w.size());
  ptq::quantize(std::span<const float>(w), std::span(codes), on, ties);
  return {codes.begin(), codes.end()};
}

TEST_CASE("weights are packed as the specification of POT works out by hand") {
  const ptq::grid symmetric{-0.5F, 0.5F, -0.5F, 0.5F, 255};
  CHECK(
      packed({0.3F, 0.5F, -0.5F, 0.0F, 0.001F, -0.2F}, symmetric) ==
      std::vector{76, 127, -127, 0, 0, -51}
  );

  const ptq::grid halved{-0.5F, 0.5F, -1.0F, 1.0F, 255};
  CHECK(packed({0.15F, -0.25F, 0.25F}, halved) == std::vector{38, -63, 64});
  CHECK(packed({0.25F}, halved, rounding::half_even) == std::vector{63});
  const std::int8_t codes[] = {38, -63, 64};
  float values[3];
  ptq::dequantize(std::span<const std::int8_t>(codes), std::span<float>(values), halved);
  CHECK(values[0] == doctest::Approx(0.2992126));
  CHECK(values[1] == doctest::Approx(-0.4960630));
  CHECK(values[2] == doctest::Approx(0.5039370));

  const ptq::grid asymmetric{-0.4020942F, 1.2F, -0.4020942F, 1.2F, 256};
  CHECK(packed({-0.4F, 0.0F, 0.5F, 1.2F}, asymmetric) == std::vector{-128, -64, 16, 127});
}

TEST_CASE("a NaN has no code") {
  std::vector<float> x(3 * width + 1, 0.25F);
  std::vector<std::uint8_t> codes(x.size());
  const ptq::grid on{-1.0F, 1.0F};
  for (const rounding ties : all_roundings) {
    for (std::size_t at = 0; at != x.size(); ++at) {
      x[at] = std::numeric_limits<float>::quiet_NaN();
      CHECK_THROWS_WITH_AS(
          ptq::quantize(std::span<const float>(x), std::span(codes), on, ties),
          "quantize: NaN has no code",
          ptq::error
      );
      x[at] = 0.25F;
    }
    CHECK_NOTHROW(ptq::quantize(std::span<const float>(x), std::span(codes), on, ties));
  }
}

TEST_CASE("infinity has the code at its end") {
  const float x[] = {-infinity, infinity};
  std::int8_t codes[2];
  ptq::quantize(std::span<const float>(x), std::span<std::int8_t>(codes), ptq::grid{-1.0F, 1.0F});
  CHECK(int{codes[0]} == -128);
  CHECK(int{codes[1]} == 127);
}

TEST_CASE("what has no codes is refused in one line that says why") {
  const std::vector<float> x(4);
  std::vector<std::int8_t> codes(4);
  CHECK_THROWS_WITH_AS(
      ptq::quantize(std::span(x), std::span(codes), ptq::grid{-1.0F, 1.0F, -1.0F, 1.0F, 257}),
      "quantize, grid 0: 257 levels; supported are 2 to 256 (option `levels`)",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      ptq::quantize(std::span(x), std::span(codes).first(3), ptq::grid{-1.0F, 1.0F}),
      "quantize: reads 4 elements and has room for 3",
      ptq::error
  );
  std::vector<std::uint16_t> wide(4);
  CHECK_THROWS_WITH_AS(
      ptq::quantize(std::span(x), std::span(wide), ptq::grid{-1.0F, 1.0F, -1.0F, 1.0F, 65537}),
      "quantize, grid 0: 65537 levels; supported are 2 to 65536 (option `levels`)",
      ptq::error
  );
  std::vector<float> back(4);
  const std::vector<ptq::grid> on(4, ptq::grid{-1.0F, 1.0F});
  CHECK_THROWS_WITH_AS(
      ptq::dequantize(ptq::tensor_view(x, {4}), back, ptq::channel_grids{0, on}),
      "dequantize: the tensor is float32, not int8",
      ptq::error
  );
}

} // namespace
