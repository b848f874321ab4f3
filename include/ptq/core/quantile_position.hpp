// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>

#include <cstddef>

namespace ptq {

/// Where the `q`-quantile of some values lies: `share` of the way from the value of rank `below` to
/// the next one, ranks counted from 0 at the least.
///
/// @par Definition
/// `p = q (count - 1)`, `below = floor(p)`, `share = p - below`.
/// @see numpy.quantile, method `linear`
struct quantile_position {
  std::size_t below = 0;
  double share = 0.0;

  /// @pre `count` is not 0 and `q` lies in [0, 1]
  [[nodiscard]] static constexpr auto of(std::size_t count, double q) noexcept
      -> quantile_position {
    const double position = detail::rounded(q * static_cast<double>(count - 1));
    const auto below = static_cast<std::size_t>(position);
    return {below, position - static_cast<double>(below)};
  }

  /// The rank of the upper of the two values.
  [[nodiscard]] constexpr auto above() const noexcept -> std::size_t {
    return share == 0.0 ? below : below + 1;
  }

  /// Of the values of ranks `below` and `above()`.
  [[nodiscard]] constexpr auto between(double low, double high) const noexcept -> double {
    // A difference of equal infinities is NaN.
    return share == 0.0 || low == high ? low : low + detail::rounded((high - low) * share);
  }

  friend constexpr auto operator==(const quantile_position&, const quantile_position&)
      -> bool = default;
};

} // namespace ptq
