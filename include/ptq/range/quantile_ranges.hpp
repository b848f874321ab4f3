// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/choices.hpp>
#include <ptq/range/aggregate.hpp>
#include <ptq/range/extremes.hpp>
#include <ptq/range/one_of.hpp>
#include <ptq/range/quantile.hpp>
#include <ptq/range/ranges.hpp>

namespace ptq {

/// The default ranges with quantiles in place of extremes.
///
/// | mode | granularity | low | high |
/// |---|---|---|---|
/// | symmetric | per tensor | min of min | mean of abs_quantile |
/// | asymmetric | per tensor | mean of quantile | mean of quantile |
/// | symmetric | per channel | min of min, of the whole tensor | max of abs_quantile |
/// | asymmetric | per channel | min of quantile | max of quantile |
///
/// Weights: abs_quantile where symmetric, else both ends of quantile.
/// @see POT, range estimator preset `quantile`
struct quantile_ranges {
  static constexpr bool estimates_before_rules = true; ///< As `default_ranges`.

  double outlier_prob = 1e-4; ///< The share of values beyond each end. In [0, 0.5).

  using aggregators = default_ranges::aggregators;
  using weights_estimator = one_of<abs_quantile, quantile>;
  using low_side = range_side<one_of<min, quantile>, aggregators>;
  using high_side = range_side<one_of<quantile, abs_quantile>, aggregators>;

  [[nodiscard]] auto of_weights(mode wanted) const -> weights_estimator {
    return wanted == symmetric ? weights_estimator(abs_quantile{outlier_prob})
                               : weights_estimator(quantile{outlier_prob});
  }

  [[nodiscard]] auto of_activations(mode wanted, granularity of) const
      -> range_sides<low_side, high_side> {
    const auto usual = default_ranges{}.of_activations(wanted, of);
    range_sides<low_side, high_side> result{
        {min{}, usual.low.aggregator, usual.low.granularity},
        {abs_quantile{outlier_prob}, usual.high.aggregator, usual.high.granularity},
    };
    if (wanted == asymmetric) {
      result.low.estimator = quantile{outlier_prob};
      result.high.estimator = quantile{outlier_prob};
    }
    return result;
  }

  void check_options() const { detail::check_outlier_prob(outlier_prob); }

  friend constexpr auto operator==(const quantile_ranges&, const quantile_ranges&)
      -> bool = default;
};

} // namespace ptq
