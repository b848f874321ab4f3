// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/scheme/concept.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace ptq::scheme {

/// Both ends of the range, widened to hold zero and so that zero falls on a code.
///
/// A range no wider than `floor` is first widened by `floor` at both ends. Of the two ways to align
/// zero, moving the lower or the upper end, the one with the wider result is taken.
/// @see POT, asymmetric quantization
struct asymmetric {
  double floor = 8e-4;

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    std::vector<grid> result;
    for (const value_range<float>& range : ranges) {
      const value_range<double> aligned = align(widen(range), request.bits);
      const float low = detail::limit_of(aligned.low);
      const float high = detail::limit_of(aligned.high);
      result.push_back(
          {.in_low = low,
           .in_high = high,
           .out_low = low,
           .out_high = high,
           .levels = request.levels}
      );
    }
    return result;
  }

  /// The range with zero in it, and not too narrow to be divided into codes.
  [[nodiscard]] auto widen(const value_range<float>& range) const -> value_range<double> {
    double low = static_cast<double>(range.low);
    double high = static_cast<double>(range.high);
    if (high - low <= floor) {
      low -= floor;
      high += floor;
    }
    return {low < 0.0 ? low : 0.0, high > 0.0 ? high : 0.0};
  }

  /// The range with one end moved so that zero falls on one of `2^bits` codes.
  [[nodiscard]] static auto align(const value_range<double>& range, int bits)
      -> value_range<double> {
    const double top = std::ldexp(1.0, bits) - 1.0;
    const double zero =
        std::nearbyint(detail::rounded(-range.low * (top / (range.high - range.low))));
    const double low = zero < top ? detail::rounded(zero / (zero - top) * range.high) : range.low;
    const double high = zero > 0.0 ? detail::rounded((zero - top) / zero * range.low) : range.high;
    if (range.high - low > high - range.low) {
      return {low, range.high};
    }
    return {range.low, high};
  }

  /// @throws error for a floor that is not above 0.
  void check_options() const {
    if (!(floor > 0.0) || !(floor < std::numeric_limits<double>::max())) {
      throw error("the floor of a range is above 0 and finite", {}, "asymmetric.floor");
    }
  }

  friend constexpr auto operator==(const asymmetric&, const asymmetric&) -> bool = default;
};

} // namespace ptq::scheme
