// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/range/aggregate.hpp>
#include <ptq/range/detail/outlier_prob.hpp>
#include <ptq/range/detail/sorted_values.hpp>

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

namespace ptq::detail {

/// The values from the `outlier_prob`-quantile to the `1 - outlier_prob`-quantile, ascending; all
/// of them where none lies there, which happens with two values that differ.
/// @throws error for a share that is none
[[nodiscard]] constexpr auto without_outliers(std::span<const float> values, double outlier_prob)
    -> std::vector<float> {
  check_outlier_prob(outlier_prob);
  std::vector<float> all = sorted(values);
  const double low = quantile_of_sorted(all, outlier_prob);
  const double high = quantile_of_sorted(all, 1.0 - outlier_prob);
  std::vector<float> kept;
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept), [low, high](float value) {
    return low <= static_cast<double>(value) && static_cast<double>(value) <= high;
  });
  return kept.empty() ? all : kept;
}

} // namespace ptq::detail

namespace ptq::aggregate {

/// The mean of the values that are no outliers: those from the `outlier_prob`-quantile of all to
/// the `1 - outlier_prob`-quantile, interpolated linearly. Up to 101 values that differ, these are
/// all but the least and the greatest.
///
/// Two values that differ have no value between their quantiles; they are both kept.
/// @see POT, aggregator `mean_no_outliers`, which gives NaN for two values that differ
struct mean_no_outliers {
  double outlier_prob = 0.01; ///< In [0, 0.5).

  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return mean{}(detail::without_outliers(values, outlier_prob));
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob); }

  friend constexpr auto operator==(const mean_no_outliers&, const mean_no_outliers&)
      -> bool = default;
};

/// The median of the same values.
/// @see POT, aggregator `median_no_outliers`
struct median_no_outliers {
  double outlier_prob = 0.01; ///< In [0, 0.5).

  [[nodiscard]] constexpr auto operator()(std::span<const float> values) const -> float {
    return detail::median_of(detail::without_outliers(values, outlier_prob));
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob); }

  friend constexpr auto operator==(const median_no_outliers&, const median_no_outliers&)
      -> bool = default;
};

} // namespace ptq::aggregate
