// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/kernel/extremes.hpp>
#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/kernel/histogram.hpp>
#include <ptq/kernel/quantization_error.hpp>
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

/// A view with gaps: the axes in any order in memory, some of them in blocks, with room between.
struct scattered {
  std::vector<ptq::dimension> axes{};
  std::vector<float> memory{};

  [[nodiscard]] auto view() const -> ptq::tensor_view {
    return {memory.data(), ptq::element_type::f32, axes};
  }

  /// Where element `n` of the row-major order lies.
  [[nodiscard]] auto offset_of(std::size_t n) const -> std::size_t {
    std::ptrdiff_t offset = 0;
    for (std::size_t axis = axes.size(); axis-- != 0;) {
      offset += axes[axis].offset_of(n % axes[axis].extent);
      n /= axes[axis].extent;
    }
    return static_cast<std::size_t>(offset);
  }
};

auto scattered_at_random(std::minstd_rand& engine, std::size_t rank) -> scattered {
  scattered made;
  made.axes.resize(rank);
  std::vector<std::size_t> order(rank);
  for (std::size_t i = 0; i != rank; ++i) {
    order[i] = i;
    made.axes[i].extent = 1 + engine() % 9;
  }
  std::shuffle(order.begin(), order.end(), engine);
  std::size_t stride = 1;
  for (const std::size_t axis : order) {
    ptq::dimension& each = made.axes[axis];
    const std::size_t gap = engine() % 3;
    each.block = engine() % 4 == 0 ? 2 + static_cast<std::uint32_t>(engine() % 3) : 1;
    each.block_stride = static_cast<std::ptrdiff_t>(stride);
    if (each.block == 1) {
      each.stride = each.block_stride;
      stride *= each.extent + gap;
    } else {
      const std::size_t blocks = (each.extent + each.block - 1) / each.block;
      each.stride = static_cast<std::ptrdiff_t>(stride * (each.block + gap));
      stride *= (each.block + gap) * blocks;
    }
  }
  made.memory =
      values_for({-1.0F, 1.3F, -1.0F, 1.3F, 256}, stride, static_cast<unsigned>(engine()));
  return made;
}

