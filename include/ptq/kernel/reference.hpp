// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/grid.hpp>

/// The kernels, written for the reader: one number at a time. The fast ones give the same bits.
namespace ptq::reference {

/// The nearest integer.
/// @pre `value` is not negative, or is NaN
/// @par Definition
/// `half_up` is `floor(value + 0.5)` in binary32, as numpy computes it: 0.49999997 becomes 1.
[[nodiscard]] constexpr auto round(float value, rounding ties) noexcept -> float {
  constexpr float all_integers = 8388608.0F;
  const auto floor = [](float x) {
    return x < all_integers ? static_cast<float>(static_cast<int>(x)) : x;
  };
  if (!(value < all_integers) || value == 0.0F) {
    return value;
  }
  switch (ties) {
  case rounding::half_up:
    return floor(detail::rounded(value) + 0.5F);
  case rounding::half_away: {
    const float whole = floor(value);
    return value - whole >= 0.5F ? whole + 1.0F : whole;
  }
  case rounding::half_even:
    break;
  }
  return (detail::rounded(value) + all_integers) - all_integers;
}

/// The level of `x` between 0 and `levels - 1`.
/// @pre `x` lies above `min(in_low, in_high)` and not above `max(in_low, in_high)`, or is NaN
[[nodiscard]] constexpr auto
level(float x, const grid& on, rounding ties = rounding::half_even) noexcept -> float {
  const auto last = static_cast<float>(on.levels - 1);
  return round((x - on.in_low) / (on.in_high - on.in_low) * last, ties);
}

/// `x` on its grid and back, as `grid` defines it; the bits of OpenVINO's reference.
/// @pre the limits are not NaN, and there are at least 2 levels
[[nodiscard]] constexpr auto
fake_quantize(float x, const grid& on, rounding ties = rounding::half_even) noexcept -> float {
  const bool inverted = on.in_high < on.in_low;
  if (x <= (inverted ? on.in_high : on.in_low)) {
    return on.out_low;
  }
  if (x > (inverted ? on.in_low : on.in_high)) {
    return on.out_high;
  }
  const auto last = static_cast<float>(on.levels - 1);
  return detail::rounded(level(x, on, ties) / last * (on.out_high - on.out_low)) + on.out_low;
}

} // namespace ptq::reference
