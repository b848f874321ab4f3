// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/reference.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using ptq::rounding;
using ptq::reference::fake_quantize;
using ptq::reference::round;

constexpr ptq::grid codes{0.0F, 255.0F, 0.0F, 255.0F, 256};

static_assert(fake_quantize(0.5F, codes) == 0.0F);
static_assert(fake_quantize(1.5F, codes) == 2.0F);
static_assert(fake_quantize(2.5F, codes, rounding::half_up) == 3.0F);
static_assert(fake_quantize(2.5F, codes, rounding::half_away) == 3.0F);
static_assert(fake_quantize(-7.0F, codes) == 0.0F);
static_assert(fake_quantize(1e30F, codes) == 255.0F);

// numpy's floor(t + 0.5) rounds t + 0.5 first.
static_assert(round(0.49999997F, rounding::half_up) == 1.0F);
static_assert(round(0.49999997F, rounding::half_away) == 0.0F);
static_assert(round(0.49999997F, rounding::half_even) == 0.0F);
static_assert(round(16777217.0F, rounding::half_even) == 16777216.0F);

// OpenVINO's reference, as it is written there.
auto openvino(float x, const ptq::grid& g) -> float {
  const auto last = static_cast<float>(g.levels - 1);
  if (x <= std::min(g.in_low, g.in_high)) {
    return g.out_low;
  }
  if (x > std::max(g.in_low, g.in_high)) {
    return g.out_high;
  }
  const volatile float product = std::nearbyint((x - g.in_low) / (g.in_high - g.in_low) * last) /
                                 last * (g.out_high - g.out_low);
  return product + g.out_low;
}

TEST_CASE("the reference has the bits of OpenVINO's") {
  std::size_t wrong = 0;
  unsigned seed = 0;
  for (const ptq::grid& on : kernel_model::grids()) {
    for (const float x : kernel_model::values_for(on, 5'000, ++seed)) {
      wrong +=
          kernel_model::bits(fake_quantize(x, on)) != kernel_model::bits(openvino(x, on)) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE(
    "each way of rounding is the one of the standard library, for all halves and their neighbours"
) {
  for (int i = 0; i != 2'000; ++i) {
    const float half = static_cast<float>(i) / 2.0F;
    for (const float t : {half, std::nextafter(half, 1e9F), std::nextafter(half, 0.0F)}) {
      CHECK(round(t, rounding::half_even) == std::nearbyint(t));
      CHECK(round(t, rounding::half_away) == std::round(t));
      CHECK(round(t, rounding::half_up) == std::floor(t + 0.5F));
    }
  }
}

TEST_CASE("a grid of five numbers maps as the specification of POT works out by hand") {
  const ptq::grid on{-3.0236220472F, 3.0F, -3.0236220472F, 3.0F, 256};
  CHECK(fake_quantize(-4.0F, on) == doctest::Approx(-3.023622));
  CHECK(fake_quantize(-3.0F, on) == doctest::Approx(-3.0));
  CHECK(fake_quantize(-1.0F, on) == doctest::Approx(-0.992126));
  CHECK(fake_quantize(0.0F, on) == doctest::Approx(0.0));
  CHECK(fake_quantize(0.5F, on) == doctest::Approx(0.496063));
  CHECK(fake_quantize(1.0F, on) == doctest::Approx(0.992126));
  CHECK(fake_quantize(2.99F, on) == 3.0F);
  CHECK(fake_quantize(3.5F, on) == 3.0F);
}

} // namespace