TEST_CASE("views with gaps and blocks have the reference's bits, in row-major order") {
  const std::vector<ptq::grid> pool = grids();
  std::minstd_rand engine(5);
  std::size_t wrong = 0;
  std::size_t gathered = 0;
  for (int round = 0; round != 600; ++round) {
    const std::size_t rank = 1 + engine() % 4;
    const scattered made = scattered_at_random(engine, rank);
    const ptq::tensor_view x = made.view();
    const std::size_t axis = engine() % rank;
    if (ptq::detail::fills_memory(x)) {
      continue; // keeps its layout: the other tests have these
    }
    ++gathered;
    std::vector<ptq::grid> on(x.extent(axis));
    for (ptq::grid& each : on) {
      each = pool[engine() % pool.size()];
    }
    std::size_t inner = 1;
    for (std::size_t i = axis + 1; i != rank; ++i) {
      inner *= x.extent(i);
    }
    std::vector<float> y(x.size());
    std::vector<float> whole(x.size());
    ptq::fake_quantize(x, y, ptq::channel_grids{axis, on});
    ptq::fake_quantize(x, whole, on[0]);
    for (std::size_t n = 0; n != y.size(); ++n) {
      const float value = made.memory[made.offset_of(n)];
      const ptq::grid& g = on[n / inner % on.size()];
      wrong += bits(y[n]) != bits(ptq::reference::fake_quantize(value, g)) ? 1U : 0U;
      wrong += bits(whole[n]) != bits(ptq::reference::fake_quantize(value, on[0])) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
  CHECK(gathered > 300);
}

TEST_CASE("codes of such views are those of the same values in row-major order, and back") {
  std::minstd_rand engine(6);
  std::size_t gathered = 0;
  for (int round = 0; round != 300; ++round) {
    const std::size_t rank = 1 + engine() % 4;
    scattered made = scattered_at_random(engine, rank);
    for (float& each : made.memory) {
      each = each == each ? each : 0.25F;
    }
    const ptq::tensor_view x = made.view();
    const std::size_t axis = engine() % rank;
    if (ptq::detail::fills_memory(x)) {
      continue;
    }
    ++gathered;
    std::vector<ptq::grid> on;
    for (std::size_t c = 0; c != x.extent(axis); ++c) {
      const float high = 0.5F + static_cast<float>(engine() % 100) / 50.0F;
      on.push_back({-high, high, -high, high, 255});
    }
    std::vector<float> dense;
    std::vector<std::size_t> shape;
    for (std::size_t n = 0; n != x.size(); ++n) {
      dense.push_back(made.memory[made.offset_of(n)]);
    }
    for (const ptq::dimension& each : x.dimensions()) {
      shape.push_back(each.extent);
    }
    const ptq::channel_grids by{axis, on};
    std::vector<std::int8_t> codes(x.size());
    std::vector<std::int8_t> expected(x.size());
    ptq::quantize(x, std::span(codes), by, ptq::rounding::half_up);
    ptq::quantize(ptq::tensor_view(dense, shape), std::span(expected), by, ptq::rounding::half_up);
    CHECK(codes == expected);
    ptq::quantize(x, std::span(codes), on[0]);
    ptq::quantize(std::span<const float>(dense), std::span(expected), on[0]);
    CHECK(codes == expected);
    // The codes scattered likewise.
    std::vector<std::int8_t> memory(made.memory.size());
    for (std::size_t n = 0; n != x.size(); ++n) {
      memory[made.offset_of(n)] = expected[n];
    }
    std::vector<float> values(x.size());
    std::vector<float> wanted(x.size());
    ptq::dequantize(ptq::tensor_view(memory.data(), ptq::element_type::i8, made.axes), values, by);
    ptq::dequantize(ptq::tensor_view(expected, shape), wanted, by);
    CHECK(differing(values, wanted) == 0);
  }
  CHECK(gathered > 150);
}

TEST_CASE("sums, counts and errors of such views are those of the values in row-major order") {
  std::minstd_rand engine(7);
  std::size_t gathered = 0;
  for (int round = 0; round != 300; ++round) {
    const std::size_t rank = 1 + engine() % 4;
    scattered made = scattered_at_random(engine, rank);
    for (float& each : made.memory) {
      each = std::isfinite(each) ? std::clamp(each, -3.0F, 3.0F) : 0.25F;
    }
    const ptq::tensor_view x = made.view();
    const std::size_t axis = engine() % rank;
    if (ptq::detail::fills_memory(x)) {
      continue;
    }
    ++gathered;
    std::vector<float> dense;
    std::vector<std::size_t> shape;
    for (std::size_t n = 0; n != x.size(); ++n) {
      dense.push_back(made.memory[made.offset_of(n)]);
    }
    for (const ptq::dimension& each : x.dimensions()) {
      shape.push_back(each.extent);
    }
    const ptq::tensor_view packed(dense, shape);
    const std::size_t channels = x.extent(axis);
    std::vector<ptq::summary> found(channels);
    std::vector<ptq::summary> expected(channels);
    ptq::summarize(x, axis, std::span(found));
    ptq::summarize(packed, axis, std::span(expected));
    CHECK(found == expected);
    std::vector<ptq::log_histogram> counted(channels);
    std::vector<ptq::log_histogram> wanted(channels);
    ptq::count(x, axis, std::span(counted));
    ptq::count(packed, axis, std::span(wanted));
    CHECK(counted == wanted);
    const std::vector<ptq::grid> on(channels, ptq::grid{-1.0F, 1.5F, -1.0F, 1.5F, 16});
    const ptq::channel_grids by{axis, on};
    CHECK(ptq::quantization_error(x, by) == ptq::quantization_error(packed, by));
  }
  CHECK(gathered > 150);
}

TEST_CASE("a row of a matrix and a large tensor whose parts do not fit the buffer") {
  std::vector<float> matrix = values_for({-1.0F, 1.0F}, 60'000, 2);
  const ptq::dimension column[] = {{.extent = 20'000, .stride = 3}};
  const ptq::tensor_view x(matrix.data(), ptq::element_type::f32, column);
  const ptq::grid on{-1.0F, 1.0F};
  std::vector<float> y(20'000);
  ptq::fake_quantize(x, y, on);
  std::size_t wrong = 0;
  for (std::size_t n = 0; n != y.size(); ++n) {
    wrong += bits(y[n]) != bits(ptq::reference::fake_quantize(matrix[3 * n], on)) ? 1U : 0U;
  }
  CHECK(wrong == 0);
  const ptq::dimension two[] = {{.extent = 2, .stride = 30'000}, {.extent = 15'000, .stride = 2}};
  const ptq::tensor_view parts(matrix.data(), ptq::element_type::f32, two);
  const std::vector<ptq::grid> each{{-1.0F, 1.0F}, {0.0F, 0.5F}};
  y.resize(30'000);
  ptq::fake_quantize(parts, y, ptq::channel_grids{0, each});
  for (std::size_t n = 0; n != y.size(); ++n) {
    const std::size_t row = n / 15'000;
    const float value = matrix[row * 30'000 + n % 15'000 * 2];
    wrong += bits(y[n]) != bits(ptq::reference::fake_quantize(value, each[row])) ? 1U : 0U;
  }
  CHECK(wrong == 0);
  const ptq::dimension none[] = {{.extent = 0, .stride = 7}, {.extent = 3, .stride = 2}};
  const ptq::tensor_view empty(matrix.data(), ptq::element_type::f32, none);
  CHECK_NOTHROW(ptq::fake_quantize(empty, std::span<float>(), on));
  CHECK_NOTHROW(ptq::fake_quantize(empty, std::span<float>(), ptq::channel_grids{0, {}}));
  CHECK_THROWS_WITH_AS(
      ptq::fake_quantize(parts, std::span(y).first(3), on),
      "fake_quantize: reads 30000 elements and has room for 3",
      ptq::error
  );
}

} // namespace
