// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/detail/rounded.hpp>
#include <ptq/core/error.hpp>
#include <ptq/scheme/check.hpp>
#include <ptq/scheme/concept.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace ptq::scheme {

/// Both ends of the range, widened to hold zero and so that zero falls on a code.
///
/// A range no wider than `floor` is first widened by `floor` at both ends. Of the two ways to align
/// zero, moving the lower or the upper end, the one with the wider result is taken. Where all
/// channels have one zero point, it is the mean of theirs.
/// @see POT, asymmetric quantization; NNCF, `tune_range` and `unify_zp`
struct asymmetric {
  double floor = 8e-4;

  /// Is zero always on a code? As in POT it is not where a range exceeds zero by less than half a
  /// step, nor where explicit codes are fewer than the bits allow. If it is, that end is moved to
  /// zero, and steps are counted by the levels.
  bool align_always = false;

  [[nodiscard]] auto
  grids(std::span<const value_range<float>> ranges, const scheme_request& request) const
      -> std::vector<grid> {
    check_scheme_input(ranges, request);
    const double top = align_always ? static_cast<double>(request.levels - 1)
                                    : std::ldexp(1.0, request.bits) - 1.0;
    std::vector<value_range<double>> wide;
    for (const value_range<float>& range : ranges) {
      wide.push_back(widen(range));
    }
    const bool unified = request.unified_zero_point && !wide.empty();
    const double common = unified ? common_zero(wide, top) : 0.0;
    std::vector<grid> result;
    for (const value_range<double>& range : wide) {
      const value_range<double> aligned =
          unified ? align_to(range, common, top) : align(range, top);
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

  /// @throws error for a floor that is not above 0.
  void check_options() const {
    if (!(floor > 0.0) || !(floor < std::numeric_limits<double>::max())) {
      throw error("the floor of a range is above 0 and finite", {}, "asymmetric.floor");
    }
  }

  friend constexpr auto operator==(const asymmetric&, const asymmetric&) -> bool = default;

private:
  /// Where zero lies, in steps above the low end.
  [[nodiscard]] static auto zero_of(const value_range<double>& range, double top) -> double {
    return detail::rounded(-range.low * (top / (range.high - range.low)));
  }

  /// The nearest code to the mean of all zeros; inside the codes if zero is to be on it for all.
  [[nodiscard]] auto common_zero(std::span<const value_range<double>> ranges, double top) const
      -> double {
    double sum = 0.0;
    bool below = false;
    bool above = false;
    for (const value_range<double>& range : ranges) {
      sum += zero_of(range, top);
      below = below || range.low < 0.0;
      above = above || range.high > 0.0;
    }
    const double mean = std::nearbyint(sum / static_cast<double>(ranges.size()));
    const double least = align_always && below ? 1.0 : 0.0;
    const double most = align_always && above ? top - 1.0 : top;
    return std::clamp(mean, least, std::max(least, most));
  }

  /// The range with one end moved so that zero falls on a code.
  [[nodiscard]] auto align(const value_range<double>& range, double top) const
      -> value_range<double> {
    const double zero = std::nearbyint(zero_of(range, top));
    if (align_always && zero == 0.0) {
      return {0.0, range.high};
    }
    if (align_always && zero == top) {
      return {range.low, 0.0};
    }
    return align_to(range, zero, top);
  }

  /// The wider of the ranges that share an end with `range` and have zero on the code `zero`.
  [[nodiscard]] static auto align_to(const value_range<double>& range, double zero, double top)
      -> value_range<double> {
    const double low = zero < top ? detail::rounded(zero / (zero - top) * range.high) : range.low;
    const double high = zero > 0.0 ? detail::rounded((zero - top) / zero * range.low) : range.high;
    if (range.high - low > high - range.low) {
      return {low, range.high};
    }
    return {range.low, high};
  }
};

} // namespace ptq::scheme
