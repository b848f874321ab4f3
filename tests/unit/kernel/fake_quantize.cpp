// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/fake_quantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "model.hpp"

namespace {

using namespace kernel_model;

constexpr std::size_t width = xsimd::batch<float>::size;

TEST_CASE("every length up to four batches and three, at every alignment, has the reference's bits"
) {
  std::size_t wrong = 0;
  std::size_t overrun = 0;
  for (const ptq::grid& on : grids()) {
    const std::vector<float> x = values_for(on, 5 * width + 3, 3);
    const std::vector<float> expected = quantized(x, on);
    for (std::size_t size = 0; size <= 4 * width + 3; ++size) {
      for (std::size_t at = 0; at != width; at += width / 4) {
        std::vector<float> y(x.size() + 1, 42.0F);
        ptq::fake_quantize(std::span(x).subspan(at, size), std::span(y).subspan(at, size), on);
        wrong += differing(std::span(y).subspan(at, size), std::span(expected).subspan(at, size));
        overrun += std::ranges::count(y, 42.0F) + static_cast<std::ptrdiff_t>(size) <
                           static_cast<std::ptrdiff_t>(y.size())
                       ? 1U
                       : 0U;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(overrun == 0);
}

TEST_CASE("in place is the same as beside") {
  std::size_t wrong = 0;
  for (const ptq::grid& on : grids()) {
    for (std::size_t size = 0; size <= 9 * width + 3; size += 1 + size / 7) {
      std::vector<float> x = values_for(on, size, 5);
      const std::vector<float> expected = quantized(x, on);
      ptq::fake_quantize(x, x, on);
      wrong += differing(x, expected);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("true division gives the same bits, and the approximation is never a level away") {
  std::size_t wrong = 0;
  std::size_t far = 0;
  for (const ptq::grid& on : grids()) {
    const std::vector<float> x = values_for(on, 1'000, 7);
    const std::vector<float> expected = quantized(x, on);
    std::vector<float> y(x.size());
    ptq::fake_quantize<xsimd::default_arch, ptq::formula::division>(x, y, on);
    wrong += differing(y, expected);

    const bool ordinary = on.in_low < on.in_high && std::isfinite(on.in_high - on.in_low) &&
                          std::isfinite(on.out_high - on.out_low) && on.levels <= 65'536;
    if (!ordinary) {
      continue;
    }
    ptq::fake_quantize<xsimd::default_arch, ptq::formula::approximate>(x, y, on);
    const double step =
        std::fabs(on.scale()) * 1.001 + 1e-6 * std::fabs(static_cast<double>(on.out_low));
    for (std::size_t i = 0; i != x.size(); ++i) {
      far +=
          std::fabs(static_cast<double>(y[i]) - static_cast<double>(expected[i])) > step ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
  CHECK(far == 0);
}

// Where the level of the reference changes, found by bisection: both formulas are monotone, so that
// agreement on both sides of each threshold is agreement everywhere.
TEST_CASE("the thresholds between levels are those of the reference") {
  const auto ordered = [](float value) {
    const auto i = std::bit_cast<std::int32_t>(value);
    return i < 0 ? std::int64_t{-1} - (i & 0x7fffffff) : std::int64_t{i};
  };
  const auto value_at = [](std::int64_t place) {
    const auto i = static_cast<std::uint32_t>(place < 0 ? -1 - place : place);
    return std::bit_cast<float>(place < 0 ? i | 0x80000000U : i);
  };
  std::minstd_rand engine(2024);
  std::size_t wrong = 0;
  std::size_t thresholds = 0;
  for (int k = 0; k != 600; ++k) {
    const float scale = std::exp2(static_cast<float>(static_cast<int>(engine() % 40) - 20));
    std::uniform_real_distribution<float> uniform(0.01F * scale, scale);
    ptq::grid on{-uniform(engine), uniform(engine)};
    switch (engine() % 4) {
    case 0:
      on.in_low = -on.in_high;
      break;
    case 1:
      on.in_low = 0.0F;
      break;
    case 2:
      on.in_low = on.in_high * 0.9F;
      break;
    default:
      break;
    }
    on.out_low = on.in_low;
    on.out_high = on.in_high;
    constexpr std::int64_t levels[] = {256, 255, 16, 15, 4, 1024};
    on.levels = levels[engine() % 6];
    std::vector<float> x;
    std::int64_t below = ordered(on.in_low);
    for (std::int64_t n = 1; n != on.levels; ++n) {
      std::int64_t above = ordered(on.in_high);
      while (above - below > 1) {
        const std::int64_t middle = below + (above - below) / 2;
        const float level = ptq::reference::level(value_at(middle), on);
        (level < static_cast<float>(n) ? below : above) = middle;
      }
      x.push_back(value_at(below));
      x.push_back(value_at(above));
    }
    std::vector<float> y(x.size());
    ptq::fake_quantize(x, y, on);
    wrong += differing(y, quantized(x, on));
    thresholds += x.size() / 2;
  }
  CHECK(thresholds > 50'000);
  CHECK(wrong == 0);
}

struct channels_case {
  std::vector<std::size_t> shape;
  std::size_t axis;
};

auto expected_of(
    std::span<const float> x,
    const ptq::detail::channel_layout& layout,
    std::span<const ptq::grid> on
) -> std::vector<float> {
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i != x.size(); ++i) {
    y[i] = ptq::reference::fake_quantize(x[i], on[i / layout.inner % layout.channels]);
  }
  return y;
}

TEST_CASE("each channel of any axis is mapped on its own grid, beside and in place") {
  const std::vector<ptq::grid> pool = grids();
  std::minstd_rand engine(5);
  std::size_t wrong = 0;
  for (int k = 0; k != 600; ++k) {
    std::vector<std::size_t> shape(1 + engine() % 4);
    for (std::size_t& extent : shape) {
      extent = 1 + engine() % (engine() % 6 == 0 ? 90 : 9);
    }
    if (k % 10 == 0) {
      shape.back() = 600 + engine() % 900; // several tiles
    }
    const std::size_t axis = engine() % shape.size();
    const bool same_levels = engine() % 3 != 0;
    std::vector<ptq::grid> on(shape[axis]);
    for (ptq::grid& g : on) {
      g = pool[engine() % (engine() % 3 == 0 ? pool.size() : 5)];
      g.levels = same_levels ? 255 : g.levels;
    }
    const auto product = [&](std::size_t from, std::size_t to) {
      return std::accumulate(
          shape.begin() + static_cast<std::ptrdiff_t>(from),
          shape.begin() + static_cast<std::ptrdiff_t>(to),
          std::size_t{1},
          std::multiplies{}
      );
    };
    const ptq::detail::channel_layout layout{
        product(0, axis), shape[axis], product(axis + 1, shape.size())
    };
    std::vector<float> x =
        values_for(on.front(), product(0, shape.size()), static_cast<unsigned>(k));
    const std::vector<float> expected = expected_of(x, layout, on);
    std::vector<float> y(x.size());
    ptq::fake_quantize(ptq::tensor_view(x, shape), y, ptq::channel_grids{axis, on});
    wrong += differing(y, expected);
    ptq::fake_quantize(ptq::tensor_view(x, shape), x, ptq::channel_grids{axis, on});
    wrong += differing(x, expected);
  }
  CHECK(wrong == 0);
}

TEST_CASE("channels-last memory shown as sample, channel, rows, columns keeps its layout") {
  const std::size_t n = 2;
  const std::size_t h = 5;
  const std::size_t w = 7;
  const std::size_t c = 19;
  std::vector<ptq::grid> on;
  for (std::size_t i = 0; i != c; ++i) {
    on.push_back({-1.0F - static_cast<float>(i), 2.0F, -1.0F - static_cast<float>(i), 2.0F, 256});
  }
  const std::vector<float> x = values_for(on[3], n * h * w * c, 1);
  std::vector<float> y(x.size());
  const auto view = ptq::tensor_view(x, {n, h, w, c}).permuted({0, 3, 1, 2});
  ptq::fake_quantize(view, y, ptq::channel_grids{1, on});
  CHECK(differing(y, expected_of(x, {n * h * w, c, 1}, on)) == 0);
}

TEST_CASE("a tensor without elements is left alone") {
  std::vector<float> none;
  const std::vector<ptq::grid> on(3, ptq::grid{-1.0F, 1.0F});
  ptq::fake_quantize(none, none, on[0]);
  ptq::fake_quantize(ptq::tensor_view(none, {0, 3, 4}), none, ptq::channel_grids{1, on});
  CHECK(none.empty());
}

TEST_CASE("what cannot be mapped is refused in one line that says why") {
  std::vector<float> x(12, 0.5F);
  std::vector<float> y(12);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<ptq::grid> three(3, ptq::grid{-1.0F, 1.0F});
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(x, std::span(y).first(11), three[0]),
      "fake_quantize: reads 12 elements and has room for 11",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(x, y, ptq::grid{nan, 1.0F}),
      "fake_quantize, grid 0: a limit of the grid is NaN, or both are the same infinity",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(x, y, ptq::grid{-1.0F, 1.0F, -1.0F, 1.0F, 1}),
      "fake_quantize, grid 0: 1 levels; supported are 2 to 4294967296 (option `levels`)",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(ptq::tensor_view(x, {3, 4}), y, ptq::channel_grids{1, three}),
      "fake_quantize: 3 grids for the 4 channels on axis 1 of 3x4",
      ptq::error
  );
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(ptq::tensor_view(x, {3, 4}), y, ptq::channel_grids{2, three}),
      "fake_quantize: axis 2 of a tensor of shape 3x4 (option `axis`)",
      ptq::error
  );
  const std::vector<std::int8_t> codes(12);
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(ptq::tensor_view(codes, {3, 4}), y, ptq::channel_grids{0, three}),
      "fake_quantize: the tensor is int8, not float32",
      ptq::error
  );
}

} // namespace
