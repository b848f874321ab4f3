// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/kernel/detail/channel_layout.hpp>
#include <ptq/kernel/detail/fake_quantize_kernel.hpp>
#include <ptq/kernel/detail/lanes.hpp>

#include <cstddef>

namespace ptq::detail {

struct swept_error {
  double squared_error;
  double signal;
  float largest;
};

/// The distance of values to their fake-quantized selves, which are not written.
template <class Arch, class Step>
[[gnu::always_inline]] inline void error_of(
    Step& step,
    const uniform_parameters<Arch>& parameters,
    const float* from,
    std::size_t size,
    swept_error& result
) noexcept {
  using batch = simd::floats<Arch>;
  static constexpr float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  lane_sums<Arch> errors;
  lane_sums<Arch> signals;
  errors.clear();
  signals.clear();
  batch largest(0.0F);
  const auto add = [&](std::size_t lane, const batch& x, const batch& difference)
                       __attribute__((always_inline)) {
                         errors.lanes[lane] += simd::rounded<Arch>(difference * difference);
                         signals.lanes[lane] += simd::rounded<Arch>(x * x);
                         largest = simd::most<Arch>(xsimd::abs(difference), largest);
                       };
  for_each_lane<Arch>(
      from,
      size,
      [&](std::size_t lane, const batch& x)
          __attribute__((always_inline)) { add(lane, x, x - step(parameters, x)); },
      [&](std::size_t lane, const batch& x, std::size_t count) __attribute__((always_inline)) {
        // 0 need not lie on the grid.
        const auto is_value = simd::load_first<Arch>(ones, count) > batch(0.0F);
        add(lane, x, xsimd::select(is_value, x - step(parameters, x), batch(0.0F)));
      },
      [&]() __attribute__((always_inline)) {
        result.squared_error += errors.total();
        result.signal += signals.total();
        errors.clear();
        signals.clear();
      }
  );
  const float most = simd::most_of<Arch>(largest);
  result.largest = most > result.largest ? most : result.largest;
}

/// What is compiled once for each instruction set. Adds to the results.
struct quantization_error_kernel {
  template <class Arch>
  void operator()(Arch, const float* from, std::size_t size, const grid& on, swept_error& result)
      const noexcept {
    using values = fake_quantize_kernel<formula::exact>;
    prepared_grid prepared;
    values::template prepare_grid<Arch>(prepared, on, false);
    values::template with_step<Arch>(prepared.by, [&](auto& step) __attribute__((always_inline)) {
      error_of<Arch>(step, uniform_parameters<Arch>(prepared), from, size, result);
    });
  }

  template <class Arch>
  void operator()(
      Arch arch,
      const float* from,
      const channel_layout& layout,
      const grid* grids,
      swept_error* results
  ) const noexcept {
    for (std::size_t c = 0; c != layout.channels; ++c) {
      results[c] = {0.0, 0.0, 0.0F};
    }
    if (layout.inner == 1) {
      (*this)(arch, from, layout.outer, layout.channels, grids, results);
      return;
    }
    for (std::size_t c = 0; c != layout.channels; ++c) {
      for (std::size_t o = 0; o != layout.outer; ++o) {
        const float* const row = from + (o * layout.channels + c) * layout.inner;
        (*this)(arch, row, layout.inner, grids[c], results[c]);
      }
    }
  }

  /// Channels next to each other are gathered, a block at a time.
  template <class Arch>
  void operator()(
      Arch arch,
      const float* from,
      std::size_t rows,
      std::size_t channels,
      const grid* grids,
      swept_error* results
  ) const noexcept {
    constexpr std::size_t together = 16;
    alignas(64) float gathered[together][block_size / together];
    constexpr std::size_t length = block_size / together;
    for (std::size_t first = 0; first < channels; first += together) {
      const std::size_t left = channels - first;
      const std::size_t count = left < together ? left : together;
      for (std::size_t row = 0; row < rows; row += length) {
        const std::size_t some = rows - row < length ? rows - row : length;
        for (std::size_t r = 0; r != some; ++r) {
          for (std::size_t c = 0; c != count; ++c) {
            gathered[c][r] = from[(row + r) * channels + first + c];
          }
        }
        for (std::size_t c = 0; c != count; ++c) {
          (*this)(arch, gathered[c], some, grids[first + c], results[first + c]);
        }
      }
    }
  }
};

} // namespace ptq::detail
