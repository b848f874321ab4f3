// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/grid.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/distribution.hpp>

#include <algorithm>
#include <limits>

namespace ptq::detail {

/// To the nearest integer, ties to even, without a call that depends on the instruction set.
/// @pre below 2^51
[[nodiscard]] inline auto nearest(double value) noexcept -> double {
  constexpr double all_integers = 0x1.8p52;
  return rounded(value + all_integers) - all_integers;
}

/// The values `step * code` for codes from `lowest` to `highest`, with zero among them: what a
/// scheme makes of a range, but for its floors.
struct code_grid {
  double step = 0.0;
  double lowest = 0.0;
  double highest = 0.0;

  /// The squared error of values spread evenly over `[0, value]`, times `value`, for `value` on one
  /// side of zero: what it grows by between two values is the integral of the error there.
  [[nodiscard]] auto integral(double value) const noexcept -> double {
    const double position = std::clamp(value / step, -0x1p50, 0x1p50);
    const double code = std::clamp(nearest(position), lowest, highest);
    const double off = position - code;
    const double cube = rounded(rounded(off * off) * off);
    return rounded((code / 12.0 + cube / 3.0) * rounded(rounded(step * step) * step));
  }

  [[nodiscard]] auto as_grid(std::int64_t levels) const noexcept -> grid {
    const auto low = static_cast<float>(lowest * step);
    const auto high = static_cast<float>(highest * step);
    return {.in_low = low, .in_high = high, .out_low = low, .out_high = high, .levels = levels};
  }
};

/// The magnitude that a symmetric grid reaches.
[[nodiscard]] inline auto magnitude_of(const value_range<float>& range) noexcept -> float {
  return std::max(-range.low, range.high);
}

/// A range of magnitude `most`, as a symmetric grid wants it.
[[nodiscard]] inline auto symmetric_range(float most, bool has_negative, const target_grid& target)
    -> value_range<float> {
  return {has_negative || target.kind == tensor_kind::weights ? -most : 0.0F, most};
}

[[nodiscard]] inline auto
code_grid_of(const value_range<float>& range, const target_grid& target) noexcept -> code_grid {
  constexpr auto least_step = static_cast<double>(std::numeric_limits<float>::denorm_min());
  const auto last = static_cast<double>(target.levels - 1);
  if (target.mode == symmetric) {
    const bool has_negative = range.low < 0.0F || target.kind == tensor_kind::weights;
    const double below = has_negative ? static_cast<double>(target.levels / 2) : 0.0;
    const double above = std::max(last - below, 1.0);
    return {
        std::max(static_cast<double>(magnitude_of(range)) / above, least_step), -below, last - below
    };
  }
  const double low = std::min(static_cast<double>(range.low), 0.0);
  const double high = std::max(static_cast<double>(range.high), 0.0);
  const double step = std::max((high - low) / last, least_step);
  const double zero = nearest(-low / step);
  return {step, -zero, last - zero};
}

} // namespace ptq::detail
