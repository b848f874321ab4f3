// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/error.hpp>
#include <ptq/core/value_range.hpp>
#include <ptq/range/detail/distribution_bins.hpp>
#include <ptq/range/detail/least_error.hpp>
#include <ptq/range/distribution.hpp>
#include <ptq/statistics/log_histogram.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ptq {

/// The least and the greatest of all values of all samples.
struct min_max {
  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    return detail::cut_at(static_cast<double>(detail::magnitude_of(full)), full, target);
  }

  [[nodiscard]] auto
  range(std::span<const float> values, std::span<const float>, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(values);
    return detail::cut_at(static_cast<double>(detail::magnitude_of(full)), full, target);
  }

  friend constexpr auto operator==(const min_max&, const min_max&) -> bool = default;
};

/// Leaves out the most extreme values: of all values of all samples, not of each.
///
/// @par Definition
/// Symmetric: the least `T` such that `percent` of the values have a magnitude of at most `T`.
/// Asymmetric: the same at each end, with zero in the range. From a histogram values are spread
/// evenly over a bin; of a constant it is exact.
struct percentile {
  double percent = 99.99; ///< Above 50, at most 100.

  [[nodiscard]] auto range(const log_histogram& of, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(of);
    const detail::distribution_bins bins(of);
    const double left_out = detail::rounded(bins.total * ((100.0 - percent) / 100.0));
    if (target.mode == symmetric) {
      return detail::cut_at(top_of(bins.magnitudes(), left_out), full, target);
    }
    return {
        std::clamp(
            static_cast<float>(-top_of(bins.negative, left_out)), std::min(full.low, 0.0F), 0.0F
        ),
        std::clamp(
            static_cast<float>(top_of(bins.positive, left_out)), 0.0F, std::max(full.high, 0.0F)
        ),
    };
  }

  [[nodiscard]] auto
  range(std::span<const float> values, std::span<const float>, const target_grid& target) const
      -> value_range<float> {
    const value_range<float> full = detail::full_range(values);
    std::vector<float> sorted(values.begin(), values.end());
    const auto count = static_cast<double>(sorted.size());
    const double wanted = std::max(std::ceil(count * (percent / 100.0)), 1.0);
    const auto place = static_cast<std::ptrdiff_t>(std::min(wanted, count)) - 1;
    if (target.mode == symmetric) {
      std::ranges::transform(sorted, sorted.begin(), [](float x) { return std::abs(x); });
      std::ranges::nth_element(sorted, sorted.begin() + place);
      return detail::cut_at(
          static_cast<double>(sorted[static_cast<std::size_t>(place)]), full, target
      );
    }
    std::ranges::nth_element(sorted, sorted.begin() + place);
    const float high = sorted[static_cast<std::size_t>(place)];
    const std::size_t mirrored = sorted.size() - 1 - static_cast<std::size_t>(place);
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(mirrored));
    return {std::min(sorted[mirrored], 0.0F) + 0.0F, std::max(high, 0.0F) + 0.0F};
  }

  void check_options() const {
    if (!(percent > 50.0 && percent <= 100.0)) {
      throw error("a percentile is above 50 and at most 100", {}, "percentile.percent");
    }
  }

  friend constexpr auto operator==(const percentile&, const percentile&) -> bool = default;

private:
  /// Below which magnitude all but `left_out` values lie.
  static auto top_of(const std::vector<detail::distribution_bins::bin>& bins, double left_out)
      -> double {
    for (std::size_t i = bins.size(); i-- != 0;) {
      if (bins[i].count > left_out) {
        const double width = bins[i].high - bins[i].low;
        return bins[i].high - detail::rounded(width * (left_out / bins[i].count));
      }
      left_out -= bins[i].count;
    }
    return 0.0;
  }
};

} // namespace ptq
