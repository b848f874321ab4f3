// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/grid.hpp>
#include <ptq/kernel/detail/simd.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ptq::detail {

/// How a grid is computed, the cheapest first.
enum class path : unsigned char {
  approximate,
  reciprocal,      ///< The formula meets both ends of the output range by itself.
  reciprocal_high, ///< Values above the input range are set to `out_high`.
  reciprocal_both, ///< Those below to `out_low`, too.
  division,        ///< True division; right for every grid.
};

/// The numbers that a kernel needs of a grid; what differs between channels comes first.
namespace slot {
enum index : unsigned char {
  in_low,
  width,
  width_reciprocal,      ///< For `path::approximate` `last / width`.
  width_reciprocal_rest, ///< What the reciprocal lacks. For `path::approximate` `out_width / last`.
  out_width,
  out_low,
  lowest_in,
  highest_in,
  out_high,
  last, ///< `levels - 1`
  last_reciprocal,
  last_reciprocal_rest,
  lowest_code,
  count,
};

inline constexpr std::size_t channel_count = last;
} // namespace slot

struct prepared_grid {
  float values[slot::count];
  path by;
};

/// Is `fma(d, zh, d * zl)` as good as `d / width` for every `d`? For `n / last` it is proved for
/// every `n` and `last` up to 65,535, for the width by comparing thresholds.
template <class Arch>
[[nodiscard, gnu::always_inline]] inline auto
reciprocal_is_exact(const grid& on, float in_width, float out_width, float last) noexcept -> bool {
  constexpr float largest = 3.402823466e38F;
  return simd::fuses_multiply_add<Arch> && on.in_low < on.in_high && in_width >= 0x1p-100F &&
         in_width <= 0x1p100F && out_width >= -largest && out_width <= largest && last <= 65535.0F;
}

/// @tparam Arch  only keeps the copies for several instruction sets apart.
/// @param result  written in place, since a copy would wait for the stores; if `follows`, it holds
/// the grid of another channel, which most likely has as many levels.
template <class Arch, bool Approximate, bool AlwaysDivide>
[[gnu::always_inline]] inline void
prepare(prepared_grid& result, const grid& on, float lowest, bool follows) noexcept {
  const bool inverted = on.in_high < on.in_low;
  const float in_width = on.in_high - on.in_low;
  const float out = on.out_high - on.out_low;
  const auto end = static_cast<float>(on.levels - 1);

  float* const v = result.values;
  v[slot::in_low] = on.in_low;
  v[slot::width] = in_width;
  v[slot::out_width] = out;
  v[slot::out_low] = on.out_low;
  v[slot::lowest_in] = inverted ? on.in_high : on.in_low;
  v[slot::highest_in] = inverted ? on.in_low : on.in_high;
  v[slot::out_high] = on.out_high;
  v[slot::lowest_code] = lowest;
  v[slot::width_reciprocal] = 1.0F / in_width;
  v[slot::width_reciprocal_rest] = 0.0F;
  if (!follows || v[slot::last] != end) {
    v[slot::last] = end;
    v[slot::last_reciprocal] = 1.0F / end;
    v[slot::last_reciprocal_rest] = static_cast<float>(
        1.0 / static_cast<double>(end) - static_cast<double>(v[slot::last_reciprocal])
    );
  }

  if constexpr (AlwaysDivide) {
    result.by = path::division;
    return;
  }
  if (Approximate) {
    const float steps = end / in_width;
    const float step = out / end;
    constexpr float largest = 3.402823466e38F;
    if (in_width > 0.0F && steps <= largest && step >= -largest && step <= largest) {
      v[slot::width_reciprocal] = steps;
      v[slot::width_reciprocal_rest] = step;
      result.by = path::approximate;
    } else {
      result.by = path::division;
    }
    return;
  }
  if (!reciprocal_is_exact<Arch>(on, in_width, out, end)) {
    result.by = path::division;
    return;
  }
  v[slot::width_reciprocal_rest] = static_cast<float>(
      1.0 / static_cast<double>(in_width) - static_cast<double>(v[slot::width_reciprocal])
  );
  // The ends are compared by their bits: -0 and 0 are different answers.
  const auto bits_of = [](float x) __attribute__((always_inline)) {
    return __builtin_bit_cast(std::uint32_t, x);
  };
  const bool low_is_negative_zero = bits_of(on.out_low) == 0x80000000U;
  const bool misses_top = bits_of(out + on.out_low) != bits_of(on.out_high);
  // Without branches: which it is differs from channel to channel.
  const unsigned steps = low_is_negative_zero ? 2U : static_cast<unsigned>(misses_top);
  result.by = static_cast<path>(static_cast<unsigned>(path::reciprocal) + steps);
}

} // namespace ptq::detail
